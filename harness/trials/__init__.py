# SPDX-License-Identifier: GPL-2.0-only
"""Trials of mutants as values: what is to be tried, what the guest says of it, and what became of each.

A mutant is a number here, and a name for people: what it is in the source only ``harness.mutants`` knows.
"""
