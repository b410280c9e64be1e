"""The page on which an owner decides about files that were held back: take them in, with a reason, or delete them."""

from __future__ import annotations

from starlette.responses import Response

from eci_annotate.errors import EciError, Refused
from eci_annotate.hub.pages.factor_form import asking, confirmed
from eci_annotate.hub.pages.intake.import_progress import Taking
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import ProjectPage, allowed_place
from eci_annotate.repository.service.values import Imported, Progress
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import digest

PAGE = "held"


def _place(visit: Visit) -> ProjectPage:
    return allowed_place(visit, "decide about files that were held back", Permission.ADMINISTER)


def _about(place: ProjectPage) -> str:
    return digest(f"deciding about held files of {place.name}".encode())


def show_held(visit: Visit, problem: EciError | None = None, done: str = "") -> Response:
    """List the files."""
    place = _place(visit)
    return visit.show(
        "held",
        status=403 if problem else 200,
        place=place,
        sets=visit.repo.intake.held(place.name),
        asking=asking(visit, _about(place), PAGE, place.name),
        problem=problem,
        done=done,
    )


def decide_held(visit: Visit) -> Response:
    """Carry out a decision that the user confirmed: a release shows its progress."""
    place = _place(visit)
    visit.check(PAGE, place.name, visit.asked("nonce"))
    try:
        with visit.refusals("Decide about held files"):
            chosen = {each.id for each in visit.repo.intake.held(place.name)} & {visit.asked("id")}
            if not chosen:
                raise Refused("No files were chosen.", "Choose a row of the list.")
            backend = confirmed(visit, _about(place))
            if visit.asked("do") == "delete":
                backend.intake.delete(visit.asked("id"))
                return show_held(visit, done="The files were deleted.")
            backend.intake.check_reason(visit.asked("reason"))
    except EciError as error:
        return show_held(visit, error)
    name, reason = visit.asked("id"), visit.asked("reason")

    def work(tell: Progress) -> Imported:
        with visit.desk.allowance.one(f"held/{visit.session.name}"):
            return backend.intake.release(name, reason, tell)

    return Taking(visit, place, None, work).response()
