"""Two radiologists of two sites, a reviewer, a developer and an outsider, at once, each with a browser and a kernel.

Each sees just his own; of two who start one task one gets it; signing goes over the service's page; a rejection brings
the task back; the developer sees what is signed, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from eci_annotate.errors import NoIdentity, NotFound, Refused
from eci_annotate.repository.keys.factors import FactorBook
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.context import utc_now
from eci_annotate.repository.pending_signature import Pending
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed, Task
from tests.hub.hub_world import Hub
from tests.hub.test_signing import ANSWERS, MEANING, P, lines, opened

Of = Callable[[str], Page]
pytestmark = pytest.mark.needs_root
HERE, THERE, PIN = "ECI_KAU_S0001", "ECI_VIE_S0001", "story-99"


@pytest.fixture(scope="module")
def people(hub: Hub, of: Of) -> dict[str, tuple[Repository, Page]]:
    """Everybody, logged in, with a repository as the own kernel opens it."""
    book, folder = FactorBook(find(hub.folder / "repository"), utc_now), hub.folder / "repository"
    for name in ("anna", "ruth"):
        book.set_pin(name, PIN)
    for file in (folder / "members").glob("*factors*"):
        os.chown(file, folder.stat().st_uid, folder.stat().st_gid)
    found = {}
    for name in ("anna", "ben", "ruth", "dev"):
        page = of(name)
        if name == "dev":
            page.wait_for_selector(".jp-NotebookPanel")
        found[name] = (opened(hub, name, "story"), page)
    return found


def confirmed(waiting: Signed | Pending, page: Page) -> Signed:
    """The person goes to the link and gives the PIN."""
    assert isinstance(waiting, Pending)
    window = page.context.new_page()
    window.goto(waiting.url)
    window.fill("input[name=pin]", PIN)
    window.click("#sign")
    window.wait_for_selector("#done")
    window.close()
    signed = waiting.poll()
    assert signed is not None
    return signed


def begun(repo: Repository, subject: str) -> Task:
    """The annotation's task, whatever other tests left of it."""
    return repo.start(subject, "annotate", project=P, take_over=True, rerun=bool(repo.versions(subject, project=P)))


def test_the_whole_story(hub: Hub, people: dict[str, tuple[Repository, Page]]) -> None:
    (anna, annas), (ben, _), (ruth, ruths), (dev, _) = (people[name] for name in ("anna", "ben", "ruth", "dev"))
    subjects = {name: {s.subject for s in people[name][0].backend.subjects(P).views} for name in people}
    assert THERE not in subjects["anna"] and HERE not in subjects["ben"] and HERE in subjects["anna"]
    assert subjects["ben"] == {THERE} and {HERE, THERE} <= subjects["ruth"]
    for act in (lambda: ben.backend.subject(P, HERE), lambda: ben.studies(HERE, project=P)):
        with pytest.raises(NotFound):
            act()

    task = begun(anna, HERE)
    with pytest.raises(Refused, match=r"is open by you in another session until"):
        opened(hub, "anna", "elsewhere").start(HERE, "annotate", project=P, rerun=True)
    task.save(lines(task, uid="story"))
    task.answer(ANSWERS)
    signed = confirmed(task.begin_signing(MEANING), annas)
    assert signed.reader == "anna" and signed.version == task.version

    review = ruth.start(HERE, "review", project=P)
    reviewed = review.reviewing()
    assert reviewed is not None and reviewed.seal == signed.seal
    rejected = confirmed(review.begin_signing("I looked", verdict="reject", reason="a cyst is missing"), ruths)
    assert rejected.verdict == "reject"
    back = anna.worklist(P)
    row = back[(back["subject"] == HERE) & (back["task"] == "annotate")].iloc[0]
    assert row["status"] == "ready" and "a cyst is missing" in row["remark"]

    assert HERE not in set(dev.annotations(project=P).reset_index()["subject"]), "the newest version was rejected"
    table = dev.annotations(project=P, versions="all")
    assert set(table.reset_index()["task"]) == {"annotate"} and HERE in set(table.reset_index()["subject"])
    seen = dev.backend.subject(P, HERE)
    assert [t.name for t in seen.tasks] == ["annotate"] and not any(t.may_start for t in seen.tasks)
    assert THERE not in {s.subject for s in dev.backend.subjects(P).views}
    with pytest.raises(Refused):
        dev.start(HERE, "annotate", project=P, rerun=True)


def test_who_has_an_account_and_no_part_gets_nothing(hub: Hub, of: Of) -> None:
    of("nemo")
    with pytest.raises(NoIdentity, match="not a member of any project"):
        opened(hub, "nemo")
