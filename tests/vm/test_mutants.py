# SPDX-License-Identifier: GPL-2.0-only
"""Mutants of a real kernel of which it is known what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.real import LIMIT, start_harness

pytestmark = [pytest.mark.vm, pytest.mark.full]

CORE, UDMABUF = "drivers/dma-buf/dma-buf.c", "drivers/dma-buf/udmabuf.c"
FENCE, SYNC_FILE = "drivers/dma-buf/dma-fence.c", "drivers/dma-buf/sync_file.c"

# Of 6.12: pattern of the name -> what becomes of it, and how.
KNOWN = {
    # A private mapping is refused with another error.
    f"{UDMABUF}:* mmap_udmabuf: error-replaced": ("killed", "fail"),
    # A closed sync file keeps its fence.
    f"{SYNC_FILE}:* sync_file_release: put-dropped": ("killed", "leak"),
    # Whoever waits for a fence is not woken.
    f"{FENCE}:* dma_fence_default_wait_cb: call-dropped": ("killed", "hang"),
    # An exporter without a callback is called back.
    f"{CORE}:1033 dma_buf_detach: condition-true": ("killed", "panic"),
    # A lock that is given back and was not taken: nothing but lockdep minds.
    f"{CORE}:* dma_buf_set_name: lock-dropped": ("killed", "splat"),
    # The old name is freed before the lock is taken: wrong only for a reader at that very moment.
    f"{CORE}:* dma_buf_set_name: lock-late": ("survived", ""),
    # An empty function without CONFIG_DMABUF_SYSFS_STATS.
    f"{CORE}:101 dma_buf_release: call-dropped": ("equivalent", ""),
    # Nothing in a guest maps a udmabuf into the kernel.
    f"{UDMABUF}:* vmap_udmabuf: condition-negated": ("not reached", ""),
}


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What mutants.json says of all of them, in one kernel."""
    directory = tmp_path_factory.mktemp("mutants") / "run"
    files = ["--base", "debian:6.12", "--files", CORE, UDMABUF, FENCE, SYNC_FILE]
    started = start_harness(directory, *files, "--mutant", *KNOWN, "--snapshots", command="mutants")
    try:
        stdout, stderr = started.communicate(timeout=LIMIT)
    finally:
        started.kill()
    assert started.returncode == 0, stdout + stderr
    assert (directory / "mutants.html").is_file() and (directory / "mutants.md").is_file()
    found: dict[str, Any] = json.loads((directory / "mutants.json").read_text())
    return found


def test_the_control_is_clean(tried: dict[str, Any]) -> None:
    assert tried["control"]["red"] == []
    assert len(tried["control"]["passed"]) > 200


@pytest.mark.parametrize("pattern", KNOWN)
def test_what_becomes_of_a_mutant_is_what_is_known(tried: dict[str, Any], pattern: str) -> None:
    path, _, rest = pattern.partition(":")
    operator = rest.rpartition(": ")[2]
    function = rest.partition(" ")[2].partition(":")[0]
    found = [
        (one["fate"], one["how"])
        for one in tried["mutants"]
        if (one["file"], one["function"], one["operator"]) == (path, function, operator)
    ]
    assert set(found) == {KNOWN[pattern]}
