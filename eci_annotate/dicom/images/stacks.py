"""Stacks: the frames of one series that belong together, and the grid of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import Any

from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.projections import projection_attrs, projection_grid, view_of
from eci_annotate.dicom.images.requirements import has_place, is_mosaic, require_all_parts, require_picture
from eci_annotate.dicom.images.slice_order import order_of, runs_of
from eci_annotate.dicom.images.split_series import (
    FrameGroup,
    by_geometry,
    groups_of,
    most_at_one_position,
    positions_of,
)
from eci_annotate.dicom.uids import uid_from
from eci_annotate.errors import BadImages, MixedSeries, NoImages, UnevenSlices
from eci_annotate.imaging.geometry import Grid

LOAD_STACKS = "Load them with load_stacks, which gives one volume for each."


class StackKind(StrEnum):
    """What the frames of a stack are together."""

    VOLUME = "volume"
    SLICES = "slices"  # even slices that lean (gantry tilt)
    SLICE = "slice"  # one picture with a place in space but no thickness
    PROJECTION = "projection"  # one picture, or the frames of one file, without a place in space


@dataclass(frozen=True)
class Stack:
    """Frames of one volume in slice order.

    Attributes
    ----------
    frames
        From the first slice to the last.
    grid
        Where the voxels are.
    name
        What sets it apart in its series, for instance "b 800" or "phase 2 of 3"; empty for the only one.
    uid
        Made from the series and its frames; the Series Instance UID for the only one.
    part
        Which even part of a stack with gaps this is, and of how many.
    kind
        A volume, or one picture.
    """

    frames: tuple[Frame, ...]
    grid: Grid
    name: str = ""
    uid: str = ""
    part: tuple[int, int] = (1, 1)
    kind: StackKind = StackKind.VOLUME

    @property
    def title(self) -> str:
        """Name and part, for people."""
        place, of = self.part
        return ", ".join(part for part in (self.name, f"part {place} of {of}" if of > 1 else "") if part)


def require_one_series(frames: Sequence[Frame]) -> None:
    """Refuse images of more than one series, and copies.

    Raises
    ------
    MixedSeries
        If there is more than one series, or the same image twice.
    """
    series = len({frame.series_uid for frame in frames})
    if series > 1:
        raise MixedSeries(
            f"These files belong to {series} series.", "Name one: load_series(folder, series_uid=...); see series_in."
        )
    doubles = len(frames) - len({(frame.sop_uid, frame.number) for frame in frames})
    if doubles:
        raise MixedSeries(f"{doubles} images occur more than once.", "Leave out the copies.")


def require_pictures(frames: Sequence[Frame]) -> None:
    """Refuse what is no picture, images of more than one series, and copies.

    Raises
    ------
    DamagedFile, MissingGeometry, MixedSeries, MissingSlice
        As `require_picture`, `require_one_series` and `require_all_parts`.
    """
    for frame in frames:
        require_picture(frame)
    require_one_series(frames)
    require_all_parts(frames)


def one_stack(frames: Sequence[Frame]) -> Stack:
    """Return the only stack of a series; refuse anything that is not one even, right-angled volume.

    Raises
    ------
    MixedSeries, UnevenSlices, MissingSlice
        With the names of the stacks, or the place of the gap.
    """
    groups = groups_of(frames)
    if len(groups) > 1:
        raise _several(frames, groups)
    order = order_of(groups[0].frames)
    order.require_even()
    return Stack(order.frames, order.grid, uid=frames[0].series_uid)


def _several(frames: Sequence[Frame], groups: Sequence[FrameGroup]) -> BadImages:
    geometry = len(by_geometry(frames))
    if geometry > 1:
        return MixedSeries(
            f"This series holds {geometry} different matrices, orientations, spacings, kinds of picture or frames of"
            " reference.",
            LOAD_STACKS,
        )
    most = most_at_one_position(positions_of(frames))
    names = ", ".join(dict.fromkeys(name for group in groups for name in group.names))
    if most > 1:
        return UnevenSlices(f"Up to {most} slices lie at the same position ({names}).", LOAD_STACKS)
    return MixedSeries(f"This series holds {len(groups)} stacks ({names}).", LOAD_STACKS)


def stacks_of(frames: Sequence[Frame]) -> list[Stack]:
    """Split a series into its stacks, each into its even parts.

    Raises
    ------
    MissingSlice
        If images are missing and nothing says which stack they belonged to.
    """
    placed, others = list[Frame](), list[Frame]()
    for frame in frames:
        (placed if has_place(frame) else others).append(frame)
    found = [] if not placed else [stack for group in groups_of(placed) for stack in _even_parts(group)]
    pictures = list(_files_of(others))
    found += [_picture(shots, n, len(pictures)) for n, shots in enumerate(pictures, 1)]
    if not found:
        raise BadImages("No images to load.", "Give the files of one series.")
    if len(found) == 1:
        return [replace(found[0], uid=frames[0].series_uid)]
    return [replace(stack, uid=_uid(stack.frames)) for stack in found]


def stack_with(stacks: Sequence[Stack], uid: str) -> Stack:
    """Return the stack with a UID.

    Raises
    ------
    NoImages
        If there is none.
    """
    for stack in stacks:
        if stack.uid == uid:
            return stack
    raise NoImages("The series has no such stack any more.", "Choose one of the stacks that it has.")


def _even_parts(group: FrameGroup) -> Iterator[Stack]:
    runs = list(runs_of(order_of(group.frames)))
    for place, run in enumerate(runs, 1):
        thick = len(run.frames) > 1 or run.has_thickness
        grid = run.grid
        kind = StackKind.SLICES if grid.is_sheared else StackKind.VOLUME if thick else StackKind.SLICE
        yield Stack(run.frames, grid, ", ".join(group.names), part=(place, len(runs)), kind=kind)


def _files_of(pictures: Sequence[Frame]) -> Iterator[tuple[Frame, ...]]:
    """Give pictures without a place in space; the frames of one file together, one after the other."""
    ordered = sorted(pictures, key=lambda frame: (frame.whole("InstanceNumber"), frame.sop_uid, frame.number))
    return (tuple(shots) for _, shots in groupby(ordered, key=lambda frame: frame.sop_uid))


def _picture(shots: tuple[Frame, ...], place: int, of: int) -> Stack:
    what = "mosaic" if is_mosaic(shots[0]) else "image"
    name = "" if of == 1 else view_of(shots[0]) or f"{what} {place} of {of}"
    return Stack(shots, projection_grid(shots), name, kind=StackKind.PROJECTION)


def kind_attrs(stack: Stack) -> dict[str, Any]:
    """Return what the attributes of its volume say of its kind and its spacing; nothing of a usual volume."""
    if stack.kind == StackKind.VOLUME:
        return {}
    tilt = {"tilt_degrees": round(stack.grid.tilt_degrees, 3)} if stack.kind == StackKind.SLICES else {}
    picture = projection_attrs(stack.frames[0]) if stack.kind == StackKind.PROJECTION else {}
    return {"kind": str(stack.kind)} | tilt | picture


def _uid(frames: Sequence[Frame]) -> str:
    return uid_from("stack", frames[0].series_uid, *(f"{frame.sop_uid}/{frame.number}" for frame in frames))
