# SPDX-License-Identifier: GPL-2.0-only
"""Names that mean nothing are refused as soon as there is a source: nobody waits for a kernel to hear of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UserError
from harness.mutants.choosing import MutantChoice, refuse_unknown_files
from harness.pipeline.plan import refuse_unknown_test
from harness.suites import select_suites
from tests.support.git_trees import DRIVER, git, write_tree

SELFTESTS = "tools/testing/selftests/dmabuf-heaps"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_tree(tmp_path)
    (tmp_path / "drivers/dma-buf/selftests.h").write_text("selftest(sanitycheck, __sanitycheck__)\n")
    (tmp_path / SELFTESTS).mkdir(parents=True)
    (tmp_path / SELFTESTS / "of-a-later-tree.c").write_text("")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "udmabuf.size-must-not-be-zero",
        "checks udmabuf.size-must-not-be-zero",
        "sanitycheck",
        "in-kernel sanitycheck",
        "dmabuf-heaps/dmabuf-heap",
        "dmabuf-heaps/of-a-later-tree",
        "walks.seed-17.walk-42",
    ],
)
def test_a_test_that_a_kernel_may_have_is_let_through(tree: Path, name: str) -> None:
    refuse_unknown_test(name, select_suites(()), tree)


@pytest.mark.parametrize("name", ["nothing", "udmabuf.nothing", "dmabuf-heaps/nothing"])
def test_a_test_that_none_has_is_refused(tree: Path, name: str) -> None:
    with pytest.raises(UserError, match="no test of the suites asked for is called that"):
        refuse_unknown_test(name, select_suites(()), tree)


def test_a_test_of_a_suite_that_was_not_asked_for_is_refused(tree: Path) -> None:
    with pytest.raises(UserError):
        refuse_unknown_test("udmabuf.size-must-not-be-zero", select_suites(("sync",)), tree)


@pytest.mark.parametrize("glob", [DRIVER, "drivers/*.c", "*dma-buf*"])
def test_files_that_the_tree_has_are_let_through(tree: Path, glob: str) -> None:
    refuse_unknown_files(tree, MutantChoice((glob,)))
    refuse_unknown_files(tree, MutantChoice())


@pytest.mark.parametrize("glob", ["nothing", "", "/etc/passwd", "../*", "Makefile"])
def test_files_that_it_has_not_are_refused(tree: Path, glob: str) -> None:
    with pytest.raises(UserError, match="no C file of the test kernel has such a name"):
        refuse_unknown_files(tree, MutantChoice((glob,)))
