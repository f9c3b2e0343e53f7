# SPDX-License-Identifier: GPL-2.0-only
"""``format=flowed`` (RFC 3676) undone: the blank put before lines, and the wrapping of long ones, quoted or not."""

from __future__ import annotations


def unflowed(text: bytes, delsp: bool = False) -> bytes:
    """``text`` as it was. ``delsp``: the blank at which a line was wrapped is not its own.

    A quote mark and one blank stand before a quoted line afterwards, whatever stood there.
    """
    joined: list[tuple[int, list[bytes]]] = []
    flows = False
    for raw in text.replace(b"\r\n", b"\n").split(b"\n"):
        rest = raw.lstrip(b">")
        depth = len(raw) - len(rest)
        content = rest[1:] if rest.startswith(b" ") else rest
        if flows and joined[-1][0] == depth and content != b"-- ":
            last = joined[-1][1]
            if delsp:
                last[-1] = last[-1][:-1]
            last.append(content)
        else:
            joined.append((depth, [content]))
        # A line of blanks only is an empty context line of a patch, and "-- " the signature's mark.
        # So is a line of quote marks with blanks between, which the RFC does not know.
        flows = content.endswith(b" ") and content.strip(b"> ") not in (b"", b"--")
    return b"\n".join(b">" * depth + (b" " if depth else b"") + b"".join(parts) for depth, parts in joined)
