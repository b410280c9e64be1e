"""Tilted series and clips in colour are drawn on, signed, verified and exported like any series."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from eci_annotate.dicom.rtstruct.read import read_rtstruct
from eci_annotate.errors import Tampered
from eci_annotate.hub.signing.thumbnails import picture
from eci_annotate.imaging.geometry import tuple3
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.entries import Add, Show
from eci_annotate.tools.gestures import Drag, Plane, Press, Release
from tests.dicom.colour_maker import colour_file
from tests.dicom.series_maker import make_series
from tests.repository.repository_world import ANSWERS, MEANING, P, S, anchor, local

CLIP, TILTED = "2.25.77", "2.25.78"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    def edit(dataset, k):
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient, dataset.SeriesInstanceUID = [x, float(y) + 0.8 * k, z], TILTED
        rows, columns = np.mgrid[: dataset.Rows, : dataset.Columns]
        dataset.PixelData = (100 * k + rows + columns).astype(np.int16).tobytes()

    paths = make_series(tmp_path / "dicom", 8, modality="CT", edit=edit)
    colour_file(tmp_path / "dicom" / "clip.dcm", "YBR_FULL", 4, like=pydicom.dcmread(paths[0]))
    clip = pydicom.dcmread(tmp_path / "dicom" / "clip.dcm")
    clip.SeriesInstanceUID = CLIP
    clip.save_as(tmp_path / "dicom" / "clip.dcm")
    create_repository(tmp_path / "repository", project=P, member="anna", site="KAU")
    made = open(tmp_path / "repository")
    report = import_folders(local(made), [tmp_path / "dicom"], project=P, site="KAU")
    assert report.subjects == {S: 9} and not report.not_shown and not report.held
    return made


def box_lines(repo: Repository, uid: str, number: int, tool: str = "box") -> list[str]:
    """A shape around the middle of a slice."""
    grid = grid_of(repo.volume(uid))
    middle = np.array([grid.shape[0] // 2, grid.shape[1] / 2, grid.shape[2] / 2])

    def at(j: float, i: float):
        return tuple3(grid.reference_from_image(middle + [0, j, i]))

    plane = Plane("axial", at(0, 0), grid.directions[2], grid.directions[1], grid.slice_mm)
    path = (at(-4.3, 6.2), at(5.1, 6.4)) + ((at(5.2, -6.0),) if tool != "box" else ())
    entries = [
        Show(uid),
        Add(f"u{number}", tool, f"lesion {number}", (255, 0, 0), uid),
        Press(at(-4.1, -6.1), plane),
        Drag(path, plane),
        Release(path[-1], plane),
    ]
    return [to_line(entry) for entry in entries]


@pytest.mark.parametrize("tool", ["box", "freedraw", "smartpaint"])
def test_what_is_drawn_is_signed_and_comes_back(repo: Repository, tmp_path: Path, tool: str) -> None:
    task = repo.start(S, "annotate", project=P)
    task.save(box_lines(repo, TILTED, 1, tool) + box_lines(repo, CLIP, 2, tool))
    lesions = [{**ANSWERS["lesions"][0], "label": f"lesion {n}"} for n in (1, 2)]
    task.answer({**ANSWERS, "lesions": lesions})
    signed = task.sign(MEANING)
    drawn = {each.series_uid: each for each in signed.annotations()}
    assert set(drawn) == {CLIP, TILTED}
    signed.export(tmp_path / "out")
    files = [p for p in (tmp_path / "out").rglob("*.dcm") if pydicom.dcmread(p).Modality == "RTSTRUCT"]
    for path in files:
        (back,) = read_rtstruct(path)
        before, after = (each.mask_on(repo.volume(back.series_uid)).values for each in (drawn[back.series_uid], back))
        assert before.any() and (before == after).all()
    assert len(files) == 2
    repo.verify()
    assert all(check.passed for check in verify_exported(tmp_path / "out", [anchor(tmp_path / "repository")]))
    assert all(picture(each, repo.volume(uid), None).startswith("data:image/png") for uid, each in drawn.items())


def test_a_changed_colour_is_found(repo: Repository) -> None:
    archive = local(repo).context.layout.root / "archive"
    (path,) = [p for p in archive.rglob("*.dcm") if pydicom.dcmread(p).SeriesInstanceUID == CLIP]
    clip = pydicom.dcmread(path)
    clip.PixelData = clip.PixelData[:-2] + bytes([clip.PixelData[-2] ^ 8, clip.PixelData[-1]])
    path.chmod(0o600)
    clip.save_as(path)
    with pytest.raises(Tampered, match="pixels"):
        open(local(repo).context.layout.root).volume(CLIP)
