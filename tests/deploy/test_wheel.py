"""The wheel holds what it needs: installed in an environment of its own, outside the checkout, the command works.

The environment gets the wheel alone; the packages it depends on are those of the tests, by a path file.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

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
    assert (ours | forms) - names == set()


def test_the_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "env")}))
    install = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, capture_output=True)
    (site / "packages.pth").write_text(sysconfig.get_path("purelib"))  # path files in there are not followed

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = run(str(python), "-c", "import eci_annotate; print(eci_annotate.__file__)")
    assert Path(where.strip()).is_relative_to(tmp_path)
    command = str(python.with_name("eci-annotate"))
    run(command, "init", "demo", "--project", "mammography", "--member", "anna", "--site", "KAU")
    run(command, "project", "new", "demo", "liver-ct")
    run(command, "rehearse", "demo", "--kind", "tiny", "--project", "liver-ct")
    assert "passed" in run(command, "verify", "demo")
