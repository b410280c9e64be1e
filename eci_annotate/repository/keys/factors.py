"""What a person has that no kernel has: a passkey (WebAuthn), or a PIN. Kept apart from the hub's password.

The first factor, or another in place of a lost one, needs an administrator's one-time code; a further one needs one
that the person has. A code for a person who has a factor counts after a day, or once a second owner gave it too. Five
wrong tries close the door for a quarter of an hour.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from eci_annotate.errors import BadSecret, Refused
from eci_annotate.repository.keys.repository_folder import Layout
from eci_annotate.store.atomic_files import locked, write_atomic
from eci_annotate.workflow.codec import canonical, from_json, parse, to_json
from eci_annotate.workflow.project import check_name

SHORTEST, TRIES = 6, 5
CLOSED, CODE_LASTS, CODE_WAITS = timedelta(minutes=15), timedelta(days=7), timedelta(days=1)
_NEW = ("code_from", "code_by")  # written only when they say something: older releases refuse unknown fields
T = TypeVar("T")


@dataclass(frozen=True)
class Passkey:
    """A WebAuthn credential: its id and public key (hexadecimal), and how often it signed."""

    id: str
    public: str
    count: int
    since: datetime


@dataclass(frozen=True)
class Factors:
    """What one person has; hashes only, but for public keys."""

    pin: str = ""
    salt: str = ""
    passkeys: tuple[Passkey, ...] = ()
    code: str = ""
    code_until: datetime | None = None
    fails: int = 0
    closed_until: datetime | None = None
    code_from: datetime | None = None
    code_by: str = ""

    @property
    def has_any(self) -> bool:
        """Whether the person can confirm a signature."""
        return bool(self.pin or self.passkeys)


class FactorBook:
    """The factors of a repository's members, one file each, mode 0600."""

    def __init__(self, layout: Layout, clock: Callable[[], datetime]) -> None:
        self._folder = layout.root / "members"
        self._clock = clock

    def of(self, name: str) -> Factors:
        """What somebody has."""
        try:
            content = (self._folder / f"{check_name(name)}.factors").read_bytes()
        except FileNotFoundError:
            return Factors()
        return from_json(Factors, parse(content, "A file of factors"))

    def _change(self, name: str, change: Callable[[Factors], tuple[Factors, T]]) -> T:
        with locked(self._folder / "factors.lock"):
            new, result = change(self.of(name))
            content = {key: value for key, value in to_json(new).items() if value or key not in _NEW}
            write_atomic(self._folder / f"{check_name(name)}.factors", canonical(content), mode=0o600)
        return result

    def give_code(self, name: str, by: str, *, owner: bool = True) -> tuple[str, datetime | None]:
        """Return a one-time code by which somebody enrols a factor, and from when it counts (None: now).

        Earlier codes count no more.

        Parameters
        ----------
        name
            Who will use it.
        by
            Who gives it.
        owner
            Whether the giver is an owner: two of them together need not wait.
        """
        code, now = "-".join(secrets.token_hex(2) for _ in range(4)), self._clock()

        def given(known: Factors) -> tuple[Factors, datetime | None]:
            live = known.code_until is not None and now <= known.code_until
            second = owner and live and known.code_by not in ("", by, name) and by != name
            start = now + CODE_WAITS if known.has_any and not second else None
            new = replace(known, code=_plain(code), code_until=now + CODE_LASTS, code_from=start)
            return replace(new, code_by=by if known.has_any and owner else ""), start

        return code, self._change(name, given)

    def cancel_code(self, name: str) -> None:
        """Make the code that was given for somebody void."""
        self._change(name, lambda known: (replace(known, code="", code_until=None, code_from=None, code_by=""), None))

    def set_pin(self, name: str, pin: str) -> None:
        """Set the PIN, and open the door that wrong tries closed; who may is decided before."""
        check_pin_shape(pin)
        salt = os.urandom(16).hex()
        hidden = _slow(pin, salt)
        self._change(name, lambda known: (replace(known, pin=hidden, salt=salt, fails=0, closed_until=None), None))

    def add_passkey(self, name: str, passkey: Passkey) -> None:
        """Add a passkey; who may is decided before."""
        self._change(name, lambda known: (replace(known, passkeys=(*known.passkeys, passkey)), None))

    def count(self, name: str, passkey: str, count: int) -> None:
        """A passkey signed; its counter only grows."""

        def counted(known: Factors) -> tuple[Factors, None]:
            keys = tuple(replace(k, count=count) if k.id == passkey else k for k in known.passkeys)
            return replace(known, passkeys=keys, fails=0, closed_until=None), None

        self._change(name, counted)

    def check_pin(self, name: str, pin: str) -> None:
        """BadSecret unless it is the person's PIN."""
        self._check(name, lambda known: bool(known.pin) and hmac.compare_digest(_slow(pin, known.salt), known.pin))

    def use_code(self, name: str, code: str) -> None:
        """BadSecret unless it is the code that was given; it counts once."""
        given = _plain(code.strip().lower())

        def fits(known: Factors) -> bool:
            now = self._clock()
            live = known.code_until is not None and (known.code_from or now) <= now <= known.code_until
            return bool(known.code) and live and hmac.compare_digest(given, known.code)

        self._check(name, fits)
        self.cancel_code(name)

    def miss(self, name: str) -> None:
        """Count a wrong try; Refused from then on while there were too many."""
        self._check(name, lambda known: False)

    def _check(self, name: str, fits: Callable[[Factors], bool]) -> None:
        def tried(known: Factors) -> tuple[Factors, Refused | BadSecret | None]:
            now = self._clock()
            if known.closed_until is not None and now < known.closed_until:
                return known, Refused("Too many wrong attempts.", f"Wait until {known.closed_until:%H:%M} UTC.")
            if fits(known):
                return replace(known, fails=0, closed_until=None), None
            fails = known.fails + 1
            closed = now + CLOSED if fails >= TRIES else None
            wrong = BadSecret("Wrong PIN or code.", f"{max(TRIES - fails, 0)} attempts are left.")
            return replace(known, fails=0 if closed else fails, closed_until=closed), wrong

        if refusal := self._change(name, tried):
            raise refusal


def check_pin_shape(pin: str) -> None:
    """Refused for a PIN that is too short or too plain."""
    plain = len(set(pin)) < 3 or pin in "01234567890" or pin in "09876543210"
    if len(pin) < SHORTEST or plain:
        raise Refused(
            "This PIN is too simple.", f"Use {SHORTEST} characters or more, of at least three different ones."
        )


def _slow(pin: str, salt: str) -> str:
    return hashlib.scrypt(pin.encode(), salt=bytes.fromhex(salt or "00"), n=2**15, r=8, p=1, maxmem=2**26).hex()


def _plain(code: str) -> str:
    return hashlib.sha256(b"eci-annotate code\n" + code.encode()).hexdigest()
