# SPDX-License-Identifier: GPL-2.0-only
"""What an expectations.toml may hold, and what its entries excuse."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from harness.causes import Cause
from harness.changes import Change, Repeats
from harness.errors import UserError
from harness.model import Splat, Status, TestResult, VariantReport
from harness.paths import WRAPPERS
from harness.verdict import Expectation, apply_expectations, compare, judge, load_expectations, own_expectations
from tests.support.sample_reports import ON, PASSES, splat, variant_report

TODAY = date(2026, 11, 24)
GOOD = {
    "kind": '"fail"',
    "match": '"heap\\\\.zeroed"',
    "reason": '"the heap is not cleared"',
    "link": '"https://b.example/1"',
    "until": "2027-01-31",
}


def write(root: Path, **changes: str | None) -> Path:
    """A wrappers directory with one entry: the good one with ``changes`` (None: key left out)."""
    values = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return write_text(root, "[[expect]]\n" + "".join(f"{key} = {value}\n" for key, value in values.items()))


def write_text(root: Path, text: str) -> Path:
    (root / "checks").mkdir(parents=True)
    (root / "checks" / "expectations.toml").write_text(text)
    return root


def entry(tmp_path: Path, **changes: str | None) -> Expectation:
    (found,) = load_expectations(write(tmp_path / "wrappers", **changes))
    return found


def with_result(name: str = "heap.zeroed", status: Status = Status.FAIL) -> VariantReport:
    return variant_report(ON, (*PASSES, TestResult("checks", name, status)))


def known(report: VariantReport, *entries: Expectation, base: str = "6.12.117", today: date = TODAY) -> list[str]:
    done = apply_expectations(report, base, entries, today)
    excuses = [found.known for found in done.results] + [found.known for found in done.splats]
    return [excuse for excuse in excuses if excuse]


# --- reading ----------------------------------------------------------------------------------


def test_the_bundled_expectations_can_be_read() -> None:
    for found in load_expectations(WRAPPERS):
        assert found.reason and found.link and found.origin


@pytest.mark.parametrize(
    ("first", "excused"),
    [
        ("WARNING: CPU: 0 PID: 98 at mm/page_alloc.c:5534 __alloc_pages+0x16c/0x270", True),
        ("WARNING: possible circular locking dependency detected", False),  # through fs_reclaim
    ],
)
def test_a_warning_of_the_allocator_excuses_no_other_that_it_takes_part_in(first: str, excused: bool) -> None:
    text = f"{first}\n  __alloc_pages+0x25d/0x270\n  __kmalloc+0x1/0x2\n  udmabuf_create+0x1/0x2 [udmabuf]"
    report = variant_report(ON, splats=(Splat("warn", first, text, 1),))
    assert bool(known(report, *load_expectations(WRAPPERS), base="6.1.192")) is excused


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    found = entry(tmp_path, bases='["6.12"]', variants='["move-notify-on"]', until='"2027-01-31"')
    assert (found.kind, found.match.pattern, found.until) == ("fail", r"heap\.zeroed", date(2027, 1, 31))
    assert (found.bases, found.variants) == (("6.12",), ("move-notify-on",))
    assert found.origin == "wrappers/checks/expectations.toml, entry 1"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"reason": None}, "reason is missing"),
        ({"reason": '" "'}, "reason is empty"),
        ({"link": None}, "link is missing"),
        ({"until": None}, "until is missing"),
        ({"match": None}, "match is missing"),
        ({"match": '"heap("'}, "no regular expression"),
        ({"match": '"heap|"', "kind": '"splat"'}, "match fits anything"),
        ({"match": '".*"'}, "match fits anything"),
        ({"until": '"next year"'}, "until is no date: next year"),
        ({"until": "2027-01-31T00:00:00"}, "until is no date"),
        ({"until": "5"}, "until is no date"),
        ({"kind": '"fial"'}, "unknown kind 'fial'"),
        ({"kind": "7"}, "unknown kind 7; possible: fail, skip, splat, flaky"),
        ({"bases": '"6.12"'}, "bases is no list"),
        ({"variants": "[1]"}, "variants 1 is no text: 1"),
        ({"untill": "2027-01-31"}, "unknown key 'untill'"),
    ],
)
def test_a_bad_entry_is_refused_by_file_and_number(tmp_path: Path, changes: dict[str, str | None], says: str) -> None:
    with pytest.raises(UserError, match=r"checks/expectations\.toml, entry 1: ") as caught:
        entry(tmp_path, **changes)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["[[expect]", "\x00", "[[expekt]]\n", "expect = 3\n"])
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"checks/expectations\.toml: "):
        load_expectations(write_text(tmp_path / "wrappers", text))


def test_a_users_own_file_names_the_suites(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    common = 'match = "heap"\nreason = "r"\nlink = "https://b.example"\nuntil = 2027-01-31\n'
    file.write_text(f'[[expect]]\nkind = "fail"\nsuite = "checks"\n{common}[[expect]]\nkind = "splat"\n{common}')
    assert [(one.kind, one.suite) for one in own_expectations([file])] == [("fail", "checks"), ("splat", "")]
    file.write_text(f'[[expect]]\nkind = "fail"\n{common}')
    with pytest.raises(UserError, match=r"mine\.toml, entry 1: suite is missing"):
        own_expectations([file])


# --- excusing ---------------------------------------------------------------------------------


def test_a_known_failure_is_marked_and_no_longer_bad(tmp_path: Path) -> None:
    report = with_result()
    assert report.is_bad
    done = apply_expectations(report, "6.12.117", [entry(tmp_path)], TODAY)
    assert done.results[-1].known == "the heap is not cleared (https://b.example/1)"
    assert not done.is_bad
    assert done.notes == ()


def test_an_entry_is_about_the_tests_of_its_own_suite(tmp_path: Path) -> None:
    elsewhere = variant_report(ON, (*PASSES, TestResult("sync", "heap.zeroed", Status.FAIL)))
    assert known(elsewhere, entry(tmp_path)) == []


def test_another_test_is_not_excused(tmp_path: Path) -> None:
    assert known(with_result("heap.zeroed_too"), entry(tmp_path)) == []


@pytest.mark.parametrize("status", [Status.ERROR, Status.MISSING])
@pytest.mark.parametrize("kind", ["fail", "flaky"])
def test_a_lost_guest_is_never_expected(tmp_path: Path, kind: str, status: Status) -> None:
    assert known(with_result(status=status), entry(tmp_path, kind=f'"{kind}"')) == []


def test_a_flaky_test_is_excused_when_it_fails_and_says_so(tmp_path: Path) -> None:
    flaky = entry(tmp_path, kind='"flaky"')
    assert known(with_result(), flaky) == ["flaky: the heap is not cleared (https://b.example/1)"]
    passing = apply_expectations(with_result(status=Status.PASS), "6.12.117", [flaky], TODAY)
    assert passing.notes == ()


def test_an_expected_skip_is_marked_but_a_failure_is_not(tmp_path: Path) -> None:
    skip = entry(tmp_path, kind='"skip"')
    assert len(known(with_result(status=Status.SKIP), skip)) == 1
    assert known(with_result(status=Status.FAIL), skip) == []


@pytest.mark.parametrize("match", ["debug_dma_map_sg", "dma_buf_map_attachment\\\\+0x"])
def test_a_splat_is_known_by_title_or_text(tmp_path: Path, match: str) -> None:
    report = variant_report(splats=(splat(), replace(splat(), title="BUG: other", text="other")))
    done = apply_expectations(report, "6.12.117", [entry(tmp_path, kind='"splat"', match=f'"{match}"')], TODAY)
    assert [found.is_bad for found in done.splats] == [False, True]
    assert done.is_bad


def test_an_entry_for_tests_does_not_excuse_a_splat(tmp_path: Path) -> None:
    assert known(variant_report(splats=(splat(),)), entry(tmp_path, match='".+"')) == []


@pytest.mark.parametrize(
    ("version", "holds"), [("6.1.148", True), ("6.1", True), ("6.1-rc3", True), ("6.12.117", False), ("5.10.6", False)]
)
def test_a_base_is_a_version_not_a_prefix_of_digits(tmp_path: Path, version: str, holds: bool) -> None:
    assert bool(known(with_result(), entry(tmp_path, bases='["6.1"]'), base=version)) is holds


@pytest.mark.parametrize(("name", "holds"), [("move-notify-on", True), ("move-notify-off", False)])
def test_an_entry_may_hold_for_one_variant_only(tmp_path: Path, name: str, holds: bool) -> None:
    assert bool(known(with_result(), entry(tmp_path, variants=f'["{name}"]'))) is holds


def test_an_entry_holds_on_its_last_day_and_is_told_of_after_it(tmp_path: Path) -> None:
    found = entry(tmp_path)
    assert len(known(with_result(), found, today=date(2027, 1, 31))) == 1
    late = apply_expectations(with_result(), "6.12.117", [found], date(2027, 2, 1))
    assert late.is_bad
    assert "entry 1 ended on 2027-01-31 and no longer excuses heap.zeroed" in late.notes[0]


def test_an_old_entry_that_would_excuse_nothing_is_not_told_of(tmp_path: Path) -> None:
    late = apply_expectations(variant_report(), "6.12.117", [entry(tmp_path)], date(2027, 2, 1))
    assert late.notes == ()


@pytest.mark.parametrize("kind", ["fail", "skip"])
def test_an_expected_trouble_that_is_gone_is_told_of(tmp_path: Path, kind: str) -> None:
    done = apply_expectations(with_result(status=Status.PASS), "6.12.117", [entry(tmp_path, kind=f'"{kind}"')], TODAY)
    assert f"expects heap.zeroed to {kind}, but it passes" in done.notes[0]
    assert not done.is_bad


# --- beside a comparison with the base ----------------------------------------------------------


def compared(status: Status, repeats: Repeats | None = None) -> VariantReport:
    """A failure, on a base where the test ended with ``status``."""
    report = with_result()
    found = compare(with_result(status=status), report)
    told = tuple(replace(one, repeats=repeats) for one in found.differences)
    return judge(report, replace(found, differences=told))


def test_an_entry_and_the_base_that_agree_excuse_together(tmp_path: Path) -> None:
    done = apply_expectations(compared(Status.FAIL), "6.12.117", [entry(tmp_path)], TODAY)
    assert done.results[-1].excuse == "pre-existing (base: fail): the heap is not cleared (https://b.example/1)"
    assert not done.is_bad and done.notes == ()


def test_a_test_that_is_expected_to_fail_and_passes_on_the_base_is_the_patchs_failure(tmp_path: Path) -> None:
    done = apply_expectations(compared(Status.PASS), "6.12.117", [entry(tmp_path)], TODAY)
    assert done.is_bad
    assert done.notes == (
        "wrappers/checks/expectations.toml, entry 1 does not excuse heap.zeroed: the base without the patch does not "
        "have it",
    )


@pytest.mark.parametrize(
    ("repeats", "excused"),
    [
        (None, False),
        (Repeats(1, 3, 0, 3), True),
        (Repeats(3, 3, 0, 3), False),
        (Repeats(0, 3, 0, 3), True),
        (Repeats(3, 3, 0, 0), True),
    ],
)
def test_what_is_said_to_be_flaky_must_be_repeated_and_not_come_each_time_with_the_patch_only(
    tmp_path: Path, repeats: Repeats | None, excused: bool
) -> None:
    flaky = entry(tmp_path, kind='"flaky"')
    done = apply_expectations(compared(Status.PASS, repeats), "6.12.117", [flaky], TODAY)
    assert done.is_bad is not excused


@pytest.mark.parametrize(
    ("base", "excused"),
    [
        (Cause.TIME_LIMIT, True),  # it says nothing against the entry
        (None, False),
    ],
)
def test_a_base_that_only_ran_out_of_time_does_not_refute_an_entry(
    tmp_path: Path, base: Cause | None, excused: bool
) -> None:
    report = with_result()
    expected = entry(tmp_path)
    before = replace(report.results[-1], status=Status.FAIL if base else Status.PASS, cause=base)
    for cause, good in ((Cause.ASSERTION, excused), (Cause.SIGNAL, False)):
        patched = replace(report, results=(*PASSES, replace(before, status=Status.FAIL, cause=cause)))
        found = compare(replace(report, results=(*PASSES, before)), patched)
        assert [one.change for one in found.differences] == [Change.NEW]
        done = apply_expectations(judge(patched, found), "6.12.117", [expected], TODAY)
        assert done.is_bad is not good


def test_what_cannot_be_compared_is_excused_without_repeats(tmp_path: Path) -> None:
    done = apply_expectations(compared(Status.MISSING), "6.12.117", [entry(tmp_path, kind='"flaky"')], TODAY)
    assert not done.is_bad


def test_an_expected_splat_that_comes_each_time_with_the_patch_only_is_new(tmp_path: Path) -> None:
    report = variant_report(splats=(splat(),))
    found = compare(variant_report(), report)
    certain = tuple(replace(one, repeats=Repeats(3, 3, 0, 3)) for one in found.differences)
    expected = entry(tmp_path, kind='"splat"', match='"debug_dma_map_sg"')
    for differences, bad in ((found.differences, False), (certain, True)):
        judged = judge(report, replace(found, differences=differences))
        assert apply_expectations(judged, "6.12.117", [expected], TODAY).is_bad is bad


def test_the_bundled_entry_for_vgem_excuses_its_splat_with_and_without_a_base() -> None:
    title = "DMA-API: platform vgem: mapping sg segment longer than device claims to support [len=1048576] [max=65536]"
    own = replace(splat(), kind="dma-api", title=title, during="dmabuf-heaps: dmabuf-heaps/dmabuf-heap")
    report = variant_report(splats=(own,))
    alone = apply_expectations(report, "6.12.117", load_expectations(WRAPPERS), TODAY)
    assert not alone.is_bad and "vgem declares" in alone.splats[0].known
    beside = apply_expectations(judge(report, compare(report, report)), "6.12.117", load_expectations(WRAPPERS), TODAY)
    assert not beside.is_bad
    assert beside.splats[0].excused.startswith("pre-existing") and "vgem declares" in beside.splats[0].known
    newer = apply_expectations(judge(report, compare(report, report)), "7.3.1", load_expectations(WRAPPERS), TODAY)
    assert not newer.is_bad, "the base shows it: no entry is needed"
