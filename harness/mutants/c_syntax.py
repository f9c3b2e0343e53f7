# SPDX-License-Identifier: GPL-2.0-only
"""C as the kernel writes it, as a syntax tree: functions, calls, loops that are macros, and what is left alone.

tree-sitter's grammar knows no macros. ``list_for_each_entry(...) { }`` comes out as a statement that lacks its
semicolon, with a block after it; ``static int __init f(void)`` has an error node where ``__init`` stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

# What prints, and what looks after the caller: a mistake there is none that tests of behaviour are there to see.
_LOGGING = re.compile(
    r"(?:pr|dev|drm|net|netdev|DRM|seq)_(?:\w*_)?(?:dbg|debug|info|notice|warn|err|crit|emerg|alert)\w*"
)
_MORE_LOGGING = re.compile(
    r"_?printk\w*|trace_\w+|DRM_\w*(?:DEBUG|ERROR|INFO|WARN)\w*|dump_stack|DMA_FENCE_(?:TRACE|WARN|ERR)"
)
_ASSERTION = re.compile(
    r"(?:VM_|RCU_LOCKDEP_|DRM_|drm_)?(?:WARN|BUG)(?:_ON)?(?:_ONCE|_RATELIMIT)?|might_(?:sleep|lock|fault|alloc)\w*|"
    r"lockdep_\w+|\w*assert\w*|BUILD_BUG\w*|KUNIT_\w+|cant_sleep|__(?:acquire|release)s?"
)
# Macros that declare something, or whose arguments are no expressions.
_DECLARING = re.compile(r"guard|class|scoped_\w+|DEFINE_\w+|DECLARE_\w+|\w+_HEAD|XA_STATE\w*|\w*DEFINE\w*|CLASS")
_EXPRESSION_MACROS = frozenset(
    [
        "IS_ERR",
        "IS_ERR_OR_NULL",
        "PTR_ERR",
        "ERR_PTR",
        "ERR_CAST",
        "PTR_ERR_OR_ZERO",
        "READ_ONCE",
        "WRITE_ONCE",
        "PAGE_ALIGN",
        "IS_ALIGNED",
        "ALIGN",
        "DIV_ROUND_UP",
    ]
)
_UPPER = re.compile(r"[A-Z][A-Z0-9_]*")
_UNTOUCHED = frozenset(
    [
        "ERROR",
        "initializer_list",
        "sizeof_expression",
        "alignof_expression",
        "offsetof_expression",
        "gnu_asm_expression",
        "array_declarator",
        "preproc_def",
        "preproc_function_def",
        "preproc_call",
        "type_descriptor",
        "comment",
    ]
)
# What runs once, while the kernel boots or a module comes and goes: no test can choose a mutant for it.
_ONCE = re.compile(rb"\b(?:__init|__exit|__cold|noinstr)\b")


@dataclass(frozen=True)
class Function:
    """``types``: name of a parameter or local variable -> its type, as text ("struct dma_buf *")."""

    name: str
    body: Node
    types: dict[str, str] = field(default_factory=dict)


def parse(source: bytes) -> Node:
    """The root of the tree. Whatever ``source`` is, there is one: what is no C is an error node."""
    return _parser().parse(source).root_node


@cache
def _parser() -> Parser:
    import tree_sitter_c  # noqa: PLC0415 - only who looks at C pays for it
    from tree_sitter import Language, Parser  # noqa: PLC0415

    return Parser(Language(tree_sitter_c.language()))


def text(node: Node | None) -> str:
    """The source of ``node``; "" for None."""
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""


def functions(root: Node) -> Iterator[Function]:
    """The functions whose bodies tests can reach."""
    for node in _definitions(root):
        body, declarator = node.child_by_field_name("body"), node.child_by_field_name("declarator")
        if body is None or declarator is None or _ONCE.search(node.text or b"", 0, body.start_byte - node.start_byte):
            continue
        yield Function(_declared(declarator), body, dict(_types(declarator, body)))


def _definitions(node: Node) -> Iterator[Node]:
    """Also those inside #if."""
    for child in node.named_children:
        if child.type == "function_definition":
            yield child
        elif child.type.startswith(("preproc_if", "preproc_el")):
            yield from _definitions(child)


def _declared(declarator: Node) -> str:
    """The name that a declarator declares: of "*f(int a)" it is "f"."""
    inner: Node | None = declarator
    while inner is not None and inner.type not in ("identifier", "field_identifier"):
        inner = inner.child_by_field_name("declarator")
    return text(inner)


def _types(declarator: Node, body: Node) -> Iterator[tuple[str, str]]:
    for node in (*descend(declarator), *descend(body)):
        if node.type not in ("parameter_declaration", "declaration"):
            continue
        kind = " ".join(text(node.child_by_field_name("type")).split())
        for own in node.children_by_field_name("declarator"):
            stars = text(own).partition("=")[0].count("*")
            if name := _declared(
                own.child_by_field_name("declarator") or own if own.type == "init_declarator" else own
            ):
                yield name, f"{kind} {'*' * stars}".strip()


def descend(node: Node) -> Iterator[Node]:
    """``node`` and all named nodes below it."""
    yield node
    for child in node.named_children:
        yield from descend(child)


def mutable(node: Node) -> Iterator[Node]:
    """``node`` and what is below it, without what is left alone (see the head of this file and the patterns in it)."""
    if _is_untouched(node):
        return
    yield node
    value = node.child_by_field_name("value") if node.type == "case_statement" else None
    for child in node.named_children:
        if child != value:
            yield from mutable(child)


def _is_untouched(node: Node) -> bool:
    if node.type in _UNTOUCHED:
        return True
    if node.type == "call_expression":
        return _is_untouched_call(node)
    if node.type == "expression_statement" and not is_head(node):
        inner = expression(node)
        return not is_statement(node) or (inner is not None and called(inner) != "" and _is_untouched_call(inner))
    if node.type == "declaration":
        return any(text(child) == "static" for child in node.children if child.type == "storage_class_specifier")
    if node.type == "if_statement":  # if (WARN_ON(...)) return -EINVAL;
        condition = node.child_by_field_name("condition")
        return condition is not None and any(is_assertion(one) for one in descend(condition))
    return False


def _is_untouched_call(call: Node) -> bool:
    name = called(call)
    if not name and (function := call.child_by_field_name("function")) is not None:
        return function.type == "call_expression"  # guard(mutex)(&lock)
    macro = _UPPER.fullmatch(name) is not None and name not in _EXPRESSION_MACROS
    return macro or is_loop(name) or is_logging(name) or is_assertion(call) or bool(_DECLARING.fullmatch(name))


def called(node: Node | None) -> str:
    """The function or method that a call expression calls ("move_notify"); "" for anything else."""
    if node is None or node.type != "call_expression":
        return ""
    function = node.child_by_field_name("function")
    if function is not None and function.type == "field_expression":
        function = function.child_by_field_name("field")
    return text(function) if function is not None and function.type.endswith("identifier") else ""


def is_logging(name: str) -> bool:
    return bool(_LOGGING.fullmatch(name) or _MORE_LOGGING.fullmatch(name))


def is_assertion(node: Node) -> bool:
    """A call that complains of the caller's mistakes."""
    return bool(_ASSERTION.fullmatch(called(node)))


def is_loop(name: str) -> bool:
    """A macro that is the head of a loop."""
    return "for_each" in name


def is_statement(node: Node | None) -> bool:
    """An expression statement that was read right: with its semicolon, and not a macro loop with its body as one.

    ``list_for_each_entry(a, b, c)`` before ``x = y;`` comes out as one assignment with an error in it.
    """
    if node is None or node.type != "expression_statement" or node.has_error:
        return False
    return not any(is_loop(called(one)) for one in descend(node))


def is_head(node: Node | None) -> bool:
    """A macro call with a block or a statement behind it that belongs to it."""
    return node is not None and node.type == "expression_statement" and any(one.is_missing for one in node.children)


def expression(statement: Node) -> Node | None:
    """What an expression statement evaluates."""
    return next((child for child in statement.named_children if child.type != "comment"), None)


def neighbour(node: Node, *, after: bool) -> Node | None:
    """The statement beside ``node`` in the same block, past comments."""
    beside = node.next_named_sibling if after else node.prev_named_sibling
    while beside is not None and beside.type == "comment":
        beside = beside.next_named_sibling if after else beside.prev_named_sibling
    return beside


def enclosing(node: Node) -> str:
    """What a ``break`` at ``node`` leaves: "loop", "switch", or ""."""
    inner, outer = node, node.parent
    while outer is not None and outer.type != "function_definition":
        if outer.type in ("for_statement", "while_statement", "do_statement"):
            return "loop"
        if outer.type == "switch_statement":
            return "switch"
        head = neighbour(inner, after=False)
        if is_head(head) and head is not None and is_loop(called(expression(head))):
            return "loop"
        inner, outer = outer, outer.parent
    return ""
