# SPDX-License-Identifier: GPL-2.0-only
"""The same things are told in every format: nothing is known to one report and missing from another."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from harness.report import FORMATS, ReportFile, load, render_table, write_reports
from harness.report.style import Style
from tests.support.sample_reports import TITLE, bad_report, compared_report, run_report

# From tests/support/sample_reports.py: what bad_report() holds.
TOLD = [
    "debian:6.12",
    "6.12.117",
    "dma-buf: show in bufinfo which attachments are dynamic",
    "dma-buf: an older one",
    "tcg (KVM does not get past the decompressor)",
    "7.2.22",
    "move-notify-on",
    "move-notify-off",
    "the base was unpacked again",
    "guest lost at its end: QEMU exited with 0",
    "sync selftests not built",
    "dmabuf.sync_refuses_unknown_flags",
    "expected EINVAL, got success",
    "boots/move-notify-on-1/logs/checks.txt",
    "vgem.import_twice",
    "guest lost: Kernel panic - not syncing",
    "heap.zeroed",
    "heap.flaky_one",
    "heap races (https://b.example/7)",
    "test 6: [skip,no-memfd]",
    "dmabuf-heaps:dmabuf-heap",
    "no vgem",
    TITLE,
    "boots/move-notify-on-1/console.log",
    "vgem declares no segment size (https://b.example/9)",
    "DRM_VGEM",
    "DMABUF_MOVE_NOTIFY",
    "depends on DRM, which is n",
    "drivers/dma-buf/dma-buf.c",
    "'attach' undeclared",
    "unused variable 'old'",
]


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("run")
    written = write_reports(bad_report(), directory)
    table = render_table(bad_report(), written, Style(100))
    texts = {"terminal": table, "results.json": written.results.read_text()}
    for name, kind in FORMATS.items():
        texts[name] = html.unescape(kind.render(bad_report(), directory, directory))
    return {name: " ".join(text.split()) for name, text in texts.items()}


@pytest.mark.parametrize(
    "format_name", ["terminal", "results.json", *(name for name, kind in FORMATS.items() if kind.whole)]
)
@pytest.mark.parametrize("told", TOLD)
def test_every_format_tells(formats: dict[str, str], format_name: str, told: str) -> None:
    assert told in formats[format_name]


def test_all_reports_can_be_made_again_from_results_json_alone(tmp_path: Path) -> None:
    first = write_reports(bad_report(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for name in ("junit.xml", "report.html"):
        (tmp_path / name).unlink()
    again = write_reports(load(tmp_path), tmp_path)
    assert again == first
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_second_junit_file_is_written_where_asked(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    asked = ReportFile("junit", tmp_path / "ci.xml")
    written = write_reports(run_report(), run_dir, [asked])
    assert written.files == (asked, ReportFile("html", run_dir / "report.html"))
    assert (tmp_path / "ci.xml").read_bytes() == (run_dir / "junit.xml").read_bytes()


@pytest.mark.parametrize(("report", "verdict"), [(run_report(), "pass"), (bad_report(), "fail")])
def test_the_stored_verdict_agrees(tmp_path: Path, report: object, verdict: str) -> None:
    written = write_reports(report, tmp_path)  # type: ignore[arg-type]
    assert json.loads(written.results.read_text())["verdict"] == verdict


# What compared_report() holds: every class, its counts, and what only the base has.
COMPARED = [
    "new failure",
    "pre-existing",
    "flaky",
    "patched 3/3 failed, base 0/3",
    "patched 2/2 failed, base 1/2",
    "tested in this run",
    "coverage lost",
    "coverage gained",
    "fixed",
    "not comparable",
    "lockdep: WARNING: possible recursive locking detected",
    "2 new failures, 1 flaky, 2 pre-existing",
]


@pytest.mark.parametrize("told", COMPARED)
def test_every_report_tells_the_comparison(tmp_path: Path, told: str) -> None:
    written = write_reports(compared_report(), tmp_path)
    texts = [render_table(compared_report(), written, Style(80))]
    texts += [html.unescape((tmp_path / kind.file_name).read_text()) for kind in FORMATS.values() if kind.file_name]
    for text in texts:
        assert told in " ".join(text.split())
    assert load(tmp_path) == compared_report()
