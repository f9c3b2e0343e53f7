# SPDX-License-Identifier: GPL-2.0-only
"""``dmabuf-harness.toml``: options of ``run`` that hold for all work in a tree. The parser of ``run`` is its format.

It is looked for from the current directory upwards to the top of the git tree, and never in a tree of the cache, where
patches are applied: what is tested must not say how.
"""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.paths import PROJECT_FILE, cache_root, exists, is_directory, is_file
from harness.toml_tables import key_lines, read_toml

_HINT = "correct it, or leave it out with --no-project"
_PERHAPS_PATHS = ("patch", "revert", "fixup")  # or ranges, commits, names of series
_PLACED_BASES = ("dir:", "git:")


@dataclass(frozen=True)
class ProjectFile:
    """``values``: by key, as TOML has them. ``lines``: where each stands, from 1. ``root``: top of the git tree."""

    path: Path
    root: Path
    values: Mapping[str, object]
    lines: Mapping[str, int]

    def where(self, key: str) -> str:
        """ "dmabuf-harness.toml:3", as seen from the current directory."""
        return f"{os.path.relpath(self.path)}:{self.lines.get(key, 1)}"

    @property
    def name_in_tree(self) -> str:
        """Its path as a patch would name it."""
        return str(self.path.relative_to(self.root))


def find_project(start: Path) -> ProjectFile | None:
    """The file that counts in the directory ``start``, or None. Raises ``UserError`` if it is not TOML."""
    places = [start, *start.parents]
    top = next((place for place in places if (place / ".git").exists()), start)
    within = places[: places.index(top) + 1]
    path = next((place / PROJECT_FILE for place in within if exists(place / PROJECT_FILE)), None)
    if path is None or path.is_relative_to(cache_root()):
        return None
    if not is_file(path) and not is_directory(path):  # a pipe would be waited for
        raise UserError("no plain file", where=os.path.relpath(path), hint=_HINT)
    _refuse_strangers(path)
    content = read_toml(path, _HINT, os.path.relpath(path)).content
    return ProjectFile(path, top, content, key_lines(path.read_text(encoding="utf-8")))


def _refuse_strangers(path: Path) -> None:
    """It may name files that are run (--pytest): whoever can write it must be trusted."""
    owner = path.stat().st_uid
    if owner not in (os.geteuid(), 0) and os.geteuid() != 0:
        raise UserError("belongs to somebody else", where=str(path), hint="make it yours, or say --no-project")


def refuse_unknown(project: ProjectFile, known: Mapping[str, argparse.Action]) -> None:
    """Raise ``UserError`` for a key that is no option of ``run``."""
    for key in project.values:
        if key not in known:
            near = difflib.get_close_matches(key.replace("_", "-"), known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UserError(
                f"unknown key {key!r}", where=project.where(key), hint=f"{hint}possible: {', '.join(sorted(known))}"
            )


def value_of(project: ProjectFile, key: str, action: argparse.Action) -> object:
    """What argparse would make of the value of ``key``: False or True, a list, or one value; paths are absolute.

    ``action``: the option of ``run``. Raises ``UserError`` if it is of another type, or not what the option takes.
    """
    raw, where = project.values[key], project.where(key)
    if action.nargs == 0:
        if not isinstance(raw, bool):
            raise _refused(key, raw, action, where)
        return raw
    if not is_list(action):
        return _placed(key, _converted(key, raw, action, where), project.path.parent)
    if not isinstance(raw, list):
        raise _refused(key, raw, action, where)
    return [_placed(key, _converted(key, one, action, where), project.path.parent) for one in raw]


def is_list(action: argparse.Action) -> bool:
    """True for an option that may be given again, or that takes several values."""
    return isinstance(action, argparse._AppendAction)


def allowed(key: str, action: argparse.Action) -> str:
    """What may stand in the file: ``suite = ["NAME", ...]``."""
    if action.nargs == 0:
        return f"{key} = true or false"
    one = "NUMBER" if _is_number(action) else f'"{action.metavar or key.upper()}"'
    if action.choices:
        one = " or ".join(f'"{choice}"' for choice in action.choices)
    return f"{key} = [{one}, ...]" if is_list(action) else f"{key} = {one}"


def _is_number(action: argparse.Action) -> bool:
    if action.type in (None, Path) or not callable(action.type):
        return False
    return isinstance(action.type("1"), int)


def _converted(key: str, raw: object, action: argparse.Action, where: str) -> object:
    if type(raw) is not (int if _is_number(action) else str) or raw == "" or "\0" in str(raw):
        raise _refused(key, raw, action, where)
    if action.choices and raw not in action.choices:
        raise _refused(key, raw, action, where)
    try:
        return action.type(str(raw)) if callable(action.type) else raw
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise UserError(f"{key} {raw!r} {error}", where=where, hint=f"write {allowed(key, action)}") from error


def _refused(key: str, raw: object, action: argparse.Action, where: str) -> UserError:
    return UserError(f"{key} cannot be {raw!r}", where=where, hint=f"write {allowed(key, action)}")


def _placed(key: str, value: object, directory: Path) -> object:
    """``value``, of which a path is relative to ``directory``."""
    if isinstance(value, Path):
        placed = directory / value
        return value if key in _PERHAPS_PATHS and not exists(placed) else placed
    if key == "base" and str(value).startswith(_PLACED_BASES):
        kind, _, place = str(value).partition(":")
        return f"{kind}:{directory / place}" if place and not place.startswith("@") else value
    if key == "report":
        name, equals, file = str(value).partition("=")
        return f"{name}={directory / file}" if equals and file else value
    return value
