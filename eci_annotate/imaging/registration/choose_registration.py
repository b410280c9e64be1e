"""Which of several registrations leads from one frame of reference to another: as it is, turned, or two in a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eci_annotate.errors import EciError
from eci_annotate.imaging.registration.registration import SAME, Registration

SAME_MM = 0.01


def choose_registration(registrations: Sequence[Registration], source_uid: str, target_uid: str) -> Registration | None:
    """Return the registration from one frame of reference to another; None if there is none, or they are the same.

    One that leads there comes first, then the inverse of a matrix, then two matrices by way of a third frame of
    reference: DICOM may register several series to a frame that belongs to no image.

    Parameters
    ----------
    registrations
        In any direction; of several that fit, the first counts.
    source_uid, target_uid
        Frames of reference.
    """
    if source_uid == target_uid:
        return None  # of two series of one frame, it would not be known which of them moves
    direct = next((r for r in registrations if (r.source_uid, r.target_uid) == (source_uid, target_uid)), None)
    if direct is not None:
        return direct
    steps = [*(r for r in registrations if r.matrix is not None), *_turned(registrations)]
    turned = next((r for r in steps if (r.source_uid, r.target_uid) == (source_uid, target_uid)), None)
    if turned is not None:
        return turned
    pairs = ((a, b) for a in steps for b in steps if a.source_uid == source_uid and a.target_uid == b.source_uid)
    return next((_joined(a, b) for a, b in pairs if b.target_uid == target_uid), None)


def contradictions(registrations: Sequence[Registration]) -> list[tuple[Registration, Registration]]:
    """Return pairs of registrations between the same two frames that map them differently, the one that is used first.

    Parameters
    ----------
    registrations
        In any direction.
    """
    used: dict[frozenset[str], Registration] = {}
    found = []
    for each in registrations:
        first = used.setdefault(frozenset((each.source_uid, each.target_uid)), each)
        if first is not each and not _is_same_map(first, each):
            found.append((first, each))
    return found


def _is_same_map(one: Registration, other: Registration) -> bool:
    if one.matrix is not None and other.matrix is not None:
        turned = one.source_uid != other.source_uid
        matrix = np.linalg.inv(other.matrix) if turned else other.matrix
        turn, shift = np.abs(one.matrix - matrix)[:3, :3], np.abs(one.matrix - matrix)[:3, 3]
        return bool(turn.max() < SAME and shift.max() < SAME_MM)
    first, second = one.deformation, other.deformation
    if first is None or second is None or one.source_uid != other.source_uid or first.grid != second.grid:
        return False
    pairs = ((first.offsets_mm, second.offsets_mm), (first.before, second.before), (first.after, second.after))
    return all(np.allclose(a, b, atol=SAME_MM, equal_nan=True) for a, b in pairs)


def _turned(registrations: Sequence[Registration]) -> list[Registration]:
    found = []
    for each in registrations:
        try:
            found.append(each.inverse())
        except EciError:  # a deformation, or a matrix whose inverse is none
            continue
    return found


def _joined(first: Registration, second: Registration) -> Registration:
    assert first.matrix is not None and second.matrix is not None
    names = " + ".join(dict.fromkeys(name for name in (first.name, second.name) if name))
    return Registration(first.source_uid, second.target_uid, np.asarray(second.matrix @ first.matrix), name=names)
