# SPDX-License-Identifier: GPL-2.0-only
"""The reach map that comes with the harness: what of it holds for a tree and for the tests of now."""

from __future__ import annotations

import lzma

import pytest

from harness.identities import PlannedTest
from harness.paths import KERNEL_CONFIGS
from harness.pipeline.bundled_reach import MAPS
from harness.reach import (
    BundledMap,
    FunctionSpan,
    MapError,
    ProfiledFile,
    ReachedPart,
    ReachMap,
    dump_bundled,
    functions_only,
    load_bundled,
)
from harness.source import DEFAULT_BASE
from harness.suites import check_homes

SEEK, SYNC, PROGRAM = PlannedTest("checks", "a.seek"), PlannedTest("checks", "b.sync"), PlannedTest("sync", "sync")
HOMES = {SEEK: ("a", "1"), SYNC: ("b", "2")}
PART = ReachedPart(frozenset({3}), frozenset({"f"}), frozenset({(3, 0)}))
FILE = ProfiledFile(frozenset({3, 4}), (FunctionSpan(2, 5, "f"),), {3: 2})
REACH = ReachMap(
    "key",
    {"x.c": FILE, "y.c": FILE},
    {SEEK: {"x.c": PART}, SYNC: {"y.c": PART}, PROGRAM: {"x.c": PART}},
    version="6.12.117",
    partial=frozenset({SYNC}),
)
BUNDLED = BundledMap(functions_only(REACH), {"x.c": "aa", "y.c": "bb"}, {"a": "1", "b": "2"})


def fitting(
    blobs: dict[str, str] | None = None,
    homes: dict[PlannedTest, tuple[str, str]] | None = None,
    version: str = "6.12.117",
) -> ReachMap:
    return BUNDLED.fitting(blobs or {"x.c": "aa", "y.c": "bb"}, homes or HOMES, version)


def test_all_of_it_holds_for_what_it_was_measured_with() -> None:
    assert fitting() == BUNDLED.reach
    assert fitting().partial == {SYNC}


def test_only_functions_are_kept() -> None:
    assert fitting().files["x.c"] == ProfiledFile(functions=FILE.functions)
    assert fitting().tests[SEEK] == {"x.c": ReachedPart(functions=frozenset({"f"}))}


@pytest.mark.parametrize("blobs", [{"x.c": "aa", "y.c": "cc"}, {"x.c": "aa"}])
def test_a_file_that_is_another_is_not_known(blobs: dict[str, str]) -> None:
    assert fitting(blobs).files.keys() == {"x.c"}


def test_a_check_whose_module_is_another_is_not_known() -> None:
    assert fitting(homes={**HOMES, SYNC: ("b", "3")}).tests.keys() == {SEEK, PROGRAM}
    assert fitting(homes={**HOMES, SYNC: ("c", "2")}).tests.keys() == {SEEK, PROGRAM}


def test_programs_of_another_version_of_the_kernel_are_not_known() -> None:
    assert fitting(version="6.12.118").tests.keys() == {SEEK, SYNC}


def test_it_comes_back_as_it_was() -> None:
    assert load_bundled(dump_bundled(BUNDLED)) == BUNDLED
    assert dump_bundled(load_bundled(dump_bundled(BUNDLED))) == dump_bundled(BUNDLED)


@pytest.mark.parametrize("data", [b"", b"{}", lzma.compress(b"{}"), lzma.compress(b'{"format": 2}')])
def test_what_is_no_map_is_told(data: bytes) -> None:
    with pytest.raises(MapError):
        load_bundled(data)


def test_there_is_one_of_the_default_base_and_most_of_it_holds() -> None:
    """If this fails after a change of many checks: coverage --base, and then python -m tests.record_reach."""
    bundled = load_bundled((MAPS / f"{DEFAULT_BASE.partition(':')[2]}.json.xz").read_bytes())
    homes = check_homes()
    ours = [test for test in bundled.reach.tests if test in homes]
    kept = bundled.fitting(bundled.blobs, homes, bundled.reach.version).tests
    assert len([test for test in ours if test in kept]) > len(homes) // 2
    assert MAPS.is_relative_to(KERNEL_CONFIGS)
