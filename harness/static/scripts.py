# SPDX-License-Identifier: GPL-2.0-only
"""The tree's own scripts: kernel-doc, checkpatch and get_maintainer. Nothing is written into the tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness import process
from harness.scratch import scratch
from harness.series import Patch
from harness.static.findings import Finding, Remark, checkpatch, kernel_doc

DOC, STYLE, MAINTAINER = "scripts/kernel-doc", "scripts/checkpatch.pl", "scripts/get_maintainer.pl"

_UNMATCHED = re.compile(r"(?:\./)?(?P<path>MAINTAINERS):(?P<line>\d+): warning: (?P<text>.+)")
_REST = "THE REST"  # the entry of MAINTAINERS that covers what no other does
# A tree of ours has one commit: which others there are is not known. Whether MAINTAINERS covers a file is looked up.
_NOT_HERE = "UNKNOWN_COMMIT_ID,FILE_PATH_CHANGES"
_OF_MESSAGE = "COMMIT_MESSAGE,MISSING_SIGN_OFF"


class Unusable(Exception):
    """The tree has no such script, or it failed: nothing is known of what it would have found."""


def documentation(tree: Path, directory: Path, names: Iterable[str]) -> tuple[Finding, ...]:
    """What the kernel-doc of ``tree`` says of the files ``names`` below ``directory``. Raises ``Unusable``."""
    found: list[Finding] = []
    for name in names:
        done = _run(tree, DOC, ["-none", name], cwd=directory)
        said = list(kernel_doc(done.stdout))
        if not (done.ok or said):
            raise Unusable(_failed(DOC, done))
        found += said
    return tuple(found)


def style(tree: Path, patch: Patch) -> tuple[Remark, ...]:
    """What the checkpatch of ``tree`` says of ``patch``. Raises ``Unusable``."""
    ignored = _NOT_HERE if patch.message else f"{_NOT_HERE},{_OF_MESSAGE}"
    options = [f"--root={tree}", "--terse", "--showfile", "--show-types", "--no-summary", f"--ignore={ignored}", "-"]
    with scratch("checkpatch") as place:  # no .checkpatch.conf of the user's
        done = _run(tree, STYLE, options, cwd=place, stdin=letter(patch))
    said = tuple(checkpatch(done.stdout))
    if not (done.ok or said):
        raise Unusable(_failed(STYLE, done))
    return said


def letter(patch: Patch) -> bytes:
    """``patch`` as the mail that checkpatch expects; without a message it is a mere diff, and judged as one."""
    if not patch.message:
        return patch.diff
    head = f"From: {patch.author}\nSubject: [PATCH] {patch.subject}\n\n{patch.message.strip()}\n---\n\n"
    return head.encode("utf-8", "surrogateescape") + patch.diff


def unmaintained(tree: Path, names: Iterable[str]) -> Iterator[Finding]:
    """Those of the files ``names`` that no entry of MAINTAINERS covers. Raises ``Unusable``."""
    options = ["--no-git", "--no-git-fallback", "--no-l", "--no-keywords", "--rolestats", "-f"]
    for name in names:
        done = _run(tree, MAINTAINER, [*options, name], cwd=tree)
        if not done.ok:
            raise Unusable(_failed(MAINTAINER, done))
        if not any(line.strip() and _REST not in line for line in done.stdout.splitlines()):
            yield Finding(name, 0, "no entry of MAINTAINERS covers it")


def unmatched(tree: Path) -> Iterator[Finding]:
    """Entries of MAINTAINERS that match no file, and what else its own test finds. Raises ``Unusable``."""
    done = _run(tree, MAINTAINER, ["--self-test=patterns,sections"], cwd=tree)
    if not done.ok:
        raise Unusable(_failed(MAINTAINER, done))
    for line in done.stdout.splitlines():
        if match := _UNMATCHED.fullmatch(line.strip()):
            yield Finding(match["path"], int(match["line"]), " ".join(match["text"].split()))


def _run(
    tree: Path, script: str, arguments: Iterable[str], *, cwd: Path, stdin: bytes | None = None
) -> process.Completed:
    if not (tree / script).is_file():
        raise Unusable(f"the tree has no {script}")
    argv = [_interpreter(tree / script), str(tree / script), *arguments]
    box = process.Sandbox((), (tree, cwd))
    return box.run(argv, cwd=cwd, env=_environment(cwd), stdin=stdin)


def _interpreter(script: Path) -> str:
    """As its first line says; a tree that was unpacked or patched may have lost the mode bits."""
    first = script.read_text(errors="replace").partition("\n")[0].removeprefix("#!").split()
    named = first[1] if first[:1] == ["/usr/bin/env"] else first[0] if first else "perl"
    return Path(named).name


def _failed(script: str, done: process.Completed) -> str:
    lines = done.stdout.strip().splitlines()
    return f"{script} failed: {lines[-1] if lines else f'it ended with {done.returncode}'}"


def _environment(home: Path) -> dict[str, str]:
    """The user's settings for these scripts are not the tree's; Python must not leave bytecode in the tree."""
    return process.clean_environment({"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"})
