"""`eci-annotate export`: signed versions as files, or a training set of them with its own options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eci_annotate.cli.terminal import Folder, Project, open, progress, say, show
from eci_annotate.cli.terminal import project as visible_project
from eci_annotate.errors import BadRequest, EciError, NotFound

if TYPE_CHECKING:
    from eci_annotate.repository.datasets.export_dataset import Run
    from eci_annotate.repository.repository import Repository
    from eci_annotate.repository.signed import Signed

TRAINING = "Training sets"
NAMES = ("subject", "task", "version", "reader")
SPLIT = "0.8/0.1/0.1"
IncludePending = Annotated[
    bool,
    typer.Option("--include-pending", help="Also versions that await their review.", rich_help_panel=TRAINING),
]
Split = Annotated[str, typer.Option(help="Shares of training, validation and test.", rich_help_panel=TRAINING)]
Seed = Annotated[int, typer.Option(help="Of the split by subject.", rich_help_panel=TRAINING)]
LabelFile = Annotated[
    Path | None,
    typer.Option(help="YAML or JSON, label: class. Default: the label without its number.", rich_help_panel=TRAINING),
]
EqualLabelRule = Annotated[
    str, typer.Option(help="Equal labels in one series: refuse, or keep.", rich_help_panel=TRAINING)
]
Licence = Annotated[str, typer.Option(help="Licence of the set, for instance 'CC BY 4.0'.", rich_help_panel=TRAINING)]
Keep = Annotated[
    Path | None,
    typer.Option(
        help="datasheet.json of an earlier set: its subjects keep their part, its classes their value.",
        rich_help_panel=TRAINING,
    ),
]
DatasetId = Annotated[int, typer.Option(help="Number of the nnU-Net dataset.", rich_help_panel=TRAINING)]


def export(
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="Where the files go.")],
    project: Project = None,
    subject: Annotated[str, typer.Option(help="One subject only.")] = "",
    task: Annotated[str, typer.Option(help="One task or group of readings only.")] = "",
    every: Annotated[bool, typer.Option("--every/--newest", help="Every version, or the newest only.")] = False,
    accepted: Annotated[bool, typer.Option("--accepted", help="Only versions that every review accepted.")] = False,
    format: Annotated[
        str, typer.Option(help="rtstruct, seg, sr, nifti, nrrd, csv; a training set: nnunet, monai, coco, bids.")
    ] = "rtstruct",
    overlap: Annotated[
        str, typer.Option(help="Overlaps in NIfTI and training sets: refuse, or priority (the first wins).")
    ] = "refuse",
    journal: Annotated[bool, typer.Option("--journal", help="Also the recorded gestures, to replay them.")] = False,
    with_software: Annotated[
        bool, typer.Option("--with-software", help="Also this software's wheel, and the versions of all packages.")
    ] = False,
    position: Annotated[
        int, typer.Option(min=0, help="What counted at this position of the feed, as an export states it; 0: now.")
    ] = 0,
    scheduler: Annotated[str, typer.Option(help="Use a Dask cluster: tcp://host:port.")] = "",
    include_pending: IncludePending = False,
    split: Split = SPLIT,
    seed: Seed = 0,
    labels: LabelFile = None,
    equal_labels: EqualLabelRule = "refuse",
    licence: Licence = "",
    keep: Keep = None,
    dataset_id: DatasetId = 1,
) -> None:
    """Write signed versions: RTSTRUCT, report and annotation table (JSON), DICOM report, provenance (JSON).

    With --format seg, nifti or nrrd: the annotations only, converted to DICOM SEG, .nii.gz with JSON, or .seg.nrrd.
    With --format sr, also called tid1500: a DICOM measurement report (volume, area and axes of each annotation, and the
    answers of the form) with the DICOM SEG it refers to. With --format csv: the answers of the form, with their codes.
    By default of each task and reader the newest version, unless it was rejected; where readings are adjudicated, the
    adjudication. The folder software says which software wrote them.
    With --format nnunet, monai, coco or bids: a training set of images and masks, split by subject, with a datasheet;
    where a task is reviewed, of accepted versions only.
    """
    from eci_annotate.repository.backend import newest_position
    from eci_annotate.repository.datasets.export_dataset import is_dataset_format
    from eci_annotate.repository.export_formats import format_named
    from eci_annotate.repository.software import write_software

    how: dict[str, Any]
    repository = open(folder)
    if project:
        visible_project(repository, project)
    if is_dataset_format(format):
        require_counting(subject, every, accepted, with_software or journal)
        require_numbered(format, dataset_id)
        rules = {"task": task, "include_pending": include_pending, "split": split, "seed": seed, "labels": labels}
        rules |= {"overlap": overlap, "equal_labels": equal_labels, "licence": licence, "keep": keep}
        run = _on_cluster(folder, scheduler) if scheduler else None
        how = {"project": project, "number": dataset_id, "position": position, "run": run}
        export_training_set(repository, out, format, rules, **how)
        return
    require_untrained(
        (include_pending, split != SPLIT, seed, labels, equal_labels != "refuse", dataset_id != 1, licence, keep)
    )
    require_replayable(format, journal)
    position = position or newest_position(repository.backend)
    which: dict[str, Any] = {"accepted": accepted, "versions": "all" if every else "newest", "position": position}
    signed = repository.signed_versions(project, task=task, **which)
    chosen = [each for each in signed if subject in ("", each.subject)]
    if not chosen:
        raise NotFound("No signed version matches.", "Sign a task first, or choose other versions with --every.")
    format_named(format)
    write_software(out, with_wheel=with_software)
    how = {"format": format, "overlap": overlap, "journal": journal}
    if scheduler:
        from eci_annotate.batch.export_jobs import export_versions

        counted = export_versions(folder, chosen, out, how, scheduler)
    else:
        from eci_annotate.batch.version_exports import exported

        counted = exported(chosen, out, how)
    _show(out, list(counted), position)


def _show(out: Path, counted: Sequence[tuple[Signed, int | EciError]], position: int) -> None:
    """Print what was exported and what was not, and list it; raises the error of the only versions there were."""
    from eci_annotate.repository.export import write_version_table
    from eci_annotate.repository.signed import version_rows

    names = [[s.subject, s.task, s.version, s.reader] for s, _ in counted]
    rows = [
        [*name, number, _verdict(signed)]
        for name, (signed, number) in zip(names, counted, strict=True)
        if isinstance(number, int)
    ]
    errors = [error for _, error in counted if isinstance(error, EciError)]
    if errors and not rows:
        raise errors[0]
    write_version_table(out, version_rows([s for s, number in counted if isinstance(number, int)], position))
    show(f"Exported to {out}", [*NAMES, "files", "verdict"], rows)
    say(f"What counted at position {position} of the feed; --position {position} exports the same again.")
    if errors:
        whys = [
            [*name, error.what] for name, (_, error) in zip(names, counted, strict=True) if isinstance(error, EciError)
        ]
        show("Not exported", [*NAMES, "why"], whys)
        say(" ".join(dict.fromkeys(error.remedy for error in errors)))
        raise typer.Exit(1)


def _verdict(signed: Signed) -> str:
    return str(signed.status.verdict) if signed.status else ""


def _on_cluster(folder: Path, scheduler: str) -> Run:
    from eci_annotate.batch.export_jobs import on_cluster

    return on_cluster(folder, scheduler)


def export_training_set(repository: Repository, out: Path, kind: str, rules: dict[str, Any], **how: Any) -> None:
    """Write a training set, and print its cases and the refused subjects.

    Parameters
    ----------
    kind
        The format.
    rules
        Those of `rules_of`.
    **how
        Project, number, position and run, as of `export_dataset`.
    """
    from eci_annotate.repository.datasets.dataset_rules import rules_of
    from eci_annotate.repository.datasets.export_dataset import export_dataset

    with progress() as tell:
        done = export_dataset(repository, out, kind, rules_of(**rules), progress=tell, **how)
    columns = ["case", "part", "task", "version", "reader", "verdict"]
    show(f"Exported to {out}", columns, [[row[name] for name in columns] for row in done.rows])
    if done.refused:
        columns = ["project", "subject", "why"]
        show("Refused subjects", columns, [[each.project, each.subject, each.why] for each in done.refused])
    say(f"{len(done.rows)} cases written, {len(done.refused)} subjects refused. See {out / 'DATASHEET.md'}.")


def require_untrained(given: Sequence[Any]) -> None:
    """Refuse options of training sets for another format, where they would have no effect."""
    if any(given):
        remedy = "Give --format nnunet, monai, coco or bids, or leave them out."
        raise BadRequest("Options of training sets have no effect on this format.", remedy)


def require_replayable(format: str, journal: bool) -> None:
    """Refuse the recorded gestures where they would not be written."""
    if journal and format != "rtstruct":
        raise BadRequest(
            "The recorded gestures come with the signed files only.", "Use --journal with --format rtstruct."
        )


def require_numbered(format: str, number: int) -> None:
    """Refuse a number for a data set that has none."""
    if number != 1 and format != "nnunet":
        raise BadRequest("Only data sets of nnU-Net have a number.", "Leave out --dataset-id.")


def require_counting(subject: str, every: bool, accepted: bool, with_extras: bool) -> None:
    """Refuse options that a training set does not have."""
    if subject or every or accepted:
        remedy = "Leave out --subject, --every and --accepted."
        raise BadRequest("A training set holds all subjects, and of them the versions that count.", remedy)
    if with_extras:
        remedy = "Leave out --with-software and --journal; DATASHEET.md names the version."
        raise BadRequest("A training set carries neither software nor recorded gestures.", remedy)
