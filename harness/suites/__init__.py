# SPDX-License-Identifier: GPL-2.0-only
"""Kinds of tests that run in, or against, a guest: one file per kind, ``registry`` knows them by name."""

from harness.suites.checks import CHECKS, CONTRACT, check_names
from harness.suites.pytest_suite import PytestSuite
from harness.suites.registry import SUITES, select_suites, suite_names
from harness.suites.relevance import Order, by_relevance

__all__ = [
    "CHECKS",
    "CONTRACT",
    "SUITES",
    "Order",
    "PytestSuite",
    "by_relevance",
    "check_names",
    "select_suites",
    "suite_names",
]
