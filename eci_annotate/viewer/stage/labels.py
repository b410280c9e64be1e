"""Default labels and colours of new annotations; a default label is never given twice."""

from __future__ import annotations

import unicodedata
from collections import Counter
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


# zero-width and direction characters, but for those that join or part letters of Persian and Indic scripts
UNSEEN = {*range(0x200E, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x00AD, 0x180E, 0x200B, 0xFEFF}


def tidy_label(text: str) -> str:
    """Return a label as it is seen: composed letters, single blanks, nothing invisible; what looks equal is equal."""
    seen = unicodedata.normalize("NFC", text).translate(dict.fromkeys(UNSEEN))
    return " ".join(seen.split())


def unused_colour(table: Table) -> Colour:
    """Return the first colour of the palette that the fewest annotations have."""
    used = Counter(thing.colour for thing in table.objects.values())
    return min(PALETTE, key=lambda colour: used[colour])


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
