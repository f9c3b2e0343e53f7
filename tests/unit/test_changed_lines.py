# SPDX-License-Identifier: GPL-2.0-only
"""Changed-line coverage, line by line, for diffs of different shapes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.changed_coverage import ChangedCoverage, VariantCoverage
from harness.model import PlannedTest, RunReport
from harness.reach import (
    FunctionSpan,
    ProfiledFile,
    ReachedPart,
    ReachMap,
    covered_changes,
    parse_changes,
    together,
)
from harness.report import decode, encode, render_html
from harness.report.coverage_text import annotated, coverage_lines, render_markdown, sentence
from harness.report.junit import render_junit
from tests.support.sample_reports import run_report

PATH = "drivers/dma-buf/dma-buf.c"
PIN, MAP = PlannedTest("contract", "pin"), PlannedTest("checks", "map")
HEAD = f"diff --git a/{PATH} b/{PATH}\n--- a/{PATH}\n+++ b/{PATH}\n"


def _part(lines: set[int]) -> ReachedPart:
    return ReachedPart(frozenset(lines), frozenset({"dma_buf_pin"}), frozenset({(12, 0)} if 12 in lines else ()))


def _reach(ran: dict[PlannedTest, set[int]], can_run: set[int], path: str = PATH) -> ReachMap:
    """``can_run`` lines in one function, of which each test ran some."""
    file = ProfiledFile(frozenset(can_run), (FunctionSpan(1, 99, "dma_buf_pin"),), {12: 2} if 12 in can_run else {})
    tests = {test: {path: _part(lines)} for test, lines in ran.items()}
    return ReachMap("key", {path: file}, tests, variant="on")


def _cover(diff: str, reach: ReachMap, text: str = "", base: ReachMap | None = None) -> VariantCoverage:
    return covered_changes(parse_changes(diff), reach, lambda _path: text, lambda _path: "needs CONFIG_FOO", base)


@dataclass(frozen=True)
class Shape:
    """``lines``: changed line that can run -> whether it ran, as it must come out."""

    name: str
    diff: str
    can_run: set[int]
    ran: set[int]
    lines: dict[int, bool] = field(default_factory=dict)


SHAPES = [
    Shape(
        "lines in the middle of a function",
        HEAD + "@@ -10,3 +10,5 @@ int dma_buf_pin(void)\n a;\n+\tret = pin(attach);\n+\tif (ret)\n b;\n c;\n",
        {10, 11, 12, 13, 14},
        {10, 11, 12},
        {11: True, 12: True},
    ),
    Shape(
        "an error path that nothing reaches",
        HEAD + "@@ -10,2 +10,5 @@\n a;\n+\tif (ret)\n+\t\treturn -EINVAL;\n+\tb();\n c;\n",
        {10, 11, 12, 13, 14},
        {11, 13},
        {11: True, 12: False, 13: True},
    ),
    Shape(
        "comments and empty lines cannot run",
        HEAD + "@@ -10,1 +10,5 @@\n a;\n+\n+\t/* why */\n+\tb();\n+}\n",
        {10, 13},
        {13},
        {13: True},
    ),
    Shape("only deletions", HEAD + "@@ -10,3 +10,1 @@\n-\ta();\n-\tb();\n c;\n", {10}, {10}),
    Shape(
        "a replaced line",
        HEAD + "@@ -20,1 +20,1 @@\n-\treturn 0;\n+\treturn ret;\n",
        {19, 20},
        set(),
        {20: False},
    ),
    Shape(
        "two hunks, the second shifted by the first",
        HEAD + "@@ -5,1 +5,2 @@\n a;\n+b;\n@@ -30,1 +31,2 @@\n c;\n+d;\n",
        {5, 6, 31, 32},
        {6},
        {6: True, 32: False},
    ),
    Shape(
        "hunks without context",
        HEAD + "@@ -10,0 +11,2 @@\n+a();\n+b();\n@@ -20 +22 @@\n-c();\n+d();\n",
        {11, 12, 22},
        {11, 22},
        {11: True, 12: False, 22: True},
    ),
    Shape(
        "lines that look like the heads of a diff",
        HEAD + "@@ -10,3 +10,4 @@\n--- a/x\n-@@ -1 +1 @@\n+++ b/x\n+a();\n+b();\n c;\n",
        {11, 12},
        {12},
        {11: False, 12: True},
    ),
    Shape(
        "a last line without an end of line",
        HEAD + "@@ -10,1 +10,2 @@\n-a();\n\\ No newline at end of file\n+a();\n+b();\n\\ No newline at end of file\n",
        {10, 11},
        {10, 11},
        {10: True, 11: True},
    ),
    Shape(
        "a new file",
        f"diff --git a/{PATH} b/{PATH}\nnew file mode 100644\n--- /dev/null\n+++ b/{PATH}\n@@ -0,0 +1,3 @@\n"
        "+int f(void)\n+{\n+\treturn 1; }\n",
        {1, 3},
        {1, 3},
        {1: True, 3: True},
    ),
    Shape(
        "a renamed file",
        f"diff --git a/old.c b/{PATH}\nsimilarity index 90%\nrename from old.c\nrename to {PATH}\n--- a/old.c\n"
        f"+++ b/{PATH}\n@@ -3,1 +3,2 @@\n a;\n+b();\n",
        {3, 4},
        {4},
        {4: True},
    ),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_changed_lines_line_by_line(shape: Shape) -> None:
    found = _cover(shape.diff, _reach({PIN: shape.ran}, shape.can_run))
    assert {line.line: line.ran for file in found.files for line in file.lines} == shape.lines
    assert (found.lines, found.ran) == (len(shape.lines), sum(shape.lines.values()))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_the_diff_is_marked_line_by_line(shape: Shape) -> None:
    found = _cover(shape.diff, _reach({PIN: shape.ran}, shape.can_run))
    rows = annotated(ChangedCoverage((found,), shape.diff))
    assert "\n".join(text for _, text, _ in rows) + "\n" == shape.diff
    marked = [mark for mark, _, _ in rows if mark in ("ran", "partly", "never")]
    assert [mark != "never" for mark in marked] == list(shape.lines.values())


def test_the_sentence_names_what_did_not_run_and_where() -> None:
    found = _cover(SHAPES[1].diff, _reach({PIN: {11, 13}}, SHAPES[1].can_run))
    assert sentence(found).startswith(
        "the patch changes 3 lines that can run, 2 ran: not dma-buf.c:12 (error path of dma_buf_pin)"
    )
    all_ran = _cover(SHAPES[1].diff, _reach({PIN: {11, 12, 13}}, SHAPES[1].can_run))
    assert sentence(all_ran).startswith("the patch changes 3 lines that can run, all ran")


def test_lines_that_do_not_run_one_after_the_other_are_one_place() -> None:
    diff = HEAD + "@@ -10,1 +10,6 @@\n a;\n+b();\n+\n+c();\n+d();\n+e();\n"
    found = _cover(diff, _reach({PIN: {14}}, {10, 11, 13, 14, 15}))
    assert "not dma-buf.c:11-13 (dma_buf_pin), dma-buf.c:15 (dma_buf_pin)" in sentence(found)


def test_each_line_names_its_tests_and_the_ways_out_of_it() -> None:
    found = _cover(SHAPES[0].diff, _reach({PIN: {11}, MAP: {11, 12}}, SHAPES[0].can_run))
    first, second = found.files[0].lines
    assert (first.tests.names, first.tests.count) == (("contract pin", "checks map"), 2)
    assert (second.ways, second.taken, second.tests.names) == (2, (0,), ("checks map",))
    assert (found.ways, found.taken) == (2, 1)


def test_a_line_ran_if_it_ran_in_any_variant() -> None:
    on = _cover(SHAPES[0].diff, _reach({PIN: {11}}, {11, 12}))
    off = _cover(SHAPES[0].diff, _reach({PIN: {12}}, {12}))
    both = together([on, off])
    assert {line.line: line.ran for line in both.files[0].lines} == {11: True, 12: True}
    assert (on.ran, off.ran, both.lines, both.ran) == (1, 1, 2, 2)


def test_a_file_that_no_config_compiles_says_which_symbol_would() -> None:
    other = _reach({PIN: {1}}, {1}, path="drivers/dma-buf/udmabuf.c")
    found = _cover(SHAPES[0].diff, other)
    assert (found.lines, found.files[0].why_not) == (0, "needs CONFIG_FOO")
    assert f"{PATH}: no line of it can run here: needs CONFIG_FOO" in coverage_lines(ChangedCoverage((found,)))


def test_lines_that_the_preprocessor_leaves_out_are_told_with_their_condition() -> None:
    diff = HEAD + "@@ -1,1 +1,4 @@\n a;\n+#ifdef CONFIG_FOO\n+\tb();\n+#endif\n"
    found = _cover(diff, _reach({PIN: {1}}, {1}), "a;\n#ifdef CONFIG_FOO\n\tb();\n#endif\n")
    (hidden,) = found.files[0].hidden
    assert (hidden.first, hidden.last, hidden.why) == (3, 3, "#ifdef CONFIG_FOO")
    compiled = _cover(diff, _reach({PIN: {1}}, {1, 3}), "a;\n#ifdef CONFIG_FOO\n\tb();\n#endif\n")
    assert not compiled.files[0].hidden
    assert not together([found, compiled]).files[0].hidden


def test_deleted_lines_have_the_tests_that_reached_them_on_the_base() -> None:
    base = _reach({PIN: {11}, MAP: {12}}, {10, 11, 12})
    diff = HEAD + "@@ -10,3 +10,1 @@\n a();\n-\tb();\n-\tc();\n"
    (deleted,) = _cover(diff, _reach({PIN: {10}}, {10}), base=base).files[0].deleted
    assert (deleted.first, deleted.last, deleted.tests.names) == (11, 12, ("contract pin", "checks map"))


def test_a_patch_without_code_changes_no_line_that_can_run() -> None:
    diff = (
        "diff --git a/Documentation/x.rst b/Documentation/x.rst\n--- a/Documentation/x.rst\n+++ b/Documentation/x.rst\n"
    )
    found = _cover(diff + "@@ -1 +1,2 @@\n a\n+b;\n", _reach({PIN: {1}}, {1}))
    assert sentence(found) == "the patch changes no line that can run here"


def test_a_variant_of_which_nothing_is_known_hides_nothing() -> None:
    on = _cover(SHAPES[0].diff, _reach({PIN: {11}}, {11, 12}))
    off = VariantCoverage("off", why_not="the coverage kernel does not build")
    lines = coverage_lines(ChangedCoverage((on, off, together([on, off]))))
    assert lines[1] == "off: which changed lines run is not known: the coverage kernel does not build"
    assert lines[2].startswith("all variants: the patch changes 2 lines that can run, 1 ran")


def test_markdown_has_a_row_for_each_line_and_no_text_breaks_it() -> None:
    found = _cover(SHAPES[1].diff, _reach({PlannedTest("checks", "a|b `c`\n| d"): {11, 13}}, SHAPES[1].can_run))
    report = replace(run_report(), coverage=ChangedCoverage((found,), SHAPES[1].diff))
    rows = [line for line in render_markdown(report, Path(), Path()).splitlines() if line.startswith(f"| {PATH}:")]
    assert len(rows) == 3
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
    assert "**never**" in rows[1] and "a\\|b \\`c\\`" in rows[0]


def test_reports_tell_of_changed_lines_and_stay_as_green_as_they_were() -> None:
    found = _cover(SHAPES[1].diff, _reach({PIN: {11, 13}}, SHAPES[1].can_run))
    plain = run_report()
    report = replace(plain, coverage=ChangedCoverage((found,), SHAPES[1].diff))
    assert report.is_bad == plain.is_bad
    junit = render_junit(report, Path())
    assert 'name="changed lines that ran" value="2"' in junit
    for word in ("<failure", "<error", "<skipped"):
        assert junit.count(word) == render_junit(plain, Path()).count(word)
    page = render_html(report, Path())
    assert "error path of dma_buf_pin" in page and page.count('<tr class="never">') == 1
    assert decode(RunReport, encode(report)).coverage == report.coverage
