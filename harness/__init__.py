# SPDX-License-Identifier: GPL-2.0-only
"""Tests dma-buf kernel patches on real kernels."""

__version__ = "0.1.0"
