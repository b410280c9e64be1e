"""Compressed series, a scan of headers, a mask on another plane, and DICOM SEG, each beside its peers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.bench_dicom import SPACING_MM, load_ours, load_sitk, lobulated
from tests.benchmarks.measuring import Measured, Table, alone, timed

SHAPE = (100, 512, 512)
FILES = 2000
SYNTAXES = {"JPEG-LS lossless": "JPEGLSLossless", "JPEG 2000 lossless": "JPEG2000Lossless", "RLE": "RLELossless"}
COLUMNS = ("", "least, ms", "median, ms", "x", "peak, MB")


def make(root: Path) -> None:
    """A CT with the noise and the shapes of a body, uncompressed and compressed, and a mask."""
    import pydicom
    from pydicom import uid as uids
    from scipy.ndimage import gaussian_filter

    from eci_annotate.dicom.phantom import grid_slices
    from eci_annotate.imaging.geometry import Grid

    grid = Grid.from_arrays((-190.5, -190.5, 12), np.eye(3)[::-1], SPACING_MM, SHAPE, "2.25.7")
    rng = np.random.default_rng(0)
    body = gaussian_filter(rng.normal(size=SHAPE).astype(np.float32), (2, 8, 8))
    values = (body / body.std() * 60 + rng.normal(size=SHAPE) * 12).astype(np.int16)
    np.save(root / "mask.npy", lobulated(SHAPE))
    for name in ("ct", *SYNTAXES.values()):
        (root / name).mkdir()
    for k, dataset in enumerate(grid_slices(grid, "CT", values, "tiny")):
        plain = root / "ct" / f"{k:03d}.dcm"
        dataset.save_as(plain, enforce_file_format=True)
        for name in SYNTAXES.values():
            compressed = pydicom.dcmread(plain)
            compressed.compress(getattr(uids, name), generate_instance_uid=False)
            compressed.save_as(root / name / plain.name)


def make_headers(root: Path) -> None:
    """Two thousand files of ten series."""
    from eci_annotate.dicom.phantom import grid_slices
    from eci_annotate.imaging.geometry import Grid

    for number in range(10):
        grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], SPACING_MM, (FILES // 10, 64, 64), f"2.25.7{number}")
        values = np.zeros((FILES // 10, 64, 64), np.int16)
        for k, dataset in enumerate(grid_slices(grid, "MR", values, f"series {number}")):
            dataset.save_as(root / f"{number}_{k:03d}.dcm", enforce_file_format=True)


# -- headers ------------------------------------------------------------------------
def scan_ours(folder: Path) -> Measured:
    import eci_annotate as eci

    return timed(lambda: len(eci.series_in(folder)))


def scan_pydicom(folder: Path) -> Measured:
    import pydicom

    return timed(lambda: len([pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(folder.iterdir())]))


# -- a mask on another plane ----------------------------------------------------------
def mask_on_coronal(root: Path) -> Measured:
    import eci_annotate as eci
    from eci_annotate.imaging.geometry import Grid
    from eci_annotate.imaging.volume import grid_of, like, volume_from_array

    volume = eci.load_series(root / "ct")
    mask = eci.Mask.from_volume(like(volume, np.load(root / "mask.npy")), label="complex", uid="2.25.1")
    drawn = grid_of(volume)
    rows = np.array([[0, 1, 0], [0, 0, -1], [1, 0, 0]], float)  # slices go to the back, rows down, columns to the left
    spacing = (SHAPE[1] * SPACING_MM[1] / SHAPE[0], SHAPE[0] * SPACING_MM[0] / SHAPE[1], SPACING_MM[2])
    start = (-190.5, -190.5, 12 + SHAPE[0] * SPACING_MM[0])
    grid = Grid.from_arrays(start, rows, spacing, SHAPE, drawn.frame_of_reference_uid)
    coronal = volume_from_array(np.zeros(SHAPE, np.int16), grid, series_uid="2.25.9")
    return timed(lambda: int(mask.mask_on(coronal).sum()))


# -- DICOM SEG ------------------------------------------------------------------------
def write_ours(root: Path) -> Measured:
    import eci_annotate as eci
    from eci_annotate.imaging.volume import like

    volume = eci.load_series(root / "ct")
    mask = eci.Mask.from_volume(like(volume, np.load(root / "mask.npy")), label="complex", uid="2.25.1")
    return timed(lambda: eci.write_segmentation([mask], root / "ct", root / "ours.seg.dcm")[0].stat().st_size, 3)


def write_highdicom(root: Path) -> Measured:
    import highdicom as hd
    import pydicom
    from pydicom.sr.codedict import codes

    mask = np.load(root / "mask.npy")
    description = hd.seg.SegmentDescription(
        1,
        "complex",
        codes.SCT.MorphologicallyAbnormalStructure,
        codes.SCT.Mass,
        hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )

    def act() -> int:
        images = [pydicom.dcmread(path) for path in sorted((root / "ct").iterdir())]
        segmentation = hd.seg.Segmentation(
            images, mask, hd.seg.SegmentationTypeValues.BINARY, [description], hd.UID(), 1, hd.UID(), 1,
            "maker", "model", "1", "serial", omit_empty_frames=True,
        )  # fmt: skip
        segmentation.save_as(root / "highdicom.seg.dcm")
        return (root / "highdicom.seg.dcm").stat().st_size

    return timed(act, 3)


def read_ours(root: Path) -> Measured:
    import eci_annotate as eci

    volume, true = eci.load_series(root / "ct"), np.load(root / "mask.npy")

    def act() -> Any:
        return np.asarray(eci.read_segmentation(root / "ours.seg.dcm")[0].mask_on(volume))

    found = timed(act, 3)
    return Measured(found.least, found.median, found.peak_mb, int((found.outcome != true).sum()))


def read_highdicom(root: Path) -> Measured:
    import highdicom as hd
    import pydicom

    true = np.load(root / "mask.npy")
    uids = [pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in sorted((root / "ct").iterdir())]

    def act() -> Any:
        segmentation = hd.seg.segread(root / "ours.seg.dcm")
        frames = segmentation.get_pixels_by_source_instance(
            uids, combine_segments=False, assert_missing_frames_are_empty=True, ignore_spatial_locations=True
        )
        return frames[..., 0] > 0

    found = timed(act, 3)
    return Measured(found.least, found.median, found.peak_mb, int((found.outcome != true).sum()))


def _rows(found: dict[str, Measured]) -> list[list[Any]]:
    base = next(iter(found.values())).median
    return [[name, m.least, m.median, f"{m.median / base:.2f}", m.peak_mb] for name, m in found.items()]


def tables() -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root)
        (root / "headers").mkdir()
        make_headers(root / "headers")
        return [*_compressed(root), _headers(root / "headers"), _plane(root), *_segmentations(root)]


def _compressed(root: Path) -> list[Table]:
    made = []
    for words, name in SYNTAXES.items():
        found = {
            "eci_annotate.load_series": alone(load_ours, root / name),
            "SimpleITK": alone(load_sitk, root / name),
        }
        made.append(Table(f"Loading a CT series, 512 x 512 x 100, {words}", COLUMNS, _rows(found)))
    return made


def _headers(folder: Path) -> Table:
    found = {"pydicom, headers only": alone(scan_pydicom, folder), "eci_annotate.series_in": alone(scan_ours, folder)}
    return Table("Scanning the headers of 2,000 files of ten series", COLUMNS, _rows(found))


def _plane(root: Path) -> Table:
    found = alone(mask_on_coronal, root)
    table = Table("A mask on a series of another plane, 100 x 512 x 512", COLUMNS[:3] + COLUMNS[4:])
    table.rows = [["eci_annotate, Mask.mask_on", found.least, found.median, found.peak_mb]]
    table.note = f"The mask drawn has {np.prod(SHAPE) / 1e6:.0f} MB as boolean values, and so has the result."
    return table


def _segmentations(root: Path) -> list[Table]:
    writing = {"eci_annotate.write_segmentation": alone(write_ours, root), "highdicom": alone(write_highdicom, root)}
    reading = {"eci_annotate.read_segmentation": alone(read_ours, root), "highdicom": alone(read_highdicom, root)}
    rows = [[*row, m.outcome] for row, m in zip(_rows(reading), reading.values(), strict=True)]
    return [
        Table("Writing a DICOM SEG, 512 x 512 x 100", COLUMNS, _rows(writing)),
        Table("Reading it to a mask on the images", [*COLUMNS, "voxels different"], rows),
    ]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
