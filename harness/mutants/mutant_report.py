# SPDX-License-Identifier: GPL-2.0-only
"""The report on a set of mutants, as a value: what is counted, by what, and the diffs of those that nobody noticed."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

from harness.mutants.fates import Control, Fate, Verdict, counted
from harness.mutants.mutation import Mutation, mutated

_BY: Mapping[str, Callable[[Mutation], str]] = {
    "operator": lambda mutation: mutation.operator,
    "file": lambda mutation: mutation.path,
    "function": lambda mutation: f"{mutation.path}: {mutation.function}",
}


@dataclass(frozen=True)
class MutantReport:
    """``possible``: mutants to draw from; ``asked``: that were drawn; ``seed``: of that. ``seconds``: of the whole.

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
        before, after = (_text(one) for one in (source, mutated(source, mutation.edits)))
        names = (f"a/{mutation.path}", f"b/{mutation.path}")
        return "".join(difflib.unified_diff(before, _without_trailing_blanks(before, after), *names, n=3))


def _text(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").splitlines(keepends=True)


def _without_trailing_blanks(before: list[str], after: list[str]) -> list[str]:
    """``after`` as somebody would write it: without the empty lines that only keep the numbers of lines."""
    matched = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    kept: list[str] = []
    for tag, _, _, start, end in matched:
        kept += after[start:end] if tag == "equal" else [line for line in after[start:end] if line.strip(" \t\n;")]
    return kept
