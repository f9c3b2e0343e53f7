# SPDX-License-Identifier: GPL-2.0-only
"""The values of ``harness.model`` as plain JSON and back, exactly.

The schema is the model itself: a dataclass is an object with its fields as keys, an enum is its value, a path is a
string, a tuple is a list. Only the types that the model uses are known; anything else is an error, bytes above all.
"""

from __future__ import annotations

import enum
import math
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")


class SchemaError(ValueError):
    """Data that does not have the shape of the model. The text names the field ("variants[0].kernel.key")."""


def encode(value: object) -> Any:
    """``value`` as what ``json.dumps`` takes. Raises ``TypeError`` for a type the model does not use."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"{type(value).__name__} has no place in a report")


def decode(kind: type[T], data: object) -> T:
    """A ``kind`` (a dataclass of the model) from what ``encode`` made. Raises ``SchemaError``."""
    return cast(T, _decode(kind, data, ""))


def _decode(kind: Any, data: object, where: str) -> object:
    if typing.get_origin(kind) is not None:
        return _generic(kind, data, where)
    if is_dataclass(kind):
        return _record(cast(type, kind), data, where)
    if issubclass(kind, enum.Enum):
        return _member(kind, data, where)
    if kind is Path:
        return Path(cast(str, _scalar(str, data, where)))
    return _scalar(kind, data, where)


def _generic(kind: Any, data: object, where: str) -> object:
    """``tuple[X, ...]``, ``Mapping[str, X]`` or ``X | None``."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _items(arguments[0], data, where)
    if origin is Mapping:
        return _mapping(arguments[1], data, where)
    some, _none = arguments
    return None if data is None else _decode(some, data, where)


def _record(kind: type, data: object, where: str) -> object:
    table = cast("dict[str, object]", _scalar(dict, data, where))
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}
    unknown = sorted(table.keys() - known.keys())
    if unknown:
        raise SchemaError(f"unknown field {_join(where, unknown[0])}")
    values: dict[str, object] = {}
    for name, field in known.items():
        path = _join(where, name)
        if name in table:
            values[name] = _decode(hints[name], table[name], path)
        elif _is_required(field):
            raise SchemaError(f"{path} is missing")
    return kind(**values)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _member(kind: type[enum.Enum], data: object, where: str) -> enum.Enum:
    try:
        return kind(data)
    except ValueError as error:
        raise SchemaError(f"{where} is {data!r}") from error


def _items(kind: Any, data: object, where: str) -> tuple[object, ...]:
    items = cast("list[object]", _scalar(list, data, where))
    return tuple(_decode(kind, item, f"{where}[{index}]") for index, item in enumerate(items))


def _mapping(kind: Any, data: object, where: str) -> dict[str, object]:
    table = cast("dict[str, object]", _scalar(dict, data, where))
    return {key: _decode(kind, item, f"{where}[{key!r}]") for key, item in table.items()}


def _scalar(kind: type, data: object, where: str) -> object:
    """JSON has one kind of number: a whole one is good for a float. A bool is not good for an int."""
    if kind is float and type(data) is int and abs(data) < 1 << 53:
        data = float(data)
    if type(data) is not kind:
        raise SchemaError(f"{where or 'the report'} is not of type {kind.__name__}")
    if isinstance(data, float) and not math.isfinite(data):  # json takes NaN and Infinity, and no report shows them
        raise SchemaError(f"{where} is not finite")
    return data
