# SPDX-License-Identifier: GPL-2.0-only
"""Measures how replies that quote a patch are read: each is held against the mail that it answers.

    .venv/bin/python -m tests.measure_replies [--harness DIR] [--list FILE] [--every N] SOURCE...

SOURCE is an mbox, a maildir or another directory of mails, or the git directory of a public-inbox. A reply counts if
it quotes the beginning of a patch, and if a mail with a diff is at hand that it answers, directly or not. It is read
alone. What comes out is exact if it has the very lines that ``git mailinfo`` finds in one of the mails that it
answers; anything else that is accepted is wrong. No mail is kept.
"""

from __future__ import annotations

import argparse
import email.parser
import mailbox
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_QUOTE = re.compile(rb"(?m)^(?:> ?)+(?:diff --git \S|\+\+\+ \S)")
_DIFF = re.compile(rb"(?m)^(?:diff --git \S|\+\+\+ \S)")
_CODED = re.compile(rb"(?mi)^content-transfer-encoding:\s*(?:base64|quoted-printable)")
_ID = re.compile(r"<[^<>\s]+>")
_RANGE = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_PLACE = re.compile(r"(?:reply)?(?:, decoded text)?(?:, line \d+)?: ")
_NAMES = re.compile(r"\([^)]*@@[^)]*\)|'[^']*'|[\w.+-]*/[\w./+-]+|\d+")
_PROGRAMS = re.compile(rb"(?mi)^(?:user-agent|x-mailer):[ \t]*([A-Za-z][A-Za-z .]*)")


@dataclass
class Mail:
    """One mail of the corpus. ``answers``: ids of the mails that it answers, the nearest first."""

    data: bytes
    answers: list[str]
    quotes: bool
    has_diff: bool

    @property
    def program(self) -> str:
        """The mail program that sent it, as far as it says so."""
        found = _PROGRAMS.search(self.data[: self.data.find(b"\n\n")])
        return found[1].decode().split()[0] if found else "not said"


@dataclass
class Figures:
    """Replies by outcome, by mail program, and refusals by reason."""

    outcomes: Counter[str] = field(default_factory=Counter)
    programs: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: str, reason: str, program: str) -> None:
        self.outcomes[outcome] += 1
        self.programs[program, outcome] += 1
        if outcome == "refused":
            self.reasons[reason] += 1

    def table(self) -> str:
        """What is printed: one line an outcome, then mail programs, then reasons."""
        names = ("exact", "wrong", "refused", "own diff")
        accepted = self.outcomes["exact"] + self.outcomes["wrong"]
        lines = [f"{'replies':24} {self.outcomes.total():6}", *(f"{one:24} {self.outcomes[one]:6}" for one in names)]
        lines += [f"{'exact of accepted':24} {100 * self.outcomes['exact'] / max(accepted, 1):6.1f} %", ""]
        lines += [f"{'mail program':24} {' '.join(f'{one:>8}' for one in names)}"]
        every = Counter[str]()
        for (program, _), count in self.programs.items():
            every[program] += count
        for program, _ in every.most_common(12):
            lines.append(f"{program:24} {' '.join(f'{self.programs[program, one]:8}' for one in names)}")
        return "\n".join([*lines, "", *(f"{n:6}  refused: {why}" for why, n in self.reasons.most_common(40)), ""])


def raw_mails(source: Path) -> Iterator[bytes]:
    """The mails in ``source``, as they are."""
    if source.is_dir() and (source / "objects").is_dir():
        yield from _blobs(source)
    elif source.is_dir():
        yield from (file.read_bytes() for file in sorted(source.rglob("*")) if file.is_file())
    else:
        box = mailbox.mbox(source)
        yield from (box.get_bytes(key) for key in box.iterkeys())


def _blobs(repository: Path) -> Iterator[bytes]:
    """A public-inbox has a blob for each mail, whichever its version."""
    command = ["git", "--git-dir", str(repository), "cat-file", "--batch-all-objects", "--unordered", "--batch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        while header := running.stdout.readline():
            _, kind, size = header.split()
            data = running.stdout.read(int(size) + 1)[:-1]
            if kind == b"blob":
                yield data


def corpus(sources: list[Path]) -> dict[str, Mail]:
    """By message id, every mail that may hold or quote a patch."""
    mails: dict[str, Mail] = {}
    parser = email.parser.BytesHeaderParser()
    for data in (data.replace(b"\r\n", b"\n") for source in sources for data in raw_mails(source)):
        coded = bool(_CODED.search(data))
        quotes, has_diff = bool(_QUOTE.search(data)), bool(_DIFF.search(data))
        if not (coded or quotes or has_diff):
            continue
        head = parser.parsebytes(data[: data.find(b"\n\n") + 2])
        text = mailinfo(data)[0] if coded else data
        quotes, has_diff = bool(_QUOTE.search(text)), bool(_DIFF.search(text))
        near, far = str(head.get("in-reply-to", "")), str(head.get("references", ""))
        answers = list(dict.fromkeys([*_ID.findall(near), *reversed(_ID.findall(far))]))
        for own in _ID.findall(str(head.get("message-id", "")))[:1] if quotes or has_diff else []:
            mails[own] = Mail(data, answers, quotes, has_diff)
    return mails


def mailinfo(data: bytes) -> tuple[bytes, bytes]:
    """(the text of the mail, what of it git am would apply), both in the charset that git makes of it."""
    with tempfile.TemporaryDirectory() as directory:
        message, patch = Path(directory, "message"), Path(directory, "patch")
        command = ["git", "mailinfo", "--no-scissors", str(message), str(patch)]
        subprocess.run(command, input=data, capture_output=True, check=False, cwd=directory)
        said, diff = (one.read_bytes() if one.exists() else b"" for one in (message, patch))
    return (said + diff).replace(b"\r\n", b"\n"), diff.replace(b"\r\n", b"\n")


def diff_lines(text: bytes) -> list[bytes]:
    """The lines of the diff in ``text``: headers of files and hunks, and what the hunks count. Not the harness's code.

    A blank that was taken away from an empty context line is put back.
    """
    found: list[bytes] = []
    lines = text.split(b"\n")
    at, header = 0, False
    while at < len(lines):
        line = lines[at]
        header = line.startswith(b"diff --git ") or (header and bool(line.strip()) and line != b"-- ")
        if counts := _RANGE.match(line):
            found.append(counts[0])
            at, header = _hunk(lines, at + 1, [int(one or 1) for one in counts.groups()], found), False
            continue
        above, below = lines[max(at - 1, 0)], lines[min(at + 1, len(lines) - 1)]
        names = (line[:4], below[:4]) == (b"--- ", b"+++ ") or (above[:4], line[:4]) == (b"--- ", b"+++ ")
        if header or names:
            found.append(line.rstrip(b"\t"))
        at += 1
    return found


def _hunk(lines: list[bytes], at: int, left: list[int], found: list[bytes]) -> int:
    """Takes the lines of one hunk; ``left``: how many old and new ones it counts. Returns where it ends."""
    while at < len(lines) and (max(left) > 0 or lines[at].startswith(b"\\")):
        line = lines[at] or b" "
        left = [left[0] - (line[:1] in b" -"), left[1] - (line[:1] in b" +")]
        found.append(line)
        at += 1
    return at


def replies(mails: dict[str, Mail]) -> Iterator[tuple[str, Mail, list[Mail]]]:
    """(id, the reply, the mails with a diff that it answers)."""
    for own, mail in mails.items():
        before = [mails[one] for one in mail.answers if one in mails and mails[one].has_diff and one != own]
        if mail.quotes and before:
            yield own, mail, before


def judge(reply: Mail, before: list[Mail]) -> tuple[str, str]:
    """("exact", "wrong", "refused" or "own diff", the reason of a refusal)."""
    from harness.errors import HarnessError
    from harness.intake import read_text

    try:
        patches = read_text(reply.data, "reply")
    except HarnessError as error:
        return "refused", _NAMES.sub("~", _PLACE.sub("", str(error), count=1))[:110]
    if not all("quoted in a reply" in patch.notes for patch in patches):
        return "own diff", ""
    wanted = [diff_lines(mailinfo(mail.data)[1]) for mail in before]
    return ("exact" if diff_lines(patches[0].diff) in wanted else "wrong"), ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", metavar="SOURCE", type=Path, nargs="+")
    parser.add_argument("--harness", metavar="DIR", help="measure the harness in DIR, not this one")
    parser.add_argument("--list", metavar="FILE", type=Path, help="write a line for each reply: outcome, id, reason")
    parser.add_argument("--every", metavar="N", type=int, default=1, help="only every Nth reply")
    options = parser.parse_args()
    if options.harness:
        sys.path.insert(0, options.harness)
    figures, told = Figures(), []
    for own, reply, before in [*replies(corpus(options.sources))][:: options.every]:
        outcome, reason = judge(reply, before)
        figures.add(outcome, reason, reply.program)
        told.append(f"{outcome}\t{own}\t{reply.program}\t{reason}\n")
    if options.list:
        options.list.write_text("".join(told))
    sys.stdout.write(figures.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
