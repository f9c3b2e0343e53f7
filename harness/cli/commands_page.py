# SPDX-License-Identifier: GPL-2.0-only
"""docs/commands.md, made from the parser of the command line: ``python -m harness.cli.commands_page`` prints it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from harness.cli.command_texts import CommandText, OptionText, command_texts
from harness.cli.grouped_parser import GroupedParser
from harness.cli.main import parser
from harness.cli.man_page import ENVIRONMENT, EXIT_STATUS

HEAD = """# Commands and options

Made from the parser by `python -m harness.cli.commands_page`, as is the man page by `make man`. What is behind the
options of `run`: [reference](reference.md).
"""


def render(top: GroupedParser) -> str:
    """The page as Markdown: a section for each list of commands, a heading and a table for each command."""
    lines = [HEAD]
    for title, commands in command_texts(top):
        lines += [f"## {title[:1].upper()}{title[1:]}", ""]
        for command in commands:
            lines += [*_command(top.prog, command), ""]
    for title, entries in (("Exit codes", EXIT_STATUS), ("Environment", ENVIRONMENT)):
        lines += [f"## {title}", "", *_table((f"`{term}`", _cell(text)) for term, text in entries), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _command(program: str, command: CommandText) -> Iterator[str]:
    arguments = [option.values for option in command.own if not option.names]
    yield from (f"### {program} {' '.join([command.name, *arguments])}", "", _cell(command.description))
    if command.own:
        yield from ("", *_table((_names(option), _cell(option.help)) for option in command.own))
    if command.shared:
        yield from ("", f"As for `run`: {', '.join(map(_names_alone, command.shared))}.")


def _table(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from ("| | |", "|---|---|")
    yield from (f"| {left} | {right} |" for left, right in rows)


def _names(option: OptionText) -> str:
    """ "`-p`, `--patch FILE`"; the name of an argument."""
    *short, last = option.names or ("",)
    shown = [*short, f"{last} {option.values}".strip()]
    return ", ".join(f"`{name}`" for name in shown).replace("|", "\\|")


def _names_alone(option: OptionText) -> str:
    return "/".join(f"`{name}`" for name in option.names)


def _cell(text: str) -> str:
    """``text`` as Markdown that shows just that, within one line of a table."""
    return re.sub(r"([|<>*_`\[\]])", r"\\\1", re.sub(r"\s+", " ", text))


if __name__ == "__main__":
    sys.stdout.write(render(parser()))
