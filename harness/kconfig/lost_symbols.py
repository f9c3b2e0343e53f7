# SPDX-License-Identifier: GPL-2.0-only
"""Why a requested symbol did not come out as asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.kconfig.expression import unmet
from harness.kconfig.tree import Definition, KconfigTree, read, read_once
from harness.model import ConfigProblem, SymbolRequest


def parse_config(text: str) -> dict[str, str]:
    """``.config`` as symbol -> value, "n" for those that are named as not set."""
    config: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("CONFIG_"):
            symbol, _, value = line.removeprefix("CONFIG_").partition("=")
            config[symbol] = value
        elif line.startswith("# CONFIG_") and line.endswith(" is not set"):
            config[line.removeprefix("# CONFIG_").removesuffix(" is not set")] = "n"
    return config


ABSENT = "not in this tree"


def problems(requests: Iterable[SymbolRequest], text: str, tree: Path, content: str = "") -> tuple[ConfigProblem, ...]:
    """Requests that the ``.config`` in ``text`` does not fulfil, and why.

    The Kconfig files of ``tree`` are only read if something is missing, and once for each ``content`` (git's id).
    """
    config = parse_config(text)
    missing = [request for request in requests if config.get(request.symbol, "n") != request.value]
    if not missing:
        return ()
    known = _read(tree, content)
    return tuple(
        ConfigProblem(request, config.get(request.symbol, "n"), why(request, known, config))
        for request in missing
        if request.symbol in known.definitions or not request.if_present
    )


def unknown(symbols: Iterable[str], text: str, tree: Path, content: str = "") -> tuple[str, ...]:
    """The part of ``symbols`` that the Kconfig files of ``tree`` do not define; ``text``: the ``.config`` they made."""
    config = parse_config(text)
    unseen = [symbol for symbol in symbols if symbol not in config]
    return tuple(symbol for symbol in unseen if symbol not in _read(tree, content).definitions)


def _read(tree: Path, content: str) -> KconfigTree:
    return read_once(tree, content) if content else read(tree)


def why(request: SymbolRequest, known: KconfigTree, config: Mapping[str, str]) -> str:
    """One line. ``config``: the resolved values."""
    definitions = known.definitions.get(request.symbol, [])
    if not definitions:
        return ABSENT
    prompts = [prompt for definition in definitions for prompt in definition.prompts]
    if request.value == "n":
        return _why_on(request.symbol, prompts, known, config)
    return _why_off(definitions, prompts, config)


def _why_off(definitions: Sequence[Definition], prompts: Sequence[str], config: Mapping[str, str]) -> str:
    reasons = [unmet(" && ".join(f"({d})" for d in definition.depends), config) for definition in definitions]
    # A symbol may be defined more than once: one definition that holds is enough.
    if all(reasons):
        return "depends on " + _with_values(min(reasons, key=len), config)
    if not prompts:
        return "cannot be set by hand: other options select it"
    if hidden := _hidden(prompts, config):
        return "can only be set with " + _with_values(hidden, config)
    if any(definition.in_choice for definition in definitions):
        return "another member of its choice was taken"
    return "Kconfig gave it another value"


def _why_on(symbol: str, prompts: Sequence[str], known: KconfigTree, config: Mapping[str, str]) -> str:
    by = sorted(
        {
            select.by
            for select in known.selects
            if select.symbol == symbol and config.get(select.by, "n") != "n" and not unmet(select.condition, config)
        }
    )
    if by:
        return "selected by " + ", ".join(by)
    if hidden := _hidden(prompts, config):
        return "on by default, can only be turned off with " + _with_values(hidden, config)
    return "on by default and cannot be turned off by hand"


def _hidden(prompts: Sequence[str], config: Mapping[str, str]) -> list[str]:
    """What keeps every one of ``prompts`` from being shown; empty if one is."""
    reasons = [unmet(prompt, config) for prompt in prompts]
    return min(reasons, key=len) if reasons and all(reasons) else []


def _with_values(parts: Sequence[str], config: Mapping[str, str]) -> str:
    """["FOO", "BAR || BAZ"] becomes "FOO (n), BAR || BAZ": longer expressions name their symbols themselves."""
    return ", ".join(f"{part} ({config.get(part, 'n')})" if part.isidentifier() else part for part in parts)
