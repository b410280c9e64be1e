"""The owner of a token, as reported by the hub. Nothing that a request claims about itself is trusted."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Any, Protocol

import httpx
from starlette.concurrency import run_in_threadpool

from eci_annotate.errors import NoIdentity, StoreUnavailable
from eci_annotate.hub.core.settings import Settings
from eci_annotate.repository.remote.unix_url import client
from eci_annotate.repository.service.protocol import SiteUploads
from eci_annotate.repository.service.values import SITE_TOKEN, Signer, actor_of
from eci_annotate.workflow.actor import RESERVED, Actor, Assurance
from eci_annotate.workflow.project import Project
from eci_annotate.workflow.subject.commands import Sign

CACHE_S, UNKNOWN_S, MOST = 15.0, 5.0, 10_000
KEPT_S, AWAY_S = 300.0, 2.0  # how long work goes on without the hub, and how long a hub that is away is not asked
SITE = "site"


@dataclass(frozen=True)
class Person:
    """A user or service known to the hub, with the permissions of the token."""

    name: str
    groups: tuple[str, ...] = ()
    admin: bool = False
    kind: str = "user"
    scopes: frozenset[str] = frozenset()


class People(Protocol):
    """Resolves tokens to persons."""

    def of_token(self, token: str, *, fresh: bool = False, session: str = "") -> Person | None:
        """Return the person, or None for a token that is unknown, expired, or not for this service."""

    def known(self, token: str) -> tuple[bool, Person | None]:
        """Return whether the token is cached, and its owner."""

    def remembered(self, token: str) -> Person | None:
        """Return whose token it was within the last minutes, for what must not be lost while the hub is away."""


class HubPeople:
    """Persons of a JupyterHub; responses are cached for some seconds.

    Parameters
    ----------
    settings
        Address of the hub.
    service
        The service's name there; a token needs the scope ``access:services!service=<name>``.
    """

    def __init__(self, settings: Settings, service: str = "eci") -> None:
        self._scopes = {"access:services", f"access:services!service={service}"}
        self._client = client(settings.hub_api, timeout=10.0)
        self._known: dict[str, tuple[float, Person | None]] = {}
        self._confirmed: dict[str, tuple[float, Person]] = {}
        self._away_until = 0.0
        self._lock, self._asking = Lock(), BoundedSemaphore(8)

    def of_token(self, token: str, *, fresh: bool = False, session: str = "") -> Person | None:
        """See `People`; `fresh` bypasses the cache. The hub may have ended the browser's `session`."""
        known, person = self.known(token, session)
        if known and not fresh:
            return person
        key = _key(token, session)
        with self._asking:
            person = self._ask(token, session)
        with self._lock:
            self._note(key, person)
        return person

    def _note(self, key: str, person: Person | None) -> None:
        now = time.monotonic()
        for cache in (self._known, self._confirmed):
            if len(cache) >= MOST:
                cache.clear()
        self._known[key] = (now + (CACHE_S if person else UNKNOWN_S), person)
        if person:
            self._confirmed[key] = (now + KEPT_S, person)
        else:
            self._confirmed.pop(key, None)

    def remembered(self, token: str) -> Person | None:
        """See `People`."""
        with self._lock:
            until, person = self._confirmed.get(_key(token, ""), (0.0, None))
        return person if time.monotonic() < until else None

    def known(self, token: str, session: str = "") -> tuple[bool, Person | None]:
        """See `People`."""
        with self._lock:
            until, person = self._known.get(_key(token, session), (0.0, None))
        return (True, person) if time.monotonic() < until else (False, None)

    def _ask(self, token: str, session: str) -> Person | None:
        cookies = {"Cookie": f"jupyterhub-session-id={session}"} if session else {}
        if time.monotonic() < self._away_until:
            raise _away()
        try:
            answer = self._client.get("user", headers={"Authorization": f"token {token}", **cookies})
        except UnicodeEncodeError:
            return None
        except httpx.TransportError as error:
            self._away_until = time.monotonic() + AWAY_S
            raise _away() from error
        if answer.status_code in (401, 403, 404):
            return None
        if answer.status_code != 200:
            raise StoreUnavailable("The hub gave an unexpected answer.", "Try again in a moment.")
        return self._person(answer.json(), session)

    def _person(self, told: Mapping[str, Any], session: str) -> Person | None:
        scopes = frozenset(told.get("scopes", ()))
        if not self._scopes & scopes:
            return None
        if session and told.get("session_id") not in (None, session):
            return None
        groups = tuple(told.get("groups", ()))
        return Person(str(told["name"]), groups, bool(told.get("admin")), str(told.get("kind")), scopes)


class PeopleAndSites:
    """Persons of the hub, and sites by their own credentials, which the hub does not know.

    Parameters
    ----------
    people
        Resolves the tokens of persons.
    sites
        Knows the credentials of sites.
    """

    def __init__(self, people: People, sites: SiteUploads) -> None:
        self._people, self._sites = people, sites

    def of_token(self, token: str, *, fresh: bool = False, session: str = "") -> Person | None:
        """See `People`; a site is of the kind ``site``, and its name is the ID of its credential."""
        if not token.startswith(f"{SITE_TOKEN}."):
            return self._people.of_token(token, fresh=fresh, session=session)
        found = self._sites.credential(token)
        return Person(found.id, kind=SITE) if found else None

    def known(self, token: str) -> tuple[bool, Person | None]:
        """See `People`; credentials are read each time, so that a revoked one ends at once."""
        return (False, None) if token.startswith(f"{SITE_TOKEN}.") else self._people.known(token)

    def remembered(self, token: str) -> Person | None:
        """See `People`."""
        return None if token.startswith(f"{SITE_TOKEN}.") else self._people.remembered(token)


def _away() -> StoreUnavailable:
    return StoreUnavailable("The hub cannot be reached.", "Try again in a moment.")


async def identified(people: People, authorization: str, *, saving: bool = False) -> Person:
    """Return the owner of the token in an ``Authorization`` header.

    Parameters
    ----------
    people, authorization
        Who resolves tokens, and the header.
    saving
        Whether work would be lost otherwise: then a token that the hub knew minutes ago is good while it is away.

    Raises
    ------
    NoIdentity
        There is no token, or it is of nobody.
    StoreUnavailable
        The hub is away.
    """
    kind, _, token = authorization.partition(" ")
    if kind.lower() not in ("token", "bearer") or not token.strip():
        raise NoIdentity("The request has no token.", "Send it as: Authorization: Bearer TOKEN")
    known, found = people.known(token.strip())
    if not known:
        try:
            found = await run_in_threadpool(people.of_token, token.strip())
        except StoreUnavailable:
            found = people.remembered(token.strip()) if saving else None
            if found is None:
                raise
    if found is None:
        raise NoIdentity("The token is unknown, expired, or not for this service.", "Log in at the hub again.")
    return found


def _key(token: str, session: str) -> str:
    """Return the cache key of a token; the token itself is not stored."""
    return hashlib.sha256(f"{token}\n{session}".encode()).hexdigest()


@dataclass(frozen=True)
class HubIdentity:
    """A person of the hub, in one session. Signs only what was confirmed: `opened` is then the key."""

    name: str
    session: str
    opened: Signer | None = None

    def actor(self, projects: Mapping[str, Project]) -> Actor:
        """Return the member of this name in each project."""
        if self.name.startswith(RESERVED):  # a site's credential or the service, whatever an account is called
            raise NoIdentity("This name is reserved for sites and the service.", "Use another account.")
        known = {name: project.members.get(self.name) for name, project in projects.items()}
        mine = {name: member for name, member in known.items() if member is not None and member.roles}
        if not mine:
            remedy = f"Give a project's owner your login name: {self.name}"
            raise NoIdentity("You are not a member of any project here.", remedy)
        return actor_of(mine, Assurance.HUB, self.session)

    def asks_secret(self, actor: Actor) -> bool:
        """Return False: the person confirms on the service's page."""
        return False

    def signer(self, command: Sign, actor: Actor) -> Signer:
        """Return the key, if the person confirmed this signature."""
        if self.opened is None:
            raise NoIdentity("This signature was not confirmed.", "Confirm it on the service's page.")
        return self.opened
