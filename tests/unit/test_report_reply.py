# SPDX-License-Identifier: GPL-2.0-only
"""``report RUN --reply``: a mail that a list takes, with what a maintainer needs to know and nothing that is not so."""

from __future__ import annotations

import email
import email.policy
import shlex
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cli.main import main
from harness.errors import UserError
from harness.model import RunReport, Status, TestResult
from harness.report import SeriesStep, load, write_each, write_reports
from harness.report.plain_mail import WIDTH, command_lines
from harness.report.reply_mail import ReplyMail, reply_to_run, reply_to_series
from harness.report.text import one_line, visible
from harness.series import MailHead, PatchFacts, SeriesFacts
from tests.support.recorded import DATA, loaded, runs
from tests.support.report_strategies import run_reports
from tests.support.sample_reports import ON, RUN_DIR, bad_report, compared_report, run_report, variant_report

SUBJECT = "[PATCH v2] dma-buf: show in bufinfo which attachments are dynamic"
HEAD = MailHead(
    subject=SUBJECT,
    sender="Jörg Müller, Berlin <joerg@example.org>",
    message_id="one@example.org",
    date="2026-03-02T10:00:00+01:00",
    to=("list@example.org",),
    cc=("Tester, A. <a@example.org>", "JOERG@example.org"),
    references=("cover@example.org",),
)
ME = "A Tester <me@example.org>"


def sent(report: RunReport, head: MailHead = HEAD, cover: MailHead | None = None) -> RunReport:
    """``report`` of a patch that came in a mail."""
    facts = SeriesFacts((PatchFacts(report.patches[0], mail=head),), cover=cover)
    return replace(report, series=facts)


def read(mail: ReplyMail) -> EmailMessage:
    """As a mail program has it."""
    return email.message_from_bytes(mail.text.encode(), policy=email.policy.default)


def answer(report: RunReport, tested_by: str = "") -> EmailMessage:
    return read(reply_to_run(report, tested_by))


def body(mail: EmailMessage) -> str:
    return str(mail.get_content())


# --- the head ---------------------------------------------------------------------------------


def test_it_answers_who_sent_the_patch_and_all_who_had_it() -> None:
    mail = answer(sent(run_report()))
    assert mail["Subject"] == f"Re: {SUBJECT}"
    assert [address.addr_spec for address in mail["To"].addresses] == ["joerg@example.org"]
    assert mail["To"].addresses[0].display_name == "Jörg Müller, Berlin"
    assert [address.addr_spec for address in mail["Cc"].addresses] == ["list@example.org", "a@example.org"]
    assert mail["Cc"].addresses[1].display_name == "Tester, A."
    assert mail["In-Reply-To"] == "<one@example.org>"
    assert mail["References"] == "<cover@example.org> <one@example.org>"
    assert mail.get_content_type() == "text/plain" and mail["From"] is mail["Date"] is mail["Message-ID"] is None


def test_the_cover_letter_of_a_series_is_answered() -> None:
    cover = replace(HEAD, subject="[PATCH 0/1] things", message_id="cover@example.org", references=())
    mail = answer(sent(run_report(), cover=cover))
    assert (mail["Subject"], mail["In-Reply-To"]) == ("Re: [PATCH 0/1] things", "<cover@example.org>")


@pytest.mark.parametrize("subject", ["Re: [PATCH] x", "AW: RE: [PATCH] x", "[PATCH] x"])
def test_an_answer_to_an_answer_says_so_once(subject: str) -> None:
    assert answer(sent(run_report(), replace(HEAD, subject=subject)))["Subject"] == "Re: [PATCH] x"


def test_a_number_of_thousands_of_digits_is_no_number() -> None:
    head = replace(HEAD, subject=f"[PATCH 1/{'1' * 5000}] x")
    assert "All of it again:" in body(answer(sent(run_report(), head)))


@pytest.mark.parametrize("subject", ["[PATCH] RDMA/core: x", "dma-buf: fire: re: x", "Re: [PATCH] drm/core: x"])
def test_no_word_of_the_subject_is_taken_for_the_mark_of_an_answer(subject: str) -> None:
    assert (
        answer(sent(run_report(), replace(HEAD, subject=subject)))["Subject"] == f"Re: {subject.removeprefix('Re: ')}"
    )


@pytest.mark.parametrize("subject", ["[PATCH] x\nBcc: other@example.org", "[PATCH] \ud800\x1b[31m x", "x\n\nbody"])
def test_a_subject_of_a_foreign_run_stays_one_header(subject: str) -> None:
    mail = answer(sent(run_report(), replace(HEAD, subject=subject)))
    assert (mail["Subject"], mail["Bcc"]) == (f"Re: {one_line(subject)}", None)


def test_a_long_message_id_stays_what_it_is() -> None:
    name = "x" * 120 + "@PROD.OUTLOOK.example"
    text = reply_to_run(sent(run_report(), replace(HEAD, message_id=name))).text
    assert f"In-Reply-To: <{name}> References:" in " ".join(text.split())


def test_a_patch_of_no_mail_is_told_so() -> None:
    reply = reply_to_run(run_report())
    mail = read(reply)
    assert reply.notes == ("the patch came from no mail: to whom, and In-Reply-To, are left out",)
    assert mail["Subject"] == f"Re: {run_report().patches[0]}" and mail["To"] is mail["In-Reply-To"] is None
    assert "wrote:" not in body(mail)


def test_what_is_left_out_is_named() -> None:
    head = replace(HEAD, message_id="", cc=("Jö <jö@example.org>", "list: x@example.org"))
    assert reply_to_run(sent(run_report(), head)).notes == (
        "an address that cannot be used is left out: Jö <jö@example.org>",
        "an address that cannot be used is left out: list: x@example.org",
        "the mail had no message id: In-Reply-To is left out",
    )


def test_patches_of_several_mails_are_said() -> None:
    two = SeriesFacts((PatchFacts("x", mail=HEAD), PatchFacts("y", mail=replace(HEAD, references=("other@x",)))))
    reply = reply_to_run(replace(run_report(), patches=("x", "y"), series=two))
    assert any("several mails" in note for note in reply.notes)


_people = st.lists(st.text(max_size=80).map(lambda name: f"{name} <a@example.org>"), max_size=3).map(tuple)
_lines = st.text(max_size=100)


@settings(deadline=None)
@given(st.builds(MailHead, _lines, _lines, _lines, _lines, _people, _people, st.lists(_lines, max_size=3).map(tuple)))
def test_no_head_makes_another_mail(head: MailHead) -> None:
    mail = answer(sent(run_report(), head))
    assert set(mail.keys()) <= {
        *("To", "Cc", "Subject", "In-Reply-To", "References"),
        *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    }
    assert "dmabuf-harness builds kernels with this patch" in " ".join(body(mail).split())


# --- the body ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", runs())
def test_it_tells_what_a_recorded_run_tells(name: str) -> None:
    report = loaded(name)
    text = " ".join(body(answer(report)).split())
    assert report.base in text and "QEMU 7.2.22, tcg" in text
    bad = {case.name for variant in report.variants for case in variant.results if case.is_bad}
    assert not bad or any(case in text for case in bad)
    assert ("Nothing is worse" in text) == (not report.is_bad and report.variants[0].comparison is not None)


def narrow(text: str) -> bool:
    """No line is too long, but for one that is a single word beside marks of its place."""
    long = [line for line in text.splitlines() if len(line) > WIDTH]
    return all(len(line.removesuffix(" \\").split()) <= 2 for line in long)


@pytest.mark.parametrize("report", [run_report(), bad_report(), compared_report(), *map(loaded, runs())])
def test_lines_are_not_too_long(report: RunReport) -> None:
    assert narrow(body(answer(sent(report))))


def test_a_failure_has_its_evidence_and_a_command_that_can_be_typed_elsewhere() -> None:
    text = body(answer(sent(loaded("new-failure"))))
    assert "checks dmabuf.size: new failure (move-notify-on)" in text
    assert "   failed: expected EINVAL, but the call succeeded (dmabuf.py:42)\n" in text
    assert "   base: pass; patched 3/3 failed, base 0/3\n" in text
    commands = text.replace("\\\n", "")
    typed = "dmabuf-harness run -p lore:one@example.org --base debian:6.12 --variant move-notify-on --suite checks"
    assert f"{typed} --only dmabuf.size" in " ".join(commands.split())
    assert "/tmp/out" not in text and "my patch.mbox" not in text


def test_a_file_is_named_where_a_message_id_would_stand_for_more() -> None:
    one_of_two = sent(loaded("new-failure"), replace(HEAD, subject="[PATCH 1/2] x"))
    assert "lore:" not in body(answer(one_of_two))


def test_the_same_in_two_variants_is_told_once() -> None:
    bad = TestResult("checks", "x", Status.FAIL, message="odd")
    report = run_report(variant_report(ON, (bad,)), variant_report(replace(ON, name="other"), (bad,)))
    text = body(answer(report))
    assert text.count("checks x: fail") == 1 and "(move-notify-on and other)" in text


def test_where_a_splat_comes_from_is_told() -> None:
    text = body(answer(loaded("new-failure")))
    assert "     dma_buf_map_attachment drivers/dma-buf/dma-buf.c:1100\n" in text
    assert "   printed during checks: dmabuf.import-twice\n" in text


def test_many_failures_are_counted() -> None:
    bad = tuple(TestResult("checks", f"x{number}", Status.FAIL, message="odd") for number in range(50))
    text = body(answer(run_report(variant_report(ON, bad))))
    assert "42 more failures are left out here." in text and len(text.splitlines()) < 90


@settings(deadline=None, max_examples=30)
@given(run_reports())
def test_any_report_can_be_answered(report: RunReport) -> None:
    told = replace(report, patches=report.patches or ("x",))
    text = body(answer(told))
    assert visible(text) == text


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1), min_size=1))
def test_a_command_over_several_lines_is_the_same_command(words: list[str]) -> None:
    lines = command_lines(shlex.join(words), 3)
    assert shlex.split("\n".join(lines).replace(" \\\n", " ")) == words


# --- the tag ----------------------------------------------------------------------------------


def test_tag_is_there_only_if_asked_for() -> None:
    assert body(answer(run_report(), ME)).endswith(f"\n\nTested-by: {ME}\n")
    assert "Tested-by" not in body(answer(run_report()))


@pytest.mark.parametrize(
    ("report", "why"),
    [
        (bad_report(), "the run is not green: FAIL"),
        (run_report(interrupted="Ctrl-C"), "the run is not green: INCOMPLETE"),
        (replace(run_report(), variants=(), static=variant_report()), "no kernel was tested"),
        (run_report(replace(variant_report(), not_chosen=variant_report().planned)), "a quick run"),
    ],
)
def test_tag_that_would_not_be_true_is_refused(report: RunReport, why: str) -> None:
    with pytest.raises(UserError, match=why):
        reply_to_run(report, ME)
    assert "Tested-by" not in body(answer(report))


def test_tag_on_a_series_takes_all_of_it() -> None:
    green = SeriesStep(1, "one", RUN_DIR, run_report())
    assert f"Tested-by: {ME}" in reply_to_series([green], ME).text
    for step in (SeriesStep(2, "two", RUN_DIR), SeriesStep(2, "two", RUN_DIR, bad_report())):
        with pytest.raises(UserError, match="--tested-by"):
            reply_to_series([green, step], ME)


def test_nobody_is_answered_without_a_patch() -> None:
    with pytest.raises(UserError, match="no patch was tested"):
        reply_to_run(run_report(patches=()))


# --- the command ------------------------------------------------------------------------------


def run_of(directory: Path, report: RunReport) -> Path:
    directory.mkdir()
    write_reports(report, directory)
    return directory


def test_it_is_all_that_standard_output_gets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(tmp_path / "run", sent(run_report()))
    assert main(["report", str(run), "--reply", "--tested-by", ME]) == 0
    told = capsys.readouterr()
    assert told.out == reply_to_run(load(run), ME).text and told.err == ""


def test_it_is_written_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(tmp_path / "run", bad_report())
    assert main(["report", str(run), "--reply", str(tmp_path / "mail")]) == 1
    told = capsys.readouterr()
    assert (tmp_path / "mail").read_text() == reply_to_run(load(run)).text
    assert "results" in told.out and told.err.startswith("note: the patch came from no mail")


def test_series_is_answered_patch_by_patch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = SeriesStep(1, "one", run_of(tmp_path / "01", run_report()), run_report())
    write_each([first, SeriesStep(2, "two", run_of(tmp_path / "02", bad_report()), bad_report())], tmp_path)
    assert main(["report", str(tmp_path), "--reply"]) == 1
    text = capsys.readouterr().out
    assert "  1/2  one: pass\n  2/2  two: fail," in text and "With patch 2/2, two:" in text


@pytest.mark.parametrize(
    ("config", "code", "says"),
    [
        ("", 2, "git knows no name and address of yours; say --tested-by"),
        ("[user]\nname = A Tester\n", 2, "git knows no name and address of yours"),
        ("[user]\nname = A Tester\nemail = me@example.org\n", 0, f"\nTested-by: {ME}\n"),
    ],
)
def test_tag_is_by_default_who_git_knows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: str,
    code: int,
    says: str,
) -> None:
    run = run_of(tmp_path / "run", run_report())
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(run), "--reply", "--tested-by"]) == code
    told = capsys.readouterr()
    assert says in (told.err if code else told.out)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--tested-by", ME], "--tested-by: it is a part of an answer; add --reply"),
        (["--reply", "--tested-by", "nobody"], "--tested-by nobody: that is no name with an address"),
        (["--reply", "--tested-by", "A <a@b>\nBcc: x <c@d>"], "that is no name with an address"),
        (["--reply", "."], "--reply .: it is a directory, not a file to write; name the run before --reply"),
        (["--reply", "RUN/results.json"], "results.json: it is a file of the run itself; name another file"),
        (["--reply", "RUN/junit.xml"], "junit.xml: it is a file of the run itself; name another file"),
        (["--reply", "nowhere/x"], "nowhere/x: its directory does not exist"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[Any], says: str
) -> None:
    run = run_of(tmp_path / "run", run_report())
    before = (run / "results.json").read_bytes()
    assert main(["report", str(run), *(one.replace("RUN", str(run)) for one in given)]) == 2
    assert (run / "results.json").read_bytes() == before
    told = capsys.readouterr()
    assert told.out == "" and says in told.err.replace("\\n", "\n") and told.err.count("\n") <= 2


def test_runs_of_before_can_be_answered(tmp_path: Path) -> None:
    """They have no head of a mail."""
    assert '"mail"' not in (DATA / "green" / "results.json").read_text()
    assert reply_to_run(load(DATA / "green")).notes
