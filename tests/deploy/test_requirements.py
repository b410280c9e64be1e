"""What images and the proxy install is locked with hashes, fits `pyproject.toml`, and has reviewed licences."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = {
    "user": ("lab", "hub"),
    "service": ("hub", "postgres"),
    "hub": ("lab", "hub", "oidc", "lti", "postgres"),
    "proxy": (),
}
ENTRY = re.compile(
    r"^([A-Za-z0-9._-]+)==([^ ;\\]+)((?: ; [^\\\n]+)?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M
)
COPYLEFT = re.compile(r"GPL|GNU|MPL|EPL|CDDL|EUPL|Mozilla|Affero|SSPL", re.I)
# docs/decisions/0110: what asks for more than notices, and was looked at
REVIEWED = {"pylibjpeg-libjpeg", "psycopg", "psycopg-binary", "psycopg-pool", "paramiko", "certifi", "pathspec", "fqdn"}


def locked(name: str) -> dict[str, Version]:
    """Return the distributions of a list, with their versions; every line of it must belong to one, with hashes."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text() + "\n"
    lines = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    assert not ENTRY.sub("", lines).strip(), "a line that is no pinned distribution with hashes"
    return {canonicalize_name(found[1]): Version(found[2]) for found in ENTRY.finditer(lines)}


def wanted(name: str) -> list[Requirement]:
    """Return what `pyproject.toml` asks for what a list installs."""
    place = ROOT / ("packaging/proxy" if name == "proxy" else ".") / "pyproject.toml"
    settings = tomllib.loads(place.read_text())
    project, build = settings["project"], settings["build-system"]["requires"]
    more = [line for extra in EXTRAS[name] for line in project["optional-dependencies"][extra]]
    return [Requirement(line) for line in (*project["dependencies"], *more, *build)]


@pytest.mark.parametrize("name", EXTRAS)
def test_every_dependency_is_locked_within_its_bounds(name: str) -> None:
    versions = locked(name)
    for requirement in wanted(name):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is missing: make requirements"
        assert requirement.specifier.contains(version), f"{requirement}: {version} is locked: make requirements"


@pytest.mark.parametrize("name", EXTRAS)
def test_what_locked_distributions_need_is_locked_too(name: str) -> None:
    versions = locked(name)
    for distribution in versions:
        try:
            needs = metadata.requires(distribution) or []
        except metadata.PackageNotFoundError:
            continue  # not part of the environment of the tests, for instance Windows only
        for need in map(Requirement, needs):
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in versions, f"{distribution} needs {need.name}"


def test_licences_that_ask_for_more_than_notices_are_reviewed() -> None:
    names = {each for name in EXTRAS for each in locked(name)}
    found = {each for each in names if COPYLEFT.search(licence_of(each))}
    assert found - REVIEWED == set() and REVIEWED & names, "look at the licence, and add it to decision 0110"
    page = (ROOT / "docs/decisions/0110-what-a-deployment-installs-is-locked.md").read_text()
    assert all(each in page for each in REVIEWED & found)


def licence_of(name: str) -> str:
    """Return what the metadata of an installed distribution say of its licence."""
    try:
        told: Any = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    short = (told.get("License") or "")[:80]  # some give the whole text, which names other licences
    classifiers = [each for each in told.get_all("Classifier") or [] if each.startswith("License")]
    return " ".join((told.get("License-Expression") or "", short, *classifiers))


def test_images_install_by_the_lists_only() -> None:
    script = (ROOT / "hubconfig/images/install.sh").read_text()
    assert 'install --require-hashes -r "$HERE/requirements/$WHAT.txt"' in script
    assert "--no-index" in script and "$HERE[" not in script
    assert "npm ci" in (ROOT / "hubconfig/images/hub.Dockerfile").read_text()
    assert "--require-hashes" in (ROOT / "packaging/proxy/Dockerfile").read_text()
