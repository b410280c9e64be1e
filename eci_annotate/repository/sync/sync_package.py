"""What is sent of a signed version, read through the actor's own view and checked by digest."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from eci_annotate.archive.protocol import Instance
from eci_annotate.archive.remote_archive import Uids
from eci_annotate.dicom.images.headers import scan
from eci_annotate.dicom.patient_identity import under_pseudonym
from eci_annotate.repository.local.artefacts import image_series_of
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.manifest_parts import exported_parts, is_archived
from eci_annotate.repository.sync.sync_remotes import FilesOnDemand, Package
from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind
from eci_annotate.repository.version_list import provenance_document
from eci_annotate.workflow.codec import parse


def package_of(backend: LocalBackend, target: SyncTarget, subject: str, task: str, version: int) -> Package:
    """Return what is sent of a version.

    Raises
    ------
    NotFound, Refused
        The actor may not see or export it.
    """
    project, label = target.project, f"{task}_v{version:04d}"
    signed = backend.subject(project, subject).version(task, version)
    derived, documents = {}, {}
    for part, name in exported_parts(f"{subject}_{label}", signed.manifest):
        content = backend.get(project, subject, part.digest)
        if is_archived(part):
            derived[_uids_of(content)] = (part.role, content)
        else:
            documents[name] = parse(content, f"The {part.role}")
    documents[f"{subject}_{label}_provenance.json"] = provenance_document(backend, project, subject, task, version)
    name = label_of(project, task, version, signed.seal)
    return Package(subject, name, derived, documents, _images(backend, subject, target))


def label_of(project: str, task: str, version: int, seal: str) -> str:
    """Return the label of a version at a target: one for each project and repository that sends there."""
    return f"{project}_{task}_v{version:04d}_{seal[:12]}"


def first_label_of(task: str, version: int) -> str:
    """Return the label by which the first releases sent a version."""
    return f"{task}_v{version:04d}"


def _uids_of(content: bytes) -> Uids:
    (found,) = scan([lambda: content])
    return Uids(found.study_uid, found.series_uid, found.sop_uid)


def _images(backend: LocalBackend, subject: str, target: SyncTarget) -> Mapping[Uids, bytes]:
    """Return the images that go along, with the patient of the signed objects where the target sorts by patients."""
    if not target.images:
        return {}
    archive = backend.context.archive
    instances = (each for uid in image_series_of(archive, subject) for each in archive.instances(subject, uid))
    as_sealed = target.kind is TargetKind.XNAT  # it sorts by subjects of its own

    def content(instance: Instance) -> bytes:
        sealed = archive.read(instance)
        return sealed if as_sealed else under_pseudonym(sealed, subject)

    return FilesOnDemand(
        {Uids(each.study_uid, each.series_uid, each.sop_uid): partial(content, each) for each in instances}
    )
