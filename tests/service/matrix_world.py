"""Two projects, a signed subject in one; for each role somebody near, somebody far, somebody of the other project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eci_annotate.hub.core.token_identity import Person
from eci_annotate.repository.keys.repository_folder import credential, find
from eci_annotate.repository.keys.service_keys import add_hub_member, admit, enable_service
from eci_annotate.repository.local.command_handler import do_project
from eci_annotate.repository.open_repository import open
from eci_annotate.workflow.actor import PERSON_ROLES, Actor
from eci_annotate.workflow.subject.commands import AddMember, Enrol, OpenProject, Publish
from tests.repository.repository_world import ANSWERS, MEANING, lines, local, make
from tests.service.service_world import P, S, Tokens

Q, T = "other-ct", "ECI_KAU_T0001"
NEAR, FAR, OTHER = "near", "far", "other"


@dataclass(frozen=True)
class World:
    """The folder, and who is who."""

    folder: Path
    digest: str
    series: str
    blob: str
    layer: str
    people: Tokens


def make_world(root: Path) -> World:
    """Make it: subject S of project P at KAU is annotated and signed; T of Q is only enrolled."""
    folder = make(root)
    layout = find(folder)
    repo = open(folder)
    context, anna = local(repo).context, repo.backend.account.actor
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    signed = task.sign(MEANING)
    series = str(task.hanging().first)
    enable_service(layout, credential(layout))
    admit(context, anna, P, "anna")
    other_project(folder)
    owner = open(folder).backend.account.actor
    for role in PERSON_ROLES:
        for where, project, site in ((NEAR, P, "KAU"), (FAR, P, "VIE"), (OTHER, Q, "KAU")):
            add_hub_member(context, owner, project, f"{role}-{where}", roles=(role,), site=site, sites=(site,))
    names = [f"{role}-{where}" for role in PERSON_ROLES for where in (NEAR, FAR, OTHER)]
    people = {f"token-{name}": Person(name) for name in [*names, "nobody"]}
    people["token-service"] = Person(
        "culler", kind="service", scopes=frozenset({"custom:eci:leases", "custom:eci:metrics"})
    )
    blob = next(part.digest for part in signed.event.manifest.parts if part.role == "report")
    layer = repo.backend.put(P, S, b"a,b\n1,2\n", attached=True)
    return World(folder, repo.use_case(P).digest, series, blob, layer, Tokens(people))


def other_project(folder: Path) -> None:
    """Make project Q with the same owner and definition; T is enrolled in it."""
    context = local(open(folder)).context
    case = context.use_case(context.streams.projects()[P].use_case)
    anna = context.streams.projects()[P].members["anna"]
    owner = Actor("anna", "KAU", {Q: ("owner",)}, sites={Q: ("*",)})
    authority = context.layout.authority.read_text()
    do_project(context, OpenProject(Q, "KAU", authority), owner)
    do_project(context, AddMember(Q, "anna", "KAU", ("owner",), anna.key, ("*",), anna.certificate), owner)
    do_project(context, Publish(Q, case.name, case.digest), owner)
    backend = local(open(folder))
    backend.do(Enrol(Q, T, "KAU", case.digest, case.pipeline))


__all__ = ["FAR", "NEAR", "OTHER", "P", "Q", "S", "T", "World", "make_world", "other_project"]
