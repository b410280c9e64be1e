"""What a notebook calls: `annotate(task)` and `show(volume)`."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from eci_annotate.imaging.annotations import Annotation
from eci_annotate.tools.easel import Easel
from eci_annotate.viewer.controller import Controller
from eci_annotate.viewer.stage import Stage

READ_ONLY = "These images are shown for reading only; start a task to annotate."


def show(volume: xr.DataArray, annotations: Sequence[Annotation] = (), *, editable: bool = False, height: str = "640px") -> Stage:
    """Show a volume in three linked panes."""
    easel = Easel.for_volume(volume)
    easel.warm_up()
    return Stage(Controller(easel, why_not="" if editable else READ_ONLY), height=height)
