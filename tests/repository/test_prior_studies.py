"""Of several studies the newest with images is the current one, and a report belongs to it."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from eci_annotate.archive.protocol import Study, hanging_headers
from eci_annotate.dicom.images.study import folder_headers
from eci_annotate.errors import NoImages
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.local.artefacts import report_series
from eci_annotate.repository.open_repository import open
from tests.dicom.series_maker import make_series
from tests.repository.repository_world import P, S, local


@pytest.fixture
def studies(tmp_path: Path) -> list[Study]:
    """A CT of 2020, one of 2021 in which one file lacks the date, and a report of 2022 in a study of its own."""
    for year in (2021, 2020, 2022):

        def edit(dataset: pydicom.Dataset, k: int, year: int = year) -> None:
            dataset.PatientID, dataset.StudyInstanceUID = "P1", f"1.2.{year}"
            dataset.StudyDate = "" if (year, k) == (2021, 0) else f"{year}0101"
            if year == 2022:
                dataset.Modality = "SR"
                del dataset.PixelData, dataset.Rows, dataset.Columns

        make_series(tmp_path / "dicom" / str(year), 1 if year == 2022 else 4, modality="CT", edit=edit)
    create_repository(tmp_path / "repository", project=P, member="anna", site="KAU")
    repo = open(tmp_path / "repository")
    imported = import_folders(local(repo), [tmp_path / "dicom"], project=P, site="KAU")
    assert imported.subjects == {S: 9}
    return repo.studies(S)


def test_a_later_report_and_a_missing_date_make_no_images_prior_ones(studies: list[Study]) -> None:
    assert [each.date for each in studies] == ["20200101", "20210101", "20220101"]
    assert [each["study"] for each in hanging_headers(studies)] == ["prior", "current", "current"]


def test_a_folder_has_the_same_current_study_although_a_series_lacks_the_date(tmp_path: Path) -> None:
    for number, date in enumerate(("20210101", "", "20200101")):

        def edit(dataset: pydicom.Dataset, k: int, number: int = number, date: str = date) -> None:
            dataset.StudyInstanceUID, dataset.StudyDate = f"1.2.{number // 2}", date
            dataset.SeriesDescription = f"series {number}"

        make_series(tmp_path / str(number), 3, modality="CT", edit=edit)
    found = {header["SeriesDescription"]: header["study"] for _, header in folder_headers(tmp_path)}
    assert found == {"series 0": "current", "series 1": "current", "series 2": "prior"}


def test_a_report_belongs_to_the_newest_study_that_was_drawn_on(studies: list[Study]) -> None:
    prior, current = (study.series[0].series_uid for study in studies[:2])
    assert report_series(studies, []) == report_series(studies, [prior, current]) == current
    assert report_series(studies, [prior]) == prior
    with pytest.raises(NoImages):
        report_series(studies[2:], [])
