"""One value, one spelling: canonical JSON (sorted keys, no blanks, UTC), and dataclasses by type hints.

Digests, seals and stored events all rest on `canonical`; changing it changes every digest.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from eci_annotate.errors import Tampered

T = TypeVar("T")
Json = Any
Record = dict[str, Any]


def canonical(value: Json) -> bytes:
    """The one JSON spelling of `value`, in UTF-8; NaN and infinities have none and raise ValueError."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def parse(content: bytes, what: str) -> Json:
    """The JSON value of stored bytes; Tampered, naming `what`, when they are none."""
    try:
        return json.loads(content)
    except ValueError as error:
        raise Tampered(f"{what} is damaged.", "Restore it from a backup.") from error


def digest(content: bytes) -> str:
    """SHA-256 of `content`, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def stamp(when: datetime) -> str:
    """`when` in UTC with microseconds, as stored: ``2026-01-01T00:30:00.000000Z``."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_json(value: object) -> Json:
    """Dataclasses, tuples and times as plain JSON values."""
    match value:
        case datetime():
            return stamp(value)
        case Mapping():
            return {str(key): to_json(each) for key, each in value.items()}
        case tuple() | list():
            return [to_json(each) for each in value]
        case _ if is_dataclass(value):
            return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    return value


def from_json(kind: type[T], value: Json) -> T:
    """The `kind` that `to_json` was given.

    Raises
    ------
    Tampered
        The stored value does not have the shape of `kind`; restore it from a backup.
    """
    try:
        result: T = _read(kind, value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Tampered(f"A stored {kind.__name__} is damaged.", "Restore it from a backup.") from error
    return result


def _read(kind: Any, value: Json) -> Any:
    origin = get_origin(kind)
    if kind is datetime:
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    if origin is tuple:
        return _read_tuple(get_args(kind), value)
    if origin in (dict, Mapping):
        return {key: _read(get_args(kind)[1], each) for key, each in value.items()}
    if origin in (types.UnionType, Union):
        inner = next(each for each in get_args(kind) if each is not type(None))
        return None if value is None else _read(inner, value)
    if is_dataclass(kind):
        return _read_dataclass(kind, value)
    if kind in (str, int, bool) and type(value) is not kind:
        raise TypeError(kind)
    if kind is float and type(value) not in (int, float):
        raise TypeError(kind)
    return value


def _read_tuple(kinds: tuple[Any, ...], value: Json) -> tuple[Any, ...]:
    if kinds[-1] is Ellipsis:
        return tuple(_read(kinds[0], each) for each in value)
    return tuple(_read(kind, each) for kind, each in zip(kinds, value, strict=True))


def _read_dataclass(kind: Any, value: Json) -> Any:
    hints, needed = _hints(kind)
    if not needed <= set(value) <= set(hints):
        raise KeyError(kind.__name__)
    return kind(**{key: _read(hints[key], each) for key, each in value.items()})


@cache
def _hints(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    hints = get_type_hints(kind)
    bare = (f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)
    return {field.name: hints[field.name] for field in fields(kind)}, frozenset(bare)
