# SPDX-License-Identifier: GPL-2.0-only
"""From real counters of a real compiler to a reach map; the sums are those that gcov tells when it is run by hand."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.build import CounterNotes, load_scope
from harness.build.coverage_kernel import counter_notes, keep_notes, prepare, recipe
from harness.errors import InfrastructureError
from harness.executor import Findings
from harness.model import Kernel, PlannedTest, Status, TestResult
from harness.pipeline.coverage_files import write_coverage
from harness.pipeline.reach_counters import CounterReader, read_reach
from harness.reach import ReachMap, reach_table
from harness.suites import CounterFiles

DATA = Path(__file__).parent.parent / "data" / "gcov"
SOURCE = "drivers/dma-buf/error_paths.c"
TWO, EARLY, IDLE, DEAD = (PlannedTest("checks", name) for name in ("two", "early", "idle", "dead"))


class Build:
    """``error_paths.c``, compiled as a file in scope is, in an object tree apart from its source tree."""

    def __init__(self, root: Path) -> None:
        self.tree, self.objects, self.kernel = root / "tree", root / "objects", root / "kernel"
        (self.tree / SOURCE).parent.mkdir(parents=True)
        (self.objects / SOURCE).parent.mkdir(parents=True)
        self.kernel.mkdir()
        (self.tree / SOURCE).write_text((DATA / "error_paths.c").read_text())
        variables = dict(one.partition("=")[::2] for one in prepare(self.objects, (SOURCE,), ""))
        self.object = (self.objects / SOURCE).with_suffix(".o")
        self.run("gcc", "-O2", "-g1", *variables["CFLAGS_GCOV"].split(), "-c", self.tree / SOURCE, "-o", self.object)
        self.run("gcc", "--coverage", self.object, "-o", self.objects / "program")
        keep_notes(self.kernel, self.objects, self.tree, (SOURCE, "drivers/dma-buf/not_compiled.c"))

    @property
    def counters(self) -> Path:
        return self.object.with_suffix(".gcda")

    def run(self, *command: str | Path) -> str:
        return subprocess.run(command, cwd=self.objects, check=True, capture_output=True, text=True).stdout

    def counted(self, argument: int) -> Mapping[str, bytes]:
        """What a test leaves that runs the program with ``argument``."""
        self.counters.unlink(missing_ok=True)
        self.run(self.objects / "program", str(argument))
        return {str(self.counters): self.counters.read_bytes()}

    @property
    def notes(self) -> CounterNotes:
        at = self.kernel
        kernel = Kernel("key", "6.12.0", at / "image", at / "config", at, None, at / "build.log", "gcc")
        found = counter_notes(kernel)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return Build(tmp_path_factory.mktemp("coverage"))


@pytest.fixture(scope="module")
def reach(build: Build, tmp_path_factory: pytest.TempPathFactory) -> ReachMap:
    files = CounterFiles(tmp_path_factory.mktemp("run"), "on-coverage")
    files.take(TWO, build.counted(2))
    files.take(EARLY, build.counted(99))
    files.take(IDLE, {"/elsewhere/other.gcda": b"no notes of it"})
    reader = CounterReader(build.notes, lambda path: path == SOURCE)
    results = (TestResult("checks", DEAD.name, Status.ERROR, message="guest lost: panic"),)
    return read_reach(reader, files, "key", Findings((TWO, EARLY, IDLE, DEAD), results))


def _line(words: str) -> int:
    lines = (DATA / "error_paths.c").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)


def test_each_test_has_the_lines_that_it_ran(reach: ReachMap) -> None:
    assert reach.tests_reaching(SOURCE, _line("return -EPERM")) == (EARLY,)
    assert reach.tests_reaching(SOURCE, _line("n = 7;")) == (TWO,)
    assert reach.tests_reaching(SOURCE, _line("a == 99")) == (TWO, EARLY)
    assert reach.tests_reaching(SOURCE, "release") == (TWO, EARLY)


def test_a_test_that_reaches_nothing_is_there_and_in_no_line(reach: ReachMap) -> None:
    assert reach.tests[IDLE] == {}
    assert all(IDLE not in reach.tests_reaching(SOURCE, line) for line in reach.files[SOURCE].lines)


def test_a_test_whose_guest_died_is_not_known(reach: ReachMap) -> None:
    assert reach.lost == {DEAD: "guest lost: panic"}


def test_error_paths_are_lines_of_their_own(reach: ReachMap) -> None:
    """What the compiler would have joined or dropped counts, and nothing ran it."""
    words = ("return -EINVAL", "err = -ENOMEM", "goto out", "err = -EBUSY", "buffer->size = 0")
    assert {_line(word) for word in words} <= reach.never_reached(SOURCE)
    assert [span.name for span in reach.unreached_functions(SOURCE)] == ["never_called"]


def test_the_table_has_the_sums_of_gcov_by_hand(build: Build, tmp_path: Path) -> None:
    """gcov in its own words, of the same counters."""
    files = CounterFiles(tmp_path, "on-coverage")
    files.take(TWO, build.counted(2))
    own = read_reach(CounterReader(build.notes, lambda path: path == SOURCE), files, "key", Findings((TWO,)))
    said = build.run("gcov", "-n", "-b", str(build.counters)).partition(f"File '{build.tree / SOURCE}'")[2]
    share, whole = re.findall(r"Lines executed:([\d.]+)% of (\d+)", said)[0]
    taken, ways = re.findall(r"Taken at least once:([\d.]+)% of (\d+)", said)[0]
    ran, lines = len(own.reached(SOURCE).lines), len(own.files[SOURCE].lines)
    gone, out = len(own.reached(SOURCE).branches), len(own.files[SOURCE].ways_out)
    assert (lines, out) == (int(whole), int(ways))
    assert (f"{100 * ran / lines:.2f}", f"{100 * gone / out:.2f}") == (share, taken)
    assert f"{ran}/{lines}" in reach_table(own)


def test_counters_that_gcov_does_not_understand_are_trouble_of_the_machine(build: Build, tmp_path: Path) -> None:
    files = CounterFiles(tmp_path, "on-coverage")
    files.take(TWO, {str(build.counters): b"nonsense"})
    reader = CounterReader(build.notes, lambda _path: True)
    try:
        found = read_reach(reader, files, "key", Findings((TWO,)))
    except InfrastructureError:
        return
    assert not found.tests[TWO]  # gcov may warn and count nothing: never more than ran


@pytest.mark.parametrize(("kind", "words"), [("lcov", f"SF:{SOURCE}"), ("cobertura", f'filename="{SOURCE}"')])
def test_gcovr_writes_the_formats_of_others(
    reach: ReachMap, build: Build, tmp_path: Path, kind: str, words: str
) -> None:
    write_coverage(reach, lambda path: (build.tree / path).read_text(), kind, tmp_path / "out")
    text = (tmp_path / "out").read_text()
    assert words in text
    if kind == "lcov":
        assert re.search(rf"^DA:{_line('a == 99')},2\b", text, re.MULTILINE)
        assert re.search(rf"^DA:{_line('return -EINVAL')},0\b", text, re.MULTILINE)
        assert "None" not in text


def test_a_kernel_without_counters_has_the_same_identity_as_before() -> None:
    assert recipe(()) == []
    assert recipe(("a.c",)) != recipe(("b.c",)) != []


def test_objtool_keeps_its_arguments(tmp_path: Path) -> None:
    """With others kbuild would make every object again."""
    (tmp_path / "init").mkdir()
    objtool = "./tools/objtool/objtool --hacks=noinstr --uaccess   init/main.o"
    command = f"savedcmd_init/main.o := gcc -c -o init/main.o init/main.c ; {objtool}\n"
    (tmp_path / "init" / ".main.o.cmd").write_text(command)
    assert "objtool-args-y=--hacks=noinstr --uaccess" in prepare(tmp_path, ("a.c",), "")


def test_the_scope_has_no_selftests_and_takes_what_a_patch_touches(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in (
        "drivers/dma-buf/dma-buf.c",
        "drivers/dma-buf/st-dma-fence.c",
        "drivers/dma-buf/heaps/system_heap.c",
        "drivers/gpu/drm/drm_file.c",
        "arch/x86/kernel/setup.c",
        "drivers/other/setup.c",
        "drivers/other/early.c",
        "tools/x.c",
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).touch()
    (tree / "drivers/other/Makefile").write_text("GCOV_PROFILE_early.o := n\n")
    subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
    subprocess.run(["git", "add", "."], cwd=tree, check=True)
    touched = ("drivers/gpu/drm/drm_file.c", "drivers/other/setup.c", "drivers/other/early.c", "tools/x.c", "gone.c")
    found = load_scope().sources(tree, touched)
    assert found.files == (
        "drivers/dma-buf/dma-buf.c",
        "drivers/dma-buf/heaps/system_heap.c",
        "drivers/gpu/drm/drm_file.c",
    )
    assert found.left_out == (
        "drivers/other/early.c: its Makefile forbids counters in it",
        "drivers/other/setup.c: counters in it would be in arch/x86/kernel/setup.c, too",
    )
    assert load_scope().holds("include/linux/dma-fence.h") and not load_scope().holds("include/linux/list.h")
