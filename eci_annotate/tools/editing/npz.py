"""Objects and fields as JSON and arrays in one .npz (zip, deflated): the format of snapshots and adoptions."""

from __future__ import annotations

import binascii
import io
import json
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.annotations import Box, Contours
from eci_annotate.imaging.blocks import Block, bounding_box
from eci_annotate.tools.protocol import Angle, Distance, Fields, Object, Paint, Ruler, Unplaced

# what content that is none raises while it is read
UNREADABLE = (
    *(binascii.Error, zipfile.BadZipFile, zlib.error, EOFError, MemoryError, RecursionError),
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
)
KINDS: dict[str, type[Any]] = {
    "box": Box, "contours": Contours, "paint": Paint, "unplaced": Unplaced, "distance": Distance, "angle": Angle,
}  # fmt: skip
BODY = "easel.json"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of every member: a clock would make replays differ


class Shelf:
    """Arrays under consecutive names."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}

    def put(self, array: NDArray[Any]) -> str:
        """Store an array and return its name."""
        name = f"a{len(self.arrays)}"
        self.arrays[name] = array
        return name

    def closed(self, body: dict[str, Any]) -> bytes:
        """Return the body and all arrays it names as bytes: the same for the same content, at any time."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            _add(archive, BODY, json.dumps(body, ensure_ascii=False).encode())
            for name, array in self.arrays.items():
                content = io.BytesIO()
                np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
                _add(archive, f"{name}.npy", content.getbuffer())
        return out.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes | memoryview) -> None:
    member = zipfile.ZipInfo(name, LONG_AGO)
    archive.writestr(member, content, zipfile.ZIP_DEFLATED, compresslevel=1)  # type: ignore[arg-type]


def opened(content: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return body and arrays from the bytes of `Shelf.closed`; raises BadZipFile, KeyError or ValueError for others."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        body = json.loads(archive.read(BODY))
        return body, {n[:-4]: _array(archive.read(n)) for n in archive.namelist() if n.endswith(".npy")}


def _array(content: bytes) -> NDArray[Any]:
    return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)


def object_out(thing: Object | None, shelf: Shelf) -> dict[str, Any] | None:
    """Return an annotation as JSON; its points go on the shelf."""
    if thing is None:
        return None
    body: dict[str, Any] = {"kind": next(k for k, t in KINDS.items() if type(thing) is t)}
    body |= thing.header
    match thing:
        case Box():
            body |= {n: getattr(thing, n) for n in ("centre_lps", "size_mm", "axes_lps")}
        case Contours(rings_lps=rings, spacing_mm=spacing):
            ends = np.cumsum([len(r) for r in rings], dtype=np.int64)
            points = np.concatenate(rings) if rings else np.empty((0, 3))
            body |= {"spacing_mm": spacing, "points": shelf.put(points), "ends": shelf.put(ends)}
        case Ruler(points_lps=places):
            body |= {"points_lps": places}
    return body


def object_in(body: dict[str, Any] | None, arrays: Any) -> Object | None:
    """Return the annotation of a JSON body."""
    if body is None:
        return None
    kind = KINDS[body.pop("kind")]
    if kind is Contours:
        body["rings_lps"] = _rings(arrays[body.pop("points")], arrays[body.pop("ends")])
    if "points_lps" in body:
        body["points_lps"] = tuple(tuple(point) for point in body["points_lps"])
    body["colour"] = tuple(body["colour"])
    thing: Object = kind(**body)
    return thing


def _rings(points: NDArray[Any], ends: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return the rings of which `ends` are the ends among all points."""
    if (np.diff(ends, prepend=0) < 0).any() or (int(ends[-1]) if len(ends) else 0) != len(points):
        raise ValueError("points that belong to no ring")
    return tuple(np.split(points, ends)[:-1])


def field_out(uid: str, field: Fields, shelf: Shelf) -> dict[str, Any]:
    """Return the non-zero part of a field."""
    where = bounding_box(field > 0)
    return {
        "uid": uid,
        "shape": field.shape,
        "where": [[s.start, s.stop] for s in where],
        "values": shelf.put(field[where]),
    }


def where_of(pairs: list[list[int]]) -> Block:
    """Return a block from its bounds; raises ValueError for bounds that count from the end."""
    if any(not 0 <= a <= b for a, b in pairs):
        raise ValueError("bounds of no block")
    k, j, i = (slice(a, b) for a, b in pairs)
    return k, j, i
