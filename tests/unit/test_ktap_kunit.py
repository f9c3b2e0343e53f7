# SPDX-License-Identifier: GPL-2.0-only
"""KUnit's output as a 7.3 kernel printed it, in three loads of ``dmabuf_kunit``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness import ktap

LOG = (Path(__file__).parent.parent / "data" / "dmesg-7.3-dmabuf_kunit-passes.log").read_text()
LOADS = re.split(r"dmabuf-harness: \w+ begins\n", LOG)[1:]


@pytest.mark.parametrize("load", LOADS, ids=["quick", "wait", "waits"])
def test_each_load_is_read_whole(load: str) -> None:
    printed = re.findall(r"\] {4,}ok \d+ (?:# SKIP )?(\S+)", load)
    report = ktap.parse(load)
    leaves = [test.name for test in report.leaves()]
    # KUnit prints no plan for the parameters of one test: lost ones cannot be noticed, and that is said.
    assert report.is_ktap and all("no plan" in problem for problem in report.problems)
    assert len(leaves) > 0 and set(leaves) <= set(printed)


def test_a_torn_load_is_noticed() -> None:
    torn = LOADS[0].replace("    ok 2 test_signaling\n", "\n", 1)
    assert torn != LOADS[0]
    assert [problem for problem in ktap.parse(torn).problems if "no plan" not in problem]
