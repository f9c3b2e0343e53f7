# SPDX-License-Identifier: GPL-2.0-only
"""The report on a set of mutants, as a value: what is counted, by what, and the diffs of those that nobody noticed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from harness.mutants.judged_mutant import Verdict
from harness.mutants.mutation import Edit, EditKind, Mutation
from harness.trials.fates import Control, Fate, counted

_BETWEEN = (b";", b"{", b"}", b":", b"/")  # after which a statement can go, and nothing need stand for it
_BY: Mapping[str, Callable[[Mutation], str]] = {
    "operator": lambda mutation: mutation.operator,
    "file": lambda mutation: mutation.path,
    "function": lambda mutation: f"{mutation.path}: {mutation.function}",
}


@dataclass(frozen=True)
class MutantReport:
    """``possible``: mutants to draw from; ``asked``: that were drawn; ``seed``: of that. ``seconds``: of the whole.
    ``times``: seconds of parts of it: "control", "mutants", "waiting for guests" (within both), and "boots", of which
    some went on while mutants were tried.

    ``sources``: path -> the text without mutants. ``cut_off``: why not all were tried, else empty.
    """

    base: str
    version: str
    variant: str
    machine: Mapping[str, str]
    patches: tuple[str, ...]
    files: tuple[str, ...]
    possible: int
    asked: int
    seed: int | None
    control: Control
    verdicts: tuple[Verdict, ...]
    sources: Mapping[str, bytes] = field(repr=False)
    started: str = ""
    seconds: float = 0.0
    times: Mapping[str, float] = field(default_factory=dict)
    boots: int = 0
    cut_off: str = ""

    @property
    def counts(self) -> dict[Fate, int]:
        return counted(self.verdicts)

    @property
    def not_tried(self) -> int:
        return self.asked - len(self.verdicts)

    @property
    def survivors(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.fate is Fate.SURVIVED]

    @property
    def score(self) -> float | None:
        """Share of the mutants that could have been noticed, and were; None if there is none."""
        counts = self.counts
        could = counts[Fate.KILLED] + counts[Fate.SURVIVED] + counts[Fate.NOT_REACHED]
        return counts[Fate.KILLED] / could if could else None

    @property
    def median_seconds(self) -> float:
        """Of the mutants that tests ran, without boots."""
        return median([verdict.seconds for verdict in self.verdicts if verdict.tried] or [0.0])

    def by(self, what: str) -> dict[str, dict[Fate, int]]:
        """``what``: "operator", "file" or "function". Those with most survivors first."""
        groups: dict[str, list[Verdict]] = {}
        for verdict in self.verdicts:
            groups.setdefault(_BY[what](verdict.mutation), []).append(verdict)
        table = {name: counted(verdicts) for name, verdicts in sorted(groups.items())}
        return dict(sorted(table.items(), key=lambda item: -item[1][Fate.SURVIVED]))

    def diff(self, verdict: Verdict) -> str:
        """The mutant as a patch of its file, with as much around it as a reader needs."""
        mutation = verdict.mutation
        source = self.sources[mutation.path]
        names = (f"a/{mutation.path}", f"b/{mutation.path}")
        return "".join(difflib.unified_diff(_text(source), _text(as_written(source, mutation.edits)), *names, n=3))


def _text(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").splitlines(keepends=True)


def as_written(source: bytes, edits: Iterable[Edit]) -> bytes:
    """``source`` with ``edits`` made as somebody would have typed them, each statement on a line of its own."""
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        start, end, text = edit.start, edit.end, edit.text
        begin = source.rfind(b"\n", 0, start) + 1
        indent = source[begin : begin + len(source[begin:]) - len(source[begin:].lstrip(b" \t"))]
        is_first = not source[begin:start].strip()
        if edit.kind is EditKind.INSERTION:
            deeper = b"\t" if source[end : end + 1] == b"}" else b""
            text = deeper + text + b"\n" + indent if is_first else b"\n" + indent + text
        elif text == b";" and is_first and source[:start].rstrip()[-1:] in _BETWEEN:
            start, end, text = begin, source.find(b"\n", end) + 1 or len(source), b""
        source = source[:start] + text + source[end:]
    return source
