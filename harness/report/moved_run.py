# SPDX-License-Identifier: GPL-2.0-only
"""A run that was moved or copied: what its kernels left lies beside its results, not where they were written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.model import RunReport, VariantReport

_KERNELS = "kernels"  # KERNELS/KEY/FILE in the directory of a run, and in its base


def found_here(report: RunReport, directory: Path) -> RunReport:
    """``report``, of the run that is in ``directory`` now. A file that is not there keeps the name that it had."""
    return replace(
        report,
        variants=tuple(_variant(one, directory) for one in report.variants),
        base_variants=tuple(_variant(one, directory / "base") for one in report.base_variants),
    )


def _variant(variant: VariantReport, place: Path) -> VariantReport:
    kernel, failure = variant.kernel, variant.build_failure
    if kernel is not None:
        kernel = replace(kernel, config=_file(kernel.config, place), log=_file(kernel.log, place))
    if failure is not None:
        failure = replace(failure, log=_file(failure.log, place))
    return replace(variant, kernel=kernel, build_failure=failure)


def _file(path: Path, place: Path) -> Path:
    here = place.joinpath(*path.parts[-3:])
    return here if path.parts[-3:-2] == (_KERNELS,) and here.is_file() else path
