"""Bodies of synthetic patients: ellipsoids in millimetres from the centre of the volume (L, P, H), outermost first."""

from __future__ import annotations

from dataclasses import dataclass

Triple = tuple[float, float, float]
LESION = "lesion"  # name of the value of lesions


@dataclass(frozen=True)
class Organ:
    """An ellipsoid with its usual intensity in CT (HU) and MR (arbitrary units)."""

    name: str
    centre_mm: Triple
    radii_mm: Triple
    ct: float
    mr: float


@dataclass(frozen=True)
class Anatomy:
    """Organs, the intensities of lesions, and the usual slices: shape (k, j, i) and spacing (k, j, i) in mm."""

    organs: tuple[Organ, ...]
    lesion_ct: float
    lesion_mr: float
    shape: tuple[int, int, int]
    spacing_mm: Triple


LONG = 400.0  # beyond every slice

ANATOMIES = {
    "abdomen": Anatomy(
        (
            Organ("fat", (0, 0, 0), (150, 110, LONG), -90, 180),
            Organ("muscle", (0, 0, 0), (135, 95, LONG), 50, 300),
            Organ("liver", (-55, 5, 0), (72, 68, 75), 100, 520),
            Organ("spleen", (75, 10, 10), (28, 38, 50), 115, 420),
            Organ("bowel", (45, -40, -30), (38, 26, 34), 30, 350),
            Organ("bone", (0, 65, 0), (18, 18, LONG), 260, 200),
            Organ("aorta", (12, 38, 0), (10, 10, LONG), 150, 600),
        ),
        55, 340, (24, 96, 150), (5.0, 2.4, 2.1),
    ),
    "pelvis": Anatomy(
        (
            Organ("fat", (0, 0, 0), (165, 115, LONG), -90, 620),
            Organ("muscle", (0, 10, 0), (140, 90, LONG), 50, 220),
            Organ("mesorectum", (0, 42, 0), (42, 36, 70), -80, 640),
            Organ("rectum", (0, 42, 0), (19, 18, 66), 40, 300),
            Organ("lumen", (0, 42, 0), (9, 8, 66), 0, 90),
            Organ("bladder", (0, -38, 20), (38, 26, 32), 5, 900),
            Organ("bone", (0, 92, 0), (26, 14, LONG), 250, 180),
        ),
        60, 430, (20, 96, 120), (4.0, 2.6, 2.8),
    ),
    "breasts": Anatomy(
        (
            Organ("chest", (0, 120, 0), (180, 70, LONG), 40, 260),
            Organ("breast", (-80, 30, 0), (68, 85, 70), -90, 120),
            Organ("breast", (80, 30, 0), (68, 85, 70), -90, 120),
            Organ("gland", (-80, 18, 0), (36, 48, 38), 30, 260),
            Organ("gland", (80, 18, 0), (36, 48, 38), 30, 260),
            Organ("heart", (25, 130, 0), (48, 34, 60), 130, 420),
        ),
        70, 320, (20, 88, 144), (4.0, 2.6, 2.6),
    ),
    "mammogram": Anatomy(
        (
            Organ("breast", (0, 0, 0), (90, 100, 75), 0, 900),
            Organ("gland", (35, 5, 0), (42, 52, 40), 0, 1500),
        ),
        0, 2600, (1, 480, 320), (1.0, 0.4, 0.4),
    ),
}  # fmt: skip
