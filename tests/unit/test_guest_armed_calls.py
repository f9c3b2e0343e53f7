# SPDX-License-Identifier: GPL-2.0-only
"""The machine code that sets fail-nth for one system call, run for real, with a plain file in place of fail-nth."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import subprocess
import termios
from collections.abc import Callable, Iterator
from errno import EBADF, ENOENT
from pathlib import Path

import pytest

from harness.guest import armed_calls
from harness.guest.armed_calls import MACHINE_CODE, ArmedCalls, BareMapping, is_outside
from harness.guest.kernel import Memfd
from harness.guest.system_calls import SystemCalls, calls, made_by

POSITION_OFFSET = 0x18


@pytest.fixture
def fail_nth(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A file that keeps what is written to it, and its descriptor."""
    path = tmp_path / "fail-nth"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    yield path, fd
    os.close(fd)


@pytest.fixture
def armed(fail_nth: tuple[Path, int], tmp_path: Path) -> Iterator[ArmedCalls]:
    with ArmedCalls(fail_nth[1], str(tmp_path / "position")) as made:
        yield made


def test_bytes_are_those_of_the_instructions(tmp_path: Path) -> None:
    source, assembled, raw = tmp_path / "a.s", tmp_path / "a.o", tmp_path / "a.bin"
    source.write_text("".join(f"{instruction}\n" for _, instruction in MACHINE_CODE))
    subprocess.run(["as", "--64", "-o", assembled, source], check=True)
    subprocess.run(["objcopy", "-O", "binary", "-j", ".text", assembled, raw], check=True)
    assert raw.read_bytes().hex(" ") == " ".join(code for code, _ in MACHINE_CODE)


def test_number_is_set_read_and_taken_back(armed: ArmedCalls, fail_nth: tuple[Path, int]) -> None:
    """The call allocates nothing of what counts here: all that was set is left."""
    armed.left = 7
    os.close(armed.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC))
    assert armed.left == 7
    assert fail_nth[0].read_text() == "0"


def test_number_is_there_during_the_call_and_read_after_it(armed: ArmedCalls, fail_nth: tuple[Path, int]) -> None:
    """A call that empties the file: what was written before it is gone, what is written after it stands alone."""
    armed.left = 25
    with pytest.raises(RuntimeError, match=r"^fail-nth could not be read: "):
        armed.open(str(fail_nth[0]), os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC)
    assert fail_nth[0].read_text() == "0"


def test_fail_nth_that_cannot_be_set_is_no_error_of_the_call(tmp_path: Path) -> None:
    with (tmp_path / "read-only").open("w"), (tmp_path / "read-only").open() as fail_nth:
        armed = ArmedCalls(fail_nth.fileno(), str(tmp_path / "position"))
        with armed, pytest.raises(RuntimeError, match="could not be set: Bad file descriptor"):
            armed.open("/nowhere", os.O_RDONLY)


def test_an_ioctl_takes_and_gives(armed: ArmedCalls) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"12345")
    waiting = bytearray(4)
    assert armed.ioctl(reader, termios.FIONREAD, waiting) == 0
    assert waiting == (5).to_bytes(4, "little")
    assert fcntl.ioctl(reader, termios.FIONREAD, bytearray(4)) == 0
    os.close(reader)
    os.close(writer)


def test_an_error_is_that_of_the_call(armed: ArmedCalls) -> None:
    for code, call in (
        (ENOENT, lambda: armed.open("/nowhere", os.O_RDONLY)),
        (EBADF, lambda: armed.ioctl(-1, termios.FIONREAD, bytearray(4))),
        (EBADF, lambda: armed.map(-1, 4096)),
    ):
        with pytest.raises(OSError) as raised:
            call()
        assert raised.value.errno == code


def test_a_mapping_is_memory_of_the_file(armed: ArmedCalls) -> None:
    with Memfd(8192, seals=0) as memfd:
        before = Path("/proc/self/maps").read_text().count("memfd:dmabuf-harness")
        view = armed.map(memfd.fileno(), 8192)
        assert isinstance(view, BareMapping)
        view[5000] = 42
        assert os.pread(memfd.fileno(), 1, 5000) == b"\x2a"
        view.close()
        assert Path("/proc/self/maps").read_text().count("memfd:dmabuf-harness") == before


def test_an_argument_that_has_no_room_is_refused(armed: ArmedCalls) -> None:
    with pytest.raises(ValueError, match="room for 3840"):
        armed.ioctl(0, 0, bytearray(4096))


def test_only_the_calls_of_the_block_are_armed(armed: ArmedCalls) -> None:
    with made_by(armed):
        assert calls() is armed
    assert type(calls()) is SystemCalls


# --- where it was when it was killed ------------------------------------------------------------


def _descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_nothing_is_left_behind(fail_nth: tuple[Path, int], tmp_path: Path) -> None:
    position, before = tmp_path / "position", _descriptors()
    with ArmedCalls(fail_nth[1], str(position)):
        assert position.exists()
    assert not position.exists()
    assert _descriptors() == before


_KILL, _PRLIMIT = 62, 302  # asm/unistd_64.h


def _call_that_is_killed(armed: ArmedCalls) -> None:
    armed._make(_KILL, os.getpid(), signal.SIGKILL)


def _killed_as_it_sets_fail_nth(armed: ArmedCalls) -> None:
    """A file may have no more bytes: SIGXFSZ."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    armed._make(_KILL, 0, 0)


def _killed_as_it_takes_it_back(armed: ArmedCalls) -> None:
    """The call is what sets that limit."""
    armed._make(_PRLIMIT, 0, resource.RLIMIT_FSIZE, armed._argument(bytes(16)), 0)


def _position_of(end: Callable[[ArmedCalls], None], tmp_path: Path) -> bytes:
    """What a process leaves behind that ``end`` kills."""
    position, fail_nth = tmp_path / "position", tmp_path / "fail-nth"
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            with ArmedCalls(os.open(fail_nth, os.O_RDWR | os.O_CREAT), str(position)) as armed:
                end(armed)
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    return position.read_bytes()


@pytest.mark.parametrize(
    ("end", "outside"),
    [(_killed_as_it_sets_fail_nth, True), (_call_that_is_killed, False), (_killed_as_it_takes_it_back, True)],
)
def test_where_it_was_killed_survives_it(end: Callable[[ArmedCalls], None], outside: bool, tmp_path: Path) -> None:
    assert is_outside(_position_of(end, tmp_path)) is outside


def test_a_block_that_was_never_used_tells_nothing() -> None:
    assert not is_outside(b"")
    assert not is_outside(bytes(armed_calls._SIZE))


@pytest.mark.parametrize(("position", "outside"), [(0, False), (1, True), (2, False), (3, True)])
def test_only_before_and_after_the_call_is_outside(position: int, outside: bool) -> None:
    assert is_outside(bytes(POSITION_OFFSET) + position.to_bytes(4, "little") + bytes(64)) is outside
