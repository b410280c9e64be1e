"""How the frames of one series are split into groups that may each form a stack.

By matrix, orientation, spacing and kind of picture; then by the attributes in `attributes`; last by time. A frame never
moves into another group because one is missing there: what cannot be told apart is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eci_annotate.dicom.images.attributes import (
    ANY,
    ATTRIBUTES,
    Attribute,
    OtherValue,
    flavour,
    other_name,
    other_values,
    seconds_of,
    units_of,
)
from eci_annotate.dicom.images.colour import is_colour
from eci_annotate.dicom.images.dicom_frames import Frame, same_in_all
from eci_annotate.dicom.images.slice_order import order_of
from eci_annotate.dicom.images.tolerances import clusters, cosine_tolerance, spacing_tolerance
from eci_annotate.errors import MissingSlice, MixedSeries


@dataclass(frozen=True)
class FrameGroup:
    """Frames that may form a stack, and the names of what sets them apart."""

    frames: tuple[Frame, ...]
    names: tuple[str, ...] = ()


def groups_of(frames: Sequence[Frame]) -> list[FrameGroup]:
    """Split the frames of a series into the groups that each may form a stack, in order."""
    found = []
    for part in by_geometry(frames):
        group = [part]
        for attribute in ATTRIBUTES:
            group = [piece for each in group for piece in _by_attribute(each, attribute)]
        found += [piece for each in group for piece in _by_time(each)]
    return found


def by_geometry(frames: Sequence[Frame]) -> list[FrameGroup]:
    keys: list[tuple[Any, ...]] = [
        (*frame.shape, frame.frame_uid, flavour(frame), is_colour(frame.dataset), *_meaning(frame)) for frame in frames
    ]
    orientations = [frame.vector("ImageOrientationPatient", 6) for frame in frames]
    spacings = [frame.vector("PixelSpacing", 2) for frame in frames]
    written = [value for frame in frames[:64] for value in frame.get("ImageOrientationPatient")]
    turns = clusters(np.array(orientations), cosine_tolerance(written))
    written = [value for frame in frames[:64] for value in frame.get("PixelSpacing")]
    sizes = clusters(np.array(spacings), spacing_tolerance(written, float(np.median(spacings))))
    full = [(*key, int(a), int(b)) for key, a, b in zip(keys, turns, sizes, strict=True)]
    distinct = list(dict.fromkeys(full))
    names = _flavour_names(distinct)
    return [
        FrameGroup(tuple(frame for frame, other in zip(frames, full, strict=True) if other == key), names[key])
        for key in distinct
    ]


def _meaning(frame: Frame) -> tuple[str, bool, str]:
    """Return what values mean and how they are shown, which one volume can have once only."""
    return frame.modality, frame.text("PhotometricInterpretation") == "MONOCHROME1", units_of(frame)


def _flavour_names(keys: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], tuple[str, ...]]:
    """Name groups by modality, parts of ImageType, units and inversion in which they differ; by number otherwise."""
    if len(keys) == 1:
        return {keys[0]: ()}
    one_modality = len({key[5] for key in keys}) == 1  # whose name says enough of the units otherwise
    words = [_words(key[3], key[4], key[5], key[6], key[7] if one_modality else "") for key in keys]
    common = set.intersection(*map(set, words))
    names = [" ".join(part for part in each if part and part not in common) for each in words]
    return {
        key: (name if name and names.count(name) == 1 else f"{name or 'geometry'} {number}",)
        for number, (key, name) in enumerate(zip(keys, names, strict=True), 1)
    }


def _words(parts: tuple[str, ...], colour: bool, modality: str, inverted: bool, units: str) -> tuple[str, ...]:
    seen = (word for word, holds in (("colour", colour), ("inverted", inverted)) if holds)
    return (modality, *(part.lower() for part in parts), units.lower(), *seen)


def positions_of(frames: Sequence[Frame]) -> NDArray[np.int64]:
    """Number the positions of frames along their normal; frames at the same position have the same number."""
    return order_of(frames).position_of_given


def most_at_one_position(positions: NDArray[np.int64]) -> int:
    return int(np.bincount(positions).max())


def _by_attribute(group: FrameGroup, attribute: Attribute) -> list[FrameGroup]:
    if len(group.frames) < 2:
        return [group]
    if isinstance(attribute.read, partial) and same_in_all(group.frames, attribute.read.keywords["keyword"]):
        attribute.read(group.frames[0])  # which may refuse it
        return [group]
    values = [attribute.read(frame) for frame in group.frames]
    labels = _labels(values)
    if labels.max() == 0 or not _separates(group.frames, labels, attribute):
        return [group]
    return _split(group, values, labels, attribute.name)


def _split(group: FrameGroup, values: Sequence[Any], labels: NDArray[np.int64], name: Any) -> list[FrameGroup]:
    of = int(labels.max()) + 1
    found = []
    for number in range(of):
        members = np.flatnonzero(labels == number)
        value = values[members[0]]
        called = "without" if value is None else name(value, number + 1, of)
        found.append(FrameGroup(tuple(group.frames[n] for n in members), (*group.names, called)))
    return found


def _labels(values: Sequence[Any]) -> NDArray[np.int64]:
    """Number the distinct values in their order; a missing value comes first."""
    missing = np.array([value is None for value in values])
    labels = np.zeros(len(values), np.int64)
    given = [value for value in values if value is not None]
    if not given:
        return labels
    if isinstance(given[0], str):
        texts = {text: n for n, text in enumerate(sorted(set(map(str, given))))}
        labels[~missing] = [texts[str(value)] for value in given]
    else:
        labels[~missing] = clusters(np.array(given, float), 1e-3 if isinstance(given[0], tuple) else _step(given))
    labels[~missing] += missing.any()
    return labels


def _step(values: Sequence[Any]) -> float:
    """Return how far two values may differ and be the same: less than the last digit, or a thousandth."""
    return float(max(1e-6, 1e-4 * np.abs(np.asarray(values, float)).max()))


def _separates(frames: Sequence[Frame], labels: NDArray[np.int64], attribute: Attribute) -> bool:
    """Whether an attribute tells stacks apart, and is not merely different on each slice."""
    positions = positions_of(frames)
    most, of = most_at_one_position(positions), int(labels.max()) + 1
    parts = [positions[labels == number] for number in range(of)]
    spread = all(len(np.unique(part)) > 1 for part in parts)
    if most > 1:
        fewer = max(map(most_at_one_position, parts)) < most
        return fewer and (of <= most or spread)
    allowed = attribute.interleaved == ANY or frames[0].modality in attribute.interleaved.split()
    return allowed and spread and _overlap(parts)


def _overlap(parts: Sequence[NDArray[np.int64]]) -> bool:
    ends = sorted((int(part.min()), int(part.max())) for part in parts)
    return any(later[0] < earlier[1] for earlier, later in pairwise(ends))


def _by_time(group: FrameGroup) -> Iterator[FrameGroup]:
    """Split what lies at the same positions by acquisition time; by order only where no image is missing."""
    positions = positions_of(group.frames)
    most = most_at_one_position(positions)
    if most == 1:
        yield group
        return
    seconds = _in_order([seconds_of(frame) for frame in group.frames])
    if seconds is not None:
        labels = clusters(seconds, 1e-3)
        one_each = max(most_at_one_position(positions[labels == n]) for n in range(int(labels.max()) + 1)) == 1
        if int(labels.max()) + 1 == most and one_each:
            yield from _split(group, seconds.tolist(), labels, lambda value, place, of: f"phase {place} of {of}")
            return
    others = list(_by_another(group, positions, most))
    if others:
        for each in others:
            yield from _by_time(each)
        return
    if (np.bincount(positions) != most).any():
        if files := _files(group):
            yield from files
            return
        few = int((np.bincount(positions) != most).sum())
        raise MissingSlice(
            f"{few} of {int(positions.max()) + 1} positions have fewer than {most} images, and nothing in the headers"
            " says which stack the missing ones belong to.",
            "Fetch the missing images.",
        )
    yield from _nth_at_each_position(group, positions, seconds, most)


def _files(group: FrameGroup) -> list[FrameGroup]:
    """Return reconstructions (NM) of other extents, each file its own; none if the frames are not of such files."""
    if any(frame.modality != "NM" or not frame.number for frame in group.frames):
        return []
    ordered = sorted(group.frames, key=lambda frame: (frame.whole("InstanceNumber"), frame.sop_uid, frame.number))
    files = [tuple(frames) for _, frames in groupby(ordered, key=lambda frame: frame.sop_uid)]
    if any(most_at_one_position(positions_of(frames)) > 1 for frames in files):
        return []
    return [FrameGroup(each, (*group.names, f"image {n} of {len(files)}")) for n, each in enumerate(files, 1)]


def _in_order(seconds: Sequence[float | None]) -> NDArray[np.float64] | None:
    """Return the times, those after midnight a day later; None if one is missing."""
    if any(value is None for value in seconds):
        return None
    times = np.array(seconds, float)
    distinct = np.unique(times)
    gaps = np.diff(distinct)
    if gaps.size and distinct[-1] < 86400 and gaps.max() > 43200:  # without dates: the series ran over midnight
        times[times <= distinct[int(gaps.argmax())]] += 86400
    return times


def _by_another(group: FrameGroup, positions: NDArray[np.int64], most: int) -> list[FrameGroup]:
    """Split what lies at the same positions by the one other attribute that separates it; none if several disagree."""
    values = [other_values(frame) for frame in group.frames]
    found: dict[tuple[int, ...], tuple[str, list[OtherValue], NDArray[np.int64]]] = {}
    for keyword in sorted(set.intersection(*map(set, values))):
        given = [each[keyword] for each in values]
        labels = _labels([each.text for each in given])
        if 0 < labels.max() < most and _is_even(positions, labels, most):
            found.setdefault(_as_seen(labels), (keyword, given, labels))
    if len(found) != 1:
        return []
    ((keyword, given, labels),) = found.values()
    return _split(group, given, labels, partial(other_name, keyword))


def _as_seen(labels: NDArray[np.int64]) -> tuple[int, ...]:
    """Return labels numbered as they first occur, so that equal partitions are equal."""
    numbers = {label: n for n, label in enumerate(dict.fromkeys(labels.tolist()))}
    return tuple(numbers[label] for label in labels.tolist())


def _is_even(positions: NDArray[np.int64], labels: NDArray[np.int64], most: int) -> bool:
    """Whether each part has the same number of images, fewer than now, at each of its positions."""
    for number in range(int(labels.max()) + 1):
        counts = np.bincount(positions[labels == number])
        counts = counts[counts > 0]
        if counts.max() != counts.min() or counts.max() == most or counts.size == 1:
            return False
    return True


def _nth_at_each_position(
    group: FrameGroup, positions: NDArray[np.int64], seconds: NDArray[np.float64] | None, most: int
) -> Iterator[FrameGroup]:
    when = np.zeros(len(group.frames)) if seconds is None else seconds
    numbers = [(frame.whole("InstanceNumber"), frame.number) for frame in group.frames]
    sequence = sorted(range(len(numbers)), key=lambda n: (when[n], *numbers[n]))
    _require_order(
        positions[sequence], most, is_told=len(set(zip(when.tolist(), numbers, strict=True))) == len(numbers)
    )
    order = np.array(sorted(sequence, key=lambda n: positions[n])).reshape(-1, most)
    for nth in range(most):
        name = f"repetition {nth + 1} of {most}"
        yield FrameGroup(tuple(group.frames[n] for n in order[:, nth]), (*group.names, name))


def _require_order(positions: NDArray[np.int64], most: int, *, is_told: bool) -> None:
    """Refuse repetitions unless they follow each other, or all images of a position do.

    Parameters
    ----------
    positions
        The numbers of the images' positions in the order of the images, shape (images,).
    most
        How many images each position has.
    is_told
        Whether time and number of each image are its own.

    Raises
    ------
    MixedSeries
        The order of the images does not say which of them belong together.
    """
    in_rounds = all(np.unique(each).size == each.size for each in positions.reshape(most, -1))
    in_places = all(np.unique(each).size == 1 for each in positions.reshape(-1, most))
    if not is_told or not (in_rounds or in_places):
        raise MixedSeries(
            f"Up to {most} images lie at the same position, and nothing in the headers says which belong together.",
            "Ask the sender for one series for each acquisition.",
        )
