"""What all requests share: the repository's service, a backend for each person and session, limits for each person."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock

from eci_annotate.errors import Overloaded
from eci_annotate.hub.core.draft_writer import Saver
from eci_annotate.hub.core.settings import Settings
from eci_annotate.hub.core.token_identity import HubIdentity, People
from eci_annotate.repository.service.person_backend import PersonBackend
from eci_annotate.repository.service.protocol import FactorRegister, Service
from eci_annotate.repository.service.values import Signer

MOST_BACKENDS = 2000
PER_SECOND, BURST = 100.0, 400.0
STREAMS, HEAVY, LOADING, AT_ONCE = 6, 2, 8, 20  # AT_ONCE is half of the threads that answer requests
QUOTA, QUOTA_S = 4 << 30, 24 * 3600.0
SUBJECTS = 4  # a person may store so many times the quota of one subject in all subjects together


class Allowance:
    """Limits per person: requests per second, concurrent streams and heavy requests, bytes put into one subject."""

    def __init__(
        self, per_second: float = PER_SECOND, burst: float = BURST, streams: int = STREAMS, quota: int = QUOTA
    ) -> None:
        self._per_second, self._burst, self._most, self._quota = per_second, burst, streams, quota
        self._put: dict[str, tuple[float, int]] = {}
        self._left: dict[str, tuple[float, float]] = {}
        self._open: dict[str, int] = {}
        self._lock = Lock()

    def take(self, name: str, cost: float = 1.0) -> None:
        """Count one request, or as much work as `cost` of them; raises Overloaded if it exceeds the limit."""
        now = time.monotonic()
        with self._lock:
            left, then = self._left.get(name, (self._burst, now))
            left = min(self._burst, left + (now - then) * self._per_second)
            self._left[name] = (max(left - cost, 0.0), now)
        if left < cost:
            raise Overloaded("Too many requests at once.", "Try again in a second.")

    def put(self, name: str, where: str, size: int) -> None:
        """Count bytes that a person puts into one subject, drafts among them.

        Raises
        ------
        Overloaded
            Beyond the quota of a day, for this subject or for all of them.
        """
        now = time.monotonic()
        with self._lock:
            before = [
                (f"{name}\n{place}", most) for place, most in ((where, self._quota), ("", SUBJECTS * self._quota))
            ]
            after = {key: self._used(key, now, size, most) for key, most in before}
            self._put.update(after)

    def _used(self, key: str, now: float, size: int, most: int) -> tuple[float, int]:
        begin, used = self._put.get(key, (now, 0))
        begin, used = (now, 0) if now - begin > QUOTA_S else (begin, used)
        if used + size > most:
            raise Overloaded("You stored too much today.", "Ask your administrator.")
        return begin, used + size

    def at_once(self, name: str) -> AbstractContextManager[None]:
        """Count a request of any kind while it lasts, so that one person never keeps all threads busy."""
        return self._counted(f"at once/{name}", AT_ONCE)

    def heavy(self, name: str) -> AbstractContextManager[None]:
        """Count a heavy request while it lasts; raises Overloaded if the person has too many."""
        return self._counted(f"heavy/{name}", HEAVY)

    def loading(self, name: str) -> AbstractContextManager[None]:
        """Count content while it is read into memory; raises Overloaded if the person has too much of it."""
        return self._counted(f"loading/{name}", LOADING)

    @contextmanager
    def _counted(self, name: str, most: int = 0) -> Iterator[None]:
        self.begin(name, most)
        try:
            yield
        finally:
            self.end(name)

    def begin(self, name: str, most: int = 0) -> None:
        """Count a stream that starts; raises Overloaded if `most` (by default the usual number) are open."""
        with self._lock:
            if self._open.get(name, 0) >= (most or self._most):
                raise Overloaded("You have too many of these requests open.", "Wait for one to end.")
            self._open[name] = self._open.get(name, 0) + 1

    def end(self, name: str) -> None:
        """Count a stream that ended."""
        with self._lock:
            self._open[name] = max(self._open.get(name, 1) - 1, 0)

    def one(self, name: str) -> AbstractContextManager[None]:
        """Count a piece of work as a stream."""
        return self._counted(name)


class Desk:
    """The context of every request."""

    def __init__(self, settings: Settings, service: Service, people: People) -> None:
        self.settings, self.service, self.people = settings, service, people
        self.allowance = Allowance()
        self.saver = Saver(service.subjects.save)
        self._backends: OrderedDict[tuple[str, str], PersonBackend] = OrderedDict()
        self._lock = Lock()

    @property
    def factors(self) -> FactorRegister:
        """The factors with which each person confirms."""
        return self.service.members.factors

    def backend(self, name: str, session: str) -> PersonBackend:
        """Return the backend of a person in one session; it is cached, since it knows the leases that it granted."""
        key = (name, session)
        with self._lock:
            if key not in self._backends:
                self._backends[key] = self.service.backend(HubIdentity(name, session))
            self._backends.move_to_end(key)
            while len(self._backends) > MOST_BACKENDS:
                self._backends.popitem(last=False)
            return self._backends[key]

    def confirmed(self, name: str, session: str, opened: Signer) -> PersonBackend:
        """Return a backend that may sign, once, with the key that the person's confirmation unlocked."""
        return self.service.backend(HubIdentity(name, session, opened))
