# SPDX-License-Identifier: GPL-2.0-only
"""The command ``dmabuf-harness``: one module per subcommand, one line per failure."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from harness import __version__, process
from harness.cli.command_list import COMMANDS
from harness.cli.grouped_parser import GroupedParser
from harness.errors import ExitCode, HarnessError
from harness.paths import require_data

_DOCTOR = "harness.cli.doctor"


_ASKS_FOR_ALL: tuple[list[str], ...] = ([], ["-h"], ["--help"], ["--version"])


def parser(only: str = "") -> GroupedParser:
    """The whole command line; the README, the man page and the completion are tested against it.

    ``only``: know this command alone, unless there is no such command.
    """
    top = _top()
    known = any(only in commands for commands in COMMANDS.values())
    for title, commands in COMMANDS.items():
        group = top.add_command_group(title, {name: line for name, (_, line) in commands.items()})
        for name, (module, _) in commands.items():
            if name == only or not known:
                import_module(f"harness.cli.{module}").add_parser(group)
    return top


def outline() -> GroupedParser:
    """What is enough for ``--help``: all commands, without their options."""
    top = _top()
    for title, commands in COMMANDS.items():
        group = top.add_command_group(title, {name: line for name, (_, line) in commands.items()})
        for name in commands:
            group.add_parser(name)
    return top


def _top() -> GroupedParser:
    top = GroupedParser(
        prog="dmabuf-harness",
        description="Build, boot and test a kernel with a dma-buf patch, with CONFIG_DMABUF_MOVE_NOTIFY on and off.",
        epilog="exit codes: 0 as expected, 1 a failure, 2 the input cannot be used, 3 trouble with the machine",
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["bisect-step"]:
        from harness.cli.bisect_step import for_git  # noqa: PLC0415 - only this command pays for it

        for_git(lambda: _main(given))  # where nothing can be written, nothing is a verdict
    _open_streams()
    return _main(given)


def _main(given: Sequence[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:  # a shell asks for completions: it gets them, and nothing else happens
        from harness.cli.completion import answer  # noqa: PLC0415 - only a shell pays for it

        answer(parser())
    top = outline() if given in _ASKS_FOR_ALL else parser(*given[:1])
    ours, words = _apart(given)
    arguments = top.parse_args(ours)
    arguments.words = words
    if isinstance(sys.stdout, io.TextIOWrapper):  # names from all over the world, on a terminal that may not have them
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _handled(arguments, given)
    except HarnessError as error:
        return _fail(str(error), error.exit_code)
    except OSError as error:
        return _trouble(error)
    except KeyboardInterrupt:
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except SystemExit as error:
        return _fail("terminated", ExitCode.TERMINATED) if error.code == ExitCode.TERMINATED else _code(error)
    except Exception:  # noqa: BLE001 - a fault of ours: Python would exit with 1, which says that the patch is bad
        with contextlib.suppress(OSError):
            traceback.print_exc()
        return ExitCode.INFRASTRUCTURE
    finally:
        process.stop_all()


def _handled(arguments: argparse.Namespace, given: Sequence[str]) -> int:
    """Do the command that ``arguments`` name, which argparse made of ``given``."""
    if arguments.handler.__module__ != _DOCTOR:  # which tells of it beside what else is missing
        require_data()
    if hasattr(arguments, "project_keys"):
        from harness.cli.option_origins import complete  # noqa: PLC0415 - only who takes options of run pays for it

        complete(arguments, given, lambda: parser(*given[:1]))
    if hasattr(arguments, "sandbox"):
        from harness.cli.sandbox_option import take_sandbox  # noqa: PLC0415 - only who builds pays for it

        take_sandbox(arguments)
    with process.stopped_by_signals():
        code = int(arguments.handler(arguments))
        sys.stdout.flush()  # here, where it can be told: the interpreter's own end would exit with 120
        return code


def _apart(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """The command line, and what stands after "--" for a guest: argparse would take the one for the other."""
    if given[:1] != ["shell"] or "--" not in given:
        return list(given), []
    at = list(given).index("--")
    return list(given[:at]), list(given[at + 1 :])


def _open_streams() -> None:
    """Python has none for a descriptor that is closed (``>&-``), and the next file to be opened gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _trouble(error: OSError) -> int:
    """Say it, unless nobody reads: then stop without complaint."""
    if error.errno == errno.EPIPE:
        _drop_output()
        return ExitCode.INFRASTRUCTURE
    return _fail(f"{error.filename or 'the machine'}: {error.strerror or error}", ExitCode.INFRASTRUCTURE)


def _drop_output() -> None:
    """Forget what standard output does not take, or the interpreter complains of it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _code(error: SystemExit) -> int:
    return error.code if isinstance(error.code, int) else int(ExitCode.USER)


def _fail(text: str, code: ExitCode) -> int:
    """Say it, if there still is a terminal: one that was closed must not make it the exit code of a bad patch."""
    _drop_output()
    from harness.report.text import one_line  # noqa: PLC0415 - only who fails pays for it

    with contextlib.suppress(OSError):
        sys.stderr.write(f"dmabuf-harness: {one_line(text)}\n")
    return code
