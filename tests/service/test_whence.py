"""From where something was done: in the audit trail for each action, reading and refusal, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

import eci_annotate as eci
from eci_annotate.errors import EciError
from eci_annotate.hub.core.client_address import whence
from eci_annotate.repository.local.audit import AuditQuery
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.identity import HERE
from eci_annotate.workflow.subject.commands import Start
from tests.service.service_world import P, S, remote, serving


@pytest.mark.parametrize(
    ("token", "passed", "found"),
    [
        (False, b"203.0.113.7, 10.0.0.2", "203.0.113.7, 10.0.0.2"),
        (False, b"", "10.9.8.7"),
        (False, b"::1", "::1"),
        (False, b"<script>;\r\n", "c"),
        (False, b"1" * 400, "1" * 120),
        (True, b"203.0.113.7", "10.9.8.7"),
    ],
)
def test_pages_come_from_where_the_proxy_says_and_programs_from_their_connection(
    token: bool, passed: bytes, found: str
) -> None:
    headers = [(b"x-forwarded-for", passed), *([(b"authorization", b"Bearer x")] if token else [])]
    assert whence({"headers": headers, "client": ("10.9.8.7", 1)}) == found


def test_each_action_reading_and_refusal_tells_from_where(folder: Path) -> None:
    with serving(folder) as address:
        anna = remote(address, "anna")
        anna.backend.do(Start(P, S, "annotate"))
        anna.studies(S)
        with pytest.raises(EciError):
            anna.backend.do(Start(P, S, "review"))
        seen = anna.backend.subject(P, S)
        assert all(each.where == "" for task in seen.tasks for each in task.signed)
    local = eci.open(folder).backend
    assert isinstance(local, LocalBackend)
    table = local.trail.audit(AuditQuery(P, S, by="anna"))
    by_what = {name: set(rows["where"]) for name, rows in table.groupby("what")}
    assert by_what["started.1"] >= {"127.0.0.1"} and by_what["read.1"] >= {"127.0.0.1"}
    assert by_what["refused.1"] == {"127.0.0.1"}
    before = local.trail.audit(AuditQuery(P, S))
    before = before[before["assurance"] == "key"]
    assert {"enrolled.1", "started.1", "signed.1"} <= set(before["what"]) and set(before["where"]) == {HERE}
    assert all(each.where == "" for task in local.subject(P, S).tasks for each in task.signed)
