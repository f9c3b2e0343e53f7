# SPDX-License-Identifier: GPL-2.0-only
"""For ``dmabuf-harness run --pytest``, see ci/soak-injection: the same checks again and again in one guest.

Each round is a process of its own, so that memory is laid out anew (ASLR, and a stack that begins elsewhere), and runs
the checks in which the harness itself does something to the guest: failed allocations, limits, counts of the whole
machine. Which checks and how many rounds: SOAK_CHECKS, SOAK_ROUNDS, SOAK_FIRST (number of the first round).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.guest import bundle
from harness.guest.runner import select
from harness.ktap import KtapParser, KtapTest
from harness.model import Status
from harness.suites.pytest_plugin import GuestFixture
from harness.verdict import load_expectations

CHECKS = os.environ.get("SOAK_CHECKS", "limits *come-back* *comes-back* dmabuf.killed-process* *bufinfo*").split()
ROUNDS = range(int(os.environ.get("SOAK_FIRST", "0")), int(os.environ.get("SOAK_ROUNDS", "34")))
ARCHIVE = "/tmp/dmabuf-harness-soak.zip"
MISSED = "dmesg | grep -e 'invoked oom-killer' -e 'leaked out to the #PF handler' || :"
"""What the kernel says, up to 5.15 and since, when a failed allocation was one of a page fault: it missed the call."""


@pytest.fixture(scope="session")
def archive(guest: GuestFixture, tmp_path_factory: pytest.TempPathFactory) -> str:
    local: Path = tmp_path_factory.mktemp("soak") / "checks.zip"
    local.write_bytes(bundle.contents())
    guest.put(local, ARCHIVE)
    return ARCHIVE


@pytest.fixture(scope="session")
def names(guest: GuestFixture) -> list[str]:
    """The checks to run: all but those that this kernel is known to fail, which leave more behind in each round."""
    release = guest.run("uname -r").stdout.strip()
    known = [entry for entry in load_expectations() if entry.kind == "fail" and entry.holds_for(release, "")]
    return [name for name in select(CHECKS) if not any(entry.match.fullmatch(name) for entry in known)]


@pytest.mark.parametrize("number", ROUNDS)
def test_round(guest: GuestFixture, archive: str, names: list[str], number: int) -> None:
    layout = f"SOAK_LAYOUT={'x' * (number * 211 % 4096)}"
    done = guest.run(f"{layout} {bundle.command(archive, '--factor', '8', *names)}", timeout=300)
    parser, ended = KtapParser(), list[KtapTest]()
    for line in done.stdout.splitlines():
        ended += parser.feed(line)
    bad = [test for test in ended if test.status is Status.FAIL]
    assert not bad, [(test.name, test.diagnostics) for test in bad]
    assert done.status == 0, done.stdout[-500:] + done.stderr[-500:]
    assert [test.name for test in ended] == names
    ran = [test for test in ended if test.status is not Status.SKIP]
    assert 2 * len(ran) > len(ended), f"only {len(ran)} of {len(ended)} checks ran"
    assert guest.run(MISSED).stdout == ""
