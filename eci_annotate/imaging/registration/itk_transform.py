"""The matrix of an ITK transform in text form: points of the fixed image to points of the moving one, mm, LPS."""

from __future__ import annotations

import numpy as np

from eci_annotate.errors import BadRegistration
from eci_annotate.imaging.geometry import Floats
from eci_annotate.imaging.registration.registration import affine_map

_AGAIN = "Write the transform again with SimpleITK."
_MOST_VERSOR = 1 + 1e-9  # squared length: a longer one is no rotation


def itk_matrix(text: str) -> Floats:
    """Return the 4 x 4 matrix of a transform, or of a composite of several.

    Raises
    ------
    BadRegistration
        If the text is malformed, holds several transforms without saying how to combine them, or one that is no
        matrix.
    """
    parts = _blocks(text)
    if parts and parts[0][0] == "CompositeTransform":
        parts = parts[1:]
    elif len(parts) > 1:
        raise BadRegistration(
            "The file holds several ITK transforms and does not say how to combine them.",
            "Write them as one CompositeTransform.",
        )
    if not parts:
        raise BadRegistration("The ITK transform is empty.", _AGAIN)
    total = np.eye(4)
    for kind, values, fixed in reversed(parts):  # ITK applies the last of a composite first
        total = affine_map(_matrix_of(kind, values, fixed)) @ total
    return total


def _blocks(text: str) -> list[tuple[str, Floats, Floats]]:
    """Return kind, parameters and fixed parameters of each transform."""
    blocks: list[dict[str, str]] = []
    for line in (each.strip() for each in text.splitlines()):
        name, colon, rest = line.partition(":")
        if not line or line.startswith("#"):
            continue
        if name == "Transform" and colon:
            blocks.append({name: rest})
        elif name in ("Parameters", "FixedParameters") and colon and blocks and name not in blocks[-1]:
            blocks[-1][name] = rest
        else:
            raise BadRegistration("The ITK transform is malformed.", _AGAIN)
    return [
        (block["Transform"].strip().split("_")[0], _floats(block, "Parameters"), _floats(block, "FixedParameters"))
        for block in blocks
    ]


def _floats(block: dict[str, str], name: str) -> Floats:
    if name not in block and "CompositeTransform" not in block["Transform"]:
        raise BadRegistration("The ITK transform is malformed.", _AGAIN)
    try:
        return np.array([float(each) for each in block.get(name, "").split()])
    except ValueError as error:
        raise BadRegistration("The ITK transform is malformed.", _AGAIN) from error


def _matrix_of(kind: str, values: Floats, fixed: Floats) -> Floats:
    """Return x -> turn (x - centre) + centre + shift as a 4 x 4 matrix."""
    match kind, values.size, fixed.size:
        case "AffineTransform" | "MatrixOffsetTransformBase", 12, 3:
            turn, shift = values[:9].reshape(3, 3), values[9:]
        case "TranslationTransform", 3, 0:
            turn, shift = np.eye(3), values
        case "Euler3DTransform", 6, 3 | 4:
            turn, shift = _euler(values[:3], bool(fixed.size > 3 and fixed[3])), values[3:]
        case "VersorRigid3DTransform", 6, 3:
            turn, shift = _versor(values[:3]), values[3:]
        case "Similarity3DTransform", 7, 3:
            turn, shift = values[6] * _versor(values[:3]), values[3:6]
        case _:
            raise BadRegistration(f"ITK's {kind[:40]} is not read here.", "Write it as an affine transform.")
    centre = fixed[:3] if fixed.size else np.zeros(3)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, centre + shift - turn @ centre
    return matrix


def _euler(angles: Floats, zyx: bool) -> Floats:
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(z @ y @ x if zyx else z @ x @ y)


def _versor(vector: Floats) -> Floats:
    if not float(vector @ vector) <= _MOST_VERSOR:
        raise BadRegistration("The versor of the ITK transform is no rotation.", _AGAIN)
    x, y, z = vector
    w = max(1 - float(vector @ vector), 0.0) ** 0.5
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
