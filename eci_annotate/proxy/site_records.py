"""The site's records of what people did: decisions about quarantined instances, and who looked at what.

They hold digests and pseudonyms; a reason is what a person wrote.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from eci_annotate.errors import NotFound, Refused
from eci_annotate.proxy.instance_queue import QueuedInstance
from eci_annotate.proxy.link_table import Link, LinkTable

LONGEST_REASON = 500


class SiteRecords:
    """Appends to `decisions.jsonl` and `accesses.jsonl` in the spool; each line is on the disk on return.

    Parameters
    ----------
    root
        The spool's folder.
    """

    def __init__(self, root: Path) -> None:
        self._decisions, self._accesses = root / "decisions.jsonl", root / "accesses.jsonl"

    def decided(self, by: str, what: str, rows: Sequence[QueuedInstance], reason: str) -> None:
        """Record a decision about instances, by digest; raises Refused without a reason."""
        if not reason.strip():
            raise Refused("A decision needs a reason.", "Say how you made sure; no names.")
        line = {"by": by, "what": what, "why": reason.strip()[:LONGEST_REASON], "of": [row.content for row in rows]}
        _append(self._decisions, line)

    def accessed(self, by: str, what: str, by_way_of: str, **more: object) -> None:
        """Record an access; `more` holds no value of a patient."""
        _append(self._accesses, {"by": by, "what": what, "from": by_way_of, **more})


def look_up(links: LinkTable, records: SiteRecords, asked: str, issuer: str, by: str, by_way_of: str) -> Link:
    """Return who a patient ID, pseudonym or ECI number belongs to, after the lookup has been recorded.

    The record holds the pseudonym; of what is not known here, the keyed pseudonym that it would have as a patient ID.

    Raises
    ------
    NotFound
        None of these is known here.
    """
    try:
        link = links.find(asked, issuer)
    except NotFound:
        records.accessed(by, "verify", by_way_of, patient=links.pseudonym_of(asked, issuer), found=False)
        raise
    records.accessed(by, "verify", by_way_of, patient=link.pseudonym, found=True)
    return link


def _append(path: Path, line: Mapping[str, object]) -> None:
    content = json.dumps({"at": time.time(), **line}) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(handle, content.encode())
        os.fsync(handle)
    finally:
        os.close(handle)
