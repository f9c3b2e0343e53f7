# SPDX-License-Identifier: GPL-2.0-only
"""TOML files as dataclasses: what is taken, and the line that each mistake gets."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

import pytest

from harness.errors import UserError
from harness.toml_tables import OneLine, keyed, read_toml


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Part:
    name: str
    size: int = 1


@dataclass(frozen=True)
class Thing:
    """One of each type; ``origin`` does not come from the file."""

    title: str
    origin: str
    words: OneLine = "w"
    level: Literal["low", "high"] = "low"
    colour: Colour = Colour.RED
    weight: float = 0.0
    is_new: bool = False
    until: date | None = None
    match: re.Pattern[str] | None = None
    names: tuple[str, ...] = ()
    options: Mapping[str, str] | None = None
    parts: tuple[Part, ...] = field(default=(), metadata=keyed("part"))
    since: str = field(default="", metadata=keyed("from"))


WHOLE = """\
title = "a thing"
colour = "blue"
weight = 3
words = " two   lines"
level = "high"
is_new = true
until = 2027-06-30
match = "^a+$"
names = ["x", "y"]
from = "5.10"
options = { A = "y" }

[[part]]
name = "first"

[[part]]
name = "second"
size = 2
"""


def decoded(tmp_path: Path, text: str) -> Thing:
    file = tmp_path / "thing.toml"
    file.write_text(text)
    return read_toml(file, "see the format", "some/thing.toml").decode(Thing, origin="here")


def test_every_type_is_read(tmp_path: Path) -> None:
    parts = (Part("first"), Part("second", 2))
    expected = Thing(
        *("a thing", "here", "two lines", "high", Colour.BLUE, 3.0, True, date(2027, 6, 30)),
        *(re.compile("^a+$"), ("x", "y"), {"A": "y"}, parts, "5.10"),
    )
    assert decoded(tmp_path, WHOLE) == expected
    assert decoded(tmp_path, WHOLE.replace("2027-06-30", '"2027-06-30"')) == expected


def test_what_is_left_out_is_the_default(tmp_path: Path) -> None:
    assert decoded(tmp_path, 'title = "t"') == Thing("t", "here")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("title = ", "some/thing.toml: not TOML: "),
        ("", "some/thing.toml: title is missing; see the format"),
        ('title = ""', "some/thing.toml: title is empty; see the format"),
        ('title = " "', "some/thing.toml: title is empty; see the format"),
        ('title = "t"\nlevel = "middle"', "some/thing.toml: unknown level 'middle'; possible: low, high"),
        ("title = 3", "some/thing.toml: title is no text: 3; see the format"),
        ('title = "t"\norigin = "o"', "some/thing.toml: unknown key 'origin'; possible: title, words, "),
        ('title = "t"\ncolour = "green"', "some/thing.toml: unknown colour 'green'; possible: red, blue"),
        ('title = "t"\nweight = "x"', "some/thing.toml: weight is no number: 'x'; see the format"),
        ('title = "t"\nweight = true', "some/thing.toml: weight is no number: True; see the format"),
        ('title = "t"\nis_new = 1', "some/thing.toml: is_new is neither true nor false: 1; see the format"),
        ('title = "t"\nuntil = "soon"', "some/thing.toml: until is no date: soon; write it as YYYY-MM-DD"),
        ('title = "t"\nuntil = 2027-06-30T00:00:00', "some/thing.toml: until is no date: 2027-06-30 00:00:00; write"),
        ('title = "t"\nmatch = "("', "some/thing.toml: match is no regular expression: missing ), "),
        ('title = "t"\nnames = "x"', "some/thing.toml: names is no list: 'x'; see the format"),
        ('title = "t"\nnames = ["x", 2]', "some/thing.toml: names 2 is no text: 2; see the format"),
        ('title = "t"\noptions = { A = 1 }', "some/thing.toml: options.A is no text: 1; see the format"),
        ('title = "t"\npart = [1]', "some/thing.toml: part 1 is no table: 1; see the format"),
        ('title = "t"\n[[part]]\nname = "n"\n[[part]]', "some/thing.toml, part 2: name is missing; see the format"),
        (
            'title = "t"\n[[part]]\nname = "n"\nsize = "2"',
            "some/thing.toml, part 1: size is no whole number: '2'; see the format",
        ),
    ],
)
def test_mistake_has_its_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(UserError) as caught:
        decoded(tmp_path, text)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


def test_entries_have_their_place(tmp_path: Path) -> None:
    file = tmp_path / "parts.toml"
    file.write_text('[[part]]\nname = "a"\n[[part]]\nname = "b"\n')
    entries = list(read_toml(file, "mend", "parts.toml").entries("part"))
    assert [(entry.where, entry.decode(Part).name) for entry in entries] == [
        ("parts.toml, entry 1", "a"),
        ("parts.toml, entry 2", "b"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('other = 1\n[[part]]\nname = "a"', "parts.toml: holds something else than [[part]] entries; mend"),
        ('part = "a"', "parts.toml: holds something else than [[part]] entries; mend"),
        ('part = ["a"]', "parts.toml, entry 1: not a table; write it as [[part]]"),
    ],
)
def test_file_of_entries_holds_nothing_else(tmp_path: Path, text: str, line: str) -> None:
    file = tmp_path / "parts.toml"
    file.write_text(text)
    with pytest.raises(UserError) as caught:
        list(read_toml(file, "mend", "parts.toml").entries("part"))
    assert str(caught.value) == line


def test_words_for_people_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('name = "a"\nwhy = "because"\n')
    table = read_toml(tmp_path / "x.toml", "mend")
    assert table.decode(Part, ignored=("why",)) == Part("a")
    assert table.text("why") == "because"
    with pytest.raises(UserError, match="unknown key 'why'"):
        table.decode(Part)
    with pytest.raises(UserError, match=r"x\.toml: how is missing; mend"):
        table.text("how")


def test_what_has_no_end_is_refused() -> None:
    with pytest.raises(UserError, match=r"^/dev/zero: larger than 4 MiB; mend it"):
        read_toml(Path("/dev/zero"), "mend it")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.toml: cannot be read: No such file or directory; mend it"):
        read_toml(tmp_path / "none.toml", "mend it")


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(UserError, match=r"x\.toml: not TOML"):
        read_toml(tmp_path / "x.toml", "mend it")
