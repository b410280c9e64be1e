"""The software that wrote an export: its version and digest, and on request its wheel and the versions around it.

The wheel is packed from the files that run: those of the checkout, or those installed, compared with their RECORD.
Nothing here is signed: checks find what was lost or changed by accident, and the digest says whether two copies are the
same.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import platform
import re
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Any

from eci_annotate.errors import NotInstalled, Tampered
from eci_annotate.repository.backend import Check
from eci_annotate.store.atomic_files import write_atomic
from eci_annotate.version import __version__

NAME, PACKAGE = "eci-annotate", Path(__file__).resolve().parents[1]
FOLDER, ABOUT, RECORD = "software", "software.json", "RECORD"
MOST_UNPACKED = 1 << 28  # bytes of the files in a wheel
KEPT_METADATA = ("METADATA", "WHEEL", "entry_points.txt", "licenses")
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest date of a ZIP: the same files give the same bytes
Files = dict[str, bytes]


def write_software(folder: Path, *, with_wheel: bool = False) -> list[Path]:
    """Write which software this is into ``software`` of a folder.

    Parameters
    ----------
    folder
        Folder of the export.
    with_wheel
        Also the wheel, and ``requirements.txt`` with the exact versions of all installed distributions.

    Raises
    ------
    NotInstalled
        A wheel was asked for, and the installation has no metadata.
    Tampered
        A wheel was asked for, and an installed file is not as it was installed.
    """
    files = package_files()
    about: dict[str, Any] = {"name": NAME, "version": __version__, "digest": digest_of(files)}
    written: Files = {}
    if with_wheel:
        wheel = f"{_stem()}-py3-none-any.whl"
        written = {wheel: pack_wheel(files | metadata_files(files)), "requirements.txt": lock_file().encode()}
        about["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
    written[ABOUT] = json.dumps(about, indent=2).encode() + b"\n"
    for name in _listed(folder / FOLDER) - written.keys():  # of an earlier export into this folder
        (folder / FOLDER / name).unlink(missing_ok=True)
    for name, content in written.items():
        write_atomic(folder / FOLDER / name, content)
    return [folder / FOLDER / name for name in written]


def software_checks(folder: Path) -> list[Check]:
    """Compare each folder ``software`` of an export, and below it, with the list in it; a row for each file.

    A file that was changed, is missing, or is not in the list is named. A wheel must hold the files whose digest is
    stated.
    """
    found = sorted(path for path in folder.rglob(FOLDER) if path.is_dir())
    return [Check("", NAME, 0, FOLDER, not why, why) for place in found for why in _differences(place)]


def _differences(place: Path) -> Iterator[str]:
    """Yield for each file what is wrong with it; empty if nothing is."""
    try:
        about = json.loads((place / ABOUT).read_bytes())
        wanted, stated = {str(name): str(value) for name, value in about.get("files", {}).items()}, str(about["digest"])
    except FileNotFoundError:
        yield f"{FOLDER}/{ABOUT} is missing."
        return
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        yield f"{FOLDER}/{ABOUT} is damaged."
        return
    there = {path.relative_to(place).as_posix(): path for path in sorted(place.rglob("*")) if not path.is_dir()}
    yield from (f"{FOLDER}/{name} is not in the list of {ABOUT}." for name in there.keys() - wanted.keys() - {ABOUT})
    for name, value in wanted.items():
        if name not in there:
            yield f"{FOLDER}/{name} is missing."
            continue
        content = there[name].read_bytes()
        same = hashlib.sha256(content).hexdigest() == value and (not name.endswith(".whl") or _holds(content, stated))
        yield "" if same else f"{FOLDER}/{name} was changed."
    if not wanted:
        yield ""


def _holds(wheel: bytes, stated: str) -> bool:
    """Whether a wheel holds the package whose digest is stated."""
    try:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            small = sum(each.file_size for each in archive.infolist()) < MOST_UNPACKED
            return small and digest_of({name: archive.read(name) for name in archive.namelist()}) == stated
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, zlib.error):
        return False


def _listed(place: Path) -> set[str]:
    """Return the plain names of files that a folder's list names; none without one that can be read."""
    try:
        return {name for name in json.loads((place / ABOUT).read_bytes())["files"] if Path(name).name == name}
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return set()


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 over lines of SHA-256 and name (as of `sha256sum`) of the package's files in a wheel."""
    names = sorted(name for name in files if name.startswith(f"{PACKAGE.name}/"))
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in names]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def package_files() -> Files:
    """Return the files of the package by their names in a wheel."""
    found = dict(_files_below(PACKAGE, PACKAGE.name))
    if wheel := _wheel_settings():
        for source, name in wheel["force-include"].items():
            found |= dict(_files_below(PACKAGE.parent / source, name))
    return found


def metadata_files(files: Mapping[str, bytes]) -> Files:
    """Return what else a wheel holds: metadata, and data that is installed outside the package.

    Parameters
    ----------
    files
        Those of the package; of an installed package they are compared with its RECORD.

    Raises
    ------
    NotInstalled
        The installation has no metadata.
    Tampered
        An installed file is not as it was installed.
    """
    installed = _installation()
    info, data = f"{_stem()}.dist-info", f"{_stem()}.data/data"
    root = Path(str(installed.locate_file(info)))
    found: Files = {}
    for name in KEPT_METADATA:
        found |= dict(_files_below(root / name, f"{info}/{name}"))
    if wheel := _wheel_settings():
        for source, name in wheel["shared-data"].items():
            found |= dict(_files_below(PACKAGE.parent / source, f"{data}/{name}"))
        return found
    outside = [each for each in installed.files or () if each.parts[0] == ".."]
    for each in outside:
        name = "/".join(part for part in each.parts if part != "..")
        if not name.startswith(("bin/", "Scripts/")):  # made from entry_points.txt
            found[f"{data}/{name}"] = Path(str(each.locate())).read_bytes()
    require_recorded(installed, {**files, **found})
    return found


def require_recorded(installed: Distribution, files: Mapping[str, bytes]) -> None:
    """Raise Tampered unless these are the files that were installed, neither changed, added nor missing."""
    data = f"{_stem()}.data/data/"
    recorded = {"/".join(part for part in each.parts if part != ".."): each for each in installed.files or ()}
    for name, content in files.items():
        row = recorded.get(name.removeprefix(data))
        if row is None or row.hash is None or row.hash.value != _record_hash(content):
            raise Tampered(f"{name} is not as it was installed.", "Install eci-annotate again.")
    missing = {name for name in recorded if name.startswith(f"{PACKAGE.name}/") and "__pycache__" not in name}
    if missing := missing - files.keys():
        raise Tampered(f"{min(missing)} is missing.", "Install eci-annotate again.")


def pack_wheel(files: Mapping[str, bytes]) -> bytes:
    """Return a wheel of these files, with its RECORD; the same files give the same bytes."""
    record = f"{_stem()}.dist-info/{RECORD}"
    rows = io.StringIO()
    table = csv.writer(rows, lineterminator="\n")
    table.writerows([name, f"sha256={_record_hash(files[name])}", len(files[name])] for name in sorted(files))
    table.writerow([record, "", ""])
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in [*sorted(files.items()), (record, rows.getvalue().encode())]:
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.external_attr, entry.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return packed.getvalue()


def lock_file() -> str:
    """Return the exact versions of all installed distributions but this one, as requirements of pip."""
    versions: dict[str, str] = {}
    for each in distributions():  # of two with one name the first is imported
        name = re.sub(r"[-_.]+", "-", each.name).lower()
        if name != NAME and not _is_editable(each):
            versions.setdefault(name, each.version)
    head = f"# Python {platform.python_version()}, {platform.system()} {platform.machine()}\n"
    return head + "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))


def _is_editable(each: Distribution) -> bool:
    direct = json.loads(each.read_text("direct_url.json") or "{}")
    return bool(direct.get("dir_info", {}).get("editable", False))


def _installation() -> Distribution:
    try:
        installed = distribution(NAME)
    except PackageNotFoundError:
        raise NotInstalled("eci-annotate runs without being installed.", "Install it with pip.") from None
    if installed.version != __version__:
        what = f"eci-annotate was installed as version {installed.version}, and is {__version__} now."
        raise NotInstalled(what, "Install it again.")
    return installed


def _stem() -> str:
    return f"{PACKAGE.name}-{__version__}"


def _wheel_settings() -> Any:
    """Return what `pyproject.toml` says of the wheel; None where the package is not in a checkout."""
    project = PACKAGE.parent / "pyproject.toml"
    if not project.is_file():
        return None
    return tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]


def _files_below(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield a file, or all files of a folder but compiled ones, by their names in a wheel."""
    if path.is_file():
        yield name, path.read_bytes()
        return
    for each in sorted(path.rglob("*")):
        if each.is_file() and "__pycache__" not in each.parts:
            yield f"{name}/{each.relative_to(path).as_posix()}", each.read_bytes()


def _record_hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
