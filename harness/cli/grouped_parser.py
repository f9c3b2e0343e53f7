# SPDX-License-Identifier: GPL-2.0-only
"""A command line whose subcommands are in several lists of ``--help``, which argparse shows as one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any


class GroupedParser(argparse.ArgumentParser):
    """The parser of a program with subcommands. ``settings``: as for ``ArgumentParser``."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            usage="%(prog)s [OPTION] COMMAND ...", formatter_class=argparse.RawDescriptionHelpFormatter, **settings
        )
        self.groups: list[CommandGroup] = []
        self._all = self.add_subparsers(
            prog=self.prog,
            metavar="COMMAND",
            required=True,
            help=argparse.SUPPRESS,
            parser_class=argparse.ArgumentParser,
        )

    def add_command_group(self, title: str, lines: Mapping[str, str]) -> CommandGroup:
        """A new list of subcommands, shown after those that there are. ``lines``: what each is for."""
        self.groups.append(CommandGroup(title, self._all, self.add_argument_group(title), lines))
        return self.groups[-1]

    def commands(self) -> Iterator[argparse.ArgumentParser]:
        """The parsers of all subcommands, in the order of ``--help``."""
        for group in self.groups:
            yield from group.parsers.values()


class CommandGroup:
    """One list of subcommands. ``parsers``: by name."""

    def __init__(self, title: str, commands: Any, shown: Any, lines: Mapping[str, str]) -> None:
        self.title, self.parsers = title, dict[str, argparse.ArgumentParser]()
        self._commands, self._shown, self._lines = commands, shown, lines

    def add_parser(self, name: str, **settings: Any) -> argparse.ArgumentParser:
        """As argparse's. The line of a command is the description of one that has none."""
        line = self._lines[name]
        parser: argparse.ArgumentParser = self._commands.add_parser(name, **{"description": line, **settings})
        self.parsers[name] = parser
        self._shown.description = "\n".join([*filter(None, [self._shown.description]), f"{name:12} {line}"])
        return parser
