# SPDX-License-Identifier: GPL-2.0-only
"""The list of installed kselftests, also where the tree writes none."""

from __future__ import annotations

from pathlib import Path

from harness.build.selftests import _complete

# As 5.6.4 writes it for these collections; the second one with a program more, as a tree may have.
SCRIPT = """#!/bin/sh
BASE_DIR=$(realpath $(dirname $0))
cd $BASE_DIR
. ./kselftest/runner.sh
ROOT=$PWD
if [ "$1" = "--summary" ]; then
  logfile=$BASE_DIR/output.log
  cat /dev/null > $logfile
fi
[ -w /dev/kmsg ] && echo "kselftest: Running tests in drivers/dma-buf" >> /dev/kmsg
cd drivers/dma-buf
run_many\t\\
\t"udmabuf"
cd $ROOT
[ -w /dev/kmsg ] && echo "kselftest: Running tests in sync" >> /dev/kmsg
cd sync
run_many\t\\
\t"sync_test"\t\\
\t"sync-more.sh"
cd $ROOT
"""


def test_old_trees_name_the_programs_in_their_script(tmp_path: Path) -> None:
    (tmp_path / "run_kselftest.sh").write_text(SCRIPT)
    _complete(tmp_path)
    listed = (tmp_path / "kselftest-list.txt").read_text()
    assert listed == "drivers/dma-buf:udmabuf\nsync:sync_test\nsync:sync-more.sh\n"


def test_list_of_the_tree_itself_stays(tmp_path: Path) -> None:
    (tmp_path / "run_kselftest.sh").write_text(SCRIPT)
    (tmp_path / "kselftest-list.txt").write_text("sync:sync_test\n")
    _complete(tmp_path)
    assert (tmp_path / "kselftest-list.txt").read_text() == "sync:sync_test\n"


def test_nothing_installed_is_no_list(tmp_path: Path) -> None:
    _complete(tmp_path)
    assert not list(tmp_path.iterdir())
