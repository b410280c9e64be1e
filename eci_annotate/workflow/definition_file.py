"""Files of a use case, read strictly: what one program skips and another one keeps is refused, with its place.

YAML and JSON allow a name to be written twice, of which the last one counts in silence; values that no JSON holds; and
a few lines that unfold to gigabytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.codec import object_once

MOST_BYTES, MOST_VALUES, DEEPEST = 1_000_000, 100_000, 32

if TYPE_CHECKING:
    Loader = yaml.SafeLoader
else:  # libyaml's parser, where PyYAML was built with it: the same values in an eighth of the time
    Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_definition(path: Path) -> Any:
    """Read a YAML or JSON file of a use case; what it holds can be written as JSON.

    Raises
    ------
    BadUseCase
        Names the file and the place: it is missing, too large, no UTF-8, has a fault of syntax, a name twice, or a
        value that JSON does not have.
    """
    text = read_text(path)
    try:
        content = json.loads(text, object_pairs_hook=object_once) if path.suffix == ".json" else yaml.load(text, _Once)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _unreadable(path, f"line {mark.line + 1}: {error.problem}" if mark else "") from error
    except json.JSONDecodeError as error:
        raise _unreadable(path, f"line {error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise _unreadable(path, "its values are nested too deeply") from error
    except (ValueError, yaml.YAMLError) as error:
        raise _unreadable(path, str(error).splitlines()[0]) from error
    _Values(path.name).check(content, "", DEEPEST)
    return content


def read_text(path: Path) -> str:
    """Read a text file of a use case, of at most 1 MB.

    Raises
    ------
    BadUseCase
        It is missing, too large, no UTF-8, or a link to a file elsewhere.
    """
    require_inside(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadUseCase(f"{path.name} is too large.", f"Use at most {MOST_BYTES // 1_000_000} MB.")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadUseCase(f"{path.name} is not UTF-8 (byte {error.start}).", "Save it as UTF-8.") from None
    except FileNotFoundError as error:
        raise BadUseCase(f"{path.name} is missing.", "A use case is a folder with three files.") from error
    except OSError as error:
        raise BadUseCase(f"{path.name} cannot be read.", "Make it a file that you may read.") from error


def require_inside(path: Path) -> None:
    """Refuse a link that leads out of the folder: its target would be published; BadUseCase names it."""
    if not path.resolve().is_relative_to(path.parent.resolve()):
        raise BadUseCase(f"{path.name} is a link to a file outside the folder.", "Put the file itself there.")


def _unreadable(path: Path, why: str) -> BadUseCase:
    return BadUseCase(f"{path.name} cannot be read{f' ({why})' if why else ''}.", "Correct its syntax.")


def repeated_key(node: yaml.MappingNode) -> yaml.ScalarNode | None:
    """Return the first key of a YAML mapping that occurred before; None if each occurs once."""
    seen: set[str] = set()
    for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
        if key.value in seen:
            return key
        seen.add(key.value)
    return None


class _Once(Loader):
    """YAML with each key once in one place; dates are text."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if key := repeated_key(node):
            problem = f"{key.value!r} is written twice in one place"
            raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
        return super().construct_mapping(node, deep)


_Once.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in Loader.yaml_implicit_resolvers.items()
}


class _Values:
    """Counts values, also those that are written once and named many times."""

    def __init__(self, file: str) -> None:
        self.file, self.left = file, MOST_VALUES

    def check(self, value: Any, place: str, deepest: int) -> None:
        self.left -= 1
        if self.left < 0 or deepest < 0:
            raise self._bad(place, "its values are too many" if self.left < 0 else "its values are nested too deeply")
        match value:
            case Mapping():
                for key, each in value.items():
                    self._check_key(key, place)
                    self.check(each, f"{place}/{key}", deepest - 1)
            case list():
                for number, each in enumerate(value):
                    self.check(each, f"{place}/{number}", deepest - 1)
            case str():
                self._check_text(value, place)
            case float() if not isfinite(value):
                raise self._bad(place, "this is no finite number")
            case bool() | int() | float() | None:
                pass
            case _:
                raise self._bad(place, "this is neither text, number, list nor mapping")

    def _check_key(self, key: Any, place: str) -> None:
        if not isinstance(key, str):
            raise self._bad(place, f"the name {key!r} is no text; put it in quotes")
        self._check_text(key, place)

    def _check_text(self, text: str, place: str) -> None:
        if any("\ud800" <= each <= "\udfff" or each == "\0" for each in text):
            raise self._bad(place, "a text has a character that cannot be stored")

    def _bad(self, place: str, why: str) -> BadUseCase:
        return BadUseCase(f"{self.file}, {place.lstrip('/') or 'the whole file'}: {why}.", "Correct it there.")
