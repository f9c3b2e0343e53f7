# SPDX-License-Identifier: GPL-2.0-only
"""Directories of patches: which files count, and in which order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.intake import read_patches

LONG = "n" * 300


def diff(name: str) -> str:
    return f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n"


def fill(directory: Path, *names: str) -> Path:
    """Each patch changes a file that is named after it."""
    for name in names:
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(diff(name.replace("/", "_")))
    return directory


def order(directory: Path) -> list[str]:
    return [patch.files[0] for patch in read_patches([directory])]


@pytest.mark.parametrize(
    "names",
    [
        ["1-foo.patch", "2-foo.patch", "10-foo.patch"],
        ["0001-foo.patch", "0002-foo.patch", "0010-foo.patch"],
        ["v2-0001-z.patch", "v2-0002-a.patch", "v10-0001-a.patch"],
        ["1.patch", "01-b.patch", "a.patch", "a2.patch", "a10b1.patch", "a10b02.patch", "b.patch"],
    ],
    ids=lambda names: names[0],
)
def test_numbers_in_names_count_as_numbers(names: list[str], tmp_path: Path) -> None:
    assert order(fill(tmp_path, *names)) == names


def test_quilt_says_the_order(tmp_path: Path) -> None:
    fill(tmp_path, "a.patch", "b.patch", "c.diff", "sub/d.patch", "stray.patch")
    (tmp_path / "series").write_text(
        "# ours\n\nb.patch -p1 # first\n  c.diff\t\nsub/d.patch#1\n\ta.patch\n#stray.patch\n"
    )
    with pytest.raises(UserError, match=r"series, line 5: 'sub/d\.patch#1' is no file"):
        read_patches([tmp_path])
    (tmp_path / "series").write_text(
        "# ours\n\nb.patch -p1 # first\n  c.diff\t\nsub/d.patch\n\ta.patch\n#stray.patch\n"
    )
    assert order(tmp_path) == ["b.patch", "c.diff", "sub_d.patch", "a.patch"]
    first, *others = read_patches([tmp_path])
    assert first.notes == (
        f"in the order of the file series in {tmp_path}",
        "left out, not in the file series: stray.patch",
    )
    assert not any(patch.notes for patch in others)


def test_numbers_of_mails_do_not_count_against_a_list(tmp_path: Path) -> None:
    for name, subject in (("a.patch", "[PATCH 1/2] x"), ("b.patch", "[PATCH 2/2] y"), ("c.patch", "[PATCH 2/9] z")):
        (tmp_path / name).write_text(f"From: A <a@b.example>\nSubject: {subject}\n\nText.\n---\n{diff(name)}")
    (tmp_path / "series").write_text("b.patch\nc.patch\na.patch\n")
    assert order(tmp_path) == ["b.patch", "c.patch", "a.patch"]
    [third] = read_patches([tmp_path], pick="3")
    assert third.subject == "x"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("b.patch -p0", "b.patch is applied with -p0; only -p1 can be"),
        ("b.patch -R", "b.patch is applied with -R"),
        ("gone.patch", "'gone.patch' is no file in this directory"),
        ("../b.patch", "'../b.patch' is no file in this directory"),
        ("/etc/passwd", "'/etc/passwd' is no file"),
        (LONG, f"'{LONG}' is no file"),
    ],
)
def test_list_that_cannot_be_followed(line: str, what: str, tmp_path: Path) -> None:
    fill(tmp_path, "a.patch", "b.patch")
    (tmp_path / "series").write_text(f"a.patch\n{line}\n")
    with pytest.raises(UserError, match=re.escape(f"{tmp_path}/series, line 2: {what}")):
        read_patches([tmp_path])


def test_directory_called_series_is_none(tmp_path: Path) -> None:
    (fill(tmp_path, "a.patch") / "series").mkdir()
    assert order(tmp_path) == ["a.patch"]


def test_list_without_patches(tmp_path: Path) -> None:
    (fill(tmp_path, "a.patch") / "series").write_text("# none\n")
    with pytest.raises(UserError, match="directory without"):
        read_patches([tmp_path])


def test_directory_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UserError, match="cannot be read: Permission denied; give a mail"):
        read_patches([tmp_path])
    for question in ("exists", "is_dir", "open"):
        monkeypatch.setattr(Path, question, refuse)
    with pytest.raises(UserError, match="cannot be read: Permission denied; give a mail"):
        read_patches([tmp_path])
