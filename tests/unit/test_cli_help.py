# SPDX-License-Identifier: GPL-2.0-only
"""``--help``: what tests patches comes first, what is for work on the harness stands apart, and nothing is left out."""

from __future__ import annotations

import argparse
import re

import pytest

from harness.cli.grouped_parser import GroupedParser
from harness.cli.main import outline, parser

USUAL = ["run", "show", "report", "compare", "bisect", "doctor", "list"]


def listed(text: str) -> list[list[str]]:
    """The names in each list of commands of a help text."""
    lists = re.findall(r"^commands[^\n]*:\n((?:  \S[^\n]*\n)+)", text, re.MULTILINE)
    return [re.findall(r"^  (\S+) +\S", found, re.MULTILINE) for found in lists]


def test_what_tests_patches_comes_first() -> None:
    first, second = listed(parser().format_help())
    assert first[: len(USUAL)] == USUAL
    assert {"bench", "faults", "mutants", "bisect-step", "expect"} == set(second)


def test_help_is_the_same_where_no_command_was_loaded() -> None:
    assert outline().format_help() == parser().format_help()


def test_every_command_is_in_one_list() -> None:
    shown = [name for names in listed(parser().format_help()) for name in names]
    (known,) = (action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    assert shown == list(known)


def test_a_line_of_each_begins_below_the_others() -> None:
    text = parser().format_help()
    columns = {len(match[1]) for match in re.finditer(r"(?m)^(  [a-z][a-z-]* +)\S", text)}
    assert len(columns) == 1


def test_a_command_says_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    """Also one that has no more to say than its line in the list."""
    top = GroupedParser(prog="tool")
    group = top.add_command_group("commands", {"one": "do one thing", "two": "do two"})
    group.add_parser("one")
    group.add_parser("two", description="Do two things, one after the other.")
    for name, said in (("one", "do one thing"), ("two", "Do two things, one after the other.")):
        with pytest.raises(SystemExit):
            top.parse_args([name, "--help"])
        out = capsys.readouterr().out
        assert out.startswith(f"usage: tool {name} [-h]\n\n{said}\n")


def test_each_command_is_known_alone_as_it_is_among_all() -> None:
    every = {name: command for group in parser().groups for name, command in group.parsers.items()}
    for name, command in every.items():
        (alone,) = (one for group in parser(name).groups for one in group.parsers.items())
        assert (alone[0], alone[1].format_help()) == (name, command.format_help())


def test_what_is_no_command_is_held_against_all() -> None:
    assert len(list(parser("lisst").commands())) == len(list(parser().commands()))
