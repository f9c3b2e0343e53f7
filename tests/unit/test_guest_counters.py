# SPDX-License-Identifier: GPL-2.0-only
"""Counters in the guest: what is reset, waited for, left out and packed. A directory stands in for debugfs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.guest import counters, runner
from tests.support.guest_checks import Checks, good, lines, replaced_checks

BLANK = b"gcda" + bytes(64)
RAN = b"gcda" + b"\1" + bytes(63)


class FakeGcov:
    """Files of counters below ``root``: a reset makes them blank. ``later``: what each further look changes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.resets = 0
        self.later: list[Callable[[], None]] = []
        for name in ("objects/dma-buf.gcda", "objects/udmabuf.gcda"):
            self.write(name, BLANK)
        (root / "objects" / "dma-buf.gcno").symlink_to("nowhere")

    def write(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def reset(self) -> None:
        self.resets += 1
        for path in self.root.rglob("*.gcda"):
            path.write_bytes(BLANK)


@pytest.fixture
def gcov(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeGcov:
    fake = FakeGcov(tmp_path / "gcov")
    monkeypatch.setattr(counters, "DIRECTORY", str(fake.root))
    monkeypatch.setattr(counters, "reset", fake.reset)
    return fake


def test_only_files_in_which_something_ran_are_taken(gcov: FakeGcov) -> None:
    counting = counters.Counters()
    counting.start()
    gcov.write("objects/udmabuf.gcda", RAN)
    assert counters.unpack(counting.take()) == {"/objects/udmabuf.gcda": RAN}


def test_each_test_begins_with_blank_counters(gcov: FakeGcov) -> None:
    counting = counters.Counters()
    counting.start()
    gcov.write("objects/udmabuf.gcda", RAN)
    counting.take()
    counting.start()
    assert counters.unpack(counting.take()) == {}


def test_a_file_of_a_module_that_came_later_is_taken(gcov: FakeGcov) -> None:
    counting = counters.Counters()
    counting.start()
    gcov.write("objects/late.gcda", BLANK)
    assert counters.unpack(counting.take()) == {"/objects/late.gcda": BLANK}


def test_work_that_ends_later_belongs_to_the_test(gcov: FakeGcov, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something runs on while the test has ended: nothing is taken before two looks in a row agree."""
    counting = counters.Counters()
    counting.start()
    late = [bytes([number]) * 8 for number in range(1, 4)]

    def work(_seconds: float) -> None:
        if late:
            gcov.write("objects/udmabuf.gcda", late.pop(0))

    monkeypatch.setattr("harness.guest.counters.time.sleep", work)
    assert counters.unpack(counting.take()) == {"/objects/udmabuf.gcda": bytes([3]) * 8}


def test_what_runs_after_the_first_reset_is_not_taken_for_blank(
    gcov: FakeGcov, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = [lambda: gcov.write("objects/udmabuf.gcda", RAN)]

    def reset() -> None:
        gcov.reset()
        if after:
            after.pop()()

    monkeypatch.setattr(counters, "reset", reset)
    counting = counters.Counters()
    counting.start()
    gcov.write("objects/udmabuf.gcda", RAN)
    assert counters.unpack(counting.take()) == {"/objects/udmabuf.gcda": RAN}


@pytest.mark.parametrize("files", [{}, {"/a.gcda": b""}, {"/a.gcda": b"\0\0x\0", "/b.gcda": bytes(range(256))}])
def test_packed_and_back(files: dict[str, bytes]) -> None:
    text = counters.pack(files)
    assert counters.unpack(text) == files
    assert "\n" not in text


@pytest.mark.parametrize("text", ["", "%", "AAAA", counters.pack({"/a": b"1234"})[:-4]])
def test_what_is_damaged_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        counters.unpack(text)


def test_a_size_that_is_too_large_is_refused() -> None:
    import binascii
    import zlib

    with pytest.raises(ValueError, match="cut off"):
        counters.unpack(binascii.b2a_base64(zlib.compress(b"/a\0" + b"9\0" + b"123"), newline=False).decode())


def test_the_runner_tells_what_each_check_reached(
    gcov: FakeGcov, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks: Checks = replaced_checks(monkeypatch, tmp_path)

    def reaches() -> None:
        gcov.write("objects/udmabuf.gcda", RAN)

    assert runner.run(checks(reaches, good), counting=counters.Counters())
    told = [line.removeprefix(f"# {runner.REACH}") for line in lines(capsys) if line.startswith(f"# {runner.REACH}")]
    assert [counters.unpack(text) for text in told] == [{"/objects/udmabuf.gcda": RAN}, {}]


def test_without_counters_the_runner_says_nothing_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks: Checks = replaced_checks(monkeypatch, tmp_path)
    assert runner.run(checks(good))
    assert not any(line.startswith(f"# {runner.REACH}") for line in lines(capsys))


def test_the_command_line_resets_and_takes(gcov: FakeGcov, capsys: pytest.CaptureFixture[str]) -> None:
    gcov.write("objects/udmabuf.gcda", RAN)
    assert runner.main(["--count", "take"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert counters.unpack(line.removeprefix(runner.REACH))["/objects/udmabuf.gcda"] == RAN
    assert gcov.resets == 1
    assert runner.main(["--count", "reset"]) == 0
    assert gcov.resets == 2
    assert runner.main(["--count", "twice"]) == 2
