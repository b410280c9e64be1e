"""The tool contract: `handle(state, gesture, scene) -> Step(state, edits, name)`.

A tool is a pure state machine. It reads arrays and never writes them; changes are
returned as edits, each with its inverse. Only the history applies edits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Annotation, AnnotationKind, Box, Contours
from eci_annotate.imaging.blocks import Block
from eci_annotate.imaging.geometry import Floats, Grid, Vector, tuple3
from eci_annotate.tools.gestures import Gesture, Plane, Press
from eci_annotate.tools.info import ToolInfo

Fields = NDArray[np.uint16]

HALF = 32768  # a voxel belongs to a painted annotation if its field is at least this
FULL = 65535
# prefixes of fields that belong to a series, not to an annotation; the UID of the series follows
SEEDS = "seeds/"  # 0 none, 1 background, 2 + n the n-th annotation that was added
ZONE = "zone/"  # not 0: excluded from painting


def is_series_field(uid: str) -> bool:
    """Whether a field belongs to a series (seeds, excluded zones) and not to an annotation."""
    return uid.startswith((SEEDS, ZONE))


@dataclass(frozen=True, eq=False)
class Paint(Annotation):
    """A painted annotation while it is being edited; its voxels are a field of the scene."""

    kind = AnnotationKind.MASK


@dataclass(frozen=True, eq=False)
class Unplaced(Annotation):
    """An annotation that was added but has no shape yet; the first drag makes it a box."""

    kind = AnnotationKind.BOX


@dataclass(frozen=True, eq=False)
class Ruler(Annotation):
    """A measurement between points; it has no voxels and is no annotation of a version.

    Attributes
    ----------
    wanted
        Number of points that it needs.
    points_lps
        Its points so far, patient millimetres.
    """

    wanted: ClassVar[int] = 2

    points_lps: tuple[Vector, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all points are set."""
        return len(self.points_lps) == self.wanted

    @property
    def middle_lps(self) -> Vector:
        """Point in the middle of its first line; it must have two points."""
        return tuple3(np.mean(self.points_lps[:2], axis=0))

    @property
    def volume_mm3(self) -> float:
        return 0.0


@dataclass(frozen=True, eq=False)
class Distance(Ruler):
    """The distance of two points."""

    kind = AnnotationKind.DISTANCE


@dataclass(frozen=True, eq=False)
class Angle(Ruler):
    """The angle at the second of three points."""

    kind = AnnotationKind.ANGLE
    wanted = 3


Object = Box | Contours | Paint | Unplaced | Distance | Angle


@dataclass(frozen=True, eq=False)
class ArrayEdit:
    """Replace one block of one annotation's field."""

    uid: str
    where: Block
    before: Fields
    after: Fields

    def inverse(self) -> ArrayEdit:
        """Return the edit that reverts this one."""
        return replace(self, before=self.after, after=self.before)


@dataclass(frozen=True, eq=False)
class ObjectEdit:
    """Replace one annotation object; None means that it does not exist."""

    uid: str
    before: Object | None
    after: Object | None

    def inverse(self) -> ObjectEdit:
        """Return the edit that reverts this one."""
        return replace(self, before=self.after, after=self.before)


Edit = ArrayEdit | ObjectEdit


@dataclass(frozen=True)
class Handle:
    """A spot that can be grabbed: its position and effect (`side`, `corner`, `centre`, `rotate`)."""

    at_lps: Vector
    kind: str


@dataclass(frozen=True, eq=False)
class Overlay:
    """What a tool shows in one pane in addition to the annotations: handles, and lines in patient millimetres."""

    handles: tuple[Handle, ...] = ()
    lines: tuple[Floats, ...] = ()


NO_OVERLAY = Overlay()


@dataclass(frozen=True)
class Options:
    """Settings chosen by the user; a stroke keeps those it started with.

    Attributes
    ----------
    radius_mm
        Brush radius.
    flow
        Fraction by which one dab moves a voxel at the centre of the brush (beta of the paper), 0..1.
    sensitivity
        Exponent of the intensity term (k), 1..8.
    contrast
        Factor on intensity differences relative to the window (c).
    rule
        `barrier` (stops at edges) or `classic` (Malmberg et al. 2014).
    dimension
        2 paints on the slice of the pane only, 3 across slices.
    erase
        Subtract instead of adding.
    window
        Low and high modality value of the display window.
    zone
        The brush marks voxels that later strokes never enter, instead of painting.
    lock
        Voxels of other annotations are never painted.
    in_window
        Only voxels with values inside the window are painted.
    pen
        How FreeDraw draws: `free` (a closed stroke), `polygon` (corner by corner), `nudge` (a disc pushes the
        contour) or `cut` (a line cuts off the smaller part).
    pressure
        The pressure of a pen scales the flow.
    """

    radius_mm: float = 8.0
    flow: float = 0.5
    sensitivity: int = 3
    contrast: float = 2.0
    rule: str = "barrier"
    dimension: int = 3
    erase: bool = False
    window: tuple[float, float] = (-160.0, 240.0)
    zone: bool = False
    lock: bool = False
    in_window: bool = False
    pressure: bool = False
    pen: str = "free"


@dataclass(frozen=True, eq=False)
class Scene:
    """What a tool may read. Arrays are read-only views.

    Attributes
    ----------
    values, smooth
        Integer modality values of the series (k, j, i), and the same values lightly smoothed.
    scale, origin
        Integer steps per modality unit, and the modality value of the integer 0.
    grid
        Grid of these voxels.
    series_uid
        The series being drawn on.
    objects, fields
        Annotations by uid; fields of the painted ones.
    active
        uid of the annotation being edited, or None.
    order
        uids of all annotations that were ever added, in that order.
    """

    values: NDArray[np.int16]
    smooth: NDArray[np.int16]
    scale: float
    grid: Grid
    series_uid: str
    objects: Mapping[str, Object]
    fields: Mapping[str, Fields]
    active: str | None
    options: Options = field(default_factory=Options)
    order: tuple[str, ...] = ()
    origin: float = 0.0

    def flat_axis(self, plane: Plane) -> int:
        """Return the grid axis (0 = k, 1 = j, 2 = i) along which a stroke in a plane is one voxel thick; -1 in 3-D."""
        return self.grid.axis_nearest(plane.normal_lps) if self.options.dimension == 2 or self.grid.is_sheared else -1


@dataclass(frozen=True, eq=False)
class Step:
    """Result of a gesture: the next state, the edits to make, and a name for the undo item."""

    state: Any
    edits: tuple[Edit, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Idle:
    """State of a tool while nothing is pressed."""


class Tool(Protocol):
    """A pure state machine."""

    info: ToolInfo

    @property
    def idle(self) -> Any:
        """State while nothing is pressed."""

    @property
    def states(self) -> Mapping[str, type[Any]]:
        """Classes of its other states by the names that snapshots store: frozen dataclasses of plain values."""

    def needs_smoothing(self, options: Options) -> bool:
        """Whether it reads the smoothed volume (`Scene.smooth`) with these options."""

    def create(self, header: Annotation, scene: Scene) -> Object:
        """Return the empty annotation that this tool starts with, with the name and colour of `header`."""

    def works_on(self, thing: Object) -> bool:
        """Whether this tool can change an annotation."""

    def grabs(self, thing: Object, press: Press) -> bool:
        """Whether a press changes an annotation that this tool works on; otherwise it starts a new one."""

    def handle(self, state: Any, gesture: Gesture, scene: Scene) -> Step:
        """Process a gesture; an invalid one changes nothing."""

    def overlay(self, state: Any, scene: Scene, plane: Plane, reach_mm: float) -> Overlay:
        """Return what to show in a pane.

        Parameters
        ----------
        state
            State of the tool.
        scene
            Arrays and annotations to read.
        plane
            Plane of the pane.
        reach_mm
            Handle size at the zoom of the pane, millimetres.
        """
