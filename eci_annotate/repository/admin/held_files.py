"""Files that may identify a patient, or need a decision, held back until an owner releases or deletes them.

They are kept apart (mode 0700 and 0600, no backup), under numbers of our own; who did what with them is in the audit
trail.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from eci_annotate.errors import NotFound, Refused
from eci_annotate.repository.local.backend import LocalBackend
from eci_annotate.store.atomic_files import make_folder, write_atomic
from eci_annotate.workflow.actor import Permission
from eci_annotate.workflow.codec import canonical, digest, from_json, parse, to_json

HELD, _HEAD = "held", "about.json"


@dataclass(frozen=True)
class HeldSet:
    """Files of one import that were held back: who sent them, when, for which project and site, how many, and why.

    `known` gives size and reason of each file by its SHA-256.
    """

    id: str
    at: datetime
    by: str
    project: str
    site: str
    files: int
    reasons: dict[str, int]
    known: dict[str, tuple[int, str]] = field(default_factory=dict)


def hold(backend: LocalBackend, risks: Mapping[Path, str], project: str, site: str) -> HeldSet:
    """Keep files apart; the same files again are the same set."""
    contents = {path: digest(path.read_bytes()) for path in risks}
    name = digest(canonical([project, site, *sorted(contents.values())]))[:12]
    counts = {str(risk): n for risk, n in Counter(risks.values()).items()}
    known = {contents[path]: (path.stat().st_size, str(risk)) for path, risk in risks.items()}
    made = HeldSet(name, backend.context.clock(), backend.account.actor.name, project, site, len(risks), counts, known)
    folder = _root(backend) / name
    if not (folder / _HEAD).exists():
        make_folder(folder)
        _root(backend).chmod(0o700)
        folder.chmod(0o700)
        for number, path in enumerate(risks):
            write_atomic(folder / f"{number}.dcm", path.read_bytes(), mode=0o600)
        write_atomic(folder / _HEAD, canonical(to_json(made)), mode=0o600)
        backend.trail.note("held.1", project, "", f"{name}: {len(risks)} files")
    return made


def held_sets(backend: LocalBackend) -> list[HeldSet]:
    """Return what is held back in the actor's projects, of the sites whose subjects they work on, oldest first."""
    actor = backend.account.actor
    heads = (from_json(HeldSet, parse(path.read_bytes(), _HEAD)) for path in _root(backend).glob(f"*/{_HEAD}"))
    return sorted((each for each in heads if actor.roles_at(each.project, each.site)), key=lambda each: each.at)


def held_before(backend: LocalBackend, paths: Iterable[Path], project: str, reasons: Container[str]) -> dict[Path, str]:
    """Return which files are held back already for one of these reasons, and for which."""
    known = {key: row for each in held_sets(backend) if each.project == project for key, row in each.known.items()}
    sizes = {size for size, why in known.values() if why in reasons}
    if not sizes:
        return {}
    found = ((path, digest(path.read_bytes())) for path in paths if path.stat().st_size in sizes)
    return {path: known[key][1] for path, key in found if key in known and known[key][1] in reasons}


def held_set(backend: LocalBackend, name: str) -> tuple[HeldSet, Path]:
    """Return a set and its folder, for an owner of its project.

    Raises
    ------
    NotFound
        There is none.
    Refused
        The actor does not own the project.
    """
    found = next((each for each in held_sets(backend) if each.id == name), None)
    if found is None:
        raise NotFound("Held files not found.", "See: eci-annotate held list FOLDER")
    if not backend.account.actor.may(Permission.ADMINISTER, found.project):
        raise Refused("You may not decide about files that were held back.", "Ask the project's owner.")
    return found, _root(backend) / name


def require_reason(reason: str) -> None:
    """Raise Refused if a release has no reason."""
    if not reason.strip():
        raise Refused("A release needs a reason.", "Say how you made sure that nobody is identified.")


def note_release(backend: LocalBackend, found: HeldSet, reason: str) -> None:
    """Record that held files are taken in; raises Refused without a reason."""
    require_reason(reason)
    backend.trail.note("held-released.1", found.project, "", f"{found.id}: {found.files} files: {reason}")


def delete_held(backend: LocalBackend, name: str, *, released: bool = False) -> None:
    """Delete held files; noted, unless they were released."""
    found, folder = held_set(backend, name)
    shutil.rmtree(folder)
    if not released:
        backend.trail.note("held-deleted.1", found.project, "", f"{found.id}: {found.files} files")


def _root(backend: LocalBackend) -> Path:
    return backend.context.layout.root / HELD
