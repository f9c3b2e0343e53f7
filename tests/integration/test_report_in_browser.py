# SPDX-License-Identifier: GPL-2.0-only
"""The page in a real browser: search, filters, keys, links, and a policy that nothing on it runs into.

The browser is Debian's chromium (``ci/setup --browser``); without it, or without playwright, these are skipped.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.model import RunReport, Status, TestResult
from harness.report import write_reports
from tests.support.sample_reports import ON, bad_report, compared_report, run_report, variant_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
MANY = 2000
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: ci/setup --browser")
    with sync_api.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Shown:
    """A page with what went wrong on it."""

    def __init__(self, browser: Browser, directory: Path, report: RunReport) -> None:
        write_reports(report, directory)
        self.trouble: list[str] = []
        self.page: Page = browser.new_page()
        self.page.on("console", lambda message: self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: self.trouble.append(dialog.message))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.goto((directory / "report.html").as_uri())

    def _asked(self, url: str) -> None:
        if not url.startswith("file:"):
            self.trouble.append(f"asked for {url}")

    def search(self, text: str) -> None:
        self.page.keyboard.press("/")
        self.page.keyboard.type(text)
        self.page.wait_for_function("document.body.classList.contains('narrowed')")

    def cases(self) -> list[str]:
        """Names of the failures that are to be seen."""
        return self.page.locator("section.failures details.case:visible .what").all_inner_texts()


def failing(name: str) -> TestResult:
    return TestResult("checks", name, Status.FAIL, message=f"{name} is odd", output=f"said by {name}", log="logs/x.log")


def test_three_letters_find_a_failing_test(browser: Browser, tmp_path: Path) -> None:
    results = tuple(map(failing, ("heap.zeroed", "udmabuf.create", "vgem.export")))
    shown = Shown(browser, tmp_path, run_report(variant_report(ON, results)))
    shown.search("zer")
    assert shown.cases() == ["heap.zeroed"]
    assert shown.page.locator("#count").inner_text() == "1 of 5 tests"
    shown.page.keyboard.press("Escape")
    assert len(shown.cases()) == 3
    assert shown.trouble == []


def test_what_was_said_and_the_suite_are_searched_too(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path, bad_report())
    shown.search("checks flags = 0xff")
    assert shown.cases() == ["dmabuf.sync_refuses_unknown_flags"]


@pytest.mark.parametrize(
    ("filter_of", "value", "there"),
    [("s", "error", "vgem.import_twice"), ("t", "checks", "dmabuf.sync_refuses_unknown_flags")],
)
def test_filters_leave_what_fits(browser: Browser, tmp_path: Path, filter_of: str, value: str, there: str) -> None:
    shown = Shown(browser, tmp_path, bad_report())
    every = len(shown.cases())
    shown.page.locator(f"#bar select[data-of={filter_of}]").select_option(value)
    assert there in shown.cases() and 0 < len(shown.cases()) < every
    left = shown.page.locator("tr[data-s]:visible")
    assert left.count() and all(
        value in (left.nth(at).get_attribute(f"data-{filter_of}") or "").split("|") for at in range(left.count())
    )
    assert shown.trouble == []


def test_classes_of_the_comparison_can_be_chosen(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path, compared_report())
    shown.page.locator("#bar select[data-of=c]").select_option("new failure")
    assert "was.good" in shown.cases() and "was.lost" not in shown.cases()


def test_a_suite_of_the_table_is_a_filter(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path, bad_report())
    shown.page.locator("button.suite", has_text="kselftest").click()
    assert shown.page.locator("#bar select[data-of=t]").input_value() == "kselftest"
    assert shown.cases() == []


def test_keys_go_from_failure_to_failure_and_unfold(browser: Browser, tmp_path: Path) -> None:
    results = tuple(failing(f"x{number}") for number in range(6))
    shown = Shown(browser, tmp_path, run_report(variant_report(ON, results)))
    focused = "document.activeElement.closest('details').querySelector('.what').textContent"
    for keys, name in (("jjjj", "x3"), ("j", "x4"), ("k", "x3")):
        shown.page.keyboard.type(keys)
        assert shown.page.evaluate(focused) == name
    assert not shown.page.evaluate("document.activeElement.closest('details').open")
    shown.page.keyboard.press("o")
    assert shown.page.evaluate("document.activeElement.closest('details').open")


def test_a_link_leads_to_the_log(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "x.log").write_text("what was logged")
    shown = Shown(browser, tmp_path, run_report(variant_report(ON, (failing("x"),))))
    shown.page.locator("a", has_text="logs/x.log").first.click()
    assert "what was logged" in shown.page.locator("body").inner_text()


def test_a_command_is_copied(browser: Browser, tmp_path: Path) -> None:
    shown = Shown(browser, tmp_path, run_report(variant_report(ON, (failing("x"),))))
    button = shown.page.locator("button.copy").first
    button.click()
    shown.page.wait_for_function("document.querySelector('button.copy').textContent !== 'copy'")
    assert button.inner_text() == "copied"


def test_nothing_that_a_test_says_is_obeyed(browser: Browser, tmp_path: Path) -> None:
    bad = TestResult("checks", EVIL, Status.FAIL, message=EVIL, output=f"{EVIL}\x1b[31m", source=EVIL)
    shown = Shown(browser, tmp_path, run_report(variant_report(ON, (bad,))))
    assert shown.page.locator("img").count() == 0
    assert "\\x1b[31m" in shown.page.locator("section.failures pre").last.inner_text()
    assert shown.trouble == []


def test_a_script_that_is_not_ours_is_refused(browser: Browser, tmp_path: Path) -> None:
    """What a mistake of ours in escaping would let in."""
    write_reports(run_report(), tmp_path)
    path = tmp_path / "report.html"
    path.write_text(path.read_text().replace("</body>", "<script>document.title = 'taken'</script></body>"))
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.title() != "taken"


def test_two_thousand_failures_can_be_searched(browser: Browser, tmp_path: Path) -> None:
    (boot := tmp_path / "boots" / "move-notify-on-1").mkdir(parents=True)
    log = [f"dmabuf-harness: start x{number}\n[    1.0] printed in x{number}\n" * 3 for number in range(MANY)]
    (boot / "console.log").write_text("".join(log))
    logs = "boots/move-notify-on-1/logs/checks.txt"
    results = tuple(replace(failing(f"x{number}"), log=logs, source="line\n" * 20) for number in range(MANY))
    shown = Shown(browser, tmp_path, run_report(variant_report(ON, results)))
    assert shown.page.locator("section.failures details.case").count() == MANY
    shown.search("x1234")
    assert shown.cases() == ["x1234"]
    assert "printed in x1234" in (shown.page.locator("section.failures details.case:visible").text_content() or "")
    assert shown.trouble == []


def test_on_paper_all_failures_are_unfolded_and_no_controls_are_there(browser: Browser, tmp_path: Path) -> None:
    results = tuple(failing(f"x{number}") for number in range(6))
    shown = Shown(browser, tmp_path, run_report(variant_report(ON, results)))
    shown.page.emulate_media(media="print")
    shown.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert shown.page.locator("section.failures details.case[open]").count() == 6
    assert not shown.page.locator("#bar").is_visible()
