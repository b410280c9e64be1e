"""Backups: the content in one folder, the keys that open it in another; restored into a new repository, and verified.

Everything of a subject is closed by the subject's own key, images too. Keys are to be kept apart: a backup alone opens
nothing, and what was withdrawn since is gone from it with the key.
"""

from __future__ import annotations

import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eci_annotate.archive.file_cipher import read_file, write_file
from eci_annotate.errors import NotARepository, NotFound, Tampered
from eci_annotate.repository.admin.copy_repository import Progress, copy_files, opened
from eci_annotate.repository.backend import Check
from eci_annotate.repository.keys.image_encryption import ImageCipher
from eci_annotate.repository.keys.key_files import decrypted, encrypted
from eci_annotate.repository.keys.repository_folder import Layout, create, find
from eci_annotate.repository.keys.subject_encryption import Vault
from eci_annotate.repository.local.checkpoints import prove
from eci_annotate.repository.local.context import Context
from eci_annotate.repository.local.event_streams import SUBJECTS
from eci_annotate.repository.local.verify import check_subject
from eci_annotate.repository.sites.arrivals import OUTCOMES, FileState
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.store.copy_stores import copy as copy_stores
from eci_annotate.store.open_stores import open_folder
from eci_annotate.workflow.actor import Actor, Role
from eci_annotate.workflow.codec import canonical, parse
from eci_annotate.workflow.subject.view import view

SITES = "sites"
KEYS = ("members", "authority", "vault", SITES, "register")
_TRIES, _HEAD = 5, "backup.json"


@dataclass(frozen=True)
class RestoredRepository:
    """What a restore found: every check, and the subjects whose key is gone since (their consent was withdrawn)."""

    checks: tuple[Check, ...]
    withdrawn: tuple[str, ...]


def back_up(folder: Path, out: Path, keys: Path, progress: Progress | None = None) -> int:
    """Bring a backup up to date (or make it); work may go on meanwhile. Returns how many events it holds.

    Parameters
    ----------
    folder
        The repository.
    out
        Where content goes: events, blobs, drafts, checkpoints, images; all of subjects encrypted.
    keys
        Where keys go. Keep it elsewhere; when a consent is withdrawn, bring it up to date too.

    Raises
    ------
    Tampered
        What was written does not read back, or the source never stood still.
    """
    tell = progress or (lambda part, done, of: None)
    layout = find(folder)
    _check_place(layout, out)
    for name in KEYS:
        copy_files(layout.root / name, keys / name)
    write_atomic(out / _HEAD, canonical({"identity": layout.identity}))
    copy_files(layout.checkpoints, out / "checkpoints")
    _forget_withdrawn(layout, out)
    events = _copy_still(layout, out, tell)
    _copy_later_keys(layout, keys)
    _close_images(layout, out, tell)
    return events


def _copy_later_keys(layout: Layout, keys: Path) -> None:
    """Copy the keys and numbers of subjects that came while content was copied: without them it cannot be read.

    What was confirmed to sites stays as it was before: of that, the copied archive has everything.
    """
    for name in KEYS:
        if name != SITES:
            copy_files(layout.root / name, keys / name)
    for path in (layout.root / SITES / "logs").rglob("*.jsonl"):
        if path.name != OUTCOMES:
            write_atomic(keys / path.relative_to(layout.root), path.read_bytes(), mode=0o600)


def _check_place(layout: Layout, out: Path) -> None:
    head = out / _HEAD
    if head.exists():
        if _identity(out) != layout.identity:
            raise NotARepository("There is a backup of another repository in this folder.", "Choose another folder.")
    elif out.exists() and any(out.iterdir()):
        raise NotARepository("The folder is not empty.", "Choose an empty folder, or that of an earlier backup.")


def _identity(out: Path) -> str:
    try:
        return str(parse((out / _HEAD).read_bytes(), _HEAD)["identity"])
    except OSError as error:
        raise NotARepository("There is no backup in this folder.", "Give one that backup made.") from error


def _forget_withdrawn(layout: Layout, out: Path) -> None:
    """What an earlier backup holds of subjects whose key was destroyed since."""
    vault, target = Vault(layout.vault), open_folder(out / "store")
    for subject, projects in _subjects(layout).items():
        gone = [project for project in projects if vault.is_gone(project, subject)]
        for project in gone:
            target.blobs.drop(f"{project}/{subject}")
            target.drafts.drop(project, subject)
        if gone == projects:
            shutil.rmtree(out / "archive" / subject, ignore_errors=True)


def _copy_still(layout: Layout, out: Path, tell: Progress) -> int:
    """Copy until nothing was appended while it was copied: events then refer to nothing that is not there."""
    target = open_folder(out / "store")
    with opened(layout) as source:
        for _ in range(_TRIES):
            before = source.events.heads()
            copy_stores(source, target, tell)
            if source.events.heads() == before == target.events.heads():
                return sum(before.values())
    raise Tampered("The repository kept changing.", "Back up at a quieter time, or stop the service first.")


def _subjects(layout: Layout) -> dict[str, list[str]]:
    """By subject: the projects that it is in."""
    with opened(layout) as stores:
        names = [stream.split("/")[1:] for stream in stores.events.heads(SUBJECTS)]
    found: dict[str, list[str]] = {}
    for project, subject in names:
        found.setdefault(subject, []).append(project)
    return found


def _close_images(layout: Layout, out: Path, tell: Progress) -> None:
    vault, images, subjects = Vault(layout.vault), ImageCipher(layout), _subjects(layout)
    for number, (subject, projects) in enumerate(sorted(subjects.items()), 1):
        cipher = _image_cipher(vault, subject, projects, out / "archive" / subject)
        for path in sorted((layout.archive / subject).rglob("*.dcm")) if cipher else ():
            assert cipher is not None
            content = read_file(images, subject, path)
            _close(cipher, content, out / "archive" / subject / path.relative_to(layout.archive / subject))
        tell("images", number, len(subjects))


def _image_cipher(vault: Vault, subject: str, projects: list[str], place: Path) -> AESGCM | None:
    """What closes a subject's images: a key of the backup's, closed by the subject's key in each of its projects."""
    live = [project for project in projects if vault.is_live(project, subject)]
    if not live:
        return None
    key = _opened_key(vault, subject, place)
    if key is None:
        key = AESGCM.generate_key(256)
    closed = {project: _wrapped(vault.cipher(project, subject), key, subject) for project in live}
    write_atomic(place / "key.json", canonical(closed))
    return AESGCM(key)


def _wrapped(cipher: AESGCM, key: bytes, subject: str) -> str:
    return b64encode(encrypted(cipher, key, subject.encode())).decode()


def _opened_key(vault: Vault, subject: str, place: Path) -> bytes | None:
    try:
        closed = parse((place / "key.json").read_bytes(), "A backup's key")
    except FileNotFoundError:
        return None
    for project, text in closed.items():
        try:
            return decrypted(vault.cipher(project, subject), b64decode(text), subject.encode())
        except (NotFound, InvalidTag, ValueError):
            continue
    return None


def _close(cipher: AESGCM, content: bytes, target: Path) -> None:
    name = target.name.encode()
    if target.exists() and _opened_bytes(cipher, target, name) == content:
        return
    write_atomic(target, encrypted(cipher, content, name))
    if _opened_bytes(cipher, target, name) != content:
        raise Tampered("A file of the backup cannot be read back.", "Check the disk; back up again.")


def _opened_bytes(cipher: AESGCM, path: Path, name: bytes) -> bytes | None:
    raw = path.read_bytes()
    try:
        return decrypted(cipher, raw, name)
    except (InvalidTag, ValueError):
        return None


def restore(
    out: Path, keys: Path, target: Path, *, dsn: str = "", progress: Progress | None = None
) -> RestoredRepository:
    """Make a repository of a backup and its keys, and verify all of it.

    Parameters
    ----------
    out, keys
        As `back_up` left them; keys that were destroyed since take their subjects' content with them.
    target
        A new or empty folder.
    dsn
        A PostgreSQL database that is to keep it; without it the folder does.
    """
    tell = progress or (lambda part, done, of: None)
    layout = create(target, dsn=dsn, identity=_identity(out))
    for name in KEYS:
        copy_files(keys / name, layout.root / name)
    _forget_held(layout.root / SITES)
    copy_files(out / "checkpoints", layout.checkpoints)
    with opened(layout) as stores:
        copy_stores(open_folder(out / "store"), stores, tell)
    _open_images(layout, out, tell)
    return _verified(layout, tell)


def _forget_held(sites: Path) -> None:
    """Forget what was held back, which is in no backup: sites send it again, and pull rules fetch it again."""
    for path in (sites / "logs").rglob(OUTCOMES):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if parse(line, "A log of arrivals")[1]["state"] != FileState.HELD]
        write_atomic(path, b"".join(kept), mode=0o600)
    for path in (sites / "pulled").glob("*.jsonl"):
        path.unlink()


def _open_images(layout: Layout, out: Path, tell: Callable[[str, int, int], None]) -> None:
    vault, images, folders = Vault(layout.vault), ImageCipher(layout), sorted((out / "archive").glob("*/"))
    for number, folder in enumerate(folders, 1):
        key = _opened_key(vault, folder.name, folder)
        for path in sorted(folder.rglob("*.dcm")) if key else ():
            content = _opened_bytes(AESGCM(key or b""), path, path.name.encode())
            if content is None:
                raise Tampered("An image of the backup was changed.", "Create a new backup.")
            write_file(images, folder.name, layout.archive / folder.name / path.relative_to(folder), content)
        tell("images", number, len(folders))


def _verified(layout: Layout, tell: Callable[[str, int, int], None]) -> RestoredRepository:
    context = Context.from_layout(layout)
    owner = Actor("restore", roles=dict.fromkeys(context.streams.projects(), (Role.OWNER,)))
    checks: list[Check] = []
    withdrawn: list[str] = []
    places = list(_places(layout))
    for number, (project, subject) in enumerate(places, 1):
        _, state = context.state(project, subject)
        if not state.withdrawn and context.vault.is_gone(project, subject):
            withdrawn.append(subject)
        else:
            checks += check_subject(context, view(state, owner, context.clock()))
        tell("verifying", number, len(places))
    checks += prove(context)
    context.stores.close()
    return RestoredRepository(tuple(checks), tuple(withdrawn))


def _places(layout: Layout) -> Iterator[tuple[str, str]]:
    for subject, projects in sorted(_subjects(layout).items()):
        yield from ((project, subject) for project in projects)
