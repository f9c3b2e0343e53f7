# SPDX-License-Identifier: GPL-2.0-only
"""Run reports as a real run leaves them: one that is green, and one with every kind of trouble."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.causes import Cause
from harness.changes import Change, Difference, Repeats
from harness.model import (
    BootOutcome,
    BootReport,
    BuildFailure,
    CompilerMessage,
    ConfigProblem,
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
from harness.verdict import compare, judge

RUN_DIR = Path("/runs/20261124-060512-3fa9")
ON = Variant("move-notify-on", "CONFIG_DMABUF_MOVE_NOTIFY=y", {"DMABUF_MOVE_NOTIFY": "y"})
OFF = Variant("move-notify-off", "CONFIG_DMABUF_MOVE_NOTIFY=n", {"DMABUF_MOVE_NOTIFY": "n"})
TITLE = "WARNING: CPU: 0 PID: 63 at kernel/dma/debug.c:1179 debug_dma_map_sg+0x2a1/0x2f0"

PASSES = (
    TestResult("kselftest", "sync:sync_test", Status.PASS, 31.2, log="boots/move-notify-on-1/logs/sync.txt"),
    TestResult("in-kernel", "dma_fence/test_wait", Status.PASS, 0.4),
    TestResult("checks", "udmabuf.has_the_size_asked_for", Status.PASS),
)
TROUBLE = (
    TestResult("kselftest", "drivers/dma-buf:udmabuf", Status.PASS, 1.5, lost_coverage=("test 6: [skip,no-memfd]",)),
    TestResult("kselftest", "dmabuf-heaps:dmabuf-heap", Status.SKIP, 0.2, "no vgem"),
    TestResult(
        "checks",
        "dmabuf.sync_refuses_unknown_flags",
        Status.FAIL,
        0.3,
        "expected EINVAL, got success",
        output="ioctl(DMA_BUF_IOCTL_SYNC) returned 0\nflags = 0xff",
        log="boots/move-notify-on-1/logs/checks.txt",
    ),
    TestResult(
        "checks", "vgem.import_twice", Status.ERROR, 2.0, "guest lost: Kernel panic - not syncing", cause=Cause.PANIC
    ),
    TestResult("checks", "heap.zeroed", Status.MISSING, message="never ran"),
    TestResult(
        "checks", "heap.flaky_one", Status.FAIL, 0.1, "odd bytes", known="flaky: heap races (https://b.example/7)"
    ),
)


def kernel(variant: str = "on", **changes: object) -> Kernel:
    """A kernel in the cache; ``changes`` replace its fields."""
    cache = Path("/cache/kernels") / variant
    sample = Kernel(
        key=f"5f0c{variant}",
        release="6.12.117",
        image=cache / "vmlinux",
        config=RUN_DIR / "kernels" / variant / "config",
        modules=cache / "modules",
        kselftests=cache / "kselftests",
        log=RUN_DIR / "kernels" / variant / "build.log",
        compiler="gcc (Debian 12.2.0-14) 12.2.0",
    )
    return replace(sample, **changes)  # type: ignore[arg-type]


def boot(variant: Variant = ON, outcome: BootOutcome = BootOutcome.UP) -> BootReport:
    console = f"boots/{variant.name}-1/console.log"
    if outcome is BootOutcome.UP:
        return BootReport(outcome, "tcg", 9.1, console, "7.2.22", ended="powered off by the harness")
    tail = "Kernel panic - not syncing: VFS: Unable to mount root fs"
    return BootReport(outcome, "tcg", 4.2, console, "7.2.22", tail=tail, ended="VFS: Unable to mount root fs")


def splat(known: str = "") -> Splat:
    text = f"------------[ cut here ]------------\n{TITLE}\nCall Trace:\n dma_buf_map_attachment+0x5c/0x90"
    return Splat("warn", TITLE, text, 812, "kselftest", known, f"boots/{ON.name}-1/console.log")


def problem(*, required: bool, symbol: str = "DRM_VGEM") -> ConfigProblem:
    request = SymbolRequest(symbol, "y", "kernel-configs/features/vgem.config:3", "an exporter to test with", required)
    return ConfigProblem(request, "n", "depends on DRM, which is n")


def failed_build() -> BuildFailure:
    error = CompilerMessage("drivers/dma-buf/dma-buf.c", 1042, "error", "'attach' undeclared", added=True)
    log = RUN_DIR / "kernels" / "off" / "build.log"
    return BuildFailure("kernel", (error,), log, "make[3]: *** [dma-buf.o] Error 1")


def planned(results: tuple[TestResult, ...]) -> tuple[PlannedTest, ...]:
    return tuple(PlannedTest(result.suite, result.name) for result in results)


def variant_report(variant: Variant = ON, results: tuple[TestResult, ...] = PASSES, **changes: object) -> VariantReport:
    """A variant that was built, booted and tested; ``changes`` replace its fields."""
    sample = VariantReport(
        variant=variant,
        planned=planned(results),
        results=results,
        boots=(boot(variant),),
        kernel=kernel(variant.name.rpartition("-")[2]),
        times={"config": 4.0, "build": 203.1, "boot": 9.1, "suite:kselftest": 33.0},
    )
    return replace(sample, **changes)  # type: ignore[arg-type]


def run_report(*variants: VariantReport, **changes: object) -> RunReport:
    """A run of ``variants`` (default: both, green); ``changes`` replace its fields."""
    sample = RunReport(
        run_id=RUN_DIR.name,
        started="2026-11-24T06:05:12+00:00",
        command=("dmabuf-harness", "run", "-p", "my patch.mbox", "--variant", "all", "--out", "/tmp/out"),
        base="debian:6.12",
        base_version="6.12.117",
        patches=("dma-buf: show in bufinfo which attachments are dynamic",),
        already_in_base=(),
        variants=variants or (variant_report(ON), variant_report(OFF)),
        machine={"QEMU": "7.2.22", "accelerator": "tcg (KVM does not get past the decompressor)"},
        seconds=311.4,
    )
    return replace(sample, **changes)  # type: ignore[arg-type]


def bad_report() -> RunReport:
    """Everything that can go wrong with kernel and tests, spread over two variants."""
    warning = CompilerMessage("drivers/dma-buf/dma-buf.c", 77, "warning", "unused variable 'old'", added=True)
    on = variant_report(
        ON,
        (*PASSES, *TROUBLE),
        splats=(splat(), replace(splat("vgem declares no segment size (https://b.example/9)"), title="DMA-API: vgem")),
        config_problems=(problem(required=False), problem(required=True, symbol="DMABUF_MOVE_NOTIFY")),
        kernel=kernel("on", warnings=(warning,), notes=("sync selftests not built",)),
        notes=("checks: guest lost at its end: QEMU exited with 0",),
    )
    off = variant_report(
        OFF,
        tuple(replace(result, status=Status.MISSING, message="never ran") for result in PASSES),
        kernel=None,
        build_failure=failed_build(),
        boots=(),
    )
    return run_report(on, off, already_in_base=("dma-buf: an older one",), notes=("the base was unpacked again",))


def compared_report() -> RunReport:
    """One variant held against its base: something of every class, some of it repeated."""
    base_results = (
        *PASSES,
        TestResult("checks", "was.good", Status.PASS),
        TestResult("checks", "was.bad", Status.FAIL, message="odd bytes"),
        TestResult("checks", "was.shaky", Status.PASS),
        TestResult("checks", "was.broken", Status.FAIL, message="wrong size"),
        TestResult("checks", "was.tested", Status.PASS),
        TestResult("checks", "was.there", Status.PASS),
        TestResult("checks", "was.lost", Status.MISSING),
    )
    results = (
        *PASSES,
        TestResult("checks", "was.good", Status.FAIL, 0.2, "expected EINVAL, got success", log="logs/checks.txt"),
        TestResult("checks", "was.bad", Status.FAIL, 0.1, "odd bytes", log="logs/checks.txt"),
        TestResult("checks", "was.shaky", Status.FAIL, 0.1, "too late"),
        TestResult("checks", "was.broken", Status.PASS),
        TestResult("checks", "was.tested", Status.SKIP, message="no vgem"),
        TestResult("checks", "was.lost", Status.PASS),
        TestResult("checks", "is.more", Status.PASS),
    )
    gone = replace(splat(), kind="lockdep", title="WARNING: possible recursive locking detected")
    fresh = replace(splat(), kind="oops", title="BUG: kernel NULL pointer dereference", line=99)
    base = variant_report(ON, base_results, splats=(splat(), gone))
    patched = variant_report(ON, results, splats=(splat(), fresh))
    found = compare(base, patched)
    settled = tuple(map(_repeated, found.differences))
    return run_report(
        judge(patched, replace(found, differences=settled, against="tested in this run")), base_variants=(base,)
    )


def _repeated(one: Difference) -> Difference:
    if one.name == "was.shaky":
        return replace(one, change=Change.FLAKY, repeats=Repeats(2, 2, 1, 2), logs="repeats/move-notify-on-2")
    if one.name == "was.good":
        return replace(one, repeats=Repeats(3, 3, 0, 3), logs="repeats/move-notify-on-1")
    if one.name == "was.tested":
        return replace(one, change=Change.LOST, repeats=Repeats(1, 3, 0, 3), logs="repeats/move-notify-on-3")
    return one


def named(**statuses: Status) -> list[TestResult]:
    return [TestResult("checks", name, status) for name, status in statuses.items()]


def on_disk(tmp_path: Path, option: str, name: str = "on") -> Kernel:
    """A kernel whose config can be read."""
    config = tmp_path / f"config-{name}-{option}"
    config.write_text(f"CONFIG_DMABUF_MOVE_NOTIFY={option}\n" if option != "n" else "")
    return kernel(name, config=config)
