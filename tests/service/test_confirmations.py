"""No notebook administrates: what its token asks for waits for the person, who confirms it with a PIN on the page."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from eci_annotate.errors import BadSecret, NotFound, Refused
from eci_annotate.hub.app import make_app
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.core.token_identity import Person
from eci_annotate.hub.pages.session import Session, Sessions
from eci_annotate.hub.signing.confirmations import PERSON
from eci_annotate.repository.keys.factors import CODE_WAITS, FactorBook
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.pending_signature import PendingCommand
from eci_annotate.repository.service.local_service import open_service
from eci_annotate.workflow.subject.commands import (
    AddMember,
    ChangeMember,
    EndLease,
    EnrolCertificate,
    Publish,
    TrustAuthority,
    Withdraw,
)
from tests.ports import free_port
from tests.repository.repository_world import ANSWERS, MEANING, Clock, anchor, lines
from tests.service.service_world import P, S, remote, tokens
from tests.service.serving_app import running
from tests.service.test_pages_matrix import Site, sealed

PIN = "liver-77"


@dataclass(frozen=True)
class World:
    """A service with pages, its folder, and what seals its sessions."""

    folder: Path
    site: Site

    def context(self) -> Context:
        return Context.from_layout(find(self.folder))

    def browser(self, name: str) -> httpx.Client:
        now = time.time()
        session = Session(name, f"browser-token-{name}", "", now, now, f"id of {name}")
        headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}
        cookies = {"eci-session": sealed(self.site, session)}
        return httpx.Client(
            headers={**headers, "Origin": self.site.origin}, cookies=cookies, follow_redirects=True, timeout=60
        )


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    people = tokens()
    for token, person in list(people.table.items()):
        people.table[f"browser-{token}"] = Person(person.name, scopes=frozenset({PERSON}), admin=person.name == "olga")
    for name in ("olga", "mara"):
        FactorBook(find(folder), lambda: datetime.now(UTC)).set_pin(name, PIN)
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    settings = Settings(folder, port=port, public=f"{origin}/services/eci/", client_id="service-eci")
    desk: Any = SimpleNamespace(service=open_service(folder), settings=settings)
    with running(make_app(settings, people), port):
        yield World(folder, Site(f"{origin}/services/eci/", origin, Sessions(desk)))


def form_of(page: httpx.Response, **more: str) -> dict[str, str]:
    """The hidden values of the page's form, and what a person types."""
    return dict(re.findall(r'name="(token|nonce)" value="([^"]*)"', page.text)) | more


def state(world: World) -> tuple[int, int]:
    """How many events the project and the subject have."""
    context = world.context()
    return len(context.streams.project(P)[0]), len(context.streams.subject(P, S)[0])


def commands(world: World) -> dict[str, tuple[str, Any]]:
    context = world.context()
    case = context.use_case(context.streams.projects()[P].use_case)
    certificate = context.streams.projects()[P].members["olga"].certificate
    return {
        "change": ("olga", ChangeMember(P, "ben", ("owner",))),
        "add": ("olga", AddMember(P, "eve", "KAU", ("owner",), "")),
        "withdraw": ("mara", Withdraw(P, S, "letter")),
        "trust": ("olga", TrustAuthority(P, anchor(world.folder))),
        "enrol": ("olga", EnrolCertificate(P, "olga", certificate)),
        "publish": ("olga", Publish(P, case.name, case.digest)),
        "end lease": ("sue", EndLease(P, S, "annotate")),
    }


def test_nothing_is_done_with_a_kernels_token(world: World) -> None:
    remote(world.site.address.rstrip("/"), "ben").start(S, "annotate")
    before = state(world)
    for name, command in commands(world).values():
        pending = remote(world.site.address.rstrip("/"), name).backend.do(command)
        assert isinstance(pending, PendingCommand) and "/confirm/" in pending.url
        with pytest.raises(Refused, match="was not confirmed"):
            pending.wait(0)
    assert state(world) == before


def test_the_person_confirms_on_the_page_exactly_what_it_shows(world: World) -> None:
    pending = remote(world.site.address.rstrip("/"), "olga").backend.do(ChangeMember(P, "ben", ("reviewer",)))
    with world.browser("olga") as browser, world.browser("mara") as other:
        page = browser.get(pending.url)
        assert "Change a member" in page.text and "reviewer" in page.text
        assert other.get(pending.url).status_code == 404
        assert browser.post(pending.url, data=form_of(page, pin="wrong-99")).status_code == 403
        assert world.context().streams.projects()[P].members["ben"].roles == ("annotator",)
        done = browser.post(pending.url, data=form_of(page, pin=PIN))
        assert done.status_code == 200 and 'id="done"' in done.text
        assert world.context().streams.projects()[P].members["ben"].roles == ("reviewer",)
        pending.wait(5)
        assert browser.post(pending.url, data=form_of(page, pin=PIN)).status_code == 403  # once only


def test_what_would_be_refused_is_refused_at_once(world: World) -> None:
    backend = remote(world.site.address.rstrip("/"), "ben").backend
    for command in (ChangeMember(P, "ben", ("owner",)), Withdraw(P, S, "letter"), Publish(P, "liver-ct", "0" * 64)):
        with pytest.raises(Refused, match="You may not"):
            backend.do(command)
    olga = remote(world.site.address.rstrip("/"), "olga").backend
    with pytest.raises(Refused, match="no definition with this digest"):
        olga.do(Publish(P, "liver-ct", "0" * 64))
    digest = world.context().blobs.put(b'{"usecase": {"name": "liver-ct"}}')
    with pytest.raises(Refused, match="cannot be published"):
        olga.do(Publish(P, "liver-ct", digest))
    with pytest.raises(Refused, match="does not name 'ben'"):
        olga.do(EnrolCertificate(P, "ben", world.context().streams.projects()[P].members["olga"].certificate))


def test_a_withdrawal_on_the_page_asks_for_the_pin(world: World) -> None:
    with world.browser("mara") as browser:
        page = browser.get(f"{world.site.address}projects/{P}/subjects/{S}")
        asked = browser.post(str(page.url), data=form_of(page, do="withdraw", reason="letter"))
        assert "/confirm/" in str(asked.url) and not world.context().streams.subject(P, S)[1].withdrawn
        assert browser.post(str(asked.url), data=form_of(asked)).status_code == 403
        assert not world.context().streams.subject(P, S)[1].withdrawn
        done = browser.post(str(asked.url), data=form_of(asked, pin=PIN))
        assert done.status_code == 200 and world.context().streams.subject(P, S)[1].withdrawn


def test_a_request_is_not_forged(world: World) -> None:
    pending = remote(world.site.address.rstrip("/"), "olga").backend.do(ChangeMember(P, "ben", ("reviewer",)))
    (path,) = (world.folder / "cache" / "confirmations").glob("*.json")
    path.write_text(path.read_text().replace("reviewer", "owner"))
    with world.browser("olga") as browser:
        assert browser.get(pending.url).status_code == 404
    with pytest.raises(NotFound):
        pending.wait(1)


def test_the_signing_page_names_an_answer_that_differs_from_the_drawing(world: World) -> None:
    FactorBook(find(world.folder), lambda: datetime.now(UTC)).set_pin("ben", PIN)
    task = remote(world.site.address.rstrip("/"), "ben").start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    waiting = task.begin_signing(MEANING)
    with world.browser("ben") as browser:
        page = browser.get(waiting.url)
    (remark,) = re.findall(r'id="remarks">([^<]*)<', page.text)
    assert re.fullmatch(r"Form and drawing differ: .*lesion 1.*: 49 mm in the form, [\d.]+ mm drawn\.", remark)


# -- codes for somebody who can sign already --------------------------------------------
def test_a_code_in_place_of_a_factor_waits_a_day_or_for_a_second_owner(folder: Path) -> None:
    clock = Clock()
    book = FactorBook(find(folder), clock)
    code, start = book.give_code("anna", "olga")
    assert start is None
    book.use_code("anna", code)
    book.set_pin("anna", PIN)
    code, start = book.give_code("anna", "olga")
    assert start == clock.now + CODE_WAITS and book.of("anna").code_by == "olga"
    for giver, owner in (("olga", True), ("anna", True), ("sam", False)):
        code, start = book.give_code("anna", giver, owner=owner)
        with pytest.raises(BadSecret):
            book.use_code("anna", code)
    code, start = book.give_code("anna", "olga")
    clock.now += CODE_WAITS + timedelta(seconds=1)
    book.use_code("anna", code)
    book.give_code("anna", "olga")
    code, start = book.give_code("anna", "otto")
    assert start is None
    book.use_code("anna", code)


def test_the_person_is_told_of_a_code_and_can_cancel_it(world: World) -> None:
    with world.browser("olga") as olga, world.browser("mara") as mara:
        members = olga.get(f"{world.site.address}projects/{P}/members")
        given = olga.post(str(members.url), data=form_of(members, do="code", name="mara"))
        assert "counts from" in given.text and 'id="code-notice"' in mara.get(world.site.address).text
        page = mara.get(f"{world.site.address}factors")
        assert "was given by olga" in page.text
        code = re.search(r"<code>([0-9a-f-]{19})</code>", given.text)
        assert code is not None
        used = mara.post(str(page.url), data=form_of(page, code=code[1], new_pin="stolen-11"))
        assert used.status_code == 403
        mara.post(str(page.url), data=form_of(page, do="cancel the code"))
        assert 'id="code-notice"' not in mara.get(world.site.address).text


# -- logging out -----------------------------------------------------------------------------
def test_a_copied_cookie_ends_with_the_session(world: World) -> None:
    with world.browser("olga") as olga, world.browser("olga") as copied:
        page = olga.get(world.site.address)
        (token,) = re.findall(r'action="[^"]*logout"><input type="hidden" name="token" value="([^"]*)"', page.text)
        olga.follow_redirects = copied.follow_redirects = False
        assert copied.get(world.site.address).status_code == 200
        done = olga.post(f"{world.site.address}logout", data={"token": token})
        assert done.status_code == 200 and "/hub/logout" in done.text  # no redirect: the page's policy would block it
        answer = copied.get(world.site.address)
        assert answer.status_code == 302 and "oauth2/authorize" in answer.headers["location"]


def test_a_login_that_is_refused_is_a_page(world: World) -> None:
    with world.browser("olga") as browser:
        answer = browser.get(f"{world.site.address}oauth_callback", params={"code": "x", "state": "y"})
    assert answer.status_code == 403 and answer.headers["content-type"].startswith("text/html")
    assert "The login was not completed." in answer.text and "Reload the page." in answer.text
