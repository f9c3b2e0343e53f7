# SPDX-License-Identifier: GPL-2.0-only
"""Which mutants are tried: those of what a patch changes, or of files, all or a sample."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import UserError
from harness.gitcmd import check_git
from harness.mutants.mutation import Mutation
from harness.mutants.operators import can_be_written, mutants_of
from harness.mutants.undoing import undone

MOST = 4095
"""Mutants in one kernel (DMABUF_MUTANTS in kernel/dmabuf_mutant.h)."""


@dataclass(frozen=True)
class MutantChoice:
    """``globs``: patterns of paths in the tree; none means what the patch changes.

    ``only``: patterns of names; none means all. ``sample``: so many of them, drawn with ``seed``; None: all.
    """

    globs: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    sample: int | None = None
    seed: int = 1


@dataclass(frozen=True)
class PatchedFile:
    """A file that the patch touches. ``added``: its lines that are the patch's. ``before``: its text without the patch,
    None if there was no such file."""

    added: frozenset[int]
    before: bytes | None = None


def candidates(
    tree: Path, choice: MutantChoice, patched: Mapping[str, PatchedFile], compiled: Collection[str] | None
) -> tuple[Mutation, ...]:
    """All mutants that ``choice`` means, of the C files below ``tree``. ``patched``: path -> what the patch does there.

    ``compiled``: the files that the kernel is made of, None if that is not known. Raises ``UserError`` for none.
    """
    if choice.globs:
        known = compiled if compiled is not None else _files(tree, choice.globs)
        named = sorted(path for path in known if path.endswith(".c") and _means(choice.globs, path))
        files = [path for path in named if (tree / path).is_file()]  # older lists have what another patch added
        possible = [one for path in files for one in mutants_of(path, (tree / path).read_bytes())]
    else:
        files = sorted(path for path in patched if path.endswith(".c") and (compiled is None or path in compiled))
        possible = [one for path in files for one in _of_patch(path, (tree / path).read_bytes(), patched[path])]
    found = [one for one in possible if not choice.only or _means(choice.only, one.name)]
    if not found:
        raise _nothing(choice, files)
    return tuple(found)


def _of_patch(path: str, source: bytes, patched: PatchedFile) -> Iterator[Mutation]:
    """Mistakes in what the patch adds, and what it takes away put back."""
    yield from (one for one in mutants_of(path, source) if one.line in patched.added)
    if patched.before is not None:
        yield from (one for one in undone(path, patched.before, source) if can_be_written(source, one))


def _means(globs: Iterable[str], path: str) -> bool:
    return any(fnmatchcase(path, glob) for glob in globs)


def refuse_unknown_files(tree: Path, choice: MutantChoice) -> None:
    """Raise ``UserError`` if there is no such C file in ``tree``, under git: that need not wait for a kernel."""
    if choice.globs and not any(path.endswith(".c") for path in _files(tree, choice.globs)):
        raise _nothing(choice, [])


def _files(tree: Path, globs: Sequence[str]) -> list[str]:
    return [path for path in check_git(tree, "ls-files", "-z").split("\0") if _means(globs, path)]


def _nothing(choice: MutantChoice, files: Sequence[str]) -> UserError:
    if choice.only and files:
        hint = "names are as in the results: 'drivers/dma-buf/dma-buf.c:812 *'"
        return UserError("no mutant has such a name", where=f"--mutant {' '.join(choice.only)}", hint=hint)
    if choice.globs:
        what = "no mutant is possible there" if files else "no C file of the test kernel has such a name"
        hint = "name files that its config compiles: 'drivers/dma-buf/*.c'"
        return UserError(what, where=f"--files {' '.join(choice.globs)}", hint=hint)
    what = "changes no line of code of the test kernel in which a mistake could be made"
    return UserError(what, where="the patch", hint="see run --suite static for what is not compiled")


def drawn(found: Sequence[Mutation], choice: MutantChoice) -> dict[int, Mutation]:
    """The mutants to be tried, numbered from 1: all in the order of their places, or a sample in the order in which it
    is drawn, so that what comes of its first part is a sample, too. Same seed, same mutants."""
    count = min(len(found), MOST if choice.sample is None else choice.sample, MOST)
    chosen = found if count == len(found) else random.Random(choice.seed).sample(found, count)
    return dict(enumerate(chosen, 1))
