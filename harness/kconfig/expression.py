# SPDX-License-Identifier: GPL-2.0-only
"""Kconfig's dependency expressions (Documentation/kbuild/kconfig-language.rst, "Menu dependencies")."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TOKEN = re.compile(r'\s*(\$\([^()]*(?:\([^()]*\)[^()]*)*\)|&&|\|\||!=|<=|>=|[!=<>()]|"[^"]*"|\'[^\']*\'|[\w.-]+)')
_RANK = {"n": 0, "m": 1, "y": 2}


def unmet(expression: str, config: Mapping[str, str]) -> list[str]:
    """The parts of ``expression``, joined by its top-level ``&&``, that are "n" in ``config``; empty if it holds."""
    return [_text(part) for part in _conjuncts(_tokens(expression)) if _Evaluation(part, config).value() == 0]


def _tokens(expression: str) -> list[str]:
    return _TOKEN.findall(expression)


def _conjuncts(tokens: list[str]) -> list[list[str]]:
    """Operands of the top-level ``&&``, through parentheses; an alternative of conjunctions stays whole."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if depth == 0 and token == "||":
            return [tokens]
        if depth == 0 and token == "&&":
            parts.append([])
        else:
            parts[-1].append(token)
    if len(parts) == 1:
        return _conjuncts(tokens[1:-1]) if _enclosed(tokens) else [tokens]
    return [operand for part in parts for operand in _conjuncts(part)]


def _enclosed(tokens: list[str]) -> bool:
    """True for "( ... )" where the two belong together. The operands are free of top-level operators here."""
    return len(tokens) > 2 and tokens[0] == "(" and tokens[-1] == ")"


def _text(tokens: list[str]) -> str:
    return " ".join(tokens).replace("( ", "(").replace(" )", ")").replace("! ", "!")


class _Evaluation:
    """Recursive descent over the tokens; values are 0 (n), 1 (m), 2 (y)."""

    def __init__(self, tokens: list[str], config: Mapping[str, str]) -> None:
        self._tokens = tokens
        self._config = config
        self._at = 0

    def value(self) -> int:
        result = self._and()
        while self._accept("||"):
            result = max(result, self._and())
        return result

    def _and(self) -> int:
        result = self._not()
        while self._accept("&&"):
            result = min(result, self._not())
        return result

    def _not(self) -> int:
        if self._accept("!"):
            return 2 - self._not()
        if self._accept("("):
            result = self.value()
            self._accept(")")
            return result
        return self._comparison()

    def _comparison(self) -> int:
        left = self._next()
        for operator in ("=", "!=", "<", "<=", ">", ">="):
            if self._accept(operator):
                return 2 if self._compare(left, operator, self._next()) else 0
        if left.startswith("$("):
            return 2  # what the compiler or the shell answered is not known here: never the one to blame
        return _RANK.get(self._lookup(left), 0)

    def _compare(self, left: str, operator: str, right: str) -> bool:
        a, b = self._lookup(left), self._lookup(right)
        if operator in ("=", "!="):
            return (a == b) == (operator == "=")
        try:
            x, y = int(a, 0), int(b, 0)
        except ValueError:
            return True
        return {"<": x < y, "<=": x <= y, ">": x > y, ">=": x >= y}[operator]

    def _lookup(self, token: str) -> str:
        if token in _RANK or token[:1] in "\"'" or token.lstrip("-")[:1].isdigit():
            return token.strip("\"'")
        return self._config.get(token, "n").strip('"')

    def _accept(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1] if self._at <= len(self._tokens) else "y"
