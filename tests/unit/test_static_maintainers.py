# SPDX-License-Identifier: GPL-2.0-only
"""What get_maintainer.pl says of files and of MAINTAINERS; its lines are as that of 6.12 prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.static import scripts
from harness.static.findings import Finding

COVERED = (
    "Sumit Semwal <sumit@b.example> (maintainer:DMA BUFFER SHARING FRAMEWORK)\n"
    '"Christian" <christian@b.example> (maintainer:DMA BUFFER SHARING FRAMEWORK)\n'
)
SUPPORTED = "Andrew <andrew@b.example> (supporter:LIBRARY CODE)\n"
THE_REST = "Linus <linus@b.example> (supporter:THE REST)\n"
SELF_TEST = (
    "./MAINTAINERS:188: warning: section without status \tAB8500 BATTERY AND CHARGER DRIVERS\n"
    "./MAINTAINERS:480: warning: section without file pattern\tADDRESS SPACE LAYOUT RANDOMIZATION (ASLR)\n"
    "./MAINTAINERS:6990: warning: no file matches\tF:\tdrivers/dma-buf/gone*\n"
)
C = "drivers/dma-buf/fresh.c"


def tree(directory: Path, output: str, status: int = 0) -> Path:
    """A tree whose get_maintainer.pl prints ``output``, whatever it is asked; that is kept beside it."""
    script = directory / scripts.MAINTAINER
    script.parent.mkdir()
    (directory / "output").write_text(output)
    script.write_text(f'#!/bin/sh\necho "$@" >> asked\ncat output\nexit {status}\n')
    return directory


def asked(directory: Path) -> list[str]:
    return (directory / "asked").read_text().splitlines()


@pytest.mark.parametrize("output", ["", THE_REST, "\n" + THE_REST])
def test_file_that_only_the_last_entry_covers_is_found(tmp_path: Path, output: str) -> None:
    assert list(scripts.unmaintained(tree(tmp_path, output), [C])) == [
        Finding(C, 0, "no entry of MAINTAINERS covers it")
    ]


@pytest.mark.parametrize("output", [COVERED, SUPPORTED, SUPPORTED + THE_REST])
def test_file_that_somebody_cares_for_is_left_alone(tmp_path: Path, output: str) -> None:
    assert not list(scripts.unmaintained(tree(tmp_path, output), [C]))


def test_each_file_is_asked_for_and_no_history(tmp_path: Path) -> None:
    assert len(list(scripts.unmaintained(tree(tmp_path, THE_REST), [C, "lib/x.c"]))) == 2
    assert [line.split()[-2:] for line in asked(tmp_path)] == [["-f", C], ["-f", "lib/x.c"]]
    assert all("--no-git" in line and "--no-git-fallback" in line for line in asked(tmp_path))


def test_entries_that_match_nothing_are_told_by_line(tmp_path: Path) -> None:
    assert [str(one) for one in scripts.unmatched(tree(tmp_path, SELF_TEST))] == [
        "MAINTAINERS:188: section without status AB8500 BATTERY AND CHARGER DRIVERS",
        "MAINTAINERS:480: section without file pattern ADDRESS SPACE LAYOUT RANDOMIZATION (ASLR)",
        "MAINTAINERS:6990: no file matches F: drivers/dma-buf/gone*",
    ]
    assert asked(tmp_path) == ["--self-test=patterns,sections"]


def test_nothing_is_made_of_what_is_no_warning(tmp_path: Path) -> None:
    assert not list(scripts.unmatched(tree(tmp_path, "\nperl: warning: Setting locale failed.\n" + THE_REST)))


@pytest.mark.parametrize("ask", [lambda tree: scripts.unmaintained(tree, [C]), scripts.unmatched])
def test_script_that_fails_or_is_not_there_is_no_answer(
    tmp_path: Path, ask: Callable[[Path], Iterator[Finding]]
) -> None:
    with pytest.raises(scripts.Unusable, match=r"the tree has no scripts/get_maintainer\.pl"):
        list(ask(tmp_path))
    failing = tree(tmp_path, f"scripts/get_maintainer.pl: file '{C}' not found\n", status=2)
    with pytest.raises(scripts.Unusable, match=f"failed: .* file '{C}' not found"):
        list(ask(failing))
