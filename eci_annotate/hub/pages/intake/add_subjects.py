"""Add subjects from DICOM files sent by a browser: single, as a folder or zipped; each patient becomes a subject.

Importing images is a signature too, so the form asks for the user's PIN or passkey.
"""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from starlette.responses import Response

from eci_annotate.errors import BadImages, DamagedFile, EciError, Refused, StoreUnavailable
from eci_annotate.hub.pages.factor_form import asking, confirmed
from eci_annotate.hub.pages.intake.import_progress import Taking
from eci_annotate.hub.pages.intake.uploads import MOST_FILES
from eci_annotate.hub.pages.page import Visit
from eci_annotate.hub.pages.project_page import ProjectPage, allowed_place
from eci_annotate.repository.service.values import Imported, Progress
from eci_annotate.store.disk_reserve import require_space
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import digest

MOST_BYTES = 16 << 30
_UNZIPPABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError, ValueError)


def show_adding(visit: Visit, problem: EciError | None = None) -> Response:
    """Show the form."""
    place = may_add(visit)
    return visit.show(
        "adding",
        status=403 if problem else 200,
        place=place,
        site=visit.repo.account.actor.site,
        asking=asking(visit, _about(place), "add", place.name),
        problem=problem,
    )


def _about(place: ProjectPage) -> str:
    """Return what a factor confirms here."""
    return digest(f"adding subjects to {place.name}".encode())


def may_add(visit: Visit) -> ProjectPage:
    """Return the project; raises Refused if the user may not add subjects there."""
    return allowed_place(visit, "add subjects", Permission.INGEST)


def add_subjects(visit: Visit) -> Response:
    """Import the files, and show progress."""
    place, arrived = may_add(visit), visit.arrived
    visit.check("add", place.name, visit.asked("nonce"))
    try:
        with visit.refusals("Add subjects"):
            if arrived is None or not arrived.files:
                raise BadImages("No files were chosen.", "Choose DICOM files, a folder, or a zip of them.")
            backend = confirmed(visit, _about(place))
    except EciError as error:
        return show_adding(visit, error)
    site = visit.asked("site") or backend.account.actor.site

    def work(tell: Progress) -> Imported:
        with visit.desk.allowance.one(f"adding/{visit.session.name}"):
            unpack(arrived.files, arrived.folder)
            return backend.intake.import_folders([arrived.folder], project=place.name, site=site, progress=tell)

    return Taking(visit, place, arrived, work).response()


def unpack(files: Iterable[Path], folder: Path) -> None:
    """Replace the zips among the files by their contents, under numbers of our own.

    Raises
    ------
    Refused
        If the contents exceed the limits.
    DamagedFile
        If a zip is damaged, or requires a password.
    StoreUnavailable
        If there is not enough space.
    """
    count = 0
    for path in files:
        if not zipfile.is_zipfile(path):
            count += 1
            continue
        try:
            with zipfile.ZipFile(path) as packed:
                count = _unzip(packed, folder, count)
        except OSError as error:
            raise StoreUnavailable("Not enough disk space to unpack the zip.", "Send less at once.") from error
        except _UNZIPPABLE as error:
            remedy = "Create it again without a password, or send the files themselves."
            raise DamagedFile("A zip is damaged or protected by a password.", remedy) from error
        path.unlink()


def _unzip(packed: zipfile.ZipFile, folder: Path, count: int) -> int:
    members = [each for each in packed.infolist() if not each.is_dir()]
    if len(members) + count > MOST_FILES or sum(each.file_size for each in members) > MOST_BYTES:
        raise Refused("The zip contains too much data.", "Send fewer files at once.")
    require_space(folder, sum(each.file_size for each in members))
    for number, each in enumerate(members, count):
        with packed.open(each) as content, (folder / f"z{number}.dcm").open("wb") as out:
            shutil.copyfileobj(content, out)
    return count + len(members)
