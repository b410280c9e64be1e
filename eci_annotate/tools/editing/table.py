"""Read access to an easel: the series shown, the annotations drawn so far, and their shapes as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import xarray as xr

from eci_annotate.imaging.annotations import Annotation, Box, Contours, Mask
from eci_annotate.imaging.geometry import Grid
from eci_annotate.imaging.volume import like
from eci_annotate.tools.editing.history import History
from eci_annotate.tools.editing.series_sheet import Sheet
from eci_annotate.tools.protocol import HALF, Fields, Object, Paint, Ruler, Unplaced


class Table:
    """Series and annotations; the easel alone changes them.

    Attributes
    ----------
    history
        Holds annotations and fields, and is the only writer.
    series_uid
        The series that is shown.
    active
        uid of the annotation being edited, or None.
    hidden
        uids of hidden annotations.
    """

    def __init__(self, volume_of: Callable[[str], xr.DataArray]) -> None:
        self._volume_of = volume_of
        self._sheets: dict[str, Sheet] = {}
        self.history = History()
        self.series_uid = ""
        self.active: str | None = None
        self.hidden: frozenset[str] = frozenset()

    @property
    def objects(self) -> Mapping[str, Object]:
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
        """Description of what undo would revert."""
        steps = self.history.undo_steps
        return f"Undo {self.history.done[-steps].name}" if steps else None

    @property
    def redo_name(self) -> str | None:
        """Description of what redo would restore."""
        named = [item for item in reversed(self.history.undone) if item.is_visible] or self.history.undone[-1:]
        return f"Redo {named[0].name}" if named else None

    def field(self, uid: str) -> Fields:
        """Return the field of a painted annotation, uint16 (k, j, i); voxels >= 32768 are inside."""
        return self.history.fields[uid]

    def sheet_of(self, series_uid: str) -> Sheet:
        """Return a series prepared for the tools, loading it on first use."""
        if series_uid not in self._sheets:
            self._sheets[series_uid] = Sheet(self._volume_of(series_uid))
        return self._sheets[series_uid]

    def is_on(self, thing: Object, series_uid: str) -> bool:
        """Whether an annotation is in the frame of reference of a series, and so at the same place in both."""
        if thing.series_uid == series_uid:
            return True
        return bool(thing.frame_uid) and thing.frame_uid == self.sheet_of(series_uid).grid.frame_of_reference_uid

    def is_editable_on(self, thing: Object, series_uid: str) -> bool:
        """Whether an annotation can be edited on a series: boxes and rulers in all of their frame, others not."""
        if thing.series_uid == series_uid:
            return True
        return isinstance(thing, (Box, Unplaced, Ruler)) and self.is_on(thing, series_uid)

    def share(self, other: Table) -> None:
        """Share prepared series with another table, now and in future."""
        self._sheets = other._sheets

    def become(self, other: Table) -> None:
        """Take over what another table shows and holds; prepared series are kept."""
        self.history, self.series_uid = other.history, other.series_uid
        self.active, self.hidden = other.active, other.hidden

    def volume_mm3(self, uid: str) -> float:
        """Return the current volume of an annotation in cubic millimetres."""
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
