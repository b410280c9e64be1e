"""What a result rests on is sealed: no header, file, list or decoded volume changes without a word."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

import eci_annotate as eci
from eci_annotate.errors import Tampered
from eci_annotate.imaging.annotations import new_uid
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.admin.seal_images import seal_images
from eci_annotate.repository.repository import Repository
from tests.repository.repository_world import ANSWERS, MEANING, P, S, lines, local
from tests.repository.test_written_by_0_1 import DRAFTED, opened, unpacked
from tests.test_cli import run


@pytest.fixture(scope="module")
def drawn_folder(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one signed version, and an open draft of the next."""
    folder = Path(shutil.copytree(made, tmp_path_factory.mktemp("drawn") / "repository"))
    task = eci.open(folder).start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    task.sign(MEANING)
    return folder


@pytest.fixture
def drawn(drawn_folder: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(drawn_folder, tmp_path / "repository"))


def images(folder: Path, subject: str = S) -> list[Path]:
    """The image files of a subject."""
    paths = sorted((folder / "archive" / subject).rglob("*.dcm"))
    return [path for path in paths if pydicom.dcmread(path, stop_before_pixels=True).Modality == "CT"]


def edit(path: Path, act: Callable[[pydicom.Dataset], object]) -> None:
    """Change a file and keep its time."""
    status, dataset = path.stat(), pydicom.dcmread(path)
    act(dataset)
    dataset.save_as(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def series(repo: Repository) -> str:
    """UID of the subject's CT series."""
    return next(each.series_uid for study in repo.studies(S) for each in study.series if each.modality == "CT")


def put(**values: object) -> Callable[[pydicom.Dataset], object]:
    return lambda dataset: [setattr(dataset, key, value) for key, value in values.items()]


HEADERS = {
    "spacing": put(PixelSpacing=[2.0, 2.0]),
    "scaling": put(RescaleIntercept="-874"),
    "patient": put(PatientID="SOMEBODY-ELSE"),
    "a private element": lambda d: d.private_block(0x19, "ECI", create=True).add_new(1, "LO", "x"),
}


@pytest.mark.parametrize("change", HEADERS)
def test_a_changed_header_is_found_wherever_the_images_are_used(drawn: Path, tmp_path: Path, change: str) -> None:
    uid = series(eci.open(drawn))
    for path in images(drawn):
        edit(path, HEADERS[change])
    repo = eci.open(drawn)
    assert {c.check for c in repo.backend.trail.verify(P, S) if not c.passed} == {"image files"}
    with pytest.raises(Tampered, match="header of instance"):
        repo.volume(uid, subject=S)
    with pytest.raises(Tampered, match="header of instance"):
        repo.signed(S, "annotate", 1).export(tmp_path / "out")
    with pytest.raises(Tampered, match="header of instance"):
        repo.start(S, "annotate", rerun=True).sign(MEANING)


def test_a_signature_compares_the_files_again(drawn: Path) -> None:
    repo = eci.open(drawn)
    task = repo.start(S, "annotate", rerun=True)
    assert task.volume().shape and task.draft()
    edit(images(drawn)[0], put(PatientSex="F"))  # behind the back of a process that knows the images
    with pytest.raises(Tampered, match="header of instance"):
        task.sign(MEANING)


def test_no_image_is_added_and_none_is_lost(drawn: Path) -> None:
    uid, first = series(eci.open(drawn)), images(drawn)[0]
    extra = first.with_name(f"{new_uid()}.dcm")
    shutil.copy(first, extra)
    edit(extra, put(SOPInstanceUID=extra.stem))
    for act, said in ((extra.touch, "added"), (lambda: (extra.unlink(), first.unlink()), "missing")):
        act()
        repo = eci.open(drawn)
        assert "image lists" in {c.check for c in repo.backend.trail.verify(P, S) if not c.passed}
        with pytest.raises(Tampered, match=said):
            repo.volume(uid, subject=S)


def test_what_differs_is_not_sealed_again(drawn: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    shutil.copy(images(drawn)[1], more / "0.dcm")  # whose patient it is
    shutil.copy(images(drawn)[0], more / "1.dcm")
    edit(more / "1.dcm", put(SOPInstanceUID=new_uid(), SeriesInstanceUID=new_uid()))
    edit(images(drawn)[0], put(ImagePositionPatient=[0, 0, 7]))
    with pytest.raises(Tampered, match="since it was sealed"):
        import_folders(local(eci.open(drawn)), [more], project=P, site="KAU")


def test_a_lossless_encoding_passes_and_is_told(drawn: Path) -> None:
    for path in images(drawn)[:2]:
        dataset = pydicom.dcmread(path)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(path)
    repo = eci.open(drawn)
    found = {c.check: c for c in repo.backend.trail.verify(P, S)}
    assert all(c.passed for c in found.values())
    assert found["image files"].detail == "2 files were re-encoded; their content is the same."
    assert repo.volume(series(repo), subject=S).shape[0] == 8


def test_a_decoded_volume_is_compared_before_it_is_believed(drawn: Path) -> None:
    repo = eci.open(drawn)
    uid = series(repo)
    good = repo.volume(uid, subject=S).values.copy()
    (header,) = (drawn / "cache" / "volumes").glob("*.json")
    (values,) = (drawn / "cache" / "volumes").glob("*.npy")
    kept = header.read_bytes()
    zero = BytesIO()
    np.save(zero, np.zeros_like(good))
    values.write_bytes(zero.getvalue())
    assert np.array_equal(eci.open(drawn).volume(uid, subject=S).values, good)
    told = json.loads(kept)
    told["values"] = sha256(np.zeros_like(good).data).hexdigest()  # header and values agree with each other
    (header.with_name(f"{header.stem}-{told['values'][:16]}.npy")).write_bytes(zero.getvalue())
    header.write_text(json.dumps(told))
    assert np.array_equal(eci.open(drawn).volume(uid, subject=S).values, good)
    told = json.loads(kept)
    told["grid"]["spacing_mm"] = [9.0, 9.0, 9.0]
    header.write_text(json.dumps(told))
    again = eci.open(drawn).volume(uid, subject=S)
    assert float(again["k"][1] - again["k"][0]) != 9.0 and np.array_equal(again.values, good)


def test_the_header_index_is_not_believed_when_it_was_changed(drawn: Path) -> None:
    path = drawn / "cache" / "headers" / f"{S}.json"
    path.write_text(path.read_text().replace('"Modality":"CT"', '"Modality":"MR"'))
    (study,) = eci.open(drawn).studies(S)
    assert {each.header["Modality"] for each in study.series if each.modality == "CT"} == {"CT"}


# -- repositories of release 0.1 ------------------------------------------------
def test_old_versions_are_named_and_sealed_by_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpacked("repository", tmp_path)
    repo = opened(folder, "anna", monkeypatch)
    older = [c for c in repo.verify().checks if c.check == "headers not sealed"]
    assert older and all("Of its images only the pixels" in c.detail for c in older)
    done = seal_images(local(repo), P)
    assert set(done.sealed) >= {S, DRAFTED} and done.refused == {}
    assert seal_images(local(repo), P).sealed == []
    checks = repo.verify().checks
    assert {c.detail for c in checks if c.check == "headers not sealed" and c.subject == S} == {
        "It is older than the seal of its images' headers, 2026-12-01 00:00 UTC."
    }
    edit(images(folder)[0], put(PixelSpacing=[2.0, 2.0]))
    assert "image files" in {
        c.check for c in opened(folder, "anna", monkeypatch).backend.trail.verify(P, S) if not c.passed
    }


def test_an_old_subject_whose_pixels_changed_is_not_sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpacked("repository", tmp_path)
    edit(images(folder)[0], lambda d: setattr(d, "PixelData", bytes(len(d.PixelData))))
    done = seal_images(local(opened(folder, "anna", monkeypatch)), P)
    assert set(done.refused) == {S} and "changed since it was sealed" in done.refused[S]


def test_the_command_says_what_it_sealed(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, told, _ = run(capsys, "repository", "seal-images", drawn)
    assert code == 0
    assert "Sealed the images of 0 subjects; 1 were sealed with headers before." in told


def test_an_export_verifies_its_images_offline(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    eci.open(drawn).signed(S, "annotate", 1).export(tmp_path / "out")
    shutil.copytree(drawn / "archive" / S, tmp_path / "sent")
    shutil.copy(drawn / "authority" / "ca.pem", tmp_path / "ca.pem")
    shutil.rmtree(drawn)
    words = ("verify", tmp_path / "out", "--trust", tmp_path / "ca.pem", "--images", tmp_path / "sent")
    assert run(capsys, *words)[0] == 0
    sent = [path for path in sorted((tmp_path / "sent").rglob("*.dcm")) if pydicom.dcmread(path).Modality == "CT"]
    more = tmp_path / "sent" / "0.dcm"  # read first, and by a notebook as well
    for uid, expected in ((None, "was changed"), ("1.2.3", "was added to a sealed")):
        shutil.copy(sent[0], more)
        assert run(capsys, *words)[0] == 0, "an equal copy"
        edit(more, put(PixelSpacing=[2.0, 2.0], **({"SOPInstanceUID": uid} if uid else {})))
        code, told, _ = run(capsys, *words)
        assert code == 1 and expected in told
        more.unlink()
    edit(sent[0], put(PixelSpacing=[2.0, 2.0]))
    code, told, _ = run(capsys, *words)
    assert code == 1 and "image files" in told
    sent[0].unlink()
    code, told, _ = run(capsys, *words)
    assert code == 1 and "missing" in told
