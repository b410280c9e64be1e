"""What members propose for a hanging protocol, with the evidence; the owner publishes it as the next version."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from eci_annotate.archive.protocol import hanging_headers
from eci_annotate.errors import BadUseCase, EciError, NotFound
from eci_annotate.repository.admin.new_project import publish
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.workflow.slot_choice import HangingChoice, Traits, has_traits, traits_in_words, with_rule
from eci_annotate.workflow.subject.commands import SettleProposal
from eci_annotate.workflow.usecase.hanging import Hanging, Header
from eci_annotate.workflow.usecase.usecase import UseCase

MOST = 200  # subjects whose studies are looked at


@dataclass(frozen=True)
class ProtocolProposal:
    """One rule that members propose.

    Attributes
    ----------
    slot, title
        The slot.
    traits
        What the series are like.
    members
        Who proposes it.
    subjects
        Subjects on whose series it was proposed.
    since
        When it was proposed first.
    """

    slot: str
    title: str
    traits: Traits
    members: tuple[str, ...]
    subjects: tuple[str, ...]
    since: datetime

    @property
    def words(self) -> str:
        """The rule in words."""
        return traits_in_words(self.traits)

    @property
    def why(self) -> str:
        """The reason that readers see, once it is published."""
        return f"the project chose such series for {self.title!r}, as {', '.join(self.members)} proposed"


@dataclass(frozen=True)
class ProposalEvidence:
    """What a proposal would do in the studies of a project.

    Attributes
    ----------
    looked
        Number of subjects whose studies were looked at.
    left_out
        Number of subjects that were not, beyond the first.
    alike
        Subjects that have such a series.
    changed
        Subjects in which the slot would show another series than now, with the series shown now and then.
    other_slots
        Titles of other slots that would change as well.
    """

    looked: int
    left_out: int
    alike: tuple[str, ...]
    changed: tuple[tuple[str, str, str], ...]
    other_slots: tuple[str, ...]


def protocol_proposals(backend: LocalBackend, project: str) -> list[ProtocolProposal]:
    """Return the proposals that are open, the oldest first; for the owner of the project."""
    titles = _titles(backend.account.use_case(project))
    found: dict[tuple[str, Traits], list[HangingChoice]] = {}
    for each in backend.account.kept_series(project):
        if each.proposed:
            found.setdefault((each.slot, each.traits), []).append(each)
    made = [_proposal(slot, titles.get(slot, slot), traits, each) for (slot, traits), each in found.items()]
    return sorted(made, key=lambda each: each.since)


def _titles(case: UseCase) -> dict[str, str]:
    return {each["name"]: each["title"] for each in case.hanging["slots"]}


def _proposal(slot: str, title: str, traits: Traits, choices: Sequence[HangingChoice]) -> ProtocolProposal:
    members, subjects = (_unique(getattr(each, name) for each in choices) for name in ("member", "subject"))
    return ProtocolProposal(slot, title, traits, members, subjects, min(each.at for each in choices))


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def evidence_of(backend: LocalBackend, project: str, proposal: ProtocolProposal) -> ProposalEvidence | None:
    """Look at the studies of a project: where a proposal finds a series, and what it would change.

    Returns
    -------
    ProposalEvidence or None
        None if the protocol has no such slot any more.
    """
    now = backend.account.use_case(project)
    if proposal.slot not in _titles(now):
        return None
    then = next_version(now, proposal)
    page = backend.subjects(project, SubjectQuery(size=MOST))
    read = [(seen.subject, _headers(backend, project, seen.subject)) for seen in page.views]
    studies = {subject: headers for subject, headers in read if headers is not None}
    alike = [uid for uid, headers in studies.items() if any(has_traits(each, proposal.traits) for each in headers)]
    changed, others = list[tuple[str, str, str]](), dict[str, None]()
    for subject, headers in studies.items():
        before, after = _placed(now.hang(headers)), _placed(then.hang(headers))
        moved = [slot for slot in {**before, **after} if before.get(slot) != after.get(slot)]
        if proposal.slot in moved:
            names = {str(each["series_uid"]): str(each.get("SeriesDescription", "unnamed")) for each in headers}
            was, will = (names.get(places.get(proposal.slot, ""), "none") for places in (before, after))
            changed.append((subject, was, will))
        others |= dict.fromkeys(slot for slot in moved if slot != proposal.slot)
    told = tuple(_titles(now)[slot] for slot in others)
    return ProposalEvidence(len(studies), page.total - len(studies), tuple(alike), tuple(changed), told)


def _headers(backend: LocalBackend, project: str, subject: str) -> list[Header] | None:
    """Return the headers of a subject's series; None if its images cannot be read."""
    try:
        return list(hanging_headers(backend.images.studies(project, subject)))
    except EciError:
        return None


def _placed(hanging: Hanging) -> dict[str, str]:
    return {each.slot: each.series_uid for each in hanging.placed}


def next_version(case: UseCase, proposal: ProtocolProposal) -> UseCase:
    """Return the use case with a proposal as a rule of its protocol.

    Raises
    ------
    BadUseCase
        The protocol has no such slot any more.
    """
    if proposal.slot not in _titles(case):
        raise BadUseCase(f"The protocol has no slot {proposal.title!r} any more.", "Decline the proposal.")
    return UseCase.from_definition(with_rule(json.loads(case.blob), proposal.slot, proposal.traits, proposal.why))


def publish_proposal(backend: LocalBackend, project: str, proposal: ProtocolProposal) -> UseCase:
    """Publish the use case with a proposal as the next version, for the owner; returns it."""
    case = next_version(backend.account.use_case(project), proposal)
    publish(backend, project, case)
    backend.do(SettleProposal(project, proposal.slot, proposal.traits, case.digest))
    return case


def decline_proposal(backend: LocalBackend, project: str, proposal: ProtocolProposal, reason: str) -> None:
    """Close a proposal with a reason; members keep their own choice. For the owner."""
    backend.do(SettleProposal(project, proposal.slot, proposal.traits, reason=reason))


def proposal_at(proposals: Sequence[ProtocolProposal], number: int) -> ProtocolProposal:
    """Return a proposal by its number in the list, counted from 1; NotFound if there is none."""
    if not 1 <= number <= len(proposals):
        raise NotFound(f"Proposal {number} not found.", "List them: eci-annotate hanging proposals FOLDER")
    return proposals[number - 1]
