# SPDX-License-Identifier: GPL-2.0-only
"""Building one kernel: compile, install modules and selftests, put it into the cache."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.build import cache, coverage_kernel, probe_module, selftests, source_files
from harness.build.build_request import BuildRequest, compiler, key
from harness.build.lone_object import LoneObject, lone_object
from harness.build.make import Kbuild
from harness.build.messages import is_compilation, parse
from harness.build.object_trees import ObjectTree, object_tree
from harness.build.outlook import Outlook, outlook, remember
from harness.build.warnings import new_warnings
from harness.errors import InfrastructureError
from harness.machine_failures import disk_full, is_disk_full
from harness.model import SYMBOLS, BuildFailure, Kernel
from harness.paths import cache_root, write_atomic

_TAIL_LINES = 30


def lookup(request: BuildRequest) -> Kernel | None:
    """The finished kernel of the same content (``reused``), or None. Nothing is built, the sources are not read."""
    found = cache.find(key(request, compiler()))
    return dataclasses.replace(found, reused=True) if found else None


def build(request: BuildRequest, notify: Callable[[str], None]) -> Kernel | BuildFailure:
    """A kernel for ``request``: from the cache, or compiled now.

    ``notify`` gets a sign of life ("612 of 1590 objects (38 %), about 4 min left") at most twice a second. The caller
    holds the work tree.
    A source that does not compile is a ``BuildFailure``; a full disk, a missing tool or a compiler that was killed
    is an ``InfrastructureError``.
    """
    if (found := lookup(request)) is not None:
        return found
    with _disk_full_is_ours():
        objects = object_tree(request.applied.tree.path, request.config.variant.name)
        before = objects.prepare(request.applied.tree.path, request.config.text)
        kbuild = Kbuild(request.applied.tree.path, objects.path, request.jobs, objects.log, notify)
        with objects.building(before):  # the probe and the selftests are made there, too
            return _compile(request, kbuild, objects, outlook(objects.parent, before)) or _collect(
                request, kbuild, objects
            )


def lone_objects(request: BuildRequest, sources: Mapping[str, bytes]) -> dict[str, LoneObject]:
    """The compiler command of each C file of ``sources`` (path -> text). The caller holds the work tree.

    The kernel of ``request`` was built; its objects are brought back should another one have been built since. Raises
    ``InfrastructureError`` if they cannot be.
    """
    objects = object_tree(request.applied.tree.path, request.config.variant.name)
    before = objects.prepare(request.applied.tree.path, request.config.text)
    kbuild = Kbuild(request.applied.tree.path, objects.path, request.jobs, objects.log, lambda text: None)
    names = {path: f"{path.removesuffix('.c')}.o" for path in sources}
    with objects.building(before):
        done = kbuild.run(*names.values())
    if not done.ok:
        raise InfrastructureError("objects that were built before do not build again", where=str(objects.log))
    return {path: lone_object(objects.path, name, sources[path]) for path, name in names.items()}


def _compile(request: BuildRequest, kbuild: Kbuild, objects: ObjectTree, expected: Outlook) -> BuildFailure | None:
    counting = coverage_kernel.prepare(kbuild.objects, request.profiled, request.config.text)
    done = kbuild.run(ARCHITECTURE.make_target, "modules", *counting, told=expected.told)
    lines = done.stdout.splitlines()
    objects.warnings.update(lines, kbuild.tree)
    if not done.ok:
        return _failure("kernel", done, request, kbuild)
    if (pace := expected.ended(sum(map(is_compilation, lines)), done.seconds)) is not None:
        remember(objects.parent, pace)
    return None


def _collect(request: BuildRequest, kbuild: Kbuild, objects: ObjectTree) -> Kernel | BuildFailure:
    """Put what was built into the cache."""
    compiler_id = compiler()
    identity = key(request, compiler_id)
    with cache.part(identity) as part:
        place = [f"INSTALL_MOD_PATH={part}", "INSTALL_MOD_STRIP=1"]
        done = kbuild.run("modules_install", *place, *_depmod(), writable=[part])
        if not done.ok:
            return _failure("modules", done, request, kbuild)
        release = _release(kbuild.objects)
        probe_failure = probe_module.install(kbuild, part, *_depmod())
        for link in ("build", "source"):  # they lead to the object tree, which the next build changes
            (part / "lib/modules" / release / link).unlink(missing_ok=True)
        installed = selftests.install(kbuild, request.selftests, part / "kselftests")
        _split(kbuild.objects, part)
        # Where the build could put links: nothing here may be written through one.
        write_atomic(part / "config", request.config.text)
        write_atomic(part / "build.log", kbuild.log.read_bytes())
        source_files.record(part, kbuild.objects, kbuild.tree)
        coverage_kernel.keep_notes(part, kbuild.objects, kbuild.tree, request.profiled)
        facts = {
            "release": release,
            "compiler": compiler_id,
            "warnings": new_warnings(objects.warnings, request.applied, objects.path),
            "notes": installed.notes,
            "probe_failure": probe_failure,
        }
        return cache.publish(identity, part, facts)


def _release(objects: Path) -> str:
    """Whatever the build wrote there becomes a part of paths."""
    release = (objects / "include/config/kernel.release").read_text().strip()
    if not re.fullmatch(r"\w[\w.+~-]*", release, re.ASCII):
        raise InfrastructureError(f"no release of a kernel: {release[:80]!r}", where=str(objects))
    return release


def _split(objects: Path, part: Path) -> None:
    """The image without symbols, so that there is less to load. They are kept to decode stack traces."""
    image, symbols = objects / ARCHITECTURE.image, objects / "vmlinux"
    box = process.Sandbox((part,), (objects,))  # what the build left may be anything, and a link to anything
    strip, objcopy = ARCHITECTURE.tool("strip"), ARCHITECTURE.tool("objcopy")
    kept = [objcopy, "--only-keep-debug", "--compress-debug-sections", str(symbols), str(part / SYMBOLS)]
    for argv in ([strip, "-s", "-o", str(part / "image"), str(image)], kept):
        done = box.run(argv)
        if not done.ok:
            last = (done.stdout.strip() or "no output").splitlines()[-1]
            raise InfrastructureError(f"{done.argv[0]} ended with {done.returncode}: {last}", where=str(objects))


def _depmod() -> list[str]:
    """A user's PATH often lacks /sbin, where depmod is."""
    found = process.which("depmod")
    return [f"DEPMOD={found}"] if found else []


def _failure(stage: str, done: process.Completed, request: BuildRequest, kbuild: Kbuild) -> BuildFailure:
    lines = done.stdout.splitlines()
    messages = [located.message for located in parse(lines, kbuild.tree, request.applied.added)]
    errors = dict.fromkeys(message for message in messages if message.severity == "error")
    return BuildFailure(stage, tuple(errors), kbuild.log, "\n".join(lines[-_TAIL_LINES:]))


@contextlib.contextmanager
def _disk_full_is_ours() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise disk_full(error.filename or cache_root()) from error
