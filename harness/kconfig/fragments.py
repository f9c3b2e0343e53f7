# SPDX-License-Identifier: GPL-2.0-only
"""Reading ``kernel-configs/*.config``, and the ``kernel.config`` of suites (``kselftest-wrappers/*/``).

How a fragment is written is told at the top of ``base.config``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.architecture import ARCHITECTURE
from harness.errors import UserError
from harness.model import SymbolRequest
from harness.paths import KERNEL_CONFIGS, WRAPPERS

_BASE = "base.config"
_OPTION = re.compile(r'CONFIG_(\w+)=([ymn]|-?\d+|0x[0-9a-fA-F]+|"[^"]*")')
_NOT_SET = re.compile(r"# CONFIG_(\w+) is not set")


@dataclass(frozen=True)
class _Strength:
    required: bool
    if_present: bool = False


_WORDS = {
    "required": _Strength(required=True),
    "optional": _Strength(required=False),
    "where it exists": _Strength(required=False, if_present=True),
}


def load_fragments(
    names: Iterable[str] | None = None, directory: Path = KERNEL_CONFIGS, extra: Iterable[Path] = ()
) -> tuple[SymbolRequest, ...]:
    """Requests of ``base.config``, of the architecture, of the features ``names`` (default: all) and of ``extra``, in
    this order.

    What a suite needs is a feature by the name of its folder, which lies beside ``directory``.

    Raises ``UserError`` for an unknown feature, a line that is no option, or two files that contradict each other.
    """
    known = {path.stem: path for path in sorted((directory / "features").glob("*.config"))}
    of_suites = sorted((directory.parent / WRAPPERS.name).glob("*/kernel.config"))
    known |= {path.parent.name: path for path in of_suites}
    wanted = tuple(known) if names is None else tuple(names)
    for name in wanted:
        if name not in known:
            raise UserError("no such feature", where=name, hint=f"choose from {', '.join(known)}")
    files = [directory / _BASE, directory / ARCHITECTURE.config, *(known[name] for name in wanted), *extra]
    return merge(request for path in files for request in parse_fragment(path, directory))


def parse_fragment(path: Path, directory: Path) -> Iterator[SymbolRequest]:
    """The options of one fragment. ``directory``: what origins are shown relative to (its parent)."""
    shown = path.relative_to(directory.parent) if path.is_relative_to(directory.parent) else path
    default = _Strength(required=path.name in (_BASE, ARCHITECTURE.config))
    reason: list[str] = []
    in_comment = False
    for number, raw in enumerate(_read(path).splitlines(), start=1):
        line = raw.strip()
        option = _parse_option(line)
        if option is not None:
            in_comment = False
            yield _request(option, f"{shown}:{number}", " ".join(reason), default)
        elif line.startswith("#"):
            # A comment that follows an option starts a new reason.
            reason = [*(reason if in_comment else []), line.lstrip("# ")]
            in_comment = True
        elif not line:
            reason, in_comment = [], False
        else:
            raise UserError(f"not an option: {line}", where=f"{shown}:{number}", hint="write CONFIG_NAME=value")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot be read ({error})", where=str(path)) from error


def _parse_option(line: str) -> tuple[str, str] | None:
    if match := _OPTION.fullmatch(line):
        return match[1], match[2]
    if match := _NOT_SET.fullmatch(line):
        return match[1], "n"
    return None


def _request(option: tuple[str, str], origin: str, reason: str, default: _Strength) -> SymbolRequest:
    symbol, value = option
    word, colon, rest = reason.partition(":")
    strength = _WORDS.get(word) if colon else None
    text = rest.strip() if strength else reason
    chosen = strength or default
    return SymbolRequest(symbol, value, origin, text, chosen.required, chosen.if_present)


def merge(requests: Iterable[SymbolRequest]) -> tuple[SymbolRequest, ...]:
    """Each symbol once. Two fragments may ask for the same value; asking for different ones is an error."""
    seen: dict[str, SymbolRequest] = {}
    for request in requests:
        other = seen.setdefault(request.symbol, request)
        if other.value != request.value:
            raise UserError(
                f"CONFIG_{request.symbol}={request.value} contradicts CONFIG_{other.symbol}={other.value}"
                f" of {other.origin}",
                where=request.origin,
                hint="remove one of the two",
            )
        if request.required and not other.required:
            seen[request.symbol] = request
    return tuple(seen.values())
