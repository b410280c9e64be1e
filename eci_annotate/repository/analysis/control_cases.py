"""Control cases of a project: subjects whose lesions and answers are known to its owners, among all the others.

Readers meet them as any subject. What is known is a data layer that exists for owners only, so that no list, page,
table or name tells which subjects they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import pandas as pd

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Annotation
from eci_annotate.repository.analysis.annotation_pairs import studies_by_series
from eci_annotate.repository.analysis.control_reference import (
    ControlReference,
    SubjectVolumes,
    reference_of,
    store_reference,
)
from eci_annotate.repository.analysis.weekly_agreement import monday_of
from eci_annotate.repository.backend import every_subject
from eci_annotate.repository.signed import Signed
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.subject.lease import to_minute
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.usecase.pipeline import readings_of

if TYPE_CHECKING:
    from eci_annotate.repository.analysis.control_score import ControlScore
    from eci_annotate.repository.repository import Repository

COLUMNS = [
    *("subject", "task", "reader", "version", "week", "known", "found", "missed", "extra", "dice"),
    *("answers", "right", "wrong", "signed_at", "apart"),
]
BY_READER = ["week", "reader", "readings", "found_percent", "extra_per_reading", "dice", "right_percent"]
MOST_KEPT = 2000

_scores: dict[tuple[str, str, str, int], ControlScore] = {}  # neither a version nor a reference ever changes


class ControlCases:
    """The control cases of a project, for its owner.

    Parameters
    ----------
    repository
        Opened by an owner of the project.
    project
        May be left out when there is one only.

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
    >>> cases = eci.ControlCases(repo)
    >>> cases.mark("ECI_KAU_S0001", answers={"image_quality": "good", "lesions": []})
    >>> task = repo.start("ECI_KAU_S0001", "annotate")
    >>> task.answer({"image_quality": "poor", "quality_reason": "motion", "lesions": []})
    >>> signed = task.sign("I looked at every slice and found no lesion")
    >>> cases.table[["reader", "answers", "wrong"]].values.tolist()
    [['anna', 1, 'image_quality']]
    """

    def __init__(self, repository: Repository, project: str | None = None) -> None:
        projects = [project] if project else repository.backend.account.projects()
        if len(projects) != 1:
            raise Refused("Several projects exist.", f"Name one: {', '.join(projects)}.")
        self.project, self._backend, self._images = projects[0], repository.backend, repository.images
        if not self._backend.account.actor.may(Permission.ADMINISTER, self.project):
            raise Refused("Control cases are for owners of the project.", "Ask the project's owner.")

    def mark(
        self,
        subject: str,
        annotations: Sequence[Annotation] | None = None,
        answers: Mapping[str, Any] | None = None,
        *,
        task: str = "annotate",
    ) -> None:
        """Make a subject a control case, or replace what is known of it.

        Parameters
        ----------
        subject
            Its pseudonym.
        annotations
            The known lesions, on series of the subject; masks have the grid of their series. Empty: it has none. None:
            it is not known which it has, and only answers are compared.
        answers
            Known answers of the form; leave out what is a matter of opinion.
        task
            The task, or group of readings, that is compared.

        Raises
        ------
        Refused
            An annotation does not fit the subject's images, or nothing is known.
        BadAnswers
            An answer is none of the form.
        """
        seen = self._backend.subject(self.project, subject)
        case = self._backend.account.use_case(self.project, seen.use_case)
        first = next((each.name for each in readings_of(case.pipeline, task)), task)
        store_reference(self._place(subject), first, annotations, answers or {}, case)

    def unmark(self, subject: str) -> None:
        """Make a subject an ordinary one again; its readings are not compared any more."""
        seen = self._backend.subject(self.project, subject)
        case = self._backend.account.use_case(self.project, seen.use_case)
        store_reference(self._place(subject), "", None, {}, case)

    def _place(self, subject: str) -> SubjectVolumes:
        return SubjectVolumes(self._backend, self._images, self.project, subject)

    def references(self) -> dict[str, ControlReference]:
        """Return what is known, by subject."""
        return {seen.subject: known for seen, known in self._marked()}

    def _marked(self) -> Iterator[tuple[SubjectView, ControlReference]]:
        for seen in every_subject(self._backend, self.project):
            known = reference_of(self._backend, self._images, seen)
            if known is not None and not seen.withdrawn:
                yield seen, known

    @property
    def table(self) -> pd.DataFrame:
        """Every reading of a control case: lesions found, missed and extra, mean Dice, answers right and wrong.

        `dice` is the mean over the known lesions, a missed one counts 0; nothing is said of lesions where they are not
        known. `apart` names lesions drawn in another frame of reference than the known ones: they are not compared, and
        known lesions that they may be are not counted as missed. `week` is its Monday (UTC). `answers` counts the known
        choices and yes-or-no answers; `wrong` names those that differ.
        """
        return self.scored()[0]

    def scored(self, most: int | None = None) -> tuple[pd.DataFrame, int]:
        """Return the table, and how many readings are left out since only `most` were compared now.

        Readings that were compared before in this process do not count.
        """
        found = [(known, signed) for seen, known in self._marked() for signed in self._readings(seen, known)]
        fresh = [pair for pair in found if _key(*pair) not in _scores]
        skipped = fresh[most:] if most is not None else []
        left_out = {_key(*pair) for pair in skipped}
        rows = [_row(known, signed) for known, signed in found if _key(known, signed) not in left_out]
        return pd.DataFrame(rows, columns=COLUMNS), len(skipped)

    def _readings(self, seen: SubjectView, known: ControlReference) -> Iterator[Signed]:
        """Yield every signed version of the task, or of its group, and of what repeats it."""
        pipeline = self._backend.account.use_case(self.project, seen.use_case).pipeline
        about = next((each for each in pipeline if each.name == known.task), None)
        names = {each.name for each in readings_of(pipeline, about.of_group)} if about else set()
        names |= {each.name for each in pipeline if each.repeats in names}
        events = (each for task in seen.tasks if task.name in names for each in task.signed)
        return map(partial(Signed, self._backend, self._images, self.project, seen.subject), events)

    @property
    def by_reader(self) -> pd.DataFrame:
        """Per week and reader: lesions found, extra annotations, mean Dice and right answers."""
        return by_reader(self.table)


def _key(known: ControlReference, signed: Signed) -> tuple[str, str, str, int]:
    return known.digest, signed.project, f"{signed.subject} {signed.task} {signed.seal}", signed.version


def _score(known: ControlReference, signed: Signed) -> ControlScore:
    from eci_annotate.repository.analysis.control_score import score  # loads kernels

    key = _key(known, signed)
    if key not in _scores:
        for old in list(islice(_scores, max(0, len(_scores) - MOST_KEPT + 1))):
            del _scores[old]
        case, study_of = signed.use_case, studies_by_series(known.place.studies())
        _scores[key] = score(known, signed, known.place.volume, case.questions, case.labels_beside, study_of)
    return _scores[key]


def _row(known: ControlReference, signed: Signed) -> dict[str, Any]:
    found = _score(known, signed)
    lesions, at, is_known = len(found.dices) + len(found.missed), signed.at, known.lines is not None
    return {
        **{name: getattr(signed, name) for name in ("subject", "task", "reader", "version")},
        "week": monday_of(at.date()),
        "known": lesions if is_known else None,
        "found": len(found.dices) if is_known else None,
        "missed": ", ".join(found.missed),
        "extra": len(found.extra) if is_known else None,
        "dice": round(sum(found.dices.values()) / lesions, 3) if lesions else None,
        "answers": len(found.right) + len(found.wrong),
        "right": len(found.right),
        "wrong": ", ".join(found.wrong),
        "signed_at": to_minute(at),
        "apart": ", ".join(found.apart),
    }


def _mean(values: pd.Series[Any], digits: int) -> float | None:
    known = values.dropna()
    return round(float(known.astype(float).mean()), digits) if len(known) else None


def by_reader(table: pd.DataFrame) -> pd.DataFrame:
    """Return the results of each week and reader; None where nothing could be found or answered."""
    rows = []
    for (week, reader), some in table.groupby(["week", "reader"], sort=True):
        known, answers = int(some["known"].sum()), int(some["answers"].sum())
        rows.append(
            {
                "week": week,
                "reader": reader,
                "readings": len(some),
                "found_percent": round(100 * int(some["found"].sum()) / known) if known else None,
                "extra_per_reading": _mean(some["extra"], 2),
                "dice": _mean(some["dice"], 3),
                "right_percent": round(100 * int(some["right"].sum()) / answers) if answers else None,
            }
        )
    return pd.DataFrame(rows, columns=BY_READER)
