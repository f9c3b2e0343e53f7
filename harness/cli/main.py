# SPDX-License-Identifier: GPL-2.0-only
"""The command ``dmabuf-harness``: one module per subcommand, one line per failure."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence

from harness import __version__, process
from harness.cli import (
    bench,
    bisect,
    bisect_step,
    compare,
    completion,
    coverage,
    doctor,
    expect,
    faults,
    listing,
    mutants,
    report,
    run,
    show,
)
from harness.cli.grouped_parser import GroupedParser
from harness.errors import ExitCode, HarnessError
from harness.paths import require_data
from harness.report.text import one_line

# In the order in which --help shows them.
_COMMANDS = {
    "commands": (run, show, report, compare, bisect, doctor, listing, coverage, completion),
    "commands for scripts, and for work on the harness itself": (bisect_step, expect, faults, mutants, bench),
}


def parser() -> GroupedParser:
    """The whole command line; the README, the man page and the completion are tested against it."""
    top = GroupedParser(
        prog="dmabuf-harness",
        description="Build, boot and test a kernel with a dma-buf patch, with CONFIG_DMABUF_MOVE_NOTIFY on and off.",
        epilog="exit codes: 0 as expected, 1 a failure, 2 the input cannot be used, 3 trouble with the machine",
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    for title, commands in _COMMANDS.items():
        group = top.add_command_group(title)
        for command in commands:
            command.add_parser(group)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand and return its exit code."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == [bisect_step.NAME]:
        bisect_step.for_git(lambda: _main(given))  # where nothing can be written, nothing is a verdict
    _open_streams()
    return _main(given)


def _main(given: Sequence[str]) -> int:
    top = parser()
    completion.answer(top)  # a shell that asks for completions gets them, and nothing else happens
    arguments = top.parse_args(given)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names from all over the world, on a terminal that may not have them
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if arguments.handler is not doctor.run:  # which tells of it beside what else is missing
            require_data()
        with process.stopped_by_signals():
            code = int(arguments.handler(arguments))
            sys.stdout.flush()  # here, where it can be told: the interpreter's own end would exit with 120
            return code
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
    with contextlib.suppress(OSError):
        sys.stderr.write(f"dmabuf-harness: {one_line(text)}\n")
    return code
