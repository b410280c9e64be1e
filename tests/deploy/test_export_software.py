"""An export with its software is enough: an environment made from it alone gives the same figures as here.

The environment gets the wheel of the export; the packages are those of the tests, by a path file, in the versions of
the export's lock file. The notebook comes from that wheel.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import private_places

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.needs_debian  # it installs an environment
RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""
LOCKED = """
import sys
from importlib.metadata import version
lines = [line.strip().split("==") for line in open(sys.argv[1]) if not line.startswith("#")]
assert len(lines) > 50 and all(version(name) == wanted for name, wanted in lines)
"""


def run(folder: Path, *words: str | Path) -> None:
    done = subprocess.run(words, cwd=folder, env=private_places(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an export, the images and the certificate, and without their repository."""
    folder = tmp_path_factory.mktemp("given")
    ours = (sys.executable, "-m", "eci_annotate.cli")
    run(folder, *ours, "init", "demo", "--project", "liver-ct", "--member", "anna", "--site", "KAU")
    run(folder, *ours, "rehearse", "demo", "--kind", "anisotropic")
    run(folder, *ours, "phantom", "dicom", "--kind", "anisotropic")
    run(folder, *ours, "export", "demo", "export", "--journal", "--with-software")
    shutil.copy(folder / "demo" / "authority" / "ca.pem", folder)
    shutil.rmtree(folder / "demo")
    return folder


def reproduced(python: Path | str, notebook: Path, given: Path, folder: Path) -> list[Any]:
    """What 06_reproduce shows of an export, run by an interpreter in an empty folder."""
    content = json.loads(notebook.read_text())
    (place,) = (n for n, cell in enumerate(content["cells"]) if cell["metadata"].get("tags") == ["parameters"])
    source = f"export, images, authority = {[str(given / name) for name in ('export', 'dicom', 'ca.pem')]}"
    content["cells"].insert(place + 1, {**content["cells"][place], "id": "given", "source": source, "metadata": {}})
    folder.mkdir()
    (folder / "given.ipynb").write_text(json.dumps(content))
    run(folder, python, "-c", RUN, "given.ipynb", "done.ipynb")
    cells = json.loads((folder / "done.ipynb").read_text())["cells"]
    outputs = [each for cell in cells for each in cell.get("outputs", [])]
    return [each.get("text") or each["data"] for each in outputs]


def test_an_environment_made_from_the_export_alone_gives_equal_figures(given: Path, tmp_path: Path) -> None:
    here = reproduced(sys.executable, ROOT / "notebooks" / "06_reproduce.ipynb", given, tmp_path / "here")
    env, software = tmp_path / "env", given / "export" / "software"
    (wheel,) = software.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", env], check=True)
    python = env / "bin" / "python"
    run(tmp_path, sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(env)}))
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"))  # path files in there are not followed
    run(tmp_path, python, "-c", f"import eci_annotate as e; assert e.__file__.startswith({str(site)!r}), e.__file__")
    run(tmp_path, python, "-c", LOCKED, software / "requirements.txt")
    there = reproduced(python, site / "eci_annotate" / "notebooks" / "06_reproduce.ipynb", given, tmp_path / "there")
    assert there == here
    assert sum("image/png" in each for each in here) == 1 and "NOT equal" not in str(here)
    assert "equal to the signed snapshot, bit for bit" in str(here)
