"""Pull rules at the terminal, as processes of their own: set up, run, killed in the middle, and run twice at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eci_annotate.archive.xnat import XnatObjects
from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.open_repository import open
from tests.archive.xnat_contract import PASSWORD, USER, Xnat, xnat_app
from tests.patience import until
from tests.ports import free_port
from tests.repository.repository_world import P, local
from tests.repository.test_pull import by_uids, subjects
from tests.service.service_world import prepared
from tests.service.serving_app import running

KINDS = {"mr": 36, "anisotropic": 24, "oblique": 32}  # and their files
FILES = sum(KINDS.values())


@pytest.fixture
def place(folder: Path) -> Path:
    return prepared(folder)


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """An archive with three studies."""
    port = free_port()
    with running(xnat_app(Xnat()), port):
        address = f"http://127.0.0.1:{port}"
        objects = XnatObjects(address, "eci", USER, PASSWORD)
        for number, kind in enumerate(KINDS):
            objects.put(f"S{number}", by_uids(write_phantom(tmp_path / kind, kind)))
        yield address


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "eci_annotate.cli", *map(str, args)]


def begun(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(command(*args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(*args: object) -> tuple[int, str]:
    process = begun(*args)
    text, _ = process.communicate(timeout=120)
    return process.returncode, text


@pytest.fixture
def rule(place: Path, url: str, tmp_path: Path) -> Path:
    """The repository with a rule that pulls everything."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD)
    account = ("--remote-project", "eci", "--user", USER, "--password-file", secret)
    code, text = run(
        "sync", "add", place, "far", "--kind", "xnat", "--url", url, "--project", P, "--pull-only", *account
    )
    assert code == 0 and "sync pull add" in text
    code, text = run("sync", "pull", "add", place, "all", "--target", "far", "--site", "KAU", "--project", P)
    assert code == 0 and "every 15 minutes" in text
    return place


def backend_of(place: Path) -> LocalBackend:
    return local(open(place))


def test_a_rule_is_added_listed_run_and_removed(rule: Path) -> None:
    before = subjects(backend_of(rule))
    code, text = run("sync", "pull", "list", rule)
    assert code == 0 and "never" in text
    code, text = run("sync", "pull", "run", rule, "all")
    assert code == 0 and "all: 3 studies" in text and subjects(backend_of(rule)) == before + len(KINDS)
    code, text = run("sync", "pull", "list", rule)
    assert code == 0 and "never" not in text and PASSWORD not in text
    code, text = run("sync", "pull", "run", rule, "none")
    assert code == 1 and "not found" in text
    assert run("sync", "pull", "remove", rule, "all")[0] == 0
    code, text = run("sync", "pull", "run", rule)
    assert code == 0 and "studies" not in text
    assert subjects(backend_of(rule)) == before + len(KINDS), "what was pulled stays"


def test_an_archive_that_is_away_is_named_and_tried_again(rule: Path, url: str) -> None:
    run("sync", "pull", "add", rule, "gone", "--target", "far", "--site", "KAU", "--project", P)
    account = ("--remote-project", "eci", "--user", USER)
    address = f"http://127.0.0.1:{free_port()}"
    run("sync", "add", rule, "far", "--kind", "xnat", "--url", address, "--project", P, "--pull-only", *account)
    code, text = run("sync", "pull", "run", rule, "gone")
    assert code == 1 and "1 rules failed" in text and "tried again" in text
    assert "Traceback" not in text


def until_stored(process: subprocess.Popen[str], folder: Path, files: float) -> None:
    """Until so many files are stored, or the process has ended."""
    until(lambda: process.poll() is not None or len(list(folder.rglob("*.dcm"))) >= files, pause_s=0.002)


def test_killed_at_any_time_it_continues_and_takes_each_study_once(rule: Path) -> None:
    before, kills = subjects(backend_of(rule)), 0
    kept = len(list(rule.rglob("*.dcm")))
    for share in (0.02, 0.3, 0.6, 0.9):
        process = begun("sync", "pull", "run", rule)
        until_stored(process, rule, kept + share * FILES)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 2, "it was killed while it ran"
    code, text = run("sync", "pull", "run", rule)
    assert code == 0 and f"{FILES} files" in text, text
    assert subjects(backend_of(rule)) == before + len(KINDS)
    assert open(rule).verify().passed


def test_two_at_once_take_each_study_once(rule: Path) -> None:
    before = subjects(backend_of(rule))
    both = [begun("sync", "pull", "run", rule) for _ in range(2)]
    texts = [each.communicate(timeout=120)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], texts
    assert all(f"all: 3 studies, {FILES} files in the archive." in text for text in texts), texts
    assert subjects(backend_of(rule)) == before + len(KINDS)
    assert open(rule).verify().passed
