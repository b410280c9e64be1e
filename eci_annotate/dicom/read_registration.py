"""Registrations from DICOM (PS3.3 C.20.2 rigid, C.20.3 deformable) and from ITK transform files."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian

from eci_annotate.dicom.images.dicom_frames import axes
from eci_annotate.dicom.images.element_values import numbers, value_of
from eci_annotate.dicom.images.files import has_magic, read
from eci_annotate.dicom.images.tolerances import unit_of
from eci_annotate.errors import BadImages, BadRegistration, EciError
from eci_annotate.imaging.geometry import Floats, Grid
from eci_annotate.imaging.registration.itk_transform import itk_matrix
from eci_annotate.imaging.registration.registration import SAME, Deformation, Registration, affine_map

RIGID, DEFORMABLE = "1.2.840.10008.5.1.4.1.1.66.1", "1.2.840.10008.5.1.4.1.1.66.3"
AGAIN = "Export the registration again."
NOT_RIGID = 1e-2  # how far the rotation of a matrix of type RIGID may be from one: matrices are written with few digits


def read_registration(
    path: str | PathLike[str], *, source_uid: str = "", fixed_uid: str = "", moving_uid: str = ""
) -> Registration:
    """Read how one frame of reference is found in another.

    Parameters
    ----------
    path
        A DICOM Spatial Registration or Deformable Spatial Registration, or an ITK transform (.tfm, .txt).
    source_uid
        Which frame of reference of a DICOM file to map, where it has several besides the registered one.
    fixed_uid, moving_uid
        Frames of reference of an ITK transform, which names none: it maps points of the fixed image to the moving one.

    Returns
    -------
    Registration
        From the source frame to the registered one (DICOM), or from the moving frame to the fixed one (ITK).

    Raises
    ------
    BadRegistration
        If the file is none, cannot be read, or does not say which frames it maps.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> path = Path(tempfile.mkdtemp()) / "shift.tfm"
    >>> lines = ["#Insight Transform File V1.0", "Transform: TranslationTransform_double_3_3", "Parameters: 0 0 7"]
    >>> _ = path.write_text(chr(10).join([*lines, "FixedParameters:"]))
    >>> found = eci.read_registration(path, fixed_uid="1.2.4", moving_uid="1.2.3")
    >>> found.apply(eci.Box((10, 20, 30), (4, 5, 6), frame_uid="1.2.3")).centre_lps
    (10.0, 20.0, 23.0)
    """
    path = Path(path)
    try:
        if path.is_file() and not has_magic(path):
            return _from_itk(path, fixed_uid, moving_uid)
        dataset = read(path)
        kind = str(value_of(dataset, "SOPClassUID") or "")
        if kind == RIGID:
            return _rigid(dataset, source_uid)
        if kind == DEFORMABLE:
            return _deformable(dataset, source_uid)
    except BadRegistration:
        raise
    except BadImages as error:
        raise BadRegistration(error.what, error.remedy) from error
    except EciError:
        raise
    except Exception as error:  # malformed files raise many kinds
        raise BadRegistration("The registration cannot be read.", AGAIN) from error
    raise BadRegistration("This DICOM file is no registration.", "Give a file of modality REG.")


def registrations_in(content: bytes, name: str = "") -> list[Registration]:
    """Read everything that a DICOM registration registers to its frame of reference.

    Parameters
    ----------
    content
        The file.
    name
        What to call the registrations on a screen.

    Raises
    ------
    BadRegistration
        If it is none, cannot be read, or registers nothing.
    """
    try:
        dataset = read(lambda: content)
        kind = str(value_of(dataset, "SOPClassUID") or "")
        if kind not in (RIGID, DEFORMABLE):
            raise BadRegistration("This DICOM file is no registration.", "Give a file of modality REG.")
        items, keyword, of = _ITEMS[kind]
        target = _uid(dataset, "FrameOfReferenceUID")
        sources = dict.fromkeys(_uid(item, keyword) for item in dataset[items].value)
        found = [replace(of(dataset, uid), name=name) for uid in sources if uid and uid != target]
    except BadRegistration:
        raise
    except EciError as error:
        raise BadRegistration(error.what, AGAIN) from error
    except Exception as error:  # malformed files raise many kinds
        raise BadRegistration("The registration cannot be read.", AGAIN) from error
    if not found:
        raise BadRegistration("The registration registers no other frame of reference.", AGAIN)
    return found


def is_registration(content: bytes) -> bool:
    """Whether a file is a DICOM registration."""
    try:
        return str(value_of(read(lambda: content, pixels=False, tags=["SOPClassUID"]), "SOPClassUID")) in (
            RIGID,
            DEFORMABLE,
        )
    except EciError:
        return False


def itk_registration(content: bytes, fixed_uid: str, moving_uid: str, name: str = "") -> Registration:
    """Read an ITK transform (.tfm, .txt) from its content, from the moving to the fixed frame of reference."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "registration.tfm"
        path.write_bytes(content)
        return replace(read_registration(path, fixed_uid=fixed_uid, moving_uid=moving_uid), name=name)


def _rigid(dataset: Dataset, source_uid: str) -> Registration:
    target = str(value_of(dataset, "FrameOfReferenceUID") or "")
    found = {_uid(item, "FrameOfReferenceUID"): item for item in dataset.RegistrationSequence}
    if len(found) < len(dataset.RegistrationSequence):
        raise BadRegistration("The registration maps one frame of reference in several ways.", AGAIN)
    item = _chosen(found, target, source_uid)
    if target in found and np.abs(_matrix(found[target].MatrixRegistrationSequence) - np.eye(4)).max() > SAME:
        raise BadRegistration("The registration moves the frame of reference that it registers others to.", AGAIN)
    return Registration(_uid(item, "FrameOfReferenceUID"), target, _matrix(item.MatrixRegistrationSequence))


def _chosen(found: dict[str, Dataset], target: str, source_uid: str) -> Dataset:
    """Return the item of a source frame: the one asked for, or the only one besides the registered frame."""
    if "" in found and not source_uid:
        raise BadRegistration("The registration does not name the frame of reference of some images.", AGAIN)
    others = [uid for uid in found if uid != target] if not source_uid else [source_uid]
    if not target or len(others) != 1 or others[0] not in found:
        raise BadRegistration(
            f"The registration maps {len(others)} frames of reference, or not the one that was asked for.",
            "Name one: read_registration(path, source_uid=...).",
        )
    return found[others[0]]


def _uid(item: Dataset, keyword: str) -> str:
    return str(value_of(item, keyword) or "")


def _matrix(registrations: Any) -> Floats:
    """Return the product of the matrices of a registration, the first applied first."""
    items = [item for registration in registrations or () for item in registration.get("MatrixSequence") or ()]
    if not items:
        raise BadRegistration("The registration has no matrix.", AGAIN)
    total = np.eye(4)
    for item in items:
        total = _one_matrix(item) @ total
    return total


def _one_matrix(item: Dataset) -> Floats:
    values = numbers(item.FrameOfReferenceTransformationMatrix, "FrameOfReferenceTransformationMatrix")
    if values.size != 16:
        raise BadRegistration("A matrix of the registration does not have 16 values.", AGAIN)
    matrix = affine_map(values.reshape(4, 4))
    turn = matrix[:3, :3]
    kind = str(value_of(item, "FrameOfReferenceTransformationMatrixType") or "")
    if kind == "RIGID" and np.abs(turn @ turn.T - np.eye(3)).max() > NOT_RIGID:
        raise BadRegistration("A matrix of the registration is called rigid and is not.", AGAIN)
    return matrix


def _beside_deformation(item: Dataset, keyword: str) -> Floats:
    """Return the matrix before or after a deformation: in the item itself (PS3.3 C.20.3), or as in a rigid one."""
    matrices = item.get(keyword)
    if not matrices:
        return np.eye(4)
    return _one_matrix(matrices[0]) if "MatrixSequence" not in matrices[0] else _matrix(matrices)


def _deformable(dataset: Dataset, source_uid: str) -> Registration:
    target = _uid(dataset, "FrameOfReferenceUID")
    found = {_uid(item, "SourceFrameOfReferenceUID"): item for item in dataset.DeformableRegistrationSequence}
    if len(found) < len(dataset.DeformableRegistrationSequence):
        raise BadRegistration("The registration maps one frame of reference in several ways.", AGAIN)
    items = {uid: item for uid, item in found.items() if item.get("DeformableRegistrationGridSequence")}
    item = _chosen(items or found, target, source_uid)
    before = _beside_deformation(item, "PreDeformationMatrixRegistrationSequence")
    after = _beside_deformation(item, "PostDeformationMatrixRegistrationSequence")
    source = _uid(item, "SourceFrameOfReferenceUID")
    if not item.get("DeformableRegistrationGridSequence"):
        return Registration(
            source, target, np.asarray(np.linalg.inv(after @ before))
        )  # from registered to source, as stored
    grid, offsets = _grid(item.DeformableRegistrationGridSequence[0], target, _is_little(dataset))
    return Registration(source, target, None, Deformation(grid, offsets, before, after))


_ITEMS = {
    RIGID: ("RegistrationSequence", "FrameOfReferenceUID", _rigid),
    DEFORMABLE: ("DeformableRegistrationSequence", "SourceFrameOfReferenceUID", _deformable),
}


def _is_little(dataset: Dataset) -> bool:
    """Whether binary values, which pydicom leaves as they are, are in little-endian order."""
    return bool(dataset.file_meta.get("TransferSyntaxUID") != ExplicitVRBigEndian)


def _grid(item: Dataset, frame_uid: str, little: bool) -> tuple[Grid, Floats]:
    i, j, k = (int(n) for n in numbers(item.GridDimensions, "GridDimensions"))
    x, y, z = (float(n) for n in numbers(item.GridResolution, "GridResolution"))
    origin = numbers(item.ImagePositionPatient, "ImagePositionPatient")
    cosines = numbers(item.ImageOrientationPatient, "ImageOrientationPatient")
    directions = axes(cosines, unit_of(item.ImageOrientationPatient))
    data = item.VectorGridData
    offsets = np.frombuffer(data, "<f4" if little else ">f4") if isinstance(data, bytes) else np.asarray(data, float)
    if min(i, j, k) < 1 or offsets.size != 3 * i * j * k:
        raise BadRegistration("The vectors of the deformation do not fit its grid.", AGAIN)
    vectors = offsets.reshape(k, j, i, 3).astype(float)
    return Grid.from_arrays(origin, directions, (z, y, x), (k, j, i), frame_uid), vectors


def _from_itk(path: Path, fixed_uid: str, moving_uid: str) -> Registration:
    with path.open("rb") as stream:
        head = stream.read(8)
    if head == b"\x89HDF\r\n\x1a\n":
        raise BadRegistration("ITK transforms in HDF5 are not read here.", "Write it as .tfm with SimpleITK.")
    text = path.read_text("ascii", "replace") if path.stat().st_size < 1 << 24 else ""
    if not text.startswith("#Insight Transform File"):
        raise BadRegistration("This file is no registration.", "Give a DICOM REG object or an ITK transform.")
    if not fixed_uid or not moving_uid:
        raise BadRegistration(
            "An ITK transform does not say which frames of reference it maps.",
            "Name them: read_registration(path, fixed_uid=..., moving_uid=...).",
        )
    return Registration(moving_uid, fixed_uid, np.asarray(np.linalg.inv(itk_matrix(text))))
