# SPDX-License-Identifier: GPL-2.0-only
"""Commands that answer at once do not load what only others need. By what is loaded: times are in docs/figures.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.paths import PROJECT_ROOT
from harness.report import save
from tests.support.sample_reports import bad_report

SLOW = (
    *("paramiko", "cryptography", "pytest", "_pytest", "unittest", "junit_xml", "jinja2", "hypothesis", "rich"),
    *("harness.cli.run", "harness.cli.mutants", "harness.bisect", "harness.pipeline", "harness.source"),
)
ASKED = f"""\
import sys
from harness.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write(f"{{code}} {{sorted(set({SLOW!r}) & set(sys.modules))}}")
"""


def loaded(*arguments: str) -> str:
    """Exit code of a command, and what it loaded of ``SLOW``."""
    done = subprocess.run(
        [sys.executable, "-c", ASKED, *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    return done.stderr


@pytest.mark.parametrize("what", ["checks", "suites", "variants", "series"])
def test_list_loads_nothing_slow(what: str) -> None:
    assert loaded("list", what) == "0 []"


@pytest.mark.parametrize("asked", ["--help", "--version"])
def test_help_loads_no_command(asked: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "harness", asked],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "harness.cli.grouped_parser" in done.stderr
    assert "harness.cli.doctor" not in done.stderr and "harness.report" not in done.stderr


def test_report_loads_what_writes_its_files_alone(tmp_path: Path) -> None:
    save(tmp_path, bad_report())
    assert loaded("report", str(tmp_path)) == "1 ['jinja2', 'junit_xml']"


def test_what_is_loaded_is_noticed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import paramiko\n{ASKED}", "list", "suites"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "paramiko" in done.stderr
