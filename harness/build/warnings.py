# SPDX-License-Identifier: GPL-2.0-only
"""Warnings of the compiler that are the patch's doing.

make only prints the warnings of what it compiles now. So that none is lost between incremental builds, each
object tree remembers the warnings of every object since it was last compiled.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from harness import process
from harness.architecture import ARCHITECTURE
from harness.build.messages import Located, parse, target_of
from harness.gitcmd import write_files
from harness.model import CompilerMessage
from harness.paths import write_atomic
from harness.scratch import scratch
from harness.series import Applied

_COMMAND = re.compile(r"^(?:saved)?cmd_\S+ := (.+)$", re.MULTILINE)
_SOURCE = re.compile(r"^source_\S+ := (\S+)$", re.MULTILINE)


class WarningStore:
    """Warnings by object, in a file of the object tree. Line numbers are those of the source it was compiled from."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Located]:
        """All warnings that are remembered. A store that cannot be read is empty."""
        return [
            Located(target, CompilerMessage(path, line, "warning", text))
            for target, entries in self._load().items()
            for path, line, text in entries
        ]

    def update(self, lines: Iterable[str], tree: Path) -> None:
        """Take in the output of a make run: what it compiled loses its old warnings and gets the new ones."""
        lines = list(lines)
        store = self._load()
        store |= {target: [] for line in lines if (target := target_of(line))}
        for located in parse(lines, tree, {}):
            message = located.message
            if message.severity == "warning":
                store.setdefault(located.target, []).append((message.path, message.line, message.text))
        write_atomic(self._path, json.dumps({target: found for target, found in store.items() if found}))

    def _load(self) -> dict[str, list[tuple[str, int, str]]]:
        try:
            loaded: dict[str, list[tuple[str, int, str]]] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return loaded


def new_warnings(store: WarningStore, applied: Applied, objects: Path) -> tuple[CompilerMessage, ...]:
    """Warnings in files that the series touches which the base does not have: sorted, each once.

    One on an added line is new. Any other is, unless compiling the base's version of the same object prints it too, and
    as often.
    """
    touched = frozenset(applied.touched)
    fresh: set[CompilerMessage] = set()
    elsewhere: dict[str, list[CompilerMessage]] = defaultdict(list)
    for located in store.read():
        message = located.message
        if message.path not in touched:
            continue
        if message.line in applied.added.get(message.path, frozenset()):
            fresh.add(replace(message, added=True))
        else:
            elsewhere[located.target].append(message)
    for target, messages in elsewhere.items():
        old = _base_warnings(target, applied, objects)
        for message in sorted(messages, key=lambda m: m.line):
            if old[message.path, message.text] > 0:
                old[message.path, message.text] -= 1
            else:
                fresh.add(message)
    return tuple(sorted(fresh, key=lambda m: (m.path, m.line, m.text)))


def _base_warnings(target: str, applied: Applied, objects: Path) -> Counter[tuple[str, str]]:
    """(path, text) and number of the warnings that ``target`` gets when all touched files are as in the base."""
    directory, _, name = target.rpartition("/")
    recorded = objects / directory / f".{name}.cmd"
    if not recorded.is_file():
        return Counter()
    with scratch("base") as base:
        write_files(applied.tree.path, applied.tree.commit, applied.touched, base)
        argv = _base_command(recorded.read_text(), applied, objects, base)
        if argv is None:
            return Counter()
        box = process.Sandbox((), (applied.tree.path, objects, base))
        done = box.run(argv, cwd=objects)
    output = done.stdout.replace(f"{base}/", "")
    return Counter(
        (located.message.path, located.message.text) for located in parse(output.splitlines(), applied.tree.path, {})
    )


def _base_command(recorded: str, applied: Applied, objects: Path, base: Path) -> list[str] | None:
    """kbuild's own compile command from a ``.cmd`` file, turned to the sources in ``base``.

    Touched headers are found in ``base`` first, whether they are included by "name" or by <name>.
    None if the base has no such object.
    """
    command, source = _COMMAND.search(recorded), _SOURCE.search(recorded)
    if command is None or source is None:
        return None
    compiled = os.path.normpath(objects / source[1])  # ccache names it from the object tree
    relative = compiled.removeprefix(f"{applied.tree.path}/")
    original = base / relative if relative in applied.touched else Path(compiled)
    argv = _arguments(command[1])
    if not original.is_file() or "-o" not in argv or compiled not in argv:
        return None
    argv[argv.index("-o") + 1] = str(base / "object.o")
    argv[argv.index(compiled)] = str(original)
    headers = [f"-I{base / part}" for part in (f"arch/{ARCHITECTURE.source_name}/include", "include", "include/uapi")]
    return [argv[0], f"-iquote{base / Path(relative).parent}", *headers, *argv[1:], f"-iquote{Path(compiled).parent}"]


def _arguments(command: str) -> list[str]:
    """The compiler's arguments of a recorded shell command: what follows it (objtool) and dependency output go."""
    tokens: list[str] = []
    lexer = shlex.shlex(command.replace("$(pound)", "#").replace("$$", "$"), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    for token in lexer:
        if token and set(token) <= set(";&|"):
            break
        tokens.append(token)
    return [t for t in tokens if t != "ccache" and not t.startswith("-Wp,-M")]
