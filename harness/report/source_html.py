# SPDX-License-Identifier: GPL-2.0-only
"""Source files on a page, each line with a mark and a word: what tests reach. The page needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.html import templates


@dataclass(frozen=True)
class SourceLine:
    """``mark``: "ran", "partly" (not all ways out of it), "never", or empty for what cannot run. ``note``: by whom."""

    number: int
    text: str
    mark: str = ""
    note: str = ""


@dataclass(frozen=True)
class SourceFile:
    """``counts``: what the head of the page says of it, in the order of ``SourcePage.columns``."""

    path: str
    counts: tuple[str, ...]
    lines: tuple[SourceLine, ...]


@dataclass(frozen=True)
class SourcePage:
    """``facts``: (label, text) for the top."""

    title: str
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    files: tuple[SourceFile, ...]


def render_source(page: SourcePage) -> str:
    """The page, as HTML."""
    return templates().get_template("source.html.j2").render(page=page)
