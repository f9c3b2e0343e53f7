# SPDX-License-Identifier: GPL-2.0-only
"""From a tree and its mutants to one kernel that has all of them in it."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from harness.build import BuildRequest, lone_objects, sources_of
from harness.build.lone_object import LoneObject
from harness.errors import UserError
from harness.events import EventStream
from harness.gitcmd import write_files
from harness.intake import read_patches
from harness.model import BuildFailure, Kernel
from harness.mutants.choosing import MutantChoice, PatchedFile, candidates, drawn, refuse_unknown_files
from harness.mutants.mutation import Mutation
from harness.mutants.schemata import with_mutants
from harness.pipeline import RunJob
from harness.pipeline.kernels import KernelMaker, bring, held_source
from harness.series import Applied

_PATCH = "mutants.patch"  # in the run directory
_OURS = {
    "drivers/dma-buf/dmabuf_mutant.c": "dmabuf_mutant.c",
    "include/linux/dmabuf_mutant.h": "dmabuf_mutant.h",
}
MAKEFILE = "drivers/dma-buf/Makefile"


@dataclass(frozen=True)
class Planted:
    """``kernel`` has ``mutants`` in it, by number; ``left_out`` does not compile beside them.

    ``possible``: how many there were to draw from. ``sources``: of the files, without mutants. ``lone``: how each is
    compiled alone.
    """

    kernel: Kernel
    mutants: Mapping[int, Mutation]
    left_out: tuple[Mutation, ...]
    possible: int
    sources: Mapping[str, bytes]
    lone: Mapping[str, LoneObject]


class MutantPlanter:
    """``job``: base and patches, with one variant."""

    def __init__(self, job: RunJob, events: EventStream, choice: MutantChoice) -> None:
        self._job = job
        self._events = events
        self._choice = choice

    def plant(self) -> Planted:
        """Build the kernel, holding the work tree. Raises ``UserError`` if the patch itself does not build."""
        with held_source(self._job, self._events) as held:
            applied = held.applied
            refuse_unknown_files(applied.tree.path, self._choice)
            plain = KernelMaker(self._job, applied, self._events).kernel(self._job.variants[0])
            if isinstance(plain, BuildFailure):
                raise UserError(_first_error(plain), where="the patch", hint="it must build without mutants: see run")
            found = candidates(applied.tree.path, self._choice, patched_files(applied), sources_of(plain))
            numbered = drawn(found, self._choice)
            paths = sorted({one.path for one in numbered.values()})
            sources = {path: (applied.tree.path / path).read_bytes() for path in (*paths, MAKEFILE)}
            return self._planted(applied, sources, numbered, len(found))

    def _planted(
        self, applied: Applied, sources: Mapping[str, bytes], numbered: dict[int, Mutation], possible: int
    ) -> Planted:
        left_out: list[Mutation] = []
        while True:
            job = self._with_patch(sources, numbered)
            planted = bring(job, applied.tree, self._events, "mutants")
            maker = KernelMaker(job, planted, self._events, "mutants ")
            built = maker.kernel(job.variants[0])
            if isinstance(built, Kernel):
                lone = self._lone(planted, maker, sources, numbered)
                return Planted(built, numbered, tuple(left_out), possible, sources, lone)
            bad = guilty(built, numbered)
            if not bad:
                raise _unbuildable(built)
            left_out += [numbered.pop(number) for number in bad]

    def _with_patch(self, sources: Mapping[str, bytes], numbered: Mapping[int, Mutation]) -> RunJob:
        path = self._job.directory / _PATCH
        path.write_bytes(mutant_patch(sources, numbered))
        return replace(self._job, patches=(*self._job.patches, *read_patches([path])))

    def _lone(
        self, applied: Applied, maker: KernelMaker, sources: Mapping[str, bytes], numbered: Mapping[int, Mutation]
    ) -> dict[str, LoneObject]:
        config = maker.resolve(self._job.variants[0])
        assert not isinstance(config, BuildFailure)
        request = BuildRequest(applied, config, self._job.request.jobs, ())
        paths = {mutation.path for mutation in numbered.values()}
        return lone_objects(request, {path: sources[path] for path in sorted(paths)})


def patched_files(applied: Applied) -> dict[str, PatchedFile]:
    """The C files that the patches touch, and that are there afterwards."""
    place = applied.tree.path
    names = [name for name in applied.touched if name.endswith(".c") and (place / name).is_file()]
    with tempfile.TemporaryDirectory() as directory:
        write_files(place, applied.tree.commit, names, Path(directory))
        return {
            name: PatchedFile(applied.added.get(name, frozenset()), _content(Path(directory) / name)) for name in names
        }


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def guilty(failure: BuildFailure, numbered: Mapping[int, Mutation]) -> list[int]:
    """The mutants that have a part in a line of which the compiler complains."""
    places = {(message.path, message.line) for message in failure.messages}
    return [
        number
        for number, mutation in numbered.items()
        if any(path == mutation.path and mutation.line <= line <= mutation.last_line for path, line in places)
    ]


def _unbuildable(failure: BuildFailure) -> UserError:
    what = f"the kernel with mutants does not build: {_first_error(failure)}"
    return UserError(what, where=str(failure.log), hint="name other files")


def mutant_patch(sources: Mapping[str, bytes], numbered: Mapping[int, Mutation]) -> bytes:
    """What puts the mutants, and what chooses among them, into a tree. ``sources``: its files, and ``MAKEFILE``."""
    return b"Subject: mutants\n\n---\n" + b"".join(_diffs(sources, numbered))


def _diffs(sources: Mapping[str, bytes], numbered: Mapping[int, Mutation]) -> Iterator[bytes]:
    for path, source in sources.items():
        mine = {number: mutation for number, mutation in numbered.items() if mutation.path == path}
        ours = source + b"obj-y += dmabuf_mutant.o\n" if path == MAKEFILE else source
        if mine or ours != source:
            yield _diff(path, source, with_mutants(ours, mine) if mine else ours)
    for path, name in _OURS.items():
        yield _diff(path, None, resources.files("harness.mutants").joinpath("kernel", name).read_bytes())


def _diff(path: str, before: bytes | None, after: bytes) -> bytes:
    new = b"new file mode 100644\n" if before is None else b""
    head = b"diff --git a/%b b/%b\n%b" % (path.encode(), path.encode(), new)
    names = (b"/dev/null" if before is None else b"a/" + path.encode(), b"b/" + path.encode())
    lines = difflib.diff_bytes(difflib.unified_diff, _lines(before or b""), _lines(after), *names)
    return head + b"".join(
        line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in lines
    )


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def _first_error(failure: BuildFailure) -> str:
    errors: Iterable[str] = (f"{one.path}:{one.line}: {one.text}" for one in failure.messages)
    return next(iter(errors), failure.tail.splitlines()[-1] if failure.tail else "no message")
