"""nnInteractive servers, through the client that its authors publish (nninteractive-client, without torch).

The image is sent once for a series; each request then resets the prompts and sends all of them again, so that a
proposal follows from its prompts alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import NotInstalled, StoreUnavailable
from eci_annotate.repository.assistants.line_masks import lasso_mask, scribble_mask
from eci_annotate.repository.assistants.protocol import (
    AssistantModel,
    Prompt,
    PromptKind,
    Proposed,
    filled,
    server_away,
    server_refused,
)

T = TypeVar("T")
# what the capabilities of a server call these; without a word about it a server is asked anyway
NAMES = {
    PromptKind.POINT: ("points", "point"),
    PromptKind.SCRIBBLE: ("scribble", "scribbles"),
    PromptKind.LASSO: ("lasso",),
    PromptKind.BOX: ("bbox2d", "bbox3d", "bbox"),
}
FLAT = "bbox2d"


def _client() -> Any:
    try:
        from nnInteractive.inference.remote import remote_session
    except ImportError as error:
        raise NotInstalled("nninteractive-client is not installed.", "Install eci-annotate[assistants].") from error
    return remote_session


class NnInteractive:
    """Assistant at an nnInteractive server; see `Assistant`.

    Parameters
    ----------
    url, key
        Where it is, and its key; empty if it needs none.
    """

    def __init__(self, url: str, key: str = "") -> None:
        self._client, self._where = _client(), (url, key or None)
        self._session: Any = None
        self._shown = ""

    def describe(self, name: str) -> AssistantModel:
        """See `Assistant`."""
        known = self._asked(lambda session: dict(session.supported_interactions))
        kinds = tuple(kind for kind, words in NAMES.items() if any(known.get(word) for word in words))
        return AssistantModel(name, f"{name} (nnInteractive)", kinds or tuple(NAMES))

    def propose(self, volume: xr.DataArray, key: str, prompts: tuple[Prompt, ...]) -> Proposed:
        """See `Assistant`."""
        values = volume.transpose("k", "j", "i")

        def ask(session: Any) -> Proposed:
            target = self._show(session, values, key)
            for number, prompt in enumerate(prompts, 1):
                self._add(session, prompt, target.shape, number == len(prompts))
            return Proposed(f"nninteractive/{session.INFERENCE_SESSION_VERSION}", target > 0)

        return self._asked(ask)

    def _show(self, session: Any, values: xr.DataArray, key: str) -> NDArray[np.uint8]:
        """Have the image at the server, and no prompts."""
        if self._shown != key:
            spacing = [float(np.diff(values[dim].values[:2])[0]) if values.sizes[dim] > 1 else 1.0 for dim in "kji"]
            session.set_image(np.asarray(filled(values).values, np.float32)[None], {"spacing": spacing})
            self._shown = key
        target = np.zeros(values.shape, np.uint8)
        session.set_target_buffer(target)
        session.reset_interactions()
        return target

    def _add(self, session: Any, prompt: Prompt, shape: tuple[int, ...], last: bool) -> None:
        match prompt.kind:
            case PromptKind.POINT:
                session.add_point_interaction(prompt.voxels[0], prompt.includes, run_prediction=last)
            case PromptKind.SCRIBBLE:
                session.add_scribble_interaction(scribble_mask(prompt.voxels, shape), prompt.includes, last)
            case PromptKind.LASSO:
                session.add_lasso_interaction(lasso_mask(prompt.voxels, shape), prompt.includes, last)
            case PromptKind.BOX:
                session.add_bbox_interaction(self._box(session, prompt), prompt.includes, last)

    def _box(self, session: Any, prompt: Prompt) -> list[list[int]]:
        """Return half-open bounds; those of the middle slice for a server that knows flat boxes only."""
        low, high = np.array(prompt.voxels[:2])
        if session.supported_interactions.get(FLAT) and not session.supported_interactions.get("bbox3d"):
            low, high = low.copy(), high.copy()
            low[0] = high[0] = (low[0] + high[0]) // 2
        return [[int(a), int(b) + 1] for a, b in zip(low, high, strict=True)]

    def _asked(self, act: Callable[[Any], T]) -> T:
        """Ask in a session that is open; one that the server ended is opened again, once."""
        import httpx

        for again in (True, False):
            try:
                return act(self._open())
            except self._client.SessionExpiredError:
                self._forget()
                if not again:
                    raise StoreUnavailable("The model server ended the session.", "Ask again.") from None
            except self._client.ServerAtCapacityError:
                raise StoreUnavailable("The model server is busy.", "Ask again in a minute.") from None
            except httpx.HTTPStatusError as error:
                raise server_refused(error.response.status_code) from None
            except httpx.HTTPError:
                self._forget()
                raise server_away() from None
        raise AssertionError("the last try returned or raised")

    def _open(self) -> Any:
        if self._session is None:
            url, key = self._where
            self._session = self._client.nnInteractiveRemoteInferenceSession(url, key)
        return self._session

    def _forget(self) -> None:
        self.close()
        self._session, self._shown = None, ""

    def close(self) -> None:
        """See `Assistant`."""
        if self._session is not None:
            self._session.close()
