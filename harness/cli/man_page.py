# SPDX-License-Identifier: GPL-2.0-only
"""The man page, made from the parser of the command line: ``python -m harness.cli.man_page`` prints it.

Written with the macros of man(7) that groff_man(7) and mandoc agree on. argparse-manpage was tried: it wraps usage
lines as prose, gives NAME no description, without which no index of man pages takes it, and knows one list of commands.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from harness.cli.command_texts import CommandText, OptionText, command_texts, general_options
from harness.cli.grouped_parser import GroupedParser
from harness.cli.main import parser

SUMMARY = "test dma-buf kernel patches under QEMU"

EXIT_STATUS = (
    ("0", "Nothing is wrong with the patch."),
    ("1", "Something is wrong with it."),
    ("2", "The input cannot be used: one line says what, where and what to do."),
    ("3", "Trouble with the machine, or a fault of the harness."),
    ("130, 143", "Interrupted; terminated. What was known by then is kept."),
)
ENVIRONMENT = (
    ("XDG_CACHE_HOME", "Its directory dmabuf-harness (default: ~/.cache/dmabuf-harness) holds sources and kernels."),
    ("DMABUF_HARNESS_MIRROR", "Mirror of the Debian archive, instead of the one that apt uses."),
    ("DMABUF_HARNESS_KERNEL_ORG", "Address of pub/linux/kernel on a mirror, for bases of kind kernel.org."),
    ("DMABUF_HARNESS_KERNEL_ORG_KEYRING", "Keyring with which the checksums of that mirror are verified."),
    ("DMABUF_HARNESS_KCIDB_ORIGIN", "Name by which KernelCI knows the submitter, for --report kcidb=FILE."),
    ("DMABUF_HARNESS_KCIDB_LOGS", "URL at which the run's directory is published, for the same."),
)
_FILES = (
    ("runs/ID", "A run: results.json, junit.xml, report.html, logs."),
    ("runs/latest", "Link to the newest run."),
)


def render(top: GroupedParser) -> str:
    """The page in section 1. It has no date, so that the same parser makes the same page."""
    lines = [
        f'.TH {top.prog.upper()} 1 "" "{top.prog}" "User commands"',
        *(".SH NAME", _escaped(f"{top.prog} - {SUMMARY}")),
        *(".SH SYNOPSIS", f".B {_escaped(top.prog)}", ".I COMMAND", _escaped("[OPTION ...] [ARGUMENT ...]")),
        *(".SH DESCRIPTION", _escaped(top.description or "")),
    ]
    general = general_options(top)
    lines += [".SH OPTIONS", *_entries(general)] if general else []
    for title, commands in command_texts(top):
        lines.append(f'.SH "{_escaped(title.upper())}"')
        for command in commands:
            lines += _command(command)
    for title, entries in (("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", _FILES)):
        lines.append(f".SH {title}")
        for term, text in entries:
            lines += [".TP", f".B {_escaped(term)}", _escaped(text)]
    return "\n".join(lines) + "\n"


def _command(command: CommandText) -> Iterator[str]:
    """The section of one command. An option that ``run`` has as well is told there."""
    yield from (f'.SS "{_escaped(command.name)}"', _escaped(command.description))
    if command.shared:
        yield ".PP"
        yield f"As for run: {', '.join(map(_heading, command.shared))}."
    yield from _entries(command.own)


def _entries(options: Iterable[OptionText]) -> Iterator[str]:
    for option in options:
        yield from (".TP", _heading(option), _escaped(option.help))


def _heading(option: OptionText) -> str:
    """ "-p FILE, --patch FILE": options bold, what is to be filled in italic."""
    values = f" \\fI{_escaped(option.values)}\\fR" if option.values else ""
    names = [f"\\fB{_escaped(name)}\\fR{values}" for name in option.names]
    return ", ".join(names) or values.strip()


def _escaped(text: str) -> str:
    """``text`` as roff that prints just that: "-" is a minus, as in what is typed, and no line is a request."""
    plain = re.sub(r"\s+", " ", text).replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return re.sub(r"^([.'])", r"\\&\1", plain)


if __name__ == "__main__":
    sys.stdout.write(render(parser()))
