# SPDX-License-Identifier: GPL-2.0-only
"""Lines of the kernel are told from those of programs, in a log of any size and shape."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.splat import find_splats, find_splats_in
from harness.splat.lines import MAX_WIDTH, Line, kernel_lines, numbered, numbered_in

BUG = "BUG: Bad page state in process x"


def lines(text: str) -> list[Line]:
    return list(kernel_lines(numbered(text)))


@pytest.mark.parametrize(
    ("line", "caller", "text"),
    [
        ("[    1.234567] hello", "", "hello"),
        ("[    1.234567][    T1] hello", "T1", "hello"),
        ("[    1.234567][   C12]  <TASK>", "C12", " <TASK>"),
        ("<4>[    1.234567] hello", "", "hello"),
        ("<0>[    1.234567][ T4711] hello\r", "T4711", "hello"),
        ("login: <6>[    1.234567] hello", "", "hello"),
        ("[    1.234567] ", "", ""),
        ("[    1.234567]", "", ""),
    ],
)
def test_prefixes(line: str, caller: str, text: str) -> None:
    assert lines(line) == [Line(1, 1.234567, caller, text)]


def test_times() -> None:
    assert [line.seconds for line in lines("[    0.000000] a\n[12345.234567] b\n[9999999.000001] c")] == [
        0.0,
        12345.234567,
        9999999.000001,
    ]


@pytest.mark.parametrize("line", ["hello", "", "[1.2] hello", "[    1.234567 hello", "1.234567] hello", "<4>hello"])
def test_lines_without_a_time_stamp_are_not_the_kernel_s(line: str) -> None:
    assert lines(line) == []


@pytest.mark.parametrize("level", range(192))
def test_only_the_kernel_has_its_facility(level: int) -> None:
    """<N> is the facility times 8 plus the level; "kern" is 0, and programs cannot have it."""
    (line,) = lines(f"<{level}>[    1.234567] hello")
    assert line.by_program == (level >= 8)


def test_what_a_program_writes_to_kmsg_is_not_believed() -> None:
    fake = f"<12>[    1.234567] {BUG}\n<8>[    1.234567] Kernel panic - not syncing: fake\n"
    assert find_splats(fake) == ()
    real = fake.replace("<12>", "<4>").replace("<8>", "<0>")
    assert [splat.kind for splat in find_splats(real)] == ["bad-page", "panic"]


def test_what_a_program_writes_in_the_middle_of_a_report_is_no_part_of_it() -> None:
    report = (
        "<4>[    1.000000] ------------[ cut here ]------------\n<12>[    1.000001] I am a program\n"
        "<4>[    1.000002] planted\n<4>[    1.000003] ---[ end trace 0 ]---\n"
    )
    (splat,) = find_splats(report)
    assert splat.title == "planted" and "program" not in splat.text


def test_marks_come_from_programs() -> None:
    (splat,) = find_splats(f"<12>[    1.234567] dmabuf-harness: start checks\n<1>[    1.234568] {BUG}\n")
    assert splat.during == "checks"


# --- files of any size ------------------------------------------------------------------------


@given(st.text(alphabet="ab\n\r[<1]", max_size=200))
def test_a_file_has_the_lines_of_its_text(text: str) -> None:
    from_file = [(number, line) for number, line in numbered_in(io.BytesIO(text.encode())) if line]
    assert from_file == [(number, line) for number, line in numbered(text) if line]


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_bytes(b"\xff\xfe\x00[    1.234567] BUG: Bad page \xff state\r\n")
    (splat,) = find_splats_in(console)
    assert splat.title == "BUG: Bad page \ufffd state"


def test_no_file_no_splats(tmp_path: Path) -> None:
    assert find_splats_in(tmp_path / "console.log") == ()


@pytest.mark.parametrize("distance", range(0, 80, 3))
@pytest.mark.parametrize("level", ["", "<4>"])
def test_a_report_after_megabytes_without_a_newline(tmp_path: Path, distance: int, level: str) -> None:
    """Wherever the line is taken apart, the time stamp is seen, and the lines are counted right."""
    console = tmp_path / "console.log"
    console.write_bytes(
        b"first\n" + b"." * (2 * MAX_WIDTH - distance) + f"{level}[    1.234567] {BUG}\nlast\n".encode()
    )
    (splat,) = find_splats_in(console)
    assert (splat.line, splat.title) == (2, BUG)


class _Counted(io.BytesIO):
    """A file that tells the longest piece that was read at once."""

    longest = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        piece = super().readline(size)
        self.longest = max(self.longest, len(piece))
        return piece


def test_a_long_line_is_never_held_whole() -> None:
    handle = _Counted(b"x" * (5 * MAX_WIDTH))
    assert all(len(line) <= MAX_WIDTH + 100 for _, line in numbered_in(handle))
    assert handle.longest <= MAX_WIDTH
