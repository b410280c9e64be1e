"""A hub goes on from the state folder that release 0.1 wrote: accounts, PINs, members, subjects."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser

from eci_annotate.repository.pending_signature import Pending
from tests.hub.hub_world import hubs, signed_in
from tests.hub.test_signing import ANSWERS, MEANING, P, lines, opened

pytestmark = pytest.mark.needs_root
WRITTEN = Path(__file__).parents[1] / "data" / "written_by_0_1" / "hub.tar.xz"
SUBJECT = "ECI_KAU_S0001"


def test_it_goes_on(browser: Browser, tmp_path: Path) -> None:
    with tarfile.open(WRITTEN) as stored:
        stored.extractall(tmp_path, filter="data")
    with hubs(state=tmp_path / "hub") as hub:
        page = signed_in(browser, hub, "anna")
        page.get_by_text(SUBJECT).first.wait_for()
        anna = opened(hub, "anna", "later")
        task = anna.start(SUBJECT, "annotate", project=P)
        task.save(lines(task, uid="later"))
        task.answer(ANSWERS)
        waiting = task.begin_signing(MEANING)
        assert isinstance(waiting, Pending)
        window = page.context.new_page()
        window.goto(waiting.url)
        window.fill("input[name=pin]", yaml.safe_load((hub.folder / "pins.yaml").read_text())["anna"])
        window.click("#sign")
        window.wait_for_selector("#done")
        signed = waiting.poll()
        assert signed is not None and signed.version == 1 and anna.verify(signed).passed
        page.context.close()
