"""Subjects are added from DICOM files that a browser sends, single or zipped; each patient becomes a subject.

To take images in is a signature too, so the form asks for the person's factor.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.responses import Response

from eci_annotate.errors import BadImages, EciError, Refused
from eci_annotate.hub.pages.guard import origin_of
from eci_annotate.hub.pages.project import Place, place_of
from eci_annotate.hub.pages.showing import SESSION, Visit
from eci_annotate.hub.signing.proving import Proof, prove
from eci_annotate.repository.importing import Imported, import_folders
from eci_annotate.repository.keys import Signer
from eci_annotate.repository.service_keys import service_signing_key
from eci_annotate.workflow.codec import digest

MOST_FILES, MOST_BYTES = 50_000, 16 << 30


def show_adding(visit: Visit, problem: EciError | None = None, done: Imported | None = None) -> Response:
    """The form."""
    place = _place(visit)
    return visit.show(
        "adding",
        status=403 if problem else 200,
        place=place,
        site=visit.repo.actor.site,
        token=visit.token("add", place.name),
        problem=problem,
        done=done,
    )


def _place(visit: Visit) -> Place:
    place = place_of(visit)
    if not visit.repo.actor.may("ingest", place.name):
        raise Refused("You may not add subjects here.", "Ask the project's owner.")
    return place


def add_subjects(visit: Visit) -> Response:
    """Take the files in."""
    place, files = _place(visit), visit.files("files")
    visit.check("add", place.name)
    try:
        if not files:
            raise BadImages("The form brought no files.", "Choose DICOM files, or a zip of them.")
        return show_adding(visit, done=_taken_in(visit, place, files))
    except EciError as error:
        return show_adding(visit, error)


def _taken_in(visit: Visit, place: Place, files: list[UploadFile]) -> Imported:
    name, layout = visit.session.name, visit.desk.rooms.layout
    origin = origin_of(visit.request, visit.desk.settings)
    about = digest(f"adding subjects to {place.name}".encode())
    factor = prove(visit.desk.factors, origin, name, Proof(visit.asked("pin")), about)
    opened = Signer(service_signing_key(layout, name), factor)
    backend = visit.desk.confirmed(name, SESSION, opened)
    with tempfile.TemporaryDirectory(prefix="eci-incoming-") as folder:
        _unpack(files, Path(folder))
        return import_folders(
            backend, [Path(folder)], project=place.name, site=visit.asked("site") or backend.actor.site
        )


def _unpack(files: list[UploadFile], folder: Path) -> None:
    """Write what came under numbers of our own; names that a browser sends are not used."""
    number = 0
    for each in files:
        if zipfile.is_zipfile(each.file):
            with zipfile.ZipFile(each.file) as packed:
                number = _unzip(packed, folder, number)
        else:
            each.file.seek(0)
            with (folder / f"{number}.dcm").open("wb") as out:
                shutil.copyfileobj(each.file, out)
            number += 1


def _unzip(packed: zipfile.ZipFile, folder: Path, number: int) -> int:
    members = [each for each in packed.infolist() if not each.is_dir()]
    if len(members) + number > MOST_FILES or sum(each.file_size for each in members) > MOST_BYTES:
        raise Refused("The zip holds too much.", "Send fewer files at once.")
    for each in members:
        with packed.open(each) as content, (folder / f"{number}.dcm").open("wb") as out:
            shutil.copyfileobj(content, out)
        number += 1
    return number
