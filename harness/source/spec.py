# SPDX-License-Identifier: GPL-2.0-only
"""How a user names a base: ``debian:6.12``, ``kernel.org:6.12.1``, ``dir:PATH``, ``git:PATH@REF``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import UserError
from harness.paths import exists, is_directory, is_file

DEFAULT_BASE = "debian:6.12"
POSSIBLE = "give debian:X.Y (5.10, 6.1, 6.12, 7.3, ...), kernel.org:X.Y.Z, dir:PATH or git:PATH[@REF]"


@dataclass(frozen=True)
class BaseSpec:
    """A base as the user named it (``text``).

    ``version``: "6.12" (debian), "6.12.1" (kernel.org). ``path``: absolute (dir, git).
    ``ref``: branch, tag or commit (git).
    """

    text: str
    kind: Literal["debian", "kernel.org", "dir", "git"]
    version: str = ""
    path: Path = Path()
    ref: str = ""


def parse_base(spec: str) -> BaseSpec:
    """Read a base's name. Raises ``UserError`` that says what is possible; looks at the disk, not at the network."""
    kind, colon, rest = spec.partition(":")
    if not colon or not rest or "\0" in rest:
        raise UserError("not the name of a base", where=repr(spec), hint=POSSIBLE)
    if kind == "debian":
        return _debian(spec, rest)
    if kind == "kernel.org":
        return _kernel_org(spec, rest)
    if kind == "dir":
        return _directory(spec, rest)
    if kind == "git":
        return _git(spec, rest)
    raise UserError(f"unknown kind of base {kind!r}", where=spec, hint=POSSIBLE)


def _debian(spec: str, version: str) -> BaseSpec:
    if not re.fullmatch(r"[1-9][0-9]?\.[0-9]{1,3}", version):
        raise UserError(f"{version!r} is not a kernel version of the form X.Y", where=spec, hint=POSSIBLE)
    return BaseSpec(spec, "debian", version=version)


def _kernel_org(spec: str, version: str) -> BaseSpec:
    """Release candidates have no tar file with a checksum there."""
    if not re.fullmatch(r"(?:[3-9]|[1-9][0-9])\.[0-9]{1,3}(\.[1-9][0-9]{0,3})?", version):
        hint = "name one as kernel.org:6.12 or kernel.org:6.12.1; for others give git:PATH@TAG"
        raise UserError(f"{version!r} is no kernel release of the form X.Y or X.Y.Z", where=spec, hint=hint)
    return BaseSpec(spec, "kernel.org", version=version)


def _directory(spec: str, name: str) -> BaseSpec:
    path = Path(name).expanduser().resolve()
    if not is_directory(path):
        raise UserError("no such directory", where=spec, hint=POSSIBLE)
    for wanted in ("Makefile", "Kconfig"):
        if not is_file(path / wanted):
            raise UserError(f"not a kernel tree: it has no {wanted}", where=spec, hint="name its top directory")
    return BaseSpec(spec, "dir", path=path)


def _git(spec: str, rest: str) -> BaseSpec:
    """A path may hold an ``@`` itself: the whole is tried as a path first. Without a path: where the user stands."""
    name, at, ref = rest.rpartition("@")
    if not at or is_directory(Path(rest).expanduser()):
        name, ref = rest, "HEAD"
    path = Path(name).expanduser().resolve()
    if not is_directory(path):
        raise UserError("no such directory", where=spec, hint=POSSIBLE)
    if not ref:
        raise UserError("no branch, tag or commit after the @", where=spec, hint=POSSIBLE)
    return BaseSpec(spec, "git", path=_top(path), ref=ref)


def _top(path: Path) -> Path:
    """The top of the repository that ``path`` is in, so that all its directories share one work tree in the cache."""
    return next((place for place in (path, *path.parents) if exists(place / ".git")), path)
