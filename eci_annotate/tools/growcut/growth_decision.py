"""Seeds that nobody has decided about: what is on the screen would not be in what is signed."""

from __future__ import annotations

import numpy as np

from eci_annotate.errors import Refused
from eci_annotate.imaging.blocks import bounding_box
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.table import Table
from eci_annotate.tools.growcut.growcut import FIRST
from eci_annotate.tools.protocol import SEEDS, Paint


def has_seeds(table: Table, thing: Paint) -> bool:
    """Whether an annotation has seeds on its series."""
    seeds = table.history.fields.get(f"{SEEDS}{thing.series_uid}")
    return seeds is not None and bool((seeds == FIRST + table.history.order.index(thing.uid)).any())


def unaccepted(easel: Easel) -> str:
    """Return the labels of annotations with seeds that nobody accepted; empty: there are none."""
    found: dict[str, None] = {}
    for uid, field in easel.table.history.fields.items():
        if uid.startswith(SEEDS):
            seeds = set(np.unique(field[bounding_box(field > 0)]).tolist())
            numbered = enumerate(easel.table.history.order, FIRST)
            found |= {
                easel.table.objects[each].label: None
                for n, each in numbered
                if n in seeds and each in easel.table.objects
            }
    return ", ".join(found)


def require_decided(easel: Easel) -> None:
    """Raise Refused while seeds wait for a decision: what is on the screen would not be in what is signed."""
    if labels := unaccepted(easel):
        raise Refused(f"{labels}: GrowCut has seeds but no accepted result.", "Accept it, or remove the seeds.")
