# SPDX-License-Identifier: GPL-2.0-only
"""The diff parser: what git writes, what people damage, and whatever else may come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UserError
from harness.intake import added_symbols, diff_parser, facts_of, read_text, reversed_patch
from harness.intake.diff_parser import parse_diff
from harness.intake.patch_identity import rivals
from harness.unified_diff import Diff

GIT = b"""\
diff --git a/drivers/dma-buf/dma-buf.c b/drivers/dma-buf/dma-buf.c
index afb8c1c50..e1afab67c 100644
--- a/drivers/dma-buf/dma-buf.c
+++ b/drivers/dma-buf/dma-buf.c
@@ -10,4 +10,5 @@ static int show(void)
 one
-two
+TWO
+2
 three
\x20
@@ -30,2 +31,2 @@
-old
+new
 end
"""


def test_hunks_give_added_lines_of_the_patched_file() -> None:
    diff = parse_diff(b"Some words.\n---\n 1 file changed\n\n" + GIT + b"-- \n2.39.5\n\n", "x.patch")
    [file] = diff.files
    assert (file.old, file.new, file.mode) == ("drivers/dma-buf/dma-buf.c", "drivers/dma-buf/dma-buf.c", "100644")
    assert diff.added == {"drivers/dma-buf/dma-buf.c": frozenset({11, 12, 31})}
    assert [hunk.line for hunk in file.hunks] == [9, 16]
    assert file.hunks[0].before == (b"one", b"two", b"three", b"")
    assert file.hunks[0].after == (b"one", b"TWO", b"2", b"three", b"")
    assert diff.data == GIT
    assert diff.strip == 1


def test_blank_of_an_empty_context_line_may_be_stripped() -> None:
    stripped = GIT.replace(b"\n \n", b"\n\n")
    assert parse_diff(stripped, "x").files[0].hunks[0].before[-1] == b""


def test_plain_diff_with_dates_creates_and_deletes() -> None:
    text = (
        b"diff -uprN linux.orig/lib/new.c linux/lib/new.c\n"
        b"--- linux.orig/lib/new.c\t1970-01-01 00:00:00.000000000 +0000\n"
        b"+++ linux/lib/new.c\t2026-11-24 06:00:00.000000000 +0000\n"
        b"@@ -0,0 +1 @@\n+int x;\n"
        b"--- linux.orig/lib/old.c\t2026-11-24 06:00:00.000000000 +0000\n"
        b"+++ /dev/null\n"
        b"@@ -1 +0,0 @@\n-int y;\n"
    )
    assert [(file.old, file.new) for file in parse_diff(text, "x").files] == [(None, "lib/new.c"), ("lib/old.c", None)]


def test_rename_copy_mode_and_empty_file() -> None:
    text = (
        b"diff --git a/a b.c b/c d.c\nsimilarity index 100%\nrename from a b.c\nrename to c d.c\n"
        b"diff --git a/scripts/x.sh b/scripts/x.sh\nold mode 100644\nnew mode 100755\n"
        b"diff --git a/empty b/empty\nnew file mode 100644\nindex 000000000..e69de29bb\n"
        b"diff --git a/gone b/gone\ndeleted file mode 100644\nindex e69de29bb..000000000\n"
        b'diff --git "a/tab\\there" "b/tab\\there"\nold mode 100644\nnew mode 100755\n'
    )
    files = parse_diff(text, "x").files
    assert [(file.old, file.new) for file in files] == [
        ("a b.c", "c d.c"),
        ("scripts/x.sh", "scripts/x.sh"),
        (None, "empty"),
        ("gone", None),
        ("tab\there", "tab\there"),
    ]
    assert files[1].mode == "100755"


@pytest.mark.parametrize(
    ("text", "strip", "name"),
    [
        (GIT, 1, "drivers/dma-buf/dma-buf.c"),
        (GIT.replace(b" a/", b" ").replace(b" b/", b" "), 0, "drivers/dma-buf/dma-buf.c"),
        (GIT.replace(b" a/", b" i/").replace(b" b/", b" w/"), 1, "drivers/dma-buf/dma-buf.c"),
        (b"diff --git x/y x/z\nrename from x/y\nrename to x/z\n", 0, "x/z"),
        (b"--- lib/a.c\n+++ lib/a.c\n@@ -1 +1 @@\n-a\n+b\n", 0, "lib/a.c"),
    ],
    ids=["prefix", "noprefix", "mnemonic", "noprefix rename", "plain noprefix"],
)
def test_prefixes(text: bytes, strip: int, name: str) -> None:
    diff = parse_diff(text, "x")
    assert (diff.strip, diff.files[0].path) == (strip, name)


def test_line_ends_of_transport_go_and_those_of_the_file_stay() -> None:
    of_file = GIT.replace(b"TWO\n", b"TWO\r\n")
    assert parse_diff(of_file, "x").data == of_file
    assert parse_diff(GIT.replace(b"\n", b"\r\n"), "x").data == GIT
    assert parse_diff(of_file.replace(b"\n", b"\r\n"), "x").data == of_file


def test_missing_newline_at_the_end_is_kept() -> None:
    text = b"--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
    diff = parse_diff(text, "x")
    assert diff.data == text
    assert diff.files[0].hunks[0].after == (b"b",)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (GIT[:-5], "x, line 12: hunk header says 2 old and 2 new lines, has 1 and 1"),
        (GIT.replace(b"+2\n", b""), "x, line 5: hunk header says 4 old and 5 new lines, has 4 and 4"),
        (GIT.replace(b"+2\n", b"+2\n+3\n"), "x, line 5: hunk header says 4 old and 5 new lines, has 4 and 6"),
        (GIT + b"+one too many\n", "x, line 16: hunk has more lines"),
        (GIT.replace(b" three\n", b"three\n"), "x, line 5: hunk header says 4 old and 5 new lines, has 2 and 3"),
        (GIT[: GIT.index(b"+++")], "line 3: the patch is cut off in the header of a file"),
        (GIT[: GIT.index(b"---")], "line 3: the patch is cut off in the header of a file"),
        (GIT[: GIT.index(b"@@")], "line 5: a file without hunks"),
        (GIT[GIT.index(b"@@") :], "line 1: hunk without the file"),
        (b"diff --cc a.c\n", "line 1: a merge"),
        (b"diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 3\n", "line 3: binary patches"),
        (b"diff --git a/x b/x\nindex 1..2 100644\nBinary files a/x and b/x differ\n", "line 3: binary patches"),
    ],
)
def test_damage_is_named_with_its_line(text: bytes, what: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_diff(text, "x")
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


ODD = b"""--- /dev/null
+++ b/x
@@ -1 +1 @@
@@ -0,0 +1,2 @@
\\ No newline
> -a
rename from a
rename to b
new file mode 120000
GIT binary patch
diff --git "a/\\0
--\x20
\r"""
LINES = st.sampled_from([*GIT.split(b"\n"), *ODD.split(b"\n")])


@given(st.lists(LINES | st.binary(max_size=20), max_size=40))
def test_any_input_is_read_or_refused_and_what_is_read_reads_again(lines: list[bytes]) -> None:
    try:
        diff = parse_diff(b"\n".join(lines), "fuzz")
    except UserError as error:
        assert error.where.startswith("fuzz, line ")
        return
    again = parse_diff(diff.data, "fuzz")
    assert [(file.old, file.new) for file in again.files] == [(file.old, file.new) for file in diff.files]
    assert again.data == diff.data


def test_each_line_is_looked_at_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.intake import diff_parser as module

    def looks(hunks: int) -> int:
        count = 0
        plain = module._Reader._peek

        def counting(self: module._Reader, ahead: int = 0) -> bytes:
            nonlocal count
            count += 1
            return plain(self, ahead)

        with monkeypatch.context() as patch:
            patch.setattr(module._Reader, "_peek", counting)
            body = b"".join(b"@@ -%d,2 +%d,2 @@\n-a\n+b\n c\n" % (n, n) for n in range(1, 3 * hunks, 3))
            parse_diff(b"--- a/f\n+++ b/f\n" + body, "x")
        return count

    assert looks(400) <= 2 * looks(200)


def test_a_diff_is_read_once_where_it_is_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    plain = diff_parser._Reader.read

    def counting(self: diff_parser._Reader) -> Diff:
        reads.append(self._origin)
        return plain(self)

    monkeypatch.setattr(diff_parser._Reader, "read", counting)
    patches = read_text(GIT, "x.patch")
    assert rivals((*patches, *patches)) is not None
    assert facts_of(patches).files == patches[0].files == ("drivers/dma-buf/dma-buf.c",)
    assert added_symbols(patches) == ()
    assert reads == ["x.patch"]
    assert reversed_patch(patches[0]).parsed.files != patches[0].parsed.files  # a text that nobody has read yet
    assert reads == ["x.patch", "x.patch, reversed"]
