"""The layout of COCO: each slice as a windowed PNG, each annotation of a slice as box and run lengths, in one JSON."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eci_annotate.imaging.display import default_window, grey, is_inverted, voi_of
from eci_annotate.imaging.volume import filled, values_kji
from eci_annotate.repository.datasets.dataset_case import Sample
from eci_annotate.repository.datasets.dataset_layout import NamedFiles, Rows, json_bytes, title_of
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan

Slice = tuple[dict[str, Any], list[dict[str, Any]]]  # an image, and its annotations


class CocoLayout:
    """Files for COCO's tools; the part of the split is a field of each image."""

    def __init__(self, plan: DatasetPlan) -> None:
        self.plan = plan

    def add(self, sample: Sample) -> NamedFiles:
        """Yield the slices of one sample."""
        look = default_window(sample.image), is_inverted(sample.image), voi_of(sample.image)
        for k, values in enumerate(values_kji(sample.image)):
            yield _name(sample, k), png(grey(filled(values), *look))

    def listed(self, sample: Sample) -> list[Slice]:
        """Return each slice, and its annotations, without the numbers that they get among all."""
        values = values_kji(sample.mask)
        return [(_image(sample, k), [*_annotations(sample, k, values[k])]) for k in range(len(sample.instances))]

    def close(self, rows: Rows, listed: Sequence[list[Slice]]) -> NamedFiles:
        """Yield annotations.json."""
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        licensed = {"license": 1} if self.plan.rules.licence else {}
        for image, found in (each for slices in listed for each in slices):
            images.append({"id": len(images) + 1, **image, **licensed})
            annotations += [
                {"id": len(annotations) + n, "image_id": len(images), **each} for n, each in enumerate(found, 1)
            ]
        document = {
            "info": {"description": title_of(self.plan), "version": str(self.plan.position)},
            "licenses": [{"id": 1, "name": name, "url": ""}] if (name := self.plan.rules.licence) else [],
            "categories": [{"id": value, "name": name} for name, value in self.plan.values.items()],
            "images": images,
            "annotations": annotations,
        }
        yield "annotations.json", json_bytes(document)


def _name(sample: Sample, k: int) -> str:
    return f"images/{sample.case.name}_{k:04d}.png"


def _image(sample: Sample, k: int) -> dict[str, Any]:
    rows, columns = sample.instances.shape[1:]
    size = {"file_name": _name(sample, k), "height": rows, "width": columns}
    where = {"case": sample.case.name, "subject": sample.case.signed.subject, "slice": k}
    return {**size, **where, "split": str(sample.case.part)}


def _annotations(sample: Sample, k: int, values: NDArray[Any]) -> Iterator[dict[str, Any]]:
    for number in (int(n) for n in np.unique(sample.instances[k]) if n):
        voxels = sample.instances[k] == number
        yield {
            "category_id": int(values[voxels][0]),
            "instance": number,
            "bbox": box_of(voxels),
            "area": int(np.count_nonzero(voxels)),
            "segmentation": {"size": list(voxels.shape), "counts": run_lengths(voxels)},
            "iscrowd": 0,
        }


def box_of(voxels: NDArray[np.bool_]) -> list[int]:
    """Return the box around pixels (row, column) that are set, as COCO has it: x, y, width, height."""
    rows, columns = np.flatnonzero(voxels.any(1)), np.flatnonzero(voxels.any(0))
    return [int(columns[0]), int(rows[0]), int(columns[-1] - columns[0] + 1), int(rows[-1] - rows[0] + 1)]


def run_lengths(voxels: NDArray[np.bool_]) -> list[int]:
    """Return the uncompressed run lengths of COCO: down the columns, the first run is of pixels that are not set."""
    flat = np.concatenate([[False], voxels.ravel(order="F")])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(each) for each in np.diff([0, *edges, voxels.size])]


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return grey pixels (row, column) as a PNG file."""
    rows, columns = pixels.shape
    lines = np.pad(pixels, ((0, 0), (1, 0)))  # filter 0 before each row
    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
