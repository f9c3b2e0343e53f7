# SPDX-License-Identifier: GPL-2.0-only
"""What make and its compilers leave on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.build.make import Kbuild

MAKEFILE = """
fine killed:
	@touch "$$TMPDIR/cc123.s"; ls "$$TMPDIR"; echo "in $$TMPDIR"; if [ $@ = killed ]; then kill -9 $$PPID; fi
"""


@pytest.mark.parametrize("target", ["fine", "killed"])
def test_compilers_have_a_directory_of_their_own_for_a_moment(tmp_path: Path, target: str) -> None:
    (tmp_path / "Makefile").write_text(MAKEFILE)
    kbuild = Kbuild(tmp_path, tmp_path, 1, tmp_path / "make.log", lambda _: None)
    done = kbuild.run(target, "--output-sync=none")
    lines = [line for line in done.stdout.splitlines() if not line.startswith("make")]
    assert done.ok == (target == "fine")
    assert lines[0] == "cc123.s"
    directory = Path(lines[1].removeprefix("in "))
    assert directory.name.startswith("dmabuf-harness-tmp-make-")
    assert not directory.exists()
