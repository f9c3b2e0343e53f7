# SPDX-License-Identifier: GPL-2.0-only
"""Looking at a run that must be red: for the right reason, in the terminal, in results.json and in junit.xml."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, TestCase

from harness.model import Splat, Status, TestResult, VariantReport
from tests.support.real import Run, run_harness

DIRECT = "/sys/kernel/debug/provoke-crash/DIRECT"  # Documentation/fault-injection/provoke-crashes.rst

LOAD = f"[ -e {DIRECT} ] || modprobe lkdtm"


def provoke(kind: str) -> str:
    """Shell command that makes the kernel do ``kind`` to itself (drivers/misc/lkdtm)."""
    return f"{LOAD}; echo {kind} > {DIRECT}"


def await_log(text: str) -> str:
    """Shell command that ends once the kernel log holds ``text``."""
    return f"until dmesg | grep -q '{text}'; do sleep 0.2; done"


SPINS = f"""\
cpu=$1
if [ "$cpu" -gt 0 ]; then
	taskset -c $((cpu - 1)) sh $0 $((cpu - 1)) &
	until [ -e /run/spins-$((cpu - 1)) ]; do :; done
fi
: > /run/spins-$cpu
echo HARDLOCKUP > {DIRECT}
"""


def interrupts_off() -> str:
    """Shell command after which every processor spins, the last one last.

    Each spins in a shell that is pinned to it: else it may be moved to one that does already, and wait for it. Once the
    first one spins, no program is started any more: its file is opened over 9p, whose interrupt may be the first one's.
    """
    script = "/run/spins"
    return f"{LOAD}; echo {shlex.quote(SPINS)} > {script}; cpu=$(($(nproc) - 1)); taskset -c $cpu sh {script} $cpu"


def run_own(directory: Path, own: Path, *options: str) -> Run:
    """Run the user's tests alone, on the base as it is: nothing is compared, what is bad is red."""
    only = ("--suite", "dma-buf", "--only", f"{own.name}*")
    return run_harness(directory, "--no-patch", "--variant", "on", *only, "--pytest", own, *options)


def write_tests(path: Path, commands: Mapping[str, str], before: str = "") -> Path:
    """A user's pytest file: ``before``, and for each name a test that passes whatever its command does in the guest."""
    tests = (f"def test_{name}(guest):\n    guest.run({run!r}, timeout=300)\n" for name, run in commands.items())
    path.write_text("\n".join([before, *tests]))
    return path


def own_results(variant: VariantReport) -> dict[str, TestResult]:
    """The results of the user's tests by the part of the name after "test_"."""
    mine = [result for result in variant.results if result.suite.startswith("pytest")]
    return {result.name.rpartition("::test_")[2]: result for result in mine}


def assert_red_test(run: Run, name: str, status: Status, reason: str, variant: int = 0) -> None:
    """The test ``name`` (a part of its name) has ``status``, and every report names it and ``reason``."""
    assert_red_run(run)
    found = [result for result in run.report.variants[variant].results if name in result.name and result.is_bad]
    assert [(one.status, reason in one.message) for one in found] == [(status, True)], (name, found)
    assert_told(run, f"{found[0].name}: {status.value}", reason)
    cases = [case for case in red_cases(run) if case.name == found[0].name]
    kind = Failure if status is Status.FAIL else Error
    assert [isinstance(case.result[0], kind) and reason in case.result[0].message for case in cases] == [True], cases


def assert_red_splat(run: Run, kind: str, words: str, test: str, variant: int = 0) -> Splat:
    """The kernel's report with ``words`` in its title is bad, of ``kind``, and laid at the door of ``test``."""
    assert_red_run(run)
    splats = run.report.variants[variant].splats
    found = [splat for splat in splats if words in splat.title and splat.during.endswith(test)]
    assert [(splat.kind, splat.is_bad) for splat in found[:1]] == [(kind, True)], (words, test, shown(splats))
    assert_told(run, f"{kind}: ", words)
    cases = [f"{case.name} {case.result[0].message}" for case in red_cases(run)]
    assert [case for case in cases if case.startswith(f"{kind}: ") and words in case and test in case], cases
    return found[0]


def assert_red_run(run: Run) -> None:
    assert run.returncode == 1, run.stdout[-4000:] + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert run.report.is_bad
    assert "FAIL: " in run.stdout


def assert_told(run: Run, *texts: str) -> None:
    """All of ``texts`` are on the terminal, wherever lines were broken."""
    said = " ".join(run.stdout.split())
    for text in texts:
        assert " ".join(text.split()) in said, (text, run.stdout[-6000:])


def red_cases(run: Run) -> list[TestCase]:
    """Those cases in junit.xml that a CI system shows as failed."""
    cases = [case for suite in JUnitXml.fromfile(str(run.directory / "junit.xml")) for case in suite]
    return [case for case in cases if isinstance(next(iter(case.result), None), Failure | Error)]


def shown(splats: tuple[Splat, ...]) -> list[tuple[str, str, str]]:
    return [(splat.kind, splat.title, splat.during) for splat in splats]
