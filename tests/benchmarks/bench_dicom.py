"""Series and structure sets of 512 x 512 x 200: this package beside pydicom, SimpleITK, rt-utils and plastimatch."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.measuring import Measured, Table, alone, timed

SHAPE = (200, 512, 512)
SPACING_MM = (2.0, 0.75, 0.75)


def make(root: Path) -> None:
    """A CT series of 200 files, and a lobulated mask with holes and islands."""
    from eci_annotate.dicom.phantom import grid_slices
    from eci_annotate.imaging.geometry import Grid

    grid = Grid.from_arrays((-190.5, -190.5, 12), np.eye(3)[::-1], SPACING_MM, SHAPE, "2.25.7")
    (root / "ct").mkdir()
    rng = np.random.default_rng(0)
    values = rng.integers(-1000, 1500, SHAPE).astype(np.int16)
    for k, dataset in enumerate(grid_slices(grid, "CT", values, "tiny")):
        dataset.save_as(root / "ct" / f"{k:03d}.dcm", enforce_file_format=True)
    np.save(root / "mask.npy", lobulated(SHAPE))


def lobulated(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Blobs, holes and islands inside an ellipsoid: about 11 million voxels."""
    from scipy.ndimage import gaussian_filter, zoom

    rng = np.random.default_rng(1)
    coarse = gaussian_filter(rng.normal(size=tuple(n // 4 for n in shape)), (2.0, 2.6, 2.6))
    noise = zoom(coarse / coarse.std(), 4, order=1)[tuple(map(slice, shape))]
    k, j, i = (np.linspace(-1, 1, n) for n in shape)
    distance = np.sqrt((k[:, None, None] / 0.9) ** 2 + (j[None, :, None] / 0.8) ** 2 + (i[None, None, :] / 0.75) ** 2)
    return np.asarray((noise > -0.65 + 0.4 * distance) & (distance < 1))


# -- loading ------------------------------------------------------------------------
def load_ours(ct: Path) -> Measured:
    import eci_annotate as eci

    return timed(lambda: eci.load_series(ct).shape)


def load_pydicom(ct: Path) -> Measured:
    import pydicom

    def act() -> Any:
        slices = sorted((pydicom.dcmread(p) for p in ct.iterdir()), key=lambda d: float(d.ImagePositionPatient[2]))
        return np.stack([d.pixel_array for d in slices]).shape

    return timed(act)


def load_sitk(ct: Path) -> Measured:
    import SimpleITK as sitk

    def act() -> Any:
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(ct))
        return sitk.GetArrayFromImage(sitk.ReadImage(names)).shape

    return timed(act)


# -- loading from a repository ----------------------------------------------------------
def load_archived(root: Path, encrypt: bool) -> Measured:
    """Open a series of a repository that was not decoded yet: seals compared, decoded, kept as a volume."""
    import eci_annotate as eci
    from eci_annotate.repository.admin.import_dicom import import_folders
    from eci_annotate.repository.local.backend import LocalBackend

    place = root / f"repository-{encrypt}"
    eci.create_repository(place, project="liver-ct", member="anna", site="KAU", encrypt_images=encrypt)
    backend = eci.open(place).backend
    assert isinstance(backend, LocalBackend)
    import_folders(backend, [root / "ct"], project="liver-ct", site="KAU")
    subject = "ECI_KAU_S0001"
    uid = eci.open(place).studies(subject)[0].series[0].series_uid

    def act() -> Any:
        shutil.rmtree(place / "cache" / "volumes", ignore_errors=True)
        return eci.open(place).volume(uid, subject=subject).shape

    return timed(act, 3)


# -- structure sets ---------------------------------------------------------------------
def write_ours(root: Path) -> Measured:
    import eci_annotate as eci
    from eci_annotate.imaging.volume import like

    volume = eci.load_series(root / "ct")
    mask = eci.Mask.from_volume(like(volume, np.load(root / "mask.npy")), label="complex", uid="2.25.1")
    return timed(lambda: eci.write_rtstruct([mask], root / "ct", root / "ours.dcm")[0].stat().st_size)


def write_rt_utils(root: Path) -> Measured:
    from rt_utils import RTStructBuilder

    mask = np.moveaxis(np.load(root / "mask.npy"), 0, -1).copy()

    def act() -> int:
        rtstruct = RTStructBuilder.create_new(dicom_series_path=str(root / "ct"))
        rtstruct.add_roi(mask=mask, name="complex")
        rtstruct.save(str(root / "rt_utils.dcm"))
        return (root / "rt_utils.dcm").stat().st_size

    return timed(act)


def headers_rt_utils(root: Path) -> Measured:
    from rt_utils import RTStructBuilder

    return timed(lambda: bool(RTStructBuilder.create_new(dicom_series_path=str(root / "ct"))))


def read_ours(root: Path, name: str) -> Measured:
    import eci_annotate as eci

    volume = eci.load_series(root / "ct")
    true = np.load(root / "mask.npy")

    def act() -> NDArray[Any]:
        return np.asarray(eci.read_rtstruct(root / name)[0].mask_on(volume))

    found = timed(act)
    return Measured(found.least, found.median, found.peak_mb, int((found.outcome != true).sum()))


def read_rt_utils(root: Path, name: str) -> Measured:
    import pydicom
    from rt_utils import RTStruct
    from rt_utils.image_helper import load_sorted_image_series

    series = load_sorted_image_series(str(root / "ct"))
    true = np.moveaxis(np.load(root / "mask.npy"), 0, -1)

    def act() -> NDArray[Any]:
        return np.asarray(RTStruct(series, pydicom.dcmread(root / name)).get_roi_mask_by_name("complex"))

    found = timed(act)
    return Measured(found.least, found.median, found.peak_mb, int((found.outcome != true).sum()))


def plastimatch(root: Path, name: str) -> list[Any]:
    """Seconds, and voxels different, of another program that reads the file (one run)."""
    import SimpleITK as sitk

    out = Path(tempfile.mkdtemp(dir=root))
    command = ["plastimatch", "convert", "--input", root / name, "--referenced-ct", root / "ct"]
    begin = time.perf_counter()
    words = [*map(str, command), "--output-prefix", str(out), "--prefix-format", "mha"]
    subprocess.run(words, check=True, capture_output=True)
    took = 1000 * (time.perf_counter() - begin)
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(next(out.glob("*.mha"))))) > 0
    shutil.rmtree(out)
    return [took, int((mask != np.load(root / "mask.npy")).sum())]


def _row(name: str, found: Measured, base: float, *more: Any) -> list[Any]:
    return [name, found.least, found.median, f"{found.median / base:.1f}", found.peak_mb, *more]


def tables() -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root)
        return [_loading(root / "ct"), _repository(root), *_structure_sets(root)]


def _loading(ct: Path) -> Table:
    rows = {"eci_annotate.load_series": load_ours, "pydicom pixel_array, stacked": load_pydicom, "SimpleITK": load_sitk}
    found = {name: alone(step, ct) for name, step in rows.items()}
    base = next(iter(found.values())).median
    table = Table(
        "Loading a CT series, 512 x 512 x 200, uncompressed", ["", "least, ms", "median, ms", "x", "peak, MB"]
    )
    table.rows = [_row(name, each, base) for name, each in found.items()]
    table.note = "`x`: how many times as long. pydicom's row neither scales nor checks the slices."
    return table


def _repository(root: Path) -> Table:
    plain, encrypted = alone(load_archived, root, False), alone(load_archived, root, True)
    table = Table(
        "The same series from a repository, not decoded before", ["", "least, ms", "median, ms", "x", "peak, MB"]
    )
    table.rows = [
        _row("files as received", plain, plain.median),
        _row("files encrypted (AES-256-GCM)", encrypted, plain.median),
    ]
    table.note = (
        "Each file is compared with its seal, decoded, and kept as a volume; the second time it is only mapped."
    )
    return table


def _structure_sets(root: Path) -> list[Table]:
    ours, theirs, headers = alone(write_ours, root), alone(write_rt_utils, root), alone(headers_rt_utils, root)
    voxels = int(np.load(root / "mask.npy").sum())
    columns = ["", "least, ms", "median, ms", "x", "peak, MB"]
    writing = Table(f"Writing an RTSTRUCT of {voxels:,} voxels", [*columns, "file, MB"])
    writing.rows = [
        _row("eci_annotate.write_rtstruct", ours, ours.median, ours.outcome / 1e6),
        _row("rt-utils 1.2.7", theirs, ours.median, theirs.outcome / 1e6),
    ]
    writing.note = f"Both read the series' headers first; for rt-utils that takes {headers.median:.0f} ms of it."
    reading = Table("Reading it to a mask, images at hand", [*columns, "voxels different"])
    mine = alone(read_ours, root, "ours.dcm")
    others = {
        "rt-utils, its own file": alone(read_rt_utils, root, "rt_utils.dcm"),
        "rt-utils, our file": alone(read_rt_utils, root, "ours.dcm"),
        "eci_annotate, rt-utils' file": alone(read_ours, root, "rt_utils.dcm"),
    }
    reading.rows = [_row("eci_annotate, its own file", mine, mine.median, mine.outcome)]
    reading.rows += [_row(name, each, mine.median, each.outcome) for name, each in others.items()]
    for label, name in (("plastimatch, our file", "ours.dcm"), ("plastimatch, rt-utils' file", "rt_utils.dcm")):
        took, wrong = plastimatch(root, name)
        reading.rows.append([label, took, took, f"{took / mine.median:.1f}", "", wrong])
    reading.note = "rt-utils draws through voxel centres and approximates; only its own reader undoes that."
    return [writing, reading]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
