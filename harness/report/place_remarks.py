# SPDX-License-Identifier: GPL-2.0-only
"""What a run says of single lines of the patched source: new messages of the compiler, stacks of kernel reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.changes import KERNEL
from harness.model import CompilerMessage, RunReport, Splat, VariantReport
from harness.report.case_summary import kind_of
from harness.report.cases import groups, splat_case

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class PlaceRemark:
    """``path``, ``line``: in the patched source. ``level``: "error" if it makes the run red, else "warning".

    ``variants``: the titles of those that have it.
    """

    path: str
    line: int
    text: str
    level: str
    variants: tuple[str, ...] = ()


def place_remarks(report: RunReport) -> list[PlaceRemark]:
    """Each once, in the order in which they were found. Of a stack only lines that the patch adds count."""
    found: dict[PlaceRemark, tuple[str, ...]] = {}
    for title, variant in groups(report):
        for remark in (*_of_compiler(variant), *_of_splats(variant)):
            found[remark] = (*found.get(remark, ()), title)
    return [replace(remark, variants=tuple(dict.fromkeys(titles))) for remark, titles in found.items()]


def _of_compiler(variant: VariantReport) -> Iterator[PlaceRemark]:
    warnings = variant.kernel.warnings if variant.kernel is not None else ()
    errors = variant.build_failure.messages if variant.build_failure is not None else ()
    yield from (_message(one) for one in (*errors, *warnings) if one.line)


def _message(message: CompilerMessage) -> PlaceRemark:
    level = ERROR if message.severity == "error" else WARNING
    return PlaceRemark(message.path, message.line, f"{message.severity}: {message.text}", level)


def _of_splats(variant: VariantReport) -> Iterator[PlaceRemark]:
    for splat in variant.splats:
        yield from _of_splat(splat, kind_of(variant, splat_case(KERNEL, splat, variant.boots)))


def _of_splat(splat: Splat, kind: str) -> Iterator[PlaceRemark]:
    words = ", ".join(filter(None, [splat.kind, kind]))
    for number, frame in enumerate(splat.stack):
        if frame.added and frame.line:
            how = "here" if number == 0 else f"through {frame.function}"
            level = ERROR if splat.is_bad else WARNING
            yield PlaceRemark(frame.path, frame.line, f"{words}: {splat.title}, {how}", level)
