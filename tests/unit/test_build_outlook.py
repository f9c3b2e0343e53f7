# SPDX-License-Identifier: GPL-2.0-only
"""How far a build is: told only as far as something is known of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.build.object_trees import ObjectTree
from harness.build.outlook import Outlook, Pace, outlook, remember
from harness.paths import cache_dir

WHOLE = Pace(1600, 320.0)
TYPICAL = Outlook(0, Pace(1300, 0.0), same=False)  # of the very first build on a machine


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("expected", "objects", "seconds", "told"),
    [
        (Outlook(0, WHOLE), 8, 1.0, "8 of 1600 objects (0 %), about 5 min left"),  # by the pace of the last one
        (Outlook(0, WHOLE), 400, 600.0, "400 of 1600 objects (25 %), about 30 min left"),  # by its own: a busy machine
        (Outlook(0, WHOLE), 1590, 318.0, "1590 of 1600 objects (99 %), less than a minute left"),
        (
            Outlook(800, WHOLE),
            400,
            600.0,
            "1200 of 1600 objects (75 %), about 10 min left",
        ),  # goes on with a killed one
        (Outlook(0, WHOLE, same=False), 8, 1.0, "8 of about 1600 objects (0 %)"),  # another base's pace says nothing
        (Outlook(0, WHOLE, same=False), 400, 600.0, "400 of about 1600 objects (25 %), about 30 min left"),
        (Outlook(None, WHOLE), 400, 600.0, "400 objects"),  # nobody knows how much is to be made again
        (Outlook(0, WHOLE), 1600, 320.0, "1600 objects"),
        (Outlook(0, WHOLE), 1700, 340.0, "1700 objects"),
    ],
)
def test_what_is_known_is_told(expected: Outlook, objects: int, seconds: float, told: str) -> None:
    assert expected.told(objects, seconds) == told


def test_the_base_itself_is_a_better_measure_than_another_one() -> None:
    mine, other, older = (cache_dir("trees", name, "objects") for name in ("mine", "other", "older"))
    assert outlook(mine, 0) == TYPICAL
    assert TYPICAL.told(325, 600.0) == "325 of about 1300 objects (25 %), about 30 min left"
    for place, objects in ((older, 1400), (other, 1700)):
        remember(place, Pace(objects, 300.0))
    os.utime(older / "whole-build.json", (1, 1))
    assert outlook(mine, 0) == Outlook(0, Pace(1700, 300.0), same=False)
    remember(mine, WHOLE)
    assert outlook(mine, 7) == Outlook(7, WHOLE)


@pytest.mark.parametrize("damage", ["{", "[]", '{"objects": 0, "seconds": 3}', '{"objects": "many", "seconds": 3}'])
def test_what_is_damaged_is_nothing_to_go_by(damage: str) -> None:
    place = cache_dir("trees", "mine", "objects")
    (place / "whole-build.json").write_text(damage)
    assert outlook(place, 0) == TYPICAL


def test_only_a_whole_build_is_a_measure() -> None:
    assert Outlook(0, WHOLE).ended(1600, 320.0) == WHOLE
    assert Outlook(800, WHOLE).ended(800, 160.0) == WHOLE, "its other half went at the same pace"
    assert Outlook(None, WHOLE).ended(12, 9.0) is None
    assert Outlook(1600, WHOLE).ended(0, 4.0) is None


# --- what an object tree has already ----------------------------------------------------------

LINES = "  CC      a.o\n  CC [M]  b.o\n  AS      c.o\n  LD      vmlinux.o\n"


class Killed(Exception):
    pass


def killed_build(tree: ObjectTree, before: int | None) -> None:
    with pytest.raises(Killed), tree.building(before):
        (tree.path / "Makefile").touch()
        tree.log.write_text(LINES)
        raise Killed


def test_a_build_that_goes_on_with_killed_ones_knows_what_they_did(tmp_path: Path) -> None:
    tree = ObjectTree(tmp_path, "on")
    assert tree.prepare(tmp_path, "CONFIG_A=y\n") == 0
    killed_build(tree, 0)
    assert tree.prepare(tmp_path, "CONFIG_A=y\n") == 3
    killed_build(tree, 3)
    assert tree.prepare(tmp_path, "CONFIG_A=y\n") == 6
    with tree.building(6):
        pass
    assert tree.prepare(tmp_path, "CONFIG_A=n\n") is None, "a finished tree"
    killed_build(tree, None)
    assert tree.prepare(tmp_path, "CONFIG_A=y\n") is None


def test_a_copy_of_another_variants_tree_is_no_empty_one(tmp_path: Path) -> None:
    for variant, before in (("on", 0), ("off", None), ("on", None)):
        tree = ObjectTree(tmp_path, variant)
        assert tree.prepare(tmp_path, "CONFIG_A=y\n") == before
        with tree.building(before):
            (tree.path / "Makefile").touch()
