# SPDX-License-Identifier: GPL-2.0-only
"""The list of bugs that shipped: what is wrong in it is told, and the bundled one is whole and fits its bases."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.faults import Detection, Fault, load_faults, load_shipped
from harness.faults.shipped import DIRECTORY
from harness.guest.checks import all_checks
from harness.kconfig import load_variants, select
from harness.suites import suite_names
from tests.support.check_groups import CONTRACT_GROUPS

PATCH = """Subject: [PATCH] dma-buf: forget the size

---
--- a/drivers/dma-buf/dma-buf.c
+++ b/drivers/dma-buf/dma-buf.c
@@ -1,1 +1,1 @@
-size
+size - 1
"""
ENTRY: dict[str, str | int] = {
    "name": "a-bug",
    "commit": "0123456789ab",
    "subject": "dma-buf: remember the size",
    "year": 2024,
    "saw": "syzbot: an overflow",
    "kind": "quiet",
    "why": "takes two threads",
}
SEEN: dict[str, str | int] = {**ENTRY, "test": "dmabuf.x", "how": "splat", "why": "it says so"}


def listed(directory: Path, *entries: dict[str, str | int]) -> Path:
    """A list of ``entries`` in ``directory``, each with a patch."""
    text = ""
    for entry in entries:
        text += "[[bug]]\n"
        text += "".join(f"{key} = {value!r}\n" if value != "" else f'{key} = ""\n' for key, value in entry.items())
        (directory / f"{entry.get('name', 'nameless')}.patch").write_text(PATCH)
    (directory / "history.toml").write_text(text)
    return directory


def test_an_entry_becomes_a_fault_with_its_fix(tmp_path: Path) -> None:
    (bug,) = load_shipped(listed(tmp_path, SEEN)).values()
    assert (bug.name, bug.suite, bug.check, bug.variant) == ("a-bug", "checks", "dmabuf.x", "on")
    assert bug.how is Detection.SPLAT
    assert (bug.bug, bug.files, bug.base) == ("dma-buf: forget the size", ("drivers/dma-buf/dma-buf.c",), "debian:6.12")
    assert bug.fix is not None
    assert (bug.fix.commit, bug.fix.subject, bug.fix.year) == ("0123456789ab", "dma-buf: remember the size", 2024)


def test_what_no_test_sees_names_none(tmp_path: Path) -> None:
    (bug,) = load_shipped(listed(tmp_path, {**ENTRY, "base": "debian:6.1"})).values()
    assert (bug.check, bug.why, bug.base) == ("", "takes two threads", "debian:6.1")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{key: value for key, value in ENTRY.items() if key != "subject"}], ["entry 1", "subject"]),
        ([{**ENTRY, "comit": "x"}], ["'comit'", "commit"]),
        ([{**ENTRY, "year": "2024"}], ["year"]),
        ([{**ENTRY, "kind": "shy"}], ["kind", "loud"]),
        ([{**ENTRY, "why": ""}], ["why"]),
        ([ENTRY, ENTRY], ["a-bug", "twice"]),
    ],
    ids=["missing", "misspelled", "year", "kind", "empty", "twice"],
)
def test_what_is_wrong_is_told(tmp_path: Path, entries: list[dict[str, str | int]], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        load_shipped(listed(tmp_path, *entries))
    for word in (*words, "history.toml"):
        assert word in str(caught.value)


# --- the bundled ones -------------------------------------------------------------------------

SHIPPED = load_shipped()


def test_every_patch_is_listed_and_touches_the_scope() -> None:
    assert {f"{name}.patch" for name in SHIPPED} == {path.name for path in DIRECTORY.glob("*.patch")}
    scope = re.compile(r"drivers/dma-buf/|drivers/gpu/drm/(vgem/|drm_)|include/(linux/dma-|drm/)")
    for bug in SHIPPED.values():
        assert all(scope.match(name) for name in bug.files), bug


def test_no_bug_is_there_twice() -> None:
    bugs = Counter(bug.bug for bug in (*SHIPPED.values(), *load_faults().values()))
    fixes = Counter(bug.fix.commit or bug.fix.subject for bug in SHIPPED.values() if bug.fix is not None)
    assert not [bug for bug, count in (*bugs.items(), *fixes.items()) if count > 1]
    assert not SHIPPED.keys() & load_faults().keys()


@pytest.mark.parametrize("bug", SHIPPED.values(), ids=SHIPPED)
def test_the_fix_is_a_commit_of_its_year(bug: Fault) -> None:
    assert bug.fix is not None
    assert re.fullmatch(r"[0-9a-f]{12}|", bug.fix.commit)
    assert 2011 < bug.fix.year < 2030


def test_what_they_name_exists() -> None:
    variants, checks = load_variants(), set(all_checks())
    for bug in SHIPPED.values():
        assert select(bug.variant, variants)
        assert bug.suite in suite_names()
        if bug.check and bug.suite in ("checks", "contract"):
            assert bug.check in checks, bug
            assert (bug.suite == "contract") == (bug.check.partition(".")[0] in CONTRACT_GROUPS), bug
