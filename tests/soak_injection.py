# SPDX-License-Identifier: GPL-2.0-only
"""For ``dmabuf-harness run --pytest``, see ci/soak-injection: the same checks again and again in one guest.

Each round is a process of its own, so that memory is laid out anew (ASLR, and a stack that begins elsewhere), and runs
the checks in which the harness itself does something to the guest: failed allocations, limits, counts of the whole
machine. Which checks and how many rounds: SOAK_CHECKS, SOAK_ROUNDS, SOAK_FIRST (number of the first round).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from harness.guest import bundle
from harness.ktap import KtapParser, KtapTest
from harness.model import Status
from harness.suites.pytest_plugin import GuestFixture
from harness.verdict import load_expectations

CHECKS = os.environ.get("SOAK_CHECKS", "limits *come-back* *comes-back* dmabuf.killed-process* *bufinfo*").split()
ROUNDS = range(int(os.environ.get("SOAK_FIRST", "0")), int(os.environ.get("SOAK_ROUNDS", "34")))
ARCHIVE = "/tmp/dmabuf-harness-soak.zip"
# What the kernel says when an allocation of a page fault failed: up to 5.15, and since.
MISSES = ("invoked oom-killer", "leaked out to the #PF handler")


def misses(log: str) -> list[str]:
    """The lines of a kernel log that tell of a failed allocation which hit something else than a call under test."""
    return [line for line in log.splitlines() if any(words in line for words in MISSES)]


@pytest.fixture(scope="session")
def archive(guest: GuestFixture, tmp_path_factory: pytest.TempPathFactory) -> str:
    local: Path = tmp_path_factory.mktemp("soak") / "checks.zip"
    local.write_bytes(bundle.contents())
    guest.put(local, ARCHIVE)
    return ARCHIVE


@pytest.fixture(scope="session")
def known(guest: GuestFixture) -> list[str]:
    """Patterns of the checks that this kernel is known to fail, or to fail now and then."""
    release = guest.run("uname -r").stdout.strip()
    entries = [entry for entry in load_expectations() if entry.kind in ("fail", "flaky")]
    return [entry.match.pattern for entry in entries if entry.holds_for(release, "")]


@pytest.mark.parametrize("number", ROUNDS)
def test_round(guest: GuestFixture, archive: str, known: list[str], number: int) -> None:
    done = guest.run(f"SOAK_LAYOUT={'x' * (number * 211 % 4096)} {bundle.command(archive, *CHECKS)}", timeout=300)
    parser, ended = KtapParser(), list[KtapTest]()
    for line in done.stdout.splitlines():
        ended += parser.feed(line)
    bad = [
        test for test in ended if test.status is Status.FAIL and not any(re.fullmatch(one, test.name) for one in known)
    ]
    assert not bad, [(test.name, test.diagnostics) for test in bad]
    assert done.status in (0, 1), done.stdout[-500:] + done.stderr[-500:]
    ran = [test for test in ended if test.status is not Status.SKIP]
    assert 2 * len(ran) > len(ended), f"only {len(ran)} of {len(ended)} checks ran"
    assert misses(guest.kernel_log()) == []
