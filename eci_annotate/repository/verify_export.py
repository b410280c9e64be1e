"""Verifies exported versions without their repository: seals, signatures, certificates and files, against an anchor.

The anchor comes from elsewhere: a folder that was sealed again under another authority is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from eci_annotate.decoder.direct_reader import DirectReader
from eci_annotate.dicom.header_digest import instance_uid, series_uid
from eci_annotate.errors import EciError, NotFound, Refused, Tampered
from eci_annotate.repository.backend import Check
from eci_annotate.repository.keys.dicom_signatures import check_signed_whole, signature_checks
from eci_annotate.repository.local.volumes.image_seals import check_content, read_list
from eci_annotate.repository.manifest_parts import (
    digital_signature_of,
    exported_parts,
    exported_stem,
    is_archived,
    is_named_like_a_part,
)
from eci_annotate.repository.software import software_checks
from eci_annotate.workflow.codec import Json, RepeatedName, canonical, digest, from_json, object_once
from eci_annotate.workflow.subject.events import VersionSigned
from eci_annotate.workflow.subject.versions import seal_over
from eci_annotate.workflow.trust.certificates import check_certificate, check_spelling, public_pem
from eci_annotate.workflow.trust.rsa_keys import check_signature, fingerprint
from eci_annotate.workflow.trust.seals import PartKind

ImageFiles = dict[str, list[Path]]
ENDING = "_provenance.json"


def is_export(folder: Path) -> bool:
    """Whether versions were exported into the folder or below it."""
    return any(folder.rglob(f"*{ENDING}"))


def verify_exported(folder: Path, anchors: Sequence[str], images: Path | None = None) -> list[Check]:
    """All checks of the versions exported into a folder or below it, and of the software that came with them.

    Parameters
    ----------
    folder
        As `export` made it.
    anchors
        Certificates (PEM) of the authorities that are trusted.
    images
        Folder of DICOM files, to be compared with the images that the versions rest on.

    Raises
    ------
    NotFound
        No version was exported there, or there is nothing to trust.
    """
    found = sorted(folder.rglob(f"*{ENDING}"))
    if not found:
        raise NotFound("This folder contains no exported version.", "Give a folder written by export.")
    if not anchors:
        raise NotFound("No trusted authority was given.", "Give the authority's certificate: --trust CA.pem")
    sent = _images_in(images) if images else None
    checks = [check for path in found for check in _checks(path, anchors, sent)]
    if sent is not None:
        checks += _unlisted_images(sorted(folder.rglob(f"*_{PartKind.INSTANCES}.json")), sent)
    return checks + list(_unlisted(folder, found)) + software_checks(folder)


def _unlisted(folder: Path, provenances: Sequence[Path]) -> Iterator[Check]:
    """Yield a failed check for each file that is named like a part of a version and belongs to none in the folder.

    Files of a version whose record cannot be read are left out: its own checks have failed.
    """
    listed, unreadable = set[Path](), list[Path]()
    for path in provenances:
        stem = path.name.removesuffix(ENDING)
        try:
            signed = from_json(VersionSigned, _json(path)["version"])
            listed |= {path.with_name(name) for _, name in exported_parts(stem, signed.manifest, journal=True)}
        except (EciError, KeyError, TypeError, AttributeError):
            unreadable.append(path.with_name(stem))
    for path in sorted(folder.rglob("*")):
        is_known = path in listed or any(str(path).startswith(f"{each}_") for each in unreadable)
        if not is_known and is_named_like_a_part(path.name) and not path.is_dir():
            yield Check(path.parent.name, "", 0, "file", False, f"{path.name} belongs to no signed version here.")


def verify_file(path: Path, anchors: Sequence[str]) -> list[Check]:
    """Verify the digital signatures of one DICOM file; each is a check, under its signer's name.

    Raises
    ------
    NotFound
        The file has no digital signature.
    """
    found = signature_checks(path.read_bytes(), anchors)
    if not found:
        raise NotFound("This file has no digital signature.", "Give a file that eci_annotate signed, or its export.")
    return [Check("", each.signer, 0, "digital signature", each.passed, each.detail) for each in found]


def _images_in(folder: Path) -> ImageFiles:
    """Return the DICOM files of a folder by their SOP instance UID: a copy may differ from the file it is like."""
    found: ImageFiles = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (uid := instance_uid(path)):
            found.setdefault(uid, []).append(path)
    return found


def _unlisted_images(lists: Sequence[Path], images: ImageFiles) -> Iterator[Check]:
    """Yield a failed check for each image that was not sealed, of a series that was: it would be loaded with it."""
    listed: dict[str, set[str]] = {}
    for path in lists:
        with suppress(EciError, OSError):  # named by its own checks
            for series, rows in read_list(path.read_bytes()).items():
                listed.setdefault(series, set()).update(rows)
    sealed = {sop for rows in listed.values() for sop in rows}
    for sop in sorted(set(images) - sealed):
        if any(series_uid(path) in listed for path in images[sop]):
            what = f"Instance {sop} was added to a sealed series."
            yield Check("", "", 0, "image files", False, what)


def _checks(path: Path, anchors: Sequence[str], images: ImageFiles | None) -> Iterator[Check]:
    try:
        told = _json(path)
        signed = from_json(VersionSigned, told["version"])
        whose = (str(told["project"]), str(told["subject"]), str(told["site"]))
        certificate = str(told["certificate"])
    except (EciError, KeyError, TypeError, AttributeError):
        yield Check(path.name.removesuffix(ENDING), "", 0, "provenance", False, f"{path.name} is damaged.")
        return
    stem = path.name.removesuffix(ENDING)
    if stem != (named := exported_stem(whose[1], signed)):  # those who read the files go by their names
        what = f"{path.name} was renamed: it is the record of {named}."
        yield Check(whose[1], signed.task, signed.version, "name", False, what)
    for name, act in (
        ("seal", lambda: _check_seal(whose, signed)),
        ("certificate", lambda: check_certificate(certificate, anchors, signed.at)),
        ("signature", lambda: _check_signature(certificate, signed)),
    ):
        yield _check(whose[1], signed, name, act)
    try:
        files = list(exported_parts(stem, signed.manifest))
        drawn = [each for each in exported_parts(stem, signed.manifest, journal=True) if each not in files]
        if any(path.with_name(name).exists() for _, name in drawn):  # they are exported together
            files += drawn
    except Refused as error:
        yield Check(whose[1], signed.task, signed.version, "manifest", False, error.what)
        return
    for part, name in sorted(files, key=lambda each: not is_archived(each[0])):
        file = path.with_name(name)
        yield _check(whose[1], signed, part.role, lambda file=file, wanted=part.digest: _check_file(file, wanted))  # type: ignore[misc]
        if is_archived(part):
            yield _check(
                whose[1], signed, digital_signature_of(part), lambda file=file: check_signed_whole(_content(file))
            )  # type: ignore[misc]
        if part.role == PartKind.INSTANCES and images is not None:
            yield _check(whose[1], signed, "image files", lambda file=file: _check_images(file, images))  # type: ignore[misc]
    if images is not None and signed.manifest.only(PartKind.INSTANCES) is None:
        what = "The version lists no files of its images: it was signed before they were sealed."
        yield Check(whose[1], signed.task, signed.version, "image files", False, what)


def _check(subject: str, signed: VersionSigned, name: str, act: Any) -> Check:
    try:
        told = act()
    except EciError as error:
        return Check(subject, signed.task, signed.version, name, False, error.what)
    return Check(subject, signed.task, signed.version, name, True, told if isinstance(told, str) else "")


def _check_seal(whose: tuple[str, str, str], signed: VersionSigned) -> None:
    if seal_over(*whose, signed) != signed.seal:
        raise Tampered("The content of the version does not match its seal.")


def _check_signature(certificate: str, signed: VersionSigned) -> None:
    check_spelling(certificate)
    public = public_pem(certificate)
    if fingerprint(public) != signed.key:
        raise Tampered("The certificate does not belong to the key that signed.")
    check_signature(public, signed.seal, signed.signature)


def _check_images(path: Path, images: ImageFiles) -> None:
    for rows in read_list(path.read_bytes()).values():
        for sop, seal in rows.items():
            if sop not in images:
                raise Tampered(f"Instance {sop} is missing.")
            for file in images[sop]:
                check_content(file.read_bytes(), sop, seal, DirectReader())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Tampered(f"{path.name} is missing.") from error


def _json(path: Path) -> Json:
    """Return the value of a JSON file, of which no program can read another: in UTF-8, each name once in its object."""
    try:
        value = json.loads(_content(path).decode(), object_pairs_hook=object_once)
        canonical(value)
    except RepeatedName as error:
        raise Tampered(f"{path.name} is damaged: a name occurs twice in one object.") from error
    except (ValueError, RecursionError) as error:
        raise Tampered(f"{path.name} is damaged.") from error
    return value


def _check_file(path: Path, wanted: str) -> None:
    content = canonical(_json(path)) if path.suffix == ".json" else _content(path)
    if digest(content) != wanted:
        raise Tampered(f"{path.name} was changed.")
