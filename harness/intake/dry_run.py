# SPDX-License-Identifier: GPL-2.0-only
"""Does a series fit a commit? Tried in an index and with objects of our own: the repository is only read."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from harness.gitcmd import run_git
from harness.intake.fixups import Fixup
from harness.process import Completed
from harness.scratch import scratch
from harness.series import Patch

_READING = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",  # a guess is not worth the network
}
_PATH_MAX = 4096  # of Linux
_ROOM = 1 << 17  # bytes; an argument list may have 2 MiB in all
_INDEX_LINE = re.compile(rb"index ([0-9a-f]{7,64})\.\.[0-9a-f]{7,64}")


def applies(
    repository: Path, commit: str, patches: Sequence[Patch], below: Sequence[Patch] = (), fixups: Sequence[Fixup] = ()
) -> bool:
    """True if all of ``patches`` apply, one after the other, to ``commit``; lines may have moved.

    They stand on all of ``below`` and, where they need that, on those of ``fixups`` that apply: see ``mending``.
    """
    if _all_apply(repository, commit, below, (), patches):
        return True
    return bool(fixups) and _all_apply(repository, commit, below, [fixup.patch for fixup in fixups], patches)


def _all_apply(
    repository: Path, commit: str, below: Sequence[Patch], repairs: Sequence[Patch], patches: Sequence[Patch]
) -> bool:
    with scratch("trial") as place:
        objects = _git(repository, "rev-parse", "--path-format=absolute", "--git-path", "objects").stdout.rstrip("\n")
        env = {
            "GIT_INDEX_FILE": str(place / "index"),
            "GIT_OBJECT_DIRECTORY": str(place / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects,
        }
        (place / "objects").mkdir()
        # Only what the patches touch: an index of a whole kernel takes seconds to read and write.
        names = {name for patch in (*below, *repairs, *patches) for name in patch.files}
        entries = "".join(f"{entry}\0" for entry in _listed(repository, commit, names))
        stdin = entries.encode("utf-8", "surrogateescape")
        if not _git(repository, "update-index", "-z", "--index-info", env=env, stdin=stdin).ok:
            return False
        if not all(_apply(repository, patch, env).ok for patch in below):
            return False
        for repair in repairs:
            _apply(repository, repair, env)
        return all(_apply(repository, patch, env).ok for patch in patches)


def _apply(repository: Path, patch: Patch, env: dict[str, str]) -> Completed:
    diff = patch.parsed
    return _git(
        repository, "apply", "--cached", "--whitespace=nowarn", f"-p{diff.strip}", "-", env=env, stdin=diff.data
    )


def made_for(repository: Path, commit: str, patches: Sequence[Patch]) -> bool:
    """True if ``commit`` has every file that ``patches`` change with just the content that they were made from.

    That is what the ``index`` lines of a git diff say (git's Documentation/diff-generate-patch.txt); False if there
    are none. Of several patches for one file the first counts; what the series itself makes or renames is not of the
    commit.
    """
    wanted: dict[str, str] = {}
    touched: set[str] = set()
    for patch in patches:
        for path, blob in _blobs(patch):
            if path not in touched:
                wanted.setdefault(path, blob)
        touched.update(patch.files)
    known = {path: blob for path, blob in wanted.items() if blob.strip("0")}
    if not known:
        return False
    entries = (entry.partition("\t") for entry in _listed(repository, commit, known))
    there = {path: facts.split()[2] for facts, _, path in entries}
    return all(there.get(path, "").startswith(blob) for path, blob in known.items())


def _listed(repository: Path, commit: str, names: Collection[str]) -> list[str]:
    """ "MODE TYPE ID<tab>PATH" of each of the files ``names`` that ``commit`` has."""
    entries: list[str] = []
    for some in _portions(sorted(names)):
        done = _git(repository, "ls-tree", "-z", commit, "--", *some, env={"GIT_LITERAL_PATHSPECS": "1"})
        entries += done.stdout.split("\0")[:-1]
    return entries


def _portions(names: Sequence[str]) -> Iterator[list[str]]:
    """As many of ``names`` at a time as an argument list has room for; ls-tree does not read them from elsewhere."""
    some: list[str] = []
    room = _ROOM
    for name in names:
        need = len(os.fsencode(name)) + 1
        if need > _PATH_MAX:
            continue  # no tree on a disk has it
        if need > room:
            yield some
            some, room = [], _ROOM
        some.append(name)
        room -= need
    if some:
        yield some


def _blobs(patch: Patch) -> Iterator[tuple[str, str]]:
    """(path, abbreviated id of the content before) of each file of a git diff."""
    for file in patch.parsed.files:
        for found in filter(None, map(_INDEX_LINE.match, file.header)):
            yield file.old or file.path, found[1].decode()


def _git(repository: Path, *args: str, env: dict[str, str] | None = None, stdin: bytes | None = None) -> Completed:
    return run_git(repository, *args, env={**_READING, **(env or {})}, stdin=stdin)
