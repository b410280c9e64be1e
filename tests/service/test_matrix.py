"""Authorisation: every route x every role x own or other site x own or other project, and every kind of token.

What is expected is made of the roles table, not of the service: a cell is hidden, denied, or allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from eci_annotate.hub.app import make_app
from eci_annotate.hub.core.settings import Settings
from eci_annotate.repository.remote.wire_format import command_to_wire
from eci_annotate.workflow.actor import EVERYWHERE, MAY, PERSON_ROLES
from eci_annotate.workflow.subject.commands import (
    AddMember,
    Assign,
    Attach,
    ChangeMember,
    ChangeUseCase,
    Describe,
    DropSeries,
    EndLease,
    Enrol,
    EnrolCertificate,
    KeepSeries,
    OpenProject,
    Publish,
    ReleaseTask,
    Renew,
    Reopen,
    RevokeCertificate,
    SettleProposal,
    Sign,
    Start,
    TrustAuthority,
    Withdraw,
)
from tests.service.matrix_world import FAR, NEAR, OTHER, P, Q, S, World, make_world
from tests.service.service_world import serving

HIDDEN, DENIED, ALLOWED = "hidden", "denied", "allowed"
ZERO = "0" * 64
OF = f"/api/projects/{P}/subjects/{S}"


@dataclass(frozen=True)
class Who:
    """A role, and where it stands to the subject that is asked for."""

    role: str
    where: str

    @property
    def member(self) -> bool:
        return self.where != OTHER

    @property
    def reaches(self) -> bool:
        return self.member and (self.where == NEAR or self.role in EVERYWHERE)

    def may(self, word: str) -> bool:
        return self.reaches and word in MAY[self.role]


Rule = Callable[[Who], str]
Ask = Callable[[httpx.Client, World], httpx.Response]


def visible(who: Who) -> str:
    return ALLOWED if who.reaches else HIDDEN


def member(who: Who) -> str:
    return ALLOWED if who.member else HIDDEN


def anybody(who: Who) -> str:
    return ALLOWED


def nobody(who: Who) -> str:
    return DENIED


def needs(word: str) -> Rule:
    return lambda who: HIDDEN if not who.reaches else ALLOWED if word in MAY[who.role] else DENIED


def role(name: str) -> Rule:
    """For a task: who has the role, of those who see the subject."""
    return lambda who: HIDDEN if not who.reaches else ALLOWED if who.role == name else DENIED


def finds_none(who: Who) -> str:
    """Objects that came with the images: there are none here, and who may see images is told so."""
    return DENIED if needs("see images")(who) == DENIED else HIDDEN


def sees_signed(who: Who) -> str:
    """Blobs of a signed version: for who sees signed versions. Nobody here signed one himself."""
    return ALLOWED if who.reaches and "see signed" in MAY[who.role] else HIDDEN


def exports(who: Who) -> str:
    return ALLOWED if "export" in MAY[who.role] else DENIED


def exports_signed(who: Who) -> str:
    """What an export of a signed version holds. Nobody here signed one himself."""
    return needs("export")(who) if "export" not in MAY[who.role] else sees_signed(who)


def administers(who: Who) -> str:
    return ALLOWED if who.member and "administer" in MAY[who.role] else DENIED


def lease_lost(who: Who) -> str:
    """Nobody here holds a lease: those who see the subject are told that they do not."""
    return visible(who)


def say(command: Callable[[World], Any]) -> Ask:
    return lambda line, world: line.post("/api/commands", json=command_to_wire(command(world)))


def get(path: str, **asked: Any) -> Ask:
    return lambda line, world: line.get(path.format(world=world), params=asked)


def post(path: str, told: Any) -> Ask:
    return lambda line, world: line.post(path, json=told)


CELLS: dict[str, tuple[str, Rule, Ask]] = {
    "actor": ("GET /api/actor", anybody, get("/api/actor")),
    "projects": ("GET /api/projects", anybody, get("/api/projects")),
    "members": ("GET /api/projects/{project}/members", member, get(f"/api/projects/{P}/members")),
    "subject": ("GET /api/projects/{project}/subjects/{subject}", visible, get(OF)),
    "feed": ("GET /api/feed", anybody, get("/api/feed")),
    "use case": ("GET /api/projects/{project}/use-case", member, get(f"/api/projects/{P}/use-case")),
    "studies": ("GET /api/projects/{project}/subjects/{subject}/studies", needs("see images"), get(f"{OF}/studies")),
    "header": (
        "GET /api/projects/{project}/subjects/{subject}/series/{series}",
        needs("see images"),
        get(OF + "/series/{world.series}"),
    ),
    "values": (
        "GET /api/projects/{project}/subjects/{subject}/series/{series}/values",
        needs("see images"),
        get(OF + "/series/{world.series}/values"),
    ),
    "assistants": (
        "GET /api/projects/{project}/subjects/{subject}/assistants",
        needs("see images"),
        get(f"{OF}/assistants"),
    ),
    "proposals": (
        "POST /api/projects/{project}/subjects/{subject}/series/{series}/proposals",
        finds_none,
        lambda line, world: line.post(
            f"{OF}/series/{world.series}/proposals",
            json={"assistant": "none", "prompts": [{"kind": "point", "voxels": [[0, 0, 0]], "includes": True}]},
        ),
    ),
    "objects": (
        "GET /api/projects/{project}/subjects/{subject}/series/{series}/objects",
        finds_none,
        get(OF + "/series/{world.series}/objects"),
    ),
    "object": (
        "GET /api/projects/{project}/subjects/{subject}/series/{series}/objects/{number}",
        finds_none,
        get(OF + "/series/{world.series}/objects/0"),
    ),
    "report": (
        "GET /api/projects/{project}/subjects/{subject}/blobs/{digest}",
        sees_signed,
        get(OF + "/blobs/{world.blob}"),
    ),
    "put": (
        "POST /api/projects/{project}/subjects/{subject}/blobs",
        visible,
        lambda line, world: line.post(f"{OF}/blobs", content=b"x"),
    ),
    "put a layer": (
        "POST /api/projects/{project}/subjects/{subject}/blobs",
        visible,
        lambda line, world: line.post(f"{OF}/blobs?attached=true", content=b"x"),
    ),
    "draft": ("GET /api/projects/{project}/subjects/{subject}/drafts/{task}", lease_lost, get(f"{OF}/drafts/annotate")),
    "save": (
        "POST /api/projects/{project}/subjects/{subject}/drafts/{task}",
        lease_lost,
        post(f"{OF}/drafts/annotate", {"fence": 1, "entries": [{"a": {}}]}),
    ),
    "verify": ("POST /api/projects/{project}/subjects/{subject}/verification", visible, post(f"{OF}/verification", {})),
    "note": (
        "POST /api/notes",
        visible,
        post("/api/notes", {"name": "exported.1", "project": P, "subject": S, "what": "x"}),
    ),
    "signature": (
        "GET /api/signatures/{project}/{subject}/{request}",
        lambda who: HIDDEN,
        get(f"/api/signatures/{P}/{S}/{ZERO}"),
    ),
    "confirmation": ("GET /api/confirmations/{request}", lambda who: HIDDEN, get(f"/api/confirmations/{ZERO}")),
    "leases": ("GET /leases", nobody, get("/leases")),
    "metrics": ("GET /metrics", nobody, get("/metrics")),
    "completed": ("GET /api/completed", exports, get("/api/completed")),
    "provenance": (
        "GET /api/projects/{project}/subjects/{subject}/versions/{task}/{version}/provenance",
        exports_signed,
        get(f"{OF}/versions/annotate/1/provenance"),
    ),
    "site states": ("POST /api/site/states", nobody, post("/api/site/states", {"digests": []})),
    "site numbers": ("POST /api/site/numbers/take", nobody, post("/api/site/numbers/take", {})),
    "site proposals": (
        "POST /api/site/numbers/propose",
        nobody,
        post("/api/site/numbers/propose", {"subjects": {}}),
    ),
    "site ingest": ("POST /api/site/ingest", nobody, post("/api/site/ingest", {})),
    "site file": (
        "PUT /api/site/files/{digest}",
        nobody,
        lambda line, world: line.put(f"/api/site/files/{ZERO}", params={"offset": 0, "size": 1}, content=b"x"),
    ),
    "start annotate": ("POST /api/commands", role("annotator"), say(lambda w: Start(P, S, "annotate"))),
    "start review": ("POST /api/commands", role("reviewer"), say(lambda w: Start(P, S, "review", take_over=True))),
    "renew": ("POST /api/commands", lease_lost, say(lambda w: Renew(P, S, "annotate", 1))),
    "release": ("POST /api/commands", lease_lost, say(lambda w: ReleaseTask(P, S, "annotate", 1))),
    "sign": ("POST /api/commands", lease_lost, say(lambda w: Sign(P, S, "annotate", 1, "mine"))),
    "describe": ("POST /api/commands", needs("describe"), say(lambda w: Describe(P, S, cohort="pilot"))),
    "attach": ("POST /api/commands", needs("attach"), say(lambda w: Attach(P, S, "table", "text/csv", w.layer, 8))),
    "assign": ("POST /api/commands", needs("assign"), say(lambda w: Assign(P, S, "annotate", ""))),
    "end lease": ("POST /api/commands", needs("take over"), say(lambda w: EndLease(P, S, "annotate"))),
    "reopen": ("POST /api/commands", needs("reopen"), say(lambda w: Reopen(P, S, "annotate", ""))),
    "withdraw": ("POST /api/commands", needs("withdraw"), say(lambda w: Withdraw(P, S, ""))),
    "change use case": (
        "POST /api/commands",
        lambda who: needs("administer")(who) if who.member else HIDDEN,
        say(lambda w: ChangeUseCase(P, S, w.digest, (), "")),
    ),
    "kept series": ("GET /api/projects/{project}/kept-series", member, get(f"/api/projects/{P}/kept-series")),
    "keep series": (
        "POST /api/commands",
        lambda who: HIDDEN if not who.member else needs("see images")(who),
        say(lambda w: KeepSeries(P, S, "portal", w.series)),
    ),
    "drop series": ("POST /api/commands", member, say(lambda w: DropSeries(P, S, "portal"))),
    "settle proposal": (
        "POST /api/commands",
        lambda who: HIDDEN if not who.member or who.may("administer") else DENIED,
        say(lambda w: SettleProposal(P, "portal", (("Modality", "CT"),))),
    ),
    "enrol": (
        "POST /api/commands",
        lambda who: HIDDEN if not who.member else ALLOWED if who.may("ingest") else DENIED,
        say(lambda w: Enrol(P, S, "KAU", w.digest, ())),
    ),
    "open project": ("POST /api/commands", nobody, say(lambda w: OpenProject("mine", "KAU"))),
    "publish": ("POST /api/commands", administers, say(lambda w: Publish(P, "liver-ct", w.digest))),
    "add member": ("POST /api/commands", nobody, say(lambda w: AddMember(P, "x", "ELSEWHERE", ("owner",), ""))),
    "change member": ("POST /api/commands", nobody, say(lambda w: ChangeMember(P, "anna", ("owner", "auditor")))),
    "enrol certificate": ("POST /api/commands", administers, say(lambda w: EnrolCertificate(P, "anna", "none"))),
    "revoke certificate": ("POST /api/commands", administers, say(lambda w: RevokeCertificate(P, "anna", ZERO, "x"))),
    "trust authority": ("POST /api/commands", administers, say(lambda w: TrustAuthority(P, "none"))),
}
MAY_GIVE = {"add member", "change member"}  # an owner may; the rule above is for all the others


def seen(answer: httpx.Response) -> str:
    """What an answer means."""
    if answer.status_code == 404:
        return ALLOWED if answer.json()["what"].startswith("The member has no certificate") else HIDDEN
    denied = answer.status_code == 403 and answer.json()["what"].startswith("You may not")
    return DENIED if denied else ALLOWED


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("matrix"))


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    with serving(world.folder, world.people) as found:
        yield found


def line_of(address: str, token: str, session: str = "one") -> httpx.Client:
    headers = {"X-ECI-Session": session} | ({"Authorization": f"Bearer {token}"} if token else {})
    return httpx.Client(base_url=address, headers=headers, timeout=60, verify=False)


@pytest.mark.parametrize("where", [NEAR, FAR, OTHER])
@pytest.mark.parametrize("name", PERSON_ROLES)
def test_every_route_keeps_to_the_table(world: World, address: str, name: str, where: str) -> None:
    who = Who(name, where)
    with line_of(address, f"token-{name}-{where}") as line:
        for cell, (_, rule, ask) in CELLS.items():
            answer = ask(line, world)
            assert answer.status_code < 500, (cell, answer.text)
            expected = ALLOWED if cell in MAY_GIVE and who.member and name == "owner" else rule(who)
            assert seen(answer) == expected, (cell, answer.status_code, answer.text)
            if expected != ALLOWED:
                assert {"error", "what", "remedy"} <= set(answer.json()) and S not in answer.text, cell


def test_lists_hold_only_what_may_be_seen(world: World, address: str) -> None:
    for name in PERSON_ROLES:
        for where in (NEAR, FAR, OTHER):
            with line_of(address, f"token-{name}-{where}") as line:
                told = line.get(f"/api/projects/{P}/subjects", params={"size": 50}).json()
                names = [each["subject"] for each in told["views"]]
                assert names == ([S] if Who(name, where).reaches else []), (name, where)
                assert told["total"] == len(names)
                changed = line.get("/api/feed").json()["changed"]
                assert [subject for project, subject in changed if project == P] == names, (name, where)
                assert {project for project, _ in changed} <= ({P} if where != OTHER else {"other-ct"}), (name, where)


def test_attaching_lets_nobody_read_what_is_signed(world: World, address: str) -> None:
    with line_of(address, "token-data-manager-near") as line:
        answer = say(lambda w: Attach(P, S, "table", "text/csv", w.blob, 3))(line, world)
        assert (answer.status_code, answer.json()["what"]) == (403, "This content belongs to a signed version.")
        assert line.get(f"{OF}/blobs/{world.blob}").status_code == 404


@pytest.mark.parametrize("name", ["owner-other", "data-manager-other"])
def test_enrolling_anothers_pseudonym_shows_nobody_its_images(world: World, address: str, name: str) -> None:
    of = f"/api/projects/{Q}/subjects/{S}"
    with line_of(address, f"token-{name}") as line:
        for site in ("KAU", "VIE"):
            answer = say(lambda w, site=site: Enrol(Q, S, site, w.digest, ()))(line, world)
            assert answer.status_code == 403, answer.text
        for path in (of, f"{of}/studies", f"{of}/series/{world.series}", f"{of}/series/{world.series}/values"):
            assert line.get(path).status_code == 404


@pytest.mark.parametrize("token", ["", "token-nobody", "made-up", "token-service"])
def test_a_token_of_nobody_here_gets_nothing(world: World, address: str, token: str) -> None:
    with line_of(address, token) as line:
        for cell, (_, _, ask) in CELLS.items():
            answer = ask(line, world)
            if token == "token-service" and cell in ("leases", "metrics"):
                assert answer.status_code == 200 and "token" not in answer.text
                continue
            apart = cell in ("leases", "metrics") or cell.startswith("site ")
            watching = apart and token == "token-nobody"  # known, and member of nothing
            assert answer.status_code == (403 if token == "token-service" or watching else 401), (cell, answer.text)
            assert token == "" or token not in answer.text


def test_cookies_open_nothing_and_the_session_is_no_identity(world: World, address: str) -> None:
    for cookie in ("eci-session", "__Host-eci-session", "jupyterhub-hub-login", "service-eci"):
        answer = httpx.get(f"{address}/api/actor", headers={"Cookie": f"{cookie}=token-owner-near"}, verify=False)
        assert answer.status_code == 401
    with line_of(address, "token-annotator-near", session="owner-near") as line:
        assert line.get("/api/actor").json()["name"] == "annotator-near"


def test_no_route_is_left_out(world: World) -> None:
    app = make_app(Settings(world.folder, prefix="/"), world.people)
    found = {
        f"{method.upper()} {path}"
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if path != "/health"
    }
    assert found == {route for route, _, _ in CELLS.values()} | {"GET /api/projects/{project}/subjects"}
