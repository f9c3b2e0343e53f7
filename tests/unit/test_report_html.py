# SPDX-License-Identifier: GPL-2.0-only
"""report.html: one page without outside help, with everything foreign escaped."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from harness import process
from harness.model import RunReport, Status, TestResult, VariantReport
from harness.paths import PROJECT_ROOT
from harness.report.html import MAX_OUTPUT, render_html
from tests.support.report_strategies import run_reports
from tests.support.sample_reports import (
    OFF,
    ON,
    RUN_DIR,
    bad_report,
    boot,
    compared_report,
    run_report,
    variant_report,
)

VOID = {"meta", "br"}
OUR_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "strong", "span", "dl", "dt", "dd"),
    *("code", "div", "table", "thead", "tbody", "tr", "th", "td", "a", "br", "details", "summary", "pre", "ul", "li"),
}


class Page(HTMLParser):
    """Reads a page back and insists on matching tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def page(report: RunReport) -> Page:
    return Page(render_html(report, RUN_DIR))


def test_a_script_in_any_text_is_only_text() -> None:
    evil = "<script>alert(1)</script>"
    result = TestResult("checks", evil, Status.FAIL, message=evil, output=evil, log=evil, lost_coverage=(evil,))
    report = run_report(
        variant_report(ON, (result,), notes=(evil,), boots=(boot(),)),
        patches=(evil,),
        machine={evil: evil},
        command=("dmabuf-harness", "run", evil),
        run_id=evil,
    )
    shown = page(report)
    assert "script" not in shown.tags
    assert shown.text.count(evil) > 8


EVIL = "<script>alert('1')</script>\"&lt;{{ 987 * 987 }}{% raw %}\x1b[2J\u202e"
SHOWN = "<script>alert('1')</script>\"&lt;{{ 987 * 987 }}{% raw %}\\x1b[2J\\u202e"


def hostile(value: Any) -> Any:
    """``value`` with ``EVIL`` at the end of every text in it."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, Path):
        return value.with_name(value.name + EVIL.replace("/", ""))
    if isinstance(value, tuple):
        return tuple(map(hostile, value))
    if isinstance(value, Mapping):
        return {hostile(key): hostile(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: hostile(getattr(value, field.name)) for field in fields(value)})
    return value


@pytest.mark.parametrize("report", [bad_report(), compared_report(), run_report(interrupted="Ctrl-C", variants=())])
def test_every_text_of_a_report_is_only_text(report: RunReport) -> None:
    text = render_html(hostile(report), RUN_DIR)
    shown = Page(text)
    assert set(shown.tags) <= OUR_TAGS and all(":" not in link for link in shown.links)
    assert SHOWN in shown.text and "974169" not in shown.text
    assert "\x1b" not in text and "\u202e" not in text


def test_lines_of_an_output_stay_and_those_of_a_message_do_not() -> None:
    text = "one\n  two\n"
    result = TestResult("checks", "x", Status.FAIL, message=text, output=text)
    shown = render_html(run_report(variant_report(ON, (result,))), RUN_DIR)
    assert "<pre>one\n  two</pre>" in shown and "<p>one two</p>" in shown


@settings(deadline=None)
@given(run_reports())
def test_any_report_is_a_page_of_our_own_tags(report: RunReport) -> None:
    shown = page(report)
    assert set(shown.tags) <= OUR_TAGS
    assert all(":" not in link and not link.startswith("/") for link in shown.links)


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = render_html(bad_report(), RUN_DIR)
    assert "src=" not in text and "url(" not in text and "@import" not in text and "<link" not in text


def test_the_head_reads_as_one_list() -> None:
    text = page(run_report()).text
    assert "Accelerator tcg" in text and "config , build log" in text


def test_logs_of_the_run_are_links_and_files_elsewhere_are_not() -> None:
    links = page(bad_report()).links
    assert "boots/move-notify-on-1/console.log" in links
    assert "boots/move-notify-on-1/logs/checks.txt" in links
    assert "kernels/on/build.log" in links
    outside = Page(render_html(bad_report(), Path("/somewhere/else")))
    assert not any("build.log" in link for link in outside.links)
    assert str(RUN_DIR / "kernels/on/build.log") in outside.text


@pytest.mark.parametrize("log", ["../../etc/passwd", "/etc/passwd", "javascript:alert(1)"])
def test_a_log_name_cannot_lead_elsewhere(log: str) -> None:
    links = page(run_report(variant_report(ON, (TestResult("checks", "x", Status.FAIL, log=log),)))).links
    assert not any("passwd" in link or ":" in link for link in links)


def test_tests_of_both_variants_stand_side_by_side() -> None:
    on = variant_report(ON, (TestResult("checks", "x", Status.PASS),))
    off = variant_report(OFF, (TestResult("checks", "x", Status.FAIL, message="odd"),))
    assert "Test move-notify-on move-notify-off x pass fail odd" in page(run_report(on, off)).text


def test_variants_that_are_one_kernel_are_one_column() -> None:
    shown = page(run_report(variant_report(), VariantReport(OFF, same_as=ON.name))).text
    assert "Suite move-notify-on = move-notify-off kernel" in shown


def test_a_long_output_is_cut() -> None:
    report = run_report(variant_report(ON, (TestResult("checks", "x", Status.FAIL, output="x" * 40 * MAX_OUTPUT),)))
    assert len(render_html(report, RUN_DIR)) < 2 * MAX_OUTPUT


@pytest.mark.parametrize("suite", ["contract", "walks"])
def test_what_was_measured_and_drawn_is_shown(suite: str) -> None:
    result = TestResult(suite, "contract.row-19", Status.PASS, measurements=("bytes <pinned>: 0",))
    page = render_html(run_report(variant_report(ON, (result,))), Path("/runs/x"))
    assert "<h2>Measured</h2>" in page and "bytes &lt;pinned&gt;: 0" in page
    assert "Measured" not in render_html(run_report(variant_report(ON)), Path("/runs/x"))


def test_only_a_command_that_writes_a_page_loads_the_template_engine() -> None:
    loaded = "import sys, harness.cli.main; print('jinja2' in sys.modules)"
    assert process.check([sys.executable, "-c", loaded], what="python").strip() == "False"


def test_templates_are_data_of_the_package() -> None:
    settings = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["harness.report"]
    place = PROJECT_ROOT / "harness" / "report"
    packed = {path for pattern in patterns for path in place.glob(pattern)}
    assert (
        {path for path in place.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")} == packed != set()
    )
