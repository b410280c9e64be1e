"""Training sets: only what counts, the same bytes twice, the geometry of the source, each subject in one part."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel
import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate import cli, errors
from eci_annotate.imaging.label_map import Overlap
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.datasets.class_map import ClassMap, class_map_in
from eci_annotate.repository.datasets.coco import png, run_lengths
from eci_annotate.repository.datasets.dataset_case import TrainingCase, load_case
from eci_annotate.repository.datasets.dataset_rules import rules_of
from eci_annotate.repository.datasets.export_dataset import export_dataset
from eci_annotate.repository.datasets.subject_split import DatasetPart, shares_of, split_subjects
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.repository import Repository
from tests.repository.readings_world import Box, as_member, lesion, make, read, report, subject
from tests.repository.repository_world import P, local

FORMATS = ("nnunet", "monai", "coco", "bids")
LESION, VESSEL = ("lesion 1", (4, 12, 14), (4, 5)), ("vessel", (4, 28, 40), (3, 3))
BESIDE = ("lesion 2", (4, 13, 16), (4, 5))
AGAIN = ("lesion 1", *VESSEL[1:])
DRAWN: dict[int, tuple[Box, ...]] = {
    1: (LESION, VESSEL),
    2: (LESION,),
    3: (LESION, BESIDE),
    4: (LESION,),
    6: (LESION, AGAIN),
}


def sign(folder: Path) -> None:
    """Subjects 1 to 3 are accepted, 3 with an overlap; 4 and 6 await review, 6 with equal labels; 5 is untouched."""
    for number, boxes in DRAWN.items():
        read(folder, "anna", number, report(*map(lesion, dict.fromkeys(label for label, *_ in boxes))), *boxes)
        if number < 4:
            as_member(folder, "ruth").start(subject(number), "review").sign("I looked at it", verdict="accept")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make(tmp_path_factory.mktemp("datasets"), 6)
    sign(made)
    return made


@pytest.fixture
def repo(folder: Path) -> Repository:
    return as_member(folder, "olga")


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def affine_of(image: Any) -> np.ndarray:
    """The affine (RAS) that the grid of a volume states."""
    grid = grid_of(image)
    corners = [grid.reference_from_image(np.array(at, float)) for at in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0))]
    origin, *ends = (np.asarray(each) * (-1, -1, 1) for each in corners)
    return np.vstack([np.column_stack([*(end - origin for end in ends), origin]), (0, 0, 0, 1)])


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_export_has_the_same_bytes(repo: Repository, tmp_path: Path, kind: str) -> None:
    for place in ("one", "two"):
        export_dataset(repo, tmp_path / place, kind, rules_of())
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    assert one == two and {"DATASHEET.md", "datasheet.json"} < set(one)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["one", "two"], "nothing temporary is left"
    assert b"Patient" not in b"".join(content for name, content in one.items() if name.endswith("json"))


def test_a_dataset_holds_what_counts_and_lists_the_rest(repo: Repository) -> None:
    cases = eci.datasets(repo)
    assert len(cases) == 3 and cases.plan.values == {"lesion": 1, "vessel": 2}
    rows = [row for _, _, row in cases]
    assert [row["subject"] for row in rows] == [subject(1), subject(2)]
    assert {row["verdict"] for row in rows} == {"accepted"} and {row["reader"] for row in rows} == {"anna"}
    why = {each.subject: each.why for each in cases.refused}
    assert why == {
        subject(3): "'lesion 1' and 'lesion 2' overlap.",
        subject(4): "Version 1 of annotate awaits its review.",
        subject(5): "No signed version counts.",
        subject(6): "Version 1 of annotate awaits its review.",
    }
    list(cases)
    assert len(cases.refused) == 4, "a second iteration lists nobody twice"
    pending = [row["verdict"] for _, _, row in eci.datasets(repo, include_pending=True)]
    assert pending == ["accepted", "accepted", "pending"]


def test_masks_are_the_signed_voxels(repo: Repository) -> None:
    image, mask, row = eci.datasets(repo)[0]
    (signed,) = repo.versions(subject(1))
    first, second = signed.annotations()
    expected = first.mask_on(image).values * 1 + second.mask_on(image).values * 2
    assert np.array_equal(mask.values, expected) and row["classes"] == ["lesion", "vessel"]
    assert float(image.where(mask > 0).count()) == np.count_nonzero(expected)


def test_overlaps_are_refused_or_follow_the_rule(repo: Repository) -> None:
    with pytest.raises(errors.Refused, match="overlap"):
        _ = eci.datasets(repo)[2]
    image, mask, row = eci.datasets(repo, overlap="priority")[2]
    first, second = repo.versions(subject(3))[0].annotations()
    shared = first.mask_on(image).values & second.mask_on(image).values
    assert row["overlapping_voxels"] == np.count_nonzero(shared) > 0
    assert np.array_equal(mask.values > 0, first.mask_on(image).values | second.mask_on(image).values)


def test_labels_follow_the_file_and_unknown_ones_are_refused(repo: Repository, tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text("vessel: vein\nlesion: tumour\nlesion 2: tumour\n")
    cases = eci.datasets(repo, labels=path)
    assert cases.plan.values == {"vein": 1, "tumour": 2} and cases[0][2]["classes"] == ["tumour", "vein"]
    path.write_text('{"lesion": "tumour"}')
    why = {each.subject: each.why for each in eci.datasets(repo, labels=path).refused}
    assert why[subject(1)] == "The label 'vessel' belongs to no class."
    for text in ("- lesion\n", "lesion: 1\n", "{"):
        path.write_text(text)
        with pytest.raises(errors.BadRequest, match="file of labels"):
            class_map_in(path)
    for text in ("lesion: a\nlesion: b\n", '{"a b": "x", "a  b": "y"}'):
        path.write_text(text)
        with pytest.raises(errors.BadRequest, match="twice"):
            class_map_in(path)
    path.write_text('{"lesion ": "a\\tb"}')
    assert class_map_in(path) == ClassMap({"lesion": "a b"})
    names = {"lesion 1": "lesion", "Lesion_12": "Lesion", "segment IVa": "segment IVa", "cyst-3": "cyst"}
    assert {name: ClassMap().class_of(name) for name in names} == names
    with pytest.raises(errors.Refused, match="background"):
        ClassMap().values(["background"])


@pytest.mark.parametrize("other", ["Lesion", "lesio\u0301n", "lesion\u200b", "\uff4cesion"])
def test_classes_that_look_alike_are_refused_by_name(other: str) -> None:
    label = "lesi\u00f3n" if "\u0301" in other else "lesion"
    with pytest.raises(errors.Refused, match="look alike") as refused:
        ClassMap().values([label, "vessel", other])
    assert ascii(label) in refused.value.what and ascii(other) in refused.value.what
    joined = ClassMap({label: "lesion", other: "lesion"})
    assert joined.values(map(joined.class_of, (label, other))) == {"lesion": 1}
    with pytest.raises(errors.Refused, match="background"):
        ClassMap().values(["Background"])
    with pytest.raises(errors.Refused, match="no class"):
        ClassMap().class_of("\u200b 1")


def test_equal_labels_are_refused_or_kept(repo: Repository) -> None:
    why = {each.subject: each.why for each in eci.datasets(repo, include_pending=True).refused}
    assert why[subject(6)] == "Several annotations of one series are labelled 'lesion 1'."
    *_, (_, mask, row) = eci.datasets(repo, include_pending=True, equal_labels="keep")
    assert row["subject"] == subject(6) and row["classes"] == ["lesion", "lesion"]
    assert set(np.unique(mask)) == {0, 1}


def test_nnunet_reads_its_folders(repo: Repository, tmp_path: Path) -> None:
    done = export_dataset(repo, tmp_path / "out", "nnunet", rules_of(split="0.5/0/0.5"), number=7)
    root = tmp_path / "out" / "Dataset007_liver_ct"
    document = json.loads((root / "dataset.json").read_text())
    assert document["labels"] == {"background": 0, "lesion": 1, "vessel": 2}
    assert document["channel_names"] == {"0": "CT"} and document["file_ending"] == ".nii.gz"
    assert document["numTraining"] == len(list((root / "imagesTr").iterdir()))
    cases = {row["case"]: (image, mask) for image, mask, row in eci.datasets(repo, split="0.5/0/0.5")}
    assert len(cases) == len(done.rows) == 2
    for row in done.rows:
        end = "Ts" if row["part"] == "test" else "Tr"
        image = nibabel.load(root / f"images{end}" / f"{row['case']}_0000.nii.gz")
        labels = nibabel.load(root / f"labels{end}" / f"{row['case']}.nii.gz")
        source, mask = cases[row["case"]]
        for each in (image, labels):
            np.testing.assert_allclose(each.affine, affine_of(source), atol=1e-4)
            np.testing.assert_allclose(each.get_qform(), affine_of(source), atol=1e-4)
        assert np.array_equal(np.asarray(image.dataobj).transpose(), source.values)
        assert np.array_equal(np.asarray(labels.dataobj).transpose(), mask.values)


def test_nnunet_is_not_given_a_class_that_it_takes_for_something_else(repo: Repository, tmp_path: Path) -> None:
    path = tmp_path / "labels.yaml"
    path.write_text("vessel: ignore\nlesion: tumour\n")
    with pytest.raises(errors.BadRequest, match="'ignore'"):
        export_dataset(repo, tmp_path / "out", "nnunet", rules_of(labels=path))
    path.write_text("lesion: tumour\nvessel: ignore\n")
    assert export_dataset(repo, tmp_path / "out", "nnunet", rules_of(labels=path)).rows


def test_monai_and_bids_name_files_that_exist(repo: Repository, tmp_path: Path) -> None:
    export_dataset(repo, tmp_path / "monai", "monai", rules_of())
    document = json.loads((tmp_path / "monai" / "dataset.json").read_text())
    pairs = [pair for part in DatasetPart for pair in document[part]]
    assert len(pairs) == 2 and document["labels"] == {"0": "background", "1": "lesion", "2": "vessel"}
    assert all((tmp_path / "monai" / name).is_file() for pair in pairs for name in pair.values())
    export_dataset(repo, tmp_path / "bids", "bids", rules_of())
    files = set(contents(tmp_path / "bids"))
    stem = "sub-ECIKAUS0001/anat/sub-ECIKAUS0001_run-1"
    derived = f"derivatives/eci_annotate/{stem}_dseg"
    assert {f"{stem}_ct.nii.gz", f"{stem}_ct.json", f"{derived}.nii.gz", f"{derived}.tsv"} < files
    assert {"dataset_description.json", "derivatives/eci_annotate/dataset_description.json"} < files
    people = (tmp_path / "bids" / "participants.tsv").read_text().splitlines()
    assert [line.split("\t")[0] for line in people] == ["participant_id", "sub-ECIKAUS0001", "sub-ECIKAUS0002"]


def pixels(annotation: dict[str, Any]) -> np.ndarray:
    """The pixels of run lengths, as pycocotools reads them."""
    rows, columns = annotation["segmentation"]["size"]
    runs = annotation["segmentation"]["counts"]
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape((columns, rows)).transpose()


def test_coco_holds_each_annotation_of_each_slice(repo: Repository, tmp_path: Path) -> None:
    export_dataset(repo, tmp_path / "out", "coco", rules_of())
    document = json.loads((tmp_path / "out" / "annotations.json").read_text())
    image, mask, row = eci.datasets(repo)[0]
    mine = [each for each in document["images"] if each["case"] == row["case"]]
    assert len(mine) == image.shape[0] and all((tmp_path / "out" / each["file_name"]).is_file() for each in mine)
    found = np.zeros(mask.shape, np.uint8)
    slices = {each["id"]: each["slice"] for each in mine}
    for each in document["annotations"]:
        if each["image_id"] in slices:
            set_ = pixels(each)
            found[slices[each["image_id"]]][set_] = each["category_id"]
            x, y, width, height = each["bbox"]
            assert set_[y : y + height, x : x + width].sum() == each["area"] == set_.sum()
    assert np.array_equal(found, mask.values)


def test_run_lengths_begin_with_what_is_not_set() -> None:
    assert run_lengths(np.array([[1, 0], [1, 1]], bool)) == [0, 2, 1, 1]
    assert run_lengths(np.zeros((2, 3), bool)) == [6]


def test_slices_are_readable_pictures(tmp_path: Path) -> None:
    from PIL import Image

    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    (tmp_path / "slice.png").write_bytes(png(values))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "slice.png")), values)


def test_a_subject_is_in_one_part_and_the_shares_hold() -> None:
    strata = {f"S{n}": ("lesion",) if n % 4 else ("cyst", "lesion") for n in range(200)}
    split = split_subjects(strata, (0.8, 0.1, 0.1), 0)
    assert set(split) == set(strata)
    counts = {part: [name for name in split if split[name] is part] for part in DatasetPart}
    assert [len(names) for names in counts.values()] == [160, 20, 20]
    rare = [sum(len(strata[name]) == 2 for name in names) for names in counts.values()]
    assert rare == [40, 5, 5]
    assert split == split_subjects(dict(reversed(strata.items())), (0.8, 0.1, 0.1), 0)
    assert split != split_subjects(strata, (0.8, 0.1, 0.1), 1)
    assert set(split_subjects(strata, (1.0, 0.0, 0.0), 0).values()) == {DatasetPart.TRAINING}
    for text in ("0.8", "0.8/0.1/0.2", "a/b/c", "1.1/-0.1/0", "nan/0/1"):
        with pytest.raises(errors.BadRequest, match="split"):
            shares_of(text)


def test_the_datasheet_states_rules_counts_and_refusals(repo: Repository, tmp_path: Path) -> None:
    export_dataset(repo, tmp_path / "out", "monai", rules_of(seed=3))
    sheet = json.loads((tmp_path / "out" / "datasheet.json").read_text())
    assert sheet["counts"]["cases"] == 2 and sheet["counts"]["annotations_by_class"] == {"lesion": 2, "vessel": 1}
    assert sheet["counts"]["cases_by_reader"] == {"anna": 2} and sheet["rules"]["seed"] == 3
    assert sheet["feed_position"] == repo.backend.feed()[0] > 0
    assert [each["subject"] for each in sheet["refused"]] == [subject(n) for n in (3, 4, 5, 6)]
    assert [case["seal"] for case in sheet["cases"]] == [repo.versions(subject(n))[0].seal for n in (1, 2)]
    text = (tmp_path / "out" / "DATASHEET.md").read_text()
    assert "awaits its review" in text and "| vessel | 2 | 1 |" in text
    noted = local(repo).trail.audit(AuditQuery(project=P, subject=subject(1)))["detail"].tolist()
    assert "annotate version 1 as monai" in noted


def test_a_target_with_files_and_an_empty_set_are_refused(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    with pytest.raises(errors.Refused, match="not empty"):
        export_dataset(repo, tmp_path / "old", "bids", rules_of())
    (tmp_path / "empty").mkdir()
    assert export_dataset(repo, tmp_path / "empty", "bids", rules_of()).rows
    with pytest.raises(errors.NotFound, match="No subject can be exported"):
        export_dataset(repo, tmp_path / "new", "bids", rules_of(task="other"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "old"]


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["eci-annotate", "export", *words])
    with pytest.raises(SystemExit) as done:
        cli.main()
    return done.value.code


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLUMNS", "200")
    yield


@pytest.mark.usefixtures("wide")
def test_the_command_writes_the_same(
    repo: Repository, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    export_dataset(repo, tmp_path / "api", "nnunet", rules_of(seed=2), project=P)
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(folder / "members" / "olga.key"))
    words = (str(folder), str(tmp_path / "cli"), "--format", "nnunet", "--seed", "2")
    assert run(monkeypatch, *words) == 0
    assert contents(tmp_path / "api") == contents(tmp_path / "cli")
    out = capsys.readouterr().out
    assert "2 cases written, 4 subjects refused" in out and "awaits its review" in out
    assert run(monkeypatch, *words, "--every") == 1 and "versions that count" in capsys.readouterr().err
    assert run(monkeypatch, *words, "--split", "1/1/1") == 1 and "0.8/0.1/0.1" in capsys.readouterr().err
    assert run(monkeypatch, *words, "--equal-labels", "no") == 1 and "keep" in capsys.readouterr().err
    assert run(monkeypatch, *words, "--project", "no") == 1 and "'no' not found" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    ["seg --split 1/0/0", "nifti --labels no.yaml", "rtstruct --dataset-id 2", "seg --journal", "coco --journal",
     "monai --dataset-id 2", "csv --include-pending", "nrrd --seed 1", "seg --equal-labels keep"],
)  # fmt: skip
def test_options_without_effect_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    assert run(monkeypatch, str(folder), str(tmp_path / "out"), "--format", *words.split()) == 1
    told = capsys.readouterr().err
    assert ("no effect" in told or "only" in told.lower() or "neither" in told) and not (tmp_path / "out").exists()


def test_images_in_colour_are_refused_by_name() -> None:
    grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (1, 4, 4), "1.2.3")
    signed = SimpleNamespace(volume=lambda uid: eci.volume_from_array(np.zeros((1, 4, 4, 3), np.uint8), grid))
    case = TrainingCase(signed, "1.2", 1, "accepted", (), ())  # type: ignore[arg-type]
    with pytest.raises(errors.Refused, match="colour"):
        load_case(case, {}, ClassMap(), Overlap.REFUSE)
