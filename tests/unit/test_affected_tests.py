# SPDX-License-Identifier: GPL-2.0-only
"""Which tests a patch concerns: those of the functions that it touches, and all of them where a map cannot know."""

from __future__ import annotations

import difflib

import pytest

from harness.model import PlannedTest
from harness.reach import FunctionSpan, ProfiledFile, ReachedPart, ReachMap, affected_tests, parse_changes

FILE = "drivers/dma-buf/dma-buf.c"
PIN, UNPIN, INLINED, IDLE = (PlannedTest("contract", name) for name in ("pin", "unpin", "inlined", "idle"))
#  1 #define LIMIT 4
#  2 static int limit = LIMIT;
#  4 int pin(void)        4-8
# 10 int unpin(void)     10-14
# 16 int never(void)     16-18
# 20 DEFINE_OPS(ops);    a function that a macro makes
SPANS = (
    FunctionSpan(4, 8, "pin"),
    FunctionSpan(10, 14, "unpin"),
    FunctionSpan(16, 18, "never"),
    FunctionSpan(20, 20, "ops_open"),
)
MAP = ReachMap(
    "key",
    {FILE: ProfiledFile(frozenset(), SPANS), "include/linux/dma-buf.h": ProfiledFile()},
    {
        PIN: {FILE: ReachedPart(frozenset({5}), frozenset({"pin"}))},
        UNPIN: {FILE: ReachedPart(frozenset({11}), frozenset({"unpin"}))},
        INLINED: {FILE: ReachedPart(frozenset({12}), frozenset({"unpin.part.0"}))},
        IDLE: {},
    },
)


def _hunk(head: str, *lines: str, path: str = FILE) -> str:
    return "\n".join([f"diff --git a/{path} b/{path}", f"--- a/{path}", f"+++ b/{path}", f"@@ {head} @@", *lines, ""])


def _affected(diff: str, *touched: str) -> tuple[set[str], tuple[str, ...]]:
    found = affected_tests(parse_changes(diff), touched or (FILE,), MAP)
    return {test.name for test in found.tests}, found.why_all


_SWAP = "-\ta;", "+\tb;"


@pytest.mark.parametrize(
    ("hunk", "tests"),
    [
        (_hunk("-6 +6", "-\ta = 1;", "+\ta = 2;"), {"pin"}),
        (_hunk("-6 +5,0", "-\ta = 1;"), {"pin"}),
        (_hunk("-5,2 +5,3", " \ta();", "+\tb();", " \tc();"), {"pin"}),
        (_hunk("-6,0 +7", "+\tb();"), {"pin"}),
        (_hunk("-4 +4", "-int pin(void)", "+int pin(int a)"), {"pin"}),
        (_hunk("-8 +8,2", "-}", "+\tb();", "+}"), {"pin"}),
        (_hunk("-12 +12", "-\ta = 1;", "+\ta = 2;"), {"unpin", "inlined"}),
        (_hunk("-6,7 +6,7", *_SWAP, " ", " }", " ", " int unpin(void)", " {", *_SWAP), {"pin", "unpin", "inlined"}),
    ],
    ids=["changed", "deleted", "added", "added, no context", "its head", "its end", "a copy of it", "two"],
)
def test_a_touched_function_has_the_tests_that_run_it(hunk: str, tests: set[str]) -> None:
    assert _affected(hunk) == (tests, ())


@pytest.mark.parametrize(
    ("diff", "why"),
    [
        (_hunk("-1 +1", "-#define LIMIT 4", "+#define LIMIT 5"), f"{FILE}:1 is in no function that is compiled"),
        (_hunk("-2 +2", "-static int limit = LIMIT;", "+static int limit;"), f"{FILE}:2 is in no function"),
        (_hunk("-8,2 +8,3", " }", "+EXPORT_SYMBOL(pin);", " "), f"{FILE}:9 is in no function"),
        (_hunk("-3,0 +4", "+extern int other;"), f"{FILE}:4 is in no function"),
        (_hunk("-6 +6", "-#ifdef CONFIG_A", "+#ifdef CONFIG_B"), f"{FILE}:6 is in no function"),
        (_hunk("-20 +20", "-DEFINE_OPS(ops);", "+DEFINE_OPS(ops, 1);"), f"{FILE}:20 is in no function"),
        (_hunk("-17 +17", "-\ta;", "+\tb;"), "no test runs never"),
        (_hunk("-1 +1", "-a", "+b", path="include/linux/dma-buf.h"), "include/linux/dma-buf.h is a header"),
        (_hunk("-1 +1", "-a", "+b", path="drivers/dma-buf/Kconfig"), "drivers/dma-buf/Kconfig is no C file"),
        (_hunk("-1 +1", "-a", "+b", path="drivers/dma-buf/Makefile"), "drivers/dma-buf/Makefile is no C file"),
        (_hunk("-1 +1", "-a", "+b", path="arch/x86/entry.S"), "arch/x86/entry.S is no C file"),
        (_hunk("-1 +1", "-a", "+b", path="drivers/gpu/other.c"), "nothing in drivers/gpu/other.c is counted"),
        (_hunk("-0,0 +1", "+a").replace(f"--- a/{FILE}", "--- /dev/null"), f"{FILE} is new"),
        (_hunk("-1 +0,0", "-a").replace(f"+++ b/{FILE}", "+++ /dev/null"), f"{FILE} is removed"),
        (_hunk("-3,0 +4", "+"), "nothing that runs is changed"),
        (_hunk("-3,0 +4", "+/* why */"), f"{FILE}:4 is in no function"),  # or does it end the comment before it?
        (_hunk("-1 +1", "-a", "+b", path="Documentation/driver-api/dma-buf.rst"), "nothing that runs is changed"),
        ("", f"no lines of {FILE} are shown"),
    ],
)
def test_what_a_map_cannot_know_concerns_all_tests(diff: str, why: str) -> None:
    touched = [change.path or change.old for change in parse_changes(diff)] or [FILE]
    _, why_all = _affected(diff, *touched)
    assert len(why_all) == 1 and why_all[0].startswith(why)


def test_one_unknown_among_many_concerns_all_tests() -> None:
    diff = _hunk("-6 +6", "-\ta;", "+\tb;") + _hunk("-17 +17", "-\ta;", "+\tb;")
    assert _affected(diff) == ({"pin"}, ("no test runs never",))


HELPER = ("+static int half(int a)", "+{", "+\treturn a / 2;", "+}", "+")


def test_a_new_static_function_belongs_to_who_calls_it() -> None:
    lines = (" ", *HELPER, " int pin(void)", " {", "+\thalf(2);", " \ta;")
    assert _affected(_hunk("-3,4 +3,10", *lines)) == ({"pin"}, ())


@pytest.mark.parametrize(
    "lines",
    [
        tuple(line.replace("static ", "") for line in HELPER),  # somebody may call it already
        (*HELPER[:2], "+#define LIMIT 5", *HELPER[2:]),
        (*HELPER, "+static int other;"),
        ("+static __attribute__((constructor)) int half(int a)", *HELPER[1:]),
        ("+static int __attribute__((constructor)) half(int a)", *HELPER[1:]),
        ("+static __init int half(int a)", *HELPER[1:]),
        ("+static const struct ops ops = {", "+\t.pin = pin,", "+};"),
        ("+module_param(limit, int, 0);",),
    ],
)
def test_other_new_code_concerns_all_tests(lines: tuple[str, ...]) -> None:
    diff = _hunk(f"-3,2 +3,{2 + len(lines)}", " ", *lines, " int pin(void)") + _hunk("-6 +6", "-\ta;", "+\tb;")
    assert _affected(diff)[1]


SOURCE = """\
#define LIMIT 4
static int limit = LIMIT; /* of pins */

int pin(void)
{
\ta = "/*";
\tb = '"';
}

int unpin(void)
{
\t/* why
\t */
}

static const int table[] = {
\t1,
\t2
};
module_init(bar);
"""


def _whole(*edits: tuple[str, str]) -> tuple[set[str], tuple[str, ...]]:
    """Of ``SOURCE`` with each old text made a new one, and with a change of pin."""
    changed = SOURCE
    for old, new in (("b = '\"';", "b = 2;"), *edits):
        assert changed.count(old) == 1
        changed = changed.replace(old, new)
    before, after = SOURCE.splitlines(), changed.splitlines()
    lines = [f"{line[0]}{line[2:]}" for line in difflib.ndiff(before, after) if line[0] != "?"]
    return _affected(_hunk(f"-1,{len(before)} +1,{len(after)}", *lines))


@pytest.mark.parametrize(
    "edits",
    [
        (("/* of pins */", "/* of pins */\n/* and more */"),),
        (("/* of pins */", "/* of pins */\n/**\n * more: yes\n\n 3,\n */"),),
        (("/* of pins */", "/* of pins */\n// more"),),
        (("int unpin", "/* it is\n * said */\nint unpin"),),
    ],
    ids=["on a line", "on several", "to the end of a line", "above a function"],
)
def test_a_comment_concerns_no_test(edits: tuple[tuple[str, str], ...]) -> None:
    assert _whole(*edits) == ({"pin"}, ())


@pytest.mark.parametrize(
    "edits",
    [
        (("module_init(bar);", "/*\nmodule_init(bar);\n*/"),),
        (("\t2\n", "\t2\n* 3,\n"),),
        (("module_init(bar);", "// off \\\nmodule_init(bar);"),),
        (("module_init(bar);", "// off \\ \nmodule_init(bar);"),),
        (("module_init(bar);", "/**/ #define bar 3\nmodule_init(bar);"),),
        (("#define LIMIT 4", "#define LIMIT 4 \\\n\t+ 1"),),
        (("\tb = 2;", "\tb = 2;\n#define PART 1 \\\n\n"),),
        (("/* of pins */", "/* of pins"), ("module_init", "*/ module_init")),
    ],
    ids=["put out", "data", "put out by //", "with a space", "a directive", "a macro", "a macro inside", "not closed"],
)
def test_what_only_looks_like_a_comment_concerns_all_tests(edits: tuple[tuple[str, str], ...]) -> None:
    assert _whole(*edits)[1]


def test_a_function_that_a_comment_hides_is_touched() -> None:
    hidden = _whole(("int unpin(void)\n{", "/*\nint unpin(void)\n{"), ("\t/* why\n\t */\n}", "}\n*/"))
    assert hidden == ({"pin", "unpin", "inlined"}, ())


def test_the_rest_of_a_macro_in_a_function_concerns_all_tests() -> None:
    """Others may use it."""
    lines = (" #define HALF(a) \\", "-\t((a) / 2)", "+\t((a) / 3)")
    _, why_all = _affected(_hunk("-5,2 +5,2", *lines) + _hunk("-12 +12", *_SWAP))
    assert why_all == (f"{FILE}:6 is in no function that is compiled",)


def test_the_reason_names_the_functions_or_what_is_not_known() -> None:
    changes = parse_changes(_hunk("-6 +6", "-\ta;", "+\tb;"))
    assert affected_tests(changes, [FILE], MAP).reason == "the patch touches pin"
    found = affected_tests(changes, [FILE, "drivers/dma-buf/Kconfig"], MAP)
    assert found.reason == "the reach map cannot tell: no lines of drivers/dma-buf/Kconfig are shown"
