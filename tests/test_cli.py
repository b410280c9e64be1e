"""The command, run as people run it: what it prints, its exit code, and that a refusal is one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eci_annotate.cli import app, main, page_server
from eci_annotate.version import __version__


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of the command, in this process."""
    argv, sys.argv = sys.argv, ["eci-annotate", *map(str, words)]
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    else:
        code = 0
    finally:
        sys.argv = argv
    out, err = capsys.readouterr()
    return code, " ".join(out.split()), " ".join(err.split())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a phantom, and a repository that it was imported into."""
    root = tmp_path_factory.mktemp("cli")
    for words in (
        ["phantom", "dicom", "--kind", "tiny"],
        ["init", "demo", "--project", "liver-ct", "--member", "anna", "--site", "KAU"],
    ):
        subprocess.run([sys.executable, "-m", "eci_annotate.cli", *words], cwd=root, check=True, capture_output=True)
    (root / "dicom" / "notes.txt").write_text("no image")
    return root


def test_root_leaves_nothing_in_the_repository_of_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = tmp_path / "demo"
    assert run(capsys, "init", demo, "--member", "anna")[0] == 0
    if os.geteuid() == 0:
        os.chown(demo / "eci.json", 4711, 4712)
    monkeypatch.setattr("eci_annotate.cli.terminal.os.geteuid", lambda: 0)
    owner = (demo / "eci.json").stat()
    before = sorted(demo.rglob("*"))
    for words in (["worklist", demo], ["verify", demo], ["member", "code", demo, "anna"], ["audit", demo]):
        code, _, err = run(capsys, *words)
        assert code == 1 and f"setpriv --reuid={owner.st_uid} --regid={owner.st_gid}" in err
    assert sorted(demo.rglob("*")) == before


def test_the_path_from_the_command_line(
    made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    demo = made / "demo"
    code, out, _ = run(capsys, "import", demo, made / "dicom")
    assert code == 0 and "ECI_KAU_S0001 │ 8" in out and "no DICOM file │ 1" in out
    code, out, _ = run(capsys, "import", demo, made / "dicom")
    assert code == 0 and "there already │ 8" in out and "ECI_KAU_S0002" not in out
    code, out, _ = run(capsys, "worklist", demo)
    assert code == 0 and "ECI_KAU_S0001 │ annotate" in out
    code, out, err = run(capsys, "export", demo, made / "out")
    assert code == 1 and err == "No signed version matches. Sign a task first, or choose other versions with --every."
    _sign(demo)
    code, out, _ = run(capsys, "export", demo, made / "out")
    assert code == 0 and "ECI_KAU_S0001 │ annotate │ 1 │ anna │ 6" in out
    assert len(list((made / "out" / "ECI_KAU_S0001").iterdir())) == 6
    about = json.loads((made / "out" / "software" / "software.json").read_text())
    assert (about["version"], len(about["digest"]), "files" in about) == (__version__, 64, False)
    code, _, err = run(capsys, "export", demo, made / "set", "--format", "nnunet", "--with-software")
    assert code == 1 and "A training set carries neither software" in err
    code, out, _ = run(capsys, "verify", demo)
    assert code == 0 and "checks of 1 subjects passed" in out
    code, out, _ = run(capsys, "member", "add", demo, "ben", "--role", "reviewer")
    assert code == 0 and "Added ben as reviewer" in out
    assert (demo / "members" / "ben.key").stat().st_mode & 0o777 == 0o600
    code, out, _ = run(capsys, "member", "list", demo)
    assert "anna │ KAU │ owner, annotator, reviewer" in out and "ben │ KAU │ reviewer" in out
    code, _, err = run(capsys, "member", "add", demo, "ben")
    assert code == 1 and "already" in err
    _damage(demo)
    code, out, err = run(capsys, "verify", demo)
    assert code == 1 and "checks failed" in err and "report" in out


def _sign(demo: Path) -> None:
    import eci_annotate as eci

    task = eci.open(demo).start("ECI_KAU_S0001", "annotate")
    task.answer({"image_quality": "limited", "quality_reason": "motion", "lesions": []})
    task.sign("I read it")


def _damage(demo: Path) -> None:
    import eci_annotate as eci

    (part,) = eci.open(demo).signed("ECI_KAU_S0001", "annotate", 1).event.manifest.of("report")
    (path,) = (demo / "blobs").rglob(f"{part.digest[:2]}/{part.digest[2:]}")
    path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1]))


def test_refusals_are_one_line_and_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    for words, said in (
        (["worklist", tmp_path], "There is no eci_annotate repository in this folder."),
        (["init", tmp_path, "--member", "anna"], "The folder is not empty. Choose an empty folder, or a new one."),
        (
            ["init", tmp_path / "new", "--project", "brain", "--member", "anna"],
            "Available are breast-mri, colorectal-ct",
        ),
        (["init", tmp_path / "new", "--member", "an/na"], "A name has a character that is not allowed."),
    ):
        code, _, err = run(capsys, *words)
        assert code == 1 and said in err and "Traceback" not in err
    assert not (tmp_path / "new").exists()


def test_an_import_without_images_says_so(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.txt").write_text("x")
    code, _, err = run(capsys, "import", made / "demo", tmp_path)
    assert code == 1 and "No DICOM image was found. Give a folder with DICOM files." in err


def test_a_demo_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken" / "demo").mkdir(parents=True)
    code, _, err = run(capsys, "demo", tmp_path / "taken", "--no-browser")
    assert code == 1 and "demo in this folder is not a repository. Choose another folder." in err
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["demo"]
    monkeypatch.setattr(page_server, "find_spec", lambda name: None)
    for options, name in (([], "JupyterLab"), (["--app"], "Voilà")):
        code, _, err = run(capsys, "demo", tmp_path / "new", *options)
        assert code == 1 and f"{name} is not installed. Install it: pip install 'eci-annotate[lab]'." in err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["", "init", "import", "worklist", "export", "verify", "member", "phantom", "demo"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *filter(None, [command]), "--help")
    assert code == 0 and "Usage: eci-annotate" in out and len(out) > 150


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[:2] == (0, __version__)


def test_help_loads_no_library_of_images() -> None:
    code = "import sys, eci_annotate.cli; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "pandas", "xarray", "pydicom", "numba", "tinydb", "jsonschema"} & set(loaded)
    assert app.info.name == "eci-annotate"
