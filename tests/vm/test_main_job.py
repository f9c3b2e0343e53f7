# SPDX-License-Identifier: GPL-2.0-only
"""The main job on a real kernel: what it promises, looked up in what it left."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import JUnitXml

from harness.changes import Change
from harness.model import Status, VariantReport
from tests.support.real import Run, qemu_processes, run_harness

pytestmark = pytest.mark.vm


def by_name(variant: VariantReport, suite: str) -> dict[str, Status]:
    return {result.name: result.status for result in variant.results if result.suite == suite}


def test_a_good_patch_is_green_in_both_variants(main_run: Run) -> None:
    assert main_run.returncode == 0, main_run.stdout[-3000:] + main_run.stderr
    assert [variant.variant.name for variant in main_run.report.variants] == ["move-notify-on", "move-notify-off"]
    assert not main_run.report.is_bad


def test_it_was_held_against_the_base_without_it(main_run: Run) -> None:
    report = main_run.report
    assert len(report.base_variants) == 2
    for patched, base in zip(report.variants, report.base_variants, strict=True):
        assert patched.kernel is not None and base.kernel is not None and patched.kernel.key != base.kernel.key
        assert patched.comparison is not None and patched.comparison.against and not patched.comparison.why_not
        assert not patched.comparison.those(Change.NEW)
        assert patched.comparison.unchanged > 150
        for boot in base.boots:
            assert (main_run.directory / boot.console).is_file()


def test_both_variants_are_what_they_say(main_run: Run) -> None:
    on, off = (variant.kernel for variant in main_run.report.variants)
    assert on is not None and off is not None
    assert (on.config_value("DMABUF_MOVE_NOTIFY"), off.config_value("DMABUF_MOVE_NOTIFY")) == ("y", "n")
    assert on.key != off.key


def test_both_variants_hold_the_same_planned_tests(main_run: Run) -> None:
    on, off = main_run.report.variants
    assert on.planned == off.planned
    for variant in (on, off):
        results = {(result.suite, result.name) for result in variant.results}
        assert {(test.suite, test.name) for test in variant.planned} <= results
        assert not [result for result in variant.results if result.status is Status.MISSING]


def test_the_counts_are_what_the_kernel_and_the_programs_printed(main_run: Run) -> None:
    for variant in main_run.report.variants:
        boot = main_run.directory / variant.boots[0].console
        console = boot.read_text(errors="replace")
        checks = by_name(variant, "checks")
        marks = set(re.findall(r"dmabuf-harness: check end (\S+)", console))
        contract = by_name(variant, "contract")
        assert marks == {*checks, *contract, *by_name(variant, "walks")}
        assert len(checks) >= 250 and len(contract) >= 90

        ran = Counter(re.findall(r"dma-buf: Running (\w+/\w+)", console))
        in_kernel = by_name(variant, "in-kernel")
        passed = [name for name, status in in_kernel.items() if status is Status.PASS and "/" in name]
        told = Counter(name.partition("#")[0] for name in passed)  # "x#2" is the second time that x ran
        assert told <= ran
        # Tests that reach the change run first, each by a load of its own, which begins with this.
        assert {name.partition("/")[2] for name in ran - told} <= {"sanitycheck"}
        assert ran.total() > 40

        heap = (boot.parent / "logs").glob("*dmabuf-heap*")
        printed = Counter(re.findall(r"^(ok|not ok) \d+", "".join(log.read_text() for log in heap), re.MULTILINE))
        found = Counter(status for name, status in by_name(variant, "dmabuf-heaps").items() if name.count("/") > 1)
        assert found[Status.PASS] == printed["ok"] > 5
        assert found[Status.FAIL] == printed["not ok"] == 0


def test_what_the_option_saves_is_shown_and_is_so(main_run: Run) -> None:
    """The point of dynamic handling: what idle imports pin, in measurements that every report has."""
    pinned = {"move-notify-on": 0, "move-notify-off": 8 * 256 * 1024}
    for variant in main_run.report.variants:
        told = f"bytes pinned by 8 idle dynamic imports of 256 KiB: {pinned[variant.variant.name]}"
        assert told in [measurement for result in variant.results for measurement in result.measurements]
        assert f"{variant.variant.name}: {told}" in main_run.stdout
        for name in ("junit.xml", "report.html"):
            assert told in (main_run.directory / name).read_text()
    assert ": seed 1: 80 of 240 walks through fences, " in main_run.stdout


def test_the_known_splat_is_shown_and_colours_nothing(main_run: Run) -> None:
    for variant in main_run.report.variants:
        assert all(splat.known for splat in variant.splats)
        (splat,) = (splat for splat in variant.splats if splat.kind == "dma-api")
        assert "vgem" in splat.title
        assert splat.excused.startswith("pre-existing (base: printed")
        assert ("check_sg_segment", "kernel/dma/debug.c") in [(frame.function, frame.path) for frame in splat.stack]
    assert "platform vgem: mapping sg segment longer" in main_run.stdout
    junit = (main_run.directory / "junit.xml").read_text()
    assert "platform vgem: mapping sg segment longer" in junit


def test_the_bundled_series_shows_in_the_guest(main_run: Run, tmp_path: Path) -> None:
    own = tmp_path / "test_bufinfo.py"
    own.write_text(
        "CODE = '''\n"
        "import fcntl, os, struct\n"
        "memory = os.memfd_create('m', os.MFD_ALLOW_SEALING)\n"
        "os.ftruncate(memory, 4096)\n"
        "fcntl.fcntl(memory, 1033, 2)  # F_ADD_SEALS, F_SEAL_SHRINK\n"
        "create = struct.pack('IIQQ', memory, 0, 0, 4096)\n"
        "buffer = fcntl.ioctl(os.open('/dev/udmabuf', os.O_RDWR), 0x40187542, create)\n"
        "print(open('/sys/kernel/debug/dma_buf/bufinfo').read())\n"
        "'''\n"
        "def test_bufinfo_tells_that_udmabuf_is_static(guest):\n"
        "    (guest_file := '/tmp/hold.py')\n"
        "    done = guest.run(f'cat > {guest_file} << \\'END\\'\\n{CODE}\\nEND\\n"
        "/usr/bin/python3 -I -S {guest_file}', timeout=30)\n"
        "    assert '\\tExporter: static' in done.stdout, done\n"
    )
    run = run_harness(tmp_path / "run", "--variant", "on", "--suite", "dma-buf", "--pytest", own, "--no-base")
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    assert "test_bufinfo_tells" in (run.directory / "junit.xml").read_text()


def test_the_junit_is_read_by_others(main_run: Run) -> None:
    path = main_run.directory / "junit.xml"
    read = JUnitXml.fromfile(str(path))
    assert (read.failures, read.errors) == (0, 0)
    names = {suite.get("name") for suite in ElementTree.parse(path).getroot()}
    for variant in ("move-notify-on", "move-notify-off"):
        for suite in ("checks", "dma-buf", "dmabuf-heaps", "sync", "in-kernel", "kernel"):
            assert f"{variant}: {suite}" in names
    text = path.read_text()
    for fact in ("6.12.", "tcg" if "tcg" in text else "kvm", "gcc", "QEMU"):
        assert fact in text


def test_the_same_content_again_builds_nothing(main_run: Run, tmp_path: Path) -> None:
    again = run_harness(tmp_path / "again", "--suite", "checks", "--only", "udmabuf")
    assert again.returncode == 0, again.stdout[-3000:] + again.stderr
    for first, second in zip(main_run.report.variants, again.report.variants, strict=True):
        assert first.kernel is not None and second.kernel is not None
        assert second.kernel.reused and second.kernel.key == first.kernel.key
        assert {result.name.partition(".")[0] for result in second.results} == {"udmabuf"}


def test_the_run_directory_is_whole_and_nothing_else_is_left(main_run: Run) -> None:
    directory = main_run.directory
    for name in ("plan.json", "events.jsonl", "results.json", "junit.xml", "report.html"):
        assert (directory / name).stat().st_size > 0
    for variant in main_run.report.variants:
        assert variant.kernel is not None
        assert (directory / "kernels" / variant.kernel.key / "config").is_file()
        assert (directory / "kernels" / variant.kernel.key / "build.log").is_file()
        console = (directory / variant.boots[0].console).read_text(errors="replace")
        assert console.index("Linux version") < console.index("Run ")
    assert not list(directory.rglob("*_key*"))
    assert not qemu_processes(directory)


def test_users_pytest_files_are_a_suite_of_their_own(main_run: Run, tmp_path: Path) -> None:
    own = tmp_path / "test_mine.py"
    own.write_text(
        "def test_variant(guest, variant):\n"
        "    assert variant.config_value('DMABUF_MOVE_NOTIFY') == ('y' if variant.name.endswith('on') else 'n')\n"
        "    assert guest.run('uname -r', timeout=30).stdout.startswith('6.12')\n"
        "def test_false():\n"
        "    assert 1 == 2, 'told so'\n"
    )
    run = run_harness(tmp_path / "run", "--suite", "dma-buf", "--pytest", own, "--no-base")
    assert run.returncode == 1, run.stdout[-3000:] + run.stderr
    for variant in run.report.variants:
        statuses = {r.name.rpartition("::")[2]: r.status for r in variant.results if r.suite.startswith("pytest")}
        assert statuses == {"test_variant": Status.PASS, "test_false": Status.FAIL}
    assert "told so" in run.stdout
