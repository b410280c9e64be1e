"""What a notebook holds: `Task`, the right to work on one; `Signed`, a version that nothing can change any more.

Handles keep no state of their own but the lease's end; the backend is asked each time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import xarray as xr

from eci_annotate.archive.protocol import Study
from eci_annotate.errors import LeaseLost, NotFound
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.repository import drafting
from eci_annotate.repository.drafting import Draft
from eci_annotate.repository.export import export_version
from eci_annotate.repository.protocols import Backend, Images
from eci_annotate.workflow.codec import parse
from eci_annotate.workflow.commands import Release, Renew, Sign
from eci_annotate.workflow.events import Signed as SignedEvent
from eci_annotate.workflow.events import who
from eci_annotate.workflow.form import Question
from eci_annotate.workflow.hanging import Hanging
from eci_annotate.workflow.lease import to_minute
from eci_annotate.workflow.pipeline import ADJUDICATE, REVIEW, TaskDefinition, readings_of, task_named
from eci_annotate.workflow.sealing import Manifest
from eci_annotate.workflow.usecase import UseCase
from eci_annotate.workflow.view import TaskView

_TOUCH_S = 20.0


class Task:
    """A task that is yours until `until`. Made by `Repository.start`.

    Attributes
    ----------
    project, subject, task
        Which one.
    holder, session, fence
        Whose lease; what carries an older fence can write nothing.
    until
        End of the lease (UTC); `touch` moves it.
    version
        The version that signing will make.
    """

    def __init__(self, backend: Backend, images: Images, project: str, subject: str, seen: TaskView) -> None:
        self._backend, self._images = backend, images
        self.project, self.subject, self.task = project, subject, seen.name
        self.holder, self.session = backend.actor.name, backend.actor.session
        self.fence, self.version, self.basis = seen.fence, seen.version + 1, seen.basis
        self.until = _end(seen)
        self.rejected, self._pinned = seen.rejected, seen.use_case
        self._touched_s = time.monotonic()
        self._case: UseCase | None = None

    def __repr__(self) -> str:
        return f"<Task {self.task!r} of {self.subject}, version {self.version}, yours until {to_minute(self.until)}>"

    @property
    def use_case(self) -> UseCase:
        """The definition that this task pinned when it was started."""
        if self._case is None:
            self._case = self._backend.use_case(self.project, self._pinned)
        return self._case

    @property
    def definition(self) -> TaskDefinition:
        """The task's definition: title, kind, tools, form."""
        return task_named(self.use_case.pipeline, self.task)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The report form's questions; none when the task has no form."""
        return self.use_case.questions if self.definition.form else ()

    def studies(self) -> list[Study]:
        """The subject's studies with their series."""
        return self._images.studies(self.project, self.subject)

    def hanging(self) -> Hanging:
        """Which series goes where, and why."""
        series = [each.header for study in self.studies() for each in study.series]
        return self.use_case.hang(list(series))

    def volume(self, series_uid: str | None = None) -> xr.DataArray:
        """A series as a volume (k, j, i); without a UID the one that the hanging protocol shows first."""
        uid = series_uid or self.hanging().first
        if uid is None:
            raise NotFound("No series fits the hanging protocol.", "Name one: volume(series_uid=...).")
        return self._images.volume(self.project, self.subject, uid)

    def save(self, lines: Sequence[str]) -> None:
        """Append journal lines to the draft; a killed kernel does not lose what this returned for."""
        self._save(drafting.lines_entry(lines))

    def snapshot(self, content: bytes) -> None:
        """Keep the whole work as it is; resuming then replays only the lines after it."""
        self._save(drafting.snapshot_entry(self._backend.put(self.project, self.subject, content)))

    def answer(self, answers: dict[str, Any]) -> None:
        """Keep the form's answers as they are; they are checked when signed."""
        self._save(drafting.answers_entry(answers))

    def _save(self, entry: dict[str, Any]) -> None:
        self._backend.save(self.project, self.subject, self.task, self.fence, [entry])

    def draft(self) -> Draft:
        """The work as it was last saved, also by a kernel that is gone."""
        entries = self._backend.draft(self.project, self.subject, self.task)
        return drafting.read_draft(entries, lambda d: self._backend.get(self.project, self.subject, d))

    def touch(self) -> datetime:
        """Tell that the person is active; renews the lease at most every 20 s. Returns its end (UTC)."""
        if time.monotonic() - self._touched_s >= _TOUCH_S:
            seen = self._backend.do(Renew(self.project, self.subject, self.task, self.fence))
            self._touched_s = time.monotonic()
            self.until = _end(seen.task(self.task)) if seen else self.until
        return self.until

    def reviewing(self) -> Signed | None:
        """For a review: the signed version that it is about."""
        definition = self.definition
        if definition.kind != REVIEW:
            return None
        return self._signed(self._reviewed(definition.of))

    def readings(self) -> list[Signed]:
        """For an adjudication: the signed readings that it is about, in the order of the pipeline."""
        if self.definition.kind != ADJUDICATE:
            return []
        names = [each.name for each in readings_of(self.use_case.pipeline, self.definition.of)]
        return [self._signed(self._reviewed(name)) for name in names if self.basis.get(name)]

    def reviewed_before(self) -> tuple[Signed, Signed] | None:
        """For a review: the version that was reviewed last before this one, and that review; None for the first."""
        of = self.definition.of
        if self.definition.kind != REVIEW:
            return None
        seen = self._backend.subject(self.project, self.subject)
        past = [each for each in seen.task(self.task).signed if each.basis.get(of, 0) < self.basis[of]]
        return (self._signed(seen.version(of, past[-1].basis[of])), self._signed(past[-1])) if past else None

    def _signed(self, event: SignedEvent) -> Signed:
        return Signed(self._backend, self._images, self.project, self.subject, event)

    def _reviewed(self, of: str) -> SignedEvent:
        return self._backend.subject(self.project, self.subject).version(of, self.basis[of])

    @property
    def asks_secret(self) -> bool:
        """Whether signing asks for your own secret."""
        return self._backend.asks_secret

    def sign(
        self,
        meaning: str,
        *,
        verdict: str = "",
        reason: str = "",
        places: Sequence[tuple[float, float, float, str]] = (),
        secret: str = "",
    ) -> Signed:
        """Make the draft the next version, for good.

        Parameters
        ----------
        meaning
            What you confirm, in your words; it is sealed and shown with the version.
        verdict, reason
            For a review: ``accept``, or ``reject`` with the reason.
        places
            For a review: points (x, y, z, in patient mm, LPS) with a remark each, shown to who mends it.
        secret
            Your own, if your signing key has one; it is kept nowhere.
        """
        where = (self.project, self.subject, self.task, self.fence)
        command = Sign(*where, meaning, verdict, reason, tuple(places), secret)
        self._backend.do(command)
        try:
            event = self._backend.subject(self.project, self.subject).version(self.task, self.version)
        except NotFound:  # hidden from its own reader, until the reading is repeated
            event = self._hidden(meaning, verdict, reason)
        return self._signed(event)

    def _hidden(self, meaning: str, verdict: str, reason: str) -> SignedEvent:
        """What its signer knows of a version that is hidden from him: that he signed, not what, nor the seal."""
        known = {"task": self.task, "version": self.version, "fence": self.fence, "basis": self.basis}
        said = {"meaning": meaning, "verdict": verdict, "reason": reason, "use_case": self._pinned}
        nothing = dict.fromkeys(("predecessor", "seal", "signature", "key"), "")
        signer = who(self._backend.actor, datetime.now(UTC))
        return SignedEvent(**{**signer, **known, **said, **nothing}, manifest=Manifest((), ""))

    def release(self) -> None:
        """Give the lease back; the draft stays yours."""
        self._backend.do(Release(self.project, self.subject, self.task, self.fence))


def _end(seen: TaskView) -> datetime:
    if seen.until is None:
        raise LeaseLost(f"You do not hold {seen.name!r}.", "Start it again; your last work is kept as a draft.")
    return seen.until


class Signed:
    """A signed version of a task.

    Attributes
    ----------
    project, subject, task, version
        Which one.
    reader, at, meaning, verdict, reason
        Who signed it, when (UTC), and what was stated.
    seal
        Digest over everything that it consists of, and over the seal before it.
    """

    def __init__(self, backend: Backend, images: Images, project: str, subject: str, event: SignedEvent) -> None:
        self._backend, self._images, self.event = backend, images, event
        self.project, self.subject, self.task, self.version = project, subject, event.task, event.version
        self.reader, self.at, self.seal = event.by, event.at, event.seal
        self.meaning, self.verdict, self.reason = event.meaning, event.verdict, event.reason

    def __repr__(self) -> str:
        which = f"version {self.version} of {self.task!r} of {self.subject}"
        return f"<Signed {which}, by {self.reader} at {to_minute(self.at)}, seal {self.seal[:12]}>"

    def content(self, role: str) -> list[bytes]:
        """The parts with that role (``rtstruct``, ``sr``, ``report``, ``snapshot`` …), checked by digest."""
        parts = self.event.manifest.of(role)
        return [self._backend.get(self.project, self.subject, part.digest) for part in parts]

    @property
    def use_case(self) -> UseCase:
        """The definition under which it was made."""
        return self._backend.use_case(self.project, self.event.use_case)

    @property
    def report(self) -> dict[str, Any]:
        """The form's answers; empty when the task has no form."""
        found = self.content("report")
        return dict(parse(found[0], "A report")) if found else {}

    @property
    def places(self) -> list[dict[str, Any]]:
        """Of a review: the marked places, ``point_lps`` and ``remark`` each."""
        found = self.content("places")
        return list(parse(found[0], "Marked places")) if found else []

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
        return list(easel.annotations())

    def export(self, folder: Path | str) -> list[Path]:
        """Write RTSTRUCT, report and provenance into a folder; returns the files."""
        return export_version(self._backend, self.project, self.subject, self.event, Path(folder))
