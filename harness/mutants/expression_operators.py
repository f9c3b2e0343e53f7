# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes within an expression: conditions, comparisons, sums, error codes, arguments, flags."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.mutants.c_syntax import called, descend, is_statement, text
from harness.mutants.mutation import Mutation
from harness.mutants.sites import Site

if TYPE_CHECKING:
    from tree_sitter import Node

_RELATIONAL = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "%": "/", "<<": ">>", ">>": "<<"}
_LOGICAL = {"&&": "||", "||": "&&"}
_ERROR = re.compile(r"E[A-Z][A-Z0-9]+")
_RESULTS = frozenset(("ret", "err", "error", "r", "rc", "result", "status"))
_FLAG = re.compile(r"[A-Z_][A-Z0-9_]*|__[A-Z0-9_]+")
# Both arguments mean the same to these.
_SYMMETRIC = frozenset(("min", "max", "swap", "likely", "unlikely"))


def condition_changed(site: Site) -> Iterator[Mutation]:
    """The condition of an if, or an operand of && and ||: turned round, always true, never true."""
    for condition in _conditions(site.node):
        if _is_configuration(condition):
            continue
        yield site.condition("condition-negated", condition, f"!({text(condition)})")
        yield site.condition("condition-true", condition, "1")
        yield site.condition("condition-false", condition, "0")


def _conditions(node: Node) -> Iterator[Node]:
    if node.type == "if_statement" and (held := node.child_by_field_name("condition")) is not None:
        yield from held.named_children[:1]
    elif node.type == "conditional_expression" and (held := node.child_by_field_name("condition")) is not None:
        yield held.named_children[0] if held.type == "parenthesized_expression" and held.named_children else held
    elif node.type == "binary_expression" and _operator(node) in _LOGICAL:
        yield from (side for side in (_left(node), _right(node)) if side is not None)


def _is_configuration(condition: Node) -> bool:
    """What the compiler decides: the other branch need not even link."""
    return any(called(one) in ("IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE") for one in descend(condition))


def operator_changed(site: Site) -> Iterator[Mutation]:
    """A comparison, a sum or a logical operator that is another one."""
    node = site.node
    if node.type != "binary_expression":
        return
    sign = _operator(node)
    for name, table in (("relational", _RELATIONAL), ("arithmetic", _ARITHMETIC), ("logical", _LOGICAL)):
        if sign in table and not (sign in ("==", "!=") and _is_negated_anyway(node)):
            changed = _with_operator(site, node, table[sign])
            if name == "arithmetic":
                yield site.expression("arithmetic-operator", node, changed)
            else:
                yield site.condition(f"{name}-operator", node, changed)


def _is_negated_anyway(node: Node) -> bool:
    """``a == b`` that is a whole condition: ``a != b`` is its negation."""
    outer = node.parent
    while outer is not None and outer.type == "parenthesized_expression":
        node, outer = outer, outer.parent
    return outer is not None and (outer.type == "if_statement" or _operator(outer) in _LOGICAL)


def off_by_one(site: Site) -> Iterator[Mutation]:
    """One more or one less: in a sum with a number, and where a loop begins."""
    node = site.node
    if node.type == "binary_expression" and _operator(node) in ("+", "-"):
        for side in (_left(node), _right(node)):
            if side is not None and (number := _number(side)) is not None:
                yield site.expression("off-by-one", side, str(0 if number == 1 else number + 1))
    if node.type == "for_statement":
        begin = node.child_by_field_name("initializer")
        for one in descend(begin) if begin is not None else ():
            if one.type == "number_literal" and _number(one) is not None:
                yield site.expression("off-by-one", one, str((_number(one) or 0) + 1))


def _number(node: Node) -> int | None:
    return int(text(node)) if node.type == "number_literal" and text(node).isdigit() else None


def error_changed(site: Site) -> Iterator[Mutation]:
    """An error code that is another one, or none."""
    node = site.node
    if node.type == "unary_expression" and text(node).startswith("-") and _ERROR.fullmatch(text(node)[1:].strip()):
        yield site.expression("error-replaced", node, "-EINVAL" if text(node) == "-EIO" else "-EIO")
        if node.parent is not None and node.parent.type in ("return_statement", "assignment_expression"):
            yield site.expression("error-cleared", node, "0")
    if node.type == "return_statement" and node.named_children and text(node.named_children[0]) in _RESULTS:
        yield site.expression("error-cleared", node.named_children[0], "0")
    if node.type == "return_statement" and called(_first(node)) in ("PTR_ERR", "PTR_ERR_OR_ZERO"):
        yield site.expression("error-cleared", node.named_children[0], "0")


def arguments_exchanged(site: Site) -> Iterator[Mutation]:
    """Two arguments beside each other that have one type, each in the other's place."""
    node = site.node
    arguments = node.child_by_field_name("arguments") if node.type == "call_expression" else None
    if arguments is None or called(node) in _SYMMETRIC:
        return
    given = [one for one in arguments.named_children if one.type != "comment"]
    for first, second in pairwise(given):
        kinds = [site.function.types.get(text(one)) for one in (first, second)]
        if kinds[0] is None or kinds[0] != kinds[1] or text(first) == text(second):
            continue
        changed = site.without(node, second, text(first))
        start, end = first.start_byte - node.start_byte, first.end_byte - node.start_byte
        changed = changed[:start] + text(second).encode() + changed[end:]
        if is_statement(node.parent) and node.parent is not None:
            yield site.statement("arguments-exchanged", node.parent, changed + b";")
        else:
            yield site.expression("arguments-exchanged", node, changed)


def flag_left_out(site: Site) -> Iterator[Mutation]:
    """One of several flags that is missing."""
    node = site.node
    if node.type != "binary_expression" or _operator(node) != "|":
        return
    left, right = _left(node), _right(node)
    if left is None or right is None:
        return
    if _FLAG.fullmatch(text(right)):
        yield site.expression("flag-left-out", node, text(left))
    if _FLAG.fullmatch(text(left)):
        yield site.expression("flag-left-out", node, text(right))


def _first(node: Node) -> Node | None:
    return node.named_children[0] if node.named_children else None


def _operator(node: Node) -> str:
    return text(node.child_by_field_name("operator")) if node.type == "binary_expression" else ""


def _left(node: Node) -> Node | None:
    return node.child_by_field_name("left")


def _right(node: Node) -> Node | None:
    return node.child_by_field_name("right")


def _with_operator(site: Site, node: Node, sign: str) -> bytes:
    operator = node.child_by_field_name("operator")
    return site.without(node, operator, sign) if operator is not None else node.text or b""
