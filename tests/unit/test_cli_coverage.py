# SPDX-License-Identifier: GPL-2.0-only
"""What ``coverage`` shows of maps, and how it refuses what names nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness import machine_check
from harness.cli import coverage
from harness.cli.coverage import _line_asked, _shown
from harness.cli.coverage_page import source_page
from harness.cli.main import main
from harness.errors import ExitCode, InfrastructureError, UserError
from harness.model import PlannedTest
from harness.pipeline import MeasuredReach
from harness.reach import FunctionSpan, ProfiledFile, ReachedPart, ReachMap, reach_markdown
from harness.report import render_source
from harness.series import Applied, Tree

PATH = "drivers/dma-buf/dma-buf.c"
PIN = PlannedTest("contract", "pin")


def _map(variant: str, ran: set[int]) -> ReachMap:
    file = ProfiledFile(frozenset({2, 3, 6}), (FunctionSpan(1, 4, "pin"), FunctionSpan(5, 7, "unpin")), {2: 2})
    part = ReachedPart(frozenset(ran), frozenset({"pin"}), frozenset({(2, 0)}))
    return ReachMap("key", {PATH: file}, {PIN: {PATH: part}}, base="debian:6.12", version="6.12.1", variant=variant)


ON, OFF = _map("on", {2}), _map("off", {2, 3})


def test_the_table_in_markdown() -> None:
    assert reach_markdown(OFF).splitlines()[2:] == [
        f"| `{PATH}` | 2 of 3 (66 %) | 1 of 2 (50 %) | 1 of 2 (50 %) |",
        "| **all** | 2 of 3 (66 %) | 1 of 2 (50 %) | 1 of 2 (50 %) |",
    ]


def test_the_table_has_each_variant_and_all_together() -> None:
    text = " ".join(_shown([ON, OFF], None, None).split())
    assert "on of debian:6.12 (6.12.1), 1 tests" in text and "all variants of debian:6.12" in text
    assert f"{PATH} 1/3 33 % 1/2 50 % 1/2 50 %" in text and f"{PATH} 2/3 66 %" in text
    assert text.count("no test enters") == 1 and "5 unpin" in text


def test_one_test_and_one_line() -> None:
    assert "pin: 2" in _shown([ON], "pin", None)
    assert "reached by 1 of 1 tests, 1 of 2 ways out of it" in _shown([ON], None, ("dma-buf.c", 2))
    assert "reached by 0 of 1 tests" in _shown([ON], None, (PATH, 6))
    assert "no counter" in _shown([ON], None, (PATH, 5))


def test_a_reason_that_many_tests_share_is_told_once() -> None:
    never = {PlannedTest("checks", f"check-{number}"): "never ran" for number in range(300)}
    text = _shown([replace(ON, lost={**never, PIN: "panic"})], None, None)
    assert "300 tests: not known: never ran" in text and "check-7" not in text
    assert "contract pin: not known: panic" in text


def _cut_off(
    maps: dict[str, ReachMap], why: BaseException, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *options: str
) -> tuple[int, Path]:
    """``coverage`` that ends by ``why`` with ``maps`` in part; its exit code and its directory."""
    measured = MeasuredReach(Applied(Tree("debian:6.12", tmp_path, "c0ffee", "6.12"), (), "tree"), maps)
    measured.failures["on"] = "cut off after 3 of 4 tests"

    def measure(_job: object, _events: object, _test: str, keep: Callable[[MeasuredReach], None]) -> None:
        keep(measured)
        raise why

    monkeypatch.setattr(coverage, "local_measure", measure)
    monkeypatch.setattr(machine_check, "require", lambda _checks: None)
    directory = tmp_path / "run"
    return main(["coverage", "--out", str(directory), "--json", str(tmp_path / "map.json"), *options]), directory


@pytest.mark.parametrize(
    ("why", "code", "said"),
    [
        (KeyboardInterrupt(), ExitCode.INTERRUPTED, "interrupted"),
        (SystemExit(143), ExitCode.TERMINATED, "terminated"),
        (InfrastructureError("QEMU is gone"), ExitCode.INFRASTRUCTURE, "QEMU is gone"),
    ],
)
def test_what_was_measured_is_shown_and_kept_when_it_is_cut_off(
    why: BaseException,
    code: ExitCode,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended, directory = _cut_off({"on": ON}, why, monkeypatch, tmp_path)
    out = capsys.readouterr()
    assert ended == code and out.err == f"dmabuf-harness: {said}\n"
    assert "on: measured in part: cut off after 3 of 4 tests\n" in out.out and "1/3  33 %" in out.out
    assert out.out.endswith(f"what was measured is in {directory}\n")
    assert (directory / "events.jsonl").is_file() and (tmp_path / "map.json").is_file()


def test_what_did_not_come_to_run_is_no_bad_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, directory = _cut_off({"on": ON}, KeyboardInterrupt(), monkeypatch, tmp_path, "--test", "later")
    out = capsys.readouterr()
    assert ended == ExitCode.INTERRUPTED and out.err == "dmabuf-harness: interrupted\n"
    assert "no test that was measured is called that" in out.out
    assert out.out.endswith(f"what was measured is in {directory}\n")


def test_nothing_is_kept_if_nothing_was_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ended, directory = _cut_off({}, KeyboardInterrupt(), monkeypatch, tmp_path)
    assert ended == ExitCode.INTERRUPTED and not directory.exists()


@pytest.mark.parametrize("text", ["dma-buf.c", ":3", "dma-buf.c:x", "dma-buf.c:²", ""])
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not a line of a file"):
        _line_asked(text)


def test_names_that_are_not_known_are_refused() -> None:
    with pytest.raises(UserError, match="no file in which anything counts"):
        _shown([ON], None, ("udmabuf.c", 1))
    with pytest.raises(UserError, match="no test that was measured"):
        _shown([ON], "unpin", None)


def test_the_page_marks_each_line_and_escapes_the_source() -> None:
    source = "int pin(void)\n\tif (a <b>)\n\t\tgoto out;\n}\nint unpin(void)\n\tb();\n}\n"
    page = render_source(source_page(ON, lambda _path: source))
    assert "if (a &lt;b&gt;)" in page and "contract pin" in page
    assert [page.count(f'<tr class="{mark}">') for mark in ("partly", "never", "ran")] == [1, 2, 0]
