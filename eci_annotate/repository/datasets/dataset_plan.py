"""Which signed versions make a training set: one per task and subject, by the rule of `workflow.subject.verdict`.

A subject that cannot be used whole is refused whole, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from eci_annotate.errors import EciError, Refused, StoreUnavailable
from eci_annotate.repository.backend import Backend
from eci_annotate.repository.datasets.dataset_case import TrainingCase
from eci_annotate.repository.datasets.dataset_rules import DatasetRules, EqualLabels
from eci_annotate.repository.datasets.position_snapshot import PositionSnapshot
from eci_annotate.repository.datasets.subject_split import joined, split_subjects
from eci_annotate.repository.export import require_named
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.signed import Signed
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.subject.verdict import Verdict, VersionStatus
from eci_annotate.workflow.subject.view import SubjectView, TaskView
from eci_annotate.workflow.usecase.pipeline import DRAWN, readings_of

WITHDRAWN = "Consent was withdrawn."


@dataclass(frozen=True)
class RefusedSubject:
    """A subject that is not in the training set, and why."""

    project: str
    subject: str
    why: str


@dataclass(frozen=True)
class DatasetPlan:
    """What a training set will hold; no image has been read.

    Parameters
    ----------
    position
        The feed's position: the same position and rules give the same plan.
    cases
        By project and subject.
    values
        The value of each class.
    refused
        By project and subject.
    """

    position: int
    projects: tuple[str, ...]
    rules: DatasetRules
    cases: tuple[TrainingCase, ...]
    values: dict[str, int]
    refused: tuple[RefusedSubject, ...]


def plan_dataset(repository: Repository, rules: DatasetRules, snapshot: PositionSnapshot) -> DatasetPlan:
    """Return the plan of a training set from the subjects of a snapshot."""
    cases: list[TrainingCase] = []
    refused: list[RefusedSubject] = []
    studies: dict[str, set[str]] = {}  # by pseudonym
    for seen in snapshot.subjects:
        try:
            found = cases_of(repository, seen, rules)
            if found and len(snapshot.projects) > 1:
                studies.setdefault(seen.subject, set()).update(s.study_uid for s in found[0].signed.studies())
            cases += found
        except StoreUnavailable:
            raise
        except EciError as error:
            refused.append(RefusedSubject(seen.project, seen.subject, error.what))
    cases = _without_twins(cases, refused)
    persons = joined(studies)
    strata: dict[str, set[str]] = {}
    for case in cases:
        strata.setdefault(persons.get(case.signed.subject, case.signed.subject), set()).update(case.classes)
    split = split_subjects(
        {name: tuple(sorted(found)) for name, found in strata.items()},
        rules.shares,
        rules.seed,
        rules.earlier.parts_of(strata, persons),
    )
    placed = tuple(replace(case, part=split[persons.get(case.signed.subject, case.signed.subject)]) for case in cases)
    values = rules.classes.values((each for case in cases for each in case.classes), rules.earlier.values)
    ordered = sorted(refused, key=lambda each: (each.project, each.subject))
    return DatasetPlan(snapshot.position, snapshot.projects, rules, placed, values, tuple(ordered))


def _without_twins(cases: list[TrainingCase], refused: list[RefusedSubject]) -> list[TrainingCase]:
    """Return the cases of subjects that share no annotated series with another subject; the others are refused."""
    owners: dict[str, set[tuple[str, str]]] = {}
    for case in cases:
        owners.setdefault(case.series_uid, set()).add(_owner(case))
    twins = {each: own for own in owners.values() if len(own) > 1 for each in own}
    for owner, owning in twins.items():
        others = ", ".join(f"{subject} of {project}" for project, subject in sorted(owning - {owner}))
        refused.append(RefusedSubject(*owner, f"{others} annotates the same images."))
    return [case for case in cases if _owner(case) not in twins]


def _owner(case: TrainingCase) -> tuple[str, str]:
    return case.signed.project, case.signed.subject


def cases_of(repository: Repository, seen: SubjectView, rules: DatasetRules) -> list[TrainingCase]:
    """Return the annotated series of one subject.

    Raises
    ------
    Refused
        The subject cannot be used, and why.
    """
    _require_usable(repository.backend, seen)
    chosen = list(_versions(repository, seen, rules))
    if not chosen:
        raise Refused("No signed version counts.", "Sign a task first.")
    found: dict[str, TrainingCase] = {}
    for signed, status in chosen:
        for uid, labels in _labels_by_series(signed).items():
            if uid in found:
                raise Refused(f"{found[uid].signed.task} and {signed.task} annotate one series.", "Choose one --task.")
            _require_distinct(labels, rules.equal_labels)
            classes = tuple(rules.classes.class_of(label) for label in labels)
            found[uid] = TrainingCase(signed, uid, len(found) + 1, str(status.verdict), labels, classes)
    if not found:
        raise Refused("The signed version holds no annotation.", "")
    return list(found.values())


def _require_usable(backend: Backend, seen: SubjectView) -> None:
    if seen.withdrawn:
        raise Refused(WITHDRAWN)
    if not seen.included:
        raise Refused("The subject is excluded from the project.", "Include it: eci-annotate subject set.")
    if not seen.live:
        raise Refused("It is a test subject.", "Make it live: eci-annotate subject set.")
    if not backend.account.actor.may(Permission.EXPORT, seen.project, seen.site):
        raise Refused("You may not export signed versions of this subject.", "Ask the project's owner.")


def _versions(repository: Repository, seen: SubjectView, rules: DatasetRules) -> Iterator[tuple[Signed, VersionStatus]]:
    readers: dict[str, str] = {}
    lacking: list[str] = []
    for task in (each for each in seen.tasks if _is_asked(each, rules.task)):
        for event, status in task.chosen():
            require_named(event)
            where = f"Version {event.version} of {task.name}"
            if status.verdict is Verdict.PENDING and not rules.include_pending:
                raise Refused(f"{where} awaits its review.", "Review it, or use --include-pending.")
            group = task.group or task.name
            if group in readers:
                raise Refused(f"{readers[group]} and {event.by} read {group}.", "Adjudicate, or choose one --task.")
            readers[group] = event.by
            if task.group and rules.task != task.name and not rules.include_pending:
                lacking.append(task.group)
            yield Signed(repository.backend, repository.images, seen.project, seen.subject, event), status
    for group in lacking:  # a second reading of it was refused above
        if (needed := _readings_needed(repository, seen, group)) > 1:
            raise Refused(f"Fewer than {needed} readings of {group} are signed.", "Read it, or use --include-pending.")


def _readings_needed(repository: Repository, seen: SubjectView, group: str) -> int:
    """Return how many readings of a group the use case asks for."""
    pipeline = repository.backend.account.use_case(seen.project, seen.use_case).pipeline
    return max((each.readers for each in readings_of(pipeline, group)), default=1)


def _is_asked(task: TaskView, name: str) -> bool:
    return name in (task.name, task.group) if name else task.kind in DRAWN


def _labels_by_series(signed: Signed) -> dict[str, tuple[str, ...]]:
    labels: dict[str, tuple[str, ...]] = {}
    for row in signed.rows():
        uid = str(row["series"])
        labels[uid] = (*labels.get(uid, ()), " ".join(str(row["label"]).split()))
    return labels


def _require_distinct(labels: tuple[str, ...], rule: EqualLabels) -> None:
    equal = sorted({label for label in labels if labels.count(label) > 1})
    if equal and rule is EqualLabels.REFUSE:
        names = ", ".join(map(repr, equal))
        raise Refused(f"Several annotations of one series are labelled {names}.", "Use the rule keep for equal labels.")
