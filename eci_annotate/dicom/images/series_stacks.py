"""The stacks of the files of one series, with pixels that may come from other copies of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydicom import Dataset

from eci_annotate.dicom.images.dicom_frames import Frame, frames_of
from eci_annotate.dicom.images.files import Opener, read
from eci_annotate.dicom.images.image_files import ImageFile, frames_of_files, image_of
from eci_annotate.dicom.images.stacks import Stack, require_pictures, stacks_of


def stacks_of_files(files: Sequence[tuple[Path, Dataset]], pixels: Mapping[int, Opener] | None = None) -> list[Stack]:
    """Split the files of one series into stacks; pixels are read when a stack is loaded.

    Parameters
    ----------
    files
        Files of one series, and what was read of each; those without an image are passed over.
    pixels
        Content of files to take the pixels from in place of some of `files`, by their place in the list: where
        rectangles were blanked. What sets stacks apart is still read from `files`.

    Returns
    -------
    list of Stack
        None if no file holds an image.

    Raises
    ------
    BadImages
        As `load_stacks`.
    """
    frames: list[Frame] = []
    for number, (path, dataset) in enumerate(files):
        image = image_of(dataset, path, number)
        if image is not None and pixels and number in pixels:
            other = ImageFile(read(pixels[number], number=number), pixels[number], number)
            frames += frames_of(image.dataset, other.stored)
        elif image is not None:
            frames += frames_of_files([image])
    if not frames:
        return []
    require_pictures(frames)
    return stacks_of(frames)
