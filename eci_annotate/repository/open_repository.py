"""`open` gives a `Repository`: of a folder, or of a service. Nothing that comes after it differs."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path

from eci_annotate.errors import NotARepository, StoreUnavailable
from eci_annotate.repository.default_repository import usual_address
from eci_annotate.repository.derivation.service_tasks import do_derived
from eci_annotate.repository.keys.repository_folder import Layout, credential, find
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.repository.local.context import Rooms
from eci_annotate.repository.local.erase import finish_withdrawals
from eci_annotate.repository.local.identity import KeyIdentity
from eci_annotate.repository.remote.unix_url import SCHEME
from eci_annotate.repository.repository import Repository
from eci_annotate.workflow.trust.rsa_keys import Credential


def open(address: str | os.PathLike[str] | None = None, session: str | None = None) -> Repository:
    """Open a repository.

    Parameters
    ----------
    address
        Its folder, or the address of a service (``https://...``); without one what ``ECI_ANNOTATE_SERVICE`` (as on
        a hub) or ``ECI_ANNOTATE_REPOSITORY`` names, else ``demo`` here or beside this folder.
    session
        Which session this is; by default a new one for each opening. Two openings with the same
        session are the same holder of a lease.

    Raises
    ------
    NotARepository
        The folder holds none; make one with ``eci-annotate init``.
    NoIdentity
        There is no usable key file, or no token for the service.
    StoreUnavailable
        The service cannot be reached.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = eci.write_phantom(folder / "dicom", "tiny")
    >>> key = eci.create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    >>> repo = eci.open(folder / "demo")
    >>> repo
    <Repository, opened by anna, projects: liver-ct>
    """
    where = str(address or usual_address())
    session = session or f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
    if where.startswith(("http://", "https://", f"{SCHEME}://")):
        return _remote(where, session)
    layout = find(Path(where))
    return open_as(layout, credential(layout), session)


def open_as(layout: Layout, key: Credential, session: str) -> Repository:
    """The repository in a folder, for the member whose key it is."""
    rooms = Rooms.from_layout(layout)
    with suppress(StoreUnavailable):  # a reader without the right to write; `verify` names what is left
        finish_withdrawals(rooms)
    backend = LocalBackend(rooms, KeyIdentity(layout, key, session), signed=partial(do_derived, rooms))
    return Repository(backend, backend.images)


def _remote(address: str, session: str) -> Repository:
    try:
        from eci_annotate.repository.remote.backend import RemoteBackend, RemoteImages
        from eci_annotate.repository.remote.http_client import Line, token_of_environment

        line = Line(address, token_of_environment(), session)
    except ImportError as error:
        raise NotARepository("httpx is not installed.", "Run: pip install 'eci-annotate[remote]'.") from error
    return Repository(RemoteBackend(line), RemoteImages(line))
