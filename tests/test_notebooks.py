"""The notebooks run from top to bottom on a fresh repository, and their marked outputs are as stored."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.demo import workshop
from eci_annotate.demo.rehearsal import rehearse
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
HAND = """
from eci_annotate.demo.rehearsal import ANSWERS, recorded
from eci_annotate.tools import to_line

volume = task.volume()
gestures = recorded("axial", eci.grid_of(volume), volume.frame.attrs["series_uid"])
task.save([to_line(entry) for entry in gestures])
task.answer(ANSWERS)
task.sign("Drawn by recorded gestures").version
"""


@pytest.fixture
def repository(tmp_path):
    """A repository with one signed phantom and one that waits for its annotation."""
    folder = tmp_path / "repository"
    create_repository(folder, project="liver-ct", member="anna", site="KAU")
    repo = eci.open(folder)
    rehearse(repo, project="liver-ct", site="KAU")
    write_phantom(tmp_path / "axial", "axial")
    import_folders(repo.backend, [tmp_path / "axial"], project="liver-ct", site="KAU")
    return folder


def test_the_workshop_runs_where_nobody_sits(tmp_path, monkeypatch):
    monkeypatch.setenv("ECI_WORKSHOP", "recorded")
    monkeypatch.setenv("ECI_WORKSHOP_FOLDER", str(tmp_path / "workshop"))
    done = run(NOTEBOOKS / "workshop.ipynb", tmp_path / "none")
    assert done.returncode == 0, done.stdout[-4000:]
    subject = workshop.hospital(tmp_path / "workshop")
    anna = workshop.opened_as(tmp_path / "workshop", "anna")
    first, second = anna.versions(subject)
    assert workshop.truth(first).table.set_index("label").dice["lesion 3"] == 1.0
    assert second.event.predecessor == first.seal and anna.verify().passed
    (review,) = workshop.opened_as(tmp_path / "workshop", "ruth").versions(subject, "review")
    assert review.verdict == "reject" and review.places[0]["remark"] == "here"


def run(notebook, repository):
    """Run one notebook under nbval."""
    private = repository.parent / "jupyter"
    places = {n: str(private) for n in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    env = {
        **os.environ,
        "ECI_ANNOTATE_REPOSITORY": str(repository),
        **places,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-q",
        str(notebook),
    ]
    return subprocess.run(command, env=env, capture_output=True, text=True, cwd=NOTEBOOKS.parent, check=False)


def test_inspecting(repository):
    done = run(NOTEBOOKS / "02_inspect.ipynb", repository)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_task_app_opens(repository):
    done = run(NOTEBOOKS / "task_app.ipynb", repository)
    assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout[-4000:]


def test_annotating_with_recorded_gestures_and_signing(repository, tmp_path):
    notebook = json.loads((NOTEBOOKS / "01_annotate.ipynb").read_text(encoding="utf-8"))
    place = next(n for n, c in enumerate(notebook["cells"]) if "eci.annotate(task)" in "".join(c["source"]))
    hand = {**notebook["cells"][place], "id": "hand", "source": HAND}
    notebook["cells"].insert(place + 1, hand)
    copy = tmp_path / "01_annotate.ipynb"
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    done = run(copy, repository)
    assert done.returncode == 0, done.stdout[-4000:]
    repo = eci.open(repository)
    assert repo.worklist().empty
    assert sorted(repo.annotations().kind) == ["box", "box", "contours", "contours", "mask", "mask"]
    assert repo.verify().passed
