"""The folder of a repository: `eci.json` says its format and its store; keys lie in `members/`, mode 0600.

Who can write the folder is trusted: keys and seals show tampering by others, not by its owner.
"""

from __future__ import annotations

import hashlib
import os
import stat
import uuid
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from eci_annotate.errors import NoIdentity, NotARepository, StoreUnavailable
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.workflow.codec import canonical, parse
from eci_annotate.workflow.trust.rsa_keys import Credential

FORMAT = 2
CREDENTIAL = "ECI_ANNOTATE_CREDENTIAL"
DSN = "ECI_ANNOTATE_DSN"


class StoreKind(StrEnum):
    """What a repository is kept in, as `eci.json` says it."""

    FOLDER = "folder"
    POSTGRES = "postgres"


@dataclass(frozen=True)
class Layout:
    """Where the parts of a repository lie."""

    root: Path
    identity: str
    store: StoreKind = StoreKind.FOLDER

    def dsn(self) -> str:
        """Where the database is: ECI_ANNOTATE_DSN, or the file `store.dsn`."""
        named = os.environ.get(DSN, "")
        try:
            return named or (self.root / "store.dsn").read_text().strip()
        except OSError as error:
            raise StoreUnavailable("The database address is not configured.", f"Set {DSN}.") from error

    @property
    def vault(self) -> Path:
        """The keys of subjects' content."""
        return self.root / "vault"

    @property
    def archive(self) -> Path:
        """DICOM files."""
        return self.root / "archive"

    @property
    def checkpoints(self) -> Path:
        """Signed checkpoints over all streams; copies belong elsewhere."""
        return self.root / "checkpoints"

    @property
    def cache(self) -> Path:
        """Decoded volumes and header indexes; may be deleted."""
        return self.root / "cache"

    def key_file(self, member: str) -> Path:
        """What identifies a member."""
        return self.root / "members" / f"{member}.key"

    def signing_file(self, member: str) -> Path:
        """A member's signing key, encrypted."""
        return self.root / "members" / f"{member}.signing"

    def service_file(self, member: str) -> Path:
        """The signing key that the service holds for a member, encrypted by the service's secret."""
        return self.root / "members" / f"{member}.service"

    def cache_key(self) -> bytes:
        """What authenticates files of the cache: derived from the key of checkpoints; without that it is random."""
        try:
            return hashlib.sha256(b"cache 1\n" + (self.root / "authority" / "service.key").read_bytes()).digest()
        except OSError:
            return os.urandom(32)

    @property
    def service_secret(self) -> Path:
        """What opens the keys that the service holds."""
        return self.root / "authority" / "service.secret"

    @property
    def service_authority(self) -> Path:
        """The authority's key once more, encrypted by the service's secret."""
        return self.root / "authority" / "authority.service"

    @property
    def authority_key(self) -> Path:
        """The key of the repository's authority, encrypted by the founder's secret or credential."""
        return self.root / "authority" / "authority.key"

    @property
    def authority(self) -> Path:
        """The certificate of the repository's authority: what others are given to verify with."""
        return self.root / "authority" / "ca.pem"


def create(root: Path, *, dsn: str = "", identity: str = "") -> Layout:
    """Make an empty repository in a folder that holds none; with a `dsn` it is kept in that database.

    `identity` is that of the repository which it is a copy of.
    """
    if (root / "eci.json").exists():
        raise NotARepository("There is a repository in this folder already.", "Choose another folder.")
    if root.exists() and any(root.iterdir()):
        raise NotARepository("The folder is not empty.", "Choose an empty folder, or a new one.")
    made = Layout(root, identity or uuid.uuid4().hex, StoreKind.POSTGRES if dsn else StoreKind.FOLDER)
    root.mkdir(parents=True, exist_ok=True)
    if dsn:
        write_atomic(root / "store.dsn", dsn.encode() + b"\n", mode=0o600)
    (root / "members").mkdir(mode=0o700)
    head = {"format": FORMAT, "identity": made.identity, "store": made.store}
    write_atomic(root / "eci.json", canonical(head))
    return made


def find(root: Path) -> Layout:
    """The repository in a folder; NotARepository when there is none, or one of another format."""
    try:
        head = parse((root / "eci.json").read_bytes(), "eci.json")
    except OSError as error:
        remedy = "Make one with: eci-annotate init FOLDER --project NAME --member NAME"
        raise NotARepository("There is no eci_annotate repository in this folder.", remedy) from error
    if head.get("format") != FORMAT:
        raise _another_format(head.get("format"))
    return Layout(root, str(head["identity"]), StoreKind(head.get("store", StoreKind.FOLDER)))


def _another_format(found: object) -> NotARepository:
    if isinstance(found, int) and found > FORMAT:
        return NotARepository(f"A newer release wrote the repository (format {found}).", "Update eci_annotate.")
    if found == 1:
        what = "The repository has format 1, from before release 0.1; this release cannot read it."
        remedy = (
            "Run eci-annotate export FOLDER OUT --every with the release that wrote it; then with this one "
            "eci-annotate init NEW_FOLDER and eci-annotate import NEW_FOLDER DICOM."
        )
        return NotARepository(what, remedy)
    return NotARepository("The file eci.json is damaged.", "Restore it from a backup.")


def write_key(path: Path, key: Credential) -> None:
    """Write a member's key so that only its owner can read it."""
    write_atomic(path, key.to_pem(), mode=0o600)


def credential(layout: Layout) -> Credential:
    """The key that says who acts: that of ECI_ANNOTATE_CREDENTIAL, or the repository's first member's."""
    named = os.environ.get(CREDENTIAL)
    return key_of(Path(named) if named else _first_key(layout))


def key_of(path: Path) -> Credential:
    """The key in a file that only its owner can read."""
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise NoIdentity("The key file can be read by others.", f"chmod 600 {path.name}")
        return Credential.from_pem(path.read_bytes())
    except OSError as error:
        raise NoIdentity("There is no readable key file.", f"Set {CREDENTIAL} to yours.") from error


def _first_key(layout: Layout) -> Path:
    default = layout.root / "members" / "default"
    name = default.read_text().strip() if default.exists() else ""
    return layout.key_file(name or "none")
