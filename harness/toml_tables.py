# SPDX-License-Identifier: GPL-2.0-only
"""TOML files of the project as dataclasses, strictly: each error names the file, the entry and the key.

The dataclass is the schema: a field is a key, one without a default must be there, and no other key may be. Types:
``str`` (a text that is not empty), ``OneLine`` (its words on one line), ``int``, ``float``, ``bool``, ``date``,
``re.Pattern[str]``, an enum (its value), ``Literal`` (one of those texts), ``tuple[X, ...]`` (a list),
``Mapping[str, X]`` and another dataclass (a table), ``X | None`` (a key that may be left out).
"""

from __future__ import annotations

import enum
import re
import tomllib
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

from harness.errors import UserError

T = TypeVar("T")

OneLine = Annotated[str, "one line"]

_MOST = 4 << 20  # bytes of a file: a device never ends
_NOUNS: dict[type, str] = {str: "text", int: "whole number", float: "number", list: "list", dict: "table"}


def keyed(key: str) -> Mapping[str, str]:
    """Metadata of a dataclass field that is called ``key`` in the file: a keyword of Python, or one of many."""
    return {"key": key}


@dataclass(frozen=True)
class TomlTable:
    """A table of a file. ``where``: the file and the entry, for messages. ``hint``: what to do about a wrong one."""

    content: Mapping[str, object]
    where: str
    hint: str

    def entries(self, key: str) -> Iterator[TomlTable]:
        """Each ``[[key]]`` of a file that holds nothing else, which may be none. Raises ``UserError``."""
        found = self.content.get(key, [])
        if set(self.content) - {key} or not isinstance(found, list):
            raise UserError(f"holds something else than [[{key}]] entries", where=self.where, hint=self.hint)
        for number, entry in enumerate(found, 1):
            where = f"{self.where}, entry {number}"
            if not isinstance(entry, dict):
                raise UserError("not a table", where=where, hint=f"write it as [[{key}]]")
            yield TomlTable(entry, where, self.hint)

    def decode(self, kind: type[T], *, ignored: Collection[str] = (), **given: object) -> T:
        """The table as a ``kind``. ``given``: fields that do not come from the file. ``ignored``: keys that only people
        read. Raises ``UserError``."""
        content = {key: value for key, value in self.content.items() if key not in ignored}
        return cast(T, _record(kind, replace(self, content=content), given))

    def text(self, key: str) -> str:
        """The text ``key``, which must be there: for what must be known before the rest can be decoded."""
        if key not in self.content:
            raise self.refuse(f"{key} is missing")
        return cast(str, _scalar(str, self.content[key], key, self))

    def refuse(self, what: str, hint: str = "") -> UserError:
        """The error that says ``what`` is wrong here."""
        return UserError(what, where=self.where, hint=hint or self.hint)


def read_toml(file: Path, hint: str, shown: str = "") -> TomlTable:
    """The whole of ``file``. ``shown``: its name in messages. Raises ``UserError`` if it cannot be read."""
    where = shown or str(file)
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST + 1)
        if len(content) > _MOST:
            raise UserError(f"larger than {_MOST >> 20} MiB", where=where, hint=hint)
        return TomlTable(tomllib.loads(content.decode("utf-8")), where, hint)
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=where, hint=hint) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"not TOML: {error}", where=where, hint=hint) from error
    except RecursionError as error:
        raise UserError("lists or tables are nested too deeply", where=where, hint=hint) from error


def key_lines(text: str) -> dict[str, int]:
    """Key -> the line, from 1, on which it stands, of a TOML text without tables that can be read."""
    lines, found, start = text.splitlines(), dict[str, int](), 0
    for end in range(1, len(lines) + 1):
        try:
            known = tomllib.loads("\n".join(lines[:end])).keys()
        except tomllib.TOMLDecodeError:
            continue  # in the middle of a value
        says = (number for number in range(start, end) if lines[number].strip()[:1] not in ("", "#"))
        found.update(dict.fromkeys(known - found.keys(), next(says, start) + 1))
        start = end
    return found


def _record(kind: type, table: TomlTable, given: Mapping[str, object]) -> object:
    hints = typing.get_type_hints(kind, include_extras=True)
    known = {_key(one): one for one in fields(kind) if one.name not in given}
    if unknown := sorted(table.content.keys() - known.keys()):
        raise table.refuse(f"unknown key {unknown[0]!r}", f"possible: {', '.join(known)}")
    values = dict(given)
    for key, one in known.items():
        if key in table.content:
            values[one.name] = _value(hints[one.name], table.content[key], key, table)
        elif one.default is MISSING and one.default_factory is MISSING:
            raise table.refuse(f"{key} is missing")
    return kind(**values)


def _key(one: Field[Any]) -> str:
    return str(one.metadata.get("key", one.name))


def _value(kind: Any, data: object, key: str, table: TomlTable) -> object:
    if kind is OneLine:
        return " ".join(cast(str, _scalar(str, data, key, table)).split())
    if is_dataclass(kind):
        content = cast("dict[str, object]", _plain(dict, data, key, table))
        return _record(cast(type, kind), TomlTable(content, f"{table.where}, {key}", table.hint), {})
    if typing.get_origin(kind) is not None:
        return _generic(kind, data, key, table)
    return _scalar(kind, data, key, table)


def _generic(kind: Any, data: object, key: str, table: TomlTable) -> object:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return _one_of(arguments, data, key, table)
    if origin is re.Pattern:
        return _pattern(data, key, table)
    if origin is tuple:
        items = cast("list[object]", _plain(list, data, key, table))
        return tuple(_value(arguments[0], item, f"{key} {number}", table) for number, item in enumerate(items, 1))
    if origin is Mapping:
        pairs = cast("dict[str, object]", _plain(dict, data, key, table))
        return {name: _value(arguments[1], item, f"{key}.{name}", table) for name, item in pairs.items()}
    return _value(next(one for one in arguments if one is not type(None)), data, key, table)  # X | None


def _scalar(kind: type, data: object, key: str, table: TomlTable) -> object:
    if issubclass(kind, enum.Enum):
        return _member(kind, data, key, table)
    if kind is date:
        return _day(data, key, table)
    if kind is float and type(data) is int:
        return float(data)
    if kind is str and isinstance(data, str) and not data.strip():
        raise table.refuse(f"{key} is empty")
    return _plain(kind, data, key, table)


def _plain(kind: type, data: object, key: str, table: TomlTable) -> object:
    """A bool is no number here, though it is one to Python."""
    if type(data) is kind:
        return data
    if kind is bool:
        raise table.refuse(f"{key} is neither true nor false: {data!r}")
    raise table.refuse(f"{key} is no {_NOUNS[kind]}: {data!r}")


def _member(kind: type[enum.Enum], data: object, key: str, table: TomlTable) -> enum.Enum:
    return kind(_one_of([one.value for one in kind], data, key, table))


def _one_of(known: Collection[object], data: object, key: str, table: TomlTable) -> object:
    if data not in known:
        raise table.refuse(f"unknown {key} {data!r}", f"possible: {', '.join(map(str, known))}")
    return data


def _day(data: object, key: str, table: TomlTable) -> date:
    if isinstance(data, date) and not isinstance(data, datetime):
        return data
    try:
        return date.fromisoformat(cast(str, _plain(str, data, key, table)))
    except (UserError, ValueError) as error:
        raise table.refuse(f"{key} is no date: {data}", "write it as YYYY-MM-DD") from error


def _pattern(data: object, key: str, table: TomlTable) -> re.Pattern[str]:
    text = cast(str, _scalar(str, data, key, table))
    try:
        return re.compile(text)
    except re.error as error:
        raise table.refuse(f"{key} is no regular expression: {error}", "correct it") from error
