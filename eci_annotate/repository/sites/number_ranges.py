"""Numbers that a site's proxy may give while it has no connection: reserved here, provisional there, settled at upload.

A range is handed out once, to one proxy. What a proxy proposes holds if the pseudonym has no number yet and it is free.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eci_annotate.errors import BadRequest
from eci_annotate.repository.admin.append_log import AppendLog
from eci_annotate.repository.admin.ingest_subject import begin_of, last_number
from eci_annotate.repository.admin.site_numbers import logs_of, ranges_log, reserved_ranges
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.sites.site_credentials import SiteCredential, credential_named, require_owner
from eci_annotate.store.atomic_files import locked

MOST = 1000


@dataclass(frozen=True)
class NumberRange:
    """A range of numbers, as the pseudonyms that have them."""

    begin: str
    first: int
    last: int

    def subjects(self) -> list[str]:
        """Return the pseudonyms."""
        return [f"{self.begin}{number:04d}" for number in range(self.first, self.last + 1)]


def reserve(backend: LocalBackend, credential: str, number: int) -> NumberRange:
    """Reserve numbers for a proxy, for an owner of the project of its credential.

    Raises
    ------
    BadRequest
        More than 1000 are asked for, or less than one.
    Refused, NotFound
        The actor does not own the project; there is no such credential.
    """
    context = backend.context
    found = credential_named(context.layout, credential)
    require_owner(backend, found.project, "Reserve numbers", "the credentials of sites")
    if not 1 <= number <= MOST:
        raise BadRequest("So many numbers cannot be reserved at once.", f"Reserve 1 to {MOST}.")
    begin, log = begin_of(found.site), ranges_log(context, found.project, found.site)
    with locked(context.layout.root / "sites" / f"{found.site.upper()}.ranges"):
        ends = [each.stop - 1 for each in reserved_ranges(context, found.site)]
        first = 1 + max([last_number(context, begin), *ends])
        made = NumberRange(begin, first, first + number - 1)
        log.add({f"{credential} {first}": {"first": first, "last": made.last, "taken": False}})
    what = f"{credential}: {made.subjects()[0]} to {made.subjects()[-1]}"
    backend.trail.note("site-numbers-reserved.1", found.project, "", what)
    return made


class ProvisionalNumbers:
    """The provisional numbers of a credential's site.

    Parameters
    ----------
    context
        The repository's parts.
    credential
        Whose project and site these are; ranges are handed out to it.
    """

    def __init__(self, context: Context, credential: SiteCredential) -> None:
        self._context, self._credential = context, credential
        self._ranges = ranges_log(context, credential.project, credential.site)
        self._proposals = AppendLog.at(logs_of(context, credential.project, credential.site) / "proposals.jsonl")

    def take(self) -> list[NumberRange]:
        """Hand out the ranges that are reserved for this credential; each of them once."""
        begin = begin_of(self._credential.site)
        with locked(self._context.layout.root / "sites" / f"{self._credential.site.upper()}.ranges"):
            mine = f"{self._credential.id} "
            fresh = {k: each for k, each in self._ranges.read().items() if k.startswith(mine) and not each["taken"]}
            if fresh:
                self._ranges.add({key: {**each, "taken": True} for key, each in fresh.items()})
        return [NumberRange(begin, each["first"], each["last"]) for each in fresh.values()]

    def propose(self, numbers: Mapping[str, str]) -> int:
        """Keep which numbers proxies gave to which pseudonyms; returns how many. What is not reserved is left out."""
        begin, ranges = begin_of(self._credential.site), self._ranges.read().values()
        mine = {name for each in ranges for name in NumberRange(begin, each["first"], each["last"]).subjects()}
        known = self._proposals.get([*numbers.values()])
        fresh = {each: name for name, each in numbers.items() if each in mine and each not in known}
        if fresh:
            self._proposals.add({each: {"pseudonym": name, "given": ""} for each, name in fresh.items()})
        return len(fresh)

    def proposed(self, pseudonym: str) -> list[str]:
        """Return the numbers that proxies gave to a pseudonym and that are not settled yet, oldest first."""
        rows = self._proposals.read().items()
        return [number for number, each in rows if each["pseudonym"] == pseudonym and not each["given"]]

    def settle(self, backend: LocalBackend, pseudonym: str, subject: str) -> None:
        """Record, in the audit trail too, which number a pseudonym has in place of the proposed ones."""
        for number in self.proposed(pseudonym):
            kind = "site-number-confirmed.1" if number == subject else "site-number-merged.1"
            backend.trail.note(kind, self._credential.project, subject, f"{number} was provisional")
            self._proposals.add({number: {"pseudonym": pseudonym, "given": subject}})
