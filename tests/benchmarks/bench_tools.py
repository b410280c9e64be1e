"""The tools' own work on 512 x 512 x 200: one SmartPaint dab by radius and rule, smoothing, a stroke and its undo."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.measuring import Measured, Table, alone, timed

SHAPE = (200, 512, 512)
SPACING_MM = (2.0, 0.75, 0.75)
RADII_PX = (5, 10, 20, 40)


def _values(shape: tuple[int, int, int] = SHAPE) -> Any:
    """Soft blobs with noise, whole numbers."""
    from scipy.ndimage import gaussian_filter, zoom

    rng = np.random.default_rng(0)
    coarse = gaussian_filter(rng.normal(size=tuple(n // 8 for n in shape)), 2)
    return (zoom(coarse / coarse.std(), 8, order=1) * 60 + rng.normal(0, 12, shape)).astype(np.int16)


def dab(radius_px: int, rule: str, flat_axis: int) -> Measured:
    """One dab after another in the middle; milliseconds for one."""
    from eci_annotate.tools.smartpaint.dabs import LEVELS, cone, dab_all, tone

    shape = (96, 160, 160)  # a dab sees no more of the series
    values, field = _values(shape), np.zeros(shape, np.uint16)
    brush = cone(radius_px * SPACING_MM[2], SPACING_MM, 0.5, flat_axis)
    tones = tone(LEVELS if rule == "barrier" else 200, 2)
    centres = np.array([[48, 70 + n, 80] for n in range(20)])
    corner, locked = np.zeros(3, np.int64), np.zeros(shape, np.bool_)

    def act() -> int:
        dab_all(field, corner, locked, values, centres, brush, tones, 200, flat_axis, rule == "barrier", False)
        return int((brush > 0).sum())

    found = timed(act)
    return Measured(found.least / len(centres), found.median / len(centres), found.peak_mb, found.outcome)


def smoothing() -> Measured:
    from eci_annotate.tools.smartpaint.dabs import smoothed

    values = _values()
    return timed(lambda: smoothed(values, SPACING_MM).shape)


def stroke(act: str) -> Measured:
    """A stroke of 60 points, radius 20 px, three-dimensional; or taking it back and doing it again."""
    from eci_annotate.imaging.geometry import Grid
    from eci_annotate.imaging.volume import volume_from_array
    from eci_annotate.tools.editing.easel import Easel
    from eci_annotate.tools.editing.entries import Add, Redo, SetOption, Undo
    from eci_annotate.tools.gestures import Drag, Plane, Press, Release

    grid = Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], SPACING_MM, SHAPE, "2.25.7")
    easel = Easel.for_volume(volume_from_array(_values(), grid, series_uid="2.25.8"))
    easel.warm_up()
    easel.do(Add("u", "smartpaint", "lesion", (255, 0, 0), "2.25.8"))
    for name, value in (("radius_mm", 20 * SPACING_MM[2]), ("dimension", 3)):
        easel.do(SetOption(name, value))
    plane = Plane("axial", (0, 0, 0), grid.directions[2], grid.directions[1], SPACING_MM[2])
    path = [tuple(map(float, grid.reference_from_image([100, 256 + n, 256 + n]))) for n in range(60)]

    def draw() -> None:
        easel.do(Press(path[0], plane))  # type: ignore[arg-type]
        for point in path[1:]:
            easel.do(Drag((point,), plane))  # type: ignore[arg-type]
        easel.do(Release(path[-1], plane))  # type: ignore[arg-type]

    draw()
    if act == "draw":
        return timed(draw)

    def back_and_forth() -> None:
        easel.do(Undo())
        easel.do(Redo())

    return timed(back_and_forth)


def tables() -> list[Table]:
    dabs = Table("SmartPaint, one dab", ["radius, px", "brush", "rule", "voxels", "least, ms", "median, ms"])
    for radius in RADII_PX:
        for name, flat_axis in (("disc", 0), ("ball", -1)):
            for rule in ("classic", "barrier"):
                found = alone(dab, radius, rule, flat_axis)
                dabs.rows.append([radius, name, rule, f"{found.outcome:,}", found.least, found.median])
    dabs.note = "Spacing 2.0 x 0.75 x 0.75 mm; the radius is counted in pixels of a slice."
    whole = Table("On the whole series", ["", "least, ms", "median, ms", "peak, MB"])
    steps = {
        "smoothing (once per series, before the first stroke)": alone(smoothing),
        "a stroke of 60 points, ball of radius 20 px": alone(stroke, "draw"),
        "undo and redo of that stroke": alone(stroke, "undo"),
    }
    whole.rows = [[name, found.least, found.median, found.peak_mb] for name, found in steps.items()]
    return [dabs, whole]


if __name__ == "__main__":
    print("\n".join(table.markdown() for table in tables()))
