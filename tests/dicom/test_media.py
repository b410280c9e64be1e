"""ZIP archives and DICOMDIRs hold what their folder holds; what leaves the folder or the limits is refused by name."""

import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom import media
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.open_repository import open as open_repository
from tests.dicom.series_maker import make_series
from tests.repository.repository_world import P, S, local


@pytest.fixture
def folder(tmp_path):
    """Two series, a text and a structure set in folders of their own."""
    first = pydicom.dcmread(make_series(tmp_path / "all" / "one", 4, modality="CT", value=10)[0])
    other = make_series(tmp_path / "all" / "two", 3, like=first, value=50, name="t", edit=lambda d, k: setattr(
        d, "SeriesInstanceUID", "2.25.9"))  # fmt: skip
    eci.write_rtstruct([eci.Box((0, 20, 60), (5, 5, 5))], tmp_path / "all" / "one", tmp_path / "all" / "rt.dcm")
    (tmp_path / "all" / "read me.txt").write_text("hello")
    assert len(other) == 3
    return tmp_path / "all"


def zipped(folder, path, **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(folder.rglob("*")):
            if each.is_file():
                archive.write(each, each.relative_to(folder))
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def dicomdir(folder, target):
    files = FileSet()
    for each in sorted(folder.rglob("*.dcm")):
        files.add(each)
    files.write(target)
    return target / "DICOMDIR"


def source(kind, folder, tmp_path):
    if kind == "zip":
        return zipped(folder, tmp_path / "study.zip")
    return dicomdir(folder, tmp_path / "medium") if kind == "dicomdir" else folder


@pytest.mark.parametrize("kind", ["zip", "dicomdir", "folder"])
def test_a_medium_holds_what_its_folder_holds(folder, tmp_path, kind):
    place = source(kind, folder, tmp_path)
    table = eci.series_in(place)
    assert sorted(zip(table["files"], table["modality"], strict=True)) == [(3, "MR"), (4, "CT")]
    volume = eci.load_series(place, series_uid="2.25.9")
    assert (volume.values == np.arange(50, 53)[:, None, None]).all()


@pytest.mark.parametrize("kind", ["zip", "dicomdir"])
def test_a_medium_is_imported_and_leaves_nothing_behind(folder, tmp_path, kind, monkeypatch):
    room = tmp_path / "room"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    place = source(kind, folder, tmp_path)
    create_repository(tmp_path / "repository", project=P, member="anna", site="KAU")
    made = open_repository(tmp_path / "repository")
    report = import_folders(local(made), [place], project=P, site="KAU")
    assert report.subjects == {S: 8}, report
    shutil.rmtree(folder)
    assert made.volume("2.25.9").sizes["k"] == 3 and not list(room.glob("eci-import-*"))


HOSTILE = {
    "a way out": ("../../outside.dcm", b"x", "outside its folder"),
    "an absolute name": ("/etc/outside.dcm", b"x", "outside its folder"),
    "another drive": ("C:\\outside.dcm", b"x", "outside its folder"),
    "a way out on Windows": ("a\\..\\..\\b.dcm", b"x", "outside its folder"),
    "a bomb": ("bomb.dcm", bytes(20 << 20), "too large"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("use", [eci.series_in, "import"])
def test_hostile_archives_are_refused_by_name(folder, tmp_path, name, use):
    member, content, why = HOSTILE[name]
    path = zipped(folder, tmp_path / "study.zip", **{member: content})
    with pytest.raises(errors.BadMedia, match=why) as caught:
        if use == "import":
            with media.unpacked([path]):
                pass
        else:
            use(path)
    assert "outside.dcm" not in str(caught.value) and not (tmp_path / "outside.dcm").exists()


@pytest.mark.parametrize(
    ("limit", "value", "why"), [("MOST_FILES", 5, "more than 5 files"), ("MOST_BYTES", 9000, "GiB")]
)
def test_archives_beyond_the_limits_are_refused(folder, tmp_path, monkeypatch, limit, value, why):
    path = zipped(folder, tmp_path / "study.zip")
    monkeypatch.setattr(media, limit, value)
    with pytest.raises(errors.BadMedia, match=why):
        eci.series_in(path)


def test_a_size_that_is_a_lie_does_not_inflate_further(folder, tmp_path):
    path = zipped(folder, tmp_path / "study.zip", **{"lie.dcm": bytes(3 << 20)})
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\x01\x02", 0, content.rfind(b"lie.dcm"))
    content[at + 24 : at + 28] = (200).to_bytes(4, "little")  # inflated size in the directory
    path.write_bytes(content)
    with pytest.raises(errors.BadMedia, match="damaged"), media.unpacked([path]):
        pass


def test_overlapping_files_are_refused(folder, tmp_path):
    path = zipped(folder, tmp_path / "study.zip")
    content = bytearray(path.read_bytes())
    first = content.find(b"PK\x01\x02")
    second = content.find(b"PK\x01\x02", first + 4)
    content[second + 42 : second + 46] = content[first + 42 : first + 46]
    path.write_bytes(content)
    with pytest.raises(errors.BadMedia):
        eci.series_in(path)


def test_a_cut_archive_and_a_cut_file_are_named(folder, tmp_path):
    path = zipped(folder, tmp_path / "study.zip")
    content = bytearray(path.read_bytes())
    content[2000:2100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(errors.BadImages):
        eci.load_series(path, series_uid="2.25.9")
        eci.series_in(path)
        eci.load_stacks(path)


@pytest.mark.parametrize("way", [["..", "OUT"], ["/etc", "passwd"], ["A/../../B"]])
def test_a_dicomdir_that_lists_files_elsewhere_is_refused(folder, tmp_path, way):
    path = dicomdir(folder, tmp_path / "medium")
    dataset = pydicom.dcmread(path)
    record = next(each for each in dataset.DirectoryRecordSequence if "ReferencedFileID" in each)
    record.ReferencedFileID = way
    dataset.save_as(path)
    with pytest.raises(errors.BadMedia, match="not in its folder"):
        eci.series_in(path)


def test_a_link_out_of_the_medium_is_refused(folder, tmp_path):
    path = dicomdir(folder, tmp_path / "medium")
    some = media.files_listed(path)[0]
    outside = Path(shutil.move(some, tmp_path / "elsewhere.dcm"))
    some.symlink_to(outside)
    with pytest.raises(errors.BadMedia, match="not in its folder"):
        eci.series_in(path)


def test_missing_files_of_a_dicomdir_are_counted(folder, tmp_path):
    path = dicomdir(folder, tmp_path / "medium")
    media.files_listed(path)[2].unlink()
    with pytest.raises(errors.BadMedia, match="1 of 8 files"):
        eci.series_in(path)


def test_a_compressed_or_huge_dicomdir_is_refused_before_it_is_read(folder, tmp_path, monkeypatch):
    path = dicomdir(folder, tmp_path / "medium")
    dataset = pydicom.dcmread(path)
    dataset.PatientComments = "0" * 1_000_000
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    with path.open("wb") as out:
        pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    with pytest.raises(errors.BadMedia, match="compressed"):
        media.files_listed(path)
    monkeypatch.setattr(media, "MOST_LIST_BYTES", 100)
    with pytest.raises(errors.BadMedia, match="too large"):
        media.files_listed(dicomdir(folder, tmp_path / "other"))


def test_only_the_list_itself_is_left_out_of_an_archive(folder, tmp_path):
    one = next(folder.rglob("*.dcm"))
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("DICOMDIR", "a/dicomdir", "a/scan-of-dicomdir"):
            archive.write(one, name)
    with media.unpacked([path]) as (unpacked,):
        assert len([each for each in unpacked.rglob("*") if each.is_file()]) == 1
