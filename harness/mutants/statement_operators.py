# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes with whole statements: left out, in the wrong order, the wrong way out of a loop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.mutants.c_syntax import called, descend, enclosing, expression, is_head, is_statement, neighbour
from harness.mutants.mutation import Mutation
from harness.mutants.sites import Site

if TYPE_CHECKING:
    from tree_sitter import Node

# The kind of a call, by its name; the first that fits.
_FAMILIES = (
    ("unlock", re.compile(r"\w*unlock\w*")),
    ("lock", re.compile(r"\w*_lock(?:_\w+)?|\w*_trylock\w*")),
    ("unpin", re.compile(r"\w*unpin\w*")),
    ("put", re.compile(r"\w*_put(?:_\w+)?|put_\w+|fput|\w*_unref|iput|dput")),
    ("get", re.compile(r"\w*_get(?:_\w+)?|get_\w+|\w*_ref")),
    ("list", re.compile(r"h?list_(?:add|del|move|splice|replace)\w*")),
    ("free", re.compile(r"\w*free\w*")),
    ("memset", re.compile(r"memset\w*|memzero\w*|clear_\w+page\w*")),
    ("call", re.compile(r"\w+")),
)
_ASSIGNMENTS = ("assignment_expression", "update_expression")
_MOVABLE = ("if_statement", "for_statement", "while_statement")


def dropped(site: Site) -> Iterator[Mutation]:
    """A call, an assignment or a ``goto`` that is not there."""
    node = site.node
    if node.type == "goto_statement":
        yield site.statement("goto-dropped", node)
    if not is_statement(node) or (inner := expression(node)) is None:
        return
    if inner.type in _ASSIGNMENTS:
        yield site.statement("assignment-dropped", node)
    elif name := called(inner):
        yield site.statement(f"{_family(name)}-dropped", node)


def _family(name: str) -> str:
    return next(family for family, pattern in _FAMILIES if pattern.fullmatch(name))


def lock_moved(site: Site) -> Iterator[Mutation]:
    """A lock that is taken one statement too late, or given back one too early."""
    node = site.node
    if not is_statement(node) or node.parent is None or node.parent.type != "compound_statement":
        return
    family = _family(called(expression(node)) or "none")
    beside = neighbour(node, after=family == "lock")
    if family not in ("lock", "unlock") or beside is None or not _is_movable(beside) or _hangs_on_head(node):
        return
    if family == "lock":
        yield site.moved("lock-late", node, beside.end_byte)
    else:
        yield site.moved("unlock-early", node, beside.start_byte)


def _is_movable(node: Node) -> bool:
    """A statement past which another can be moved: nothing in it is jumped to."""
    if _hangs_on_head(node) or not (is_statement(node) or node.type in _MOVABLE):
        return False
    return all(one.type != "labeled_statement" for one in descend(node))


def _hangs_on_head(node: Node) -> bool:
    return is_head(neighbour(node, after=False))


def jump_changed(site: Site) -> Iterator[Mutation]:
    """``break`` and ``continue`` taken for each other; a ``break`` that is missing in a switch."""
    node = site.node
    if node.type == "continue_statement" and enclosing(node) == "loop":
        yield site.statement("continue-to-break", node, "break;")
    if node.type == "break_statement":
        if enclosing(node) == "loop":
            yield site.statement("break-to-continue", node, "continue;")
        else:
            yield site.statement("break-dropped", node)


def loop_run_once(site: Site) -> Iterator[Mutation]:
    """A loop that ends after its first round."""
    node = site.node
    if node.type in ("for_statement", "while_statement"):
        body = node.child_by_field_name("body")
    elif is_head(node) and "for_each" in called(expression(node)):
        body = neighbour(node, after=True)
    else:
        return
    if body is not None and body.type == "compound_statement":
        yield site.insertion("loop-once", body.end_byte - 1, "break;")
