# SPDX-License-Identifier: GPL-2.0-only
"""Standard streams that are closed, full, or read by nobody, and faults of ours: none may look like a bad patch."""

from __future__ import annotations

import os
import sys

import pytest

from harness import process
from harness.cli import listing, main
from harness.paths import PROJECT_ROOT

FUNCTION = 'harness() { "$0" -m harness "$@"; }\n'


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("harness list variants >&-", 0, ""),
        ("harness list variants <&- >&- 2>&-", 0, ""),
        ("harness run -p - <&-", 2, "dmabuf-harness: standard input: nothing there; pipe a patch into -p -\n"),
        ("harness list variants > /dev/full", 3, "dmabuf-harness: the machine: No space left on device\n"),
        ("exec 1> >(exec 0<&-); wait $!; harness list variants", 3, ""),
    ],
    ids=["closed", "all-closed", "no-input", "full", "nobody-reads"],
)
def test_streams_that_lead_nowhere(script: str, code: int, said: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = process.run(["bash", "-c", FUNCTION + script, sys.executable], cwd=PROJECT_ROOT, env=environment)
    assert (done.returncode, done.stderr) == (code, said)


def test_a_fault_of_ours_is_not_the_patchs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fault(_arguments: object) -> int:
        raise KeyError("x")

    monkeypatch.setattr(listing, "show", fault)
    assert main.main(["list", "variants"]) == 3
    assert capsys.readouterr().err.endswith("KeyError: 'x'\n")
