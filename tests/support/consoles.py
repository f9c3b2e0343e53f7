# SPDX-License-Identifier: GPL-2.0-only
"""Console logs that were kept as files."""

from __future__ import annotations

from pathlib import Path

from harness.model import Splat
from harness.splat import find_splats
from harness.vm.console import Console


def splats_in(log: Path) -> tuple[Splat, ...]:
    """What the kernel reported in ``log``, read as a run reads it."""
    return find_splats(Console(log).text())
