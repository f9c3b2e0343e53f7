# SPDX-License-Identifier: GPL-2.0-only
"""What the page tells of a failure: expected and got, the kernel's log around it, the stack of a report."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.guest.registry import CheckFailed, expect_equal, expect_errno
from harness.model import Frame, Splat, Status, TestResult
from harness.report.expected_got import ExpectedGot, expected_got
from harness.report.html import render_html
from harness.report.log_excerpts import BEFORE, MAX_LINES, MAX_WIDTH, LogExcerpts
from tests.support.sample_reports import ON, run_report, splat, variant_report

BOOT = "boots/move-notify-on-1"
LOG = f"{BOOT}/logs/checks.txt"
FAILED = TestResult("checks", "heap.zeroed", Status.FAIL, message="odd", log=LOG)


def said_by_a_check(got: object, want: object) -> str:
    with pytest.raises(CheckFailed) as failed:
        expect_equal("the size", got, want)
    return str(failed.value)


def said_by_a_call(error: int | None) -> str:
    with pytest.raises(CheckFailed) as failed, expect_errno(22, 25):
        if error is not None:
            raise OSError(error, "no")
    return str(failed.value)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (said_by_a_check(4, 8), ExpectedGot("the size", "8", "4")),
        (said_by_a_check(b"ab", b"ac"), ExpectedGot("the size, byte 1", "0x63", "0x62")),
        (said_by_a_check(" is 1, expected 2", 3), ExpectedGot("the size", "3", "' is 1, expected 2'")),
        (said_by_a_call(5), ExpectedGot("", "EINVAL or ENOTTY", "EIO")),
        (said_by_a_call(None), ExpectedGot("", "EINVAL or ENOTTY", "the call succeeded")),
        ("the writer has signalled, and is pending", None),
        ("x is y, expected z" * 1000, None),
    ],
)
def test_expected_and_got_are_read_off_what_checks_say(message: str, told: ExpectedGot | None) -> None:
    assert expected_got(message) == told


def console(run: Path, *lines: str) -> LogExcerpts:
    (run / BOOT / "logs").mkdir(parents=True, exist_ok=True)
    (run / BOOT / "console.log").write_text("\n".join(lines))
    return LogExcerpts(run)


START = "<12>[    5.1] dmabuf-harness: check start heap.zeroed"
END = "<12>[    5.3] dmabuf-harness: check end heap.zeroed"


def test_what_was_printed_in_a_test_is_found_between_its_marks(tmp_path: Path) -> None:
    found = console(tmp_path, "booting", START, "[    5.2] heap: odd", END, "later")
    assert found.meanwhile(FAILED) == "[    5.2] heap: odd"
    assert found.meanwhile(replace(FAILED, name="heap.other")) is None


def test_of_a_test_that_ended_its_guest_all_that_follows_is_shown(tmp_path: Path) -> None:
    assert console(tmp_path, START, "Kernel panic", "the end").meanwhile(FAILED) == "Kernel panic\nthe end"


def test_silence_is_told_and_a_lost_log_is_not_silence(tmp_path: Path) -> None:
    assert console(tmp_path, START, END).meanwhile(FAILED) == ""
    assert LogExcerpts(tmp_path / "gone").meanwhile(FAILED) is None


def test_an_excerpt_is_bounded_and_its_end_counts_most(tmp_path: Path) -> None:
    lines = [f"{number} {'x' * 1000}" for number in range(5000)]
    text = console(tmp_path, START, *lines, END).meanwhile(FAILED) or ""
    shown = text.splitlines()
    assert len(shown) == MAX_LINES + 1 and all(len(line) <= MAX_WIDTH + 4 for line in shown)
    assert shown[0].startswith("0 x") and shown[-1].startswith("4999 x")


def test_all_excerpts_of_a_page_together_are_bounded(tmp_path: Path) -> None:
    lines = [f"line {'x' * 200}"] * MAX_LINES
    found = console(tmp_path, START, *lines, END)
    shown = [found.meanwhile(FAILED) for _ in range(500)]
    assert shown[0] and shown[-1] is None and sum(len(text or "") for text in shown) <= 1 << 20


def test_nothing_outside_of_the_run_is_read(tmp_path: Path) -> None:
    run, secret = tmp_path / "run", tmp_path / "secret"
    (secret / "logs").mkdir(parents=True)
    (secret / "console.log").write_text(f"{START}\nsecret\n{END}")
    (run / "boots").mkdir(parents=True)
    (run / "boots" / "link").symlink_to(secret)
    (run / "boots" / "pipe").mkdir()
    os.mkfifo(run / "boots" / "pipe" / "console.log")
    logs = ["../secret/logs/x", str(secret / "logs" / "x"), "boots/link/logs/x", "boots/pipe/logs/x", "a\0b/c/d"]
    assert [LogExcerpts(run).meanwhile(replace(FAILED, log=log)) for log in logs] == [None] * len(logs)
    assert LogExcerpts(run).before(replace(splat(), log="../secret/console.log", line=2)) == ""


def test_the_lines_before_a_report_are_shown(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(1, 40)]
    found = console(tmp_path, *lines)
    one = Splat("warn", "WARNING", "text", 30, log=f"{BOOT}/console.log")
    assert found.before(one).splitlines() == [f"line {number}" for number in range(30 - BEFORE, 30)]
    assert found.before(replace(one, line=4000)) == ""


def test_the_page_shows_all_of_it_and_escapes_it(tmp_path: Path) -> None:
    console(tmp_path, START, "<script>x</script>", END)
    bad = replace(FAILED, message="the size is 4, expected 8")
    page = render_html(run_report(variant_report(ON, (bad,))), tmp_path)
    assert '<dt>Expected</dt><dd><code class="pass">8</code>' in page
    assert '<dt>Got</dt><dd><code class="fail">4</code>' in page
    assert "The kernel log meanwhile</p><pre>&lt;script&gt;x&lt;/script&gt;</pre>" in page


def test_the_stack_of_a_report_is_a_table_with_the_lines_of_the_patch(tmp_path: Path) -> None:
    frames = (Frame("f", path="a.c", line=7, source="g(<x>);", added=True), Frame("h", module="m", inlined=True))
    one = replace(splat(), stack=frames, fingerprint="warn-f-1234")
    page = render_html(run_report(variant_report(ON, splats=(one,))), tmp_path)
    assert '<tr class="gone"><td>f</td><td>a.c:7</td><td>g(&lt;x&gt;);</td><td class="by">added by the patch' in page
    assert "<td>h [m] (inlined)</td>" in page and "What the kernel said, fingerprint warn-f-1234" in page
