# SPDX-License-Identifier: GPL-2.0-only
"""Back into a stored run: its kernel found or made again, its guest with a terminal, its failures once more."""

from harness.reproduce.guest_visit import GuestVisit, VisitRequest
from harness.reproduce.kernel_again import KernelAgain, KernelAgainMaker
from harness.reproduce.reproducer import Reproducer
from harness.reproduce.sought_failure import SoughtFailure, seek
from harness.reproduce.stops import ShellStop, TraceStop
from harness.reproduce.stored_kernel import StoredKernel, pick_kernel

__all__ = [
    "GuestVisit",
    "KernelAgain",
    "KernelAgainMaker",
    "Reproducer",
    "ShellStop",
    "SoughtFailure",
    "StoredKernel",
    "TraceStop",
    "VisitRequest",
    "pick_kernel",
    "seek",
]
