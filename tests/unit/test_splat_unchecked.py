# SPDX-License-Identifier: GPL-2.0-only
"""With which report lock checking ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.splat import find_splats, lock_checking_ended

DATA = Path(__file__).parent.parent / "data"
STACK = "Call Trace:\n <TASK>\n dma_buf_attach+0x1/0x2\n </TASK>"
KASAN = f"{'=' * 66}\nBUG: KASAN: slab-use-after-free in f+0x1/0x2\n{STACK}\n{'=' * 66}"
LOCKS = f"WARNING: possible recursive locking detected\n{STACK}"
RCU = f"WARNING: suspicious RCU usage\n{STACK}"
TAINTED = "Disabling lock debugging due to kernel taint"
START = "dmabuf-harness: check start b"
END = "dmabuf-harness: check end a"


def ended(*parts: str) -> str:
    """Kind of the report with which it ended."""
    log = "".join(f"[   12.345678] {line}\n" for part in parts for line in part.splitlines())
    found = lock_checking_ended(log, find_splats(log))
    return found.kind if found is not None else ""


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ((LOCKS, END, START), "lockdep"),
        ((KASAN, TAINTED, START), "kasan"),
        ((RCU, END, LOCKS, START), "lockdep"),
        ((LOCKS, KASAN, START), "lockdep"),
        ((LOCKS, END), ""),  # nothing ran later
        ((KASAN, START), ""),
        ((RCU, END, START), ""),
        ((END, START), ""),
        ((TAINTED, START), ""),  # no report: a module's doing
    ],
)
def test_with_which_report_lock_checking_ended(parts: tuple[str, ...], kind: str) -> None:
    assert ended(*parts) == kind


@pytest.mark.parametrize("base", ["5.10", "6.1", "6.12", "7.3"])
def test_real_reports_of_locks(base: str) -> None:
    """Each was planted as the first of its boot, and the next mark follows."""
    log = (DATA / f"console-{base}-planted-locks.log").read_text()
    found = lock_checking_ended(log + "[99999.000000] dmabuf-harness: start more\n", find_splats(log))
    assert found is not None and found.kind in ("lockdep", "lockdep-off", "spinlock")
