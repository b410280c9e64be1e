"""The notebooks run from top to bottom on a fresh repository, and their marked outputs are as stored."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

import eci_annotate as eci
from eci_annotate.demo import workshop
from eci_annotate.demo.rehearsal import rehearse
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from tests.archive.orthanc import orthanc
from tests.archive.xnat_contract import PASSWORD, USER, Xnat, xnat_app
from tests.ports import free_port
from tests.service.serving_app import running

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
    done = run(NOTEBOOKS / "05_workshop.ipynb", tmp_path / "none")
    assert done.returncode == 0, done.stdout[-4000:]
    subject = workshop.hospital(tmp_path / "workshop")
    anna = workshop.opened_as(tmp_path / "workshop", "anna")
    first, second = anna.versions(subject)
    assert workshop.truth(first).table.set_index("label").dice["lesion 3"] == 1.0
    assert second.event.predecessor == first.seal and anna.verify().passed
    (review,) = workshop.opened_as(tmp_path / "workshop", "ruth").versions(subject, "review")
    assert review.verdict == "reject" and review.places[0]["remark"] == "here"
    workshop.hospital(tmp_path / "class" / "late")
    shutil.copytree(tmp_path / "workshop", tmp_path / "class" / "early" / "workshop")
    early, late = workshop.progress(tmp_path / "class")
    assert (early["participant"], early["stage"], early["versions"], early["lesions"]) == ("early", "corrected", 2, 3)
    assert 0.5 < early["dice_first"] == early["dice_last"] <= 1
    assert (late["participant"], late["stage"], late["dice_first"]) == ("late", "not begun", None)


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


# with the parameters of the run, which keep it short
REPEATABLE = {
    "03_review": "",
    "04_agreement": "patients = 3",
    "06_reproduce": "",
    "07_train": "trees = 10",
}


def executed(notebook, folder):
    """Run one notebook without a browser, as papermill and nbconvert do; the notebook with its outputs."""
    private = folder / "jupyter"
    places = {n: str(private) for n in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")}
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "--stdout", notebook.name]
    done = subprocess.run(
        command, env={**os.environ, **places}, capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def outputs_of(notebook):
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [output for cell in cells for output in cell["outputs"]]


def with_parameters(name, given, folder):
    """A copy of a notebook with a cell after the tagged one that overrides it, as papermill makes it."""
    notebook = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    place = next(n for n, cell in enumerate(notebook["cells"]) if cell["metadata"].get("tags") == ["parameters"])
    notebook["cells"].insert(place + 1, {**notebook["cells"][place], "id": "given", "source": given, "metadata": {}})
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", REPEATABLE)
def test_a_notebook_runs_headless_twice_and_leaves_a_picture(name, tmp_path):
    notebook = with_parameters(name, REPEATABLE[name], tmp_path)
    for _ in range(2):
        outputs = outputs_of(executed(notebook, tmp_path))
        assert any("image/png" in output.get("data", {}) for output in outputs)
        shown = json.dumps([output for output in outputs if "image/png" not in output.get("data", {})])
        assert str(tmp_path) not in shown and "INVENTED" not in shown
        assert "not replayed" not in shown and "NOT equal" not in shown
    if name == "07_train":
        check_corrected(tmp_path)


def check_corrected(folder):
    """Each prediction is imported with its source, and its correction signed by another person."""
    repo = workshop.opened_as(folder / "work" / "train", "olga")
    predicted = [each for each in repo.all_signed() if each.task == "predict"]
    corrected = {each.subject: each for each in repo.all_signed() if each.task == "correct"}
    assert predicted and {each.subject for each in predicted} == set(corrected)
    for each in predicted:
        assert each.reader == "model" and corrected[each.subject].reader == "anna"
        sources = {json.loads(line).get("source") for line in each.journal()[1]}
        assert sources == {None, "forest/0"} and each.annotations() and corrected[each.subject].annotations()


@pytest.mark.needs_debian
def test_a_day_ends_in_a_dicomweb_archive_and_an_xnat_and_runs_again(tmp_path):
    kept, port = Xnat(), free_port()
    (tmp_path / "password").write_text(PASSWORD)
    with orthanc(tmp_path / "orthanc") as archive, running(xnat_app(kept), port):
        given = (
            f"patients, workers, dicomweb = 2, 1, {archive.dicomweb!r}\n"
            f"xnat, xnat_user, xnat_password_file = 'http://127.0.0.1:{port}', {USER!r}, 'password'"
        )
        notebook = with_parameters("08_one_day", given, tmp_path)
        for _ in range(2):
            outputs = outputs_of(executed(notebook, tmp_path))
            assert any("image/png" in output.get("data", {}) for output in outputs)
            shown = json.dumps([output for output in outputs if "image/png" not in output.get("data", {})])
            assert str(tmp_path) not in shown and "INVENTED" not in shown and "Failed" not in shown
        series = httpx.get(f"{archive.dicomweb}/series", headers={"Accept": "application/json"}).json()
    assert len({each["0020000D"]["Value"][0] for each in series}) == 2 and "INVENTED" not in json.dumps(series)
    modalities = sorted(each["00080060"]["Value"][0] for each in series)
    assert modalities == ["CT", "CT", "RTSTRUCT", "RTSTRUCT", "SR", "SR"]
    assert len(kept.collections) == 2 and len([name for name in kept.files if "/scans/" in name]) > 2
    signed = list(eci.open(tmp_path / "work" / "day" / "repository").signed_versions())
    assert {each.subject for each in signed} == {name.split("/")[5] for name in kept.files}


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("0[3-8]_*.ipynb")), ids=lambda path: path.stem)
def test_parameters_are_tagged_and_nothing_of_a_machine_is_committed(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    tagged = [cell for cell in notebook["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1 and tagged[0]["cell_type"] == "code"
    assert all("image/png" in output["data"] for output in outputs_of(notebook))
    assert not any(place in path.read_text(encoding="utf-8") for place in ("/home/", "/root/", "/tmp/", "/work/"))
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


def test_other_parameters_are_taken_and_a_changed_export_stops_the_notebook(tmp_path):
    given = "export, images, authority = 'other/export', 'other/dicom', 'other/ca.pem'"
    notebook = with_parameters("06_reproduce", given, tmp_path)
    executed(notebook, tmp_path)
    assert (tmp_path / "other" / "export").is_dir() and not (tmp_path / "work").exists()
    report = next((tmp_path / "other" / "export").glob("*_report.json"))
    good = report.read_bytes()
    report.write_bytes(good.replace(b"metastasis", b"cyst      ", 1))
    with pytest.raises(AssertionError, match="report"):
        executed(notebook, tmp_path)
    report.write_bytes(good)
    shutil.copytree(tmp_path / "other" / "export", tmp_path / "other" / "export" / "again")
    with pytest.raises(AssertionError, match="are the same version"):
        executed(notebook, tmp_path)


def test_a_wrong_path_makes_no_demonstration_over_what_is_there(tmp_path):
    """It replaced the certificate and added images, and said that all was verified."""
    (tmp_path / "ca.pem").write_text("of the hospital")
    given = "export, images, authority = 'no/export', 'dicom', 'ca.pem'"
    with pytest.raises(AssertionError, match=r"Missing: no/export, dicom\."):
        executed(with_parameters("06_reproduce", given, tmp_path), tmp_path)
    assert (tmp_path / "ca.pem").read_text() == "of the hospital" and not (tmp_path / "dicom").exists()
