"""Files in an XNAT: subjects, sessions (one per study), scans (one per series), resources, and ROI collections.

Written from XNAT's published REST interface (wiki.xnat.org/xnat-api) and that of its OHIF plugin (`/xapi/roi`); tested
against a server of our own that follows these, not against an XNAT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import httpx

from eci_annotate.archive.pace_limit import paced
from eci_annotate.archive.remote_archive import Uids
from eci_annotate.archive.unreachable import refused, unreachable
from eci_annotate.errors import NotFound, StoreUnavailable

TIMEOUT_S = 60.0
_MADE = (200, 201)


class RoiKind(StrEnum):
    """Kinds of ROI collections."""

    RTSTRUCT = "RTSTRUCT"
    SEG = "SEG"


class XnatObjects:
    """A project of an XNAT.

    Parameters
    ----------
    url
        Root of the XNAT, such as ``https://xnat.example.org``.
    project
        Its project.
    user, password
        Basic authentication: an account, or an alias token and its secret.
    """

    def __init__(self, url: str, project: str, user: str = "", password: str = "") -> None:
        auth = (user, password) if user else None
        self._project = project
        self._client = paced(httpx.Client(base_url=url.rstrip("/"), auth=auth, timeout=TIMEOUT_S))

    def get(self, subject: str, uids: Uids) -> bytes:
        """Return a file of a scan."""
        answer = self._ask("GET", self._file(subject, uids))
        if answer.status_code == 404:
            raise NotFound("Instance not found.", "Restore it from a backup.")
        return _required(answer, (200,)).content

    def put(self, subject: str, contents: Mapping[Uids, bytes]) -> None:
        """Create subject, session, scan and resource where they are missing, and put the files into them."""
        for place in dict.fromkeys((uids.study, uids.series) for uids in contents):
            self._make_scan(subject, *place)
        for uids, content in contents.items():
            where = {"inbody": "true", "overwrite": "true", "format": "DICOM", "content": "RAW"}
            answer = self._ask("PUT", self._file(subject, uids), params=where, content=content)
            _required(answer, _MADE)

    def delete(self, subject: str, uids: Uids) -> None:
        """Delete a file; the scan too, if it was its last one."""
        self.delete_files(subject, [uids])

    def put_roi_collection(self, subject: str, study_uid: str, label: str, kind: RoiKind, content: bytes) -> None:
        """Put a structure set or segmentation into a session; the same label again replaces it."""
        session = self.session_id(subject, study_uid)
        where = f"/xapi/roi/projects/{self._project}/sessions/{session}/collections/{label_of(label)}"
        headers = {"Content-Type": "application/octet-stream"}
        answer = self._ask(
            "PUT", where, params={"type": kind.value, "overwrite": "true"}, content=content, headers=headers
        )
        _required(answer, _MADE)

    def present(self, subject: str, files: Iterable[Uids]) -> set[Uids]:
        """Return which of these files the subject has."""
        wanted = list(files)
        names = {place: self._names(subject, *place) for place in {(uids.study, uids.series) for uids in wanted}}
        return {uids for uids in wanted if f"{uids.sop}.dcm" in names[uids.study, uids.series]}

    def delete_files(self, subject: str, files: Iterable[Uids]) -> None:
        """Delete files of a subject, and scans that have no others; nothing happens if there are none."""
        series = dict[tuple[str, str], set[str]]()
        for uids in files:
            series.setdefault((uids.study, uids.series), set()).add(f"{uids.sop}.dcm")
        for place, names in series.items():
            there = self._names(subject, *place)
            scan = self._scan(subject, *place)
            if there <= names:
                self._remove(scan)
                continue
            for name in sorted(there & names):
                self._remove(f"{scan}/resources/DICOM/files/{name}")

    def delete_labelled(self, subject: str, studies: Iterable[str], labels: Iterable[str]) -> None:
        """Delete the subject's resources with these labels, and the ROI collections in its sessions that begin so."""
        known = {label_of(label) for label in labels}
        for study in studies:
            place = f"{self._place(subject)}/experiments/{self._session(subject, study)}/assessors"
            for row in self.listed(place):
                label, _, number = str(row["label"]).rpartition("_")
                if label in known and number.isdigit():
                    self._remove(f"{place}/{quote(str(row['label']), safe='')}")
        for label in sorted(known):
            self._remove(f"{self._place(subject)}/resources/{label}")

    def delete_empty(self, subject: str) -> bool:
        """Delete the sessions of a subject that contain nothing, and then the subject; whether it was deleted."""
        place, left = self._place(subject), 0
        for row in self.listed(f"{place}/experiments"):
            session = f"{place}/experiments/{quote(str(row['label']), safe='')}"
            if any(self.listed(f"{session}/{part}") for part in ("scans", "assessors", "resources")):
                left += 1
            else:
                self._remove(session)
        if left or self.listed(f"{place}/resources"):
            return False
        self._remove(place)
        return True

    def _names(self, subject: str, study: str, series: str) -> set[str]:
        return {str(row["Name"]) for row in self.listed(f"{self._scan(subject, study, series)}/resources/DICOM/files")}

    def _remove(self, where: str) -> None:
        answer = self._ask("DELETE", where, params={"removeFiles": "true"})
        if answer.status_code == 404:
            self._require_project()
            return
        _required(answer, (200, 204))

    def _require_project(self) -> None:
        """Raise StoreUnavailable if the project is not there either: then 404 does not say that something is deleted.

        An XNAT that starts, another address, and an account without rights all give 404.
        """
        if self._ask("GET", f"/data/projects/{self._project}", params={"format": "json"}).status_code != 200:
            what = "The XNAT does not show the project."
            raise StoreUnavailable(what, "Check its address, the project, and the rights of the account.")

    def put_resource(self, subject: str, resource: str, name: str, content: bytes) -> None:
        """Put a file into a resource of a subject, such as a version's provenance."""
        place = self._place(subject)
        _required(self._ask("PUT", place), _MADE)
        where = f"{place}/resources/{label_of(resource)}/files/{name}"
        answer = self._ask("PUT", where, params={"inbody": "true", "overwrite": "true"}, content=content)
        _required(answer, _MADE)

    def session_id(self, subject: str, study_uid: str) -> str:
        """Return XNAT's own ID of a session; raises NotFound if there is none."""
        rows = self.listed(f"{self._place(subject)}/experiments")
        found = next((row["ID"] for row in rows if row["label"] == self._session(subject, study_uid)), None)
        if found is None:
            raise NotFound("The XNAT has no session of this study.", "Send its images first.")
        return str(found)

    def listed(self, where: str, **params: str) -> list[dict[str, Any]]:
        """Return the rows of a listing; empty if its place does not exist in the project."""
        answer = self._ask("GET", where, params={"format": "json", **params})
        if answer.status_code == 404:
            self._require_project()
            return []
        try:
            return list(_required(answer, (200,)).json()["ResultSet"]["Result"])
        except (ValueError, KeyError, TypeError):
            raise StoreUnavailable("The XNAT gave an answer that is no listing.", "Check its address.") from None

    def content(self, where: str) -> bytes:
        """Return the file at a place of the XNAT, such as one that a listing names."""
        if not where.startswith("/data/") or ".." in where:
            raise NotFound("The XNAT names a file at no place of its own.", "Ask its administrator.")
        return _required(self._ask("GET", where), (200,)).content

    @property
    def _subjects(self) -> str:
        return f"/data/projects/{self._project}/subjects"

    def _place(self, subject: str) -> str:
        return f"{self._subjects}/{label_of(subject)}"

    def _make_scan(self, subject: str, study: str, series: str) -> None:
        place = self._place(subject)
        _required(self._ask("PUT", place), _MADE)
        session = f"{place}/experiments/{self._session(subject, study)}"
        kind = {"xsiType": "xnat:otherDicomSessionData", "UID": study}
        _required(self._ask("PUT", session, params=kind), _MADE)
        scan = self._scan(subject, study, series)
        _required(self._ask("PUT", scan, params={"xsiType": "xnat:otherDicomScanData", "UID": series}), _MADE)
        answer = self._ask("PUT", f"{scan}/resources/DICOM", params={"format": "DICOM"})
        _required(answer, (*_MADE, 409))  # 409: it exists already

    @staticmethod
    def _session(subject: str, study: str) -> str:
        """Labels are unique in a project, so that a study that two subjects have needs two."""
        return f"{label_of(subject)}_{label_of(study)}"

    def _scan(self, subject: str, study: str, series: str) -> str:
        session = f"{self._place(subject)}/experiments/{self._session(subject, study)}"
        return f"{session}/scans/{label_of(series)}"

    def _file(self, subject: str, uids: Uids) -> str:
        return f"{self._scan(subject, uids.study, uids.series)}/resources/DICOM/files/{uids.sop}.dcm"

    def _ask(self, method: str, where: str, **more: Any) -> httpx.Response:
        try:
            return self._client.request(method, where, **more)
        except httpx.HTTPError as error:
            raise unreachable("XNAT", error) from None


def label_of(text: str) -> str:
    """Return a text as an XNAT label: letters, digits, '_' and '-'."""
    return "".join(char if char.isascii() and (char.isalnum() or char in "_-") else "_" for char in text)


def _required(answer: httpx.Response, statuses: tuple[int, ...]) -> httpx.Response:
    if answer.status_code not in statuses:
        raise refused("XNAT", answer)
    return answer
