"""The interface of a repository for a process that holds its keys: `Service` with its parts.

A `PersonBackend` does what one person may do. A `Service` gives one to each person, and does the periodic work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import xarray as xr

from eci_annotate.archive.protocol import Study
from eci_annotate.errors import EciError
from eci_annotate.repository.backend import Check
from eci_annotate.repository.keys.factors import Factors, Passkey
from eci_annotate.repository.keys.signing_keys import Signer
from eci_annotate.repository.local.identity import Identity
from eci_annotate.repository.local.proposal import Proposal
from eci_annotate.repository.service.person_backend import PersonBackend
from eci_annotate.repository.sites.arrivals import FileOutcome
from eci_annotate.repository.sites.number_ranges import NumberRange
from eci_annotate.repository.sites.site_credentials import SiteCredential
from eci_annotate.repository.sync.sync_states import SyncState
from eci_annotate.store.protocols import DraftPart
from eci_annotate.workflow.actor import Actor
from eci_annotate.workflow.subject.commands import Sign
from eci_annotate.workflow.subject.events import Event
from eci_annotate.workflow.subject.state import Subject
from eci_annotate.workflow.trust.rsa_keys import PrivateKey


class Purpose(StrEnum):
    """What a key of the service's own is for. The words enter its derivation: other words are another key."""

    COMMAND = "command request"
    SIGNATURE = "signature request"
    BROWSER = "eci-annotate browser 1"


@dataclass(frozen=True)
class SubjectNews:
    """All events of a subject; those from index `since` on are new."""

    events: tuple[Event, ...]
    since: int


class FactorCheck(Protocol):
    """The factors of each person, to prove who somebody is."""

    def of(self, name: str) -> Factors:
        """Return what somebody has."""

    def check_pin(self, name: str, pin: str) -> None:
        """BadSecret unless it is the person's PIN; Refused after too many wrong attempts."""

    def use_code(self, name: str, code: str) -> None:
        """BadSecret unless it is the one-time code that was given; it counts once."""

    def count(self, name: str, passkey: str, count: int) -> None:
        """Keep how often a passkey signed."""

    def miss(self, name: str) -> None:
        """Count a wrong attempt; raises BadSecret, or Refused after too many."""


class FactorRegister(FactorCheck, Protocol):
    """The factors of each person, and the ways to change them; who may change them is decided before."""

    def set_pin(self, name: str, pin: str) -> None:
        """Set the PIN; Refused if it is too simple."""

    def add_passkey(self, name: str, passkey: Passkey) -> None:
        """Add a passkey."""

    def give_code(self, name: str, by: str, *, owner: bool = True) -> tuple[str, datetime | None]:
        """Return a one-time code by which somebody enrols a factor, and from when it counts (None: now)."""

    def cancel_code(self, name: str) -> None:
        """Make the code that was given for somebody void."""


class HubMembers(Protocol):
    """Members whom a hub knows: the service holds the keys that sign for them, and checks their factors."""

    @property
    def factors(self) -> FactorRegister:
        """The factors with which each person confirms."""

    def add(
        self,
        actor: Actor,
        project: str,
        member: str,
        *,
        roles: tuple[str, ...],
        site: str,
        sites: tuple[str, ...] = (),
    ) -> None:
        """Add a member with a signing key; the workflow decides whether the actor may."""

    def admit(self, actor: Actor, project: str, member: str) -> None:
        """Let a member with a key file sign through the service too."""

    def rotate(self, actor: Actor, projects: Sequence[str], member: str) -> PrivateKey:
        """Make a new signing key for a member; what the old one signed still verifies."""

    def adopt(self, actor: Actor, projects: Sequence[str], member: str, certificate: str, key: PrivateKey) -> None:
        """Let the service sign for a member with a key that an institution certified (PEM)."""

    def signer(self, member: str, factor: str, content: str = "") -> Signer:
        """Return a member's key, after the `factor` confirmed; with `content` for the draft of that digest only."""


class StoredSubjects(Protocol):
    """Subjects as they are stored, for the service itself: nothing here asks who may see them, or notes it."""

    def state(self, project: str, subject: str) -> Subject:
        """Return a subject with its leases as they were renewed."""

    def keep(self, project: str, subject: str, content: bytes) -> str:
        """Store a blob with the subject, encrypted; returns its digest."""

    def kept(self, project: str, subject: str, digest: str) -> bytes:
        """Return a blob of the subject; NotFound if there is none."""

    def save(self, parts: Sequence[DraftPart]) -> list[EciError | None]:
        """Append to several drafts; returns the refusal of each, or None."""

    def draft_digest(self, command: Sign) -> str:
        """Return the digest of the draft that a command would sign now."""

    def proposal(self, command: Sign, state: Subject, actor: Actor) -> Proposal:
        """Return what a command would sign now; refuses what cannot be signed."""

    def studies(self, subject: str) -> list[Study]:
        """Return the subject's studies, a series for each stack."""

    def volume(self, subject: str, series_uid: str) -> xr.DataArray:
        """Return a series as a volume (k, j, i)."""


class SiteNumbers(Protocol):
    """Numbers of subjects that a proxy may give while it has no connection."""

    def take(self) -> list[NumberRange]:
        """Hand out the ranges that are reserved for the credential; each of them once."""

    def propose(self, numbers: Mapping[str, str]) -> int:
        """Keep which numbers were given to which pseudonyms; returns how many. What is not reserved is left out."""


class SiteArrivals(Protocol):
    """What one credential sends."""

    @property
    def credential(self) -> SiteCredential:
        """The credential, which decides project and site."""

    def states(self, digests: Iterable[str]) -> dict[str, FileOutcome]:
        """Return the states of files by their SHA-256."""

    def require_space(self, size: int) -> None:
        """StoreUnavailable if a file of this size would fill the disk, or too much waits already."""

    def append(self, digest: str, offset: int, blocks: Iterable[bytes], size: int) -> FileOutcome:
        """Add bytes of a file; Conflict if `offset` is not the next one, BadRequest if the SHA-256 differs at last."""

    def numbers(self) -> SiteNumbers:
        """Return the provisional numbers of the credential."""


class SiteUploads(Protocol):
    """What hospitals' proxies send, each with its own credential."""

    def credential(self, token: str) -> SiteCredential | None:
        """Return the valid credential of a token; None for any other."""

    def arrivals(self, credential: str) -> SiteArrivals:
        """Return what a credential sends, by its ID; NotFound if it was revoked."""

    def ingest(self, credential: str) -> int:
        """Take in what has arrived, without waiting for more; returns how many files were decided."""


class Upkeep(Protocol):
    """Periodic work for the whole repository, without a request."""

    def checkpoint(self) -> bool:
        """Take a checkpoint if anything was appended since the last one; returns whether it was."""

    def prove(self) -> list[Check]:
        """Compare all streams with the checkpoints; the last row says what the newest one covers."""

    def clean_up(self) -> int:
        """Destroy what is left of withdrawals that were cut off, and once a day old content that nothing refers to.

        Returns how many subjects and blobs that were.
        """

    def ingest(self) -> int:
        """Take in the files of every site that has sent nothing for a while; returns how many were decided."""

    def derive(self) -> int:
        """Do the derived tasks that became ready since the last time; returns how many were signed."""

    def news(self, reader: str) -> Iterator[SubjectNews]:
        """Yield what changed since a reader of this name asked last, in any process; the first time nothing."""

    def synchronise(self) -> list[SyncState]:
        """Pull studies by every rule that is due; returns the state of each target and rule then."""

    def lease_holders(self) -> list[str]:
        """Return the names of all who hold a task now."""


class Service(Protocol):
    """A repository, for a process that acts for all of its members."""

    @property
    def cache(self) -> Path:
        """Folder for files that may be lost."""

    @property
    def members(self) -> HubMembers:
        """Members, their keys and factors."""

    @property
    def subjects(self) -> StoredSubjects:
        """Subjects as they are stored."""

    @property
    def sites(self) -> SiteUploads:
        """Uploads of hospitals."""

    @property
    def upkeep(self) -> Upkeep:
        """Periodic work."""

    def clock(self) -> datetime:
        """Return the time, in UTC."""

    def secret(self, purpose: Purpose) -> bytes:
        """Return a key of 32 bytes that all processes of the service share; Refused if no service is enabled."""

    def backend(self, identity: Identity) -> PersonBackend:
        """Return the backend for an identity."""
