# SPDX-License-Identifier: GPL-2.0-only
"""What a patch takes away, put back: where that can be chosen at run time, and where not."""

from __future__ import annotations

import pytest

from harness.mutants.mutation import mutated
from harness.mutants.schemata import with_mutants
from harness.mutants.undoing import CHANGE, DELETION, undone

PATH = "drivers/dma-buf/x.c"
WHOLE = "int f(struct dma_buf *dmabuf, int a)\n{\n\tint ret;\n\n%s\treturn a;\n}\n"


def body(*lines: str) -> bytes:
    return (WHOLE % "".join(f"\t{line}\n" for line in lines)).encode()


def squeezed(text: bytes) -> str:
    return " ".join(text.decode().partition("int ret;")[2].rpartition("return a;")[0].split())


def found(before: bytes, after: bytes) -> list[tuple[str, str]]:
    """(operator, the body with the mutant)."""
    return [(one.operator, squeezed(mutated(after, one.edits))) for one in undone(PATH, before, after)]


@pytest.mark.parametrize(
    ("before", "after", "operator", "text"),
    [
        (("g(a);", "h(a);"), ("h(a);",), DELETION, "g(a); h(a);"),
        (("h(a);", "if (a)", "\tgoto out;"), ("h(a);",), DELETION, "h(a); if (a) goto out;"),
        (("g(a);", "h(a);"), ("i(a);", "h(a);"), CHANGE, "g(a); h(a);"),
        (("g(a,", "  1);", "h(a);"), ("i(a);", "k(a);", "h(a);"), CHANGE, "g(a, 1); h(a);"),
        (("if (a) {", "\tg(a);", "\th(a);", "}"), ("if (a) {", "\th(a);", "}"), DELETION, "if (a) { g(a); h(a); }"),
        (("if (a) {", "\tg(a);", "}"), ("g(a);",), CHANGE, "if (a) { g(a); }"),
        (("/* why */", "g(a);", "h(a);"), ("h(a);",), DELETION, "/* why */ g(a); h(a);"),
    ],
)
def test_whole_statements_are_put_back(
    before: tuple[str, ...], after: tuple[str, ...], operator: str, text: str
) -> None:
    assert found(body(*before), body(*after)) == [(operator, text)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("if (a && ret)", "\tg(a);"), ("if (a)", "\tg(a);")),  # a condition
        (("if (a)", "g(a);"), ("g(a);",)),  # a head without its body
        (("out:", "\tg(a);", "h(a);"), ("h(a);",)),  # a label, which others jump to
        (("int b = a;", "h(a);"), ("h(a);",)),  # a declaration would be gone at once
        (("pr_debug(a);", "h(a);"), ("h(a);",)),  # nothing that a test is there to see
        (("WARN_ON(a);", "h(a);"), ("h(a);",)),
        (("list_for_each_entry(x, y, z)", "\tg(a);"), ("g(a);",)),  # the head of a loop
        (("list_for_each_entry(x, y, z) {", "\tg(a);", "}"), ("list_for_each_entry(x, y, z)", "\th(a);")),
        (("/* why */", "h(a);"), ("h(a);",)),
        (("h(a);",), ("g(a);", "h(a);")),  # what is added has mutants of its own
        (("h(a);",), ("h(a);",)),
    ],
)
def test_all_else_is_left_alone(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    assert found(body(*before), body(*after)) == []


def test_what_is_outside_of_functions_is_left_alone() -> None:
    assert found(b"int a;\nint b;\n" + body("g(a);"), b"int b;\n" + body("g(a);")) == []
    assert found(b"void g(int a)\n{\n\th(a);\n}\n\n" + body("g(a);"), body("g(a);")) == []


def test_nothing_is_put_between_a_head_and_its_body() -> None:
    before, after = body("if (a)", "\tg(a);", "else", "\th(a);"), body("if (a)", "\tg(a);")
    assert found(before, after) == []


def test_it_has_a_name_and_can_be_chosen_at_run_time() -> None:
    before, after = body("g(a);", "h(a);"), body("h(a);")
    (mutation,) = undone(PATH, before, after)
    assert mutation.name == f"{PATH}:5 f: deletion-undone"
    made = with_mutants(after, {7: mutation}).decode()
    assert " ".join(["if", "(DMABUF_MUTANT(7))", "{", "g(a);", "}", "h(a);"]) in " ".join(made.split())
