# SPDX-License-Identifier: GPL-2.0-only
"""Versions of kernels, packages and programs as tuples that compare: "6.12.117" is (6, 12, 117)."""

from __future__ import annotations

import re


def numbers(version: str) -> tuple[int, ...]:
    """All numbers in ``version``, in order: of "5.7.0-rc3" (5, 7, 0, 3), of no number ()."""
    return tuple(int(number) for number in re.findall(r"\d+", version))


def release(version: str, count: int = 3) -> tuple[int, ...]:
    """The first ``count`` numbers before any "-", filled up with 0: "5.6" and "5.6.0-rc1" are (5, 6, 0).

    A release candidate counts as its release.
    """
    found = numbers(version.partition("-")[0])[:count]
    return (*found, *(0 for _ in range(count - len(found))))


def first_version(text: str) -> tuple[int, ...]:
    """The first dotted number in what a program prints: "git version 2.39.5" is (2, 39, 5); () if there is none."""
    found = re.search(r"\d+(?:\.\d+)+|\d+", text)
    return numbers(found[0]) if found else ()


def dotted(version: tuple[int, ...]) -> str:
    """(7, 0) is "7.0"."""
    return ".".join(map(str, version))
