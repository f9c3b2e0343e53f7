# SPDX-License-Identifier: GPL-2.0-only
"""Mutants: mistakes that are put into the kernel on purpose, one at a time, to see which of them the tests notice."""
