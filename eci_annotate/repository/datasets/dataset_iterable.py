"""Image, mask and row of each signed case, loaded one at a time; an iterable for PyTorch, MONAI or NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from eci_annotate.errors import BadRequest, EciError, StoreUnavailable
from eci_annotate.repository.datasets.dataset_case import Sample, TrainingCase, load_case
from eci_annotate.repository.datasets.dataset_plan import DatasetPlan, RefusedSubject, plan_dataset
from eci_annotate.repository.datasets.dataset_rules import rules_of
from eci_annotate.repository.datasets.position_snapshot import take_snapshot
from eci_annotate.repository.datasets.subject_split import DatasetPart
from eci_annotate.repository.repository import Repository

Pair = tuple[xr.DataArray, xr.DataArray, dict[str, Any]]


class TrainingCases:
    """The cases of a training set, or of one part of it.

    Attributes
    ----------
    plan
        What was chosen, the split, and the values of the classes.
    refused
        Subjects that are left out, and why; an iteration adds those that cannot be read.
    """

    def __init__(self, plan: DatasetPlan, part: DatasetPart | None = None) -> None:
        self.plan, self.refused = plan, list(plan.refused)
        self._cases = [case for case in plan.cases if part in (None, case.part)]

    def __len__(self) -> int:
        return len(self._cases)

    def __getitem__(self, number: int) -> Pair:
        sample = load_sample(self.plan, self._cases[number])
        return sample.image, sample.mask, sample.row

    def __iter__(self) -> Iterator[Pair]:
        """Yield (image, mask, row); a subject that cannot be read is left out and listed in `refused`."""
        for samples in samples_by_subject(self.plan, self._cases):
            if not isinstance(samples, RefusedSubject):
                yield from ((sample.image, sample.mask, sample.row) for sample in samples)
            elif samples not in self.refused:
                self.refused.append(samples)


def load_sample(plan: DatasetPlan, case: TrainingCase) -> Sample:
    """Return a loaded case of a plan; raises Refused as `load_case` does."""
    return load_case(case, plan.values, plan.rules.classes, plan.rules.overlap)


def samples_by_subject(plan: DatasetPlan, cases: list[TrainingCase]) -> Iterator[list[Sample] | RefusedSubject]:
    """Yield the samples of each subject, or its refusal: one bad series costs its subject and no other."""
    subjects: dict[tuple[str, str], list[TrainingCase]] = {}
    for case in cases:
        subjects.setdefault((case.signed.project, case.signed.subject), []).append(case)
    for (project, subject), mine in subjects.items():
        try:
            samples = [load_sample(plan, case) for case in mine]
        except StoreUnavailable:
            raise
        except EciError as error:
            yield RefusedSubject(project, subject, error.what)
        else:
            yield samples


def datasets(
    repository: Repository,
    project: str | None = None,
    *,
    part: str = "",
    labels: Path | str | None = None,
    position: int = 0,
    **rules: Any,
) -> TrainingCases:
    """Return the signed cases as (image, mask, row), loaded when they are asked for.

    A case is one annotated series of a version that counts: the newest of its reader that is not rejected, and accepted
    where its task is reviewed.

    Parameters
    ----------
    repository
        An open repository.
    project
        One project; by default all that you may see.
    part
        ``training``, ``validation`` or ``test``; by default all.
    labels
        A YAML or JSON file ``{label: class}``; by default the class is the label without its trailing number.
    position
        Of the feed, as a datasheet states it: what counted then. By default the newest.
    **rules
        ``task``: one task or group of readings. ``include_pending``: also versions that await their review.
        ``split``, ``seed``: of the split by subject, ``"0.8/0.1/0.1"`` and 0. ``overlap``: ``refuse``, or ``priority``:
        the first annotation keeps the voxel. ``equal_labels``: ``refuse``, or ``keep``.
        ``keep``: ``datasheet.json`` of an earlier set, whose subjects keep their part and whose classes their value.

    Returns
    -------
    TrainingCases
        Iterate over it, or index it. Image and mask are arrays (k, j, i) on one grid; the mask holds 0 or the value of
        a class (`plan.values`), the row plain values.

    Raises
    ------
    BadRequest
        An option has a value that it does not know.
    Refused
        The repository has no such position.

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
    >>> cases = eci.datasets(repo, part="training")
    >>> for image, mask, row in cases:
    ...     print(row["case"], float(image.where(mask > 0).mean()))
    >>> len(cases), [(each.subject, each.why) for each in cases.refused]
    (0, [('ECI_KAU_S0001', 'No signed version counts.')])
    """
    chosen = DatasetPart(part) if part in set(DatasetPart) else None
    if part and chosen is None:
        raise BadRequest("The part is unknown.", f"Choose one of: {', '.join(DatasetPart)}.")
    asked = rules_of(labels=labels, **rules)
    return TrainingCases(plan_dataset(repository, asked, take_snapshot(repository.backend, project, position)), chosen)
