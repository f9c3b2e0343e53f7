# SPDX-License-Identifier: GPL-2.0-only
"""A kind of splat is one value: finder, oracle in the guest, taint flags and docs/splats.md follow it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.paths import PROJECT_ROOT
from harness.splat.kinds import BELOW_CUT, KINDS, STARTS

PAGE = (PROJECT_ROOT / "docs/splats.md").read_text()
ROWS = [f"| `{kind.name}` | {kind.meaning} | {'yes' if kind.by_chance else ''} |" for kind in KINDS]

NEW = """\
    SplatKind("gremlin", "a gremlin was seen", r"GREMLIN: ", taints="W", one_line=True),
    SplatKind("trace","""
ASKED = """\
import sys
from harness.guest import bundle
from harness.splat import find_splats, silent
from harness.splat.kinds import KINDS
splats = find_splats("[    1.000000] GREMLIN: in f\\n")
print([splat.kind for splat in splats], [splat.kind for splat in silent({"a test": 1 << 9}, splats)])
open(sys.argv[1], "wb").write(bundle.contents())
"""
IN_GUEST = """\
import sys
sys.path.insert(0, sys.argv[1])
from harness.splat.kinds import kind_of
from harness.guest.oracle import KernelLog
log = KernelLog.__new__(KernelLog)
log._cut = False
print(kind_of("GREMLIN: in f"), log._is_report("GREMLIN: in f"), log._is_report("a gremlin"))
"""


def test_page_has_the_kinds_and_no_other() -> None:
    listed = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert listed == ROWS, "docs/splats.md must have these rows:\n" + "\n".join(ROWS)


def test_names_are_unique() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in (*STARTS, *BELOW_CUT)])
def test_patterns_have_no_group_of_their_own(pattern: str) -> None:
    """Which kind begins is told by the number of the group."""
    assert re.compile(pattern).groups == 0


def test_value_alone_makes_a_kind(tmp_path: Path) -> None:
    shutil.copytree(PROJECT_ROOT / "harness", tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "harness/splat/kinds.py"
    text = file.read_text()
    assert text.count('    SplatKind("trace",') == 1
    archive = tmp_path / "checks.zip"
    before = asked(tmp_path, archive)
    assert before == "[] ['taint']"
    file.write_text(text.replace('    SplatKind("trace",', NEW))
    assert asked(tmp_path, archive) == "['gremlin'] []"
    assert python(tmp_path, "-I", "-S", "-c", IN_GUEST, str(archive)) == "gremlin True False"


def asked(root: Path, archive: Path) -> str:
    return python(root, "-c", ASKED, str(archive))


def python(root: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
