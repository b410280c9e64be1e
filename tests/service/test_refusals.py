"""What somebody is refused stands in the audit trail, once, whatever it was that he tried."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.errors import EciError, Refused
from eci_annotate.hub.core.service_context import Desk
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.core.token_identity import HubIdentity
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.service.local_service import open_service
from eci_annotate.workflow.subject.commands import Start
from tests.service.service_world import P, S, remote, serving, tokens

UID, DIGEST = "1.2.3", "0" * 64
TRIES: dict[str, tuple[str, Callable[[Repository], object]]] = {
    "See subject: Subject not found": ("ECI_KAU_S9999", lambda r: r.backend.subject(P, "ECI_KAU_S9999")),
    "Read images: Subject not found": ("ECI_KAU_S9998", lambda r: r.images.volume(P, "ECI_KAU_S9998", UID)),
    "Read content: Content not found": (S, lambda r: r.backend.get(P, S, DIGEST)),
    "Put content: You hold no lease": (S, lambda r: r.backend.put(P, S, b"mine")),
    "Read draft: You do not hold": (S, lambda r: r.backend.drafts.read(P, S, "annotate")),
    "Save: You do not hold": (S, lambda r: r.backend.drafts.save(P, S, "annotate", 7, [{"a": {}}])),
    "Start: ": (S, lambda r: r.backend.do(Start(P, S, "review"))),
}


@pytest.mark.parametrize("said", TRIES)
def test_each_refusal_is_noted_once(folder: Path, said: str) -> None:
    subject, attempt = TRIES[said]
    with serving(folder) as address:
        anna = remote(address, "anna")
        with pytest.raises(EciError):
            attempt(anna)
    table = eci.open(folder).backend.trail.audit(AuditQuery(P, by="anna", what="refused"))  # type: ignore[attr-defined]
    (row,) = table.to_dict("records")
    assert row["detail"].startswith(said) and row["subject"] == subject
    assert (row["where"], row["assurance"]) == ("127.0.0.1", "hub")


def test_who_may_not_search_the_audit_trail_is_told_so(folder: Path) -> None:
    vera = open_service(folder).backend(HubIdentity("vera", "one"))
    for query in (AuditQuery(), AuditQuery(P), AuditQuery("another")):
        with pytest.raises(Refused, match="may not search the audit trail"):
            vera.trail.audit(query)
    table = eci.open(folder).backend.trail.audit(AuditQuery(P, by="vera"))  # type: ignore[attr-defined]
    assert set(table["detail"]) == {"Audit: You may not search the audit trail here."} and len(table) == 2


def test_looking_at_what_one_may_see_is_no_refusal(folder: Path) -> None:
    with serving(folder) as address:
        anna = remote(address, "anna")
        anna.backend.subject(P, S)
        anna.studies(S)
        anna.backend.feed(0)
    assert eci.open(folder).backend.trail.audit(AuditQuery(P, what="refused")).empty  # type: ignore[attr-defined]


def test_a_list_of_leases_leaves_others_out_and_refuses_nobody(folder: Path) -> None:
    owner, service = eci.open(folder).backend.account.actor, open_service(folder)
    service.members.add(owner, P, "far", roles=("super-user",), site="VIE", sites=("VIE",))
    desk = Desk(Settings(folder), service, tokens())
    desk.backend("anna", "one").do(Start(P, S, "annotate"))
    assert [seen.subject for seen in desk.backend("sue", "one").leased(P, 10)] == [S]
    assert list(desk.backend("far", "one").leased(P, 10)) == []
    assert eci.open(folder).backend.trail.audit(AuditQuery(P, what="refused")).empty  # type: ignore[attr-defined]
