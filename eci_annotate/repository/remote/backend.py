"""Backend and images over HTTP: every call is sent to the service, and its refusals are the same named errors."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any, overload

import numpy as np
import xarray as xr

from eci_annotate.archive.protocol import Study
from eci_annotate.imaging.volume_record import volume_from_kept
from eci_annotate.repository.assistants.proposal_wire import proposed_from_wire
from eci_annotate.repository.assistants.protocol import Prompt, Proposed
from eci_annotate.repository.backend import Check, RequestState, SubjectPage, SubjectQuery
from eci_annotate.repository.pending_signature import Pending, PendingCommand
from eci_annotate.repository.remote.http_client import Line
from eci_annotate.repository.remote.wire_format import (
    actor_from_wire,
    command_to_wire,
    page_from_wire,
    query_to_wire,
)
from eci_annotate.repository.signed import signed_by
from eci_annotate.store.protocols import Record
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.codec import from_json, to_json
from eci_annotate.workflow.project import Member
from eci_annotate.workflow.slot_choice import HangingChoice
from eci_annotate.workflow.subject.commands import Sign
from eci_annotate.workflow.subject.view import SubjectView
from eci_annotate.workflow.usecase.usecase import UseCase

SAVE_S = 10.0
ASSIST_S = 180.0


class RemoteAccount:
    """Account at a service; see `Account`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @cached_property
    def actor(self) -> Actor:
        """Who acts; as it was when this was opened."""
        return actor_from_wire(self._line.ask("GET", "actor"))

    @property
    def asks_secret(self) -> bool:
        """Never here: the person confirms on the service's own page."""
        return False

    def projects(self) -> list[str]:
        """See `Account`."""
        return list(self._line.ask("GET", "projects"))

    def members(self, project: str) -> list[Member]:
        """See `Account`."""
        return [from_json(Member, each) for each in self._line.ask("GET", f"projects/{project}/members")]

    def use_case(self, project: str, digest: str = "") -> UseCase:
        """See `Account`."""
        asked = {"digest": digest} if digest else {}
        return UseCase.from_blob(bytes(self._line.ask("GET", f"projects/{project}/use-case", params=asked)))

    def kept_series(self, project: str) -> list[HangingChoice]:
        """See `Account`."""
        return [from_json(HangingChoice, each) for each in self._line.ask("GET", f"projects/{project}/kept-series")]


class RemoteDrafts:
    """Drafts at a service; see `TaskDrafts`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def save(self, project: str, subject: str, task: str, fence: int, entries: Sequence[Record]) -> None:
        """See `TaskDrafts`; on the service's disk when it returns."""
        told = {"fence": fence, "entries": list(entries)}
        self._line.ask("POST", f"{_of(project, subject)}/drafts/{task}", again=False, json=told, timeout=SAVE_S)

    def read(self, project: str, subject: str, task: str) -> list[Record]:
        """See `TaskDrafts`."""
        return list(self._line.ask("GET", f"{_of(project, subject)}/drafts/{task}"))


class RemoteTrail:
    """Trail at a service; see `Trail`."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def note(self, name: str, project: str, subject: str, what: str) -> None:
        """See `Trail`."""
        told = {"name": name, "project": project, "subject": subject, "what": what}
        self._line.ask("POST", "notes", again=False, json=told)

    def verify(self, project: str, subject: str, anchors: tuple[str, ...] = ()) -> list[Check]:
        """See `Trail`."""
        told = self._line.ask("POST", f"{_of(project, subject)}/verification", json={"anchors": list(anchors)})
        return [from_json(Check, each) for each in told]


class RemoteBackend:
    """Backend at a service; see `Backend`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.account, self.drafts, self.trail = RemoteAccount(line), RemoteDrafts(line), RemoteTrail(line)
        self.images = RemoteImages(line)

    @overload
    def do(self, command: Sign) -> Pending: ...

    @overload
    def do(self, command: Any) -> Any: ...

    def do(self, command: Any) -> SubjectView | Pending | PendingCommand | None:
        """See `Backend`; a signature, and a command that administrates, has to be confirmed by its person."""
        answer = self._line.ask("POST", "commands", again=False, json=command_to_wire(command))
        if isinstance(command, Sign):
            return self._pending(command, str(answer["url"]), str(answer["request"]))
        if "url" in answer:
            return PendingCommand(str(answer["url"]), partial(self._state, str(answer["request"])))
        return from_json(SubjectView, answer["view"]) if answer["view"] else None

    def _state(self, request: str) -> RequestState:
        return RequestState(self._line.ask("GET", f"confirmations/{request}")["state"])

    def _pending(self, command: Sign, url: str, request: str) -> Pending:
        task = self.subject(command.project, command.subject).task(command.task)
        known = {"basis": task.basis, "use_case": task.use_case}
        signed = partial(signed_by, self, self.images, command, task.version + 1, known)
        return Pending(url, request, lambda: self.signature(request), signed)

    def subject(self, project: str, subject: str) -> SubjectView:
        """See `Backend`."""
        return from_json(SubjectView, self._line.ask("GET", _of(project, subject)))

    def subjects(self, project: str, query: SubjectQuery | None = None) -> SubjectPage:
        """See `Backend`."""
        asked = query_to_wire(query or SubjectQuery())
        return page_from_wire(self._line.ask("GET", f"projects/{project}/subjects", params=asked))

    def feed(self, after: int = 0) -> tuple[int, list[tuple[str, str]]]:
        """See `Backend`."""
        told = self._line.ask("GET", "feed", params={"after": after})
        return int(told["position"]), [(project, subject) for project, subject in told["changed"]]

    def put(self, project: str, subject: str, content: bytes, *, attached: bool = False) -> str:
        """See `Backend`."""
        path, asked = f"{_of(project, subject)}/blobs", {"attached": attached}
        return str(self._line.ask("POST", path, content=content, params=asked)["digest"])

    def get(self, project: str, subject: str, digest: str) -> bytes:
        """See `Backend`."""
        return bytes(self._line.ask("GET", f"{_of(project, subject)}/blobs/{digest}"))

    def signature(self, request: str) -> RequestState:
        """See `Backend`."""
        return RequestState(self._line.ask("GET", f"signatures/{request}")["state"])


class RemoteImages:
    """Images at a service; see `Images`. A notebook never sees the folder where they are."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def studies(self, project: str, subject: str) -> list[Study]:
        """See `Images`."""
        return [from_json(Study, each) for each in self._line.ask("GET", f"{_of(project, subject)}/studies")]

    def volume(self, project: str, subject: str, series_uid: str) -> xr.DataArray:
        """See `Images`."""
        path = f"{_of(project, subject)}/series/{series_uid}"
        header = self._line.ask("GET", path)
        content = bytearray(int(header["length"]))
        self._line.stream_into(f"{path}/values", memoryview(content))
        return volume_from_kept(_values(content), header)

    def assistants(self, project: str, subject: str) -> list[str]:
        """See `Images`."""
        return list(self._line.ask("GET", f"{_of(project, subject)}/assistants"))

    def propose(
        self, project: str, subject: str, series_uid: str, assistant: str, prompts: tuple[Prompt, ...]
    ) -> Proposed:
        """See `Images`; the service asks, so that the model server is never told who the user is."""
        path = f"{_of(project, subject)}/series/{series_uid}/proposals"
        body = {"assistant": assistant, "prompts": [to_json(each) for each in prompts]}
        return proposed_from_wire(self._line.ask("POST", path, again=False, json=body, timeout=ASSIST_S))

    def objects(self, project: str, subject: str, series_uid: str) -> list[bytes]:
        """See `Images`."""
        path = f"{_of(project, subject)}/series/{series_uid}/objects"
        return [bytes(self._line.ask("GET", f"{path}/{number}")) for number in range(int(self._line.ask("GET", path)))]


def _values(content: bytearray) -> np.ndarray[Any, Any]:
    """The array of an npy file in memory, without a copy of it."""
    stream = io.BytesIO(bytes(content[:4096]))
    version = np.lib.format.read_magic(stream)
    assert version == (1, 0)
    shape, fortran, kind = np.lib.format.read_array_header_1_0(stream)
    assert not fortran
    return np.frombuffer(content, kind, offset=stream.tell()).reshape(shape)


def _of(project: str, subject: str) -> str:
    return f"projects/{project}/subjects/{subject}"
