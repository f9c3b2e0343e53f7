# SPDX-License-Identifier: GPL-2.0-only
"""From the counters that tests left to a reach map: gcov reads them, on the host, with the notes of the kernel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from harness import process
from harness.build import CounterNotes
from harness.errors import InfrastructureError
from harness.executor import Findings
from harness.model import PlannedTest, Status
from harness.reach import GcovCounts, ProfiledFile, ReachedPart, ReachMap, TestReach
from harness.scratch import scratch
from harness.suites import CounterFiles

_GCOV = ("gcov", "--json-format", "--stdout", "--branch-probabilities")
_AT_ONCE = 64  # files that one gcov is given: each answer has some 200 kB


class CounterReader:
    """Has gcov read counters of the kernel with ``notes``. ``wanted``: tells which paths of its source count.

    All methods raise ``InfrastructureError`` if gcov cannot do it: it must be that of the compiler.
    """

    def __init__(self, notes: CounterNotes, wanted: Callable[[str], bool]) -> None:
        self._notes = notes
        self._wanted = wanted
        self._known: dict[str, GcovCounts] = {}

    def profiled(self) -> dict[str, ProfiledFile]:
        """The lines, branches and functions that can run, as the notes alone tell."""
        counts = self._counts()
        with scratch("gcov") as place:
            notes = sorted(self._notes.directory.rglob("*.gcno"))
            for number, path in enumerate(notes):
                (place / f"{number}.gcno").symlink_to(path)
            for answer in _gcov(place, [f"{number}.gcno" for number in range(len(notes))]):
                counts.add(answer)
        return counts.profiled

    def reached(self, tests: Mapping[PlannedTest, Mapping[str, bytes]]) -> dict[PlannedTest, TestReach]:
        """What ran in each test, by its .gcda files; those of objects without notes are passed over."""
        self._read(found for files in tests.values() for found in self._with_notes(files))
        return {test: self._joined(files) for test, files in tests.items()}

    def _joined(self, files: Mapping[str, bytes]) -> TestReach:
        found: dict[str, ReachedPart] = {}
        for notes, data in self._with_notes(files):
            for path, part in self._known[_key(notes, data)].reached.items():
                found[path] = part.joined(found.get(path, ReachedPart()))
        return found

    def _with_notes(self, files: Mapping[str, bytes]) -> Iterator[tuple[Path, bytes]]:
        for name, data in files.items():
            inside = name.removeprefix(f"{self._notes.objects}/")
            path = (self._notes.directory / inside).with_suffix(".gcno")
            if inside != name and path.is_file():
                yield path, data

    def _read(self, wanted: Iterable[tuple[Path, bytes]]) -> None:
        """Know what all ``wanted`` (notes and counters) say; many tests leave the same."""
        fresh = {key: pair for pair in wanted if (key := _key(*pair)) not in self._known}
        with scratch("gcov") as place:
            for number, (notes, data) in enumerate(fresh.values()):
                (place / f"{number}.gcno").symlink_to(notes)
                (place / f"{number}.gcda").write_bytes(data)
            answers = _gcov(place, [f"{number}.gcda" for number in range(len(fresh))])
            for key, answer in zip(fresh, answers, strict=True):
                self._known[key] = counts = self._counts()
                counts.add(answer)

    def _counts(self) -> GcovCounts:
        return GcovCounts(self._notes.source, self._wanted)


def _key(notes: Path, data: bytes) -> str:
    return hashlib.sha256(f"{notes}\0".encode() + data).hexdigest()


def _gcov(place: Path, names: list[str]) -> Iterator[str]:
    """What gcov says of each of the files ``names`` in ``place``, in this order."""
    for start in range(0, len(names), _AT_ONCE):
        chunk = names[start : start + _AT_ONCE]
        done = process.run([*_GCOV, *chunk], cwd=place)
        answers = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not done.ok or len(answers) != len(chunk):
            said = (done.stderr or "no reason given").strip().splitlines()
            raise InfrastructureError(
                f"gcov cannot read the counters: {said[-1]}", hint="gcov must be of the compiler's version"
            )
        yield from answers


def read_reach(reader: CounterReader, files: CounterFiles, kernel: str, findings: Findings) -> ReachMap:
    """The map of the kernel with the key ``kernel``, of which ``findings`` tell how the tests ended.

    Raises ``InfrastructureError``.
    """
    try:
        left = files.read()
        tests = reader.reached({test: left[test] for test in findings.planned if test in left})
        profiled = reader.profiled()
    except ValueError as error:
        raise InfrastructureError(str(error), hint="gcov must be of the compiler's version") from error
    said = {(result.suite, result.name): result.message for result in findings.results}
    lost = {test: said.get((test.suite, test.name)) or "never ran" for test in findings.planned if test not in tests}
    return ReachMap(kernel, profiled, tests, lost, partial=_partial(findings))


def _partial(findings: Findings) -> frozenset[PlannedTest]:
    """Tests that broke off, or left something out for want of what they may have another time."""
    results = findings.results
    whole = {one.test for one in results if one.not_applicable or (one.status is Status.PASS and not one.lost_coverage)}
    return frozenset(findings.planned) - whole
