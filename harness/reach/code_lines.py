# SPDX-License-Identifier: GPL-2.0-only
"""What the compiler sees of each line of a C file: the line without its comments. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Comments, and the literals in which none begins. A backslash at the end of a line goes on with the next.
_PARTS = re.compile(
    r"//(?:\\[^\S\n]*\n|[^\n])*|/\*.*?(?:\*/|\Z)" r'|"(?:\\.|[^"\\\n])*"' r"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)


def code_lines(shown: Mapping[int, str]) -> dict[int, str]:
    """``shown``: number -> line of a file. The same without comments; as they are if it is not shown from its first
    line on without a gap: then nobody knows where a comment begins."""
    if sorted(shown) != list(range(1, len(shown) + 1)):
        return dict(shown)
    text = _PARTS.sub(_without_comment, "\n".join(shown[number] for number in sorted(shown)))
    return dict(enumerate(text.split("\n"), 1))


def _without_comment(part: re.Match[str]) -> str:
    found = part[0]
    return " " + "\n" * found.count("\n") if found.startswith("/") else found


def goes_on(line: str) -> bool:
    """True for a line of which the next is a part; compilers look past white space behind the backslash."""
    return line.rstrip().endswith("\\")
