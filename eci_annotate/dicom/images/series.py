"""Load one series as volumes of modality values; every refusal gives its reason."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr
from numpy.typing import NDArray
from pydicom import Dataset

from eci_annotate.dicom.header_digest import digest_of_header
from eci_annotate.dicom.images.attributes import units_of
from eci_annotate.dicom.images.colour import colour_attrs, is_colour
from eci_annotate.dicom.images.dicom_frames import Frame
from eci_annotate.dicom.images.element_values import value_of
from eci_annotate.dicom.images.files import Opener, Source, read, which
from eci_annotate.dicom.images.image_files import (
    ImageFile,
    Progress,
    frames_of_files,
    image_files,
    is_image,
    open_image,
)
from eci_annotate.dicom.images.pixels import (
    digest_of_0_1,
    padding_range,
    pixels_digest,
)
from eci_annotate.dicom.images.requirements import require_volumes
from eci_annotate.dicom.images.stack_values import values_of
from eci_annotate.dicom.images.stacks import (
    Stack,
    kind_attrs,
    one_stack,
    require_pictures,
    stack_with,
    stacks_of,
)
from eci_annotate.dicom.images.study import StackHeader, header_of_stack, no_search_for_garbage
from eci_annotate.dicom.images.windows import window_attrs
from eci_annotate.dicom.overlays import overlays_of
from eci_annotate.dicom.stored.room import Room
from eci_annotate.dicom.suv import suv_attrs
from eci_annotate.errors import BadImages, DamagedFile, NoImages
from eci_annotate.imaging.volume import DIMS, volume_from_array


def _grey_attrs(frames: Sequence[Frame], values: NDArray[Any]) -> dict[str, Any]:
    """Return padding, windows and inversion; of windows that differ from slice to slice those of the middle one."""
    first, middle = frames[0], frames[len(frames) // 2]
    padding = padding_range(first, values)
    shape, photometric = first.text("PresentationLUTShape"), first.text("PhotometricInterpretation")
    inverted = {"inverted": True} if photometric == "MONOCHROME1" or shape == "INVERSE" else {}
    return ({} if padding is None else {"padding": padding}) | window_attrs(middle, values) | inverted


def volume_of_stack(stack: Stack, room: Room | None = None) -> xr.DataArray:
    """Load the pixels of one stack as a volume, as `load_series` does."""
    first = stack.frames[0]
    values = values_of(stack, room)
    attrs: dict[str, Any] = {"modality": first.modality, "study_uid": first.text("StudyInstanceUID")}
    if first.modality == "CT" and units_of(first):
        attrs["units"] = units_of(first)
    attrs |= suv_attrs(stack.frames)
    attrs |= colour_attrs(first.dataset) if is_colour(first.dataset) else _grey_attrs(stack.frames, values)
    if not first.text("FrameOfReferenceUID"):
        attrs["private_frame"] = True  # no other series shares it
    attrs |= kind_attrs(stack)
    if stack.title:
        attrs |= {"stack": stack.title, "dicom_series_uid": first.series_uid}
    volume = volume_from_array(
        values,
        stack.grid,
        series_uid=stack.uid,
        instance_uids=[frame.sop_uid for frame in stack.frames],
        attrs=attrs,
    )
    if (overlay := overlays_of(stack.frames)) is not None:
        volume = volume.assign_coords(overlay=(DIMS, overlay))
    if any(frame.number for frame in stack.frames):
        volume = volume.assign_coords(frame_number=("k", [frame.number for frame in stack.frames]))
    return volume


def _frames(source: Source, progress: Progress | None, series_uid: str, room: Room | None = None) -> list[Frame]:
    images = image_files(source, progress, series_uid=series_uid, room=room)
    frames = _checked(images)
    for keyword, what in (("PatientID", "patients"), ("StudyInstanceUID", "studies")):
        named = {str(value_of(image.dataset, keyword) or "") for image in images}
        if len(named) > 1:
            warnings.warn(f"The images name {len(named)} {what}: check that they belong together.", stacklevel=3)
    return frames


def _checked(images: Sequence[ImageFile]) -> list[Frame]:
    frames = frames_of_files(images)
    require_pictures(frames)
    return frames


def _only_volume(frames: Sequence[Frame]) -> Stack:
    require_volumes(frames)
    return one_stack(frames)


def _only_stack(frames: Sequence[Frame]) -> Stack:
    """Return the only stack of a series, of any kind; refuse several as `load_series` does."""
    found = stacks_of(frames)
    return found[0] if len(found) == 1 else _only_volume(frames)


def load_series(source: Source, progress: Progress | None = None, *, series_uid: str = "") -> xr.DataArray:
    """Load one series as a volume.

    Parameters
    ----------
    source
        A folder (searched with its subfolders; structure sets and reports in it are skipped),
        one file, a ZIP archive, a DICOMDIR, or a list of files.
    progress
        Called with (files read, files in all).
    series_uid
        Which series, where there are several; see `series_in`.

    Returns
    -------
    DataArray
        Dims (k, j, i) = slice, row, column; modality values, int16 where that is exact, else int32, float32 or
        float64; coordinates in millimetres; `frame` holds its position; `instance_uid` by slice, and `frame_number`
        for multi-frame files. Padding is no measured value: NaN in floating-point volumes, the range
        `attrs["padding"]` in whole numbers; `without_padding` gives a volume with NaN in either case.

    Raises
    ------
    BadImages
        One of its kinds: NoImages, NotDicom, DamagedFile, MixedSeries, MissingSlice, UnevenSlices,
        MissingGeometry, UnsupportedImages; each states the reason and a remedy.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> ct.dims, ct.shape, ct.attrs["units"]
    (('k', 'j', 'i'), (8, 40, 56), 'HU')
    """
    room = Room()
    with no_search_for_garbage():
        stack = _only_volume(_frames(source, progress, series_uid, room))
    return volume_of_stack(stack, room)


def load_files(paths: Sequence[Path | Opener], stack_uid: str = "") -> xr.DataArray:
    """Load the files of one series as `load_series` does, or its only picture; or one of its stacks, by its UID."""
    room = Room()
    with no_search_for_garbage():
        frames = _frames(paths, None, "", room)
        stack = stack_with(stacks_of(frames), stack_uid) if stack_uid else _only_stack(frames)
    return volume_of_stack(stack, room)


def load_stacks(source: Source, progress: Progress | None = None, *, series_uid: str = "") -> list[xr.DataArray]:
    """Load one series of any kind: several volumes (phases, echoes, b-values, orientations), single pictures.

    Parameters
    ----------
    source, progress, series_uid
        As for `load_series`; `series_uid` may also be that of one stack, as annotations name it.

    Returns
    -------
    list of DataArray
        One volume each; `attrs["stack"]` says what sets it apart, for instance "b 800" or "phase 2 of 3". Slices that
        lean (gantry tilt) keep their places: their grid is sheared, `attrs["kind"]` is "slices". Pictures
        without a place in space (mammograms, clips) have one slice per frame on a plane of their own, `attrs["kind"]`
        "projection",
        and `attrs["spacing_from"]`: the element that gave the pixel spacing, or "pixels" for units of one pixel. Colour
        images have a fourth axis, `rgb`, of 8-bit numbers.

    Raises
    ------
    BadImages
        As `load_series`; MissingSlice if images are missing and nothing says which stack they belonged to.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> [stack.shape for stack in eci.load_stacks(folder)]
    [(8, 40, 56)]
    """
    try:
        stacks = stacks_of(_frames(source, progress, series_uid))
    except NoImages:
        if not (stacks := _stacks_named(source, series_uid)):
            raise
    return [volume_of_stack(stack) for stack in stacks]


def _stacks_named(source: Source, uid: str) -> list[Stack]:
    """Return the stack with a UID, which annotations on one stack of a series name; empty if there is none."""
    series: dict[str, list[ImageFile]] = {}
    for image in image_files(source) if uid else []:
        series.setdefault(str(value_of(image.dataset, "SeriesInstanceUID") or ""), []).append(image)
    found: list[Stack] = []
    for images in series.values():
        with suppress(BadImages):  # of another series
            found += [each for each in stacks_of(_checked(images)) if each.uid == uid]
    return found


def pixel_digest(path: Path | Opener) -> str:
    """SHA-256 over matrix and decoded stored pixels: the same for any lossless encoding of an image."""
    return pixels_digest(read(path))


def has_pixels_of(path: Path | Opener, sealed: str) -> bool:
    """Whether a file has the pixels with this digest, as `pixel_digest` or release 0.1 made it."""
    dataset = read(path)
    return pixels_digest(dataset) == sealed or digest_of_0_1(dataset) == sealed


def damage_of(path: Path | Opener) -> BadImages | None:
    """Decode one file; return why it cannot be, None if it can or is no image."""
    try:
        image = open_image(path)
        for frame in image.frames if image is not None else ():
            frame.pixels()
    except BadImages as error:
        return error
    return None


@dataclass(frozen=True)
class Decoded:
    """The files of one series, each read and decoded once.

    Attributes
    ----------
    digests, headers
        Pixel digest, as `pixel_digest` gives, and header digest, as `header_digest` gives, by SOP Instance UID.
    stacks, volumes
        What `stack_headers` and `load_stacks` give; empty if the series cannot be shown.
    """

    digests: dict[str, str]
    headers: dict[str, str]
    stacks: list[StackHeader]
    volumes: list[xr.DataArray]


def decode_files(files: Sequence[Path | Opener]) -> Decoded:
    """Read and decode each file of a series once."""
    datasets = [read(each, number=number) for number, each in enumerate(files)]
    heads = [digest_of_header(each) for each in datasets]  # first: it is about elements as they were read
    digests = {_sop_uid(each): pixels_digest(each) for each in datasets}
    headers = {_sop_uid(each): head for each, head in zip(datasets, heads, strict=True)}
    named = [(each, files[n], n) for n, each in enumerate(datasets)]
    try:
        images = [ImageFile(*each) for each in named if is_image(each[0], which(*each[1:]))]
        stacks = stacks_of(_checked(images)) if images else []
        return Decoded(
            digests, headers, [header_of_stack(stack) for stack in stacks], [volume_of_stack(stack) for stack in stacks]
        )
    except BadImages:
        return Decoded(digests, headers, [], [])


def _sop_uid(dataset: Dataset) -> str:
    """Return the SOP Instance UID of a whole file; pydicom gives an empty dataset for some truncated ones."""
    uid = value_of(dataset, "SOPInstanceUID")
    if uid is None:
        raise DamagedFile("A file is damaged or truncated.", "Copy it again from its archive.")
    return str(uid)
