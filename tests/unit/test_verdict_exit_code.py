# SPDX-License-Identifier: GPL-2.0-only
"""The exit code is 0 only if nothing at all is bad."""

from __future__ import annotations

import pytest

from harness.errors import ExitCode
from harness.model import BootOutcome, RunReport, Status, TestResult, VariantReport
from harness.verdict import exit_code
from tests.support.sample_reports import (
    OFF,
    ON,
    PASSES,
    TROUBLE,
    bad_report,
    boot,
    failed_build,
    problem,
    run_report,
    splat,
    variant_report,
)

FLAKY = TROUBLE[-1]


@pytest.mark.parametrize(
    "report",
    [
        run_report(),
        run_report(variant_report(), VariantReport(OFF, same_as=ON.name)),
        run_report(variant_report(results=(*PASSES, TestResult("checks", "x", Status.SKIP)))),
        run_report(variant_report(results=(*PASSES, FLAKY))),
        run_report(variant_report(splats=(splat("known"),))),
        run_report(variant_report(config_problems=(problem(required=False),))),
    ],
    ids=["both pass", "one kernel", "a skip", "a known failure", "a known splat", "lost coverage"],
)
def test_nothing_bad_is_0(report: RunReport) -> None:
    assert exit_code(report) is ExitCode.OK


@pytest.mark.parametrize(
    "report",
    [
        bad_report(),
        *(
            run_report(variant_report(), variant_report(OFF, (*PASSES, TestResult("checks", "x", status))))
            for status in (Status.FAIL, Status.ERROR, Status.MISSING)
        ),
        run_report(variant_report(splats=(splat(),))),
        run_report(variant_report(config_problems=(problem(required=True),))),
        run_report(variant_report(), variant_report(OFF, kernel=None, build_failure=failed_build())),
        run_report(variant_report(boots=(boot(ON, BootOutcome.PANIC),))),
        run_report(variant_report(boots=(boot(ON), boot(ON, BootOutcome.HANG)))),
        run_report(variant_report(kernel=None)),
        run_report(variant_report(results=())),
        run_report(variants=()),
        run_report(interrupted="Ctrl-C"),
    ],
)
def test_anything_bad_is_1(report: RunReport) -> None:
    assert exit_code(report) is ExitCode.FAILED
