"""`Sign` names a draft; here its version is made, sealed over and appended. Nothing counts before the append.

If that never comes, the files made are orphans under UIDs of their own, which nothing refers to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import RLock

from eci_annotate.errors import Refused, Untrusted
from eci_annotate.repository.draft_entries import content_digest
from eci_annotate.repository.keys.dicom_signatures import SignatureAdder, signature_adder
from eci_annotate.repository.keys.signing_keys import Signer
from eci_annotate.repository.local import artefacts
from eci_annotate.repository.local.command_handler import Who, address_of
from eci_annotate.repository.local.context import TRIES, Context, busy
from eci_annotate.repository.local.proposal import Job, Proposal
from eci_annotate.repository.local.volumes.image_seals import basis_parts
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.commands import Seal, Sign
from eci_annotate.workflow.subject.decide import decide, permit
from eci_annotate.workflow.subject.events import Event, VersionSigned
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.subject.versions import seal_of, unsealed
from eci_annotate.workflow.trust.seals import Manifest, PartKind
from eci_annotate.workflow.usecase.pipeline import DRAWN, TaskKind, task_named

_one_at_a_time = RLock()


def sign(context: Context, opened: Callable[[], Signer], command: Sign, who: Who) -> VersionSigned:
    """Make the draft the next version; `opened` gives the key that signs, or refuses. Returns the event.

    Role and certificate of `who` acts are those of the moment in which the event is added.
    """
    actor = who()
    _, state = context.state(command.project, command.subject)
    permit(command, state, actor, context.clock())
    signer, address = opened(), address_of(command, command.task)
    with _one_at_a_time, context.drafts.signing(address, command.fence) as close:
        now = context.clock()
        _, state = context.state(command.project, command.subject)
        permit(command, state, actor, now)
        certificate = _certificate(context, command.project, actor.name, signer.key.fingerprint, now)
        adds = signature_adder(signer.key, certificate, now)
        manifest = _make(context, command, state, actor, now, adds, signer.content)
        close()
        for _ in range(TRIES):
            behind = [context.streams.project_head(command.project)]
            _certificate(context, command.project, actor.name, signer.key.fingerprint, context.clock())
            records, state = context.state(command.project, command.subject)
            _check_unchanged(context, command, manifest)
            events = _sealed(signer, command, manifest, state, who(), now)
            if context.append_subject(state, records, events, behind):
                context.proposals.forget(command.project, command.subject)
                return next(each for each in events if isinstance(each, VersionSigned))
    raise busy()


def _certificate(context: Context, project: str, name: str, mark: str, now: datetime) -> str:
    """Return the certificate of a key; Refused if none covers it now: what it signed would never verify."""
    try:
        return context.streams.projects()[project].certificate_of(name, mark, now)
    except Untrusted as error:
        remedy = "Have a new key: eci-annotate key rotate FOLDER; on a hub its owner runs eci-annotate member rotate."
        raise Refused(f"Your key is not valid here now. {error.what}", remedy) from error


def _make(
    context: Context, command: Sign, state: Subject, actor: Actor, now: datetime, adds: SignatureAdder, confirmed: str
) -> Manifest:
    task, work = task_named(state.pipeline, command.task), state.work[command.task]
    shop = context.workshop(command.project, command.subject)
    if task.kind == TaskKind.INGEST:
        return artefacts.ingested(shop, command.subject)
    if task.kind not in DRAWN:
        return artefacts.reviewed(shop, state.work[task.of].signed[work.basis[task.of] - 1], command.places)
    job = _job(context, command, state, actor, now)
    if confirmed and content_digest(job.entries) != confirmed:
        raise Refused("The draft changed after you confirmed it.", "Ask for the signature again.")
    return artefacts.annotated(shop, context.proposals.of(shop, job), adds)


def _check_unchanged(context: Context, command: Sign, manifest: Manifest) -> None:
    """Refuse if entries were acknowledged after the version was made of the draft: it would not hold them."""
    journal = next((part.digest for part in manifest.parts if part.role == PartKind.JOURNAL), "")
    entries = context.drafts.read(address_of(command, command.task), command.fence) if journal else []
    if journal and content_digest(entries) != journal:
        raise Refused("The draft changed while it was signed.", "Sign again.")


def proposal_of(context: Context, command: Sign, state: Subject, actor: Actor, now: datetime) -> Proposal:
    """What signing would make of the draft as it is on the disk now; refuses as `Proposals.of`."""
    shop = context.workshop(command.project, command.subject)
    return context.proposals.of(shop, _job(context, command, state, actor, now))


def _job(context: Context, command: Sign, state: Subject, actor: Actor, now: datetime) -> Job:
    work, address = state.work[command.task], address_of(command, command.task)
    context.drafts.sync(address, command.fence)
    return Job(
        project=command.project,
        subject=command.subject,
        task=task_named(state.pipeline, command.task),
        case=context.use_case(work.use_case),
        version=work.version + 1,
        fence=command.fence,
        entries=context.drafts.read(address, command.fence),
        signer=actor.name,
        when=now,
        meaning=command.meaning,
        predecessor=work.signed[-1] if work.signed else None,
        images=basis_parts(state),
    )


def _sealed(
    signer: Signer, command: Sign, manifest: Manifest, state: Subject, actor: Actor, now: datetime
) -> tuple[Event, ...]:
    order = Seal(
        project=command.project,
        subject=command.subject,
        task=command.task,
        fence=command.fence,
        meaning=command.meaning,
        verdict=command.verdict,
        reason=command.reason,
        manifest=manifest,
        signature="",
        key=signer.key.public,
        factor=signer.factor,
    )
    seal = seal_of(state, unsealed(order, state, actor, now))
    return decide(replace(order, signature=signer.key.sign(seal)), state, actor, now)
