# SPDX-License-Identifier: GPL-2.0-only
"""The suite ``static`` with real git, make and gcc, on a kernel tree in miniature: planted faults, clean patches."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.model import Status, TestResult
from harness.source import obtain, parse_base
from harness.static import PatchCheck, scripts
from tests.support.fake_linux import FAKELINUX, Linux
from tests.support.real import run_harness

AMDGPU, LACKING, HEADER = "drivers/gpu/amdgpu_dma_buf.c", "drivers/gpu/lacking.c", "drivers/gpu/amdgpu.h"
DMA_BUF = "drivers/dma-buf/dma-buf.c"
RED = frozenset({"compile", "warnings"})
SPARSE = """#!/bin/sh
for file; do :; done
grep -n __user "$file" | sed "s|^\\([0-9]*\\):.*|$file:\\1:1: warning: incorrect type|" >&2
exit 1
"""


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    """Without coccinelle, and with a sparse of ours."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sparse").write_text(SPARSE)
    (programs / "sparse").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    return Linux(tmp_path / "linux")


def check(
    linux: Linux, red: frozenset[str] = RED, only: str = "static", message: str = "", *, thorough: bool = False
) -> dict[str, TestResult]:
    """What the suite says of the edits that were made; by name, without "static."."""
    applied = linux.applied()
    patches = tuple(replace(patch, subject="test", message=message) for patch in applied.patches)
    applied = replace(applied, patches=patches)
    run = linux.path.parent / "run"
    suite = PatchCheck(applied, run / "static", "static", 2, red, lambda _text: None, thorough=thorough)
    suite.patched(test for test in suite.plan() if test.name.startswith(only))
    if suite.needs_base:
        linux.git("read-tree", "-u", "--reset", linux.commit)
        suite.base()
    return {result.name.removeprefix("static."): result for result in suite.results()}


def commit(linux: Linux) -> None:
    """What was edited belongs to the base."""
    linux.git("add", "-A")
    linux.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "another base")
    linux.commit = linux.git("rev-parse", "HEAD")


def bad(found: dict[str, TestResult]) -> dict[str, str]:
    return {name: result.message for name, result in found.items() if result.status is Status.FAIL}


def shown(found: dict[str, TestResult]) -> dict[str, str]:
    return {name: r.message.partition("new, shown only: ")[2] for name, r in found.items() if "shown only" in r.message}


def test_a_clean_patch_is_green_and_what_was_there_before_is_left_alone(linux: Linux) -> None:
    linux.edit(DMA_BUF, "int dma_buf_pin(void)\n{", "int dma_buf_pin(void)\n{\n\t/* pins */")
    found = check(linux)
    assert not bad(found) and not shown(found)
    assert found[f"compile/{DMA_BUF}"].message == "as part of drivers/dma-buf/dma-buf.o"
    assert found[f"warnings/{DMA_BUF}"].message == "1 were there before"  # never_used
    assert "coccinelle" in found["coccicheck"].message or "--thorough" in found["coccicheck"].message
    assert {result.status for name, result in found.items() if name != "coccicheck"} == {Status.PASS}
    assert linux.git("status", "--porcelain", "--ignored") == ""


def test_a_file_that_the_test_kernel_does_not_build_is_compiled(linux: Linux) -> None:
    linux.edit(AMDGPU, "AMDGPU_PINNED", "no_such_thing")
    found = bad(check(linux))
    assert list(found) == [f"compile/{AMDGPU}"]
    assert "no_such_thing" in found[f"compile/{AMDGPU}"] and f"{AMDGPU}:7" in found[f"compile/{AMDGPU}"]


def test_the_same_content_again_is_bad_again(linux: Linux) -> None:
    linux.edit(AMDGPU, "{", "{\n\tint never_used_either;\n")
    first = bad(check(linux))
    linux.edit(AMDGPU, "{", "{\n\tint never_used_either;\n")
    assert first == bad(check(linux))
    assert "never_used_either" in first[f"warnings/{AMDGPU}"]


def test_a_warning_of_w1_is_shown_and_can_be_made_red(linux: Linux) -> None:
    linux.edit(AMDGPU, "int unused)", "int unused, int unused_as_well)")
    found = check(linux)
    assert not bad(found)
    assert list(shown(found)) == [f"w1/{AMDGPU}"]
    assert "unused_as_well" in shown(found)[f"w1/{AMDGPU}"]
    linux.edit(AMDGPU, "int unused)", "int unused, int unused_as_well)")
    assert list(bad(check(linux, RED | {"w1"}))) == [f"w1/{AMDGPU}"]


def test_sparse_does_not_stop_the_compiler(linux: Linux) -> None:
    linux.edit(AMDGPU, "return AMDGPU", "return /* __user */ AMDGPU")
    found = check(linux)
    assert found[f"compile/{AMDGPU}"].status is Status.PASS
    assert shown(found) == {f"sparse/{AMDGPU}": f"{AMDGPU}:7: warning: incorrect type"}


def test_a_header_is_compiled_by_what_includes_it(linux: Linux) -> None:
    linux.edit(HEADER, "PINNED 1", "PINNED 2")
    found = check(linux)
    assert found[f"compile/{HEADER}"].message == "as part of drivers/gpu/amdgpu_dma_buf.o"
    linux.edit(HEADER, "AMDGPU_PINNED 2", "AMDGPU_PINED 2")
    assert "AMDGPU_PINNED" in bad(check(linux))[f"compile/{HEADER}"]


SECOND, ONLY_THERE = "drivers/gpu/second.c", "#ifdef SECOND\nstatic int only_there;\n#endif\n"


def two_that_include_a_header(linux: Linux, header: str) -> None:
    """A base in which another file includes the header, too, which ends in ``header``; all three are touched."""
    (linux.path / SECOND).write_text('#define SECOND\n#include "amdgpu.h"\nint second(void) { return 0; }\n')
    linux.edit("drivers/gpu/Makefile", "lacking.o", "lacking.o second.o")
    linux.edit(HEADER, "PINNED 1\n", f"PINNED 1\n{header}")
    commit(linux)
    for name in (AMDGPU, SECOND, HEADER):
        linux.edit(name, "\n", "\n\n")


def test_a_new_warning_of_a_header_counts_whichever_file_brings_it_out(linux: Linux) -> None:
    two_that_include_a_header(linux, "")
    linux.edit(HEADER, "PINNED 1\n", f"PINNED 1\n{ONLY_THERE}")
    assert "only_there" in bad(check(linux))[f"warnings/{HEADER}"]


def test_a_warning_that_a_header_had_is_not_new_whichever_file_brings_it_out(linux: Linux) -> None:
    two_that_include_a_header(linux, ONLY_THERE)
    found = check(linux, RED | {"w1"})
    assert not bad(found)
    assert found[f"warnings/{HEADER}"].message == "1 were there before"


def test_what_does_not_compile_without_the_patch_either_is_no_fault_of_it(linux: Linux) -> None:
    linux.edit(LACKING, '.h"', '.h"\nint fine;')
    found = check(linux)
    assert not bad(found)
    case = found[f"compile/{LACKING}"]
    assert case.status is Status.SKIP and case.lost_coverage == (case.message,)
    assert case.message.endswith("without the patch either: asic_reg_that_is_missing.h is missing in the base")
    assert found[f"w1/{LACKING}"].not_applicable


def test_a_file_that_cannot_be_enabled_says_what_is_in_the_way(linux: Linux) -> None:
    linux.edit("drivers/dma-buf/udmabuf.c", "#include <no", "int fine;\n#include <no")
    case = check(linux)["compile/drivers/dma-buf/udmabuf.c"]
    assert case.status is Status.SKIP
    assert case.message == "cannot be compiled: needs CONFIG_UDMABUF: depends on MEMFD_CREATE (n)"


def test_a_broken_kconfig_is_red(linux: Linux) -> None:
    linux.edit("Kconfig", "config PCI", "nonsense\nconfig PCI")
    assert "unknown statement" in bad(check(linux))["compile/Kconfig"]


def test_new_files_and_renamed_ones(linux: Linux) -> None:
    (linux.path / "drivers/gpu/fresh.c").write_text("int fresh(void) { return gone; }\n")
    linux.git("mv", DMA_BUF, "drivers/gpu/moved.c")
    linux.edit("drivers/gpu/Makefile", "lacking.o", "fresh.o moved.o lacking.o")
    found = check(linux, only="static.compile")
    assert list(bad(found)) == ["compile/drivers/gpu/fresh.c"]
    assert found["compile/drivers/gpu/moved.c"].status is Status.PASS


def test_the_scripts_of_the_tree_speak(linux: Linux) -> None:
    """Fakes of them; what the patch does not add is not the patch's."""
    linux.edit(AMDGPU, "int amdgpu", "/**\n * @wrong: not there\n */\nint amdgpu")
    found = shown(check(linux, only="static.kernel-doc"))
    assert found == {f"kernel-doc/{AMDGPU}": f"{AMDGPU}:6: Excess function parameter 'wrong'"}


def test_checkpatch_by_kind(linux: Linux) -> None:
    linux.edit("drivers/dma-buf/Kconfig", "config UDMABUF", 'config DMABUF_MORE\n\tbool "more"\n\nconfig UDMABUF')
    linux.edit(AMDGPU, "{", "{  \n\t/* ********* */")
    found = check(linux, RED | {"checkpatch"}, message="It does.\n\nFixes: that\n")
    assert bad(found) == {"checkpatch/1 test": f"{AMDGPU}:1: trailing whitespace (TRAILING_WHITESPACE)"}
    told = shown(found)
    assert told["checkpatch-warnings/1 test"] == f"{AMDGPU}:1: too many stars (STARS)"
    assert told["kconfig-help/1 test"].startswith("drivers/dma-buf/Kconfig:1: please write a help paragraph")
    assert "Please use correct Fixes: style" in told["fixes/1 test"]


def test_a_described_symbol_and_a_tidy_patch_are_left_alone(linux: Linux) -> None:
    more = 'config DMABUF_MORE\n\tbool "more"\n\thelp\n\t  More.\n\nconfig UDMABUF'
    linux.edit("drivers/dma-buf/Kconfig", "config UDMABUF", more)
    found = check(linux, message="It does.\n")
    assert not bad(found) and not shown(found)
    kinds = ("checkpatch", "checkpatch-warnings", "kconfig-help", "fixes")
    assert [found[f"{kind}/1 test"].status for kind in kinds] == [Status.PASS] * 4
    assert found["compile/drivers/dma-buf/Kconfig"].status is Status.PASS


def test_a_cache_behind_a_link_hides_nothing(linux: Linux, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """make sees where a tree really is, and so do the compiler's messages."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "link"))
    tree = obtain(parse_base(f"dir:{FAKELINUX}"), lambda _text: None)
    linux.path, linux.commit = tree.path, tree.commit
    linux.edit(HEADER, "PINNED 1", "PINNED 1\nstatic int never_used_either;")
    found = check(linux)
    assert "never_used_either" in bad(found)[f"warnings/{HEADER}"]
    assert found[f"compile/{HEADER}"].message == "as part of drivers/gpu/amdgpu_dma_buf.o"


# --- MAINTAINERS ------------------------------------------------------------------------------

UNCOVERED = "drivers/gpu/fresh.c: no entry of MAINTAINERS covers it"


def test_new_file_that_no_entry_covers(linux: Linux, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes minutes on a real tree, looking at all entries, is not done for it."""
    monkeypatch.setattr(scripts, "unmatched", lambda _tree: pytest.fail("nothing can have lost its file"))
    (linux.path / "drivers/gpu/fresh.c").write_text("int fresh;\n")
    assert shown(check(linux, only="static.maintainers")) == {"maintainers": UNCOVERED}
    (linux.path / "drivers/gpu/fresh.c").write_text("int fresh;\n")
    assert bad(check(linux, RED | {"maintainers"}, only="static.maintainers")) == {"maintainers": UNCOVERED}


def test_entry_that_matches_nothing_any_more(linux: Linux) -> None:
    """The one that matches nothing in the base, either, is not the patch's."""
    told = {"maintainers": "MAINTAINERS:4: no file matches F: drivers/gpu/amdgpu*"}
    linux.git("rm", "-q", AMDGPU, HEADER)
    assert shown(check(linux, only="static.maintainers")) == told
    linux.git("mv", AMDGPU, "drivers/gpu/renamed.c")
    linux.git("mv", HEADER, "drivers/gpu/renamed.h")
    assert shown(check(linux, only="static.maintainers")) == told


def test_new_file_with_an_entry_is_left_alone(linux: Linux) -> None:
    (linux.path / "drivers/gpu/fresh.c").write_text("int fresh;\n")
    linux.edit("MAINTAINERS", "F:\tdrivers/gone/*", "F:\tdrivers/gone/*\nF:\tdrivers/gpu/fresh.c")
    (linux.path / "drivers/dma-buf/fresh.c").write_text("int fresh;\n")
    case = check(linux, RED | {"maintainers"}, only="static.maintainers")["maintainers"]
    assert (case.status, case.message) == (Status.PASS, "1 were there before")


def test_patch_that_moves_no_file_does_not_ask(linux: Linux) -> None:
    linux.edit(AMDGPU, "int unused", "int not_used")
    assert not check(linux, only="static.maintainers")


# --- coccicheck -------------------------------------------------------------------------------


@pytest.fixture
def coccinelle(tmp_path: Path, linux: Linux) -> None:
    """It is installed; the tree's own script, of ours, does not call it."""
    (tmp_path / "programs" / "spatch").touch(0o755)


@pytest.mark.usefixtures("coccinelle")
def test_semantic_patch_that_matches_what_is_new(linux: Linux) -> None:
    linux.edit(AMDGPU, "PINNED;", "PINNED;;")
    found = check(linux, only="static.coccicheck", thorough=True)
    assert shown(found) == {f"coccicheck/{AMDGPU}": f"{AMDGPU}:7: Unneeded semicolon"}
    linux.edit(AMDGPU, "PINNED;", "PINNED;;")
    assert list(bad(check(linux, RED | {"coccicheck"}, only="static.coccicheck", thorough=True))) == [
        f"coccicheck/{AMDGPU}"
    ]


@pytest.mark.usefixtures("coccinelle")
def test_semantic_patch_that_matched_before_is_left_alone(linux: Linux) -> None:
    linux.edit(AMDGPU, "PINNED;", "PINNED;;")
    commit(linux)
    linux.edit(AMDGPU, "int unused", "int not_used")
    case = check(linux, RED | {"coccicheck"}, only="static.coccicheck", thorough=True)[f"coccicheck/{AMDGPU}"]
    assert (case.status, case.message) == (Status.PASS, "1 were there before")


@pytest.mark.usefixtures("coccinelle")
def test_semantic_patches_wait_until_they_are_asked_for(linux: Linux) -> None:
    linux.edit(AMDGPU, "PINNED;", "PINNED;;")
    case = check(linux, only="static.coccicheck")["coccicheck"]
    assert case.status is Status.SKIP and "--thorough runs it" in case.message


# --- trees ------------------------------------------------------------------------------------


def test_a_tree_without_a_script_is_said(linux: Linux) -> None:
    linux.git("rm", "-q", "scripts/kernel-doc")
    linux.edit(AMDGPU, "int unused", "int not_used")
    case = check(linux)[f"kernel-doc/{AMDGPU}"]
    assert (case.status, case.message) == (Status.SKIP, "the tree has no scripts/kernel-doc")


def test_only_what_is_asked_for_is_done(linux: Linux) -> None:
    linux.edit(AMDGPU, "AMDGPU_PINNED", "no_such_thing")
    assert set(check(linux, only="static.kernel-doc")) == {f"kernel-doc/{AMDGPU}"}
    assert not (linux.path.parent / "run/static/patched.log").exists()


def test_a_tree_in_which_make_was_killed_is_made_anew(linux: Linux) -> None:
    linux.edit(AMDGPU, "PINNED;", "PINNED + 0;")
    assert not bad(check(linux))
    (objects,) = (linux.path.parent / "cache").rglob("static/*/objects")
    (objects / ".dmabuf-harness-working").touch()
    (objects / "half").write_text("half")
    linux.edit(AMDGPU, "PINNED;", "PINNED + 0;")
    check(linux)
    assert not (objects / "half").exists()


def test_a_run_of_nothing_else_speaks_of_no_guests(linux: Linux, tmp_path: Path) -> None:
    linux.edit(DMA_BUF, "int dma_buf_pin(void)\n{", "int dma_buf_pin(void)\n{\n\t/* pins */")
    patch = tmp_path / "my.patch"
    patch.write_text(linux.git("diff") + "\n")
    run = run_harness(tmp_path / "run", "-p", patch, "--base", f"dir:{FAKELINUX}", "--suite", "static")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "suite:static: done" in run.stdout + run.stderr and "guests run" not in run.stdout + run.stderr
    assert run.report.machine == {}


def test_report_says_which_source_was_tested(linux: Linux, tmp_path: Path) -> None:
    """All that a report in any format needs to name it."""
    base = linux.git("rev-parse", "HEAD").strip()
    linux.edit(DMA_BUF, "int dma_buf_pin(void)\n{", "int dma_buf_pin(void)\n{\n\t/* pins */")
    patch = tmp_path / "my.patch"
    patch.write_text(linux.git("diff") + "\n")
    given = ["-p", str(patch), "--base", f"git:{linux.path}@HEAD", "--suite", "static"]
    report = run_harness(tmp_path / "run", *given).report
    assert report.base_commit == base and report.architecture == "x86_64"
    linux.git("add", "--all")
    assert report.tree_id == linux.git("write-tree").strip()
    assert [one.digest for one in report.series.patches] == [hashlib.sha256(patch.read_bytes()).hexdigest()]
