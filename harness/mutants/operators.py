# SPDX-License-Identifier: GPL-2.0-only
"""All mutants of a C file: every operator at every place where it applies."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.mutants import c_syntax
from harness.mutants import expression_operators as of_expressions
from harness.mutants import statement_operators as of_statements
from harness.mutants.mutation import EditKind, Mutation
from harness.mutants.sites import Site

Operator = Callable[[Site], Iterator[Mutation]]

OPERATORS: tuple[Operator, ...] = (
    of_statements.dropped,
    of_statements.lock_moved,
    of_statements.jump_changed,
    of_statements.loop_run_once,
    of_expressions.condition_changed,
    of_expressions.operator_changed,
    of_expressions.off_by_one,
    of_expressions.error_changed,
    of_expressions.arguments_exchanged,
    of_expressions.flag_left_out,
)


def mutants_of(path: str, source: bytes) -> tuple[Mutation, ...]:
    """The mutants of the file ``path``, in the order of their lines, each once."""
    found: dict[tuple[object, ...], Mutation] = {}
    for function in c_syntax.functions(c_syntax.parse(source)):
        for node in c_syntax.mutable(function.body):
            site = Site(path, source, function, node)
            for operator in OPERATORS:
                for mutation in operator(site):
                    if can_be_written(source, mutation):
                        found.setdefault(mutation.edits, mutation)
    return tuple(sorted(found.values(), key=lambda one: (one.line, one.edits[0].start, one.operator)))


def can_be_written(source: bytes, mutation: Mutation) -> bool:
    """False where a text that has to stand on one line holds what ends with its line."""
    lines = (line for edit in mutation.edits for line in edit.text.splitlines())
    directives = any(line.lstrip().startswith(b"#") or b"//" in line for line in lines)
    spans = (source[edit.start : edit.end] for edit in mutation.edits if edit.kind is not EditKind.STATEMENT)
    return not directives and not any(b"\n#" in span for span in spans)
