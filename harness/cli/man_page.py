# SPDX-License-Identifier: GPL-2.0-only
"""The man page, made from the parser of the command line: ``python -m harness.cli.man_page`` prints it.

Written with the macros of man(7) that groff_man(7) and mandoc agree on. argparse-manpage was tried: it wraps usage
lines as prose, gives NAME no description, without which no index of man pages takes it, and knows one list of commands.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator

from harness.cli.grouped_parser import GroupedParser
from harness.cli.main import parser

SUMMARY = "test dma-buf kernel patches under QEMU"

_EXIT_STATUS = (
    ("0", "Nothing is wrong with the patch."),
    ("1", "Something is wrong with it."),
    ("2", "The input cannot be used: one line says what, where and what to do."),
    ("3", "Trouble with the machine, or a fault of the harness."),
    ("130, 143", "Interrupted; terminated. What was known by then is kept."),
)
_ENVIRONMENT = (
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
    general = [action for action in top._actions if action.option_strings and action.dest != "help"]
    lines += [".SH OPTIONS", *_entries(top, general)] if general else []
    (run,) = (command for group in top.groups for name, command in group.parsers.items() if name == "run")
    for group in top.groups:
        lines.append(f'.SH "{_escaped(group.title.upper())}"')
        for name, command in group.parsers.items():
            lines += _command(name, command, run)
    for title, entries in (("EXIT STATUS", _EXIT_STATUS), ("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        lines.append(f".SH {title}")
        for term, text in entries:
            lines += [".TP", f".B {_escaped(term)}", _escaped(text)]
    return "\n".join(lines) + "\n"


def _command(name: str, command: argparse.ArgumentParser, run: argparse.ArgumentParser) -> Iterator[str]:
    """The section of one command. An option that ``run`` has as well is told there."""
    description = command.description or ""
    yield from (
        f'.SS "{_escaped(name)}"',
        _escaped(f"{description[:1].upper()}{description[1:]}{'' if description.endswith('.') else '.'}"),
    )
    actions = [action for action in command._actions if action.dest != "help"]
    shared = [] if command is run else [action for action in actions if _is_in(run, action)]
    if shared:
        yield ".PP"
        yield f"As for run: {', '.join(map(_heading, shared))}."
    yield from _entries(command, [action for action in actions if action not in shared])


def _entries(command: argparse.ArgumentParser, actions: Iterable[argparse.Action]) -> Iterator[str]:
    for action in actions:
        yield from (".TP", _heading(action), _escaped(_help(command, action)))


def _is_in(command: argparse.ArgumentParser, wanted: argparse.Action) -> bool:
    """True if ``command`` has an option of the same names and help."""
    same = [action for action in command._actions if action.option_strings == wanted.option_strings]
    return bool(wanted.option_strings) and any(action.help == wanted.help for action in same)


def _heading(action: argparse.Action) -> str:
    """ "-p FILE, --patch FILE": options bold, what is to be filled in italic."""
    values = f" \\fI{_escaped(_values(action))}\\fR" if action.nargs != 0 else ""
    names = [f"\\fB{_escaped(option)}\\fR{values}" for option in action.option_strings]
    return ", ".join(names) or values.strip()


def _values(action: argparse.Action) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    default = action.dest.upper() if action.option_strings else action.dest
    name = action.metavar or ("|".join(map(str, action.choices)) if action.choices else default)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)


def _help(command: argparse.ArgumentParser, action: argparse.Action) -> str:
    return (action.help or "") % {**vars(action), "prog": command.prog}


def _escaped(text: str) -> str:
    """``text`` as roff that prints just that: "-" is a minus, as in what is typed, and no line is a request."""
    plain = re.sub(r"\s+", " ", text).replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return re.sub(r"^([.'])", r"\\&\1", plain)


if __name__ == "__main__":
    sys.stdout.write(render(parser()))
