"""What a notebook holds: `Task`, the right to work on one; `Signed`, a version that nothing can change any more.

Handles keep no state of their own but the lease's end; the backend is asked each time.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import xarray as xr

from eci_annotate.archive.protocol import Study, hanging_headers
from eci_annotate.errors import LeaseLost, NotFound
from eci_annotate.repository import draft_entries
from eci_annotate.repository.analysis.active_time import BEGUN, TIME, now_in_words
from eci_annotate.repository.backend import Backend, Images
from eci_annotate.repository.draft_entries import Draft
from eci_annotate.repository.external.subject_images import SubjectImages
from eci_annotate.repository.pending_signature import Pending
from eci_annotate.repository.signed import Signed, places_in
from eci_annotate.workflow.subject.commands import ReleaseTask, Renew, Sign
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.subject.view import TaskView
from eci_annotate.workflow.usecase.form import Question
from eci_annotate.workflow.usecase.hanging import Hanging, opened_at
from eci_annotate.workflow.usecase.pipeline import TaskDefinition, TaskKind, readings_of, task_named
from eci_annotate.workflow.usecase.usecase import UseCase

__all__ = ["Signed", "Task"]

_TOUCH_S = 20.0


class Task(SubjectImages):
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
    >>> task.version, task.volume().shape
    (1, (8, 40, 56))
    """

    def __init__(self, backend: Backend, images: Images, project: str, subject: str, seen: TaskView) -> None:
        self._backend, self._images = backend, images
        self.project, self.subject, self.task = project, subject, seen.name
        self.holder, self.session = backend.account.actor.name, backend.account.actor.session
        self.fence, self.version, self.basis = seen.fence, seen.version + 1, seen.basis
        self.until = _end(seen)
        self.rejected, self._marked, self._pinned = seen.rejected, seen.marked, seen.use_case
        self._touched_s = time.monotonic()
        self._case: UseCase | None = None
        self._count: int | None = None
        self._begun = {BEGUN: now_in_words()}
        self.shown = False  # whether a viewer writes the draft

    def __repr__(self) -> str:
        return f"<Task {self.task!r} of {self.subject}, version {self.version}, yours until {to_minute(self.until)}>"

    @property
    def use_case(self) -> UseCase:
        """The definition that this task pinned when it was started."""
        if self._case is None:
            self._case = self._backend.account.use_case(self.project, self._pinned)
        return self._case

    @property
    def definition(self) -> TaskDefinition:
        """The task's definition: title, kind, tools, form."""
        return task_named(self.use_case.pipeline, self.task)

    @property
    def questions(self) -> tuple[Question, ...]:
        """The report form's questions; none when the task has no form."""
        return self.use_case.questions if self.definition.form else ()

    def hanging(self, studies: Sequence[Study] | None = None) -> Hanging:
        """Which series goes where, and why; `studies` are those of `studies()`, if they were listed already."""
        headers = hanging_headers(self.studies() if studies is None else studies)
        return self.kept_series.on(opened_at(self.use_case.hang(headers), self.definition.first), headers)

    def volume(self, series_uid: str | None = None) -> xr.DataArray:
        """A series as a volume (k, j, i); without a UID the one that the hanging protocol shows first."""
        uid = series_uid or self.hanging().first
        if uid is None:
            raise NotFound("No series fits the hanging protocol.", "Name one: volume(series_uid=...).")
        return self._images.volume(self.project, self.subject, uid)

    def save(self, lines: Sequence[str]) -> None:
        """Append journal lines to the draft; a killed kernel does not lose what this returned for.

        After an error the same lines (and more) may be given again: what had arrived counts once.
        """
        if self._count is None:
            self._count = self.draft().count
        self._save(draft_entries.lines_entry(lines, self._count))
        self._count += len(lines)

    def snapshot(self, content: bytes) -> None:
        """Keep the whole work as it is; resuming then replays only the lines after it."""
        self._save(draft_entries.snapshot_entry(self._backend.put(self.project, self.subject, content)))

    def answer(self, answers: dict[str, Any], checks: dict[str, Any] | None = None) -> None:
        """Keep the form's answers as they are, and what is stated of slots and series; both are checked when signed.

        Parameters
        ----------
        answers
            Answers by question.
        checks
            See `workflow.usecase.gate.Checks.to_json`; None if nothing is stated.
        """
        self._save(draft_entries.answers_entry(answers, checks))

    def _save(self, entry: dict[str, Any]) -> None:
        entry = {**entry, **self._begun, TIME: now_in_words()}
        self._backend.drafts.save(self.project, self.subject, self.task, self.fence, [entry])
        self._begun = {}

    def draft(self) -> Draft:
        """The work as it was last saved, also by a kernel that is gone."""
        entries = self._backend.drafts.read(self.project, self.subject, self.task)
        draft = draft_entries.read_draft(entries, lambda d: self._backend.get(self.project, self.subject, d))
        self._count = draft.count
        if draft.missing:
            warnings.warn(draft.missing, stacklevel=2)
        return draft

    def touch(self) -> datetime:
        """Tell that the person is active; renews the lease at most every 20 s. Returns its end (UTC)."""
        if time.monotonic() - self._touched_s >= _TOUCH_S:
            seen = self._backend.do(Renew(self.project, self.subject, self.task, self.fence))
            self._touched_s = time.monotonic()
            self.until = _end(seen.task(self.task)) if seen else self.until
        return self.until

    def check_lease(self) -> None:
        """Ask whether another session has taken the task over; renews nothing.

        Raises
        ------
        LeaseLost
            If one has.
        """
        seen = self._backend.subject(self.project, self.subject).task(self.task)
        if seen.until is None or (seen.mine and seen.fence == self.fence):
            return
        who = "you, in another session" if seen.holder == self.holder else seen.holder or "another reader"
        raise LeaseLost(f"This task was taken over by {who}.", "Work that was saved is kept as a draft.")

    def reviewing(self) -> Signed | None:
        """For a review: the signed version that it is about."""
        definition = self.definition
        return self._signed(self._reviewed(definition.of)) if definition.kind == TaskKind.REVIEW else None

    def readings(self) -> list[Signed]:
        """For an adjudication: the signed readings that it is about, in the order of the pipeline."""
        if self.definition.kind != TaskKind.ADJUDICATE:
            return []
        names = [each.name for each in readings_of(self.use_case.pipeline, self.definition.of)]
        return [self._signed(self._reviewed(name)) for name in names if self.basis.get(name)]

    def earlier(self) -> Signed | None:
        """The version of the earlier task that is shown with this one: the newest when this one was started."""
        of = self.definition.beside
        return self._signed(self._reviewed(of)) if of and self.basis.get(of) else None

    def previous(self) -> Signed | None:
        """The newest signed version of this task that you may see; None before the first."""
        signed = self._backend.subject(self.project, self.subject).task(self.task).signed
        return self._signed(signed[-1]) if signed else None

    def reviewed_before(self) -> tuple[Signed, Signed] | None:
        """For a review: the version that was reviewed last before this one, and that review; None for the first."""
        of = self.definition.of
        if self.definition.kind != TaskKind.REVIEW:
            return None
        seen = self._backend.subject(self.project, self.subject)
        past = [each for each in seen.task(self.task).signed if each.basis.get(of, 0) < self.basis[of]]
        return (self._signed(seen.version(of, past[-1].basis[of])), self._signed(past[-1])) if past else None

    def marked(self) -> list[dict[str, Any]]:
        """What the review that rejected this marked: ``point_lps`` (patient mm) and ``remark`` each."""
        return places_in(self._backend.get(self.project, self.subject, self._marked)) if self._marked else []

    def _signed(self, event: VersionSigned) -> Signed:
        return Signed(self._backend, self._images, self.project, self.subject, event)

    def _reviewed(self, of: str) -> VersionSigned:
        return self._backend.subject(self.project, self.subject).version(of, self.basis[of])

    @property
    def asks_secret(self) -> bool:
        """Whether signing asks for your own secret."""
        return self._backend.account.asks_secret

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
            For a review: points (x, y, z, in patient mm, LPS) with a remark each, for the annotator who corrects it.
        secret
            Your own, if your signing key has one; it is kept nowhere.
        """
        begun = self.begin_signing(meaning, verdict=verdict, reason=reason, places=places, secret=secret)
        if isinstance(begun, Signed):
            return begun
        print(f"Confirm the signature here: {begun.url}", flush=True)
        return begun.wait()

    def begin_signing(
        self,
        meaning: str,
        *,
        verdict: str = "",
        reason: str = "",
        places: Sequence[tuple[float, float, float, str]] = (),
        secret: str = "",
    ) -> Signed | Pending:
        """As `sign`, but on a hub it does not wait for the person: the result then says where they confirm."""
        where = (self.project, self.subject, self.task, self.fence)
        return self._backend.do(Sign(*where, meaning, verdict, reason, tuple(places), secret))

    def release(self) -> None:
        """Give the lease back; the draft stays yours."""
        self._backend.do(ReleaseTask(self.project, self.subject, self.task, self.fence))


def _end(seen: TaskView) -> datetime:
    if seen.until is None:
        raise LeaseLost(
            f"You do not hold the lease of {seen.name!r}.", "Start it again; your last work is kept as a draft."
        )
    return seen.until
