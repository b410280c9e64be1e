"""The wheel holds what it needs: installed in an environment of its own, outside the checkout, the command works.

The environment gets the wheel alone; the packages it depends on are those of the tests, by a path file.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError

import pytest

from eci_annotate.repository.software import digest_of
from tests.browser.lab import private_places
from tests.patience import until

ROOT = Path(__file__).parents[2]
LARGEST = 20_000_000
pytestmark = pytest.mark.needs_debian  # it installs an environment


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "build", "--outdir", out, ROOT], check=True, capture_output=True, cwd=out)
    assert [path.name for path in out.glob("*.tar.gz")] != []  # the wheel was built from the sdist
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_is_small_and_complete(wheel: Path) -> None:
    assert wheel.stat().st_size <= LARGEST
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = ROOT / "eci_annotate"
    ours = {
        f"eci_annotate/{p.relative_to(package)}"
        for p in package.rglob("*")
        if p.suffix in {".py", ".js", ".html", ".css"}
    }
    forms = {f"eci_annotate/{p.relative_to(ROOT)}" for p in (ROOT / "forms").rglob("*") if p.is_file()}
    notebooks = {f"eci_annotate/notebooks/{p.name}" for p in (ROOT / "notebooks").glob("*.ipynb")}
    assert (ours | forms | notebooks) - names == set()
    assert not any("sample" in name and name.endswith(".dcm") for name in names)


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment that holds the wheel alone."""
    env = tmp_path_factory.mktemp("installed") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", env], check=True)
    python = env / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, capture_output=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(env)}))
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"))  # path files in there are not followed
    return python.with_name("eci-annotate")


def run(folder: Path, *words: str | Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_works_without_the_checkout(command: Path, tmp_path: Path) -> None:
    where = run(tmp_path, command.with_name("python"), "-c", "import eci_annotate; print(eci_annotate.__file__)")
    assert Path(where.strip()).is_relative_to(command.parents[1])
    run(tmp_path, command, "init", "demo", "--project", "mammography", "--member", "anna", "--site", "KAU")
    run(tmp_path, command, "project", "new", "demo", "liver-ct")
    run(tmp_path, command, "rehearse", "demo", "--kind", "tiny", "--project", "liver-ct")
    assert "passed" in run(tmp_path, command, "verify", "demo")


def test_an_export_carries_the_installed_wheel_unless_a_file_was_changed(
    wheel: Path, command: Path, tmp_path: Path
) -> None:
    run(tmp_path, command, "init", "demo", "--project", "liver-ct", "--member", "anna", "--site", "KAU")
    run(tmp_path, command, "rehearse", "demo", "--kind", "tiny")
    run(tmp_path, command, "export", "demo", "out", "--with-software")
    run(tmp_path, command, "export", "demo", "plain")
    about = json.loads((tmp_path / "out" / "software" / "software.json").read_text())
    (packed,) = (tmp_path / "out" / "software").glob("*.whl")
    assert packed.name == wheel.name and contents(packed) == contents(wheel)
    files = contents(wheel)
    assert about["digest"] == digest_of(files)
    assert about["files"][packed.name] == hashlib.sha256(packed.read_bytes()).hexdigest()
    (only,) = (tmp_path / "plain" / "software").iterdir()
    assert json.loads(only.read_text()) == {name: about[name] for name in ("name", "version", "digest")}
    (errors,) = command.parents[1].rglob("site-packages/eci_annotate/errors.py")
    extra, whole = errors.with_name("extra.py"), errors.read_bytes()
    for change, restore in (
        (lambda: errors.write_bytes(whole + b"\n"), lambda: errors.write_bytes(whole)),
        (lambda: extra.write_bytes(b""), extra.unlink),
    ):
        change()
        done = subprocess.run(
            [command, "export", "demo", "again", "--with-software"], cwd=tmp_path, capture_output=True, text=True
        )
        restore()
        assert done.returncode == 1 and "is not as it was installed" in done.stderr
    assert not (tmp_path / "again").exists()


def contents(wheel: Path) -> dict[str, bytes]:
    """Files of a wheel but its RECORD, whose rows may have any order."""
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


@contextmanager
def demo(command: Path, folder: Path, sign: signal.Signals, *options: str) -> Iterator[str]:
    """The address that `eci-annotate demo` prints; afterwards it is ended by a signal, and with it all it started."""
    prefix = Path(sys.prefix)  # what is no Python of the packages that the path file names
    data = {"JUPYTER_PATH": prefix / "share" / "jupyter", "JUPYTERLAB_DIR": prefix / "share" / "jupyter" / "lab"}
    env = private_places(folder) | {name: str(path) for name, path in data.items()} | {"ECI_DEMO_TEST": str(folder)}
    words = [command, "demo", "sample", "--no-browser", *options]
    process = subprocess.Popen(words, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        yield next(found.group() for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+/\S+", line)))
    finally:
        process.send_signal(sign)
        process.wait(60)
    assert process.returncode == 0
    assert until(lambda: not started_with(f"ECI_DEMO_TEST={folder}"), pause_s=0.2)


def started_with(setting: str) -> list[str]:
    """Names of the processes that have a variable in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if setting.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "comm").read_text().strip())
    return found


def answer(url: str) -> str:
    with urllib.request.urlopen(url, timeout=120) as response:
        return str(response.read().decode())


def test_one_command_shows_a_sample_without_the_checkout(command: Path, tmp_path: Path) -> None:
    with demo(command, tmp_path, signal.SIGINT) as url:
        assert "/lab/tree/01_annotate.ipynb?token=" in url and "<title>JupyterLab</title>" in answer(url)
        base, token = url.partition("/lab/tree/")[0], url.partition("?")[2]
        with pytest.raises(HTTPError, match="403"):
            answer(f"{base}/api/contents")
        listed = json.loads(answer(f"{base}/api/contents?{token}"))["content"]
        shipped = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
        assert {each["name"] for each in listed} == shipped
    notebooks = [json.loads(path.read_text()) for path in (tmp_path / "sample" / "notebooks").glob("*.ipynb")]
    assert not any(cell.get("outputs") for notebook in notebooks for cell in notebook["cells"])
    assert "passed" in run(tmp_path, command, "verify", "sample/demo")
    before = run(tmp_path, command, "subject", "list", "sample/demo")
    mine = tmp_path / "sample" / "notebooks" / "02_inspect.ipynb"
    mine.write_text(mine.read_text() + "\n")
    kept = mine.read_text()
    with demo(command, tmp_path, signal.SIGTERM, "--app") as url:
        page = answer(url)
        assert "<title>task_app</title>" in page and "application/vnd.jupyter.widget-view+json" in page
    assert run(tmp_path, command, "subject", "list", "sample/demo") == before and mine.read_text() == kept
