"""The steps that make the images and the Binder run here, in an environment that has nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.counts import SOAK

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALL = CHECKOUT / "hubconfig" / "images" / "install.sh"
INSPECT = """
import eci_annotate as eci
repo = eci.open()
print(eci.__file__, len(repo.annotations()), len(repo.worklist()), repo.verify().passed)
"""


def bare_environment(home: Path, environment: Path | None = None) -> dict[str, str]:
    """What a build step sees: a path, a home, and how packages are had; nothing of the one who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_", "HTTP"))}
    first = environment / "bin" if environment else Path(sys.base_prefix, "bin")
    return kept | {"PATH": f"{first}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}


def built(what: str, folder: Path) -> Path:
    """Run the build step."""
    folder.mkdir()
    done = subprocess.run(
        ["bash", INSTALL, what, folder / "environment"],
        env=bare_environment(folder),
        capture_output=True,
        text=True,
        cwd="/",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "environment"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment of the user's image."""
    return built("user", tmp_path_factory.mktemp("images") / "user")


def test_the_users_image_has_what_a_server_needs(environment: Path, tmp_path: Path) -> None:
    words = [environment / "bin" / "python", "-m", "eci_annotate.userservers.voila_server", "--version"]
    done = subprocess.run(
        words, env=bare_environment(tmp_path, environment), capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0 and done.stdout.strip(), done.stderr
    shared = environment / "lib"
    assert list(shared.glob("python*/site-packages/eci_annotate/userservers/share/voila/templates/eci/index.html.j2"))


def test_binder_builds_and_starts(environment: Path, tmp_path: Path) -> None:
    env = bare_environment(tmp_path, environment) | {"ECI_BINDER_FOLDER": str(tmp_path / "demo")}
    made = subprocess.run([CHECKOUT / "binder" / "postBuild"], env=env, capture_output=True, text=True, cwd=CHECKOUT)
    assert made.returncode == 0, made.stdout + made.stderr
    started = [CHECKOUT / "binder" / "start", "python", "-c", INSPECT]
    done = subprocess.run(started, env=env, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    place, annotations, tasks, passed = done.stdout.split()
    assert place.startswith(str(environment)) and int(annotations) == 3 and int(tasks) >= 1 and passed == "True"


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="two more environments; make soak builds them")
@pytest.mark.parametrize("what", ["service", "hub"])
def test_the_other_images_are_whole(what: str, tmp_path: Path) -> None:
    built(what, tmp_path / what)


def test_an_image_of_no_name_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(["bash", INSTALL, "everything", tmp_path], capture_output=True, text=True)
    assert done.returncode == 2 and "user, service or hub" in done.stdout
