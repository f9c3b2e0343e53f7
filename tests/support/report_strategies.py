# SPDX-License-Identifier: GPL-2.0-only
"""Hypothesis strategies for run reports: any text anywhere, any mix of outcomes."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from harness.model import (
    BootOutcome,
    BootReport,
    BuildFailure,
    CompilerMessage,
    ConfigProblem,
    Frame,
    Kernel,
    PlannedTest,
    RunReport,
    Splat,
    Status,
    SymbolRequest,
    TestResult,
    Variant,
    VariantReport,
)
from harness.verdict import complete
from tests.support.sample_reports import OFF, ON

# Text as process output comes in: also control characters, non-characters, and undecodable bytes as surrogates.
_nasty = ["", "\x1b[2J", "\0", "\r", "two\nlines", "\ufffe", "]]>", "<script>", "caf\udce9", "\u202e", " ", "a.b/c"]
text = st.sampled_from(_nasty) | st.text(max_size=4)
seconds = st.floats(0, 1e6, allow_nan=False)
paths = st.builds(Path, st.text("ab/.", min_size=1, max_size=8))
lines = st.lists(text, max_size=2).map(tuple)
numbers = st.integers(0, 10_000)

messages = st.builds(CompilerMessage, text, numbers, st.sampled_from(["error", "warning"]), text, st.booleans())
kernels = st.builds(
    Kernel,
    text,
    text,
    paths,
    paths,
    paths,
    st.none() | paths,
    paths,
    text,
    st.lists(messages, max_size=2).map(tuple),
    lines,
)
failures = st.builds(BuildFailure, text, st.lists(messages, max_size=2).map(tuple), paths, text)
requests = st.builds(SymbolRequest, text, text, text, text, st.booleans(), st.booleans())
results = st.builds(
    TestResult,
    st.sampled_from(["checks", "kselftest", "kernel"]),
    text,
    st.sampled_from(Status),
    seconds,
    text,
    text,
    lines,
    text,
    st.just("") | text,
)
frames = st.builds(Frame, text, text, text, numbers, text, st.booleans(), st.booleans())
stacks = st.lists(frames, max_size=2).map(tuple)
splats = st.builds(Splat, text, text, text, numbers, text, st.just("") | text, text, text, stacks, numbers)
boots = st.builds(BootReport, st.sampled_from(BootOutcome), text, seconds, text, text, text, text)


@st.composite
def variant_reports(draw: st.DrawFn, variant: Variant) -> VariantReport:
    """As the pipeline leaves it: completed, and with a kernel, a failure, or neither."""
    planned = tuple(draw(st.lists(st.builds(PlannedTest, st.just("checks"), text), max_size=2, unique=True)))
    kernel = draw(st.none() | kernels)
    return VariantReport(
        variant=variant,
        planned=planned,
        results=complete(planned, draw(st.lists(results, max_size=3))),
        splats=tuple(draw(st.lists(splats, max_size=1))),
        boots=tuple(draw(st.lists(boots, max_size=2))),
        config_problems=tuple(draw(st.lists(st.builds(ConfigProblem, requests, text, text), max_size=1))),
        kernel=kernel,
        build_failure=draw(st.none() | failures) if kernel is None else None,
        times=draw(st.dictionaries(st.sampled_from(["build", "boot", "suite:checks"]), seconds)),
        notes=draw(lines),
    )


@st.composite
def run_reports(draw: st.DrawFn) -> RunReport:
    """No, one or two variants; the second may be the same kernel as the first."""
    on = draw(variant_reports(ON))
    off = draw(variant_reports(OFF) | st.just(VariantReport(OFF, same_as=ON.name)))
    return RunReport(
        run_id=draw(text),
        started=draw(text),
        command=draw(lines),
        base=draw(text),
        base_version=draw(text),
        patches=draw(lines),
        already_in_base=draw(lines),
        variants=draw(st.sampled_from([(), (on,), (on, off)])),
        machine=draw(st.dictionaries(text, text, max_size=2)),
        seconds=draw(seconds),
        interrupted=draw(st.just("") | text),
        notes=draw(lines),
    )
