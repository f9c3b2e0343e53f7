# SPDX-License-Identifier: GPL-2.0-only
"""Back into a stored run: its kernel found or made again, its guest with a terminal, its failures once more."""

from harness.reproduce.guest_visit import GuestVisit, VisitRequest
from harness.reproduce.stored_kernel import StoredKernel, pick_kernel

__all__ = ["GuestVisit", "StoredKernel", "VisitRequest", "pick_kernel"]
