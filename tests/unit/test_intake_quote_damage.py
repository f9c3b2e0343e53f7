# SPDX-License-Identifier: GPL-2.0-only
"""What mail programs and gateways do to a patch that they quote: undone where it can be, else refused."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from harness.errors import UserError
from harness.intake import read_text
from harness.series import Patch
from tests.support import mail_programs
from tests.support.mail_shapes import WROTE, Known, header, quoted

RE = "Re: [PATCH] heap: count"


def diff_of(name: str, *body: str, made: bool = False) -> bytes:
    """A diff of one hunk with ``body``; ``made``: of a new file."""
    old, new = (sum(line[0] in marks for line in body) for marks in (" -", " +"))
    first = f"diff --git a/{name} b/{name}\n"
    first += "new file mode 100644\nindex 0000000..2222222\n--- /dev/null\n" if made else f"--- a/{name}\n"
    lines = "".join(f"{line}\n" for line in body)
    return f"{first}+++ b/{name}\n@@ -{0 if made else 10},{old} +{1 if made else 10},{new} @@\n{lines}".encode()


def patch_of(*diffs: bytes) -> Known:
    return Known("heap", "heap: count", b"".join(diffs))


C_FILE = diff_of(
    "drivers/dma-buf/heap.c",
    *(" int attach(void)", " {", "-\tone();", "+\ttwo(first, second);", " \tif (x)", " \t\treturn 0;", " ", " }"),
)
YAML = diff_of("Documentation/heap.yaml", "   size:", "-    maximum: 1", "+    maximum: 2", "   flags:")
RST = diff_of("Documentation/heap.rst", " Heaps", "-  one", "+  two", " =====")
SOURCES = {"C": patch_of(C_FILE), "YAML": patch_of(YAML), "rst and C": patch_of(RST, C_FILE)}
WITHOUT_STAT = re.compile(rb"(?m)^[> ]* \d files? changed.*\n")


def reply(body: bytes, extra: str = "", subject: str = RE) -> bytes:
    return header(subject, extra) + WROTE + body + b"\nFine.\n"


def one(data: bytes) -> Patch:
    [patch] = read_text(data, "reply")
    return patch


def refused(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        read_text(data, "reply")
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- the blank before the lines of a flowed quote --------------------------------------------------


@pytest.mark.parametrize("known", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("extra", [mail_programs.FLOWED, ""], ids=["flowed", "not said"])
def test_thunderbirds_blank_is_taken_off(known: Known, extra: str) -> None:
    patch = one(reply(mail_programs.thunderbird(known.body), extra))
    assert patch.diff == known.diff
    assert patch.notes == ("quoted in a reply",)  # the diffstat is there, too


def test_diffstat_alone_tells_where_no_line_is_context() -> None:
    new = patch_of(diff_of("drivers/dma-buf/made.c", "+int made(void)", "+{", "+\treturn 0;", "+}", made=True))
    assert one(reply(mail_programs.thunderbird(new.body), mail_programs.FLOWED)).notes == ("quoted in a reply",)
    cut = mail_programs.thunderbird(new.body).replace(b"4 insertions", b"9 insertions")
    assert "its diffstat says" in refused(reply(cut))


def test_a_blank_for_each_time_that_it_was_quoted() -> None:
    twice = mail_programs.thunderbird(SOURCES["C"].body.replace(b"\n ", b"\n  "))
    assert one(reply(twice, mail_programs.FLOWED)).diff == C_FILE


def test_without_a_diffstat_only_a_flowed_quote_is_believed() -> None:
    body = WITHOUT_STAT.sub(b"", mail_programs.thunderbird(SOURCES["C"].body))
    assert one(reply(body, mail_programs.FLOWED)).diff == C_FILE
    assert one(reply(body)).diff != C_FILE  # nothing is made up


@pytest.mark.parametrize("known", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("extra", [mail_programs.FLOWED, ""], ids=["flowed", "not flowed"])
def test_a_quote_without_such_blanks_stays(known: Known, extra: str) -> None:
    """In a flowed mail a blank behind the mark is the mark's own: lines that begin with two are indented by one."""
    assert one(reply(quoted(known.body), extra)).diff == known.diff


def test_a_file_that_is_indented_everywhere_stays_without_a_diffstat() -> None:
    assert one(reply(WITHOUT_STAT.sub(b"", quoted(SOURCES["YAML"].body)))).diff == YAML


# --- tabs -----------------------------------------------------------------------------------------


TABS_LOST = {
    "Gmail": mail_programs.gmail,
    "Gmail, quoted twice": lambda text: mail_programs.gmail(text, b"> > "),
    "HTML": mail_programs.html,
}


@pytest.mark.parametrize("program", TABS_LOST.values(), ids=TABS_LOST)
@pytest.mark.parametrize(
    "diff",
    [
        C_FILE,
        diff_of("drivers/dma-buf/made.c", "+int made(void)", "+{", "+\treturn 0;", "+}", made=True),
        diff_of("drivers/dma-buf/Makefile", "+obj-y := made.o \\", "+\tother.o", made=True),
        diff_of("drivers/dma-buf/Kconfig", " config HEAP", "-\tbool", "+\ttristate"),
        diff_of("arch/arm64/boot/dts/x.dts", " / {", "+\tstatus = 1;", " };"),
        diff_of("MAINTAINERS", " HEAPS", "-S:\tOrphan", "+S:\tMaintained"),
    ],
    ids=["change", "new file", "Makefile", "Kconfig", "dts", "MAINTAINERS"],
)
def test_tabs_that_became_blanks(program: Callable[[bytes], bytes], diff: bytes) -> None:
    said = refused(reply(program(patch_of(diff).body)))
    assert "no tab" in said and "Gmail" in said and "Outlook" in said
    assert said.endswith("; give the mail that it answers, or the patch itself")


@pytest.mark.parametrize(
    "diff",
    [
        diff_of("Documentation/heap.rst", " Heaps", "+        code", " end"),
        diff_of("tools/heap.py", " def f():", "+        return 1", " end"),
        diff_of("rust/heap.rs", " fn f() {", "+        g();", " }"),
        diff_of("drivers/dma-buf/heap.c", " /*", "-  * one", "+  * two", "   */"),
        diff_of("drivers/dma-buf/heap.c", " /* Wrapped", "+  text, with no star", " */"),
        diff_of("drivers/dma-buf/heap.c", " int a;", "-#define A 1", "+#define A        2"),
        diff_of("drivers/dma-buf/heap.c", " \tint a;", "-        int b;", "+        int c;"),
    ],
    ids=["rst", "python", "rust", "comment", "text of a comment", "between words", "some tab is left"],
)
def test_blanks_that_are_the_files_own(diff: bytes) -> None:
    assert one(reply(quoted(patch_of(diff).body))).diff == diff


def test_mail_that_quotes_without_marks_is_held_to_the_same() -> None:
    lost = C_FILE.expandtabs(8)
    for name in ("RE: ", "AW: ", "答复: ", "SV: "):
        whole = header(f"{name}[PATCH] heap: count") + mail_programs.outlook(patch_of(C_FILE).body)
        assert one(whole).diff == C_FILE
        assert "quoted without marks in a reply" in one(whole).notes
        damaged = header(f"{name}[PATCH] heap: count") + mail_programs.outlook(patch_of(lost).body)
        assert "no tab" in refused(damaged)


HEADS = {
    "Outlook in Chinese": "__________\n发件人: Otto <otto@example.org>\n主题: [PATCH] heap: count\n\n",
    "a telephone, in German": "Am 22.07.2020 18:04 schrieb Otto Sender <otto@example.org>:\n",
    "on a telephone": "On Tue, 2 Jan 2024, 10:00 Otto Sender <otto@example.org> wrote:\n\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_heads_above_what_is_quoted_without_marks(head: str) -> None:
    lost = patch_of(C_FILE.expandtabs(8)).body
    assert "no tab" in refused(header(RE) + b"Fine.\n\n" + head.encode() + lost)
    assert one(header(RE) + b"Fine.\n\n" + head.encode() + patch_of(C_FILE).body).diff == C_FILE


@pytest.mark.parametrize("above", [b"I mean:\n\n", WROTE + b"> At 10:00:\n\nRather so, untested:\n\n"])
def test_diff_of_a_replys_own_is_as_it_was_sent(above: bytes) -> None:
    patch = one(header(RE) + above + C_FILE.expandtabs(8))
    assert patch.diff == C_FILE.expandtabs(8)
    assert "there is no tab in drivers/dma-buf/heap.c" in patch.notes[0]


def test_patch_without_tabs_is_taken_with_a_note() -> None:
    """It may be what was sent."""
    patch = one(header("[PATCH] heap: count") + patch_of(C_FILE.expandtabs(8)).body)
    assert any("there is no tab in drivers/dma-buf/heap.c" in note for note in patch.notes)
    assert not any("no tab" in note for note in one(header("[PATCH] heap: count") + patch_of(C_FILE).body).notes)


# --- wrapped lines --------------------------------------------------------------------------------


LONG = "drivers/dma-buf/heaps/a_heap_with_a_name_that_is_long.c"
LONG_NAME = diff_of(LONG, " int attach(void)", "-\tone();", "+\ttwo();", " }")


@pytest.mark.parametrize("mark", [b"", b"> "], ids=["no mark", "with the mark"])
def test_wrapped_header_of_a_file(mark: bytes) -> None:
    body = mail_programs.wrapped(patch_of(LONG_NAME).body, 72, mark)
    assert b"\n" + mark + f"b/{LONG}".encode() in body
    assert "mail program wrapped it" in refused(reply(body)) or mark
    assert "not whole" in refused(reply(body)) or not mark


def test_name_that_was_wrapped_at_a_dash() -> None:
    body = quoted(patch_of(LONG_NAME).body).replace(b"+++ b/drivers/dma-", b"+++ b/drivers/dma-\n")
    assert "differ: a mail program wrapped one" in refused(reply(body))


def test_renamed_file_has_two_names() -> None:
    diff = b"diff --git a/x.c b/y.c\nsimilarity index 90%\nrename from x.c\nrename to y.c\n--- a/x.c\n+++ b/y.c\n"
    known = patch_of(diff + b"@@ -1 +1 @@\n-a\n+b\n")
    assert one(reply(quoted(known.body))).diff == known.diff


def test_wrapped_last_line_of_a_hunk() -> None:
    last = diff_of("x.c", " \ta();", "+\tint a_long_name_of_that_kind = and_a_long_call(with_many, arguments_of_it);")
    body = mail_programs.wrapped(patch_of(last).body, 74)
    assert b"\narguments_of_it);\n" in body
    assert "may be the end of the quoted line before it" in refused(reply(body))


def test_wrapped_line_of_a_quote_in_a_quote() -> None:
    """The rest has one mark less."""
    name = "A_NAME_IN_CAPITALS_THAT_IS_VERY_LONG"
    long = diff_of("x.c", " \ta();", f"+\tcurrent = the_current_one = {name};", " \tb();", " \tc();", " \td();")
    body = quoted(quoted(patch_of(long).body))
    assert one(reply(body)).diff == long
    torn = body.replace(f" {name};".encode(), f"\n> {name};".encode())
    assert "may be the end of the quoted line before it" in refused(reply(torn))
    commented = body.replace(b">  \tb();\n", b">  \tb();\n> And why is b needed?\nSo.\n")
    assert one(reply(commented)).diff == long


# --- other characters -----------------------------------------------------------------------------


@pytest.mark.parametrize("old", [b"> +\ttwo", b">  \tif", b">  }"])
def test_no_break_spaces(old: bytes) -> None:
    body = quoted(SOURCES["C"].body)
    changed = body.replace(old, old[:3].replace(b"  ", b" \xc2\xa0") + b"\xc2\xa0" + old[3:], 1)
    said = refused(reply(changed))
    assert "no-break space" in said or "hunk header says" in said
    inside = patch_of(C_FILE.replace(b"two(", b"two(\xc2\xa0"))
    assert one(reply(quoted(inside.body))).diff == inside.diff  # in a text it may be the author's


@pytest.mark.parametrize(
    "address",
    [
        b"https://protect2.fireeye.com/v1/url?k=1&u=http://devicetree.org/",
        b"https://urldefense.com/v3/__http://devicetree.org/__;!!x",
        b"https://urldefense.proofpoint.com/v2/url?u=http-3A__devicetree.org",
        b"https://nam12.safelinks.protection.outlook.com/?url=http",
    ],
)
def test_addresses_that_a_gateway_replaced(address: bytes) -> None:
    plain = b"http://devicetree.org/"
    known = patch_of(diff_of("Documentation/heap.yaml", f"+$id: {plain.decode()}", made=True))
    assert one(reply(quoted(known.body))).diff == known.diff
    assert "mail gateway" in refused(reply(quoted(known.body.replace(plain, address))))


def test_blanks_that_claws_mail_adds_above_a_comment() -> None:
    body = mail_programs.claws(SOURCES["C"].body, b" \tif (x)")
    assert "Claws Mail" in refused(reply(body))
    assert one(reply(body.replace(b"  \nWhy", b"\nWhy"))).diff == C_FILE
    own = patch_of(C_FILE.replace(b"two(first, second);", b"two(first, second);  "))
    assert one(reply(quoted(own.body))).diff == own.diff


# --- without a diffstat ---------------------------------------------------------------------------


def test_without_diffstat_and_message_the_beginning_may_be_missing() -> None:
    diff = RST + C_FILE
    assert "diffstat is not quoted" in refused(reply(quoted(diff)))
    assert "diffstat is not quoted" in refused(reply(b"> It has reasons.\n> \nI see.\n> \n" + quoted(C_FILE)))
    signed = b"It has reasons.\n\nSigned-off-by: A <a@b.example>\n"
    assert "diffstat is not quoted" in refused(reply(quoted(signed + b"\nv2: less\n\n" + diff)))
    for message in (signed, signed + b"---\n", b"How about this?\n\n"):
        patch = one(reply(quoted(message + diff)))
        assert patch.diff == diff
        assert "quoted without its diffstat" in patch.notes[1]
