"""Where signed versions go: a DICOMweb archive, an XNAT, or a DICOM node; an owner sets each up."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import canonical, from_json, parse, to_json
from eci_annotate.workflow.project import check_name


class TargetKind(StrEnum):
    """What a target is."""

    DICOMWEB = "dicomweb"
    XNAT = "xnat"
    NODE = "node"


@dataclass(frozen=True)
class SyncTarget:
    """A target of a project.

    Attributes
    ----------
    name, project
        Its name here, and whose versions go there.
    kind, url
        What it is, and where; of a DICOM node ``TITLE@host:port``.
    remote_project
        Project of an XNAT.
    user, password
        Its account; not shown.
    orthanc
        Of a DICOMweb archive that is an Orthanc: the root of Orthanc's own interface, by which it deletes.
    images
        Whether the images that a version refers to go there too.
    pull_only
        Studies are pulled from there; signed versions do not go there.
    accepted
        Versions go there once their reviews accept them; those that nobody reviews, at once.
    by
        Who set it up, and is notified when it fails.
    """

    name: str
    project: str
    kind: TargetKind
    url: str
    remote_project: str = ""
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    orthanc: str = ""
    images: bool = False
    pull_only: bool = False
    by: str = ""
    accepted: bool = False

    @property
    def place(self) -> tuple[str, str, str]:
        """Return what two targets have in common that send to the same place."""
        return self.kind.value, self.url.rstrip("/").lower(), self.remote_project

    @property
    def is_by_subject(self) -> bool:
        """Whether a file of two subjects is two files there."""
        return self.kind is TargetKind.XNAT or bool(self.orthanc)


def keep_target(backend: LocalBackend, target: SyncTarget, *, in_use: bool = False) -> None:
    """Store a target (mode 0600: it holds a password).

    Raises
    ------
    Refused
        The name is that of another project's target; or the target is `in_use` (something was sent, or waits), and
        would then be another place, where nobody could withdraw what was sent to this one.
    """
    root = backend.context.layout.root
    before = next((each for each in targets_in(root) if each.name == target.name), None)
    if before is not None and before.project != target.project:
        raise Refused("This name of a target is used already.", "Choose another name.")
    if before is not None and in_use and (before.place, before.pull_only) != (target.place, target.pull_only):
        what = "Signed versions went to this target, and a withdrawal must find them there."
        raise Refused(what, "Add the other address under another name.")
    write_atomic(_folder(root) / f"{check_name(target.name)}.json", canonical(to_json(target)), mode=0o600)


def target_named(backend: LocalBackend, name: str) -> SyncTarget:
    """Return a target; raises NotFound if there is none."""
    found = next((each for each in targets(backend) if each.name == name), None)
    if found is None:
        raise NotFound("Target not found.", "See: eci-annotate sync status FOLDER")
    return found


def targets(backend: LocalBackend) -> list[SyncTarget]:
    """Return all targets, by name."""
    return targets_in(backend.context.layout.root)


def targets_in(root: Path) -> list[SyncTarget]:
    """Return all targets of the repository in a folder, by name."""
    paths = sorted(_folder(root).glob("*.json"))
    return [from_json(SyncTarget, parse(path.read_bytes(), "A target")) for path in paths]


def _folder(root: Path) -> Path:
    return root / "sites" / "targets"
