"""No patient value leaves the DICOM files: not in an error, a repr, a log, what is printed, or a file's name.

The phantom's patient is called by canary words that occur nowhere else; then all goes well, and all goes wrong.
"""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest

import eci_annotate as eci
from eci_annotate import errors
from eci_annotate.dicom import scan, structure_set
from eci_annotate.repository.local.backend import LocalBackend

CANARIES = {
    "PatientName": "Zwitscherling^Kanarius",
    "PatientID": "CANARY4711",
    "PatientBirthDate": "19230405",
    "OtherPatientIDs": "FINCH0815",
    "PatientAddress": "Volierenweg 17",
    "ReferringPhysicianName": "Vogelsang^Ornitha",
    "AccessionNumber": "ACCFINK99",
    "StudyID": "STUDYFINK",
    "StudyDescription": "Stieglitzkontrolle",
    "InstitutionName": "Klinik Nachtigall",
}
WORDS = ["Zwitscherling", "Kanarius", "CANARY4711", "FINCH0815", "Volierenweg", "Vogelsang", "ACCFINK99", "STUDYFINK"]
WORDS += ["Nachtigall", "Stieglitz", "19230405"]
SHOWN_TO_READERS = {"Stieglitz"}  # a study's description is part of the data browser, so the cache may hold it
LESION = {"label": "lesion 1", "segment": "V", "size_mm": 9.0, "classification": "cyst", "confidence": 4}
ANSWERS = {"image_quality": "good", "lesions": [LESION]}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny phantom whose patient is a canary; even the files are named after them."""
    folder = tmp_path_factory.mktemp("canary") / "Zwitscherling"
    for path in eci.write_phantom(folder, "tiny"):
        dataset = pydicom.dcmread(path)
        for keyword, value in CANARIES.items():
            setattr(dataset, keyword, value)
        dataset.PatientIdentityRemoved = "NO"
        dataset.save_as(folder / f"Kanarius_{path.name}")
        path.unlink()
    return folder


class Ears:
    """Everything that could be overheard."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def note(self, *things: Any) -> None:
        self.heard.extend(f"{thing!r} {thing}" for thing in things)

    def refused(self, act: Callable[[], Any], kind: type[Exception] = errors.EciError) -> None:
        """Run what must be refused, and keep all that the refusal says; causes of libraries are not shown."""
        with pytest.raises(kind) as caught:
            act()
        error = caught.value
        assert isinstance(error, errors.EciError) and error.what and error.remedy
        self.note(error, error.args, vars(error))
        self.heard.append("".join(traceback.format_exception_only(error)))

    def betrayals(self) -> list[str]:
        text = "\n".join(self.heard)
        return [word for word in WORDS if word.lower() in text.lower()]


@pytest.fixture
def ears(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[Ears]:
    """Listens to logs, warnings and both streams until the test ends, then judges."""
    listening = Ears()
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield listening
    out, err = capfd.readouterr()
    listening.heard += [out, err, caplog.text, *(str(each.message) for each in warned)]
    assert listening.betrayals() == []


def copied(images: Path, folder: Path) -> list[Path]:
    return sorted(Path(shutil.copytree(images, folder)).iterdir())


def edited(path: Path, **values: Any) -> None:
    dataset = pydicom.dcmread(path)
    for keyword, value in values.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)


def _missing_slice(files: list[Path]) -> None:
    files[3].unlink()


def _truncated(files: list[Path]) -> None:
    files[2].write_bytes(files[2].read_bytes()[:-900])


def _cut_in_header(files: list[Path]) -> None:
    files[2].write_bytes(files[2].read_bytes()[:400])


def _mixed(files: list[Path]) -> None:
    edited(files[1], SeriesInstanceUID="2.25.99")


def _doubled(files: list[Path]) -> None:
    shutil.copy(files[0], files[0].with_name("Vogelsang.dcm"))


def _no_spacing(files: list[Path]) -> None:
    edited(files[1], PixelSpacing=None)


def _other_frame(files: list[Path]) -> None:
    edited(files[1], FrameOfReferenceUID="2.25.98")


def _text(files: list[Path]) -> None:
    files[1].with_name("Nachtigall.dcm").write_text("Zwitscherling was here")


def _unreadable_encoding(files: list[Path]) -> None:
    dataset = pydicom.dcmread(files[0])
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    dataset.PixelData = pydicom.encaps.encapsulate([b"Kanarius"])
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(files[0])


def _empty(files: list[Path]) -> None:
    for path in files:
        path.unlink()


BAD = [_missing_slice, _truncated, _cut_in_header, _mixed, _doubled, _no_spacing, _other_frame, _text]
BAD += [_unreadable_encoding, _empty]


@pytest.mark.parametrize("spoil", BAD, ids=lambda act: act.__name__.strip("_"))
def test_what_cannot_be_loaded_tells_nothing_of_the_patient(
    images: Path, tmp_path: Path, ears: Ears, spoil: Callable[[list[Path]], None]
) -> None:
    files = copied(images, tmp_path / "Zwitscherling" / "CANARY4711")
    spoil(files)
    ears.refused(lambda: eci.load_series(files[0].parent), errors.BadImages)
    with contextlib.suppress(errors.EciError):
        ears.note(eci.load_stacks(files[0].parent))


def test_what_is_loaded_tells_nothing_of_the_patient(images: Path, tmp_path: Path, ears: Ears) -> None:
    volume = eci.load_series(images)
    files = sorted(images.iterdir())
    ears.note(volume, volume.attrs, volume._repr_html_(), eci.grid_of(volume), *map(repr, scan(files)))
    mask = eci.Mask.from_volume(volume > volume.mean(), label="lesion 1")
    (path,) = eci.write_rtstruct([mask], images, tmp_path / "rt.dcm")
    assert path.read_bytes().count(b"Zwitscherling") == 1  # the structure set belongs to the patient's own study
    ears.note(*eci.read_rtstruct(path))
    ears.refused(lambda: eci.load_series(path))
    ears.refused(lambda: eci.read_rtstruct(files[0]), errors.BadStructureSet)
    ears.refused(lambda: eci.read_rtstruct(path.read_bytes()[:-300]), errors.EciError)
    other = eci.Box((0, 0, 0), (9, 9, 9), label="box", frame_uid="2.25.5")
    ears.refused(lambda: structure_set([other], files), errors.FrameMismatch)
    ears.refused(lambda: other.mask_on(volume), errors.FrameMismatch)


def _betraying_names(folder: Path) -> list[str]:
    names = [str(path.relative_to(folder)) for path in folder.rglob("*")]
    return [name for name in names if any(word.lower() in name.lower() for word in WORDS)]


def _betraying_files(folder: Path) -> list[str]:
    """Files other than DICOM that hold a patient's value."""
    secret = [word.encode() for word in WORDS if word not in SHOWN_TO_READERS]
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".dcm")
    return [path.name for path in files if any(word in path.read_bytes() for word in secret)]


def _drawn(task: Any) -> list[str]:
    grid = eci.grid_of(task.volume())
    middle = tuple(float(v) for v in grid.reference_from_image([n / 2 for n in grid.shape]))
    series = str(task.hanging().first)
    from eci_annotate.tools import to_line
    from eci_annotate.tools.editing.entries import Add, Show
    from eci_annotate.tools.gestures import Drag, Plane, Press, Release

    plane = Plane("axial", middle, grid.directions[2], grid.directions[1], float(grid.spacing_mm[0]))
    corner = tuple(float(v) for v in grid.reference_from_image([n / 2 + 4 for n in grid.shape]))
    entries = [Show(series), Add("u1", "box", "lesion 1", (255, 0, 0), series), Press(middle, plane)]
    return [to_line(entry) for entry in (*entries, Drag((corner,), plane), Release(corner, plane))]  # type: ignore[arg-type]


def test_the_whole_path_tells_nothing_of_the_patient(images: Path, tmp_path: Path, ears: Ears) -> None:
    folder = tmp_path / "repository"
    eci.create_repository(folder, project="liver-ct", member="anna", site="KAU")
    repo = eci.open(folder)
    assert isinstance(repo.backend, LocalBackend)
    (spoilt := tmp_path / "CANARY4711").mkdir()
    shutil.copy(sorted(images.iterdir())[0], spoilt / "Kanarius.dcm")
    _cut_in_header([spoilt / "Kanarius.dcm"] * 3)
    (spoilt / "Zwitscherling.txt").write_text("Zwitscherling")
    ears.note(
        eci.import_folders(repo.backend, [images, spoilt], project="liver-ct", site="KAU", accept_identified=True)
    )
    ears.note(repo, repo.worklist().to_string(), repo.backend.subjects("liver-ct").views)
    subject = repo.worklist()["subject"].iloc[0]
    task = repo.start(subject, "annotate")
    ears.note(task, task.hanging().first, task.volume())
    ears.refused(lambda: eci.open(folder).start(subject, "annotate"), errors.Refused)
    ears.refused(lambda: task.sign("I drew this"), errors.BadAnswers)
    task.save(_drawn(task))
    task.answer(ANSWERS)
    signed = task.sign("I drew this and checked it in three planes")
    ears.note(signed, signed.event, signed.annotations(), signed.rows(), repo.annotations().to_string())
    exported = signed.export(tmp_path / "out")
    ears.note(*(path.name for path in exported), repo.verify())
    ears.refused(lambda: repo.volume("2.25.1"), errors.NotFound)
    assert _betraying_names(folder) + _betraying_names(tmp_path / "out") == []
    assert _betraying_files(folder) + _betraying_files(tmp_path / "out") == []
    _spoil_and_verify(folder, ears)


def _spoil_and_verify(folder: Path, ears: Ears) -> None:
    image = next(p for p in sorted((folder / "archive").rglob("*.dcm")) if pydicom.dcmread(p).Modality == "CT")
    content = image.read_bytes()
    image.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    ears.refused(lambda: eci.open(folder).verify(), errors.Tampered)
    image.write_bytes(content[:500])
    ears.refused(lambda: eci.open(folder).verify())


@pytest.mark.walk
def test_the_command_tells_nothing_of_the_patient(images: Path, tmp_path: Path, ears: Ears) -> None:
    def run(*words: str | Path) -> int:
        command = [sys.executable, "-m", "eci_annotate.cli", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        ears.heard += [done.stdout, done.stderr]
        assert "Traceback" not in done.stderr
        return done.returncode

    copied(images, tmp_path / "dicom")
    (tmp_path / "dicom" / "Kanarius.txt").write_text("Zwitscherling")
    assert run("init", "demo", "--project", "liver-ct", "--member", "anna", "--site", "KAU") == 0
    assert run("import", "demo", "dicom") == run("import", "demo", "dicom", "--accept-identified") == 0
    assert run("held", "list", "demo") == run("worklist", "demo") == run("verify", "demo") == 0
    assert run("export", "demo", "out") == 1
    assert run("import", "demo", tmp_path / "dicom" / "Kanarius.txt") == 1


def test_loading_in_silence_is_no_accident(images: Path) -> None:
    """The listening works: a word that is printed is heard."""
    ears = Ears()
    stream = io.StringIO()
    print(pydicom.dcmread(next(images.iterdir())).PatientName, file=stream)
    ears.note(stream.getvalue())
    assert ears.betrayals() == ["Zwitscherling", "Kanarius"]


def test_a_notebook_shows_what_happened_and_the_remedy_and_nothing_from_inside(tmp_path: Path) -> None:
    cell = f"import eci_annotate as eci\ndef mine():\n    return eci.open({str(tmp_path / 'none')!r})\nmine()"
    words = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", "-c", cell]
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env=env)
    said = done.stdout + done.stderr
    assert "NotARepository" in said and "eci-annotate init" in said and "return eci.open(" in said
    assert "opening.py" not in said and "layout.py" not in said and "Traceback" not in said
