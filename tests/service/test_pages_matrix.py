"""Authorisation of the pages: every page x every role x own or other site x own or other project, and every session.

What is expected is made of the roles table, as for the API (`test_matrix.py`). The forms' tokens are right: it is the
role alone that decides here.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pydicom
import pytest
from cryptography.fernet import Fernet

from eci_annotate.dicom.phantom import write_phantom
from eci_annotate.hub.app import make_app
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.core.token_identity import HubIdentity, Person
from eci_annotate.hub.pages.browser_security import form_token
from eci_annotate.hub.pages.router import PAGES
from eci_annotate.hub.pages.session import IDLE_S, LASTS_S, Session, Sessions
from eci_annotate.hub.signing.confirmations import PERSON
from eci_annotate.repository.admin.held_files import held_sets
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.analysis.control_cases import ControlCases
from eci_annotate.repository.keys.factors import FactorBook
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.keys.service_keys import service_signing_key
from eci_annotate.repository.keys.signing_keys import Signer
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.repository.service.local_service import open_service
from eci_annotate.repository.sync.outbox_entries import OutboxState
from eci_annotate.repository.sync.sync_outbox import Outbox
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind, keep_target
from eci_annotate.workflow.actor import MAY, PERSON_ROLES
from eci_annotate.workflow.subject.commands import KeepSeries
from tests.ports import free_port
from tests.service.matrix_world import FAR, NEAR, OTHER, P, S, World, make_world
from tests.service.serving_app import running
from tests.service.test_matrix import ALLOWED, DENIED, HIDDEN, ZERO, Rule, Who, anybody, member, needs, visible

PROJECT, SUBJECT, SIGN = f"projects/{P}", f"projects/{P}/subjects/{S}", f"sign/{P}/{S}/{ZERO}"
Form = Callable[[Session], dict[str, Any]]


@dataclass(frozen=True)
class Cell:
    """A page, who may what there, and what its form says; `files`: it is one that brings files."""

    route: tuple[str, str]
    rule: Rule
    path: str
    form: Form = lambda session: {}
    files: bool = False


def somewhere(*words: str) -> Rule:
    """Whose role at any site allows one of the words."""
    may = {role for role in PERSON_ROLES if MAY[role] & set(words)}
    return lambda who: HIDDEN if not who.member else ALLOWED if who.role in may else DENIED


def gives_codes(who: Who) -> str:
    """A code for an owner: owners only."""
    return somewhere("administer")(who)


def owns(who: Who) -> str:
    """Whoever owns a project; others are refused, since the page names no project that could be hidden."""
    return ALLOWED if "administer" in MAY[who.role] else DENIED


def form(about: tuple[str, ...], **values: str) -> Form:
    """A form as its page made it."""
    return lambda session: {"token": form_token(session.id, *about), "nonce": "", **values}


def change(do: str, **values: str) -> Form:
    return form(("subject", S), do=do, **values)


CELLS = {
    "home": Cell(("GET", ""), anybody, ""),
    "list": Cell(("GET", "projects/{project}"), member, PROJECT),
    "subject": Cell(("GET", "projects/{project}/subjects/{subject}"), visible, SUBJECT),
    **{
        do: Cell(("POST", "projects/{project}/subjects/{subject}"), needs(word), SUBJECT, change(do, **values))
        for do, word, values in (
            ("describe", "describe", {"cohort": "pilot"}),
            ("end lease", "take over", {"task": "annotate"}),
            ("assign", "assign", {"task": "annotate", "member": ""}),
            ("reopen", "reopen", {"task": "annotate", "reason": ""}),
            ("withdraw", "withdraw", {"reason": ""}),
        )
    },
    "add": Cell(("GET", "projects/{project}/add"), somewhere("ingest"), f"{PROJECT}/add"),
    "add files": Cell(
        ("POST", "projects/{project}/add"), somewhere("ingest"), f"{PROJECT}/add", form(("add", P, "")), files=True
    ),
    "held files": Cell(("GET", "projects/{project}/held"), somewhere("administer"), f"{PROJECT}/held"),
    "decide about held files": Cell(
        ("POST", "projects/{project}/held"), somewhere("administer"), f"{PROJECT}/held", form(("held", P, ""), id="x")
    ),
    "members": Cell(
        ("GET", "projects/{project}/members"), somewhere("administer", "administer site"), f"{PROJECT}/members"
    ),
    "give a code": Cell(
        ("POST", "projects/{project}/members"),
        gives_codes,
        f"{PROJECT}/members",
        form(("members", P), do="code", name="owner-near"),
    ),
    "leases": Cell(("GET", "projects/{project}/leases"), somewhere("see pipeline"), f"{PROJECT}/leases"),
    "audit": Cell(("GET", "projects/{project}/audit"), somewhere("audit"), f"{PROJECT}/audit"),
    "quality": Cell(("GET", "projects/{project}/quality"), somewhere("administer"), f"{PROJECT}/quality"),
    "protocol": Cell(("GET", "projects/{project}/protocol"), somewhere("administer"), f"{PROJECT}/protocol"),
    "settle a proposal": Cell(
        ("POST", "projects/{project}/protocol"),
        somewhere("administer"),
        f"{PROJECT}/protocol",
        form(("protocol", P), proposal="x", do="publish"),
    ),
    "sync": Cell(("GET", "projects/{project}/sync"), somewhere("administer"), f"{PROJECT}/sync"),
    "retry sync": Cell(
        ("POST", "projects/{project}/sync"), somewhere("administer"), f"{PROJECT}/sync", form(("sync", P), target="x")
    ),
    "pipeline": Cell(("GET", "projects/{project}/pipeline"), somewhere("see pipeline"), f"{PROJECT}/pipeline"),
    "change the pipeline": Cell(
        ("POST", "projects/{project}/pipeline"),
        somewhere("administer"),
        f"{PROJECT}/pipeline",
        form(("pipeline", P), do="add a task"),
    ),
    "signature": Cell(("GET", "sign/{project}/{subject}/{request}"), lambda who: HIDDEN, SIGN),
    "sign": Cell(("POST", "sign/{project}/{subject}/{request}"), lambda who: HIDDEN, SIGN, form(("sign", ZERO, ""))),
    "command": Cell(("GET", "confirm/{request}"), lambda who: HIDDEN, f"confirm/{ZERO}"),
    "confirm": Cell(("POST", "confirm/{request}"), lambda who: HIDDEN, f"confirm/{ZERO}", form(("confirm", ZERO, ""))),
    "new project": Cell(("GET", "new-project"), owns, "new-project"),
    "open a project": Cell(("POST", "new-project"), owns, "new-project", form(("new-project", ""))),
    "factors": Cell(("GET", "factors"), anybody, "factors"),
    "change factors": Cell(("POST", "factors"), anybody, "factors", form(("factors", ""))),
    "reference": Cell(("GET", "reference"), anybody, "reference"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = make_world(tmp_path_factory.mktemp("pages"))
    for token, person in list(made.people.table.items()):
        if person.kind == "user":  # as a login in the browser gives it; a kernel's token has no such scope
            made.people.table[f"browser-{token}"] = Person(person.name, scopes=frozenset({PERSON}))
    return made


@dataclass(frozen=True)
class Site:
    """A running service, and what seals its sessions."""

    address: str
    origin: str
    sessions: Sessions


@pytest.fixture(scope="module")
def site(world: World) -> Iterator[Site]:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    settings = Settings(world.folder, port=port, public=f"{origin}/services/eci/", client_id="service-eci")
    desk: Any = SimpleNamespace(service=open_service(world.folder), settings=settings)
    with running(make_app(settings, world.people), port):
        yield Site(f"{origin}/services/eci/", origin, Sessions(desk))


def session_of(name: str) -> Session:
    now = time.time()
    return Session(name, f"browser-token-{name}", "", now, now, f"id of {name}")


def sealed(site: Site, session: Session) -> str:
    """The cookie of such a session."""
    return site.sessions._fernet.encrypt(json.dumps(asdict(session)).encode()).decode()


def asked(site: Site, cell: Cell, session: Session, cookie: str, **headers: str) -> httpx.Response:
    """What the page answers to a browser that goes there, with that cookie."""
    browser = {
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
        "Sec-Fetch-Site": "same-origin",
        "Origin": site.origin,
    }
    with httpx.Client(
        headers={**browser, **headers}, cookies={"eci-session": cookie}, timeout=60, verify=False
    ) as line:
        if cell.route[0] == "GET":
            return line.get(site.address + cell.path)
        told = cell.form(session)
        return line.post(site.address + cell.path, data=told, files={"files": ("", b"")} if cell.files else None)


def seen(answer: httpx.Response) -> str:
    """What an answer means."""
    if answer.status_code == 404:
        return HIDDEN
    return DENIED if answer.status_code == 403 and ">You may not" in answer.text else ALLOWED


@pytest.mark.parametrize("where", [NEAR, FAR, OTHER])
@pytest.mark.parametrize("name", PERSON_ROLES)
def test_every_page_keeps_to_the_table(site: Site, name: str, where: str) -> None:
    who, session = Who(name, where), session_of(f"{name}-{where}")
    for title, cell in CELLS.items():
        answer = asked(site, cell, session, sealed(site, session))
        assert answer.status_code < 500 and answer.status_code != 302, (title, answer.status_code)
        assert seen(answer) == cell.rule(who), (title, answer.status_code, answer.text)
        if cell.rule(who) == HIDDEN:
            assert S not in answer.text.replace(f"/{S}", ""), title


def test_who_is_a_member_of_nothing_sees_nothing(site: Site) -> None:
    session = session_of("nobody")
    for title, cell in CELLS.items():
        answer = asked(site, cell, session, sealed(site, session))
        assert answer.status_code in ((200, 401, 403) if "factors" in title or title == "reference" else (401, 403))
        assert S not in answer.text, title


def test_an_owner_opens_a_project_and_confirms_it(site: Site, world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    session, context = session_of("owner-near"), Context.from_layout(find(world.folder))
    FactorBook(context.layout, context.clock).set_pin("owner-near", "2580-1470")
    values = {"name": "second", "case": "shipped/mammography"}
    for pin, status in (("0000-0000", 422), ("2580-1470", 303)):
        cell = Cell(("POST", "new-project"), owns, "new-project", form(("new-project", ""), **values, pin=pin))
        answer = asked(site, cell, session, sealed(site, session))
        assert answer.status_code == status, answer.text
        assert ("second" in context.streams.projects()) == (status == 303)
    opened = context.streams.projects()["second"]
    assert "owner" in opened.members["owner-near"].roles and opened.members["owner-near"].certificates
    assert context.use_case(opened.use_case).name == "mammography"
    assert "2580-1470" not in caplog.text and "browser-token" not in caplog.text


def test_without_a_session_of_a_browser_every_page_is_the_login(site: Site, world: World) -> None:
    right = session_of("owner-near")
    other = Sessions.__new__(Sessions)
    other._fernet = Fernet(Fernet.generate_key())
    cookies = {
        "none": "",
        "made up": "gAAAAA",
        "sealed by somebody else": sealed(replace(site, sessions=other), right),
        "idle": sealed(site, replace(right, last=right.last - IDLE_S - 1)),
        "has expired": sealed(site, replace(right, since=right.since - LASTS_S - 1)),
        "of another's token": sealed(site, replace(right, token="browser-token-annotator-near")),
        "of a kernel's token": sealed(site, replace(right, token="token-owner-near")),
        "of a token that the hub does not know": sealed(site, replace(right, token="expired")),
    }
    for title, cookie in cookies.items():
        for name, cell in CELLS.items():
            answer = asked(site, cell, right, cookie, Authorization="Bearer token-owner-near")
            assert answer.status_code == 302 and "oauth2/authorize" in answer.headers["location"], (title, name)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Dest": "empty"},
        {"Service-Worker": "script"},
    ],
)
def test_a_script_is_refused_every_page(site: Site, headers: dict[str, str]) -> None:
    session = session_of("owner-near")
    for name, cell in CELLS.items():
        assert asked(site, cell, session, sealed(site, session), **headers).status_code == 403, name


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}])
def test_another_pages_form_is_refused(site: Site, headers: dict[str, str]) -> None:
    session = session_of("owner-near")
    for name, cell in CELLS.items():
        if cell.route[0] == "POST":
            assert asked(site, cell, session, sealed(site, session), **headers).status_code == 403, name


def test_a_form_of_another_session_is_refused(site: Site) -> None:
    session = session_of("owner-near")
    for name, cell in CELLS.items():
        if cell.route[0] == "POST" and cell.rule(Who("owner", NEAR)) == ALLOWED:
            answer = asked(site, cell, replace(session, id="another"), sealed(site, session))
            assert answer.status_code == 403 and "has expired" in answer.text, name


def test_a_field_that_is_given_twice_is_refused(site: Site) -> None:
    session = session_of(f"owner-{NEAR}")
    twice = replace(CELLS["audit"], path=f"{PROJECT}/audit?by=anna&by=ruth")
    answer = asked(site, twice, session, sealed(site, session))
    assert answer.status_code == 422 and "twice" in answer.text
    for title, name in (("describe", "cohort"), ("describe", "token"), ("describe", "do")):
        cell = CELLS[title]
        fields = {key: [value, "other"] if key == name else value for key, value in cell.form(session).items()}
        answer = asked(site, replace(cell, form=lambda _, fields=fields: fields), session, sealed(site, session))
        assert answer.status_code == 422 and "twice" in answer.text, (title, name)


def test_no_page_is_left_out() -> None:
    assert {cell.route for cell in CELLS.values()} == {(method, path) for method, path, _ in PAGES}


def test_the_quality_page_counts_what_is_signed(site: Site) -> None:
    session = session_of("owner-near")
    page = asked(site, CELLS["quality"], session, sealed(site, session)).text
    cells = re.findall(r"<td.*?>(.*?)</td>", page.split('id="progress"')[1].split("</table>")[0])
    progress = [re.sub("<progress.*</progress> ", "", cell) for cell in cells]
    assert progress[1:7] == ["1", "1", "0", "0", "0", "100 %"]  # the annotation of the only subject
    assert progress[10:16] == ["0", "1", "0", "1", "0", "0 %"]  # its review
    assert "No version was rejected." in page


def test_pages_do_not_tell_readers_which_subject_is_a_control(site: Site, world: World) -> None:
    cases = ControlCases(open_repository(world.folder), P)
    names = ("annotator-near", "reviewer-near", "developer-near")

    def pages(name: str) -> list[str]:
        session = session_of(name)
        found = [asked(site, CELLS[cell], session, sealed(site, session)).text for cell in ("list", "subject")]
        return [re.sub(r'(token|nonce)[^>]*?"[^"]*"', "", text) for text in found]

    before = {name: pages(name) for name in names}
    cases.mark(S, answers={"image_quality": "poor"})
    try:
        assert {name: pages(name) for name in names} == before
        session = session_of("owner-near")
        page = asked(site, CELLS["quality"], session, sealed(site, session)).text
        row = re.findall(r"<td>(.*?)</td>", page.split('id="controls"')[1].split("</table>")[0])
        assert row[2:] == ["1", "none known", "", "none known", "0 %"]
    finally:
        cases.unmark(S)


def test_numbers_name_pages_by_what_they_show_never_by_their_address(site: Site) -> None:
    session = session_of("owner-near")
    asked(site, CELLS["subject"], session, sealed(site, session))
    told = httpx.get(f"{site.address}metrics", headers={"Authorization": "Bearer token-service"}).text
    assert 'route="show_subject"' in told and S not in told


def test_an_owner_decides_about_files_that_were_held_back(site: Site, world: World, tmp_path: Path) -> None:
    session, context = session_of("owner-near"), Context.from_layout(find(world.folder))
    FactorBook(context.layout, context.clock).set_pin("owner-near", "2580-1470")
    owner = LocalBackend(context, HubIdentity("owner-near", "one"))
    for kind in ("anisotropic", "mr"):
        for path in write_phantom(tmp_path / kind, kind):
            dataset = pydicom.dcmread(path)
            dataset.PatientIdentityRemoved = "NO"
            dataset.save_as(path)
        signing = Signer(service_signing_key(context.layout, "owner-near"), "test")
        backend = LocalBackend(context, HubIdentity("owner-near", "one", signing))
        assert import_folders(backend, [tmp_path / kind], project=P, site="KAU").held
    first, second = (each.id for each in held_sets(owner))
    before = len(context.streams.subjects())

    def decided(**values: str) -> httpx.Response:
        told = form(("held", P, ""), pin="2580-1470", **values)
        return asked(site, Cell(("POST", ""), anybody, f"{PROJECT}/held", told), session, sealed(site, session))

    page = asked(site, CELLS["held files"], session, sealed(site, session)).text
    assert first in page and second in page
    assert "needs a reason" in decided(id=first, do="release").text
    assert "The files were deleted" in decided(id=second, do="delete").text
    assert [each.id for each in held_sets(owner)] == [first]
    assert "1 subject imported" in decided(id=first, do="release", reason="a phantom names nobody").text
    assert held_sets(owner) == [] and len(context.streams.subjects()) == before + 1


def test_an_owner_sees_what_failed_at_another_archive_and_has_it_tried_again(site: Site, world: World) -> None:
    session, context = session_of("owner-near"), Context.from_layout(find(world.folder))
    owner = LocalBackend(context, HubIdentity("owner-near", "one"))

    def page(**values: str) -> str:
        cell = Cell(("POST", ""), anybody, f"{PROJECT}/sync", form(("sync", P), **values)) if values else CELLS["sync"]
        return asked(site, cell, session, sealed(site, session)).text

    assert 'id="no-targets"' in page() and 'id="no-rules"' in page()
    target = SyncTarget("far", P, TargetKind.DICOMWEB, f"http://127.0.0.1:{free_port()}", user="u", password="geheim")
    keep_target(owner, target)
    keep_target(owner, replace(target, name="elsewhere", project="another"))
    box = Outbox(owner, target)
    assert box.run()[OutboxState.FAILED] == 1
    (entry,) = [each for each in box.entries() if each.problem]
    text = page()
    assert "far" in text and "elsewhere" not in text and "geheim" not in text
    row = re.findall(r"<td>(.*?)</td>", text.split('class="list failed"')[1].split("</tbody>")[0])
    assert row[:5] == [entry.subject, entry.task, str(entry.version), "1", escape(entry.problem)]
    assert "1 entry is sent at the next run" in page(target="far")
    assert box.entries()[0].due <= context.clock()
    assert "No target was chosen" in page(target="elsewhere")


def test_an_owner_sees_a_proposal_for_the_protocol_with_its_evidence_and_publishes_it(site: Site, world: World) -> None:
    session, context = session_of("owner-near"), Context.from_layout(find(world.folder))
    reader = LocalBackend(context, HubIdentity("annotator-near", "one"))
    owner = LocalBackend(context, HubIdentity("owner-near", "one"))

    def page(**values: str) -> str:
        told = form(("protocol", P), **values)
        cell = Cell(("POST", ""), anybody, f"{PROJECT}/protocol", told) if values else CELLS["protocol"]
        return asked(site, cell, session, sealed(site, session)).text

    assert 'id="no-proposals"' in page()
    for slot in ("arterial", "late"):
        reader.do(KeepSeries(P, S, slot, world.series, alike=True, proposed=True))
    text = page()
    assert text.count('class="proposal"') == 2 and "annotator-near" in text and "Arterial CT" in text
    assert "Modality: CT" in text and re.search(r"Such a series</th><td>\d+ of \d+ subjects", text)
    assert re.search(r"Would change</th><td>[1-9]\d* subjects", text) and "Other slots that change" in text
    arterial, late = re.findall(r'name="proposal" value="(\w+)"', text)
    assert "needs a reason" in page(proposal=late, do="decline")
    assert "Declined" in page(proposal=late, do="decline", reason="it is no late phase")
    before = owner.account.use_case(P).digest
    text = page(proposal=arterial, do="publish")
    assert "Published. New subjects will use it." in text and 'class="proposal"' not in text
    assert "annotator-near proposed" in text.split('id="rules"')[1]
    assert owner.account.use_case(P).digest != before
    assert "settled or withdrawn" in page(proposal=arterial, do="publish")
