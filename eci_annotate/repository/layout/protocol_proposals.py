"""What members propose for a hanging protocol, with the evidence; the owner publishes it as the next version."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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


def evidence_of(
    backend: LocalBackend, project: str, proposals: Sequence[ProtocolProposal]
) -> list[ProposalEvidence | None]:
    """Look at the studies of a project, once for all proposals: where each finds a series, and what it would change.

    Returns
    -------
    list of ProposalEvidence or None
        One for each proposal; None if the protocol has no such slot any more.
    """
    if not proposals:
        return []
    now, page = backend.account.use_case(project), backend.subjects(project, SubjectQuery(size=MOST))
    read = ((seen.subject, _headers(backend, project, seen.subject)) for seen in page.views)
    studies = [
        _HungStudy(subject, headers, _placed(now.hang(headers))) for subject, headers in read if headers is not None
    ]
    return [_evidence(now, each, studies, page.total) if each.slot in _titles(now) else None for each in proposals]


@dataclass(frozen=True)
class _HungStudy:
    """Headers of the series of a subject, and which of them the protocol places in each slot now."""

    subject: str
    headers: list[Header]
    placed: dict[str, str]

    def name_in(self, places: Mapping[str, str], slot: str) -> str:
        """Return what the series in a slot is called."""
        names = {str(each["series_uid"]): str(each.get("SeriesDescription", "unnamed")) for each in self.headers}
        return names.get(places.get(slot, ""), "none")


def _evidence(case: UseCase, proposal: ProtocolProposal, studies: Sequence[_HungStudy], total: int) -> ProposalEvidence:
    then, slot = next_version(case, proposal), proposal.slot
    changed, others = list[tuple[str, str, str]](), dict[str, None]()
    for study in studies:
        before, after = study.placed, _placed(then.hang(study.headers))
        moved = [each for each in {**before, **after} if before.get(each) != after.get(each)]
        if slot in moved:
            changed.append((study.subject, study.name_in(before, slot), study.name_in(after, slot)))
        others |= dict.fromkeys(each for each in moved if each != slot)
    alike = [study.subject for study in studies if any(has_traits(each, proposal.traits) for each in study.headers)]
    titles = tuple(_titles(case)[each] for each in others)
    return ProposalEvidence(len(studies), total - len(studies), tuple(alike), tuple(changed), titles)


def evidence_in_words(evidence: ProposalEvidence | None) -> str:
    """Return evidence as one line."""
    if evidence is None:
        return "the protocol has no such slot any more"
    words = f"{len(evidence.alike)} of {evidence.looked} subjects have it, {len(evidence.changed)} would change"
    words += f"; {evidence.left_out} not looked at" if evidence.left_out else ""
    return words + (f"; other slots that change: {', '.join(evidence.other_slots)}" if evidence.other_slots else "")


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
