# SPDX-License-Identifier: GPL-2.0-only
"""Reach on a real guest: which of a patch's lines ran is right line by line, and the sums are those of gcov by hand."""

from __future__ import annotations

import re
import secrets
import signal
import subprocess
from pathlib import Path

import pytest

from harness.build import counter_notes, find_kernel
from harness.model import PlannedTest
from harness.reach import load_reach
from harness.suites import CounterFiles
from tests.support.kernel_patches import BASE, patch_file
from tests.support.real import LIMIT, Run, await_event, run_harness, start_harness

pytestmark = pytest.mark.vm

UDMABUF = "drivers/dma-buf/udmabuf.c"
OLD = "\tflags = head->flags & UDMABUF_FLAGS_CLOEXEC ? O_CLOEXEC : 0;\n"
NEW = """\
	flags = 0;
	if (head->flags & UDMABUF_FLAGS_CLOEXEC)
		flags = O_CLOEXEC;
	if (head->count > UDMABUF_FLAGS_CLOEXEC << 20) {
		/* More than a list can hold. */
		ret = -E2BIG;
		goto err;
	}
#ifdef CONFIG_UDMABUF_UNKNOWN
	flags |= O_NONBLOCK;
#endif
"""
# Lines of NEW that can run, by their place in it, and whether a test of udmabuf runs them.
EXPECTED = {0: True, 1: True, 2: True, 3: True, 5: False, 6: False}
HIDDEN = 9
ASKED = ("--base", BASE, "--variant", "on", "--suite", "checks", "--only", "udmabuf")


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("coverage")
    patch = patch_file(place / "udmabuf.patch", UDMABUF, OLD, NEW)
    # A map is kept with the seed: with a new one it is measured, and the raw counters are there.
    seed = str(secrets.randbelow(1 << 30))
    return run_harness(place / "patched", "-p", patch, *ASKED, "--no-base", "--coverage", "--seed", seed)


def test_changed_lines_are_right_line_by_line(patched: Run) -> None:
    assert patched.returncode == 0, patched.stdout + patched.stderr
    coverage = patched.report.coverage
    assert coverage is not None and coverage.whole is not None
    (file,) = coverage.whole.files
    first = next(line for line in file.lines if line.text == "flags = 0;").line
    assert {line.line - first: line.ran for line in file.lines} == EXPECTED
    assert [(part.first - first, part.why) for part in file.hidden] == [(HIDDEN, "#ifdef CONFIG_UDMABUF_UNKNOWN")]
    said = " ".join(patched.stdout.split())
    assert re.search(r"6 lines that can run, 4 ran: not udmabuf.c:\d+-\d+ \(error path of udmabuf_create\)", said)


def test_each_line_knows_its_tests(patched: Run) -> None:
    """The line that only a descriptor with close-on-exec runs is not reached by the test without."""
    maps = list((patched.directory / "coverage").glob("reach-*.json"))
    (reach,) = [load_reach(path.read_text()) for path in maps]
    first = _line("flags = 0;", patched)
    always, cloexec = set(reach.tests_reaching(UDMABUF, first)), set(reach.tests_reaching(UDMABUF, first + 2))
    assert cloexec < always
    assert PlannedTest("checks", "udmabuf.close-on-exec-is-as-asked") in cloexec
    refused = PlannedTest("checks", "udmabuf.bad-address-is-refused")  # the planted case: it never gets there
    assert refused in reach.tests and refused not in always


def _line(text: str, patched: Run) -> int:
    coverage = patched.report.coverage
    assert coverage is not None and coverage.whole is not None
    return next(line.line for file in coverage.whole.files for line in file.lines if line.text == text)


def test_the_sums_are_those_of_gcov_by_hand(patched: Run, tmp_path: Path) -> None:
    """gcov in its own words, on the raw counters of one test."""
    (path,) = (patched.directory / "coverage").glob("reach-*.json")
    reach = load_reach(path.read_text())
    kernel = find_kernel(reach.kernel)
    assert kernel is not None
    notes = counter_notes(kernel)
    assert notes is not None
    test = PlannedTest("checks", "udmabuf.close-on-exec-is-as-asked")
    left = CounterFiles(patched.directory / "coverage", "move-notify-on-coverage").read()[test]
    (name,) = [name for name in left if name.endswith("/udmabuf.gcda")]
    (tmp_path / "udmabuf.gcda").write_bytes(left[name])
    (tmp_path / "udmabuf.gcno").symlink_to(notes.directory / UDMABUF.replace(".c", ".gcno"))
    argv = ["gcov", "-n", "-b", "udmabuf.gcda"]
    said = subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    own = said.partition(f"File '{notes.source}/{UDMABUF}'")[2]
    share, whole = re.findall(r"Lines executed:([\d.]+)% of (\d+)", own)[0]
    ran, can_run = len(reach.tests[test][UDMABUF].lines), len(reach.files[UDMABUF].lines)
    assert (f"{100 * ran / can_run:.2f}", str(can_run)) == (share, whole)


def test_what_was_measured_until_ctrl_c_is_shown_and_kept(tmp_path: Path) -> None:
    directory, seed = tmp_path / "cut", str(secrets.randbelow(1 << 30))
    asked = ("--base", BASE, "--variant", "on", "--suite", "checks", "--seed", seed)
    started = start_harness(directory, *asked, command="coverage")
    try:
        await_event(directory, '"event": "TestEnded"', started)
        started.send_signal(signal.SIGINT)
        stdout, stderr = started.communicate(timeout=LIMIT)
    finally:
        started.kill()
    assert started.returncode == 130 and stderr == "dmabuf-harness: interrupted\n"
    ran, planned = re.findall(r"measured in part: cut off after (\d+) of (\d+) tests", stdout)[0]
    (path,) = (directory / "coverage").glob("reach-*.json")
    reach = load_reach(path.read_text())
    # A test whose result is there, and whose counters are not yet, is not known.
    assert 0 < len(reach.tests) <= int(ran) < int(planned) == len(reach.tests) + len(reach.lost)
