"""`eci-annotate prepare`: a cohort of DICOM folders as de-identified NIfTI images in one order of folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eci_annotate.cli.terminal import progress, say, show
from eci_annotate.errors import BadRequest

if TYPE_CHECKING:
    from eci_annotate.batch.cohort_files import CohortReport


def prepare(
    source: Annotated[Path, typer.Argument(help="A folder of DICOM files, with subfolders.", exists=True)],
    target: Annotated[Path, typer.Argument(help="Folder of the prepared cohort.")],
    key: Annotated[
        Path | None, typer.Option(help="File with the site's secret; see: eci-annotate site-key.", exists=True)
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="De-identification policy (YAML); see docs/deid.md.", exists=True)
    ] = None,
    deidentified: Annotated[
        bool, typer.Option("--deidentified", help="The files state that they are de-identified; others are refused.")
    ] = False,
    keep_dicom: Annotated[bool, typer.Option("--keep-dicom", help="Also write the de-identified DICOM files.")] = False,
    refused: Annotated[
        Path | None,
        typer.Option(help="Write the source files of what was refused to this CSV file. Keep it: it names your files."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; by default one per core.")] = os.cpu_count() or 1,
    scheduler: Annotated[str, typer.Option(help="Use a Dask cluster: tcp://host:port.")] = "",
) -> None:
    """De-identify a cohort, convert each volume to NIfTI with a JSON sidecar, and sort all into folders like BIDS.

    Running the command again does nothing; after an interruption it finishes what was begun. A series that cannot be
    prepared costs only itself. The report is in TARGET/report.json and report.csv.
    """
    from eci_annotate.batch.cohort_files import write_refused_files
    from eci_annotate.batch.prepare import prepare_cohort
    from eci_annotate.batch.prepare_options import PrepareOptions
    from eci_annotate.deid.id_tables import require_outside

    if deidentified == (key is not None):
        remedy = "Give --key FILE to de-identify, or --deidentified if the files are de-identified already."
        raise BadRequest("It is not stated how patients are kept private.", remedy)
    if policy and deidentified:
        raise BadRequest("A policy has no effect on files that are de-identified.", "Leave out --policy.")
    if refused:
        require_outside(refused, target)
    options = PrepareOptions(target.absolute(), key and key.absolute(), policy and policy.absolute(), keep_dicom)
    with progress() as tell:
        report = prepare_cohort(source.absolute(), options, workers=workers, scheduler=scheduler, progress=tell)
    _show(report, target)
    if refused:
        write_refused_files(report.refused_files, refused)
        say(f"{len(report.refused_files)} source files of what was refused: {refused}")


def _end(series: str) -> str:
    """Return the end of a UID; a name that replaces one is short, and is shown whole."""
    return series[-12:] if series[:1].isdigit() else series


def _show(report: CohortReport, target: Path) -> None:
    from eci_annotate.batch.series_record import Outcome

    rows = [[str(each), report.count(each)] for each in Outcome]
    show("Series", ["outcome", "series"], rows)
    refused = [[r.subject, r.modality, _end(r.series), r.why] for o, r in report.rows if o is Outcome.REFUSED]
    if refused:
        show("Refused", ["subject", "modality", "series ends with", "why"], refused)
    noted = [[r.subject, _end(r.series), " ".join(r.notes)] for o, r in report.rows if r.notes]
    if noted:
        show("Notes", ["subject", "series ends with", "note"], noted)
    if report.unreadable:
        say(f"{report.unreadable} files or folders cannot be read, or are linked folders, and were left out.")
    if report.ignored:
        say(f"{report.ignored} files are not DICOM, and were ignored.")
    images = sum(name.endswith(".nii.gz") for _, record in report.rows for name in record.images)
    say(f"{images} images of {len({r.subject for _, r in report.rows if r.images})} subjects are in {target}.")
    say(f"Report: {target / 'report.json'}")
