"""The service at the stores themselves: `open_service` for a folder, `service_of` beside a backend that is open."""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from eci_annotate.decoder.worker_pool import WorkerPool, inherited_control
from eci_annotate.decoder.worker_reader import WorkerReader
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.keys.service_keys import service_secret
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.identity import Identity
from eci_annotate.repository.service.local_members import LocalMembers
from eci_annotate.repository.service.local_person import LocalPerson
from eci_annotate.repository.service.local_sites import LocalSites
from eci_annotate.repository.service.local_subjects import LocalSubjects
from eci_annotate.repository.service.local_upkeep import LocalUpkeep
from eci_annotate.repository.service.protocol import Purpose


class LocalService:
    """See `Service`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.cache = context.layout.cache
        self.members = LocalMembers(context)
        self.subjects = LocalSubjects(context)
        self.sites = LocalSites(context)
        self.upkeep = LocalUpkeep(context)

    def clock(self) -> datetime:
        """See `Service`."""
        return self._context.clock()

    def secret(self, purpose: Purpose) -> bytes:
        """See `Service`."""
        whole = service_secret(self._context.layout)
        if purpose is Purpose.BROWSER:  # derived like this from the first release on: another way ends all sessions
            return sha256(f"{purpose}\n".encode() + whole).digest()
        return hmac.digest(whole, purpose.encode(), "sha256")

    def backend(self, identity: Identity) -> LocalPerson:
        """See `Service`."""
        return LocalPerson(self._context, identity)


def open_service(folder: Path, connections: int = 4, decoders: int = -1) -> LocalService:
    """Open the repository in a folder for a service; a database is given `connections` at most.

    It holds keys: files of others are read by workers, which it makes itself, or asks for over the socket `decoders`.
    """
    reader = WorkerReader(WorkerPool(inherited_control(decoders)))
    return LocalService(Context.from_layout(find(folder), connections=connections, reader=reader))


def service_of(backend: LocalBackend) -> LocalService:
    """Return the service of a repository that is open, for commands at its folder."""
    return LocalService(backend.context)
