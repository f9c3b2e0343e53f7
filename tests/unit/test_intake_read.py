# SPDX-License-Identifier: GPL-2.0-only
"""Patches as mail programs, list archives and people hand them over."""

from __future__ import annotations

import base64
import gzip
import quopri
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import UserError
from harness.intake import patch_sources, read_patches

DIFF = b"""\
diff --git a/drivers/dma-buf/dma-buf.c b/drivers/dma-buf/dma-buf.c
index 1111111..2222222 100644
--- a/drivers/dma-buf/dma-buf.c
+++ b/drivers/dma-buf/dma-buf.c
@@ -1,3 +1,4 @@
 /* K\xc3\xb6nig = 1 */
-\tint a;\x20
+\tint b = 0x3D;
+\tint c;
 }
"""
BODY = (
    b"Reasons.\n\nSigned-off-by: A <a@example.com>\n---\n drivers/dma-buf/dma-buf.c | 3 ++-\n\n"
    + DIFF
    + b"-- \n2.39.5\n\n"
)
HEAD = b"From: Ada <ada@example.com>\nSubject: %s\nDate: Tue, 24 Nov 2026 06:00:00 +0000\n"
SEPARATOR = b"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n"


def mail(subject: bytes = b"[PATCH] dma-buf: b", body: bytes = BODY, extra: bytes = b"") -> bytes:
    return HEAD % subject + extra + b"\n" + body


def other_diff(number: int) -> bytes:
    return DIFF.replace(b"int c", b"int c%d" % number)


def write(directory: Path, data: bytes, name: str = "x.patch") -> Path:
    path = directory / name
    path.write_bytes(data)
    return path


def refused(*paths: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_patches(paths)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.where
    assert caught.value.hint
    return text


def multipart(*, attached: bool) -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Ada <ada@example.com>", "[PATCH] dma-buf: b"
    message.set_content("See the attachment.\n" if attached else BODY.decode(), cte="quoted-printable")
    if attached:
        message.add_attachment(BODY, maintype="application", subtype="octet-stream", filename="0001-b.patch")
    else:
        message.add_alternative("<pre>" + BODY.decode() + "</pre>", subtype="html")
    return message.as_bytes()


def encoded(cte: bytes, body: bytes, charset: bytes = b"utf-8") -> bytes:
    return mail(
        body=body,
        extra=b"MIME-Version: 1.0\nContent-Type: text/plain; charset=%s\nContent-Transfer-Encoding: %s\n"
        % (charset, cte),
    )


SHAPES = {
    "git format-patch": SEPARATOR + mail(),
    "mail without a separator": mail(),
    "bare diff": DIFF,
    "git show": b"commit 0123\nAuthor: Ada <ada@example.com>\n\n    dma-buf: b\n\n" + DIFF,
    "CRLF mail": mail().replace(b"\n", b"\r\n"),
    "CRLF diff": DIFF.replace(b"\n", b"\r\n"),
    "byte order mark": b"\xef\xbb\xbf" + DIFF,
    "leading blank lines": b"\n\n" + mail(),
    "8bit": encoded(b"8bit", BODY),
    "quoted-printable": encoded(b"quoted-printable", quopri.encodestring(BODY)),
    "base64": encoded(b"base64", base64.encodebytes(BODY)),
    "base64 of CRLF text": encoded(b"base64", base64.encodebytes(BODY.replace(b"\n", b"\r\n"))),
    "CRLF quoted-printable": encoded(b"quoted-printable", quopri.encodestring(BODY)).replace(b"\n", b"\r\n"),
    "Latin-1": encoded(b"quoted-printable", quopri.encodestring(BODY.decode().encode("latin-1")), b"iso-8859-1"),
    "UTF-8 that says it is Latin-1": encoded(b"8bit", BODY, b"iso-8859-1"),
    "unknown charset": encoded(b"8bit", BODY, b"x-unheard-of"),
    "UTF-16 in base64": encoded(b"base64", base64.encodebytes(BODY.decode().encode("utf-16")), b"utf-16"),
    "multipart/alternative": multipart(attached=False),
    "attachment": multipart(attached=True),
    "no newline at the end": mail(body=BODY.rstrip()[: -len(b"-- \n2.39.5")].rstrip(b"\n")),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_exact_diff(shape: str, tmp_path: Path) -> None:
    [patch] = read_patches([write(tmp_path, SHAPES[shape])])
    assert patch.diff == DIFF
    assert patch.files == ("drivers/dma-buf/dma-buf.c",)
    assert patch.added == {"drivers/dma-buf/dma-buf.c": frozenset({2, 3})}


def test_format_flowed_is_undone(tmp_path: Path) -> None:
    context = DIFF.replace(b"a; \n", b"a;\n").replace(b"-1,3 +1,4", b"-1,4 +1,5") + b" \n"
    stuffed = b"\n".join(b" " + line for line in context.split(b"\n"))
    wrapped = stuffed.replace(b"int b = 0x3D", b"int b = \n0x3D")
    [patch] = read_patches([write(tmp_path, encoded(b"8bit", wrapped, b"utf-8; format=flowed"))])
    assert patch.diff == context


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        (b"[PATCH] dma-buf: b", "dma-buf: b"),
        (b"Re: [Intel-gfx] [RFC PATCH v15 1/7] dma-buf: add [x] y", "dma-buf: add [x] y"),
        (b"[PATCH 1/2]\n dma-buf: a long\n title", "dma-buf: a long title"),
        (b"=?utf-8?q?=5BPATCH=5D_dma-buf=3A_K=C3=B6nig?=", "dma-buf: König"),
        (b"=?x-unheard-of?b?w7Y=?=", "ö"),
        (b"[PATCH] dma-buf: K\xc3\xb6nig", "dma-buf: König"),
        (b"dma-buf: b", "dma-buf: b"),
    ],
)
def test_subjects(raw: bytes, title: str, tmp_path: Path) -> None:
    assert read_patches([write(tmp_path, mail(raw))])[0].subject == title


def test_author_in_the_body_wins_over_the_list_that_sent_it(tmp_path: Path) -> None:
    [patch] = read_patches([write(tmp_path, mail(body=b"From: Bob <bob@example.com>\n\n" + BODY))])
    assert patch.author == "Bob <bob@example.com>"
    assert read_patches([write(tmp_path, mail())])[0].author == "Ada <ada@example.com>"


def test_mbox_is_sorted_and_cover_replies_and_copies_are_left_out(tmp_path: Path) -> None:
    one, two = other_diff(1), other_diff(2)
    messages = [
        mail(b"[PATCH v2 2/2] second", two),
        mail(b"[PATCH v2 0/2] cover", b"Hello.\n"),
        mail(b"Re: [PATCH v2 1/2] first", b"> " + one.replace(b"\n", b"\n> ") + b"\nNice.\n"),
        mail(b"[PATCH v2 1/2] first", one),
        mail(b"[PATCH v2 1/2] first", one),
        mail(b"Thoughts", b"No patch here.\n"),
    ]
    mbox = write(tmp_path, b"".join(SEPARATOR + message + b"\n" for message in messages), "t.mbox")
    patches = read_patches([mbox])
    assert [patch.subject for patch in patches] == ["first", "second"]
    assert [patch.diff for patch in patches] == [one, two]
    assert patches[0].origin == f"{mbox}, message 4"


def test_mbox_without_numbers_keeps_its_order(tmp_path: Path) -> None:
    data = b"".join(SEPARATOR + mail(b"[PATCH] p%d" % n, at(b"f%d" % n)) + b"\n" for n in (3, 1, 2))
    assert [patch.subject for patch in read_patches([write(tmp_path, data)])] == ["p3", "p1", "p2"]


@pytest.mark.parametrize(
    ("subjects", "what"),
    [
        ((b"[PATCH 1/4] a", b"[PATCH 3/4] c"), "lacks patches 2, 4 of 4"),
        ((b"[PATCH 2/2] b", b"[PATCH 0/2] cover"), "lacks patch 1 of 2"),
        ((b"[PATCH 1/2] a", b"[PATCH 1/2] other", b"[PATCH 2/2] b"), "holds patch 1 twice"),
        (
            (b"[PATCH 1/2] a", b"[PATCH v2 2/2] b"),
            "holds several series; take one with --pick N or --pick SUBJECT of: ",
        ),
        ((b"[PATCH 1/2] a", b"[PATCH 3/2] c"), "holds patch 3 of 2"),
        ((b"[PATCH 1/2] a", b"[PATCH 2/3] b"), "series of 2 and 3 patches"),
        ((b"[PATCH 1/2] a", b"[PATCH] b"), "some mails are numbered"),
    ],
)
def test_incomplete_and_mixed_series_are_refused(subjects: tuple[bytes, ...], what: str, tmp_path: Path) -> None:
    parts = [mail(subject, other_diff(n)) for n, subject in enumerate(subjects)]
    assert what in refused(write(tmp_path, b"".join(SEPARATOR + part + b"\n" for part in parts)))


def test_one_patch_of_a_series_may_be_given_alone(tmp_path: Path) -> None:
    assert read_patches([write(tmp_path, mail(b"[PATCH 2/7] b"))])[0].subject == "b"


def test_directory_is_read_in_series_order(tmp_path: Path) -> None:
    write(tmp_path, mail(b"[PATCH 0/2] cover", b"Hello.\n"), "0000-cover-letter.patch")
    write(tmp_path, mail(b"[PATCH 2/2] b", other_diff(2)), "a.patch")
    write(tmp_path, mail(b"[PATCH 1/2] a", other_diff(1)), "b.patch")
    write(tmp_path, b"not a patch", "notes.txt")
    assert [patch.subject for patch in read_patches([tmp_path])] == ["a", "b"]


def test_paths_keep_the_order_given(tmp_path: Path) -> None:
    one = write(tmp_path, mail(b"[PATCH 1/2] a", other_diff(1)), "1.patch")
    two = write(tmp_path, mail(b"[PATCH 2/2] b", other_diff(2)), "2.patch")
    assert [patch.subject for patch in read_patches([two, one])] == ["b", "a"]


def test_same_patch_twice_is_refused(tmp_path: Path) -> None:
    one, two = write(tmp_path, mail(), "1.patch"), write(tmp_path, DIFF, "2.patch")
    assert f"{two}: is the same patch as {one}" in refused(one, two)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (HEAD % b"[PATCH] x" + b"\n", "the mail is empty"),
        (HEAD % b"[PATCH] x" + b"\nNo diff.\n", "no diff in it"),
        (b"Just words.\n", "no diff in it"),
        (bytes(range(256)) * 8, "binary data"),
        (b"\x7fELF\x02\x01\x01\0\0\0", "binary data"),
        (b"\x1f\x8b\x08rest", "damaged gzip data"),
        (gzip.compress(DIFF)[:-9], "gzip data that ends too early"),
        (b"\x28\xb5\x2f\xfdrest", "compressed with zstd"),
        (DIFF.decode().encode("utf-16"), "UTF-16"),
        (mail(body=BODY.replace(b"+\tint c;\n", b"")), "line 15: hunk header says 3 old and 4 new lines, has 3 and 3"),
        (SEPARATOR + mail(body=BODY.replace(b"+\tint c;\n", b"")), "line 16: hunk header says"),
        (encoded(b"base64", base64.encodebytes(DIFF[:-20])), "decoded text, line 5: hunk header says"),
    ],
)
def test_what_is_no_patch_is_refused(data: bytes, what: str, tmp_path: Path) -> None:
    assert what in refused(write(tmp_path, data))


def test_missing_file_and_empty_directory(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "gone.patch")
    assert "directory without *.patch files" in refused(tmp_path)


def test_huge_input_is_refused_without_reading_it_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patch_sources, "MAX_BYTES", 1 << 20)
    assert "larger than 1 MiB" in refused(Path("/dev/zero"))
    assert len(read_patches([write(tmp_path, DIFF + b"x" * 1000)])) == 1


def at(name: bytes, mode: bytes = b"100644", content: bytes = b"x") -> bytes:
    return (
        b"diff --git a/%s b/%s\nnew file mode %s\nindex 0000000..1111111\n--- /dev/null\n+++ b/%s\n@@ -0,0 +1 @@\n+%s\n"
        % (name, name, mode, name, content)
    )


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (at(b"../../etc/passwd"), "'../../etc/passwd' is outside the kernel tree"),
        (at(b"drivers/../../x"), "is outside"),
        (at(b".git/hooks/pre-commit"), "is outside"),
        (at(b"tools/.GIT/config"), "is outside"),
        (b"--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", "'/etc/passwd' is outside"),
        (b"diff --git a/x b/../y\nrename from x\nrename to ../y\n", "'../y' is outside"),
        (b"diff --git a/x b/y\nrename from ../x\nrename to y\n", "'../x' is outside"),
        (b'--- "a/..\\057x"\n+++ "b/..\\057x"\n@@ -1 +1 @@\n-a\n+b\n', "is outside"),
        (at(b"tools/link", b"120000", b"/etc"), "the symbolic link 'tools/link' points out of the kernel tree"),
        (at(b"tools/link", b"120000", b"../.."), "the symbolic link 'tools/link' points out of the kernel tree"),
        (at(b"link", b"120000", b"d/d/../../etc"), "may lead out of the kernel tree, to 'd/d/../../etc'; write its"),
        (at(b"a/b/link", b"120000", b".././d//../x"), "may lead out of the kernel tree"),
        (at(b"tools/link", b"120000", b"../../etc"), "points out"),
        (at(b"tools/link", b"120000", b"../.git/config"), "points out"),
        (at(b"vendored", b"160000", b"Subproject commit 1"), "is a submodule"),
        (at(b"dev/null0", b"020666"), "is neither a file nor a symbolic link"),
        (b'--- "a/x\\000y"\n+++ "b/x\\000y"\n@@ -1 +1 @@\n-a\n+b\n', r"'x\x00y' is no name that a file can have"),
    ],
)
def test_what_leaves_the_tree_is_refused(data: bytes, what: str, tmp_path: Path) -> None:
    assert what in refused(write(tmp_path, data))


@pytest.mark.parametrize("target", [b"../lib/x", b"x", b"./.././lib//x/./y", b"..", b"a..b/..c"])
def test_symbolic_link_within_the_tree_is_fine(target: bytes, tmp_path: Path) -> None:
    [patch] = read_patches([write(tmp_path, at(b"tools/link", b"120000", target))])
    assert patch.files == ("tools/link",)


def test_endlessly_nested_mail_is_refused(tmp_path: Path) -> None:
    part = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    assert "nested too deep" in refused(write(tmp_path, HEAD % b"x" + b"".join(part % (n, n) for n in range(2000))))


MULTIPART = b"Content-Type: multipart/mixed; boundary=q\n"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from([SEPARATOR, DIFF, b"\n", HEAD % b"[PATCH 1/2] x", MULTIPART])
        | st.sampled_from([b"--q\n", b"Content-Transfer-Encoding: base64\n", b"Subject: =?utf-8?b?x?=\n", b"--q--\n"])
        | st.sampled_from([b"Content-Type: text/plain; charset=%s; format=flowed\n" % c for c in (b"utf-7", b"rot13")])
        | st.binary(max_size=30),
        max_size=12,
    )
)
def test_any_bytes_are_read_or_refused(pieces: list[bytes], tmp_path: Path) -> None:
    path = write(tmp_path, b"".join(pieces))
    try:
        patches = read_patches([path])
    except UserError as error:
        assert "\n" not in str(error)
        return
    assert all(patch.files and patch.diff for patch in patches)
