# SPDX-License-Identifier: GPL-2.0-only
"""Kinds of tests that run in, or against, a guest: one file per kind, ``registry`` knows them by name."""

from harness.suites.check_homes import check_homes
from harness.suites.checks import check_names
from harness.suites.counted import CountedSuite, CounterFiles, is_drawn, is_module, is_slow, is_walk
from harness.suites.known_names import test_names
from harness.suites.pytest_suite import PytestSuite
from harness.suites.relevance import Order, by_relevance
from harness.suites.suite_folder import kselftest_collections, suite_folders
from harness.suites.suite_registry import select_suites, suite_names

__all__ = [
    "CountedSuite",
    "CounterFiles",
    "Order",
    "PytestSuite",
    "by_relevance",
    "check_homes",
    "check_names",
    "is_drawn",
    "is_module",
    "is_slow",
    "is_walk",
    "kselftest_collections",
    "select_suites",
    "suite_folders",
    "suite_names",
    "test_names",
]
