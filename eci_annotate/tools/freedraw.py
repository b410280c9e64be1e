"""FreeDraw: closed strokes on the acquired slices add to or subtract from contours.

Vertices keep their sub-voxel positions. Holes and islands result from boolean operations:
subtracting inside a contour makes a hole, adding elsewhere an island.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely.ops import split

from eci_annotate.errors import Refused, WrongPlane
from eci_annotate.imaging.annotations import Annotation, AnnotationKind, Contours
from eci_annotate.imaging.geometry import ROUND_MM, Floats, Grid, Vector
from eci_annotate.imaging.regions import polygons_of, region_of
from eci_annotate.tools.gestures import Cancel, Drag, Gesture, Plane, Press, Release
from eci_annotate.tools.info import Feedback, ToolInfo, ToolName
from eci_annotate.tools.protocol import NO_OVERLAY, Idle, Object, ObjectEdit, Options, Overlay, Scene, Step

if TYPE_CHECKING:
    from eci_annotate.tools.editing.table import Table

PARALLEL = 1 - 1e-4
TOLERANCE_PX = 0.02  # largest displacement of a stroke by simplification
SMALLEST_PX = 1e-3  # smaller pieces are rounding artefacts
IN_VAIN = {
    "nudge": "Nudge changed nothing: the disc met no contour of the selected annotation on this slice.",
    "polygon": "The polygon changed nothing: it encloses no area that would be added or cut out.",
    "cut": "Cut changed nothing: the line does not divide a contour of the selected annotation on this slice.",
}


@dataclass(frozen=True)
class Drawing:
    """A stroke so far, the slice it is drawn on, and how it is drawn."""

    slice_k: int
    erase: bool
    path: tuple[Vector, ...]
    pen: str = "free"
    radius_mm: float = 0.0


def slice_of(ring: Floats, grid: Grid) -> int:
    """Return the slice index of a ring."""
    return int(np.floor(grid.image_from_reference(ring)[:, 0].mean() + 0.5))


def region_on(rings: list[Floats], grid: Grid) -> shapely.Geometry:
    """Return the even-odd region of the rings of one slice, in image indices (i, j)."""
    return region_of(grid.image_from_reference(ring)[:, [2, 1]] for ring in rings)


def _stroke(path: tuple[Vector, ...], grid: Grid) -> shapely.Geometry:
    flat = grid.image_from_reference(path)[:, [2, 1]]
    if len(flat) < 3:
        return shapely.Polygon()
    line = shapely.get_coordinates(shapely.simplify(shapely.LineString(flat), TOLERANCE_PX))
    return shapely.make_valid(shapely.Polygon(line)) if len(line) > 2 else shapely.Polygon()


def rings_of(region: shapely.Geometry, slice_k: int, grid: Grid) -> list[Floats]:
    """Return outer rings and holes of a region, in patient millimetres."""
    rings = []
    for polygon in polygons_of(region, SMALLEST_PX):
        for line in (polygon.exterior, *polygon.interiors):
            flat = shapely.get_coordinates(line)[:-1]
            points = np.column_stack([np.full(len(flat), slice_k), flat[:, 1], flat[:, 0]])
            rings.append(np.round(grid.reference_from_image(points), ROUND_MM))
    return rings


def on_slice(
    contours: Contours, slice_k: int, grid: Grid, change: Callable[[shapely.Geometry], shapely.Geometry]
) -> Contours:
    """Return contours whose region on one slice was changed.

    Parameters
    ----------
    contours
        Contours before.
    slice_k
        Index of the slice.
    grid
        Grid of the series.
    change
        Returns the new region, in image indices (i, j), from the old one.
    """
    others = [r for r in contours.rings_lps if slice_of(r, grid) != slice_k]
    old = region_on([r for r in contours.rings_lps if slice_of(r, grid) == slice_k], grid)
    return replace(contours, rings_lps=(*others, *rings_of(change(old), slice_k, grid)))


def drawn(contours: Contours, path: tuple[Vector, ...], slice_k: int, erase: bool, grid: Grid) -> Contours:
    """Return contours after a closed stroke on one slice.

    Parameters
    ----------
    contours
        Contours before the stroke.
    path
        Points in patient millimetres; the stroke is closed automatically.
    slice_k
        Index of the slice.
    erase
        Subtract the enclosed area instead of adding it.
    grid
        Grid of the series.
    """
    stroke, join = _stroke(path, grid), shapely.difference if erase else shapely.union
    return on_slice(contours, slice_k, grid, lambda old: join(old, stroke))


def nudged(contours: Contours, path: tuple[Vector, ...], slice_k: int, radius_mm: float, grid: Grid) -> Contours:
    """Return contours pushed by a disc: outward if the path begins inside them, inward if outside.

    Parameters
    ----------
    contours
        Contours before.
    path
        Points in patient millimetres.
    slice_k
        Index of the slice.
    radius_mm
        Radius of the disc.
    grid
        Grid of the series.
    """
    flat = grid.image_from_reference(path)[:, [2, 1]]
    pixel = np.array([grid.spacing_mm[2], grid.spacing_mm[1]])
    line = shapely.LineString(flat * pixel) if len(flat) > 1 else shapely.Point(flat[0] * pixel)
    disc = shapely.transform(line.buffer(radius_mm), lambda xy: xy / pixel)
    begin = shapely.Point(flat[0])

    def push(old: shapely.Geometry) -> shapely.Geometry:
        return shapely.union(old, disc) if shapely.contains(old, begin) else shapely.difference(old, disc)

    return on_slice(contours, slice_k, grid, push)


def cut(contours: Contours, path: tuple[Vector, ...], slice_k: int, grid: Grid) -> Contours:
    """Return contours after a line: each piece that it divides loses its smaller part.

    Parameters
    ----------
    contours
        Contours before.
    path
        Points in patient millimetres; a line that ends inside a piece does not divide it.
    slice_k
        Index of the slice.
    grid
        Grid of the series.
    """
    flat = grid.image_from_reference(path)[:, [2, 1]]
    line = shapely.LineString(flat) if len(flat) > 1 else shapely.LineString()

    def kept(old: shapely.Geometry) -> shapely.Geometry:
        parts = [shapely.get_parts(split(piece, line)) for piece in polygons_of(old, SMALLEST_PX)]
        return shapely.union_all([max(each, key=shapely.area) for each in parts if len(each)])

    return on_slice(contours, slice_k, grid, kept)


def require_same_slice(state: object, press: Press, series_uid: str, table: Table) -> None:
    """Raise Refused where a click is on another slice or series than the polygon that was begun.

    Parameters
    ----------
    state
        State of the current tool.
    press, series_uid
        The click, and the series it is on; empty: the one drawn on.
    table
        The series drawn on, to read.
    """
    if not isinstance(state, Drawing) or state.pen != "polygon":
        return
    if series_uid not in ("", table.series_uid) or table.grid.voxel_from_reference(press.at)[0] != state.slice_k:
        raise Refused(
            "The polygon was begun on another slice, so this corner is not added.",
            "Go back there and click its first corner to close it, or press D to drop it.",
        )


def words_in_vain(state: object) -> list[str]:
    """Return what to say when the stroke of this state ends without an effect."""
    return [IN_VAIN[state.pen]] if isinstance(state, Drawing) and state.pen in IN_VAIN else []


class FreeDraw:
    """The FreeDraw tool."""

    info = ToolInfo(
        ToolName.FREEDRAW,
        "FreeDraw",
        "pencil",
        "d",
        makes=AnnotationKind.CONTOURS,
        options=("erase", "pen", "radius_mm"),
        feedback=Feedback.TRAIL,
        help="Draw around an area; with X it is cut out. As a polygon: click the corners; the first one again closes "
        "it. Nudge pushes a contour with a disc; Cut divides it with a line and keeps the larger part.",
    )
    idle = Idle()
    states = MappingProxyType({"drawing": Drawing})

    def needs_smoothing(self, options: Options) -> bool:
        return False

    def create(self, header: Annotation, scene: Scene) -> Object:
        return Contours(
            (),
            scene.grid.slice_mm,
            **header.header,
        )

    def works_on(self, thing: Object) -> bool:
        return isinstance(thing, Contours)

    def grabs(self, thing: Object, press: Press) -> bool:
        return True

    def handle(self, state: Idle | Drawing, gesture: Gesture, scene: Scene) -> Step:
        thing = scene.objects.get(scene.active or "")
        if not isinstance(thing, Contours):
            return Step(Idle())
        match state, gesture:
            case Idle(), Press(at=at, plane=plane, button=0):
                k, _, _ = scene.grid.voxel_from_reference(at)
                _require_acquired(plane, scene.grid)
                on_volume = 0 <= k < scene.grid.shape[0]
                begun = Drawing(int(k), scene.options.erase, (at,), scene.options.pen, scene.options.radius_mm)
                return Step(begun if on_volume else state)
            case Drawing(pen="polygon"), Press(at=at, button=0):
                if scene.grid.voxel_from_reference(at)[0] != state.slice_k:
                    return Step(state)
                ends = len(state.path) > 2 and np.linalg.norm(np.subtract(at, state.path[0])) <= gesture.reach_mm
                return self._done(state, thing, scene) if ends else Step(replace(state, path=(*state.path, at)))
            case Drawing(pen="polygon"), (Drag() | Release()):
                return Step(state)
            case Drawing(), Drag(path=path):
                return Step(replace(state, path=state.path + path))
            case Drawing(), Release():
                return self._done(state, thing, scene)
            case _, Cancel():
                return Step(Idle())
            case _:
                return Step(state)

    def _done(self, state: Drawing, thing: Contours, scene: Scene) -> Step:
        """Return the step that ends a stroke."""
        match state.pen:
            case "nudge":
                after, verb = nudged(thing, state.path, state.slice_k, state.radius_mm, scene.grid), "pushed on"
            case "cut":
                after, verb = cut(thing, state.path, state.slice_k, scene.grid), "divided on"
            case _:
                after = drawn(thing, state.path, state.slice_k, state.erase, scene.grid)
                verb = "cut from" if state.erase else "drawn on"
        name = f"FreeDraw contour {verb} {thing.label or 'annotation'}"
        return Step(Idle(), () if _same(thing, after) else (ObjectEdit(thing.uid, thing, after),), name)

    def overlay(self, state: Idle | Drawing, scene: Scene, plane: Plane, reach_mm: float) -> Overlay:
        if isinstance(state, Drawing) and abs(plane.normal_lps @ scene.grid.normal_lps) > PARALLEL:
            return Overlay(lines=(np.asarray(state.path),))
        return NO_OVERLAY


def _same(a: Contours, b: Contours) -> bool:
    return len(a.rings_lps) == len(b.rings_lps) and all(map(np.array_equal, a.rings_lps, b.rings_lps))


def _require_acquired(plane: Plane, grid: Grid) -> None:
    if abs(float(plane.normal_lps @ grid.normal_lps)) < PARALLEL:
        raise WrongPlane(
            f"FreeDraw draws on the acquired slices, and the {plane.name} pane is reformatted.",
            "Draw in the pane of the acquired slices, or choose SmartPaint, which paints in every pane.",
        )
