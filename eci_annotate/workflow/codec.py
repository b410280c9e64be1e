"""Canonical JSON (sorted keys, no whitespace, UTC), and conversion of dataclasses by their type hints.

Digests, seals and stored events all depend on `canonical`; changing it changes every digest.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from eci_annotate.errors import Tampered

T = TypeVar("T")
Json = Any
Record = dict[str, Any]


def canonical(value: Json) -> bytes:
    """Return the canonical JSON of `value` in UTF-8; raises ValueError for NaN and infinities."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def contains(value: Json, words: Sequence[str]) -> bool:
    """Return whether the canonical JSON of `value` contains each of these words."""
    text = canonical(value).decode() if words else ""
    return all(word in text for word in words)


def parse(content: bytes, what: str) -> Json:
    """Return the JSON value of stored bytes; raises Tampered, naming `what`, if they are not JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Tampered(f"{what} is damaged.", "Restore it from a backup.") from error


class RepeatedName(ValueError):
    """A name occurs twice in a JSON object; of its values another program may read the other one."""


def object_once(pairs: Iterable[tuple[str, Json]]) -> Record:
    """Build a JSON object, as `object_pairs_hook` of `json.loads`; RepeatedName names a key that occurs twice."""
    found: Record = {}
    for key, value in pairs:
        if key in found:
            raise RepeatedName(f"{key!r} is written twice in one place")
        found[key] = value
    return found


def digest(content: bytes) -> str:
    """Return the SHA-256 of `content` as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def stamp(when: datetime) -> str:
    """Return `when` in UTC with microseconds, as stored: ``2026-01-01T00:30:00.000000Z``."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_json(value: object) -> Json:
    """Convert dataclasses, tuples and times to plain JSON values."""
    match value:
        case datetime():
            return stamp(value)
        case StrEnum():
            return value.value
        case Mapping():
            return {str(key): to_json(each) for key, each in value.items()}
        case tuple() | list():
            return [to_json(each) for each in value]
        case _ if is_dataclass(value):
            return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    return value


def from_json(kind: type[T], value: Json) -> T:
    """Return the `kind` from which `to_json` made this value.

    Raises
    ------
    Tampered
        If the stored value does not have the shape of `kind`: it is damaged, or was written by a newer release.
    """
    try:
        result: T = _read(kind, value)
    except _NewField as error:
        what = f"A stored {error} has a part that this release does not know: it was written by a newer release."
        raise Tampered(what, "Update eci_annotate.") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Tampered(f"A stored {kind.__name__} is damaged.", "Restore it from a backup.") from error
    return result


Reader = Callable[[Json], Any]


class _NewField(Exception):
    """A stored value of this name has a field that no class of this release has."""


def _read(kind: Any, value: Json) -> Any:
    return _reader(kind)(value)


@cache
def _reader(kind: Any) -> Reader:
    """Return the reader for values of a kind; cached, since one page of a list reads thousands of values."""
    origin, kinds = get_origin(kind), get_args(kind)
    if kind is datetime:
        return _time
    if origin is tuple:
        return _tuple_reader(kinds)
    if origin in (dict, Mapping):
        each = _late(kinds[1])
        return lambda value: {key: each(found) for key, found in value.items()}
    if origin in (types.UnionType, Union):
        inner = _late(next(each for each in kinds if each is not type(None)))
        return lambda value: None if value is None else inner(value)
    if is_dataclass(kind):
        return lambda value: _read_dataclass(kind, value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    return _PLAIN.get(kind, lambda value: value)


def _late(kind: Any) -> Reader:
    """Return a reader that is created on first use, because kinds may contain themselves."""
    return lambda value: _reader(kind)(value)


def _time(value: Json) -> datetime:
    """Parse a time exactly as `stamp` writes it, and in no other form."""
    if type(value) is not str or len(value) != 27 or value[-1] != "Z" or value[10] != "T":
        raise ValueError(value)
    return datetime.fromisoformat(value)


def _typed(kind: type, *more: type) -> Reader:
    def read(value: Json) -> Any:
        if type(value) not in (kind, *more):
            raise TypeError(kind)
        return value

    return read


_PLAIN: dict[Any, Reader] = {str: _typed(str), int: _typed(int), bool: _typed(bool), float: _typed(float, int)}


def _tuple_reader(kinds: tuple[Any, ...]) -> Reader:
    if kinds[-1] is Ellipsis:
        each = _reader(kinds[0]) if not is_dataclass(kinds[0]) else _late(kinds[0])
        return lambda value: tuple([each(found) for found in value])
    readers = [_late(kind) for kind in kinds]
    return lambda value: tuple(read(found) for read, found in zip(readers, value, strict=True))


def _read_dataclass(kind: Any, value: Json) -> Any:
    readers, needed = _fields(kind)
    if not needed <= value.keys():
        raise KeyError(kind.__name__)
    if not value.keys() <= readers.keys():
        raise _NewField(kind.__name__)
    return kind(**{key: readers[key](found) for key, found in value.items()})


@cache
def _fields(kind: Any) -> tuple[dict[str, Reader], frozenset[str]]:
    hints = get_type_hints(kind)
    bare = (f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)
    return {field.name: _reader(hints[field.name]) for field in fields(kind)}, frozenset(bare)
