# SPDX-License-Identifier: GPL-2.0-only
"""What the base without a patch showed, kept by content: a base is tested once, not with each patch.

The key is made of all that the results depend on: the kernel, what was asked for, the machine that ran it, the files of
the host that the guest runs from, and the code that tests. Only a run in which nothing is missing, nothing
ran out of time or stalled and no guest was lost is kept, and a failure counts only if it came twice: what is remembered
excuses patches for months, so that the one time in twenty that a test fails by chance would become every time. In which
order the suites ran is no part of it: each series has its own, and the base is still tested once.
``pipeline.comparing`` knows.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.executor import Findings, KernelJob, Machine
from harness.locks import exclusive
from harness.model import BootOutcome, PlannedTest, Status, TestResult
from harness.paths import GUEST_CODE, WRAPPERS, cache_dir, write_atomic
from harness.report import SchemaError, decode, encode
from harness.splat import case_name, is_proof
from harness.verdict import is_silent

_FORMAT = "4"  # part of the key: change it with what is stored
_KEEP = 30  # entries of about half a megabyte each
_FACTS = "findings.json"
# In the package: what runs tests and reads what they print, and the values that it reads by.
_CODE = (
    *("guest", "suites", "vm", "splat*", "executor"),
    *("architecture.py", "causes.py", "identities.py", "interfaces.py", "kernel_stamp.py", "ktap.py", "toml_tables.py"),
)
_SOURCES = {".py", ".c", ".h", ".toml", ""}
_UNTOUCHED = ("expectations.toml", "static.toml")  # judge results, and change none


@dataclass(frozen=True)
class Stored:
    """``when``: the tests ended, ISO 8601, UTC. ``once``: what failed for the first time; with any of that it is no
    answer yet."""

    when: str
    findings: Findings
    once: tuple[str, ...]


@dataclass(frozen=True)
class BaseKey:
    """Equal key, same results, as far as a kernel is predictable. ``tested``: the kernel, the tests, and their code.

    ``machine``: what it ran on. Neither says anything of the other.
    """

    tested: str
    machine: str

    def __str__(self) -> str:
        return f"{self.tested}-{self.machine}"


def key(job: KernelJob, machine: Machine) -> BaseKey:
    """The key of what ``job`` shows on ``machine``.

    Not for a user's own tests: what they read and import beside their file nobody knows.
    """
    planned = sorted(map(_name, job.planned))
    asked = {"suites": sorted(job.suites), "planned": planned, "narrowed": job.narrowed, "limits": encode(job.limits)}
    digest = hashlib.sha256("\0".join([_FORMAT, job.kernel, json.dumps(asked)]).encode())
    for name, path in sorted(_code()):
        digest.update(f"\0{name}\0".encode("utf-8", "surrogateescape"))
        digest.update(path.read_bytes())
    return BaseKey(digest.hexdigest()[:32], machine.key)


def tests_digest() -> str:
    """Equal for equal tests: what runs in the guest, and what is said of the suites."""
    digest = hashlib.sha256()
    for name, path in sorted(_code()):
        if name.startswith(("harness/guest/", "wrappers/")):
            digest.update(f"\0{name}\0".encode("utf-8", "surrogateescape"))
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _code() -> Iterator[tuple[str, Path]]:
    """Files that decide what a test does, and what is made of what it prints; with names that are the same wherever the
    harness is installed."""
    package = GUEST_CODE.parent
    for pattern in _CODE:
        for place in package.glob(pattern):
            yield from ((f"harness/{file.relative_to(package)}", file) for file in _files(place))
    wrappers = (file for file in _files(WRAPPERS) if file.name not in _UNTOUCHED)
    yield from ((f"wrappers/{file.relative_to(WRAPPERS)}", file) for file in wrappers)


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    yield from (file for file in place.rglob("*") if file.is_file() and file.suffix in _SOURCES)


def doubtful(findings: Findings) -> tuple[str, ...]:
    """What a busy host can bring about, time-outs and stalls: it says nothing of the base, and must not be believed
    later."""
    late = [f"{result.suite} {result.name}" for result in findings.results if is_silent(result)]
    return (*late, *(case for splat in findings.splats if not is_proof(case := case_name(splat))))


def is_complete(findings: Findings) -> bool:
    """True if another run may rely on it: everything ran, in one guest that lived to the end, and came to its own."""
    if doubtful(findings):
        return False
    whole = len(findings.boots) == 1 and findings.boots[0].outcome is BootOutcome.UP
    seen = {result.test for result in findings.results}
    return whole and set(findings.planned) <= seen and not any(r.status is Status.MISSING for r in findings.results)


def recall(wanted: BaseKey, planned: tuple[PlannedTest, ...], directory: Path) -> tuple[Findings, str] | None:
    """What is stored under ``wanted`` for just these tests, in any order, and when they ran; None if there is nothing.

    Its logs are copied into ``directory``, the one that their paths are relative to.
    """
    entry = cache_dir("bases") / str(wanted)
    with exclusive(_lock()):
        stored = _stored(entry)
        if stored is None or stored.once or sorted(map(_name, stored.findings.planned)) != sorted(map(_name, planned)):
            return None
        try:
            shutil.copytree(entry / "boots", directory / "boots", dirs_exist_ok=True)
            os.utime(entry)
        except OSError:
            return None  # damaged
    return replace(stored.findings, planned=planned), stored.when


def keep(
    wanted: BaseKey, findings: Findings, directory: Path, expected: Collection[tuple[str, str]] = ()
) -> tuple[str, ...]:
    """Store complete ``findings``, whose logs are in ``directory``, in place of what was stored before.

    Returns what failed and did not in those: as long as there is any, the next run tests the base again. ``expected``:
    suite and name of tests of which it is known that they fail, so that once will do.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with exclusive(_lock()):
        entry = cache_dir("bases") / str(wanted)
        before = _stored(entry)
        known = _failed(before.findings.results) if before is not None else set()
        failed = _failed(findings.results) - known
        doubted = {(suite, name) for suite, name, _ in failed} - {*expected}
        found = replace(findings, times={})  # which are of the run that took them
        stored = Stored(now, found, tuple(sorted(f"{suite} {name}" for suite, name in doubted)))
        shutil.rmtree(entry, ignore_errors=True)
        for boot in findings.boots:
            place = Path(boot.console).parent
            shutil.copytree(directory / place, entry / place, ignore=shutil.ignore_patterns("*.sock"))
        write_atomic(entry / _FACTS, json.dumps(encode(stored)))  # last: without it the entry does not count
        _prune()
    return stored.once


def _stored(entry: Path) -> Stored | None:
    try:
        return decode(Stored, json.loads((entry / _FACTS).read_text()))
    except (OSError, ValueError, SchemaError):
        return None  # never stored, or damaged


def _failed(results: Iterable[TestResult]) -> set[tuple[str, str, Status]]:
    return {(result.suite, result.name, result.status) for result in results if result.status.is_bad}


def _name(test: PlannedTest) -> tuple[str, str]:
    return test.suite, test.name


def _lock() -> Path:
    return cache_dir("bases") / ".lock"


def _prune() -> None:
    entries = [path for path in cache_dir("bases").iterdir() if path.is_dir()]
    for path in sorted(entries, key=lambda path: path.stat().st_mtime_ns, reverse=True)[_KEEP:]:
        shutil.rmtree(path, ignore_errors=True)
