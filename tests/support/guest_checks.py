# SPDX-License-Identifier: GPL-2.0-only
"""Checks of every kind for the guest's runner, which takes them for the real ones."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.guest import checks as guest_checks
from harness.guest import kernel, marks, oracle, registry
from harness.guest.registry import Group, expect, skip
from harness.guest.release_wait import ReleaseWait

Checks = Callable[..., list[str]]


def replaced_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Checks:
    """What replaces the real checks by the functions it is given, as group "t"; it returns their names."""
    monkeypatch.setattr(registry, "_CHECKS", {})
    monkeypatch.setattr(registry, "_PROVOKED", {})
    monkeypatch.setattr(oracle, "SYNC_INFO", str(tmp_path / "sync-info"))
    monkeypatch.setattr(oracle, "KMSG", str(tmp_path / "kmsg"))
    monkeypatch.setattr(oracle, "RELEASES", ReleaseWait())
    monkeypatch.setattr(guest_checks, "load", lambda: None)
    monkeypatch.setattr(kernel, "BUFINFO", str(tmp_path / "bufinfo"))
    monkeypatch.setattr(marks, "KMSG", str(tmp_path / "written-to-kmsg"))
    monkeypatch.setattr(marks, "DMA_ERRORS", str(tmp_path / "num_errors"))
    monkeypatch.setattr(marks, "WARNED_ONCE", str(tmp_path / "clear_warn_once"))

    def define(*functions: Callable[[], None]) -> list[str]:
        for function in functions:
            Group("t")(function)
        return list(registry.registered())

    return define


def good() -> None:
    pass


def bad() -> None:
    expect(False, "the answer is 41")


def absent() -> None:
    skip("no such device")


def broken() -> None:
    raise ZeroDivisionError("oops\nand more")


def hanging() -> None:
    time.sleep(60)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What was printed, with times and places made equal."""
    text = re.sub(r"# time \d+\.\d{4}\n", "# time T\n", capsys.readouterr().out)
    return re.sub(r"\(\w+\.py:\d+\)", "(HERE)", text).splitlines()
