# SPDX-License-Identifier: GPL-2.0-only
"""Where the value of each option comes from: the command line, else ``dmabuf-harness.toml``, else its default."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.cli.grouped_parser import GroupedParser
from harness.cli.project_file import ProjectFile, find_project, refuse_unknown, value_of

DEFAULT, TYPED = "default", "command line"
# What is tested is one question: an answer on the command line leaves out all of the file's.
_WHAT = ("patch", "pick", "worktree", "revert", "up_to", "no_patch")
_ANSWERS = {"patch", "worktree", "revert", "no_patch"}


@dataclass
class OptionOrigins:
    """``keys``: long name -> where its value comes from, in the order of --help. ``words``: what the file says, as it
    would be typed. ``project``: the file's path, as a patch of its tree would name it; empty if there is none."""

    keys: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    project: str = ""


def add_project_option(parser: argparse.ArgumentParser, *keys: str) -> None:
    """Let the command of ``parser`` read the project file. ``keys``: those that it takes; default: all that it has."""
    parser.add_argument("--no-project", action="store_true", help="do not read dmabuf-harness.toml")
    parser.set_defaults(project_keys=keys, origins=OptionOrigins())


def whole_command(arguments: argparse.Namespace) -> tuple[str, ...]:
    """What was typed, with what the project file added: it does the same without that file."""
    return ("dmabuf-harness", *sys.argv[1:], *arguments.origins.words)


def run_options() -> dict[str, argparse.Action]:
    """Long name -> option of ``run``: the keys of a project file, in the order of --help."""
    from harness.cli.run import add_run_options  # noqa: PLC0415 - which has the option that is added here

    parser = argparse.ArgumentParser(add_help=False)
    add_run_options(parser)
    return long_options(parser)


def long_options(parser: argparse.ArgumentParser) -> dict[str, argparse.Action]:
    """Long name -> option, without those that say nothing of a run, or only take another one back."""
    named = ((option, action) for action in parser._actions for option in action.option_strings)
    left_out = ("--help", "--no-project")
    own = (one for one in named if not isinstance(one[1], argparse._StoreFalseAction))
    return {name[2:]: action for name, action in own if name.startswith("--") and name not in left_out}


def complete(arguments: argparse.Namespace, given: Sequence[str], parser: Callable[[], GroupedParser]) -> None:
    """Put the project file's values into ``arguments``, which argparse made of ``given``, and note all origins.

    ``parser``: makes the parser once more. Raises ``UserError`` for what the file may not say.
    """
    typed = _typed(parser(), given)
    (command,) = (one for one in parser().commands() if one.prog.split()[-1] == given[0])
    known, own = run_options(), long_options(command)
    keys = [key for key in known if key in own and key in (arguments.project_keys or known)]
    arguments.origins = OptionOrigins({key: TYPED if own[key].dest in typed else DEFAULT for key in keys})
    project = None if arguments.no_project else find_project(Path.cwd())
    if project is not None:
        refuse_unknown(project, known)
        values = {key: value_of(project, key, known[key]) for key in known if key in project.values}
        if _ANSWERS & typed:
            typed |= {*_WHAT}
        for key in [key for key in keys if key in values and own[key].dest not in typed]:
            _take(arguments, project, key, own[key], values[key])
        arguments.origins.words.append("--no-project")
        arguments.origins.project = project.name_in_tree


def _typed(parser: GroupedParser, given: Sequence[str]) -> set[str]:
    """The names of attributes that ``given`` itself sets."""
    for command in parser.commands():
        command._defaults.clear()
        for action in command._actions:
            action.default = argparse.SUPPRESS
    return set(vars(parser.parse_args(given)))


def _take(
    arguments: argparse.Namespace, project: ProjectFile, key: str, action: argparse.Action, value: object
) -> None:
    if value is not False:
        setattr(arguments, action.dest, action.const if value is True else value)
        arguments.origins.words += as_typed(key, action, value)
    arguments.origins.keys[key] = project.where(key)


def as_typed(key: str, action: argparse.Action, value: Any) -> Iterator[str]:
    """The option as it is typed."""
    if isinstance(value, bool):
        yield f"--{key}" if value else f"--no-{key}"
    elif not isinstance(value, list):
        yield from (f"--{key}", str(value))
    elif action.nargs == "+":
        yield from (f"--{key}", *map(str, value)) if value else ()
    else:
        yield from (word for one in value for word in (f"--{key}", str(one)))


def typed_words(arguments: argparse.Namespace) -> list[str]:
    """What was typed of the options of ``run``, for another process in another directory."""
    options = run_options()
    words = ["--no-project"] if arguments.no_project else []
    for key in (key for key, origin in arguments.origins.keys.items() if origin == TYPED):
        words += as_typed(key, options[key], _absolute(getattr(arguments, options[key].dest)))
    return words


def _absolute(value: Any) -> Any:
    if isinstance(value, list):
        return [_absolute(one) for one in value]
    return value.absolute() if isinstance(value, Path) else value


def shown(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    """(label, text) of each option: its value, and where that comes from."""
    origins = arguments.origins.keys
    values = {key: getattr(arguments, key.replace("-", "_"), None) for key in origins}
    facts = [("option", f"{key} = {_text(values[key])}  ({at})") for key, at in origins.items() if at != DEFAULT]
    rest = {key: values[key] for key, at in origins.items() if at == DEFAULT}
    for label, keys in (("default", [k for k in rest if rest[k]]), ("not set", [k for k in rest if not rest[k]])):
        facts.append((label, ", ".join(f"{key} = {_text(rest[key])}" if rest[key] else key for key in keys)))
    return facts


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)
