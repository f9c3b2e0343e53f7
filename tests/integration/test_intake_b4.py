# SPDX-License-Identifier: GPL-2.0-only
"""The real b4, against an archive of our own: what it makes of a thread, and what it says when there is none."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import process
from harness.errors import InfrastructureError
from harness.intake import read_patches
from tests.support.fake_archive import FakeArchive, served
from tests.support.mail_shapes import SEPARATOR

AUTHOR, REVIEWER = "Ann Author <ann@example.org>", "Rev Iewer <rev@example.org>"
# Without one, b4 0.12 ends in silence where an answer has a tag.
IDENTITY = "[user]\n\tname = Test Er\n\temail = tester@example.org\n"


def mail(number: int, subject: str, body: str, answers: str = "", sender: str = AUTHOR) -> bytes:
    head = f"From: {sender}\nTo: list@example.org\nSubject: {subject}\n"
    head += f"Date: Tue, 24 Nov 2026 10:00:0{number} +0000\nMessage-ID: <{number}@example.org>\n"
    head += f"In-Reply-To: <{answers}>\nReferences: <{answers}>\n" if answers else ""
    return SEPARATOR + f"{head}\n{body}\n".encode()


def diff(name: str) -> str:
    return f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-old\n+new\n"


def patch(name: str) -> str:
    return f"Why.\n\nSigned-off-by: {AUTHOR}\n---\n {name} | 2 +-\n\n{diff(name)}-- \n2.39\n"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeArchive]:
    """A thread of two patches, the second sent first, and an answer; b4 is configured for this archive."""
    if process.which("b4") is None:
        pytest.skip("b4 is not installed; ci/setup does that")
    review = f"> Why.\n\nReviewed-by: {REVIEWER}\n"
    thread = [
        mail(0, "[PATCH 0/2] two", "Both.\n\nbase-commit: " + "1" * 40),
        mail(2, "[PATCH 2/2] udmabuf: second", patch("b"), "0@example.org"),
        mail(1, "[PATCH 1/2] udmabuf: first", patch("a"), "0@example.org"),
        mail(3, "Re: [PATCH 1/2] udmabuf: first", review, "1@example.org", REVIEWER),
    ]
    files = {"/all/1%40example.org/t.mbox.gz": gzip.compress(b"".join(thread))}
    with served(FakeArchive(tmp_path, files)) as archive:
        (tmp_path / ".gitconfig").write_text(f"[b4]\n\tmidmask = {archive.url}/all/%s\n{IDENTITY}")
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        for name in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "XDG_DATA_HOME"):
            monkeypatch.delenv(name, raising=False)
        yield archive


def test_a_message_id_gives_its_series_with_the_tags_of_the_answers(archive: FakeArchive) -> None:
    patches = read_patches([Path("lore:1@example.org")])
    assert [one.subject for one in patches] == ["udmabuf: first", "udmabuf: second"]
    assert patches[0].base_commit == "1" * 40
    assert f"Reviewed-by: {REVIEWER}" in patches[0].tags
    assert f"Reviewed-by: {REVIEWER}" not in patches[1].tags
    assert [one.diff for one in patches] == [diff("a").encode(), diff("b").encode()]
    assert archive.asked


def test_a_message_that_no_archive_has(archive: FakeArchive) -> None:
    with pytest.raises(InfrastructureError, match=r"lore:none@example\.org: b4 cannot get it: .+; try again, or save"):
        read_patches([Path("lore:none@example.org")])
