"""Files in a DICOMweb archive: QIDO-RS by dicomweb-client; STOW-RS and WADO-RS as bytes.

A file is sealed bit for bit; dicomweb-client parses what it retrieves and encodes again what it stores.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email.message import Message
from typing import Any

import httpx
from dicomweb_client.api import DICOMwebClient

from eci_annotate.archive.pace_limit import paced
from eci_annotate.archive.remote_archive import Uids
from eci_annotate.archive.unreachable import refused, unreachable
from eci_annotate.errors import NotFound, StoreUnavailable, Tampered

TIMEOUT_S, MOST_AT_ONCE, PAGE = 60.0, 64 << 20, 1000
DUPLICATE = 0x0111  # the archive has this SOP instance, and does not take it again
_DELETED, _ABSENT = (200, 202, 204), (404, 410)


class DicomWebObjects:
    """A DICOMweb archive, such as Orthanc.

    Parameters
    ----------
    url
        Root of QIDO-RS, WADO-RS and STOW-RS, such as ``https://pacs.example.org/dicom-web``.
    user, password
        Basic authentication; empty for none.
    orthanc
        Root of Orthanc's own interface, by which it deletes; empty: by DELETE on the DICOMweb address.
    """

    def __init__(self, url: str, user: str = "", password: str = "", orthanc: str = "") -> None:
        auth = (user, password) if user else None
        self._url, self._orthanc = url.rstrip("/"), orthanc.rstrip("/")
        self._client = paced(httpx.Client(auth=auth, timeout=TIMEOUT_S))
        self._queries = DICOMwebClient(self._url)
        self._queries.set_http_retry_params(retry=False)  # the outbox tries again
        if auth:
            self._queries._session.auth = auth

    def get(self, subject: str, uids: Uids) -> bytes:
        """Return a file by WADO-RS, in the transfer syntax in which it was stored."""
        accept = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
        answer = self._ask("GET", f"{self._url}/{_place(uids)}", headers=accept)
        if answer.status_code in _ABSENT:
            raise NotFound("Instance not found.", "Restore it from a backup.")
        _require(answer, 200)
        return only_part(answer.content, answer.headers.get("content-type", ""))

    def put(self, subject: str, contents: Mapping[Uids, bytes]) -> None:
        """Store files by STOW-RS, several at once."""
        for some in _portions(contents):
            boundary = secrets.token_hex(16)
            head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
            body = b"".join(head + content + b"\r\n" for content in some.values()) + f"--{boundary}--\r\n".encode()
            kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
            headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
            answer = self._ask("POST", f"{self._url}/studies", content=body, headers=headers)
            kept = self._kept(answer, some)
            if missing := len({uids.sop for uids in some} - kept):
                reasons = ", ".join(sorted(f"{code:04X}H" for code in set(_failures(answer).values())))
                what = f"The DICOMweb archive did not keep {missing} files{f' (reason {reasons})' if reasons else ''}."
                raise StoreUnavailable(what, "Ask its administrator; nothing was changed here.")

    def _kept(self, answer: httpx.Response, some: Mapping[Uids, bytes]) -> set[str]:
        """Return the SOP instance UIDs of the files that are there after an answer to STOW-RS (PS3.18, 10.5.3)."""
        if answer.status_code not in (200, 202, 409):  # all, some, or none were stored
            _require(answer, 200)
        failed = _failures(answer)
        again = [uids for uids in some if failed.get(uids.sop) == DUPLICATE]
        return (_stored(answer) - failed.keys()) | {uids.sop for uids in again if self.get("", uids) == some[uids]}

    def delete(self, subject: str, uids: Uids) -> None:
        """Delete a file."""
        if not self._orthanc:
            answer = self._ask("DELETE", f"{self._url}/{_place(uids)}")
            if answer.status_code in _ABSENT:
                self._require_service()
            elif answer.status_code not in _DELETED:
                _require(answer, 204)
            return
        for name in self._instances_with(uids.sop):
            _require(self._ask("DELETE", f"{self._orthanc}/instances/{name}"), 200)

    def _require_service(self) -> None:
        """Raise StoreUnavailable if no study can be searched either: then 404 does not say that a file is deleted."""
        answer = self._ask("GET", f"{self._url}/studies?limit=1", headers={"Accept": "application/dicom+json"})
        if answer.status_code != 204:  # no study
            _require(answer, 200)

    def delete_of(self, patient: str, uids: Uids) -> None:
        """Delete a file of a patient; an Orthanc keeps another patient's file with these UIDs."""
        if not self._orthanc:
            self.delete(patient, uids)
            return
        for name in self._instances_with(uids.sop):
            whose = self._ask("GET", f"{self._orthanc}/instances/{name}/patient")
            _require(whose, 200)
            if str(_json(whose)["MainDicomTags"].get("PatientID", "")).strip() == patient:
                _require(self._ask("DELETE", f"{self._orthanc}/instances/{name}"), 200)

    def present(self, patient: str, files: Iterable[Uids]) -> set[Uids]:
        """Return which of these files are there, as files of the patient where the archive says whose they are."""
        wanted, found = set(files), set[Uids]()
        for study in sorted({uids.study for uids in wanted}):
            for row in self._rows_of(study, ("PatientID",)):
                whose = _first(row, "00100020").strip()
                if whose in ("", patient):
                    found.add(_uids_in(study, row))
        return wanted & found

    def _instances_with(self, sop: str) -> list[str]:
        """Return Orthanc's own names of the instances with a SOP Instance UID."""
        found = self._ask("POST", f"{self._orthanc}/tools/lookup", content=sop)
        _require(found, 200)
        return [str(each["ID"]) for each in _json(found) if each["Type"] == "Instance"]

    def studies(self, limit: int = 100, **filters: str) -> list[str]:
        """Return the UIDs of studies that match, by QIDO-RS; `filters` are keywords such as ``StudyDate``."""
        return [each["0020000D"]["Value"][0] for each in self.search(filters, limit)]

    def search(
        self, filters: Mapping[str, str], limit: int, offset: int = 0, fields: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Return the answers about studies that match, by QIDO-RS, from `offset` on; a server may ignore filters."""
        try:
            return self._queries.search_for_studies(
                limit=limit, offset=offset, fields=[*fields] or None, search_filters=dict(filters) or None
            )
        except Exception as error:  # requests' errors quote addresses and answers
            raise unreachable("DICOMweb archive", error) from None

    def instances_of(self, study_uid: str) -> list[Uids]:
        """Return the instances of a study, by QIDO-RS."""
        return list(dict.fromkeys(_uids_in(study_uid, row) for row in self._rows_of(study_uid)))

    def _rows_of(self, study_uid: str, fields: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Return the rows of all instances of a study, asked for page by page: servers have limits of their own."""
        rows = dict[str, dict[str, Any]]()  # an Orthanc may have the same UIDs of two patients
        try:
            while True:
                asked: dict[str, Any] = {"limit": PAGE, "offset": len(rows), "fields": [*fields] or None}
                page = self._queries.search_for_instances(study_uid, **asked)
                fresh = {json.dumps(row, sort_keys=True): row for row in page}
                if not fresh.keys() - rows.keys():
                    return list(rows.values())
                rows.update(fresh)
        except Exception as error:
            if getattr(getattr(error, "response", None), "status_code", None) == 404:
                return list(rows.values())
            raise unreachable("DICOMweb archive", error) from None

    def _ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        try:
            return self._client.request(method, url, **more)
        except httpx.HTTPError as error:
            raise unreachable("DICOMweb archive", error) from None


def only_part(content: bytes, content_type: str) -> bytes:
    """Return the one part of a multipart answer, bit for bit."""
    message = Message()
    message["content-type"] = content_type
    boundary = str(message.get_param("boundary", "")).encode()
    begin, end = content.find(b"\r\n\r\n"), content.rfind(b"\r\n--" + boundary)
    if not boundary or begin < 0 or end < begin:
        raise Tampered("The DICOMweb archive gave a damaged answer.", "Ask its administrator.")
    return content[begin + 4 : end]


def _place(uids: Uids) -> str:
    return f"studies/{uids.study}/series/{uids.series}/instances/{uids.sop}"


def _uids_in(study: str, row: Mapping[str, Any]) -> Uids:
    return Uids(study, row["0020000E"]["Value"][0], row["00080018"]["Value"][0])


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise StoreUnavailable("The DICOMweb archive gave an answer that is not JSON.", "Check its address.") from None


def _stored(answer: httpx.Response) -> set[str]:
    """Return the SOP instances that an archive says it stored (ReferencedSOPSequence)."""
    return {_first(row, "00081155") for row in _items(answer, "00081199")}


def _failures(answer: httpx.Response) -> dict[str, int]:
    """Return the reason for each SOP instance that an archive did not store (FailedSOPSequence); 0 if it names none."""
    reasons = {_first(row, "00081155"): _first(row, "00081197") for row in _items(answer, "00081198")}
    return {sop: int(reason) if reason.isdigit() else 0 for sop, reason in reasons.items()}


def _items(answer: httpx.Response, tag: str) -> list[Any]:
    content = _json(answer)
    sequence = content.get(tag) if isinstance(content, dict) else None
    items = sequence.get("Value") if isinstance(sequence, dict) else None
    return items if isinstance(items, list) else []


def _first(row: Any, tag: str) -> str:
    element = row.get(tag) if isinstance(row, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]) if isinstance(values, list) and values else ""


def _require(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise refused("DICOMweb archive", answer)


def _portions(contents: Mapping[Uids, bytes]) -> Iterator[dict[Uids, bytes]]:
    some, size = dict[Uids, bytes](), 0
    for uids, content in contents.items():
        some[uids] = content
        size += len(content)
        if size >= MOST_AT_ONCE:
            yield some
            some, size = {}, 0
    if some:
        yield some
