# SPDX-License-Identifier: GPL-2.0-only
"""What became of a mutant, together with the mistake that it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from harness.mutants.mutation import Mutation
from harness.trials.fates import TrialOutcome


@dataclass(frozen=True)
class Verdict(TrialOutcome):
    """An outcome and its ``mutation``."""

    mutation: Mutation = field(kw_only=True)


def judged(outcome: TrialOutcome, mutants: Mapping[int, Mutation]) -> Verdict:
    """The verdict that ``outcome`` is on the one of ``mutants`` with its number."""
    values = {one.name: getattr(outcome, one.name) for one in fields(TrialOutcome)}
    return Verdict(**values, mutation=mutants[outcome.number])
