# SPDX-License-Identifier: GPL-2.0-only
"""The list of planted bugs: what is wrong in it is told, and the bundled one is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.faults import Detection, load_faults, select_faults
from harness.faults.catalogue import DIRECTORY
from harness.guest.checks import all_checks
from harness.kconfig import load_variants, select
from harness.paths import PROJECT_ROOT
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
ENTRY = {"name": "a-bug", "check": "dmabuf.x", "variant": "off", "how": "splat", "why": "it says so"}


def listed(directory: Path, *entries: dict[str, str]) -> Path:
    """A list of ``entries`` in ``directory``, each with a patch."""
    text = ""
    for entry in entries:
        text += "[[fault]]\n" + "".join(f'{key} = "{value}"\n' for key, value in entry.items())
        (directory / f"{entry.get('name', 'nameless')}.patch").write_text(PATCH)
    (directory / "faults.toml").write_text(text)
    return directory


def test_an_entry_becomes_a_fault(tmp_path: Path) -> None:
    (fault,) = load_faults(listed(tmp_path, ENTRY)).values()
    assert (fault.name, fault.check, fault.suite, fault.variant) == ("a-bug", "dmabuf.x", "checks", "off")
    assert (fault.how, fault.why) == (Detection.SPLAT, "it says so")
    assert (fault.patch, fault.bug) == (tmp_path / "a-bug.patch", "dma-buf: forget the size")
    assert fault.files == ("drivers/dma-buf/dma-buf.c",)


def test_what_is_not_said_is_the_usual(tmp_path: Path) -> None:
    (fault,) = load_faults(listed(tmp_path, {key: ENTRY[key] for key in ("name", "check", "why")})).values()
    assert (fault.suite, fault.variant, fault.how) == ("checks", "on", Detection.FAIL)


def test_the_order_is_that_of_the_list(tmp_path: Path) -> None:
    names = ["b", "c", "a"]
    assert list(load_faults(listed(tmp_path, *({**ENTRY, "name": name} for name in names)))) == names


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{key: value for key, value in ENTRY.items() if key != "check"}], ["entry 1", "check is missing"]),
        ([{**ENTRY, "chekc": "x"}], ["'chekc'", "suite"]),
        ([{**ENTRY, "how": "bang"}], ["'bang'", "fail, splat, crash, hang"]),
        ([{**ENTRY, "why": ""}], ["why"]),
        ([ENTRY, ENTRY], ["a-bug", "twice"]),
    ],
    ids=["missing", "misspelled", "how", "empty", "twice"],
)
def test_what_is_wrong_is_told(tmp_path: Path, entries: list[dict[str, str]], words: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        load_faults(listed(tmp_path, *entries))
    for word in (*words, "faults.toml"):
        assert word in str(caught.value)


def test_a_list_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    for text in ("[[fault]\n", None):
        if text is not None:
            (tmp_path / "faults.toml").write_text(text)
        with pytest.raises(UserError, match=r"cannot be read|not TOML"):
            load_faults(tmp_path)
        (tmp_path / "faults.toml").unlink(missing_ok=True)


def test_a_fault_needs_its_patch(tmp_path: Path) -> None:
    listed(tmp_path, ENTRY)
    (tmp_path / "a-bug.patch").unlink()
    with pytest.raises(UserError, match=r"a-bug\.patch"):
        load_faults(tmp_path)


def test_names_and_patterns_choose(tmp_path: Path) -> None:
    known = load_faults(listed(tmp_path, *({**ENTRY, "name": name} for name in ("poll-a", "poll-b", "seek"))))
    assert [fault.name for fault in select_faults(known, ["seek", "poll-a"])] == ["poll-a", "seek"]
    assert [fault.name for fault in select_faults(known, ["poll-*"])] == ["poll-a", "poll-b"]
    assert len(select_faults(known, [])) == 3


def test_an_unknown_name_is_told_with_similar_ones(tmp_path: Path) -> None:
    known = load_faults(listed(tmp_path, *({**ENTRY, "name": name} for name in ("poll-leaks", "seek"))))
    with pytest.raises(UserError, match="did you mean poll-leaks"):
        select_faults(known, ["seek", "pol-leak"])
    with pytest.raises(UserError, match="--list"):
        select_faults(known, ["zzz"])


# --- the bundled ones -------------------------------------------------------------------------


def test_every_patch_is_listed_and_touches_the_kernel() -> None:
    faults = load_faults()
    assert {f"{name}.patch" for name in faults} == {path.name for path in DIRECTORY.glob("*.patch")}
    for fault in faults.values():
        assert all(name.startswith("drivers/") for name in fault.files), fault


def test_no_two_faults_are_the_same_bug() -> None:
    bugs = [fault.bug for fault in load_faults().values()]
    assert len(set(bugs)) == len(bugs) >= 24


def test_what_they_name_exists() -> None:
    variants, checks = load_variants(), set(all_checks())
    for fault in load_faults().values():
        assert select(fault.variant, variants)
        assert fault.suite in suite_names()
        if fault.suite in ("checks", "contract"):
            assert fault.check in checks, fault
            assert (fault.suite == "contract") == (fault.check.partition(".")[0] in CONTRACT_GROUPS), fault


def test_every_way_of_being_found_is_tried() -> None:
    assert {fault.how for fault in load_faults().values()} == set(Detection)


def test_the_table_in_the_docs_is_of_these_faults() -> None:
    docs = (PROJECT_ROOT / "docs" / "faults.md").read_text()
    rows = [line for line in docs.splitlines() if line.startswith("| `")]
    faults = load_faults()
    assert [row.split("`")[1] for row in rows] == list(faults)
    for row, fault in zip(rows, faults.values(), strict=True):
        assert fault.check in row and fault.bug in row and fault.why.replace("|", "\\|") in row, row
