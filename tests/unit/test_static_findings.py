# SPDX-License-Identifier: GPL-2.0-only
"""What the tools print, as findings; and which of these are new."""

from __future__ import annotations

import pytest

from harness.static.findings import Finding, checkpatch, coccicheck, fresh, kernel_doc, sparse

C = "drivers/dma-buf/dma-buf.c"


def test_kernel_doc_of_both_generations() -> None:
    perl = (
        f"{C}:1109: warning: Function parameter or struct member 'attach' not described in 'dma_buf_pin'\n"
        f"{C}:1109: warning: Excess function parameter 'attack' description in 'dma_buf_pin'\n2 warnings\n"
    )
    assert [one.line for one in kernel_doc(perl)] == [1109, 1109]
    python = f"Warning: {C}:1109 function parameter 'attach' not described in 'dma_buf_pin'\n"
    assert list(kernel_doc(python)) == [Finding(C, 1109, "function parameter 'attach' not described in 'dma_buf_pin'")]
    assert list(kernel_doc("1 warnings as Errors\n")) == []


def test_sparse_without_what_only_explains() -> None:
    text = (
        f"/tree/{C}:12:5: warning: symbol 'x' was not declared. Should it be static?\n"
        f"/tree/{C}:20:9: warning: incorrect type in assignment (different address spaces)\n"
        f"/tree/{C}:20:9:    expected void *\n/tree/{C}:20:9:    got void [noderef] __user *\n"
        f"/tree/{C}: note: in included file:\n"
    )
    assert [str(one) for one in sparse(text, "/tree")] == [
        f"{C}:12: warning: symbol 'x' was not declared. Should it be static?",
        f"{C}:20: warning: incorrect type in assignment (different address spaces)",
    ]


def test_coccicheck_in_report_mode() -> None:
    text = f"coccicheck failed\n/tree/{C}:7:2-3: Unneeded semicolon\n  CHECK   /tree/{C}\n"
    assert list(coccicheck(text, "/tree")) == [Finding(C, 7, "Unneeded semicolon")]


def test_checkpatch_tells_level_and_type() -> None:
    text = (
        "drivers/dma-buf/Kconfig:4: WARNING:CONFIG_DESCRIPTION: please write a help paragraph that fully describes it\n"
        f"{C}:13: ERROR:TRAILING_WHITESPACE: trailing whitespace\n"
        "total: 1 errors, 1 warnings, 13 lines checked\n"
    )
    help_text, space = checkpatch(text)
    assert (help_text.level, help_text.type) == ("WARNING", "CONFIG_DESCRIPTION")
    assert (space.level, str(space.finding)) == ("ERROR", f"{C}:13: trailing whitespace (TRAILING_WHITESPACE)")


def test_checkpatch_about_the_message_has_no_line() -> None:
    [long] = checkpatch(":470: WARNING:COMMIT_LOG_LONG_LINE: Possible unwrapped commit description\n")
    assert str(long.finding) == "Possible unwrapped commit description (COMMIT_LOG_LONG_LINE)"


def test_what_the_base_has_is_not_new_wherever_it_moved() -> None:
    before = [Finding(C, 10, "unused"), Finding(C, 20, "unused")]
    after = [Finding(C, 15, "unused"), Finding(C, 25, "unused")]
    assert fresh(after, before, {}) == ()
    assert fresh([*after, Finding(C, 15, "unused")], before, {}) == ()  # the same one, printed twice


def test_one_more_of_the_same_is_new_and_it_is_the_one_that_was_added() -> None:
    before = [Finding(C, 10, "unused")]
    after = [Finding(C, 9, "unused"), Finding(C, 15, "unused")]
    assert fresh(after, before, {C: frozenset({9})}) == (Finding(C, 9, "unused"),)
    assert fresh(after, before, {C: frozenset({15})}) == (Finding(C, 15, "unused"),)


def test_the_same_words_in_another_file_are_new() -> None:
    assert fresh([Finding("b.c", 1, "unused")], [Finding("a.c", 1, "unused")], {}) == (Finding("b.c", 1, "unused"),)


@pytest.mark.parametrize(
    "text",
    [
        "ERROR: reference preceded by free on line {}",
        "WARNING kmalloc (line {}) && vmalloc (line 3) are used to allocate this memory",
        "error: symbol 'x' redeclared with different type (originally declared at include/linux/x.h:{})",
    ],
)
def test_lines_that_are_named_in_the_words_move_too(text: str) -> None:
    before, after = Finding(C, 13, text.format(10)), Finding(C, 15, text.format(12))
    assert fresh([after], [before], {}) == ()
    assert fresh([after, Finding(C, 40, text.format(39))], [before], {}) == (Finding(C, 40, text.format(39)),)


def test_other_numbers_in_the_words_count() -> None:
    before, after = (Finding(C, 1, f"warning: shift too big ({bits}) for type int") for bits in (32, 33))
    assert fresh([after], [before], {}) == (after,)
