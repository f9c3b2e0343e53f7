# SPDX-License-Identifier: GPL-2.0-only
"""Errors and warnings in the output of a kernel build: pure text in, values out.

Understands gcc and as ("path:line:column: error: ..."), ld (undefined references), modpost, objtool, Kconfig
(run again inside the build) and make itself. What merely follows from another error ("make: *** Error 1") is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.model import CompilerMessage

_GCC = re.compile(
    r"(?P<path>[^\s:]+):(?P<line>\d+):(?:\d+:)?\s+"
    r"(?P<severity>(?:fatal |internal compiler )?error|warning|Error|Warning): (?P<text>.+)"
)
_GCC_TOOL = re.compile(r"(?P<path>)(?:cc1|gcc|as|ld)\b[^:]*: (?P<severity>(?:fatal )?error|warning): (?P<text>.+)")
_OBJTOOL = re.compile(r"(?P<path>[^\s:]+\.o): (?P<severity>warning|error): objtool: (?P<text>.+)")
_SYMBOL = re.compile(
    r"(?P<place>\S+?):?(?:\([^)]*\))?: (?P<text>undefined reference to .+|multiple definition of [^;]+)"
)
_IN_FUNCTION = re.compile(r"(?:\S*\bld: )?(?P<path>\S+\.o): in function `")
_LINKER = re.compile(r"\S*\bld: (?P<text>(?:(?P<path>[^\s:]+\.[oa])\S*: )?(?:cannot|error).*)")
_MODPOST = re.compile(r"(?P<severity>ERROR|WARNING): modpost: (?P<text>.+)")
_MODPOST_MODULE = re.compile(r"\[(?P<path>\S+\.ko)\]")
_KCONFIG = re.compile(r"(?P<path>\S*Kconfig\S*):(?P<line>\d+):\s*(?:error:\s*)?(?P<text>.+)")
_MAKE_FILE = re.compile(r"(?P<path>\S*(?:Makefile|Kbuild)\S*):(?P<line>\d+): \*\*\* (?P<text>.+?)\s+Stop\.")
_MAKE = re.compile(r"make(?:\[\d+\])?: \*\*\* (?P<text>No rule to make target .+?)\.\s+Stop\.")
_FOLLOWS = re.compile(r".*: \*\*\* \[.*\] Error \d+")

_TARGET = re.compile(r"\s{2}(?P<tool>[A-Z][A-Z0-9]+)\s+(?:\[[A-Z]+\]\s+)?(?P<target>\S+)")


@dataclass(frozen=True)
class Located:
    """A message and the object whose recipe printed it ("drivers/dma-buf/dma-buf.o"), empty if not known."""

    target: str
    message: CompilerMessage


def target_of(line: str) -> str:
    """The file that a line such as "  CC [M]  drivers/x/y.o" announces, or ""."""
    match = _TARGET.fullmatch(line)
    return match["target"] if match else ""


def is_compilation(line: str) -> bool:
    """True for the lines that announce an object being compiled or assembled."""
    return line.startswith(("  CC ", "  AS "))


def parse(lines: Iterable[str], tree: Path, added: Mapping[str, frozenset[int]]) -> Iterator[Located]:
    """Messages in order, each once per target. ``tree``: paths become relative to it; ``added``: lines of the patch.

    The lines of one target must stand together (``make --output-sync=target``).
    """
    target, in_object = "", ""
    seen: set[Located] = set()
    for line in lines:
        if announced := target_of(line):
            target, in_object = announced, ""
        elif match := _IN_FUNCTION.search(line):
            in_object = match["path"]
        message = _message(line, tree, added, in_object)
        if message is not None and (located := Located(target, message)) not in seen:
            seen.add(located)
            yield located


def _message(line: str, tree: Path, added: Mapping[str, frozenset[int]], in_object: str) -> CompilerMessage | None:
    if _FOLLOWS.match(line):
        return None
    if match := _GCC.match(line):
        path, number = relative(match["path"], tree), int(match["line"])
        return CompilerMessage(
            path, number, _severity(match["severity"]), match["text"], number in added.get(path, frozenset())
        )
    if match := _OBJTOOL.match(line) or _GCC_TOOL.match(line):
        return CompilerMessage(relative(match["path"], tree), 0, _severity(match["severity"]), match["text"])
    if match := _SYMBOL.search(line):
        return CompilerMessage(relative(in_object or match["place"], tree), 0, "error", match["text"])
    return _tool_message(line, tree, added)


def _tool_message(line: str, tree: Path, added: Mapping[str, frozenset[int]]) -> CompilerMessage | None:
    if match := _MODPOST.match(line):
        module = _MODPOST_MODULE.search(match["text"])
        return CompilerMessage(module["path"] if module else "", 0, _severity(match["severity"]), match["text"])
    if match := _LINKER.match(line):
        return CompilerMessage(relative(match["path"] or "", tree), 0, "error", match["text"])
    if match := _MAKE_FILE.match(line) or _KCONFIG.match(line):
        path, number = relative(match["path"], tree), int(match["line"])
        return CompilerMessage(path, number, "error", match["text"], number in added.get(path, frozenset()))
    if match := _MAKE.match(line):
        return CompilerMessage("", 0, "error", match["text"])
    return None


def _severity(word: str) -> str:
    return "warning" if word.lower() == "warning" else "error"


def relative(path: str, tree: Path) -> str:
    """``path`` as seen from the root of the tree: kbuild prints it absolute or from the object directory."""
    return path.removeprefix(f"{tree}/").removeprefix("./")
