"""Contract servers, written from the published APIs of nnInteractive (client 2.6) and MONAI Label (0.8): real HTTP.

What they segment is a ball around each included point, or the line, or the box, so that a test knows the result.
"""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from fastapi import FastAPI, HTTPException, Request
from nnInteractive.inference.remote.serialization import pack_array, unpack_array
from starlette.responses import Response

from eci_annotate.imaging.nifti import HEADER
from tests.ports import free_port
from tests.service.serving_app import running

RADIUS = 4
KINDS = {4: "<i2", 16: "<f4", 2: "<u1", 512: "<u2", 8: "<i4", 64: "<f8"}


def ball(shape: tuple[int, ...], centre: list[int]) -> np.ndarray:
    """Voxels within the radius of a voxel."""
    grid = np.indices(shape)
    return sum((grid[n] - centre[n]) ** 2 for n in range(3)) <= RADIUS**2


@dataclass
class Seen:
    """What a server was sent, and how it fails."""

    images: list[np.ndarray] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    claims: int = 0
    expires: bool = False  # the next request finds the session ended
    fails: int = 0  # status of every prediction; 0: none


class NnInteractiveServer:
    """A server as the published client expects it."""

    def __init__(self, seen: Seen) -> None:
        self.seen, self.lease, self.mask = seen, "", np.zeros((0, 0, 0), np.uint8)
        self.app = FastAPI()
        self.app.post("/claim")(self.claim)
        self.app.get("/capabilities")(self.capabilities)
        self.app.post("/release")(lambda: {})
        for path in ("set_image", "set_target_buffer", "reset_interactions"):
            self.app.post(f"/{path}")(getattr(self, path))
        for kind in ("point", "bbox", "scribble", "lasso"):
            self.app.post(f"/add_{kind}_interaction")(self.adds(kind))

    def claim(self, request: Request) -> dict[str, Any]:
        self.seen.claims += 1
        self.seen.keys.add(request.headers.get("authorization", ""))
        self.lease = f"lease-{self.seen.claims}"
        return {"lease_token": self.lease, "idle_timeout_seconds": 600, "liveness_timeout_seconds": 0}

    def capabilities(self) -> dict[str, Any]:
        kinds = {"points": True, "bbox2d": True, "bbox3d": False, "scribble": True, "lasso": True}
        return {
            "supported_interactions": kinds, "channel_mapping": {}, "num_interaction_channels": 7,
            "supports_initial_label": True, "supports_zero_shot_label_refinement": False,
            "preferred_scribble_thickness": 2, "interaction_decay": 0.9, "inference_session_version": "2",
            "supports_undo": False,
        }  # fmt: skip

    def check(self, request: Request) -> None:
        if self.seen.expires or request.headers.get("x-lease-token") != self.lease:
            self.seen.expires = False
            raise HTTPException(410, "lease expired or unknown")

    async def set_image(self, request: Request) -> dict[str, Any]:
        self.check(request)
        self.seen.images.append(unpack_array(await request.body()))
        return {"original_image_shape": list(self.seen.images[-1].shape)}

    async def set_target_buffer(self, request: Request) -> dict[str, Any]:
        self.check(request)
        self.mask = np.zeros((await request.json())["shape"], np.uint8)
        return {}

    async def reset_interactions(self, request: Request) -> dict[str, Any]:
        self.check(request)
        self.mask[:] = 0
        return {}

    def adds(self, kind: str) -> Any:
        async def add(request: Request) -> Response:
            self.check(request)
            body = await request.body()
            told = json.loads(request.headers.get("x-meta", body))
            match kind:
                case "point":
                    where: Any = ball(self.mask.shape, told["coordinates"])
                case "bbox":
                    where = tuple(slice(a, b) for a, b in told["bbox_coords"])
                case _:
                    told["drawn"] = unpack_array(body)
                    where = told["drawn"] > 0
            self.seen.asked.append((kind, told))
            self.mask[where] = told["include_interaction"]
            return self.answer(told["run_prediction"])

        return add

    def answer(self, run: bool) -> Response:
        if self.seen.fails:
            raise HTTPException(self.seen.fails, "out of memory")
        meta = {"ran_prediction": run, "bbox": [[0, n] for n in self.mask.shape] if run else None}
        return Response(pack_array(self.mask) if run else b"", headers={"X-Meta": json.dumps(meta)})


def monai_app(seen: Seen, shift_mm: float = 0.0) -> FastAPI:
    """A server as its published API states; with a shift its answer is on another grid."""
    app = FastAPI()

    @app.get("/info/")
    def info() -> dict[str, Any]:
        models = {"deepgrow_3d": {"type": "deepgrow", "labels": [], "dimension": 3}, "spleen": {"type": "segmentation"}}
        return {"name": "radiology", "version": "0.8.5", "labels": [], "models": models}

    async def infer(model: str, request: Request) -> Response:
        if seen.fails:
            raise HTTPException(seen.fails, "out of memory")
        assert request.query_params["output"] == "image"
        form = await request.form()
        points, raw = json.loads(str(form["params"])), gzip.decompress(await form["file"].read())
        fields = list(struct.unpack_from(HEADER, raw))
        shape = tuple(fields[8:11])
        seen.images.append(np.frombuffer(raw, KINDS[fields[19]], int(np.prod(shape)), 352).reshape(shape[::-1]))
        seen.asked.append((model, points))
        mask = np.zeros(shape, np.uint8)
        for name, value in (("foreground", 1), ("background", 0)):
            for centre in points[name]:
                mask[ball(shape, centre)] = value
        fields[19], fields[20], fields[55] = 2, 8, fields[55] + shift_mm
        content = struct.pack(HEADER, *fields) + bytes(4) + mask.tobytes(order="F")
        return Response(gzip.compress(content, 1), media_type="application/octet-stream")

    app.post("/infer/{model}")(infer)
    return app


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address of a running server."""
    port = free_port()
    with running(app, port):
        yield f"http://127.0.0.1:{port}"
