"""A stand-in for XNAT, written from its published REST interface: an XNAT itself does not install here.

It follows wiki.xnat.org/xnat-api (Subject, Image Session, Image Scan and Resource API) and `/xapi/roi` of the OHIF
plugin: what is not created is 404, a file goes in with `inbody=true`, listings are `ResultSet.Result`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

USER, PASSWORD = "eci", "secret"
_SUBJECT = r"/data/projects/(?P<project>[\w-]+)/subjects/(?P<subject>[\w-]+)"
_SCAN = _SUBJECT + r"/experiments/(?P<session>[\w-]+)/scans/(?P<scan>[\w-]+)"
_SESSIONS = r"/data/projects/[\w-]+/experiments|/data/experiments/E_[\w-]+/scans(/[\w-]+/resources/DICOM/files(/.*)?)?"
_FILE = r"/files/(?P<file>[\w.-]+)"


@dataclass
class Xnat:
    """What it keeps, by path."""

    project: str = "eci"
    made: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    collections: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    refuses: int = 0
    hidden: bool = False  # as to an account without rights

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes) -> Response:
        if self.refuses:
            self.refuses -= 1
            return Response(status_code=503)
        if self.hidden:
            return Response(status_code=404)
        if path == f"/data/projects/{self.project}":
            return JSONResponse({"items": []})
        for pattern, handle in (
            (_SUBJECT + r"(/resources/[\w-]+)?" + _FILE, self._file),
            (_SCAN + r"/resources/DICOM" + _FILE, self._file),
            (r"/xapi/roi/projects/[\w-]+/sessions/(?P<id>E_[\w-]+)/collections/(?P<label>[\w-]+)", self._roi),
            (_SUBJECT + r"/experiments|" + _SCAN.replace("?P<", "?P<x_") + r"/resources/DICOM/files", self._list),
            (_SESSIONS, self._sessions),
            (_SUBJECT + r"/resources(/[\w-]+)?", self._resources),
            (_SUBJECT + r"/experiments/(?P<session>[\w-]+)/(scans|resources|assessors(/[\w-]+)?)", self._inside),
            (_SUBJECT + r"(/experiments/[\w-]+(/scans/[\w-]+(/resources/DICOM)?)?)?", self._place),
        ):
            if re.fullmatch(pattern, path):
                return handle(method, path, query, body)
        return Response(status_code=404)

    def _parent(self, path: str) -> bool:
        """Whether what a path lies in was made: the project is, the rest must be put before."""
        parent = path.rsplit("/", 2)[0]
        return parent == f"/data/projects/{self.project}" or parent in self.made

    def _place(self, method: str, path: str, query: dict[str, str], body: bytes) -> Response:
        if method == "DELETE":
            if path not in self.made:
                return Response(status_code=404)
            self.made = {each for each in self.made if each != path and not each.startswith(f"{path}/")}
            self.files = {name: each for name, each in self.files.items() if not name.startswith(f"{path}/")}
            if "/scans/" not in path:
                gone = f"E_{path.rsplit('/', 1)[-1]}"
                self.collections = {k: v for k, v in self.collections.items() if not f"{k[0]}_".startswith(f"{gone}_")}
            return Response(status_code=200)
        if method != "PUT" or not self._parent(path):
            return Response(status_code=404)
        if path in self.made and path.endswith("/resources/DICOM"):
            return Response(status_code=409)
        types = {5: "xnat:otherDicomSessionData", 7: "xnat:otherDicomScanData"}  # abstract types cannot be created
        wanted = types.get(len(path.split("/")) - 3)
        if wanted and query.get("xsiType") != wanted:
            return Response(status_code=400)
        known = path in self.made
        self.made.add(path)
        return Response(path.rsplit("/", 1)[-1], 200 if known else 201)

    def _file(self, method: str, path: str, query: dict[str, str], body: bytes) -> Response:
        place = path.rsplit("/files/", 1)[0]
        if method == "PUT":
            inside = place in self.made or (place.rsplit("/resources/", 1)[0] in self.made and "/scans/" not in place)
            if not inside or query.get("inbody") != "true":
                return Response(status_code=404 if not inside else 400)
            if path in self.files and query.get("overwrite") != "true":
                return Response(status_code=409)
            self.files[path] = body
            return Response(status_code=200)
        if path not in self.files:
            return Response(status_code=404)
        if method == "DELETE":
            del self.files[path]
            return Response(status_code=200)
        return Response(self.files[path], media_type="application/dicom")

    def _list(self, method: str, path: str, query: dict[str, str], body: bytes) -> Response:
        if path.endswith("/experiments"):
            inside = sorted(each for each in self.made if re.fullmatch(re.escape(path) + r"/[\w-]+", each))
            rows = [{"ID": f"E_{each.rsplit('/', 1)[-1]}", "label": each.rsplit("/", 1)[-1]} for each in inside]
        else:
            rows = [{"Name": name.rsplit("/", 1)[-1]} for name in self.files if name.startswith(f"{path}/")]
        return JSONResponse({"ResultSet": {"Result": rows, "totalRecords": str(len(rows))}})

    def _resources(self, method: str, path: str, query: dict[str, str], body: bytes) -> Response:
        """Resources of a subject."""
        inside = {name for name in self.files if name.startswith(f"{path}/")}
        if method == "DELETE":
            self.files = {name: each for name, each in self.files.items() if name not in inside}
            return Response(status_code=200 if inside else 404)
        labels = sorted({name.removeprefix(f"{path}/").split("/")[0] for name in inside})
        return _rows([{"label": label} for label in labels])

    def _inside(self, method: str, path: str, query: dict[str, str], body: bytes) -> Response:
        """Scans, resources and assessors of a session; ROI collections are assessors."""
        session, _, rest = path.partition("/experiments/")[2].partition("/")
        kind, _, label = rest.partition("/")
        if kind == "assessors" and method == "DELETE":
            return Response(status_code=200 if self.collections.pop((f"E_{session}", label), None) else 404)
        scans = [each.rsplit("/", 1)[-1] for each in self.made if re.fullmatch(re.escape(path) + r"/[\w-]+", each)]
        labels = [name for where, name in self.collections if where == f"E_{session}"]
        found = {"scans": scans, "assessors": labels, "resources": []}[kind]
        return _rows([{"ID": each, "label": each} for each in sorted(found)])

    def _sessions(self, method: str, path: str, query: dict[str, str], body: bytes) -> Response:
        """Sessions of the project, and what is in one, by its ID."""
        session = r"/data/projects/[\w-]+/subjects/[\w-]+/experiments/[\w-]+"
        ids = {f"E_{each.rsplit('/', 1)[-1]}": each for each in sorted(self.made) if re.fullmatch(session, each)}
        if not path.startswith("/data/experiments/"):
            return _rows([{"ID": key, "label": key[2:], "date": ""} for key in ids])
        key, _, rest = path.removeprefix("/data/experiments/").partition("/")
        place = f"{ids.get(key, '')}/{rest}"
        if place in self.files:
            return Response(self.files[place], media_type="application/dicom")
        if rest == "scans":
            return _rows(
                [{"ID": each.rsplit("/", 1)[-1]} for each in self.made if re.fullmatch(place + r"/[\w-]+", each)]
            )
        names = [name.rsplit("/", 1)[-1] for name in self.files if name.startswith(f"{place}/")]
        return _rows([{"Name": name, "URI": f"{path}/{name}"} for name in names])

    def _roi(self, method: str, path: str, query: dict[str, str], body: bytes) -> Response:
        session, label = path.split("/")[6], path.split("/")[8]
        if method != "PUT" or query.get("type") not in ("RTSTRUCT", "SEG"):
            return Response(status_code=400)
        if (session, label) in self.collections and query.get("overwrite") != "true":
            return Response(status_code=409)
        self.collections[session, label] = (query["type"], body)
        return Response(status_code=200)


def _rows(rows: list[dict[str, str]]) -> Response:
    return JSONResponse({"ResultSet": {"Result": rows, "totalRecords": str(len(rows))}})


def xnat_app(xnat: Xnat) -> FastAPI:
    """The stand-in as an application."""
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "PUT", "DELETE"])
    async def handle(request: Request) -> Response:
        from base64 import b64encode

        if request.headers.get("authorization") != f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}":
            return Response(status_code=401)
        return xnat.answer(request.method, request.url.path, dict(request.query_params), await request.body())

    return app
