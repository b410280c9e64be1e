"""`Signed`: a version that nothing can change any more, its content read from where the manifest says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from eci_annotate.errors import NotFound, Refused
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.imaging.label_map import overlap_of
from eci_annotate.repository.analysis.active_time import PAUSE_S, ActiveTime, active_time
from eci_annotate.repository.backend import Backend, Images
from eci_annotate.repository.draft_entries import whole_journal
from eci_annotate.repository.export import export_version, require_named
from eci_annotate.repository.export_formats import (
    ExportFormat,
    export_converted,
    export_kinetics,
    format_named,
)
from eci_annotate.repository.external.subject_images import SubjectImages
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import parse
from eci_annotate.workflow.subject.commands import Sign
from eci_annotate.workflow.subject.events import VersionSigned, who
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.subject.verdict import VersionStatus
from eci_annotate.workflow.trust.seals import Manifest
from eci_annotate.workflow.usecase.gate import Checks
from eci_annotate.workflow.usecase.usecase import UseCase

if TYPE_CHECKING:
    from eci_annotate.repository.analysis.kinetics import KineticCurve
    from eci_annotate.repository.analysis.time_points import DynamicStudy


class Signed(SubjectImages):
    """A signed version of a task.

    Attributes
    ----------
    project, subject, task, version
        Which one.
    reader, at, meaning, verdict, reason
        Who signed it, when (UTC), and what was stated.
    seal
        Digest over everything that it consists of, and over the seal before it.
    status
        What the reviews said of it when it was listed; None if it was not taken from a list.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = eci.write_phantom(folder / "dicom", "tiny")
    >>> key = eci.create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    >>> repo = eci.open(folder / "demo")
    >>> imported = eci.import_folders(repo.backend, [folder / "dicom"], project="liver-ct", site="KAU")
    >>> task = repo.start("ECI_KAU_S0001", "annotate")
    >>> task.answer({"image_quality": "good", "lesions": []})
    >>> signed = task.sign("I looked at every slice and found no lesion")
    >>> signed.version, signed.reader, repo.verify(signed).passed
    (1, 'anna', True)
    """

    def __init__(
        self,
        backend: Backend,
        images: Images,
        project: str,
        subject: str,
        event: VersionSigned,
        status: VersionStatus | None = None,
    ) -> None:
        self._backend, self._images, self.event, self.status = backend, images, event, status
        self.project, self.subject, self.task, self.version = project, subject, event.task, event.version
        self.reader, self.at, self.seal = event.by, event.at, event.seal
        self.meaning, self.verdict, self.reason = event.meaning, event.verdict, event.reason

    def __repr__(self) -> str:
        which = f"version {self.version} of {self.task!r} of {self.subject}"
        sealed = f", seal {self.seal[:12]}" if self.seal else ""
        return f"<Signed {which}, by {self.reader} at {to_minute(self.at)}{sealed}>"

    def content(self, role: str) -> list[bytes]:
        """The parts with that role (``rtstruct``, ``sr``, ``report``, ``snapshot`` …), checked by digest."""
        parts = self.event.manifest.of(role)
        return [self._backend.get(self.project, self.subject, part.digest) for part in parts]

    @property
    def use_case(self) -> UseCase:
        """The definition under which it was made."""
        return self._backend.account.use_case(self.project, self.event.use_case)

    @property
    def report(self) -> dict[str, Any]:
        """The form's answers; empty when the task has no form."""
        found = self.content("report")
        return dict(parse(found[0], "A report")) if found else {}

    @property
    def checks(self) -> Checks:
        """What was stated of slots and series; nothing if nothing was."""
        found = self.content("checks")
        return Checks.from_json(parse(found[0], "A statement")) if found else Checks()

    @property
    def measurements(self) -> dict[str, list[dict[str, Any]]]:
        """What was measured: ``answers`` (each with the annotation or ruler it comes from), ``rulers``; or nothing."""
        found = self.content("measurements")
        return dict(parse(found[0], "Measurements")) if found else {"answers": [], "rulers": []}

    @property
    def places(self) -> list[dict[str, Any]]:
        """Of a review: the marked places, ``point_lps`` and ``remark`` each."""
        found = self.content("places")
        return places_in(found[0]) if found else []

    def rows(self) -> list[dict[str, Any]]:
        """One row per annotation: uid, kind, label, colour, series, frame, volume_mm3."""
        found = self.content("annotations")
        return list(parse(found[0], "A table of annotations")) if found else []

    def volume(self, series_uid: str) -> xr.DataArray:
        """A series of the subject as a volume (k, j, i)."""
        return self._images.volume(self.project, self.subject, series_uid)

    def annotations(self) -> list[Annotation]:
        """The annotations, exactly as they were signed."""
        found = self.content("snapshot")
        if not found:
            return []
        from eci_annotate.tools import replay

        easel = replay(self.volume, found[0], ())
        return list(easel.table.annotations())

    def dynamic_study(self) -> DynamicStudy:
        """The time points that the use case names, which give the kinetic curve of an annotation."""
        from eci_annotate.repository.analysis.time_points import DynamicStudy

        return DynamicStudy(self.use_case, self.studies(), self.volume)

    def kinetic_curves(self) -> dict[str, KineticCurve]:
        """The signal over time of each annotation for which the use case asks it, by the annotation's uid."""
        study = self.dynamic_study()
        return {each.uid: study.curve(each) for each in self.annotations() if study.has_curve(each)}

    def active_time(self, pause_s: float = PAUSE_S) -> ActiveTime | None:
        """How long its reader worked on it, without pauses of more than `pause_s`; None if its journal has no times."""
        kept = self.content("active_time")
        if kept and (sealed := parse(kept[0], "An active time"))["pause_s"] == pause_s:
            return ActiveTime.from_json(sealed)
        found = self.content("journal")
        return active_time(parse(found[0], "A journal"), pause_s) if found else None

    def journal(self) -> tuple[bytes | None, list[str]]:
        """Return how it was drawn: the snapshot that it continued (None: it began empty), and all journal lines.

        Raises
        ------
        Refused
            Nothing was drawn, or steps are missing.
        """
        found = self.content("journal")
        if not found:
            raise Refused("This version has no drawing to replay.", "Choose a version of an annotation task.")
        start, lines = whole_journal(parse(found[0], "A journal"))
        return (self._backend.get(self.project, self.subject, start) if start else None), lines

    def export(
        self, folder: Path | str, *, format: str = "rtstruct", overlap: str = "refuse", journal: bool = False
    ) -> list[Path]:
        """Write the version into a folder; returns the files.

        Parameters
        ----------
        folder
            Where the files go.
        format
            ``rtstruct``: RTSTRUCT, report and provenance as signed, which verify offline, and kinetic curves as CSV
            (not sealed) where the use case asks for them. Converted annotations only:
            ``seg`` (one DICOM SEG per annotated stack), ``nifti`` (label map ``.nii.gz`` with a table of labels as
            JSON), ``nrrd`` (``.seg.nrrd`` of 3D Slicer). ``tid1500``: a DICOM measurement report of each annotated
            stack, with the SEG that it refers to. ``csv``: the answers of the form, with their codes.
        overlap
            Of ``nifti``: ``refuse`` overlaps, or ``priority``: the first annotation keeps the voxel.
        journal
            Of ``rtstruct``: also the recorded gestures and the snapshot, from which the drawing can be replayed.

        Raises
        ------
        Refused
            Its reader is hidden from you.
        BadSegmentation
            Annotations overlap in a NIfTI label map.
        NotInstalled
            A SEG or measurement report without the extra `export`.
        """
        kind, rule = format_named(format), overlap_of(overlap)
        if kind is ExportFormat.RTSTRUCT:
            files = export_version(self._backend, self.project, self.subject, self.event, Path(folder), journal=journal)
            return [*files, *export_kinetics(self, Path(folder))]
        require_named(self.event)
        written = export_converted(self, Path(folder), kind, rule)
        self._backend.trail.note(
            "exported.1", self.project, self.subject, f"{self.task} version {self.version} as {kind}"
        )
        return written


def signed_by(backend: Backend, images: Images, command: Sign, version: int, known: Mapping[str, Any]) -> Signed:
    """The version that a command signed.

    Parameters
    ----------
    version
        The number of the version.
    known
        Its `basis` and `use_case`, for a version that is hidden from its own signer (until the reading is repeated).
    """
    try:
        event = backend.subject(command.project, command.subject).version(command.task, version)
    except NotFound:
        event = _hidden(backend.account.actor, command, version, known)
    return Signed(backend, images, command.project, command.subject, event)


def _hidden(actor: Actor, command: Sign, version: int, known: Mapping[str, Any]) -> VersionSigned:
    """What the signer of a hidden version knows of it: that they signed, not what, nor the seal."""
    said = {name: getattr(command, name) for name in ("task", "fence", "meaning", "verdict", "reason")}
    nothing = dict.fromkeys(("predecessor", "seal", "signature", "key"), "")
    signer = who(actor, datetime.now(UTC))
    return VersionSigned(**{**signer, **said, **known, **nothing}, version=version, manifest=Manifest((), ""))


def in_folders(versions: Sequence[Signed], out: Path) -> list[tuple[Signed, Path]]:
    """Return each version with its folder: that of its subject, below that of its project where there are several.

    Two projects may have a subject of the same pseudonym, whose files would have the same names.
    """
    several = len({each.project for each in versions}) > 1
    return [(each, (out / each.project if several else out) / each.subject) for each in versions]


def version_rows(versions: Sequence[Signed], position: int) -> list[dict[str, Any]]:
    """Return a row for `write_version_table` of each listed version, as it stood at a position of the feed."""
    return [
        {
            **{name: getattr(each, name) for name in ("project", "subject", "task", "version", "reader", "seal")},
            "signed_at": to_minute(each.at),
            "verdict": str(each.status.verdict) if each.status else "",
            "superseded": str(each.status.superseded).lower() if each.status else "",
            "position": position,
        }
        for each in versions
    ]


def places_in(content: bytes) -> list[dict[str, Any]]:
    """The marked places of a review that a blob holds."""
    return list(parse(content, "Marked places"))
