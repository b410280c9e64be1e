"""`eci-annotate deidentify` and `site-key`: files without the patient's identity, and the secret they need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eci_annotate.cli.terminal import progress, say, show

if TYPE_CHECKING:
    from eci_annotate.deid.folder_run import RunReport


def deidentify(
    source: Annotated[Path, typer.Argument(help="A DICOM file, or a folder with subfolders.", exists=True)],
    target: Annotated[Path, typer.Argument(help="Folder for the de-identified files.")],
    policy: Annotated[Path, typer.Option(help="Policy file (YAML); see docs/deid.md.", exists=True)],
    key: Annotated[Path, typer.Option(help="File with the site's secret; see: eci-annotate site-key.", exists=True)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; only report.")] = False,
    mappings: Annotated[
        Path | None, typer.Option(help="Folder outside TARGET for CSV files of old and new IDs (mode 0600).")
    ] = None,
    refused: Annotated[
        Path | None,
        typer.Option(
            help="Write the source files of what was set aside to this CSV file. Keep it: it names your files."
        ),
    ] = None,
    processes: Annotated[int, typer.Option(min=0, help="How many work; 0: as many as there are cores.")] = 0,
) -> None:
    """De-identify DICOM files after PS3.15 Annex E.

    Files that may still identify their patient are not written; the report counts them by cause.
    Running the command again gives the same files.
    """
    from eci_annotate.deid.folder_run import FolderRun, Mappings
    from eci_annotate.deid.id_tables import require_apart, require_outside, write_mappings, write_refused
    from eci_annotate.deid.parallel.file_processes import FileProcesses, usable_cores
    from eci_annotate.deid.policy_file import read_policy
    from eci_annotate.deid.pseudonymiser import Pseudonymiser

    require_apart(source, target)
    for private in filter(None, (mappings, refused)):
        require_outside(private, target)
    kept = Mappings() if mappings else None
    treat = FileProcesses(processes or usable_cores(), key)
    run = FolderRun(read_policy(policy), Pseudonymiser.from_file(key), None if dry_run else target, kept, treat)
    with progress() as tell:
        report = run.over(source, tell)
    _show(report, dry_run)
    if refused:
        write_refused(run.refused, refused)
        say(f"{len(run.refused)} source files of what was set aside: {refused}")
    if mappings and kept and not dry_run:
        write_mappings(kept, mappings)
        say("The mapping files identify patients: keep them at the site.")


def _show(report: RunReport, dry_run: bool) -> None:
    say(f"{report.written} files {'would be written' if dry_run else 'written'}, {report.set_aside} set aside.")
    if report.ignored:
        say(f"{report.ignored} files are not DICOM and were ignored.")
    if report.causes:
        rows = [[f"It {cause.value}", number] for cause, number in report.causes.most_common()]
        show("Set aside", ["why", "files"], rows)
    rows = [[action, name, number] for (action, name), number in sorted(report.actions.items())]
    show("Elements", ["action", "element", "number"], rows)


def site_key(path: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Create the secret of a site (32 random bytes, mode 0600), from which all pseudonyms follow.

    Keep a copy in a safe place. Who has it can link pseudonyms to patient IDs; without it nobody can repeat them.
    """
    from eci_annotate.deid.pseudonymiser import create_key

    say(f"Created the site's secret, fingerprint {create_key(path).fingerprint}.")
