"""Files of a use case that one program would skip or misread are refused by name and place, before publication."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eci_annotate.demo.phantoms.plan import read_plan
from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.usecase.usecase import UseCase, forms_folder, shipped_use_cases

BOMB = "x: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n" + "".join(
    f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n" for before, after in ("ab", "bc", "cd", "de", "ef")
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(forms_folder() / "mammography", tmp_path / "case"))


def said_of(folder: Path, read: Callable[[Path], object] = UseCase.from_folder) -> str:
    with pytest.raises(BadUseCase) as refused:
        read(folder)
    return refused.value.what


@pytest.mark.parametrize("file", ["usecase.yaml", "hanging.yaml", "phantom.yaml"])
@pytest.mark.parametrize(
    ("added", "says"),
    [
        (b"\xff", "is not UTF-8"),
        (b"#" * 1_000_000, "is too large"),
        (b"x: 1\nx: 2\n", "line {line}: 'x' is written twice"),
        (b"x: .nan\n", ", x: this is no finite number"),
        (b"x: !!set {a, b}\n", ", x: this is neither text, number"),
        (b"x: !!binary aGVs\n", ", x: this is neither text, number"),
        (b"x: {no: 1}\n", ", x: the name False is no text"),
        (b"? [1, 2]\n: 3\n", "found unhashable key"),
        (b'x: "\\ud800"\n', ", x: a text has a character | invalid Unicode character"),
        (b"x: &a [*a]\n", "nested too deeply"),
        (b"x: " + b"[" * 3000 + b"]" * 3000, "nested too deeply | nesting depth"),
        (BOMB.encode(), "too many"),
        (b"x: !!python/object/apply:os.system [id]\n", "cannot be read (line"),
    ],
    ids=["latin", "large", "twice", "nan", "set", "bytes", "bool", "list", "surrogate", "ring", "deep", "bomb", "code"],
)
def test_a_damaged_yaml_file_is_named_with_the_place(folder: Path, file: str, added: bytes, says: str) -> None:
    path = folder / file
    line = path.read_bytes().count(b"\n") + 2
    path.write_bytes(path.read_bytes() + added)
    said = said_of(folder, read_plan if file == "phantom.yaml" else UseCase.from_folder)
    assert file in said and any(each in said for each in says.format(line=line).split(" | "))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"density": {', '"density": {"type": "string"}, "density": {', "'density' is written twice"),
        ('"maxItems": 3', '"maxItems": NaN', "properties/lesions/maxItems: this is no finite number"),
        ('"title": "', '"title": "\\u0000', "title: a text has a character that cannot be stored"),
        ("{", "[" * 100_000, "nested too deeply"),
        ('"type"', "'type'", "line 4"),
    ],
)
def test_a_damaged_form_is_named_with_the_place(folder: Path, old: str, new: str, says: str) -> None:
    path = folder / "report.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert "report.json" in (said := said_of(folder)) and says in said


def test_dates_are_text_and_a_mark_of_byte_order_is_skipped(folder: Path) -> None:
    text = (folder / "usecase.yaml").read_text().replace("\ntitle: ", "\ntitle: 2026-01-01 # ", 1)
    (folder / "usecase.yaml").write_text("\ufeff" + text)
    (folder / "report.json").write_text("\ufeff" + (folder / "report.json").read_text())
    assert UseCase.from_folder(folder).title == "2026-01-01"


@pytest.mark.parametrize("name", ["usecase.yaml", "report.json", "manual.md", "mammography.webp", "phantom.yaml"])
def test_a_link_out_of_the_folder_is_not_published(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / "elsewhere")
    said = said_of(folder, read_plan if name == "phantom.yaml" else UseCase.from_folder)
    assert said == f"{name} is a link to a file outside the folder."


@pytest.mark.parametrize("target", ["../../docs/x.png", "/etc/a.png", "a.svg", "https://example.org/a.png", "a b.png"])
def test_a_picture_that_a_manual_cannot_carry_is_named(folder: Path, target: str) -> None:
    (folder / "manual.md").write_text(f"![x]({target})")
    assert said_of(folder) == f"manual.md names the picture {target!r}, which it cannot carry."


def test_a_picture_is_one_of_its_kind_and_a_manual_is_a_file(folder: Path) -> None:
    (folder / "manual.md").write_text("![x](a.jpeg)")
    (folder / "a.jpeg").write_bytes(b"\xff\xd8\xff\xe0")
    assert "data:image/jpeg;base64," in UseCase.from_folder(folder).manual
    (folder / "a.jpeg").write_text(json.dumps("words"))
    assert said_of(folder) == "The picture a.jpeg of the manual is no picture of that kind."
    (folder / "manual.md").unlink()
    (folder / "manual.md").mkdir()
    assert said_of(folder) == "manual.md cannot be read."


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("modality: MG", "modality: CT", "series/0/modality: CT shows no mammogram"),
        ("modality: MG", "modality: MG, elements: {Foo: 1}", "series/0/elements/Foo: DICOM has no such keyword"),
        ("modality: MG", "modality: MG, elements: {EchoTime: abc}", "'abc' is no value of this element (DS)"),
        ("modality: MG", "modality: MG, elements: {ImageType: [A, 1]}", "is no value of this element (CS)"),
        ("modality: MG", "modality: MG, elements: {EchoTime: {a: 1}}", "is no value of this element (DS)"),
        ("modality: MG", "modality: MG, elements: {ExposureInuAs: a}", "is no value of this element"),
        ("modality: MG", "modality: MG, elements: {ViewCodeSequence: x}", "sets this itself"),
        ("modality: MG", "modality: MG, elements: {Rows: 7}", "sets this itself"),
        ("modality: MG", "modality: MG, elements: {SeriesInstanceUID: '1.2'}", "sets this itself"),
        ("modality: MG", "modality: MG, elements: {PatientName: A^B}", "sets this itself"),
        ("modality: MG", "modality: MG, values: {livr: 3}", "series/0/values: there is no 'livr'"),
        ("modality: MG", "modality: MG, shape: [512, 512, 512]", "more than 20,000,000 voxels"),
        ("modality: MG", "modality: MG, spacing_mm: [0, 1, 1]", "series/0/spacing_mm/0"),
        ("modality: MG", "modality: MG, spacing_mm: [1.0e+300, 1, 1]", "series/0/spacing_mm/0"),
        ("radii_mm: [", "radii_mm: [-", "lesions/0/radii_mm/0"),
        ("description: ", "description: \\\\", "series/0/description"),
    ],
)
def test_a_patient_that_cannot_be_made_is_named_with_the_place(folder: Path, old: str, new: str, says: str) -> None:
    path = folder / "phantom.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert (said := said_of(folder, read_plan)).startswith("phantom.yaml, ") and says in said


@pytest.mark.parametrize("name", shipped_use_cases())
def test_every_synthetic_patient_that_is_shipped_can_be_made(name: str) -> None:
    assert read_plan(forms_folder() / name).series
