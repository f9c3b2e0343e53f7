# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness report RUN --reply``: an answer to the patch's mail, written and not sent."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.report_files import check_place, refuse_own
from harness.errors import UserError
from harness.model import RunReport
from harness.paths import write_atomic
from harness.report.series_report import SeriesStep

if TYPE_CHECKING:
    from harness.report.reply_mail import ReplyMail

_STDOUT = Path("-")
_PERSON = re.compile(r"[^<>]*[^<>\s] <[^<>@\s]+@[^<>@\s]+>")


def add_reply_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reply",
        type=Path,
        nargs="?",
        const=_STDOUT,
        metavar="FILE",
        help="write an answer to the patch's mail, for mutt -H or git send-email: to standard output, in place of the "
        "table, or into FILE; nothing is sent",
    )
    parser.add_argument(
        "--tested-by",
        nargs="?",
        const="",
        metavar="'NAME <MAIL>'",
        help="with --reply: end it with this Tested-by: tag, if all is green (default: what git knows of you)",
    )


def check_reply(arguments: argparse.Namespace, run: Path) -> str:
    """Who is named in the tag; empty if none is asked for. Raises ``UserError`` for what cannot be done.

    ``run``: the directory of the run, whose own files are not to be overwritten."""
    if arguments.reply is not None and arguments.reply != _STDOUT:
        if arguments.reply.is_dir():
            hint = "name the run before --reply"
            raise UserError("it is a directory, not a file to write", where=f"--reply {arguments.reply}", hint=hint)
        refuse_own(arguments.reply, [run], "reply")
        check_place(arguments.reply)
    if arguments.tested_by is None:
        return ""
    if arguments.reply is None:
        raise UserError("it is a part of an answer", where="--tested-by", hint="add --reply")
    return _person(arguments.tested_by)


def _person(given: str) -> str:
    from harness.source.user_identity import user_identity  # noqa: PLC0415 - only a tag needs what knows git

    found = given or user_identity(Path.cwd())
    if not found:
        hint = "say --tested-by 'Name <user@host>', or set user.name and user.email"
        raise UserError("git knows no name and address of yours", where="--tested-by", hint=hint)
    if not _PERSON.fullmatch(found) or not found.isprintable():
        raise UserError("that is no name with an address", where=f"--tested-by {found}", hint="say 'Name <user@host>'")
    return found


def write_reply(tested: RunReport | Sequence[SeriesStep], arguments: argparse.Namespace, person: str) -> bool:
    """Write what ``arguments`` ask for about a run, or a series. True if standard output is the answer itself."""
    if arguments.reply is None:
        return False
    from harness.report.reply_mail import reply_to_run, reply_to_series  # noqa: PLC0415 - only an answer needs it

    reply = reply_to_run(tested, person) if isinstance(tested, RunReport) else reply_to_series(tested, person)
    return _written(reply, arguments.reply)


def _written(reply: ReplyMail, place: Path) -> bool:
    sys.stderr.write("".join(f"note: {note}\n" for note in reply.notes))
    if place != _STDOUT:
        write_atomic(place, reply.text)
        return False
    sys.stdout.write(reply.text)
    return True
