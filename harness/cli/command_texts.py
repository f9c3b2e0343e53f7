# SPDX-License-Identifier: GPL-2.0-only
"""What the parser of the command line knows of commands and options, for pages that are made from it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from harness.cli.grouped_parser import GroupedParser

AS_FOR_RUN = "as for run"
"""The help of an option that means what it means for ``run``."""


@dataclass(frozen=True)
class OptionText:
    """One option or argument. ``names``: ("-p", "--patch"), empty for an argument. ``values``: "[N ...]", or empty."""

    names: tuple[str, ...]
    values: str
    help: str


@dataclass(frozen=True)
class CommandText:
    """``shared``: the options that ``run`` has as well and that mean the same. ``own``: all others."""

    name: str
    description: str
    shared: tuple[OptionText, ...]
    own: tuple[OptionText, ...]


def command_texts(top: GroupedParser) -> Iterator[tuple[str, list[CommandText]]]:
    """(title, commands) of each list of commands in ``--help``, in its order."""
    (run,) = (command for group in top.groups for name, command in group.parsers.items() if name == "run")
    for group in top.groups:
        yield group.title, [_command(name, command, run) for name, command in group.parsers.items()]


def general_options(top: GroupedParser) -> list[OptionText]:
    """Of the program itself, but for ``--help``."""
    return [_option(top, action) for action in top._actions if action.option_strings and action.dest != "help"]


def _command(name: str, command: argparse.ArgumentParser, run: argparse.ArgumentParser) -> CommandText:
    text = command.description or ""
    sentence = f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
    actions = [action for action in command._actions if action.dest != "help"]
    shared = [] if command is run else [action for action in actions if _is_in(run, action)]
    own = [action for action in actions if action not in shared]
    shared_texts, own_texts = (tuple(_option(command, action) for action in some) for some in (shared, own))
    return CommandText(name, sentence, shared_texts, own_texts)


def _is_in(command: argparse.ArgumentParser, wanted: argparse.Action) -> bool:
    """True if ``command`` has an option of these names, with the same help, or ``wanted`` says that it is the same."""
    same = [action for action in command._actions if action.option_strings == wanted.option_strings]
    return bool(wanted.option_strings) and any(wanted.help in (action.help, AS_FOR_RUN) for action in same)


def _option(command: argparse.ArgumentParser, action: argparse.Action) -> OptionText:
    told = (action.help or "") % {**vars(action), "prog": command.prog}
    return OptionText(tuple(action.option_strings), _values(action) if action.nargs != 0 else "", told)


def _values(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    default = action.dest.upper() if action.option_strings else action.dest
    name = action.metavar or ("|".join(map(str, action.choices)) if action.choices else default)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)
