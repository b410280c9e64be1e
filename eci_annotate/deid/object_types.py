"""Types (PS3.3: 1, 2, 3) of attributes with a composite action, by SOP class: which letter keeps an object valid."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from eci_annotate.deid.profile import DATA


@cache
def _tables() -> Any:
    return json.loads((DATA / "object_types.json").read_text(encoding="utf-8"))


def object_of(sop_class: str) -> str:
    """Return the information object of a SOP class, e.g. `ct-image`; empty if it is unknown."""
    found: str = _tables()["sop_classes"].get(sop_class, "")
    return found


@cache
def _types(object_name: str) -> Mapping[str, str]:
    found = _tables()["iods"].get(object_name, {})
    return {key: number for number, keys in found.items() for key in keys.split()}


def letter_for(letters: tuple[str, ...], object_name: str, parent: int, tag: int) -> str:
    """Return the action among composite ones that the attribute's type asks for.

    Parameters
    ----------
    letters
        Actions in the order of the table, e.g. ("X", "Z", "D").
    object_name
        From `object_of`; if empty, the right-most letter is taken, which is valid for every type.
    parent
        Tag of the enclosing sequence, 0 at the top.
    tag
        The attribute.
    """
    if len(letters) == 1 or not object_name or "U" in letters:  # U keeps references between objects
        return letters[-1]
    key = f"{parent:08X}/{tag:08X}" if parent else f"{tag:08X}"
    wanted = {"1": "DZX", "2": "ZDX"}.get(_types(object_name).get(key, "3"), "XZD")
    return next(letter for letter in wanted if letter in letters)
