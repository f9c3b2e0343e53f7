# SPDX-License-Identifier: GPL-2.0-only
"""What the Kconfig files of a kernel tree say about a symbol: enough of the language to explain a lost option.

The language is that of Documentation/kbuild/kconfig-language.rst. Only definitions, dependencies, enclosing
``if`` and ``menu`` blocks, prompts and ``select`` are read; working out values is left to Kconfig itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from harness.architecture import ARCHITECTURE

_SOURCE = re.compile(r'(?:source|rsource|osource|orsource)\s+"([^"]+)"')
_PROMPT = re.compile(r'(?:bool|tristate|string|int|hex|prompt)\s+["\'](?:[^"\'\\]|\\.)*["\'](?:\s+if\s+(.+))?')
_SELECT = re.compile(r"select\s+(\w+)(?:\s+if\s+(.+))?")
_BLOCK_END = {"endif": "if", "endmenu": "menu", "endchoice": "choice"}


@dataclass
class Definition:
    """One ``config`` entry. ``depends``: expressions that must all hold, those of enclosing blocks included.

    ``prompts``: for each prompt, the condition under which the user is asked ("y" if always).
    """

    symbol: str
    depends: list[str]
    prompts: list[str] = field(default_factory=list)
    in_choice: bool = False


@dataclass(frozen=True)
class Select:
    """``by`` forces ``symbol`` on while ``condition`` holds."""

    symbol: str
    by: str
    condition: str


@dataclass
class KconfigTree:
    """All definitions, by symbol, and all selects."""

    definitions: dict[str, list[Definition]] = field(default_factory=dict)
    selects: list[Select] = field(default_factory=list)


@dataclass
class _Block:
    kind: str  # "if", "menu", "choice"
    conditions: list[str]


def read(tree: Path) -> KconfigTree:
    """Read ``tree``/Kconfig and all that it sources. A file that does not exist counts as empty."""
    reader = _Reader(tree)
    reader.file(tree / "Kconfig")
    return reader.result


@lru_cache(maxsize=2)
def read_once(tree: Path, content: str) -> KconfigTree:
    """As ``read``, once for each ``content`` of ``tree`` (git's id): it takes a second or more. Not to be changed."""
    return read(tree)


class _Reader:
    def __init__(self, root: Path) -> None:
        self.result = KconfigTree()
        self._root = root
        self._blocks: list[_Block] = []
        self._entry: Definition | None = None

    def file(self, path: Path) -> None:
        if not path.is_file():
            return
        for line in _statements(path.read_text(errors="replace")):
            self._statement(line, path)

    def _statement(self, line: str, path: Path) -> None:
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if match := _SOURCE.match(line):
            self._entry = None
            self._include(match[1], path, relative=word in ("rsource", "orsource"))
        elif word in ("config", "menuconfig"):
            self._define(rest)
        elif word in ("menu", "choice") or (word == "if" and rest):
            self._entry = None
            self._blocks.append(_Block(word, [rest] if word == "if" else []))
        elif word in _BLOCK_END:
            self._entry = None
            if self._blocks:
                self._blocks.pop()
        elif word == "comment":
            self._entry = Definition("", [])  # takes the attributes that belong to the comment
        else:
            self._attribute(line, rest)

    def _include(self, name: str, path: Path, *, relative: bool) -> None:
        name = re.sub(r"\$\(?SRCARCH\)?", ARCHITECTURE.source_name, name)
        base = path.parent if relative else self._root
        for found in sorted(base.glob(name)) if "*" in name else [base / name]:
            self.file(found)

    def _define(self, symbol: str) -> None:
        around = [condition for block in self._blocks for condition in block.conditions]
        in_choice = any(block.kind == "choice" for block in self._blocks)
        self._entry = Definition(symbol, around, in_choice=in_choice)
        self.result.definitions.setdefault(symbol, []).append(self._entry)

    def _attribute(self, line: str, rest: str) -> None:
        if line.startswith("depends on "):
            self._condition(line.removeprefix("depends on ").strip())
        elif line.startswith("visible if ") and self._entry is None:
            self._condition(line.removeprefix("visible if ").strip())
        elif self._entry is None:
            return
        elif match := _SELECT.match(line):
            self.result.selects.append(Select(match[1], self._entry.symbol, match[2] or "y"))
        elif match := _PROMPT.match(line):
            self._entry.prompts.append(match[1] or "y")

    def _condition(self, expression: str) -> None:
        if self._entry is not None:
            self._entry.depends.append(expression)
        elif self._blocks:
            self._blocks[-1].conditions.append(expression)


def _statements(text: str) -> Iterator[str]:
    """Statements with continuation lines joined, help texts and comments left out, blanks made single."""
    help_indent: int | None = None
    in_help = False
    for raw in text.replace("\\\n", " ").splitlines():
        expanded = raw.expandtabs()
        indent = len(expanded) - len(expanded.lstrip())
        if not expanded.strip():
            continue
        if in_help:
            help_indent = indent if help_indent is None else help_indent
            # A help text ends at the first line that is indented less than its first one.
            if indent >= help_indent and indent > 0:
                continue
            in_help = False
        line = " ".join(re.sub(r"""(^|\s)#(?=([^"']|"[^"]*"|'[^']*')*$).*""", "", expanded).split())
        if line in ("help", "---help---"):
            in_help, help_indent = True, None
        elif line:
            yield line
