"""From labels to classes: a label without its trailing number, or a table in a file; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eci_annotate.errors import BadRequest, Refused
from eci_annotate.workflow.definition_file import repeated_key
from eci_annotate.workflow.visible_text import visible_text

_NUMBER = re.compile(r"[\s_#-]*\d+$")
_MOST_CLASSES = 255


@dataclass(frozen=True)
class ClassMap:
    """Which class a label belongs to.

    Parameters
    ----------
    table
        Class by label, in the order of the values; None: the class is the label without its trailing number.
    """

    table: dict[str, str] | None = None

    def class_of(self, label: str) -> str:
        """Return the class of a label; Refused if it has none."""
        text = " ".join(label.split())
        stem = _NUMBER.sub("", text)
        if self.table is None and visible_text(stem):
            return stem
        for name in (text, stem):
            if self.table and name in self.table:
                return self.table[name]
        raise Refused(f"The label {text!r} belongs to no class.", "Name it in the file of --labels.")

    def values(self, classes: Iterable[str], kept: Mapping[str, int] | None = None) -> dict[str, int]:
        """Return the value of each class, from 1: first the `kept` ones, then in the order of the table, else by name.

        Raises
        ------
        Refused
            Two classes look alike, one is called background, or there are too many.
        """
        known = sorted(kept or {}, key=(kept or {}).__getitem__)
        others = list(self.table.values()) if self.table is not None else sorted(set(classes))
        names = list(dict.fromkeys([*known, *others]))
        _require_different(names)
        if any(visible_text(name) == "background" for name in names):
            raise Refused("A class is named background, which is value 0.", "Rename it with --labels.")
        if len(names) > _MOST_CLASSES:
            raise Refused(f"A training set holds at most {_MOST_CLASSES} classes.", "Join classes with --labels.")
        return {name: value for value, name in enumerate(names, 1)}


def _require_different(names: Iterable[str]) -> None:
    """Refuse classes that differ only in case, blanks or how Unicode composes letters: readers meant one."""
    first: dict[str, str] = {}
    for name in names:
        other = first.setdefault(visible_text(name), name)
        if other != name:
            what = f"The classes {other!r} and {name!r} look alike ({other!a} and {name!a})."
            raise Refused(what, "Give both labels one class with --labels.")


def class_map_in(path: Path | None) -> ClassMap:
    """Return the map in a YAML or JSON file ``{label: class}``; without a file, the rule of the trailing number.

    Raises
    ------
    BadRequest
        The file cannot be read, or is not such a mapping.
    """
    if path is None:
        return ClassMap()
    import yaml

    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadRequest("The file of labels cannot be read.", "Give a YAML or JSON file.") from error
    pairs = [*table.items()] if isinstance(table, dict) else []
    if not pairs or not all(isinstance(text, str) and text.strip() for pair in pairs for text in pair):
        raise BadRequest("The file of labels is not a mapping of texts.", "Write one line per label, label: class.")
    classes = {" ".join(label.split()): " ".join(name.split()) for label, name in pairs}
    if len(classes) < len(pairs) or _has_equal_keys(path):
        raise BadRequest("The file of labels names a label twice.", "Leave one line for each label.")
    return ClassMap(classes)


def _has_equal_keys(path: Path) -> bool:
    """Whether a mapping has a key twice, of which YAML keeps the last."""
    import yaml

    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    return isinstance(node, yaml.MappingNode) and repeated_key(node) is not None
