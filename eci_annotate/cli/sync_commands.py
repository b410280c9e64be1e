"""`eci-annotate sync`: signed versions, and withdrawals, to a DICOMweb archive, an XNAT or a DICOM node."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from eci_annotate.cli.terminal import Folder, Project, local, open, say, show
from eci_annotate.cli.terminal import project as chosen
from eci_annotate.errors import Refused, StoreUnavailable

sync = typer.Typer(help="Signed versions to other archives: add, status, run, retry.", no_args_is_help=True)
Name = Annotated[str | None, typer.Option("--target", help="One target only; by default all.")]


@sync.command()
def add(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="A name for the target.")],
    kind: Annotated[str, typer.Option(help="dicomweb, xnat or node.")],
    url: Annotated[str, typer.Option(help="Its address; of a DICOM node TITLE@host:port.")],
    project: Project = None,
    remote_project: Annotated[str, typer.Option(help="Project of the XNAT.")] = "",
    user: Annotated[str, typer.Option(help="Its account, if it needs one.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File with the password.", exists=True)] = None,
    orthanc: Annotated[str, typer.Option(help="Of an Orthanc: root of its own interface, for deletions.")] = "",
    images: Annotated[bool, typer.Option("--images", help="Send the images too.")] = False,
) -> None:
    """Set up a target for a project's signed versions, or change it (owner only)."""
    from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind, keep_target

    repository = open(folder)
    where, backend = chosen(repository, project), local(repository)
    if not backend.account.actor.may("administer", where):
        raise Refused("You may not set up targets.", "Ask the project's owner.")
    if kind not in set(TargetKind):
        raise Refused(f"Unknown kind of target {kind!r}.", f"Kinds are {', '.join(TargetKind)}.")
    password = password_file.read_text().strip() if password_file else ""
    made = SyncTarget(name, where, TargetKind(kind), url, remote_project, user, password, orthanc, images)
    keep_target(backend, made)
    backend.trail.note("sync-target.1", where, "", f"{name}: {kind}")
    say(f"Added {name}. Next: eci-annotate sync run {folder}")


@sync.command()
def status(folder: Folder, target: Name = None) -> None:
    """Show what waits, failed (and why), and was sent."""
    for box in _boxes(folder, target):
        entries = box.entries()
        counts = Counter(each.state for each in entries)
        show(f"{box.target.name} ({box.target.project})", ["state", "entries"], [[s, n] for s, n in counts.items()])
        failed = [each for each in entries if each.problem]
        rows = [[e.subject, e.task or "withdrawal", e.version or "", e.attempts, e.problem] for e in failed]
        if rows:
            show("Failed", ["subject", "task", "version", "attempts", "why"], rows)


@sync.command()
def run(folder: Folder, target: Name = None) -> None:
    """Send what is due, once; run it by a timer. Exit code 1 if something failed."""
    from eci_annotate.repository.sync.sync_outbox import OutboxState

    failed = 0
    for box in _boxes(folder, target):
        counts = box.run()
        failed += counts[OutboxState.FAILED]
        show(box.target.name, ["state", "entries"], [[state, number] for state, number in counts.items() if number])
    if failed:
        raise StoreUnavailable(f"{failed} entries failed.", "They are tried again; see: eci-annotate sync status")


@sync.command()
def retry(
    folder: Folder,
    target: Name = None,
    done_by_hand: Annotated[
        bool, typer.Option("--done-by-hand", help="Failed withdrawals were carried out at the target by hand.")
    ] = False,
) -> None:
    """Make failed entries due now."""
    for box in _boxes(folder, target):
        say(f"{box.target.name}: {box.retry(done_by_hand)} entries are due.")


def _boxes(folder: Path, name: str | None) -> list:  # type: ignore[type-arg]
    from eci_annotate.repository.sync.sync_outbox import Outbox
    from eci_annotate.repository.sync.sync_targets import target_named, targets

    backend = local(open(folder))
    mine = [each for each in targets(backend) if each.project in backend.account.actor.roles]
    wanted = [target_named(backend, name)] if name else mine
    if not wanted:
        say("No target is set up. See: eci-annotate sync add --help")
    return [Outbox(backend, each) for each in wanted if each in mine]
