# SPDX-License-Identifier: GPL-2.0-only
"""Whole walks with real git and real builds of a kernel in miniature; only the guests are scripted."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.bisect import BisectRequest, CommitFixup, End, Symptom, SymptomKind, Trail, target, write_reports
from harness.errors import UserError
from tests.support.bisected import BUG, CODE, SYMPTOM, TEST, History, ScriptedGuests, opened, question, walk

ELSEWHERE = "drivers/dma-buf/sync_file.c"
CONFIGS = BisectRequest(
    ("dmabuf-harness",), Trail.CONFIG, "debian:6.12", "", "", SYMPTOM, "move-notify-on", suites=("checks",)
)


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CCACHE_DISABLE", "1")
    return History(tmp_path / "linux")


def test_the_culprit_of_a_straight_history(history: History, tmp_path: Path) -> None:
    history.plain(4, "before")
    culprit = history.add("culprit", BUG)
    history.plain(3, "after")
    head, before = history.git("rev-parse", "HEAD"), history.git("status", "--porcelain", "--ignored")
    walked = walk(question(history, history.commits["start"]), tmp_path / "walk")
    assert walked.state.ending is not None and walked.state.ending.end is End.FOUND
    assert walked.commits == (culprit,)
    assert walked.builds <= math.ceil(math.log2(8)) + 2
    assert len(walked.guests.asked) == walked.builds + 2, "three guests for the bad end, one for each other commit"
    assert (history.git("rev-parse", "HEAD"), history.git("status", "--porcelain", "--ignored")) == (head, before)
    assert not (history.path / ".git" / "BISECT_START").exists()


def test_what_does_not_build_is_skipped_and_what_is_the_same_is_not_asked(history: History, tmp_path: Path) -> None:
    history.add("broken", "int broken")
    history.drop("mended", "int broken")
    culprit = history.add("culprit", BUG)
    history.add("comment", "/* nothing that anybody could see */")
    walked = walk(question(history, history.commits["start"]), tmp_path / "walk")
    assert walked.commits == (culprit,)
    steps = {history.name(step.commit): step for step in walked.state.steps}
    assert steps["culprit"].same_as == history.commits["comment"], "their kernels differ in the build id alone"
    assert steps["start"].kernel == steps["mended"].kernel if "mended" in steps else True
    broken = steps.get("broken")
    assert broken is None or "dma-buf.c" in broken.why


def test_a_second_walk_asks_nobody(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    culprit = history.add("culprit", BUG)
    asked = question(history, history.commits["start"])
    first, second = (walk(asked, tmp_path / name) for name in ("first", "second"))
    assert first.commits == second.commits == (culprit,)
    assert first.guests.asked and not second.guests.asked
    assert second.builds == 0
    assert all(attempt.again for step in second.state.steps for attempt in step.attempts)


def test_a_commit_compiles_what_it_changes_and_no_more(history: History, tmp_path: Path) -> None:
    history.plain(2, "before")
    history.add("culprit", BUG)
    walked = walk(question(history, history.commits["start"]), tmp_path / "walk")
    logs = [log.read_text() for log in sorted(walked.directory.glob("steps/*/kernels/*/build.log"))]
    objects = [[line.split()[1] for line in log.splitlines() if line.startswith("  CC ")] for log in logs]
    assert len(objects) >= 3
    assert [len(one) for one in objects] == [2] + [1] * (len(objects) - 1)


def test_commits_that_cannot_matter_for_the_build_are_passed_over(history: History, tmp_path: Path) -> None:
    history.add("header", "int f(void);", "include/linux/dma-buf.h")
    for number in range(6):
        history.add(f"elsewhere {number}", "int x;", f"drivers/net/{number}.c")
    culprit = history.add("culprit", BUG)
    walked = walk(question(history, history.commits["start"], limited=True), tmp_path / "walk")
    assert walked.commits == (culprit,)
    assert walked.state.limit == (CODE, "include/linux/dma-buf.h")
    assert walked.builds <= 4


def test_a_fixup_makes_part_of_a_history_testable(history: History, tmp_path: Path) -> None:
    history.plain(1, "before")
    history.add("broken", "int broken", ELSEWHERE)
    culprit = history.add("culprit", BUG)
    mended = history.drop("mended", "int broken", ELSEWHERE)
    history.plain(1, "after")
    fixup = tmp_path / "fixup.patch"
    fixup.write_text(history.git("diff", f"{mended}^", mended) + "\n")
    span = f"{history.commits['before 0']}..{culprit}"
    start = history.commits["start"]
    without = walk(question(history, start), tmp_path / "without")
    assert without.state.ending is not None and without.state.ending.end is End.RANGE
    with_it = walk(question(history, start, fixups=(CommitFixup(fixup, span),)), tmp_path / "with")
    assert with_it.commits == (culprit,)
    with pytest.raises(UserError, match="no range"):
        opened(question(history, start, fixups=(CommitFixup(fixup, "nowhere..at-all"),)), tmp_path / "wrong")


def test_which_patch_of_a_series(history: History, tmp_path: Path) -> None:
    base = history.commits["start"]
    history.plain(2, "before")
    history.add("culprit", BUG)
    history.plain(1, "after")
    series = tmp_path / "series"
    history.git("format-patch", "-q", "-o", str(series), f"{base}..HEAD")
    history.git("reset", "-q", "--hard", base)
    asked = question(history, "", "", trail=Trail.SERIES, files=(series,), base=f"git:{history.path}@main")
    walked = walk(asked, tmp_path / "walk")
    (found,) = walked.commits
    assert walked.target.git.show(found, "%s %an") == "culprit Ann Author"
    assert CODE.rpartition("/")[2] in walked.target.stat(found)
    assert walked.state.total == 4
    write_reports(walked.state, walked.target, walked.directory)
    told = (walked.directory / "bisect.md").read_text()
    assert f'culprit found: {found[:12]} ("culprit")' in told
    assert f"-p {series} --up-to 3 " in told and f"-p {series} --up-to 2 " in told


def test_which_option(history: History, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.config", tmp_path / "bad.config"
    good.write_text("CONFIG_PCI=y\n# CONFIG_DMABUF_MOVE_NOTIFY is not set\n")
    bad.write_text("CONFIG_OTHER=y\nCONFIG_PCI=y\nCONFIG_DMABUF_MOVE_NOTIFY=y\nCONFIG_LAST=y\n")
    asked = question(
        history, "", "", trail=Trail.CONFIG, files=(good, bad), base=f"git:{history.path}@main", suites=("checks",)
    )
    walked = walk(asked, tmp_path / "walk", ScriptedGuests(bad_option="DMABUF_MOVE_NOTIFY"))
    (found,) = walked.commits
    assert walked.target.git.show(found, "%s") == "CONFIG_DMABUF_MOVE_NOTIFY: n to y"
    write_reports(walked.state, walked.target, walked.directory)
    places = [walked.directory / f"{word}-DMABUF_MOVE_NOTIFY.config" for word in ("without", "with")]
    again = f"dmabuf-harness bisect --config {places[0]} {places[1]} --base {asked.base} --test 'checks: {TEST}' "
    assert again in (walked.directory / "bisect.md").read_text()
    alone = target(replace(asked, files=tuple(places)))
    alone.open(tmp_path / "alone" / "git")
    assert alone.git.show(alone.bad, "%s") == "CONFIG_DMABUF_MOVE_NOTIFY: n to y"
    assert alone.git.commits([f"{alone.good}..{alone.bad}"]) == [alone.bad]


def test_what_a_config_does_not_mention_is_as_in_our_own(tmp_path: Path) -> None:
    """``CONFIG_UDMABUF`` is set in kernel-configs/."""
    good, bad = tmp_path / "good.config", tmp_path / "bad.config"
    good.write_text("CONFIG_PCI=y\n")
    bad.write_text("# CONFIG_UDMABUF is not set\n")
    made = target(replace(CONFIGS, files=(good, bad)))
    made.open(tmp_path / "git")
    assert made.git.show(made.bad, "%s") == "CONFIG_UDMABUF: y to n"
    asked = [{one.symbol: one.value for one in made.job(end, tmp_path).symbols} for end in (made.good, made.bad)]
    assert [one["UDMABUF"] for one in asked] == ["y", "n"]
    bad.write_text("CONFIG_UDMABUF=y\n")
    with pytest.raises(UserError, match="the same"):
        target(replace(CONFIGS, files=(good, bad))).open(tmp_path / "git")


def test_where_the_test_that_prints_a_splat_is_not_there_nothing_is_proved(history: History, tmp_path: Path) -> None:
    history.plain(1)
    printed = Symptom(SymptomKind.SPLAT, name="warn-0123456789ab", during="checks: not.there")
    walked = walk(question(history, history.commits["start"], symptom=printed), tmp_path / "walk")
    assert walked.state.ending is not None and walked.state.ending.end is End.NO_END
    assert "there is no test checks: not.there here" in walked.state.ending.detail
