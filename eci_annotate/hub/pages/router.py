"""The address of each page. All of them are for browsers only: tokens are ignored."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from eci_annotate.errors import EciError
from eci_annotate.hub.pages.api_reference import show_reference
from eci_annotate.hub.pages.confirm_command import confirm_command, show_command
from eci_annotate.hub.pages.confirm_signature import confirm_request, show_request
from eci_annotate.hub.pages.factors_page import change_factors, show_factors
from eci_annotate.hub.pages.home import home
from eci_annotate.hub.pages.intake.add_subjects import add_subjects, may_add, show_adding
from eci_annotate.hub.pages.intake.held_back import decide_held, show_held
from eci_annotate.hub.pages.leases_and_audit import show_audit, show_leases
from eci_annotate.hub.pages.members import change_members, show_members
from eci_annotate.hub.pages.new_project_page import open_project, show_new_project
from eci_annotate.hub.pages.page import HERE, Check, Page, Showing, Visit
from eci_annotate.hub.pages.pipeline_editor import change_pipeline, show_pipeline
from eci_annotate.hub.pages.project_page import show_project
from eci_annotate.hub.pages.protocol_page import settle_proposal, show_protocol
from eci_annotate.hub.pages.quality_page import show_quality
from eci_annotate.hub.pages.subject_page import change_subject, show_subject
from eci_annotate.hub.pages.sync_page import retry_sync, show_sync

_REQUEST = "sign/{project}/{subject}/{request}"
PAGES: tuple[tuple[str, str, Page], ...] = (
    ("GET", "", home),
    ("GET", _REQUEST, show_request),
    ("POST", _REQUEST, confirm_request),
    ("GET", "confirm/{request}", show_command),
    ("POST", "confirm/{request}", confirm_command),
    ("GET", "projects/{project}", show_project),
    ("GET", "projects/{project}/subjects/{subject}", show_subject),
    ("POST", "projects/{project}/subjects/{subject}", change_subject),
    ("GET", "projects/{project}/add", show_adding),
    ("POST", "projects/{project}/add", add_subjects),
    ("GET", "projects/{project}/held", show_held),
    ("POST", "projects/{project}/held", decide_held),
    ("GET", "projects/{project}/members", show_members),
    ("POST", "projects/{project}/members", change_members),
    ("GET", "projects/{project}/leases", show_leases),
    ("GET", "projects/{project}/audit", show_audit),
    ("GET", "projects/{project}/quality", show_quality),
    ("GET", "projects/{project}/protocol", show_protocol),
    ("POST", "projects/{project}/protocol", settle_proposal),
    ("GET", "projects/{project}/sync", show_sync),
    ("POST", "projects/{project}/sync", retry_sync),
    ("GET", "projects/{project}/pipeline", show_pipeline),
    ("POST", "projects/{project}/pipeline", change_pipeline),
    ("GET", "new-project", show_new_project),
    ("POST", "new-project", open_project),
    ("GET", "factors", show_factors),
    ("POST", "factors", change_factors),
    ("GET", "reference", show_reference),
)
FILES: Mapping[Page, Check] = {add_subjects: may_add}


def routes(showing: Showing) -> list[Route | Mount]:
    """Return all routes of the pages."""
    prefix = showing.desk.settings.prefix
    made: list[Route | Mount] = [
        Route(f"{prefix}{path}", showing.page(act, FILES.get(act)), methods=[method]) for method, path, act in PAGES
    ]

    def callback(request: Request) -> Response:
        try:
            return showing.sessions.callback(request)
        except EciError as error:
            return showing.refused(None, error)

    def logout(visit: Visit) -> Response:
        visit.check("logout")
        return showing.sessions.logout(visit.session)

    made.append(Route(f"{prefix}oauth_callback", callback, methods=["GET"]))
    made.append(Route(f"{prefix}logout", showing.page(logout), methods=["POST"]))
    made.append(Mount(f"{prefix}static", StaticFiles(directory=HERE / "static")))
    return made
