"""The validator of BIDS finds no error in a prepared cohort, and none in a training set in the layout of BIDS.

It looks into the files that BIDS has names for: images of CT, and those of MR and PET, are named in `.bidsignore`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eci_annotate.repository.datasets.dataset_rules import rules_of
from eci_annotate.repository.datasets.export_dataset import export_dataset
from tests.batch.cohort_world import DATA, prepared
from tests.repository.readings_world import as_member, lesion, make, read, report, subject

VALIDATOR = Path(sys.executable).parent / "bids-validator-deno"
# what a person must decide, or what BIDS only recommends
ACCEPTED = {"TOO_FEW_AUTHORS", "NO_AUTHORS", "JSON_KEY_RECOMMENDED", "SIDECAR_KEY_RECOMMENDED"}


def codes(folder: Path) -> tuple[set[str], set[str]]:
    """Codes of errors, and of warnings that are not accepted."""
    done = subprocess.run([VALIDATOR, folder, "--json"], capture_output=True, text=True)
    issues = json.loads(done.stdout)["issues"]["issues"]
    errors = {each["code"] for each in issues if each["severity"] == "error"}
    assert bool(errors) == bool(done.returncode), done.stderr
    return errors, {each["code"] for each in issues if each["severity"] == "warning"} - ACCEPTED


@pytest.mark.parametrize("kept", [False, True])
def test_a_prepared_cohort_is_valid(tmp_path: Path, kept: bool) -> None:
    prepared(DATA / "abdomen_mr_cmb_crc_scan1", tmp_path / "out", keep_dicom=kept)
    assert codes(tmp_path / "out") == (set(), set())


def test_a_training_set_is_valid(tmp_path: Path) -> None:
    box = ("lesion 1", (4, 12, 14), (4, 5))
    folder = make(tmp_path, 1)
    read(folder, "anna", 1, report(lesion("lesion 1")), box)
    repo = as_member(folder, "olga")
    assert subject(1) in export_dataset(repo, tmp_path / "out", "bids", rules_of(include_pending=True)).rows[0].values()
    assert codes(tmp_path / "out") == (set(), set())
    assert codes(tmp_path / "out" / "derivatives" / "eci_annotate") == (set(), set())


def test_the_validator_finds_what_is_wrong(tmp_path: Path) -> None:
    prepared(DATA / "abdomen_mr_cmb_crc_scan1/t2", tmp_path / "out")
    (tmp_path / "out" / "dataset_description.json").write_text("{}")
    errors, _ = codes(tmp_path / "out")
    assert errors
