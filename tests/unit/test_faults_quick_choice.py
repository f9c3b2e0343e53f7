# SPDX-License-Identifier: GPL-2.0-only
"""A quick run would have found the planted faults and the shipped bugs that a whole run finds.

By the reach map of debian:6.12 that comes with the harness, as it was measured: all of it holds.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from harness.faults import Fault
from harness.faults.catalogue import load_faults
from harness.faults.shipped import load_shipped
from harness.model import PlannedTest
from harness.pipeline.bundled_reach import MAPS
from harness.reach import AffectedTests, ReachMap, affected_tests, load_bundled, parse_changes
from harness.source import DEFAULT_BASE

FAULTS = [fault for fault in (*load_faults().values(), *load_shipped().values()) if fault.base == DEFAULT_BASE]
SEEN = [fault for fault in FAULTS if fault.check]


@cache
def _map() -> ReachMap:
    return load_bundled((MAPS / "6.12.json.xz").read_bytes()).reach


def _affected(fault: Fault, reach: ReachMap) -> AffectedTests:
    return affected_tests(parse_changes(fault.patch.read_text()), fault.files, reach)


def _is_found(fault: Fault, reach: ReachMap) -> bool:
    """True if the test that sees it is chosen: it reaches the change, or nobody knows what it reaches, or all are."""
    test, affected = PlannedTest(fault.suite, fault.check), _affected(fault, reach)
    return bool(affected.why_all) or test in affected.tests or test not in reach.tests.keys() - reach.partial


@pytest.mark.parametrize("fault", SEEN, ids=lambda fault: fault.name)
def test_the_test_that_sees_it_is_chosen(fault: Fault) -> None:
    assert _is_found(fault, _map())


@pytest.mark.parametrize("name", ["seek-to-last-byte", "poll-leaks-fence"])
def test_a_map_that_lacks_the_reach_of_that_test_would_miss_it(name: str) -> None:
    fault = load_faults()[name]
    reach = _map()
    assert not _is_found(fault, replace(reach, tests={**reach.tests, PlannedTest(fault.suite, fault.check): {}}))


def test_most_of_them_need_but_a_part_of_the_tests() -> None:
    """A choice of everything would find them all."""
    chosen = [len(affected.tests) for fault in SEEN if not (affected := _affected(fault, _map())).why_all]
    assert len(chosen) > len(SEEN) * 3 // 4
    assert sorted(chosen)[len(chosen) // 2] < len(_map().tests) // 4
