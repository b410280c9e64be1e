"""Which series may lie over which, and their slices: by the frame of reference that they share, or a registration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from eci_annotate.errors import EciError
from eci_annotate.imaging.geometry import Vector, tuple3
from eci_annotate.imaging.measurements import is_projection
from eci_annotate.imaging.registration.choose_registration import choose_registration
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.imaging.volume import is_colour
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.browser_messages import Want
from eci_annotate.viewer.stage.messages import Message
from eci_annotate.viewer.stage.orders import Send
from eci_annotate.viewer.stage.pane_geometry import PlaneStack
from eci_annotate.viewer.stage.sections.overlay_pictures import OverlayPictures
from eci_annotate.viewer.stage.slices import slab_of
from eci_annotate.workflow.usecase.protocol_stages import Fuse

ONTO = "@"  # "axial@1.2.3": on the axial planes of series 1.2.3


class Overlays:
    """Series laid in colour over others.

    Parameters
    ----------
    easel
        Source of the series.

    Attributes
    ----------
    titles
        What to call a series, by its UID.
    registrations
        Maps between frames of reference.
    """

    def __init__(self, easel: Easel) -> None:
        self.easel = easel
        self.titles: Mapping[str, str] = {}
        self.registrations: Sequence[Registration] = ()
        self._kept: dict[str, OverlayPictures] = {}

    def to_wire(self, below: str, fuse: Fuse | None) -> Message | None:
        """Return what the browser needs of a series over another one, or why it cannot lie there; None for nothing."""
        if fuse is None or fuse.series_uid == below or not below:
            return None
        title = self.titles.get(fuse.series_uid) or "Overlay"
        why = self.why_not(below, fuse.series_uid)
        if why:
            return {"series": "", "title": title, "why": why}
        attrs = self.easel.table.sheet_of(fuse.series_uid).volume.attrs
        look = {"opacity": fuse.opacity, "colours": fuse.colours}
        unit = {"suv": attrs.get("suv_factor", 0), "quantity": str(attrs.get("units", ""))}
        return {"series": fuse.series_uid, "title": title, "why": "", **look, **unit}

    def why_not(self, below: str, above: str) -> str:
        """Return why a series cannot lie over another one; empty if it can."""
        title = self.titles.get(above) or "This series"
        try:
            volumes = [self.easel.table.sheet_of(uid).volume for uid in (below, above)]
        except EciError as error:
            return f"{title} cannot be fused: {error.what}"
        if any(map(is_projection, volumes)):
            return f"{title} cannot be fused: only images with a position in the patient can."
        if is_colour(volumes[1]):
            return f"{title} cannot be fused: it is in colour itself."
        if not self._is_known(below, above):
            return (
                f"{title} cannot be fused: it has another frame of reference, "
                "and no registration to these images is loaded."
            )
        return ""

    def _frames(self, below: str, above: str) -> tuple[str, str]:
        first, second = (self.easel.table.sheet_of(uid).grid.frame_of_reference_uid for uid in (below, above))
        return first, second

    def _is_known(self, below: str, above: str) -> bool:
        one, other = self._frames(below, above)
        return one == other or self.registration(one, other) is not None

    def registration(self, below: str, above: str) -> Registration | None:
        """Return the map from the frame of reference of what is above to that of what is below."""
        return choose_registration(self.registrations, above, below)

    def carried(self, point_lps: Vector, series_uid: str, to: str) -> Vector | None:
        """Return where a point of one series is on another one; None if they have no common frame nor registration."""
        below, above = self._frames(to, series_uid)
        if below == above:
            return point_lps
        found, back = self.registration(below, above), self.registration(above, below)
        try:
            if found is not None:
                return tuple3(found.target_points(np.asarray([point_lps]))[0])
            where = back.source_points(np.asarray([point_lps]))[0] if back is not None else np.full(3, np.nan)
        except EciError:  # beyond a deformation's grid
            return None
        return tuple3(where) if np.isfinite(where).all() else None

    def slice_order(self, want: Want, below: str, stack: PlaneStack) -> Send | None:
        """Return the order that answers a request on the planes of another series; None if there is no such slice."""
        if not 0 <= want.index < stack.count:
            return None
        pictures = self.pictures(want.series)
        _, mode, count = slab_of(want.plane.partition(ONTO)[0])
        one, other = self._frames(below, want.series)
        found = None if one == other else self.registration(one, other)
        codes = pictures.codes(stack, want.index, (mode, count), found)
        message = messages.slice_message(want, np.dtype(np.uint16).name, pictures.slope, pictures.intercept)
        return Send(message, (codes.astype("<u2", copy=False).tobytes(),))

    def pictures(self, series_uid: str) -> OverlayPictures:
        """Return a series ready to be sampled."""
        if series_uid not in self._kept:
            self._kept[series_uid] = OverlayPictures(self.easel.table.sheet_of(series_uid).volume)
        return self._kept[series_uid]
