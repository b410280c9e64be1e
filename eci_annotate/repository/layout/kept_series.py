"""The series that a member keeps in slots of the hanging protocol, as a task uses them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eci_annotate.archive.protocol import Study, hanging_headers
from eci_annotate.errors import NotFound, Refused
from eci_annotate.workflow.slot_choice import chosen_series, has_traits, traits_of, with_chosen
from eci_annotate.workflow.subject.commands import DropSeries, KeepSeries
from eci_annotate.workflow.usecase.hanging import Hanging, Header

if TYPE_CHECKING:
    from eci_annotate.repository.backend import Backend


def described(command: KeepSeries, studies: Sequence[Study], slots: Iterable[Mapping[str, Any]]) -> KeepSeries:
    """Return a command with the traits of its series, if it holds for studies like this; the service's own word.

    Raises
    ------
    NotFound
        The subject has no such series, or the protocol no such slot.
    Refused
        Another series of the study is described in the same way.
    """
    if command.slot not in [each["name"] for each in slots]:
        raise NotFound("The hanging protocol has no such slot.", "Reload the page.")
    headers = {str(each["series_uid"]): each for each in hanging_headers(studies)}
    if command.series_uid not in headers:
        raise NotFound("The subject has no such series.", "Reload the page.")
    if not command.alike:
        return replace(command, traits=())
    traits = traits_of(headers[command.series_uid])
    if sum(has_traits(each, traits) for each in headers.values()) > 1:
        raise Refused("Another series of this study is described in the same way.", "Keep it for this study only.")
    return replace(command, traits=traits)


class KeptSeries:
    """What the user keeps in one project, seen from one of its subjects.

    Parameters
    ----------
    backend
        Of the user.
    project, subject
        Which subject.
    """

    def __init__(self, backend: Backend, project: str, subject: str) -> None:
        self._backend, self._where = backend, (project, subject)

    def on(self, hanging: Hanging, headers: Sequence[Header]) -> Hanging:
        """Return the hanging of the subject's series with what the user keeps."""
        project, subject = self._where
        me = self._backend.account.actor.name
        mine = [each for each in self._backend.account.kept_series(project) if each.member == me]
        return with_chosen(hanging, chosen_series(mine, subject, headers)) if mine else hanging

    def keep(self, slot: str, series_uid: str, *, alike: bool = False, proposed: bool = False) -> None:
        """Keep a series in a slot: here, or in studies like this; `proposed`: also propose it to the owner."""
        self._backend.do(KeepSeries(*self._where, slot, series_uid, alike, proposed))

    def drop(self, slot: str) -> None:
        """Show again what the protocol says, here and in studies like this."""
        self._backend.do(DropSeries(*self._where, slot))
