"""Default labels and colours of new annotations; a default label is never given twice."""

from __future__ import annotations

from collections.abc import Iterator

from eci_annotate.imaging.annotations import Colour
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.measure import number_in_label
from eci_annotate.tools.protocol import ObjectEdit, Ruler

# Okabe and Ito, Color universal design (2008), white in place of black: told apart by readers with any colour vision
PALETTE: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66),
    (0, 114, 178), (213, 94, 0), (204, 121, 167), (255, 255, 255),
)  # fmt: skip


def default_label(table: Table, ruler: str = "") -> str:
    """Return `lesion N`: one more than the annotations there are, and than every N in use or still undoable.

    With the kind of a `ruler`, `distance N` or `angle N`, counted in the same way.
    """
    name = ruler or "lesion"
    numbers = (number_in_label(label, name) for label in _labels(table))
    highest = max((number for number in numbers if number is not None), default=0)
    alike = (thing.kind == ruler if ruler else not isinstance(thing, Ruler) for thing in table.objects.values())
    return f"{name} {max(highest, sum(alike)) + 1}"


def _labels(table: Table) -> Iterator[str]:
    """Yield the labels of all annotations, and of those that undo can bring back."""
    yield from (thing.label for thing in table.objects.values())
    for item in table.history.done:
        for edit in item.edits:
            if isinstance(edit, ObjectEdit) and edit.before is not None and edit.after is None:
                yield edit.before.label
