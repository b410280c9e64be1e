"""The lowest versions that pyproject.toml allows, and the highest there are, pass a small part of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.counts import SOAK

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not SOAK, reason="two more environments; make soak builds them"),
]

CHECKOUT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"
# each dependency is used by one of these
PARTS = (
    "tests/test_cli.py", "tests/dicom/test_series.py", "tests/dicom/test_seg.py", "tests/dicom/test_rtstruct.py",
    "tests/batch/test_geometry.py", "tests/repository/test_offline.py", "tests/repository/test_datasets.py",
    "tests/repository/test_agreement.py", "tests/repository/test_export_formats.py", "tests/service/test_remote.py",
    "tests/service/test_matrix.py", "tests/viewer/test_task_app.py", "tests/viewer/test_form_panel.py",
    "tests/store/test_conformance.py",
)  # fmt: skip


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_the_versions_at_both_ends_pass(resolution: str, tmp_path: Path) -> None:
    python = tmp_path / "env" / "bin" / "python"
    run(UV, "venv", "-q", "--python", sys.executable, tmp_path / "env")
    run(UV, "pip", "install", "-q", "--python", python, "--resolution", resolution, f"{CHECKOUT}[lab,test]")
    options = ("-q", "-p", "no:cacheprovider", "-m", "not needs_postgres")
    run(python, "-m", "pytest", *options, *PARTS, NUMBA_CACHE_DIR=str(tmp_path / "numba"))


def run(*command: object, **env: str) -> None:
    given = {name: value for name, value in os.environ.items() if name != "ECI_SOAK"} | env
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, cwd=CHECKOUT, env=given)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
