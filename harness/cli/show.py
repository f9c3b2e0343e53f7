# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness show``: what ``run`` would test with the same options, and on what. No tree is fetched or built."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from harness.cli.option_origins import shown
from harness.cli.report_files import report_files
from harness.cli.run import add_options, request_from
from harness.cli.rundir import RunDirectory, stored_stdin
from harness.intake import facts_of
from harness.pipeline import RunJob, check
from harness.report import render_facts, series_facts
from harness.scratch import scratch


def add_parser(commands: Any) -> None:
    parser = commands.add_parser(
        "show",
        description="Read what -p and the other options of run name, and show it: the patches, what they touch, the "
        "base, the variants, the suites. No kernel source is fetched, and nothing is built.",
    )
    parser.set_defaults(handler=show)
    parser.add_argument("--diff", action="store_true", help="print the diffs alone, byte for byte as they are applied")
    for option in ("--each", "--quick", "--coverage", "--quiet", "--verbose"):
        parser.add_argument(option, action="store_true", help="as for run")
    parser.add_argument("--no-quick", action="store_false", dest="quick", help="as for run")
    add_options(parser)


def show(arguments: argparse.Namespace) -> int:
    report_files(arguments, series=arguments.each)
    with scratch("show") as place:
        directory = RunDirectory(place)
        patches = stored_stdin(arguments.patch, directory)
        job = check(request_from(arguments, patches), directory.path)
    if arguments.diff:
        sys.stdout.buffer.write(b"".join(patch.diff for patch in job.patches))
    else:
        facts = _facts(job, each=arguments.each, quick=arguments.quick)
        sys.stdout.write(render_facts([*facts, *shown(arguments)]))
    return 0


def _facts(job: RunJob, *, each: bool, quick: bool) -> list[tuple[str, str]]:
    """(label, text) as the head of a report has them."""
    facts = [("base", job.base.text)]
    facts += [("below", patch.subject) for patch in job.prerequisites]
    facts += series_facts(facts_of(job.patches)) or [("patch", "none")]
    facts += [("patch-id", f"{patch.patch_id} {patch.subject}") for patch in job.patches if patch.patch_id]
    facts += [("variants", ", ".join(variant.name for variant in job.variants))]
    facts += [("suites", ", ".join(job.suite_names))]
    facts += [("only", " ".join(sorted(only)))] if (only := job.request.tests.only) else []
    facts += [("each", "built and tested after each patch")] if each else []
    facts += [("quick", "only the tests that reach the change, as far as the base's reach map tells")] if quick else []
    return facts + [("note", note) for note in job.notes]
