"""Registrations that came with a subject: DICOM REG objects of its studies, and data layers that hold one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.message import Message

from eci_annotate.archive.protocol import Study
from eci_annotate.dicom.read_registration import is_registration, itk_registration, registrations_in
from eci_annotate.errors import BadRegistration, EciError, NotFound
from eci_annotate.imaging.registration.choose_registration import contradictions
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.repository.backend import Backend, Images
from eci_annotate.workflow.subject.events import Attached

ITK = b"#Insight Transform File"
_MOST_BYTES = 1 << 29
_KINDS = ("application/dicom", "application/octet-stream", "text/plain")
_WHICH = 'Attach it with the media type "text/x-itk-transform; fixed=UID; moving=UID", the frames of reference.'


def study_registrations(
    backend: Backend, images: Images, project: str, subject: str, studies: Sequence[Study]
) -> tuple[list[Registration], list[str]]:
    """Return the registrations of a subject, and for each that cannot be read a sentence that names it.

    Parameters
    ----------
    backend, images
        Of the repository.
    project, subject
        Whose.
    studies
        As `images` lists them.
    """
    found: list[Registration] = []
    problems: list[str] = []
    for series in (each for study in studies for each in study.series if each.modality == "REG"):
        name = series.description or f"Registration {series.number}"
        try:
            for content in images.objects(project, subject, series.series_uid):
                found += registrations_in(content, name)
        except EciError as error:
            problems.append(_sentence(name, error))
    for layer in backend.subject(project, subject).layers:
        try:
            found += registrations_of_layer(backend, project, subject, layer)
        except EciError as error:
            problems.append(_sentence(layer.layer, error))
    problems += [
        f"Registrations {used.name!r} and {other.name!r} map the same frames of reference differently: "
        "the one that leads there counts, of these the first."
        for used, other in contradictions(found)
    ]
    return found, problems


def _sentence(name: str, error: EciError) -> str:
    return f"Registration {name!r} is not used: {error.what}"


def registrations_of_layer(backend: Backend, project: str, subject: str, layer: Attached) -> Iterator[Registration]:
    """Yield what a data layer registers, nothing if it holds something else; raises BadRegistration and its kinds."""
    kind = Message()
    kind["content-type"] = layer.media_type
    if layer.size > _MOST_BYTES or not ("itk" in layer.media_type or kind.get_content_type() in _KINDS):
        return
    try:
        content = backend.get(project, subject, layer.digest)
    except NotFound:
        return
    if content.startswith(ITK):
        fixed, moving = (str(kind.get_param(name) or "") for name in ("fixed", "moving"))
        if fixed == moving and fixed:
            raise BadRegistration("It maps a frame of reference to itself: which series moves is not known.", _WHICH)
        if not fixed or not moving:
            raise BadRegistration("An ITK transform does not say which frames of reference it maps.", _WHICH)
        yield itk_registration(content, fixed, moving, layer.layer)
    elif content[128:132] == b"DICM" and is_registration(content):
        yield from registrations_in(content, layer.layer)
    elif "itk" in layer.media_type:
        raise BadRegistration("It holds no ITK transform in text form (.tfm, .txt).", _WHICH)
