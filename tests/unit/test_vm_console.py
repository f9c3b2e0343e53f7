# SPDX-License-Identifier: GPL-2.0-only
"""The console is searched as it grows; what comes in pieces is seen whole."""

from __future__ import annotations

from pathlib import Path

from harness.vm.console import LIMIT, Console

BOOT = "[    0.000000] Linux version 6.12.117 (gcc)\r\n[    1.200000] Run /init as init process\r\n"
PANIC = "[   66.400000] Kernel panic - not syncing: sysrq triggered crash\r\n[   66.500000] Kernel Offset: disabled\r\n"


def test_nothing_is_seen_before_there_is_a_file(tmp_path: Path) -> None:
    console = Console(tmp_path / "console.log")
    assert not console.poll()
    assert (console.panic, console.kernel_started, console.sshd_listening) == ("", False, False)
    assert console.text() == ""


def test_landmarks_are_found_even_byte_by_byte(tmp_path: Path) -> None:
    console = Console(tmp_path / "console.log")
    with (tmp_path / "console.log").open("wb", buffering=0) as log:
        for byte in (BOOT + "Server listening on 0.0.0.0 port 22.\r\n" + PANIC).encode():
            log.write(bytes([byte]))
            console.poll()
    assert console.kernel_started and console.sshd_listening
    assert console.panic == "Kernel panic - not syncing: sysrq triggered crash"


def test_a_boot_without_trouble_has_no_panic(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text(BOOT)
    console = Console(tmp_path / "console.log")
    assert console.poll() and not console.poll()
    assert console.panic == "" and not console.sshd_listening


def test_words_of_a_program_are_not_a_panic(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text(BOOT + "Kernel panic - not syncing: says a test\n")
    console = Console(tmp_path / "console.log")
    console.poll()
    assert console.panic == ""


def test_a_panic_that_a_program_writes_to_the_log_is_none(tmp_path: Path) -> None:
    real, urgent, usual = (
        f"<{level}>[   66.400000] Kernel panic - not syncing: says {level}\n" for level in (0, 8, 12)
    )
    forged = urgent + usual
    (tmp_path / "console.log").write_text(forged)
    console = Console(tmp_path / "console.log")
    console.poll()
    assert console.panic == ""
    (tmp_path / "console.log").write_text(forged + real)
    console.poll()
    assert console.panic == "Kernel panic - not syncing: says 0"


def test_a_guest_whose_sshd_was_ended_is_told(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text(BOOT + "<12>[   66.400000] dmabuf-harness: sshd ended\n")
    console = Console(tmp_path / "console.log")
    console.poll()
    assert console.sshd_ended


def test_a_flood_is_read_once_up_to_its_limit_and_told(tmp_path: Path) -> None:
    line = b"<4>[   66.400000] " + b"x" * 60 + b"\n"
    (tmp_path / "console.log").write_bytes(line * (3 * LIMIT // len(line)))
    console = Console(tmp_path / "console.log")
    assert not console.flooded
    assert console.poll() and console.flooded
    assert not console.poll(), "it reads on"
    assert console.size == len(console.text()) == LIMIT


def test_a_part_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "console.log").write_text("one\r\ntwo\r\nthree\r\n")
    console = Console(tmp_path / "console.log")
    assert (console.text(5), console.text(5, 10), console.text(99)) == ("two\nthree\n", "two\n", "")
