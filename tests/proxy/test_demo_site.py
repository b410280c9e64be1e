"""`make proxy` against a service: its folder of a hospital ends as a ready annotation task."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eci_annotate.repository.open_repository import open
from tests.service.service_world import P

ROOT = Path(__file__).parents[2]


def test_the_demo_site_ends_with_a_ready_task(
    service: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "hubconfig"))
    import demo_site

    site = tmp_path / "site"
    site.mkdir()
    demo_site.write_site(site, folder, service, "tiny")
    steps = {step.title: step.output for step in demo_site.walk(site, lambda what: None)}
    assert (
        "ECI_KAU_S0002" in steps["Find the patient's number"]
        and "BURNED_IN" in steps["See what was set aside, and why"]
    )
    seen = open(folder).backend.subject(P, "ECI_KAU_S0002")
    assert {task.name: str(task.status) for task in seen.tasks}["annotate"] == "ready"
    assert (site / "preview.html").exists() and "demo_site" in sys.modules
