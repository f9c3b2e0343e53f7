# SPDX-License-Identifier: GPL-2.0-only
"""Lines of the kernel are told from those of programs, in a log of any size and shape."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.splat import find_splats
from harness.splat.lines import Line, kernel_lines, numbered
from tests.support.consoles import splats_in

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


# --- logs of any shape ------------------------------------------------------------------------


@given(st.text(alphabet="ab\n\r[<1]", max_size=200))
def test_lines_are_counted_as_an_editor_counts_them(text: str) -> None:
    assert [line for _, line in numbered(text)] == text.split("\n")
    assert [number for number, _ in numbered(text)] == list(range(1, text.count("\n") + 2))


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_bytes(b"\xff\xfe\x00[    1.234567] BUG: Bad page \xff state\r\n")
    (splat,) = splats_in(console)
    assert splat.title == "BUG: Bad page \ufffd state"


def test_no_file_no_splats(tmp_path: Path) -> None:
    assert splats_in(tmp_path / "console.log") == ()


@pytest.mark.parametrize("level", ["", "<4>"])
def test_a_report_after_megabytes_without_a_newline(level: str) -> None:
    (splat,) = find_splats(f"first\n{'.' * (4 << 20)}{level}[    1.234567] {BUG}\nlast\n")
    assert (splat.line, splat.title) == (2, BUG)
