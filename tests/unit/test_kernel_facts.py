# SPDX-License-Identifier: GPL-2.0-only
"""Facts that several stages need: the stamp of a line of the kernel log, versions, words of a full disk."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from harness.errors import InfrastructureError
from harness.kernel_stamp import OF_KERNEL, Stamped, stamped
from harness.machine_failures import disk_trouble, refuse_machine_failure
from harness.paths import PROJECT_ROOT
from harness.version_numbers import dotted, first_version, numbers, release

HARNESS = PROJECT_ROOT / "harness"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("[    1.500000] text", Stamped(1.5, "", "text", False)),
        ("[   12.345678][  T123]  two spaces", Stamped(12.345678, "T123", " two spaces", False)),
        ("[   12.345678][    C1] text", Stamped(12.345678, "C1", "text", False)),
        ("<4>[    1.500000] text", Stamped(1.5, "", "text", False)),
        ("<12>[    1.500000] of a program", Stamped(1.5, "", "of a program", True)),
        ("[    1.500000]", Stamped(1.5, "", "", False)),
        ("text [    1.500000] text", None),
        ("[    1.5] text", None),
        ("[1] text", None),
        ("", None),
    ],
)
def test_stamp(line: str, found: Stamped | None) -> None:
    assert stamped(line) == found


def test_stamp_behind_a_daemons_text() -> None:
    assert stamped("Server listens [    1.500000] text", anywhere=True) == Stamped(1.5, "", "text", False)


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("[    1.500000] x", True),
        ("<6>[    1.500000][    T1] x", True),
        ("<14>[    1.500000] x", False),
        ("<12>[    1.500000][    T1] x", False),
    ],
)
def test_line_of_the_kernel_itself(line: str, own: bool) -> None:
    assert (re.search(OF_KERNEL + "x", line) is not None) is own


@pytest.mark.parametrize(
    ("version", "all_of_it", "released"),
    [
        ("6.12.117", (6, 12, 117), (6, 12, 117)),
        ("5.6", (5, 6), (5, 6, 0)),
        ("5.7.0-rc3", (5, 7, 0, 3), (5, 7, 0)),
        ("", (), (0, 0, 0)),
    ],
)
def test_versions(version: str, all_of_it: tuple[int, ...], released: tuple[int, ...]) -> None:
    assert numbers(version) == all_of_it
    assert release(version) == released
    assert release(version, 2) == released[:2]


def test_version_of_a_program() -> None:
    assert first_version("git version 2.39.5") == (2, 39, 5)
    assert first_version("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)") == (7, 2, 22)
    assert first_version("no number") == ()
    assert dotted((7, 0)) == "7.0"


@pytest.mark.parametrize("output", ["cc1: error: No space left on device", "tar: x: Disk quota exceeded"])
def test_full_disk_is_the_machines(output: str) -> None:
    with pytest.raises(InfrastructureError, match="/objects: no space left; free some"):
        refuse_machine_failure(f"make: a\n{output}\n", "/objects")


def test_killed_compiler_is_the_machines() -> None:
    with pytest.raises(InfrastructureError, match="killed, probably for lack of memory"):
        refuse_machine_failure("gcc: fatal error: Killed signal terminated program cc1", "/objects")


def test_broken_source_is_not_the_machines() -> None:
    refuse_machine_failure("drivers/dma-buf/dma-buf.c:1:1: error: no", "/objects")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_error_of_a_full_disk(number: int) -> None:
    with pytest.raises(InfrastructureError, match="/x: no space left"), disk_trouble(Path("/x")):
        raise OSError(number, "words")


def test_other_errors_keep_their_words() -> None:
    with pytest.raises(InfrastructureError, match="/x: cannot be written: Permission denied"), disk_trouble(Path("/x")):
        raise OSError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize(
    ("fact", "home"),
    [
        (r"\\\[ ?(?:\{0,8\}|\*|\\s\*)\(?\\d\S*\\\.\\d", "kernel_stamp.py"),  # a pattern for "[   12.345678]"
        (r"No space left|Disk quota", "machine_failures.py"),
        (r'findall\(r"\\d\+"', "version_numbers.py"),
    ],
)
def test_each_has_one_home(fact: str, home: str) -> None:
    """Outside the guest, which stands alone."""
    files = [file for file in HARNESS.rglob("*.py") if "guest" not in file.parts]
    assert [file.name for file in files if re.search(fact, file.read_text())] == [home]
