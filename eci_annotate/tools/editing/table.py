"""What is on the table: the series shown, the annotations drawn so far, and their shapes as values."""

from __future__ import annotations

from collections.abc import Callable

import xarray as xr

from eci_annotate.imaging.annotations import Annotation, Box, Contours, Mask
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import like
from eci_annotate.tools.editing.history import History
from eci_annotate.tools.editing.series_sheet import Sheet
from eci_annotate.tools.protocol import HALF, Fields, Object, Paint, Unplaced


class Table:
    """Series and annotations, to look at.

    Attributes
    ----------
    history
        Holds annotations and fields; alone writes to them.
    series_uid
        The series that is shown.
    active
        uid of the annotation that is worked on, or None.
    hidden
        uids that are not shown.
    """

    def __init__(self, volume_of: Callable[[str], xr.DataArray]) -> None:
        self._volume_of = volume_of
        self._sheets: dict[str, Sheet] = {}
        self.history = History()
        self.series_uid = ""
        self.active: str | None = None
        self.hidden: frozenset[str] = frozenset()

    @property
    def objects(self) -> dict[str, Object]:
        """Annotations by uid, in the order in which they were added."""
        return self.history.objects

    @property
    def sheet(self) -> Sheet:
        """The series that is shown, prepared for the tools."""
        return self.sheet_of(self.series_uid)

    @property
    def volume(self) -> xr.DataArray:
        """The volume that is shown."""
        return self.sheet.volume

    @property
    def grid(self) -> Grid:
        """The grid of the volume that is shown."""
        return self.sheet.grid

    @property
    def undo_name(self) -> str | None:
        """What undo would take back, in words."""
        return f"Undo {self.history.done[-1].name}" if self.history.done else None

    @property
    def redo_name(self) -> str | None:
        """What redo would do again, in words."""
        return f"Redo {self.history.undone[-1].name}" if self.history.undone else None

    def field(self, uid: str) -> Fields:
        """Field of a painted annotation, uint16 (k, j, i); inside where >= 32768."""
        return self.history.fields[uid]

    def sheet_of(self, series_uid: str) -> Sheet:
        """Return a series prepared for the tools, loading it when first asked."""
        if series_uid not in self._sheets:
            self._sheets[series_uid] = Sheet(self._volume_of(series_uid))
        return self._sheets[series_uid]

    def share(self, other: Table) -> None:
        """Use the series that another table has prepared, and prepare new ones for both."""
        self._sheets = other._sheets

    def volume_mm3(self, uid: str) -> float:
        """Volume of an annotation now."""
        thing = self.objects[uid]
        if isinstance(thing, Paint):
            return float((self.field(uid) >= HALF).sum()) * self.sheet_of(thing.series_uid).grid.voxel_mm3
        return 0.0 if isinstance(thing, Unplaced) else thing.volume_mm3

    def annotations(self) -> list[Annotation]:
        """Return all annotations that have a shape, as values."""
        found = [self._finished(uid, thing) for uid, thing in self.objects.items()]
        return [a for a in found if a is not None]

    def _finished(self, uid: str, thing: Object) -> Annotation | None:
        match thing:
            case Box():
                return thing
            case Contours(rings_lps=rings):
                return thing if rings else None
            case Paint():
                return self._mask(uid, thing)
        return None

    def _mask(self, uid: str, thing: Paint) -> Mask | None:
        voxels = self.field(uid) >= HALF
        if not voxels.any():
            return None
        volume = like(self.sheet_of(thing.series_uid).volume, voxels)
        return Mask.from_volume(volume, label=thing.label, colour=thing.colour, uid=uid)
