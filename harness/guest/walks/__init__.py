# SPDX-License-Identifier: GPL-2.0-only
"""Random walks through fences and reservations, and a model that says what each step may answer (docs/walks.md)."""
