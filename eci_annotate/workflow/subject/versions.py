"""From a signature to a version: the resulting event, and the seal over all its parts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import to_json
from eci_annotate.workflow.subject.commands import Seal
from eci_annotate.workflow.subject.events import VersionSigned, who
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.trust.rsa_keys import check_signature, fingerprint
from eci_annotate.workflow.trust.seals import START, seal


def unsealed(command: Seal, state: Subject, actor: Actor, now: datetime) -> VersionSigned:
    """Return the event that `command` will produce, without seal and signature: the input of `seal_of`.

    Parameters
    ----------
    command
        The request.
    state
        The subject, folded from its events.
    actor
        The user on whose behalf the command runs.
    now
        Current time (UTC).
    """
    work = state.work[command.task]
    return VersionSigned(
        **who(actor, now),
        task=command.task,
        version=work.version + 1,
        fence=command.fence,
        meaning=command.meaning,
        verdict=command.verdict,
        reason=command.reason,
        basis=dict(work.basis),
        use_case=work.use_case,
        manifest=command.manifest,
        predecessor=work.signed[-1].seal if work.signed else START,
        seal="",
        signature="",
        key=fingerprint(command.key),
        factor=command.factor,
    )


def sealed(command: Seal, state: Subject, actor: Actor, now: datetime) -> VersionSigned:
    """Return the event with its seal; raises Tampered if the signature over the seal is invalid.

    Parameters
    ----------
    command
        The request.
    state
        The subject, folded from its events.
    actor
        The user on whose behalf the command runs.
    now
        Current time (UTC).
    """
    event = unsealed(command, state, actor, now)
    digest = seal_of(state, event)
    check_signature(command.key, digest, command.signature)
    return replace(event, seal=digest, signature=command.signature)


def seal_of(state: Subject, event: VersionSigned) -> str:
    """Return the seal over all parts of the version and its owner."""
    return seal_over(state.project, state.subject, state.site, event)


def seal_over(project: str, subject: str, site: str, event: VersionSigned) -> str:
    """Return the same as `seal_of`, for a version outside its repository.

    Parameters
    ----------
    project, subject, site
        Names under which the version was signed.
    event
        The version.
    """
    whole = dict(to_json(replace(event, seal="", signature="")))  # type: ignore[call-overload]
    content = {key: value for key, value in whole.items() if key != "where"}  # versions are exported without origin
    return seal({"version": content, "project": project, "subject": subject, "site": site})
