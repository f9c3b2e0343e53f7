# SPDX-License-Identifier: GPL-2.0-only
"""Patches that stand for each other, or undo each other: never one series by accident, never one patch for two."""

from __future__ import annotations

import pytest

from harness.errors import UserError
from harness.intake import read_text
from tests.support.mail_shapes import SEPARATOR, header

FILE = [f"line {number}\n" for number in range(1, 40)]


def diff(line: int, old: str = "", new: str = "new\n", name: str = "heap.c", made: bool = False) -> bytes:
    """A diff that changes ``line`` of FILE, with three lines of context; ``made``: that creates a file."""
    head = f"diff --git a/{name} b/{name}\n"
    if made:
        return f"{head}new file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+{new}".encode()
    above, below = ["".join(f" {one}" for one in FILE[at : at + 3]) for at in (line - 4, line)]
    hunk = f"@@ -{line - 3},7 +{line - 3},7 @@\n{above}-{old or FILE[line - 1]}+{new}{below}"
    return f"{head}--- a/{name}\n+++ b/{name}\n{hunk}".encode()


def mail(subject: str, one: bytes, number: int = 1, author: str = "Otto <otto@example.org>") -> bytes:
    head = f"From: {author}\nMessage-ID: <m{number}@example.org>\nSubject: {subject}\n\nText.\n---\n"
    return head.encode() + one + b"-- \n2.43.0\n"


def mbox(*mails: bytes) -> bytes:
    return b"".join(SEPARATOR.replace(b"0123", b"%04d" % at) + one + b"\n" for at, one in enumerate(mails))


def diffs(*mails: bytes, pick: str | None = None) -> list[bytes]:
    return [patch.diff for patch in read_text(mbox(*mails), "t.mbox", pick)]


def refused(*mails: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_text(mbox(*mails), "t.mbox")
    assert "\n" not in str(caught.value)
    return str(caught.value)


A, BACK = diff(10), diff(10, "new\n", FILE[9])


# --- the same again -------------------------------------------------------------------------------


def test_series_that_does_undoes_and_does_again() -> None:
    mails = [mail("[PATCH 1/3] a", A), mail('[PATCH 2/3] Revert "a"', BACK), mail("[PATCH 3/3] a", A)]
    assert diffs(*mails) == [A, BACK, A]
    assert diffs(*reversed(mails)) == [A, BACK, A]
    last = [
        mail("[PATCH 1/4] a", A),
        mail("[PATCH 2/4] b", BACK),
        mail("[PATCH 3/4] c", A),
        mail("[PATCH 4/4] d", BACK),
    ]
    assert diffs(*last) == [A, BACK, A, BACK]


def test_copies_of_a_numbered_patch_are_one() -> None:
    assert diffs(mail("[PATCH 1/2] a", A), mail("[PATCH 1/2] a", A), mail("[PATCH 2/2] b", BACK)) == [A, BACK]


def test_the_same_twice_with_nothing_between_is_refused() -> None:
    assert "is the same patch as" in refused(mail("[PATCH 1/2] a", A), mail("[PATCH 2/2] a", A))
    other = diff(10, name="pool.c")
    assert "is the same patch as" in refused(
        mail("[PATCH 1/3] a", A), mail("[PATCH 2/3] b", other), mail("[PATCH 3/3] c", A)
    )


def test_the_same_again_without_numbers_is_a_choice() -> None:
    """It may be a copy, or be meant to be done again."""
    mails = [mail("[PATCH] a", A), mail('[PATCH] Revert "a"', BACK), mail("[PATCH] a", A)]
    assert "holds 'a' twice, and a patch that takes it back, without numbers" in refused(*mails)
    assert diffs(mail("[PATCH] a", A), mail("[PATCH] b", diff(20)), mail("[PATCH] a", A)) == [A, diff(20)]


ADDS = b"diff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,3 @@\n a\n+b\n c\n"
REMOVES = ADDS.replace(b"-1,2 +1,3", b"-1,3 +1,2").replace(b"+b", b"-b")
MOVES = ADDS.replace(b"-1,2 +1,3", b"-1,3 +1,3").replace(b" c\n", b" c\n-b\n")


@pytest.mark.parametrize("one", [ADDS, REMOVES, MOVES], ids=["adds", "removes", "moves"])
def test_copy_of_a_patch_that_nothing_takes_back(one: bytes) -> None:
    assert diffs(mail("[PATCH] a", one), mail("[PATCH] a", one, 2), mail("[PATCH] b", diff(20))) == [one, diff(20)]


# --- rivals ---------------------------------------------------------------------------------------


RIVALS = {
    "sent again": (("[PATCH] a", A), ("[PATCH] a", diff(10, new="better\n"))),
    "another way": (("[PATCH] a", A), ("[PATCH] a: the other way", diff(11))),
    "two that create a file": (("[PATCH] a", diff(1, made=True)), ("[PATCH] b", diff(1, new="b\n", made=True))),
    "the third": (("[PATCH] z", diff(10, name="z.c")), ("[PATCH] a", A), ("[PATCH] b", diff(9, new="c\n"))),
    "no versions": (("[RFC PATCH] a", A), ("[PATCH] b", diff(10, new="other\n"))),
}


@pytest.mark.parametrize("case", RIVALS.values(), ids=RIVALS)
def test_patches_for_the_same_lines_are_a_choice(case: tuple[tuple[str, bytes], ...]) -> None:
    mails = [mail(subject, one, number) for number, (subject, one) in enumerate(case, 1)]
    said = refused(*mails)
    assert "are made for the same lines: not both can be applied; take one with --pick" in said
    for number, (_, one) in enumerate(case, 1):
        assert diffs(*mails, pick=str(number)) == [one]
        assert diffs(*mails, pick=f"<m{number}@example.org>") == [one]


def test_sent_again_with_other_lines() -> None:
    said = refused(mail("[PATCH] a", A), mail("[PATCH] a", diff(20), 2))
    assert "holds different patches with the subject 'a', and no version; take one" in said
    assert diffs(mail("[PATCH] a", A), mail("[PATCH v2] a", diff(20), 2)) == [diff(20)]


def test_rivals_with_one_subject_are_told_apart_by_their_ids() -> None:
    assert "a <m1@example.org>; a <m2@example.org>" in refused(mail("[PATCH] a", A), mail("[PATCH] a", diff(11), 2))


BESIDE = {
    "another file": (A, diff(10, name="pool.c")),
    "far away": (A, diff(20)),
    "next to it": (A, diff(14)),
    "on top of it": (A, diff(10, "new\n", "newer\n")),
    "taken back": (A, BACK),
}


@pytest.mark.parametrize("case", BESIDE.values(), ids=BESIDE)
def test_patches_that_can_both_be_applied_are(case: tuple[bytes, bytes]) -> None:
    assert diffs(mail("[PATCH] a", case[0]), mail("[PATCH] b", case[1])) == list(case)


def test_numbered_patches_are_a_series_whatever_they_change() -> None:
    """Whether they can be applied, git says."""
    assert diffs(mail("[PATCH 1/2] a", A), mail("[PATCH 2/2] b", diff(11))) == [A, diff(11)]


@pytest.mark.parametrize("bare", [True, False])
def test_a_diff_that_changes_lines_twice(bare: bool) -> None:
    both = A + diff(10, new="other\n")
    data = both if bare else header("[PATCH] a") + both
    with pytest.raises(UserError, match=r"changes 'heap\.c' twice, each time as it is without the other"):
        read_text(data, "x")
    assert read_text(A + diff(20), "x")[0].diff == A + diff(20)


# --- versions before numbers ----------------------------------------------------------------------


def test_newer_series_of_more_patches_supersedes_one_patch() -> None:
    first, second = mail("[PATCH] a", A, 1), mail("[PATCH v2] a", diff(10, new="v2\n"), 2)
    third = [mail("[PATCH v3 1/2] prepare", diff(30), 3), mail("[PATCH v3 2/2] a", diff(10, new="v3\n"), 4)]
    assert diffs(first, second, *third) == [diff(30), diff(10, new="v3\n")]
    assert diffs(*reversed([first, second, *third])) == [diff(30), diff(10, new="v3\n")]
    [one, _] = read_text(mbox(first, second, *third), "t.mbox")
    assert one.notes == ("v3 is taken; older in the same mailbox: v1, v2",)
    assert diffs(first, second, *third, pick="v2") == [diff(10, new="v2\n")]


def test_one_patch_beside_a_series_is_a_choice() -> None:
    series = [mail("[PATCH 1/2] a", A), mail("[PATCH 2/2] b", BACK)]
    assert "some are not" in refused(*series, mail("[PATCH] c", diff(20)))
    assert "some are not" in refused(*series, mail("[PATCH v2] a", diff(20)))  # of which it is a part, nothing tells
    newer = [one.replace(b"[PATCH", b"[PATCH v2") for one in series]
    assert "holds several series" in refused(mail("[PATCH] c", diff(20)), *newer)
