"""nnU-Net v2, MONAI and pycocotools, in an environment of their own, read exported sets: same voxels, same places."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.repository.datasets.dataset_rules import rules_of
from eci_annotate.repository.datasets.export_dataset import export_dataset
from tests.counts import SOAK
from tests.repository.readings_world import as_member, make
from tests.repository.test_datasets import affine_of, sign

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not SOAK, reason="PyTorch in an environment of its own; make soak builds it"),
]

PACKAGES = ("torch==2.13.0", "monai>=1.5", "nnunetv2>=2.6", "nibabel>=5.3", "pycocotools>=2.0.7")
SHARES = "0.5/0.25/0.25"
PARTS = ("training", "validation", "test")
# each saves <case>.npz with image, labels and (MONAI) the affine, in the axes of the file: i, j, k
MONAI = """
import sys
from pathlib import Path
import numpy as np
from monai.data import load_decathlon_datalist
from monai.transforms import LoadImaged

root, out = map(Path, sys.argv[1:])
for part in ("training", "validation", "test"):
    try:
        rows = load_decathlon_datalist(str(root / "dataset.json"), True, part)
    except IndexError:  # MONAI's answer to a part without cases
        rows = []
    for row in rows:
        read = LoadImaged(keys=["image", "label"])(row)
        name = Path(row["image"]).name.removesuffix(".nii.gz")
        np.savez(out / f"{part}.{name}.npz", image=np.asarray(read["image"]), labels=np.asarray(read["label"]),
                 affine=np.asarray(read["image"].affine), label_affine=np.asarray(read["label"].affine))
"""
NNUNET = """
import json
import sys
from pathlib import Path
import numpy as np
from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json

root, out = map(Path, sys.argv[1:])
document = json.loads((root / "dataset.json").read_text())
some = str(next((root / "imagesTr").iterdir()))
reader = determine_reader_writer_from_dataset_json(document, some)()
for part, end in (("train", "Tr"), ("test", "Ts")):
    for label in sorted((root / f"labels{end}").glob("*.nii.gz")):
        name = label.name.removesuffix(".nii.gz")
        image, facts = reader.read_images([str(root / f"images{end}" / f"{name}_0000.nii.gz")])
        labels, _ = reader.read_seg(str(label))
        np.savez(out / f"{part}.{name}.npz", image=image[0].T, labels=labels[0].T, spacing=facts["spacing"])
"""
# saves <case>.npz with labels (k, j, i): the number of the category, where there is a region
COCO = """
import sys
from pathlib import Path
import numpy as np
from pycocotools.coco import COCO

root, out = map(Path, sys.argv[1:])
coco = COCO(str(root / "annotations.json"))
cases = {}
for image in coco.imgs.values():
    labels = np.zeros((image["height"], image["width"]), np.uint8)
    for found in coco.loadAnns(coco.getAnnIds(image["id"])):
        region = coco.annToMask(found) > 0
        assert found["area"] == region.sum() and not labels[region].any()
        j, i = np.nonzero(region)
        assert found["bbox"] == [i.min(), j.min(), i.max() - i.min() + 1, j.max() - j.min() + 1]
        labels[region] = found["category_id"]
    cases.setdefault((image["split"], image["case"]), {})[image["slice"]] = labels
for (part, name), slices in cases.items():
    np.savez(out / f"{part}.{name}.npz", labels=np.stack([slices[k] for k in sorted(slices)]))
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the trainers, without this package."""
    if given := os.environ.get("ECI_TRAINERS"):  # an environment that was made before
        return Path(given) / "bin"
    place = tmp_path_factory.mktemp("trainers") / "venv"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    subprocess.run([place / "bin" / "pip", "install", "-q", *PACKAGES], check=True, capture_output=True)
    return place / "bin"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make(tmp_path_factory.mktemp("datasets"), 6)
    sign(made)
    repo = as_member(made, "olga")
    for kind in ("nnunet", "monai", "coco"):
        export_dataset(repo, made.parent / kind, kind, rules_of(**RULES), number=7)
    return made


RULES = {"split": SHARES, "include_pending": True, "overlap": "priority", "equal_labels": "keep"}


def run(*command: object, **env: object) -> str:
    texts = {name: str(value) for name, value in env.items()}
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, env=os.environ | texts)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_cases(out: Path) -> dict[str, tuple[str, dict[str, np.ndarray]]]:
    """Part and arrays of each case that a trainer read."""
    found = {}
    for path in out.glob("*.npz"):
        part, name = path.stem.split(".", 1)
        found[name] = (part, dict(np.load(path)))
    return found


def test_monai_reads_the_same_voxels_at_the_same_places(programs: Path, folder: Path, tmp_path: Path) -> None:
    run(programs / "python", "-c", MONAI, folder.parent / "monai", tmp_path)
    read = read_cases(tmp_path)
    cases = [*eci.datasets(as_member(folder, "olga"), **RULES)]
    assert len(cases) == len(read) == 5 and {part for part, _ in read.values()} == set(PARTS)
    for image, mask, row in cases:
        part, found = read[row["case"]]
        assert part == row["part"]
        np.testing.assert_array_equal(found["image"], image.values.T)
        np.testing.assert_array_equal(found["labels"], mask.values.T)
        for affine in (found["affine"], found["label_affine"]):
            np.testing.assert_allclose(affine, affine_of(image), atol=1e-4)


def test_nnunet_finds_the_set_whole_and_reads_the_same_voxels(programs: Path, folder: Path, tmp_path: Path) -> None:
    raw = folder.parent / "nnunet"
    places = {"nnUNet_raw": raw, "nnUNet_preprocessed": tmp_path / "made", "nnUNet_results": tmp_path / "results"}
    said = run(programs / "nnUNetv2_plan_and_preprocess", "-d", 7, "--verify_dataset_integrity", "--no_pp",
               "-npfp", 1, **places)  # fmt: skip
    assert "verify_dataset_integrity Done" in said and "Error" not in said and "Warning" not in said
    assert [*(tmp_path / "made").rglob("nnUNetPlans.json")]
    (tmp_path / "out").mkdir()
    run(programs / "python", "-c", NNUNET, raw / "Dataset007_liver_ct", tmp_path / "out", **places)
    read = read_cases(tmp_path / "out")
    cases = [*eci.datasets(as_member(folder, "olga"), **RULES)]
    assert len(cases) == len(read) == 5
    for image, mask, row in cases:
        part, found = read[row["case"]]
        assert (part == "test") == (row["part"] == "test")
        np.testing.assert_array_equal(found["image"], image.values.T)
        np.testing.assert_array_equal(found["labels"], mask.values.T)
        np.testing.assert_allclose(found["spacing"], row["spacing_kji_mm"], atol=1e-4)


def test_pycocotools_reads_the_same_regions(programs: Path, folder: Path, tmp_path: Path) -> None:
    run(programs / "python", "-c", COCO, folder.parent / "coco", tmp_path)
    read = read_cases(tmp_path)
    cases = [*eci.datasets(as_member(folder, "olga"), **RULES)]
    assert len(cases) == len(read) == 5
    for _, mask, row in cases:
        part, found = read[row["case"]]
        assert part == row["part"]
        np.testing.assert_array_equal(found["labels"], mask.values)
