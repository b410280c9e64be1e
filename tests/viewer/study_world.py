"""A repository with one subject whose study holds several small series in one frame of reference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydicom
from pydicom.uid import generate_uid

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository

Series = Mapping[str, Any]


def write_study(folder: Path, series: Mapping[str, Series]) -> None:
    """Write the phantom once per series; each sets elements by keyword, and has its key as description."""
    for number, (description, elements) in enumerate(series.items(), 1):
        uid = generate_uid(entropy_srcs=["series", description])
        for path in write_phantom(folder / str(number), "tiny"):
            dataset = pydicom.dcmread(path)
            dataset.SeriesInstanceUID, dataset.SeriesNumber, dataset.SeriesDescription = uid, number, description
            dataset.SOPInstanceUID = generate_uid(entropy_srcs=[uid, dataset.SOPInstanceUID])
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            for keyword, value in elements.items():
                setattr(dataset, keyword, value)
            dataset.save_as(path)


def repository_of(root: Path, project: str, series: Mapping[str, Series]) -> Repository:
    """A repository of that use case, opened by its owner anna, with this study as its one subject."""
    write_study(root / "dicom", series)
    create_repository(root / "repository", project=project, member="anna", site="KAU", use_case=project)
    repository = open(root / "repository")
    import_folders(repository.backend, [root / "dicom"], project=project, site="KAU")
    return repository
