# SPDX-License-Identifier: GPL-2.0-only
"""Hundreds of mails, made of patches of ours: each comes out exact, as git's own patch-id says."""

from __future__ import annotations

import itertools
import subprocess

import pytest

from harness.errors import UserError
from harness.intake import read_patches, read_text
from harness.intake.diff_parser import parse_diff
from harness.intake.patch_identity import patch_id
from tests.support.mail_shapes import AUTHOR, BODIES, TAG, Known, archive_page, known_patches, shapes
from tests.support.seed import seed_mail

SHAPES = {name: (known, data) for name, known, data in shapes()}


def git_patch_ids(diffs: list[bytes]) -> list[str]:
    """What git says of each; the ids that it prints beside them tell where one begins."""
    text = b"".join(b"commit %040x\n" % number + diff for number, diff in enumerate(diffs, 1))
    done = subprocess.run(["git", "patch-id", "--stable"], input=text, capture_output=True, check=True)
    return [line.split()[0] for line in done.stdout.decode().splitlines()]


def test_there_are_many() -> None:
    assert len(SHAPES) >= 500
    assert len(known_patches()) >= 5


@pytest.mark.parametrize("body", BODIES)
def test_every_shape_comes_out_exact(body: str) -> None:
    chosen = {name: shape for name, shape in SHAPES.items() if name.split(", ", 1)[1].rpartition(", ")[0] == body}
    assert len(chosen) >= 50
    diffs, ids = [], []
    for name, (known, data) in chosen.items():
        [patch] = read_text(data, name)
        assert patch.diff == known.diff, name
        assert patch.subject == known.title, name
        assert patch.author == (AUTHOR if WROTE_IN[body] else "Bob <bob@example.com>"), name
        assert (TAG in patch.tags) == (body != "diff alone"), name
        diffs.append(patch.diff)
        ids.append(patch.patch_id)
    assert ids == git_patch_ids(diffs)


# Where the quote says whose it is, by a line above it or by its first Signed-off-by.
WROTE_IN = {body: "quoted" in body for body in BODIES}


SECTIONS = {
    "mode": "old mode 100644\nnew mode 100755\n",
    "rename": "similarity index 100%\nrename from x/rename\nrename to y/rename\n",
    "empty": "new file mode 100644\nindex 0000000..e69de29\n",
    "gone": "deleted file mode 100644\nindex e69de29..0000000\n",
    "mode and text": "old mode 100644\nnew mode 100755\nindex 1..2\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n",
    "text": "index 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-diff\n+c\n -- \n@@ -9,0 +9 @@\n+d\n",
    "end": "index 1..2 100644\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n",
    "new": "new file mode 100644\nindex 0..2\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+--- a\n",
}


def test_files_without_hunks_count_as_git_counts_them() -> None:
    """git goes on with the same sum there, so that the order matters."""
    orders = [order for count in (1, 2, 3, 4) for order in itertools.permutations(SECTIONS, count)]
    diffs = [
        "".join(f"diff --git a/x/{name} b/x/{name}\n{SECTIONS[name]}" for name in order).replace(" text", "-text")
        for order in orders
    ]
    found = [patch_id(parse_diff(diff.encode(), "x")) for diff in diffs]
    assert found == git_patch_ids([diff.encode() for diff in diffs])
    assert len(set(found)) > len(SECTIONS)


@pytest.mark.parametrize("known", known_patches(), ids=lambda known: known.name)
def test_page_of_a_list_archive(known: Known) -> None:
    [patch] = read_text(archive_page(known), "page.txt")
    assert patch.diff == known.diff
    assert (patch.author, patch.date) == (AUTHOR, "2020-02-19T13:59:04+01:00")
    assert patch.tags[:2] == (TAG, "Reviewed-by: Bob <bob@example.com>")


def test_the_mail_that_the_project_began_with() -> None:
    [patch] = read_patches([seed_mail()])
    assert git_patch_ids([patch.diff]) == [patch.patch_id] == ["7cabf4b664ae9d87dc4e1d439851adb79c3ec4e6"]
    assert patch.known == "dynamic-dma-buf-v15, released in v5.7"
    assert patch.subject == "dma-buf: add dynamic DMA-buf handling v15"
    assert (patch.author, patch.date) == ("Christian König <christian.koenig@amd.com>", "2020-02-19T13:59:04+01:00")
    assert [tag.split(":")[0] for tag in patch.tags] == ["Signed-off-by", "Reviewed-by", "Acked-by"]


def test_the_same_mail_with_any_line_of_its_hunks_missing_is_refused() -> None:
    lines = seed_mail().read_bytes().split(b"\n")
    inside = [n for n, line in enumerate(lines) if line.startswith((b"> +\t", b"> -\t", b">  \t", b"> @@"))]
    assert len(inside) > 200
    for number in inside[::5]:
        with pytest.raises(UserError, match="not whole"):
            read_text(b"\n".join(lines[:number] + lines[number + 1 :]), "seed")
