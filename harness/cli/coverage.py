# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness coverage``: which test reaches which line of the kernel, measured on a kernel that counts."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import machine_check
from harness.cli.coverage_page import source_page
from harness.cli.report_files import check_place
from harness.cli.run import add_options, request_from
from harness.cli.rundir import RunDirectory, run_directory, stored_stdin
from harness.errors import ExitCode, UserError
from harness.events import EventStream
from harness.model import PlannedTest
from harness.paths import write_atomic
from harness.pipeline import MeasuredReach, check, local_measure, write_coverage
from harness.reach import ReachMap, dump_reach, line_text, merged, reach_markdown, reach_table, test_text
from harness.report import EventLog, render_source, show_progress
from harness.report.text import visible


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "coverage",
        description="Build kernels that count which of their lines run, run the tests on them, and show what is "
        "reached of each file and function, and what never. Without -p the base is measured. It is no verdict.",
    )
    parser.set_defaults(handler=coverage)
    what = parser.add_argument_group("what to show")
    what.add_argument("--test", metavar="NAME", help="what this test reaches, instead of the table")
    what.add_argument("--line", metavar="FILE:LINE", help="which tests reach this line, instead of the table")
    what.add_argument("--html", type=Path, metavar="FILE", help="write the source with what is reached")
    what.add_argument("--lcov", type=Path, metavar="FILE", help="write it as lcov does")
    what.add_argument("--cobertura", type=Path, metavar="FILE", help="write it as Cobertura does")
    what.add_argument("--markdown", type=Path, metavar="FILE", help="write the table of all variants as Markdown")
    what.add_argument("--json", type=Path, metavar="FILE", help="write the reach map of each variant")
    add_options(parser)


def coverage(arguments: argparse.Namespace) -> int:
    """The exit code: 0 if each variant could be measured, else 3. What was measured is shown also if it is cut off."""
    asked = _line_asked(arguments.line)
    for file in (arguments.html, arguments.lcov, arguments.cobertura, arguments.markdown, arguments.json):
        if file is not None:
            check_place(file)
    if not (arguments.patch or arguments.worktree or arguments.revert):
        arguments.no_patch = True
    with run_directory(arguments.out) as directory:
        try:
            measured = _measured(arguments, directory)
        except _CutOff as cut:
            try:
                _tell(arguments, cut.measured, asked)
            except UserError as error:  # what was asked for may be what did not come to run
                sys.stdout.write(f"{visible(str(error))}\n")
            sys.stdout.write(f"what was measured is in {directory.path}\n")
            raise cut.why from None
    _tell(arguments, measured, asked)
    return ExitCode.INFRASTRUCTURE if measured.failures else ExitCode.OK


class _CutOff(Exception):
    """The measuring ended early, for the reason ``why``; ``measured`` has maps all the same."""

    def __init__(self, measured: MeasuredReach, why: BaseException) -> None:
        super().__init__(str(why))
        self.measured = measured
        self.why = why


def _measured(arguments: argparse.Namespace, directory: RunDirectory) -> MeasuredReach:
    """Raises ``_CutOff`` if it ends early and something is known."""
    request = request_from(arguments, stored_stdin(arguments.patch, directory))
    job = check(request, directory.path)
    machine_check.require(machine_check.check_all(None))
    if not directory.made:
        directory.create()
    events = EventStream()
    kept: list[MeasuredReach] = []
    with EventLog(directory.path / "events.jsonl") as log, show_progress(sys.stdout) as progress:
        events.subscribe(log)
        events.subscribe(progress)
        try:
            measured = local_measure(job, events, arguments.test or "", kept.append)
        except BaseException as why:
            if not any(one.maps for one in kept):
                raise
            directory.keep()
            raise _CutOff(kept[-1], why) from why
    directory.keep()
    return measured


def _tell(arguments: argparse.Namespace, measured: MeasuredReach, line: tuple[str, int] | None) -> None:
    for name, why in measured.failures.items():
        sys.stdout.write(f"{name}: {'measured in part' if name in measured.maps else 'not measured'}: {why}\n")
    maps = list(measured.maps.values())
    if maps:
        _write_files(arguments, measured, merged(maps))  # before a name can be refused that only the maps can tell
        sys.stdout.write(_shown(maps, arguments.test, line))


def _line_asked(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    path, _, number = text.rpartition(":")
    if not path or not number.isdecimal():
        hint = "write it as drivers/dma-buf/dma-buf.c:812"
        raise UserError("not a line of a file", where=f"--line {text}", hint=hint)
    return path, int(number)


def _shown(maps: Sequence[ReachMap], test: str | None, line: tuple[str, int] | None) -> str:
    several = [*maps, merged(maps)] if len(maps) > 1 else [*maps]
    if line is not None:
        path = _file_named(maps, line[0])
        return "".join(f"{_title(reach)}{line_text(reach, path, line[1])}" for reach in maps if path in reach.files)
    if test is not None:
        return "".join(f"{_title(reach)}{test_text(reach, one)}" for reach in maps for one in _tests(maps, reach, test))
    return "\n".join(f"{_title(reach)}{reach_table(reach, functions=reach is several[-1])}" for reach in several)


def _title(reach: ReachMap) -> str:
    return f"{reach.variant or 'all variants'} of {reach.base} ({reach.version}), {len(reach.tests)} tests\n"


def _tests(maps: Sequence[ReachMap], reach: ReachMap, name: str) -> list[PlannedTest]:
    known = [test for one in maps for test in one.tests if name in (test.name, f"{test.suite} {test.name}")]
    if not known:
        raise UserError("no test that was measured is called that", where=f"--test {name}", hint="see --json for names")
    return [test for test in dict.fromkeys(known) if test in reach.tests]


def _file_named(maps: Sequence[ReachMap], name: str) -> str:
    """A path as it is, or the only one that ends so ("dma-buf.c")."""
    paths = sorted({path for reach in maps for path in reach.files})
    found = [path for path in paths if path == name] or [path for path in paths if path.endswith(f"/{name}")]
    if len(found) != 1:
        why = "several files are called that" if found else "no file in which anything counts is called that"
        raise UserError(why, where=name, hint=f"one of {', '.join(found or paths)}")
    return found[0]


def _write_files(arguments: argparse.Namespace, measured: MeasuredReach, reach: ReachMap) -> None:
    if arguments.json is not None:
        maps = {name: json.loads(dump_reach(one)) for name, one in measured.maps.items()}
        write_atomic(arguments.json, json.dumps(maps) + "\n")
    if arguments.html is not None:
        write_atomic(arguments.html, render_source(source_page(reach, measured.source)))
    if arguments.markdown is not None:
        write_atomic(arguments.markdown, reach_markdown(reach))
    for kind, file in (("lcov", arguments.lcov), ("cobertura", arguments.cobertura)):
        if file is not None:
            write_coverage(reach, measured.source, kind, file)
