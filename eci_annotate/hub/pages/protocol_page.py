"""The owners' page about the hanging protocol: what members propose, with the evidence; publish or decline it."""

from __future__ import annotations

from starlette.responses import Response

from eci_annotate.errors import EciError, NotFound, Refused
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import ProjectPage, allowed_place
from eci_annotate.repository.service.values import ProtocolProposal
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import canonical, digest

PAGE = "protocol"


def _place(visit: Visit) -> ProjectPage:
    return allowed_place(visit, "see what is proposed for the hanging protocol", Permission.ADMINISTER)


def _key(proposal: ProtocolProposal) -> str:
    """Return what names a proposal in a form."""
    return digest(canonical([proposal.slot, [list(each) for each in proposal.traits]]))[:32]


def show_protocol(visit: Visit, problem: EciError | None = None, done: str = "") -> Response:
    """Show the page."""
    place = _place(visit)
    found = visit.repo.hanging.listed(place.name)
    evidence = visit.repo.hanging.evidence(place.name, found)
    return visit.show(
        PAGE,
        status=403 if problem else 200,
        place=place,
        proposals=[(_key(each), each, seen) for each, seen in zip(found, evidence, strict=True)],
        slots=visit.repo.account.use_case(place.name).hanging["slots"],
        token=visit.token(PAGE, place.name),
        problem=problem,
        done=done,
    )


def settle_proposal(visit: Visit) -> Response:
    """Publish the protocol with a proposal, or decline it."""
    place = _place(visit)
    visit.check(PAGE, place.name)
    chosen = [each for each in visit.repo.hanging.listed(place.name) if _key(each) == visit.asked("proposal")]
    try:
        return _settled(visit, place, chosen)
    except EciError as error:
        return show_protocol(visit, error)


def _settled(visit: Visit, place: ProjectPage, chosen: list[ProtocolProposal]) -> Response:
    if not chosen:
        raise NotFound("This proposal was settled or withdrawn.", "See the list.")
    if visit.asked("do") == "publish":
        visit.repo.hanging.publish(place.name, chosen[0])
        return show_protocol(visit, done="Published. New subjects will use it.")
    if not visit.asked("reason").strip():
        raise Refused("Declining needs a reason.", "Type it next to the button.")
    visit.repo.hanging.decline(place.name, chosen[0], visit.asked("reason"))
    return show_protocol(visit, done="Declined. Members who proposed it keep it for themselves.")
