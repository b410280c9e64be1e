"""`eci-annotate sync`: signed versions, and withdrawals, to other archives; new studies from them, by rule."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eci_annotate.cli.site_commands import policy_in
from eci_annotate.cli.terminal import Folder, Project, local, open, say, show
from eci_annotate.cli.terminal import project as chosen
from eci_annotate.errors import EciError, Refused, StoreUnavailable
from eci_annotate.workflow.actor import Permission

if TYPE_CHECKING:
    from eci_annotate.repository.sync.pull_studies import PullOutcome

sync = typer.Typer(
    help="Signed versions to other archives, and studies from them: add, status, run, retry, pull.",
    no_args_is_help=True,
)
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
    pull_only: Annotated[bool, typer.Option("--pull-only", help="Only pull from it; send nothing there.")] = False,
    accepted: Annotated[bool, typer.Option("--accepted", help="Send versions when their reviews accept them.")] = False,
) -> None:
    """Set up a target for a project's signed versions, or change it (owner only)."""
    from eci_annotate.repository.sync.sync_outbox import Outbox
    from eci_annotate.repository.sync.sync_targets import SyncTarget, TargetKind, keep_target

    repository = open(folder)
    where, backend = chosen(repository, project), local(repository)
    if not backend.account.actor.may(Permission.ADMINISTER, where):
        raise Refused("You may not set up targets.", "Ask the project's owner.")
    if kind not in set(TargetKind):
        raise Refused(f"Unknown kind of target {kind!r}.", f"Kinds are {', '.join(TargetKind)}.")
    password = password_file.read_text().strip() if password_file else ""
    account, who = (remote_project, user, password), backend.account.actor.name
    made = SyncTarget(name, where, TargetKind(kind), url, *account, orthanc, images, pull_only, who, accepted)
    keep_target(backend, made, in_use=bool(Outbox(backend, made).entries()))
    backend.trail.note("sync-target.1", where, "", f"{name}: {kind}")
    say(f"Added {name}. Next: eci-annotate sync {'pull add' if pull_only else 'run'} {folder}")


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
        stays = [[each.subject, each.remark] for each in entries if each.remark]
        if stays:
            show("Withdrawn", ["subject", "what stays there"], stays)


@sync.command()
def run(folder: Folder, target: Name = None) -> None:
    """Send what is due, once; run it by a timer. Exit code 1 if something failed."""
    from eci_annotate.repository.sync.outbox_entries import OutboxState

    failed, refusal = 0, None
    for box in _boxes(folder, target):
        try:
            counts = box.run()
        except EciError as error:  # the other targets go on
            say(f"{box.target.name}: {error}")
            refusal = refusal or error
            continue
        failed += counts[OutboxState.FAILED]
        show(box.target.name, ["state", "entries"], [[state, number] for state, number in counts.items() if number])
    if refusal is not None:
        raise refusal
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
    roles = backend.account.actor.roles
    mine = [each for each in targets(backend) if each.project in roles and not each.pull_only]
    wanted = [target_named(backend, name)] if name else mine
    if not wanted:
        say("No target is set up. See: eci-annotate sync add --help")
    return [Outbox(backend, each) for each in wanted if each in mine]


pull = typer.Typer(help="New studies from other archives by rule: add, list, remove, run.", no_args_is_help=True)
sync.add_typer(pull, name="pull")
RuleName = Annotated[str, typer.Argument(help="The rule's name.")]


@pull.command("add")
def add_pull(
    folder: Folder,
    name: RuleName,
    target: Annotated[str, typer.Option(help="Where from: a target of sync add (dicomweb or xnat).")],
    site: Annotated[str, typer.Option(help="The site that the patients belong to.")],
    project: Project = None,
    modality: Annotated[str, typer.Option(help="Studies with a series of this modality, such as CT.")] = "",
    since: Annotated[str, typer.Option(help="Study date from, YYYY-MM-DD.")] = "",
    until: Annotated[str, typer.Option(help="Study date to, YYYY-MM-DD.")] = "",
    description: Annotated[str, typer.Option(help="Study description, with * and ?.")] = "",
    remote_project: Annotated[str, typer.Option(help="Project of the XNAT, if not the target's.")] = "",
    every: Annotated[int, typer.Option(help="Minutes between two runs.", min=1)] = 15,
    policy: Annotated[
        Path | None,
        typer.Option(help="The agreed policy file: files are checked by it, like a proxy's uploads.", exists=True),
    ] = None,
) -> None:
    """Add a rule by which a service pulls new studies (owner only). Files that may identify a patient are held back."""
    from eci_annotate.repository.sync.pull_rules import PullRule, StudyFilter, add_rule

    repository = open(folder)
    wanted = StudyFilter(modality, since, until, description, remote_project)
    rule = PullRule(name, chosen(repository, project), site, target, "", wanted, every)
    add_rule(local(repository), rule, policy_in(policy) if policy else None)
    say(f"Added {name}. A service runs it every {every} minutes; at once: eci-annotate sync pull run {folder} {name}")


@pull.command("list")
def list_pull(folder: Folder) -> None:
    """List the rules of your projects: what they pull, what the last run did, and what it refused, with the reason."""
    from eci_annotate.repository.sync.pull_rules import rules
    from eci_annotate.repository.sync.pull_studies import outcome_of

    backend = local(open(folder))
    found = [(each, outcome_of(backend, each)) for each in rules(backend)]
    columns = ["rule", "project", "site", "target", "studies that"]
    columns += ["last run (UTC)", "studies", "files", "not there now", "problem"]
    rows = [
        [each.name, each.project, each.site, each.target, each.filter.words(), *_last_run(last)] for each, last in found
    ]
    show("Pull rules", columns, rows)
    refused = [[each.name, n, why] for each, last in found if last for why, n in last.refused.items()]
    if refused:
        show("Refused", ["rule", "files", "why"], refused)
        say(f"An owner decides about them: eci-annotate held list {folder}")


def _last_run(last: PullOutcome | None) -> list[str | int]:
    if last is None:
        return ["never", 0, 0, 0, ""]
    return [f"{last.at:%Y-%m-%d %H:%M}", last.studies, last.files, last.missing, last.problem]


@pull.command("remove")
def remove_pull(folder: Folder, name: RuleName) -> None:
    """Remove a rule (owner only). What was pulled stays."""
    from eci_annotate.repository.sync.pull_rules import remove_rule

    remove_rule(local(open(folder)), name)
    say(f"Removed {name}.")


@pull.command("run")
def run_pull(
    folder: Folder, name: Annotated[str | None, typer.Argument(help="One rule only; by default all.")] = None
) -> None:
    """Run rules now, whether or not they are due. Exit code 1 if one failed."""
    from eci_annotate.repository.sync.pull_rules import rule_named, rules
    from eci_annotate.repository.sync.pull_studies import pull_now

    backend, failed = local(open(folder)), 0
    for each in [rule_named(backend, name)] if name else rules(backend):
        done = pull_now(backend, each)
        failed += bool(done.problem)
        say(f"{each.name}: {done.studies} studies, {done.files} files in the archive. {done.problem}".rstrip())
        if done.missing:
            say(f"{each.name}: {done.missing} pulled studies are no longer at the source; ask the source why.")
        for why, number in done.refused.items():
            say(f"{each.name}: {number} files refused: {why}")
    if failed:
        raise StoreUnavailable(f"{failed} rules failed.", "They are tried again; see: eci-annotate sync pull list")
