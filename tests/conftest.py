"""Settings all tests share: no deadlines, small counts unless ECI_SOAK=1; and what each test needs."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx._transports.default as httpx_transports
import IPython.lib.pretty  # noqa: F401  hypothesis asks for it, while a service's thread may be importing it
import pytest
from httpx._config import create_ssl_context
from hypothesis import HealthCheck, settings

from eci_annotate.dicom import phantom
from eci_annotate.workflow.trust.rsa_keys import PrivateKey
from tests.counts import EXAMPLES, FAST
from tests.keys import giver, kept

HERE = Path(__file__).parent
# `make check` runs what needs none of these; a test that drives programs by hand has the marker itself
BY_FOLDER: Mapping[str, tuple[str, ...]] = {
    "browser": ("needs_browser",),
    "hub": ("needs_hub", "needs_browser"),
    "deploy": ("needs_debian",),
}
# whole processes at work for many seconds (kernels, clusters, demo sites, kills), and every use case from end to end
WALKS = (
    "test_cli.py",
    "test_cli_people.py",
    "test_notebooks.py",
    "batch/test_cluster.py",
    "batch/test_bids_validator.py",
    "batch/test_prepare.py",
    "decoder/test_workers.py",
    "proxy/test_after_a_kill.py",
    "proxy/test_deidentifier_pool.py",
    "proxy/test_demo_site.py",
    "proxy/test_offline_numbers.py",
    "proxy/test_pipeline.py",
    "repository/test_clinic.py",
    "repository/test_pull_commands.py",
    "repository/test_use_case_preview.py",
    "service/test_decoders.py",
    "service/test_pauses.py",
    "service/test_restart.py",
    "service/test_schema.py",
    "viewer/test_every_use_case.py",
    "workflow/test_hanging_trial.py",
)
BY_FIXTURE: Mapping[str, str] = {"postgres": "needs_postgres", "dsn": "needs_postgres"}

settings.register_profile(
    "house", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.register_profile("counted", parent=settings.get_profile("house"), max_examples=EXAMPLES)
settings.load_profile("counted")


def needs(item: pytest.Item) -> Iterator[str]:
    """Markers that follow from where a test is, and what it is given."""
    yield from BY_FOLDER.get(item.path.relative_to(HERE).parts[0], ())
    yield from (BY_FIXTURE[name] for name in getattr(item, "fixturenames", ()) if name in BY_FIXTURE)
    if item.path.relative_to(HERE).as_posix() in WALKS:
        yield "walk"
    if "postgres" in item.name:
        yield "needs_postgres"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """In the fast loop, do not even read what it would not run: some of it imports browsers and schemas."""
    place = collection_path.relative_to(HERE) if collection_path.is_relative_to(HERE) else Path()
    closed = place.as_posix() in WALKS or (place.parts and place.parts[0] in BY_FOLDER)
    return True if FAST and closed else None


if FAST:
    gc.disable()  # what is collected stays until the end: nothing in it is garbage


def pytest_collection_finish() -> None:
    """In the fast loop, search for garbage less often, and never in what is collected."""
    if FAST:
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 50)
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for marker in needs(item):
            item.add_marker(marker)
        if config.getoption("reruns", None) and item.get_closest_marker("needs_browser"):
            # several processes on two busy cores: any failure is tried once more, and listed; a fault fails twice
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["."]))


@pytest.fixture(scope="session", autouse=True)
def fixture_keys() -> Iterator[None]:
    """Give fixtures that several tests share keys that were made before, each once in a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PrivateKey, "generate", giver(cycle(kept("fixture_keys")), PrivateKey.generate))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_list_of_authorities() -> Iterator[None]:
    """Read the usual list of certificate authorities once in a process: it takes longer than many a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(httpx_transports, "create_ssl_context", cache(create_ssl_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def each_phantom_once() -> Iterator[None]:
    """Compute the intensities of a phantom once in a process; tests write the same few again and again."""
    computed = cache(phantom.phantom_values)

    def values(kind: str, seed: int = 0, lesions: Sequence[phantom.PhantomLesion] = phantom.LESIONS) -> Any:
        return computed(kind, seed, tuple(lesions)).copy()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phantom, "phantom_values", values)
        yield


@pytest.fixture(autouse=True)
def spare_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test keys that were made before, each once; none of them is a fixture's."""
    monkeypatch.setattr(PrivateKey, "generate", giver(iter(kept("spare_keys")), PrivateKey.generate))


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real series that the tests share; each set has its SOURCE.txt."""
    return Path(__file__).parent / "data"
