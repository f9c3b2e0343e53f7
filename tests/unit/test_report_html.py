# SPDX-License-Identifier: GPL-2.0-only
"""report.html: one page without outside help, with everything foreign escaped."""

from __future__ import annotations

import base64
import hashlib
import re
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
from harness.model import Frame, RunReport, Status, TestResult, Variant, VariantReport
from harness.paths import PROJECT_ROOT
from harness.report.annotated_diff import annotated_patches
from harness.report.failure_view import MAX_OUTPUT
from harness.report.html import render_html
from harness.report.timeline import timeline
from harness.series import PatchFacts, SeriesFacts
from tests.support.report_strategies import run_reports
from tests.support.sample_reports import (
    OFF,
    ON,
    RUN_DIR,
    TITLE,
    bad_report,
    boot,
    compared_report,
    run_report,
    splat,
    variant_report,
)

VOID = {"meta", "br", "input"}
OUR_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "strong", "span", "dl", "dt", "dd"),
    *("code", "div", "table", "thead", "tbody", "tr", "th", "td", "a", "br", "details", "summary", "pre", "ul", "li"),
    *("section", "button", "input", "select", "option", "script", "kbd", "svg", "line", "rect", "text"),
}


class Page(HTMLParser):
    """Reads a page back and insists on matching tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] not in (["style"], ["script"]):
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
    assert shown.tags.count("script") == 1  # our own
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


def test_a_browser_is_told_to_take_our_own_style_and_script_alone() -> None:
    text = render_html(bad_report(), RUN_DIR)
    policy = re.findall(r"Content-Security-Policy\" content=\"([^\"]*)\"", text)
    assert len(policy) == 1 and "unsafe" not in policy[0] and "default-src &#39;none&#39;" in policy[0]
    for tag in ("style", "script"):
        [inside] = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src &#39;sha256-{digest}&#39;" in policy[0]
    shown = page(bad_report())
    assert not any(name == "style" or name.startswith("on") for name in shown.attributes)


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


# --- the patch ---------------------------------------------------------------------------------

DIFF = """diff --git a/drivers/dma-buf/dma-buf.c b/drivers/dma-buf/dma-buf.c
--- a/drivers/dma-buf/dma-buf.c
+++ b/drivers/dma-buf/dma-buf.c
@@ -75,3 +75,4 @@ static int f(void)
 <kept>
-old
+int <new>;
+\x1b[31mmore
 kept
"""


def patched(report: RunReport, *diffs: str) -> RunReport:
    return replace(report, series=SeriesFacts(tuple(PatchFacts(f"p{at}", diff=diff) for at, diff in enumerate(diffs))))


def test_a_patch_is_shown_with_what_is_known_of_its_lines() -> None:
    frame = Frame("dma_buf_pin", path="drivers/dma-buf/dma-buf.c", line=76, added=True)
    bad = bad_report()
    on = replace(bad.variants[0], splats=(replace(splat(), stack=(frame,)),))
    shown = page(patched(replace(bad, variants=(on, bad.variants[1])), DIFF)).text
    assert "p0 +2 -1 , 2 remarks" in shown
    assert f"76 +int <new>; warn: {TITLE}, here (move-notify-on)" in shown
    assert "77 +\\x1b[31mmore warning: unused variable 'old' (move-notify-on)" in shown


def test_a_remark_stands_at_the_last_patch_that_adds_its_line() -> None:
    found = annotated_patches(patched(bad_report(), DIFF, DIFF))
    assert [patch.remarks for patch in found] == [0, 1]


def test_runs_of_before_diffs_were_kept_have_no_such_part() -> None:
    assert "The patch" not in page(bad_report()).text.replace("The patch itself", "")


def test_the_lines_of_the_check_that_failed_are_shown() -> None:
    bad = TestResult("checks", "x", Status.FAIL, message="odd", source="   9  a = 1\n>  10  same(a, 2)")
    assert "<pre>   9  a = 1\n&gt;  10  same(a, 2)</pre>" in render_html(
        run_report(variant_report(ON, (bad,))), RUN_DIR
    )


# --- when --------------------------------------------------------------------------------------


def test_phases_are_drawn_where_they_were() -> None:
    on = variant_report(ON, started={"config": 0.0, "build": 4.0, "boot": 207.1, "suite:kselftest": 216.2})
    drawn = timeline(run_report(on, seconds=400.0))
    assert drawn is not None
    assert [(bar.kind, bar.left, bar.label) for bar in drawn.rows[0].bars] == [
        ("config", 0.0, ""),
        ("build", 10.0, "build"),
        ("boot", 517.7, ""),
        ("suite", 540.5, "kselftest"),
    ]
    assert drawn.ticks[1] == (150.0, "1 min")
    assert timeline(run_report()) is None
    assert page(run_report(on)).tags.count("rect") == 4


def test_nothing_is_drawn_beyond_the_end() -> None:
    on = variant_report(ON, started={"build": -5.0, "boot": 1e9}, times={"build": 1e12, "boot": 3.0})
    drawn = timeline(run_report(on, seconds=1.0))
    assert drawn is not None and all(0 <= bar.left <= 1000 for bar in drawn.rows[0].bars)


# --- what was found in the patch itself --------------------------------------------------------


def static(*results: TestResult) -> VariantReport:
    return VariantReport(Variant("static", "the patch itself", {}), results=results, of_patch=True)


def test_findings_in_the_patch_itself_stand_at_their_lines_once() -> None:
    """The compiler tells the same of the kernel under test, and on a line that the patch only shows something else."""
    place = "drivers/dma-buf/dma-buf.c"
    warned = TestResult("static", f"static.warnings/{place}", Status.FAIL, output=f"{place}:77: {UNUSED}")
    documented = TestResult(
        "static", f"static.kernel-doc/{place}", Status.SKIP, output=f"{place}:78: odd\n{place}: no line"
    )
    found = annotated_patches(patched(replace(bad_report(), static=static(warned, documented)), DIFF))
    assert [(line.number, line.remarks) for line in found[0].lines if line.remarks] == [
        (77, (f"{UNUSED} (move-notify-on, static)",)),
        (78, ("kernel-doc: odd (static)",)),
    ]


UNUSED = "warning: unused variable 'old'"


def test_a_line_that_is_only_shown_is_not_taken_for_one_of_a_later_patch() -> None:
    """Its number is that of the file before that."""
    odd = TestResult("static", "static.sparse/x", Status.SKIP, output="drivers/dma-buf/dma-buf.c:75: odd")
    later = DIFF.replace("@@ -75,3 +75,4 @@", "@@ -5,3 +5,4 @@")
    report = patched(replace(run_report(), static=static(odd)), DIFF, later)
    assert [patch.remarks for patch in annotated_patches(report)] == [0, 0]
