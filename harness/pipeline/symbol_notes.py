# SPDX-License-Identifier: GPL-2.0-only
"""What is to be said of the variants' Kconfig symbols: one that a tree lacks makes its variants one kernel."""

from __future__ import annotations

from collections.abc import Iterator

from harness.intake import added_symbols, removed_symbols
from harness.kconfig import load_history
from harness.pipeline.kernel_set import KernelSet


def symbol_notes(patched: KernelSet, base: KernelSet | None, version: str) -> tuple[str, ...]:
    """One line for each symbol of the variants that is not simply there, and for those that the patch adds."""
    symbols = dict.fromkeys(symbol for run in patched.runs for symbol in run.variant.options)
    notes = [note for symbol in symbols for note in _absence(symbol, patched, base, version)]
    added = [one for one in added_symbols(patched.job.patches) if one not in symbols]
    return (*notes, *(f"the patch adds CONFIG_{one}: --variant-of {one} tests it on and off" for one in added))


def _absence(symbol: str, patched: KernelSet, base: KernelSet | None, version: str) -> Iterator[str]:
    name = f"CONFIG_{symbol}"
    if not _lacks(patched, symbol):
        if base is not None and _lacks(base, symbol):
            yield (
                f"{name} comes with the patch: the base is one kernel, with which each variant is compared; "
                "where that one is on, only what was bad before can be told from what is new"
            )
        return
    history = load_history().get(symbol)
    if symbol in removed_symbols(patched.job.patches):
        yield f"{name} goes with the patch: with it, on and off are one kernel"
    else:
        why = history.why_absent(version) if history is not None else ""
        yield f"{name} is not in this tree{f' ({why})' if why else ''}: on and off are one kernel"


def _lacks(side: KernelSet, symbol: str) -> bool:
    """True if the tree of ``side`` is known not to have ``symbol``."""
    return any(symbol in run.config.unknown for run in side.runs if run.config is not None)
