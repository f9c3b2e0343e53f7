# SPDX-License-Identifier: GPL-2.0-only
"""Configuring and building for real, with git, make and gcc, on a kernel tree in miniature."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness import build
from harness.build.source_files import sources_of
from harness.errors import InfrastructureError
from harness.model import Kernel, Variant
from harness.series import Applied
from tests.support.fake_linux import COLLECTIONS, DMA_BUF, OFF, ON, Linux, compiled


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Linux:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    monkeypatch.setenv("LANG", "C.UTF-8")
    return Linux(tmp_path / "linux")


def test_a_kernel_comes_with_all_that_its_tests_need(linux: Linux) -> None:
    kernel = linux.kernel()
    assert kernel.release == "6.12.1"
    assert kernel.image.read_bytes()[:4] == b"\x7fELF"
    assert kernel.config_value("DMABUF_MOVE_NOTIFY") == "y"
    assert (kernel.modules / "lib/modules/6.12.1").is_dir()
    assert not (kernel.modules / "lib/modules/6.12.1/build").is_symlink()
    assert kernel.kselftests is not None
    assert (kernel.kselftests / "kselftest-list.txt").read_text() == "sync:sync_test\n"
    assert "gcc" in kernel.compiler and "ld" in kernel.compiler
    assert not kernel.reused
    assert sorted(compiled(kernel)) == ["drivers/dma-buf/dma-buf.o", "drivers/dma-buf/sync_file.o"]
    assert (kernel.modules / "lib/modules/6.12.1/probe.o").is_file()
    assert kernel.probe_failure == ""


def test_a_kernel_that_the_probe_cannot_be_built_against_says_why(linux: Linux) -> None:
    """A patch that changes the API is tested all the same, but for the contract."""
    header = "include/linux/dma-buf.h"
    first = (linux.path / header).read_text().splitlines()[0]
    linux.edit(header, first, f"{first}\n#ifdef PROBE\n#error another API\n#endif")
    kernel = linux.kernel()
    why = 'the probe module cannot be built against this kernel: include/linux/dma-buf.h:3: #error "another API"'
    assert kernel.probe_failure.replace('"', "") == why.replace('"', "")
    assert not (kernel.modules / "lib/modules/6.12.1/probe.o").exists()
    assert build.lookup(build.BuildRequest(linux.applied(), linux.config(), 2, COLLECTIONS)) is not None


def test_building_leaves_the_source_tree_clean(linux: Linux) -> None:
    linux.kernel()
    assert linux.git("status", "--porcelain", "--ignored") == ""


def test_the_same_content_is_not_built_again_and_needs_no_sources(linux: Linux) -> None:
    first = linux.kernel()
    request = build.BuildRequest(linux.applied(), linux.config(), 2, COLLECTIONS)
    shutil.rmtree(linux.path)
    again = build.build(request, lambda _text: None)
    assert isinstance(again, Kernel)
    assert again.reused
    assert (again.key, again.image) == (first.key, first.image)


def test_a_finished_kernel_is_only_found_for_its_own_content(linux: Linux) -> None:
    linux.kernel()
    linux.edit(DMA_BUF, "return 0;", "return 7;")
    assert build.lookup(build.BuildRequest(linux.applied(), linux.config(), 2, COLLECTIONS)) is None


def test_the_newest_kernel_is_the_one_used_last(linux: Linux) -> None:
    assert build.newest_kernel() is None
    on, off = linux.kernel(ON), linux.kernel(OFF)
    newest = build.newest_kernel()
    assert newest is not None and newest.key == off.key
    linux.kernel(ON)
    newest = build.newest_kernel()
    assert newest is not None and newest.key == on.key


@pytest.mark.parametrize("damage", ["image", "kernel.json"])
def test_a_damaged_cache_entry_is_built_again(linux: Linux, damage: str) -> None:
    kernel = linux.kernel()
    (kernel.image.parent / damage).write_text("")
    again = linux.kernel()
    assert not again.reused
    assert again.image.read_bytes()[:4] == b"\x7fELF"


def test_the_second_variant_compiles_only_what_differs(linux: Linux) -> None:
    linux.kernel(ON)
    off = linux.kernel(OFF)
    assert compiled(off) == ["drivers/dma-buf/dma-buf.o"]
    assert off.config_value("DMABUF_MOVE_NOTIFY") == "n"


def test_touching_one_file_compiles_one_object(linux: Linux) -> None:
    linux.kernel()
    linux.edit("drivers/dma-buf/sync_file.c", "return 1;", "return 2;")
    assert compiled(linux.kernel()) == ["drivers/dma-buf/sync_file.o"]


def test_a_compile_error_names_file_line_and_that_the_patch_adds_it(linux: Linux) -> None:
    linux.edit(DMA_BUF, "\treturn 0;\n#else", "\treturn no_such_name;\n#else")
    failure = linux.failure()
    [error] = failure.messages
    assert failure.stage == "kernel"
    assert (error.path, error.line, error.added) == (DMA_BUF, 14, True)
    assert "no_such_name" in error.text
    assert "no_such_name" in failure.tail


def test_an_undefined_reference_is_told_to_its_object(linux: Linux) -> None:
    linux.edit("drivers/dma-buf/sync_file.c", "return 1;", "return sync_file_missing();")
    linux.edit(
        "include/linux/dma-buf.h",
        "int sync_file_count(void);",
        "int sync_file_count(void);\nint sync_file_missing(void);",
    )
    [error] = linux.failure().messages
    assert error.path == "drivers/dma-buf/sync_file.o"
    assert error.text == "undefined reference to `sync_file_missing'"


def test_after_an_error_is_mended_the_build_goes_on(linux: Linux) -> None:
    linux.edit(DMA_BUF, "return 0;\n}", "return no_such_name;\n}")
    linux.failure()
    linux.edit(DMA_BUF, "no_such_name", "0")
    assert compiled(linux.kernel()) == ["drivers/dma-buf/dma-buf.o"]


def test_a_whole_build_says_how_far_it_is_once_one_is_known(linux: Linux, tmp_path: Path) -> None:
    def said(variant: Variant = ON) -> list[str]:
        texts: list[str] = []
        built = build.build(build.BuildRequest(linux.applied(), linux.config(variant), 2, COLLECTIONS), texts.append)
        assert isinstance(built, Kernel)
        return texts

    assert said()[0] == "1 of about 1300 objects (0 %)", "the first of all"
    linux.edit(DMA_BUF, "return 0;", "return 3;")
    assert said()[0] == "1 objects", "not a whole one"
    shutil.rmtree(tmp_path / "objects/current")
    linux.edit(DMA_BUF, "return 3;", "return 4;")
    assert said()[0] == "1 of 2 objects (50 %), less than a minute left"


def test_a_warning_that_the_base_has_is_not_the_patchs(linux: Linux) -> None:
    linux.edit(DMA_BUF, "#include", "/* moves every line down */\n#include")
    kernel = linux.kernel()
    assert "never_used" in kernel.log.read_text()
    assert kernel.warnings == ()


def test_a_warning_that_the_base_has_is_not_new_in_a_tree_of_another_user(
    linux: Linux, monkeypatch: pytest.MonkeyPatch
) -> None:
    linux.edit(DMA_BUF, "#include", "/* moves every line down */\n#include")
    request = build.BuildRequest(linux.applied(), linux.config(), 2, COLLECTIONS)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's setup.c, ensure_valid_ownership()
    with pytest.raises(subprocess.CalledProcessError):
        linux.git("status")
    kernel = build.build(request, lambda _text: None)
    assert isinstance(kernel, Kernel) and "never_used" in kernel.log.read_text()
    assert kernel.warnings == ()


def test_a_warning_on_an_added_line_is_new(linux: Linux) -> None:
    linux.edit(DMA_BUF, "int dma_buf_pin(void)\n{\n", "int dma_buf_pin(void)\n{\n\tint another_one;\n")
    [warning] = linux.kernel().warnings
    assert (warning.path, warning.line, warning.severity, warning.added) == (DMA_BUF, 13, "warning", True)
    assert "another_one" in warning.text


def test_a_warning_on_an_old_line_is_new_if_the_patch_causes_it(linux: Linux) -> None:
    linux.edit(
        DMA_BUF,
        "int dma_buf_old_warning(void)",
        "static int dma_buf_unused(void) { return 0; }\n\nint dma_buf_old_warning(void)",
    )
    linux.git("add", "-A")
    applied = linux.applied()
    stripped = Applied(applied.tree, applied.patches, applied.tree_id)  # as if no line were an added one
    built = build.build(build.BuildRequest(stripped, linux.config(), 2, COLLECTIONS), lambda _text: None)
    assert isinstance(built, Kernel)
    [warning] = built.warnings
    assert "dma_buf_unused" in warning.text and not warning.added


def test_one_more_of_a_warning_that_the_base_has_is_new(linux: Linux) -> None:
    """Two variables of one name, in two functions: the patch takes away what used the second."""
    another = "int dma_buf_another(void)\n{\n\tint never_used = 1;\n\treturn never_used;\n}\n\n"
    linux.edit(DMA_BUF, "int dma_buf_pin(void)", f"{another}int dma_buf_pin(void)")
    linux.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "another base")
    linux.commit = linux.git("rev-parse", "HEAD")
    linux.edit(DMA_BUF, "return never_used;", "return 1;")
    [warning] = linux.kernel().warnings
    assert "never_used" in warning.text and not warning.added


def test_a_warning_caused_by_a_header_is_new(linux: Linux) -> None:
    linux.edit(
        "include/linux/dma-buf.h",
        "int sync_file_count(void);",
        "int sync_file_count(void) __attribute__((deprecated));",
    )
    linux.edit(DMA_BUF, "#include", "/* touched */\n#include")
    texts = [warning.text for warning in linux.kernel(OFF).warnings]
    assert len(texts) == 1 and "sync_file_count" in texts[0] and "deprecated" in texts[0]


def test_a_warning_survives_builds_that_do_not_compile_its_object(linux: Linux) -> None:
    linux.edit(DMA_BUF, "int dma_buf_pin(void)\n{\n", "int dma_buf_pin(void)\n{\n\tint another_one;\n")
    linux.kernel()
    linux.edit("drivers/dma-buf/sync_file.c", "return 1;", "return 2;")
    kernel = linux.kernel()
    assert compiled(kernel) == ["drivers/dma-buf/sync_file.o"]
    assert ["another_one" in warning.text for warning in kernel.warnings] == [True]


def test_a_warning_goes_when_its_cause_goes(linux: Linux) -> None:
    linux.edit(DMA_BUF, "int dma_buf_pin(void)\n{\n", "int dma_buf_pin(void)\n{\n\tint another_one;\n")
    assert linux.kernel().warnings
    linux.edit(DMA_BUF, "\tint another_one;\n", "")
    assert linux.kernel().warnings == ()


def test_a_reused_kernel_still_has_its_warnings(linux: Linux) -> None:
    linux.edit(DMA_BUF, "int dma_buf_pin(void)\n{\n", "int dma_buf_pin(void)\n{\n\tint another_one;\n")
    first = linux.kernel()
    again = linux.kernel()
    assert again.reused
    assert again.warnings == first.warnings != ()


def test_the_same_content_made_from_another_base_has_warnings_of_its_own(linux: Linux) -> None:
    """What is new depends on what is below the patch: the first half of a series may be."""
    first = linux.commit
    linux.edit(DMA_BUF, "int dma_buf_pin(void)\n{\n", "int dma_buf_pin(void)\n{\n\tint another_one;\n")
    linux.git("-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "the first half")
    linux.commit = linux.git("rev-parse", "HEAD")
    linux.edit(DMA_BUF, "return 0;", "return 3;")
    assert linux.kernel().warnings == ()
    linux.commit = first
    [warning] = linux.kernel().warnings
    assert "another_one" in warning.text


def test_a_selftest_that_does_not_build_is_noted_and_the_kernel_stands(linux: Linux) -> None:
    (linux.path / "tools/testing/selftests/sync/broken").touch()
    kernel = linux.kernel()
    assert kernel.kselftests is None
    assert any(note.startswith("kselftests sync: not built") for note in kernel.notes)


def test_selftests_are_built_with_the_headers_of_this_tree_and_no_other(linux: Linux) -> None:
    """Their Makefiles do not know what a program includes, and headers_install leaves what is gone."""
    header, program = linux.path / "include/uapi/linux/sync_ioc.h", "tools/testing/selftests/sync/sync_test.c"
    header.parent.mkdir(parents=True)
    header.write_text("#define SYNC_IOC 3\n")
    (linux.path / program).write_text("#include <linux/sync_ioc.h>\nint main(void) { return SYNC_IOC; }\n")
    assert _status_of_sync_test(linux.kernel()) == 3
    header.write_text("#define SYNC_IOC 4\n")
    assert _status_of_sync_test(linux.kernel()) == 4
    header.unlink()
    kernel = linux.kernel()
    assert kernel.kselftests is None
    assert "kselftests sync: not built, see build.log" in kernel.notes


def _status_of_sync_test(kernel: Kernel) -> int:
    assert kernel.kselftests is not None
    return subprocess.run([kernel.kselftests / "sync/sync_test"], check=False).returncode


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("cc1: fatal error: error writing to /tmp/x.s: No space left on device", "no space left"),
        ("gcc: fatal error: Killed signal terminated program cc1", "memory"),
    ],
)
def test_trouble_of_the_machine_is_not_blamed_on_the_patch(linux: Linux, said: str, told: str) -> None:
    linux.edit("Makefile", '\t@echo "  LD      $@"', f'\t@echo "{said}"; exit 1')
    with pytest.raises(InfrastructureError, match=told):
        linux.build()


def test_a_compiler_that_is_killed_while_kconfig_is_made_is_not_the_patchs(linux: Linux) -> None:
    said = "gcc: fatal error: Killed signal terminated program cc1"
    linux.edit("Makefile", "\t@cp $< $@", f'\t@echo half > $@; echo "{said}"; exit 1')
    with pytest.raises(InfrastructureError, match="memory"):
        linux.config()
    linux.edit("Makefile", f'\t@echo half > $@; echo "{said}"; exit 1', "\t@cp $< $@")
    assert "CONFIG_PCI=y" in linux.config().text


def test_a_tree_takes_what_another_one_compiled_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through ccache, though kbuild names all by absolute paths; and what comes of it is the same to the last byte."""
    if shutil.which("ccache") is None:
        pytest.skip("without ccache nothing is kept")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CCACHE_DIR", str(tmp_path / "dmabuf-harness/ccache"))  # in a sandbox and without
    homes = [tmp_path / "dmabuf-harness/trees" / name for name in ("one", "another")]
    for home in homes:
        home.mkdir(parents=True)
        linux = Linux(home / "linux")
        linux.edit(DMA_BUF, "return 0;", f"return {len(home.name)};")
        kernel = linux.kernel()
        assert sources_of(kernel) == frozenset({DMA_BUF, "drivers/dma-buf/sync_file.c", "include/linux/dma-buf.h"})
        assert f"\n{linux.path}/{DMA_BUF}:" in kernel.log.read_text(), "messages keep their absolute paths"
    counted = subprocess.run(["ccache", "--print-stats"], check=True, capture_output=True, text=True).stdout
    counts = dict(line.split("\t") for line in counted.splitlines())
    assert (counts["direct_cache_hit"], counts["preprocessed_cache_hit"]) == ("2", "0"), "sync_file.o and the module"
    first, second = (home / "objects/current/drivers/dma-buf/sync_file.o" for home in homes)
    assert first.read_bytes() == second.read_bytes()
    text = first.read_bytes()
    assert str(tmp_path).encode() not in text and b"../linux" not in text, "where it was made is no part of it"
