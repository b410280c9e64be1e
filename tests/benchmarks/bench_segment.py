"""GrowCut beside itk-growcut, changed seeds, click segment, interpolation. The peer gets an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.measuring import Measured, Table, alone, timed

SHAPES = ((100, 256, 256), (64, 128, 128))
PEER = """
import sys, time, itk, numpy as np
given = np.load(sys.argv[1])
values, seeds = (itk.image_from_array(given[name]) for name in ("values", "seeds"))
taken = []
for _ in range(3):
    cut = itk.FastGrowCut.New(values)
    cut.SetSeedImage(seeds)
    begin = time.perf_counter()
    cut.Update()
    taken.append((time.perf_counter() - begin) * 1e3)
np.savez(sys.argv[2], labels=itk.array_from_image(cut.GetOutput()), taken=taken)
"""


def phantom(shape: tuple[int, int, int], noise: float = 20, seed: int = 0) -> tuple[Any, Any]:
    """A lesion in a body, and seeds of both."""
    from scipy.ndimage import gaussian_filter

    nk, nj, ni = shape
    k, j, i = (np.arange(n) - n / 2 for n in shape)
    k, j, i = k[:, None, None] / nk, j[None, :, None] / nj, i[None, None] / ni
    values = np.where((i / 0.45) ** 2 + (j / 0.42) ** 2 + 0 * k < 1, 50.0, 0.0)
    values[(i / 0.2) ** 2 + (j / 0.2) ** 2 + (k / 0.3) ** 2 < 1] = 120
    values = gaussian_filter(values + np.random.default_rng(seed).normal(0, noise, shape), 0.7)
    seeds = np.zeros(shape, np.uint8)
    seeds[nk // 2 - 3 : nk // 2 + 3, nj // 2 - 8 : nj // 2 + 8, ni // 2 - 8 : ni // 2 + 8] = 1
    seeds[:, 6:10, 6:-6] = seeds[:, -10:-6, 6:-6] = seeds[4:7, 10:-10, 10:-10] = seeds[-7:-4, 10:-10, 10:-10] = 2
    return values.astype(np.int16), seeds


def growcut(shape: tuple[int, int, int]) -> Measured:
    """All of it: from arrays to labels."""
    from eci_annotate.tools.growcut import grow

    values, seeds = phantom(shape)
    return timed(lambda: grow(values, seeds, margin=None).sum(), 3)


def more_seeds(shape: tuple[int, int, int], change: str) -> Measured:
    """A stroke of seeds more, relabelled or fewer; labels included."""
    from eci_annotate.tools.growcut.growth import Growth

    values, seeds = phantom(shape)
    growth, nk = Growth(values, 2), shape[0]
    other = seeds.copy()
    box = (slice(nk // 2 + 4, nk // 2 + 6), slice(shape[1] // 2, shape[1] // 2 + 9), slice(60, 69))
    if change == "added":
        other[box] = 1
    else:
        other[seeds == 1] = 2 if change == "relabelled" else 0
        other[box] = 1
    growth.plant(seeds)
    growth.spread()
    taken = []
    for n in range(6):
        begin = time.perf_counter()
        growth.plant(other if n % 2 == 0 else seeds)
        growth.spread()
        growth.label_map()
        taken.append((time.perf_counter() - begin) * 1e3)
    taken = taken[::2]
    return Measured(min(taken), float(np.median(taken)), 0.0)


def peer(shape: tuple[int, int, int], python: Path) -> tuple[Any, Any]:
    """What itk-growcut takes, ms, and its labels."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = Path(folder) / "given.npz", Path(folder) / "found.npz"
        values, seeds = phantom(shape)
        np.savez(given, values=values, seeds=seeds)
        subprocess.run([python, "-c", PEER, given, found], check=True)
        out = np.load(found)
        return out["taken"], out["labels"]


def ties(values: Any, seeds: Any, labels: Any) -> str:
    """Voxels whose label differs, and how many of them are not equally near to both labels."""
    from eci_annotate.tools.growcut.growth import Growth

    def distances(of: Any) -> Any:
        growth = Growth(values, 2)
        growth.plant(of)
        growth.spread()
        return growth.label_map(), growth.distances()

    ours, _ = distances(seeds)
    different = ours != labels
    near = [distances(np.where(seeds == n, n, 0))[1] for n in (1, 2)]
    return f"{int(different.sum())}, of which no tie {int((different & (near[0] != near[1])).sum())}"


def install(folder: Path) -> Path | None:
    """Make an environment with the peer; None if it cannot be had."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    done = subprocess.run([folder / "bin" / "pip", "install", "-q", "itk-growcut", "numpy"], check=False)
    return folder / "bin" / "python" if done.returncode == 0 else None


def click() -> Measured:
    """A click in a noisy lesion of 45 mm, smoothed values given."""
    from eci_annotate.tools.clicksegment.curve import block_around, curve_of
    from eci_annotate.tools.smartpaint.dabs import smoothed

    values, _ = phantom((100, 256, 256))
    spacing = (2.0, 0.8, 0.8)
    smooth, voxel = smoothed(values, spacing), (50, 128, 128)
    where = block_around(voxel, spacing, values.shape, -1)

    def act() -> int:
        curve = curve_of(smooth, voxel, where, spacing)
        return int(curve.region(max(curve.best, 0)).sum())

    return timed(act)


def interpolation() -> Measured:
    """Twenty slices between two drawn ones, 512 x 512."""
    from eci_annotate.imaging.mask_operations import interpolate

    mask = np.zeros((22, 512, 512), bool)
    j, i = np.ogrid[:512, :512]
    mask[0] = (j - 250) ** 2 + (i - 240) ** 2 < 40**2
    mask[21] = ((j - 270) / 1.5) ** 2 + (i - 260) ** 2 < 60**2
    return timed(lambda: int(interpolate(mask, (2.0, 0.7, 0.7)).sum()))


def tables() -> list[Table]:
    whole = Table("GrowCut, two labels", ["volume", "", "least, ms", "median, ms", "x"])
    with tempfile.TemporaryDirectory() as folder:
        python = install(Path(folder))
        for shape in SHAPES:
            name, ours = " x ".join(map(str, shape)), alone(growcut, shape)
            if python is not None:
                taken, labels = peer(shape, python)
                whole.rows.append([name, "itk-growcut", float(min(taken)), float(np.median(taken)), 1.0])
                whole.note += f"Voxels with another label in {name}: {ties(*phantom(shape), labels)}. "
            ratio = whole.rows[-1][2] / ours.least if python else float("nan")
            whole.rows.append([name, "eci_annotate.tools.growcut", ours.least, ours.median, ratio])
            for change in ("added", "relabelled", "deleted"):
                found = alone(more_seeds, shape, change)
                whole.rows.append([name, f"seeds {change}", found.least, found.median, ""])
    whole.note += "`x`: times as fast as the peer. One thread each."
    rest = Table("Suggestions", ["", "least, ms", "median, ms"])
    for name, found in (("click segment", alone(click)), ("interpolation of 20 slices", alone(interpolation))):
        rest.rows.append([name, found.least, found.median])
    return [whole, rest]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
