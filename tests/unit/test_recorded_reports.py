# SPDX-License-Identifier: GPL-2.0-only
"""What is told and decided of stored runs stays as it is recorded, until a change is about that."""

from __future__ import annotations

import pytest

from harness.causes import Observed
from harness.model import TestResult
from harness.report.version_1 import cause_of
from tests.support.recorded import DATA, loaded, names, runs, told, verdict
from tests.support.rewording import Say, doubled, reworded, shuffled

NEEDED = (
    *("green", "new-failure", "flaky", "pre-existing", "panic", "hang", "boot-hang", "build-failure", "missing"),
    *("each", "compare", "bisect"),
)


def test_each_kind_of_run_is_recorded() -> None:
    assert set(NEEDED) <= set(names())


@pytest.mark.parametrize("name", names())
def test_a_stored_run_is_told_as_it_was(name: str) -> None:
    """After a change that is about it: ``python -m tests.record_reports``, and look at the difference."""
    made = told(name)
    assert made == {file: (DATA / name / file).read_text() for file in made}


@pytest.mark.parametrize("say", [doubled, shuffled], ids=lambda say: say.__name__)
@pytest.mark.parametrize("name", runs())
def test_no_verdict_hangs_on_a_message(name: str, say: Say) -> None:
    """Every message of the harness is reworded; classes, exit codes, walks and planted faults come out as before."""
    other = loaded(name, lambda report: reworded(report, say))
    assert other != loaded(name), "the run has messages"
    assert verdict(other) == verdict(loaded(name))


def test_a_message_that_decided_something_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof itself: where causes are read off words, as version 1 did, rewording changes verdicts."""
    monkeypatch.setattr(TestResult, "observed", property(_read_off_words))
    other = loaded("ways", lambda report: reworded(report, doubled))
    assert verdict(other) != verdict(loaded("ways"))


def _read_off_words(result: TestResult) -> Observed:
    return Observed(result.status, cause_of(result.status.value, result.message), result.message)
