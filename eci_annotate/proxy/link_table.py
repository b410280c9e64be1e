"""Which patient is which pseudonym and ECI number: encrypted with a key that follows from the site's secret.

It stays at the site. A pseudonym leads to the patient ID only with the secret; the database alone tells nothing.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eci_annotate.deid.pseudonymiser import Domain, Pseudonymiser
from eci_annotate.errors import BadSiteKey, NotFound

_NONCE = 12
_GIVE = (  # the first free number, to a patient who has none
    "update provisional set pseudonym=? where subject=(select min(subject) from provisional where pseudonym is null) "
    "and not exists(select 1 from provisional where pseudonym=?) "
    "and exists(select 1 from link where pseudonym=? and subject='')"
)
_FIND = (  # the centre's numbers before provisional ones
    "select link.pseudonym, patient, link.subject, coalesce(provisional.subject, '') from link "
    "left join provisional on provisional.pseudonym=link.pseudonym where link.pseudonym in (?,?) "
    "or (link.subject<>'' and link.subject=?) or provisional.subject=? order by link.subject=? desc"
)


@dataclass(frozen=True)
class Link:
    """One patient: local ID and issuer, pseudonym, the centre's ECI number (empty without one), a provisional one."""

    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    pseudonym: str
    subject: str
    provisional: str = ""

    @property
    def number(self) -> str:
        """The ECI number in words: the centre's, and the provisional one if that is another."""
        if not self.subject:
            return f"{self.provisional} (provisional)" if self.provisional else ""
        changed = self.provisional not in ("", self.subject)
        return f"{self.subject} ({self.provisional} was provisional)" if changed else self.subject


class LinkTable:
    """The link table of a site.

    Parameters
    ----------
    path
        The database; created if absent.
    pseudonymiser
        The site's secret.
    """

    def __init__(self, path: Path, pseudonymiser: Pseudonymiser) -> None:
        self._names, self._cipher = pseudonymiser, AESGCM(pseudonymiser.digest(Domain.LINK_TABLE, ""))
        self._lock, self._known = Lock(), set[str]()
        self._line = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        for pragma in ("journal_mode=wal", "synchronous=full", "busy_timeout=60000"):
            self._line.execute(f"pragma {pragma}")
        self._line.execute(
            "create table if not exists link(pseudonym text primary key, patient blob not null, "
            "subject text not null default '', changed real not null)"
        )
        self._line.execute("create index if not exists by_subject on link(subject)")
        self._line.execute(
            "create table if not exists provisional(subject text primary key, pseudonym text unique, "
            "proposed integer not null default 0)"
        )
        self._require_same_secret()

    def _require_same_secret(self) -> None:
        """Raise BadSiteKey if the table was written with another secret: patients would get second pseudonyms."""
        row = self._line.execute("select pseudonym, patient from link limit 1").fetchone()
        if row is not None:
            try:
                self._open(*row)
            except BadSiteKey:
                self._line.close()
                raise

    def put(self, patient_id: str, issuer: str) -> str:
        """Keep a patient; returns the pseudonym."""
        pseudonym = self._names.patient_id(patient_id, issuer)
        if pseudonym not in self._known:
            sealed = self._seal(pseudonym, patient_id, issuer)
            with self._lock:
                self._line.execute(
                    "insert or ignore into link(pseudonym, patient, changed) values(?,?,?)",
                    (pseudonym, sealed, time.time()),
                )
                self._line.execute(_GIVE, (pseudonym, pseudonym, pseudonym))
                self._known.add(pseudonym)
        return pseudonym

    def set_subject(self, pseudonym: str, subject: str) -> None:
        """Keep the number that the centre gave."""
        with self._lock:
            self._line.execute(
                "update link set subject=?, changed=? where pseudonym=? and subject<>?",
                (subject, time.time(), pseudonym, subject),
            )

    def reserve(self, subjects: Sequence[str]) -> None:
        """Keep numbers that the centre reserved: new patients get them, provisionally."""
        with self._lock:
            rows = [(subject,) for subject in subjects]
            self._line.executemany("insert or ignore into provisional(subject) values(?)", rows)
            self._known.clear()

    def reserved(self) -> int:
        """Return how many reserved numbers are not given yet."""
        with self._lock:
            row = self._line.execute("select count(*) from provisional where pseudonym is null").fetchone()
            return int(row[0])

    def to_propose(self, most: int = 500) -> dict[str, str]:
        """Return provisional numbers by pseudonym that the centre does not know yet."""
        with self._lock:
            found = self._line.execute(
                "select pseudonym, subject from provisional where pseudonym is not null and proposed=0 limit ?", (most,)
            )
            return dict(found.fetchall())

    def proposed(self, pseudonyms: Iterable[str]) -> None:
        """Keep that the centre knows these pseudonyms' provisional numbers."""
        with self._lock:
            rows = [(pseudonym,) for pseudonym in pseudonyms]
            self._line.executemany("update provisional set proposed=1 where pseudonym=?", rows)

    def find(self, asked: str, issuer: str = "") -> Link:
        """Return the patient of a local patient ID, a pseudonym or an ECI number.

        Raises
        ------
        NotFound
            None of these is known here.
        """
        pseudonym = self.pseudonym_of(asked, issuer)
        with self._lock:
            name = asked.strip()
            row = self._line.execute(_FIND, (pseudonym, name, name, name, name)).fetchone()
        if row is None:
            remedy = "Check it; if the patient ID has an issuer, give it too."
            raise NotFound("This patient ID, pseudonym or ECI number is not known at this site.", remedy)
        return Link(*self._open(row[0], row[1]), row[0], row[2], row[3])

    def pseudonym_of(self, patient_id: str, issuer: str = "") -> str:
        """Return the pseudonym that a patient ID has, whether the patient is known or not."""
        return self._names.patient_id(patient_id.strip(), issuer)

    def number(self) -> int:
        """Return how many patients are known."""
        with self._lock:
            return int(self._line.execute("select count(*) from link").fetchone()[0])

    def back_up(self, path: Path) -> None:
        """Write a complete copy, as encrypted as the table itself."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with self._lock, sqlite3.connect(path) as copy:
            self._line.backup(copy)
        copy.close()

    def close(self) -> None:
        """Close the database."""
        self._line.close()

    def _seal(self, pseudonym: str, patient_id: str, issuer: str) -> bytes:
        nonce, content = os.urandom(_NONCE), json.dumps([patient_id, issuer]).encode()
        return nonce + self._cipher.encrypt(nonce, content, pseudonym.encode())

    def _open(self, pseudonym: str, sealed: bytes) -> tuple[str, str]:
        try:
            content = self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], pseudonym.encode())
        except InvalidTag:
            remedy = (
                "Use the secret with which the table was written, or restore the table from a backup. "
                "If that secret is lost, move links.sqlite away: all patients then get new pseudonyms."
            )
            raise BadSiteKey("The link table was encrypted with another secret, or is damaged.", remedy) from None
        patient_id, issuer = json.loads(content)
        return patient_id, issuer
