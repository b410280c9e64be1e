"""MONAI Label servers, by their published HTTP API: `GET /info/` and `POST /infer/{model}` with the image and points.

The image goes along with each request as NIfTI; the answer is a label map as NIfTI on the same grid.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import BadSegmentation, NotFound, NotInstalled, Refused
from eci_annotate.imaging.measurements import unit_of
from eci_annotate.imaging.nifti import HEADER, TYPE_CODES, image_file
from eci_annotate.imaging.volume import grid_of
from eci_annotate.repository.assistants.protocol import (
    AssistantModel,
    Prompt,
    PromptKind,
    Proposed,
    filled,
    server_away,
    server_refused,
)

TIMEOUT_S = 120.0
NEAR_MM = 0.01
GZIP, LARGEST_HEADER, LARGEST_VALUE = 31, 1 << 16, 8  # bytes
KINDS = {code: name for name, code in TYPE_CODES.items()}


class MonaiLabel:
    """Assistant at a MONAI Label server; see `Assistant`.

    Parameters
    ----------
    url, model, key
        Where it is, the name of a model, and a bearer token; empty if it needs none.
    """

    def __init__(self, url: str, model: str, key: str = "") -> None:
        try:
            import httpx
        except ImportError as error:
            raise NotInstalled("httpx is not installed.", "Install eci-annotate[assistants].") from error
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=TIMEOUT_S)
        self._model, self._failure = model, httpx.HTTPError

    def describe(self, name: str) -> AssistantModel:
        """See `Assistant`."""
        kind = str(self._info()[1].get("type", ""))
        prompts = (PromptKind.POINT,) if kind in ("deepgrow", "deepedit") else ()
        return AssistantModel(name, f"{name} ({self._model})", prompts)

    def propose(self, volume: xr.DataArray, key: str, prompts: tuple[Prompt, ...]) -> Proposed:
        """See `Assistant`; models that need no points are asked without."""
        version, _ = self._info()
        if unknown := [each.kind for each in prompts if each.kind is not PromptKind.POINT]:
            raise Refused(f"This model understands points, no {unknown[0]}.", "Click instead.")
        image = image_file(filled(volume).transpose("k", "j", "i").values, grid_of(volume), 1, unit=unit_of(volume))
        points = {"foreground": _points(prompts, True), "background": _points(prompts, False)}
        answer = self._sent(
            "POST",
            f"/infer/{self._model}",
            params={"output": "image"},
            data={"params": json.dumps(points)},
            files={"file": ("image.nii.gz", image, "application/gzip")},
        )
        return Proposed(f"monailabel:{self._model}/{version}", read_label_map(answer.content, image))

    def _info(self) -> tuple[str, dict[str, Any]]:
        """Return the version of the server's application, and what it says of the model."""
        info = self._sent("GET", "/info/").json()
        models = info.get("models", {}) if isinstance(info, dict) else {}
        if self._model not in models:
            named = ", ".join(sorted(models)) or "none"
            raise NotFound(f"The server has no model {self._model!r}.", f"The owner can name another; it has {named}.")
        return str(info.get("version", "unknown")), dict(models[self._model])

    def _sent(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._client.request(method, path, **more)
        except self._failure:
            raise server_away() from None
        if answer.status_code != 200:
            raise server_refused(answer.status_code)
        return answer

    def close(self) -> None:
        """See `Assistant`."""
        self._client.close()


def _points(prompts: tuple[Prompt, ...], includes: bool) -> list[list[int]]:
    """Return the points of one kind, in the order of the file's axes (i, j, k)."""
    return [[int(n) for n in each.voxels[0][::-1]] for each in prompts if each.includes is includes]


def read_label_map(content: bytes, sent: bytes) -> NDArray[np.bool_]:
    """Return where the answer of a server is not 0, bool (k, j, i), on the grid of the file (gzip) that was sent.

    Raises
    ------
    BadSegmentation
        If it is no NIfTI file, or on another grid: nothing is resampled without a word.
    """
    wanted = _header(zlib.decompressobj(wbits=GZIP).decompress(sent, struct.calcsize(HEADER)))
    try:
        raw = _inflated(content, LARGEST_HEADER + LARGEST_VALUE * int(np.prod(wanted[0])))
        found = _header(raw)
        shape, kind, start = found[0], np.dtype(f"<{KINDS[found[1]]}"), int(found[2])
        count = int(np.prod(shape))
        values = np.frombuffer(raw, kind, count, start).reshape(shape[::-1])
    except (zlib.error, struct.error, KeyError, ValueError) as error:
        raise BadSegmentation(
            "The model server's answer is no NIfTI image.", "Ask the owner of the project."
        ) from error
    if shape != wanted[0] or not np.allclose(found[3], wanted[3], atol=NEAR_MM):
        raise BadSegmentation("The model server's answer is on another grid.", "Ask the owner of the project.")
    return np.asarray(values) != 0


def _inflated(content: bytes, most: int) -> bytes:
    """Return a file as it was before gzip; ValueError if it is larger than any answer for the image can be."""
    if content[:2] != b"\x1f\x8b":
        return content
    stream = zlib.decompressobj(wbits=GZIP)
    raw = stream.decompress(content, most + 1)
    if len(raw) > most or not stream.eof:
        raise ValueError("larger than the image, or cut off")
    return raw


def _header(raw: bytes) -> tuple[tuple[int, ...], int, float, NDArray[np.float64]]:
    """Return shape (i, j, k), type code, offset of the values, and affine (3, 4) of a NIfTI-1 file."""
    fields = struct.unpack_from(HEADER, raw)
    if fields[0] != 348:
        raise ValueError("not NIfTI-1")
    dim = fields[7:15]
    shape = tuple(int(n) for n in dim[1:4])
    if dim[0] > 3 and any(int(n) > 1 for n in dim[4 : dim[0] + 1]):
        raise ValueError("more than three dimensions")
    code, offset = fields[19], float(fields[30])
    affine = np.array(fields[-14:-2], float).reshape(3, 4)
    return shape, int(code), offset, affine
