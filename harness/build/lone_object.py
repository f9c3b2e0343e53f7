# SPDX-License-Identifier: GPL-2.0-only
"""One source file compiled as kbuild did, again and again with other function bodies, apart from the object tree.

What the file includes is read once, with ``gcc -E -fdirectives-only``: macros stay as they are written, so that
the text below the last include can be replaced and compiled with ``-fpreprocessed`` (gcc's manual, "Preprocessor
Options"). Nothing of the tree is needed after that.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.errors import InfrastructureError
from harness.scratch import scratch

# "# 35 "<stdin>" 2": back in the file itself after an include, at its line 35.
_BACK = re.compile(rb'(?m)^# (\d+) "<stdin>" 2\n')
_INCLUDE = re.compile(rb"(?m)^[ \t]*#[ \t]*include\b.*$")
_READING = ("-I", "-D", "-U", "-include", "-isystem", "-iquote")  # options that only matter before -fpreprocessed
_QUIET = "-g0"  # line numbers are no difference


@dataclass(frozen=True)
class LoneObject:
    """``arguments``: of the compiler. ``head``: all that is included. ``line``: 1-based, where the rest begins."""

    arguments: tuple[str, ...]
    head: bytes
    line: int

    def compiled(self, source: bytes) -> bytes | None:
        """The object that comes of ``source``, which differs only below the includes; None if it does not compile."""
        rest = b"\n".join(source.split(b"\n")[self.line - 1 :])
        # One that was included before leaves no trace in the head.
        unit = self.head + _INCLUDE.sub(b"", rest)
        with scratch("compile") as directory:
            made = directory / "lone.o"
            argv: list[str | Path] = [
                *self.arguments,
                "-fpreprocessed",
                "-fdirectives-only",
                "-x",
                "c",
                "-c",
                "-o",
                made,
                "-",
            ]
            env = process.clean_environment({"TMPDIR": str(directory)})
            done = process.Sandbox((directory,)).run(argv, cwd=directory, stdin=unit, env=env)
            return made.read_bytes() if done.ok else None


def lone_object(objects: Path, name: str, source: bytes) -> LoneObject:
    """What it takes to compile ``source`` as the object ``name`` of the object tree was compiled, which is there.

    Raises ``InfrastructureError`` if kbuild's record of it cannot be read.
    """
    path = objects / Path(name).parent / f".{Path(name).name}.cmd"
    arguments, origin = _recorded(path)
    with scratch("compile") as directory:
        out = directory / "head.i"
        reading: list[str | Path] = [
            "-iquote",
            str(Path(origin).parent),
            "-E",
            "-fdirectives-only",
            "-x",
            "c",
            "-o",
            out,
            "-",
        ]
        box = process.Sandbox((directory,), (objects.parent,))  # the source is beside its object trees
        done = box.run([*arguments, _QUIET, *reading], cwd=objects, stdin=source)
        if not done.ok:
            raise InfrastructureError(f"cannot be preprocessed: {done.stdout.strip()[-200:]}", where=name)
        text = out.read_bytes()
    *_, last = _BACK.finditer(text)
    return LoneObject((*_compiling(arguments), _QUIET), text[: last.end()], int(last[1]))


def _recorded(path: Path) -> tuple[list[str], str]:
    """The compiler's arguments but for input and output, and the source, from ``savedcmd_X.o := gcc ... ; objtool``."""
    command = path.read_text().partition("\n")[0].partition(":= ")[2].partition(" ; ")[0]
    words = shlex.split(command)
    if "-o" not in words or "-c" not in words:
        raise InfrastructureError("no command of a compiler", where=str(path), hint="remove the object tree")
    at = words.index("-o")
    source = words[-1]
    kept = [word for word in [*words[:at], *words[at + 2 : -1]] if word != "-c" and not word.startswith("-Wp,-MMD")]
    return kept[1:] if kept[0] == "ccache" else kept, source


def _compiling(arguments: list[str]) -> list[str]:
    kept, skip = [], False
    for argument in arguments:
        if not skip and not argument.startswith(_READING):
            kept.append(argument)
        skip = not skip and argument in _READING
    return kept
