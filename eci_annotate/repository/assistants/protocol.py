"""The waist of assistants: a volume and prompts in, a proposed mask out, which a person accepts or discards.

Prompts are in voxels of the volume (k, j, i); so is the mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from eci_annotate.errors import Refused, StoreUnavailable

Voxel = tuple[int, int, int]


class PromptKind(StrEnum):
    """What a prompt is."""

    POINT = "point"
    SCRIBBLE = "scribble"  # a line through the object
    LASSO = "lasso"  # a closed line around it, on one slice
    BOX = "box"  # two opposite corners


@dataclass(frozen=True)
class Prompt:
    """One prompt.

    Attributes
    ----------
    kind
        What it is.
    voxels
        Its points (k, j, i), in order; of a box the lowest and the highest voxel.
    includes
        Whether it is in the object; otherwise in the background.
    """

    kind: PromptKind
    voxels: tuple[Voxel, ...]
    includes: bool = True


@dataclass(frozen=True)
class AssistantModel:
    """A model that can be asked.

    Attributes
    ----------
    name, title
        Its name here, and what users read.
    prompts
        Kinds of prompts that it understands.
    """

    name: str
    title: str
    prompts: tuple[PromptKind, ...]


@dataclass(frozen=True, eq=False)
class Proposed:
    """What a model proposes.

    Attributes
    ----------
    source
        Model and version, as the journal keeps them: ``name/version``.
    mask
        Bool (k, j, i), on the grid of the volume.
    """

    source: str
    mask: NDArray[np.bool_]


def filled(volume: xr.DataArray) -> xr.DataArray:
    """Return a volume whose padding is its lowest value: a model knows no voxels without a value."""
    empty = volume.isnull() if volume.dtype.kind == "f" else None
    return volume if empty is None or not empty.any() or empty.all() else volume.fillna(volume.min())


def server_refused(status: int) -> Refused:
    """Return what is raised when a server refuses a request."""
    what = f"The model server refused the request (status {status})."
    return Refused(what, "Ask the owner of the project to look at its log.")


def server_away() -> StoreUnavailable:
    """Return what is raised when a server cannot be reached."""
    return StoreUnavailable("The model server cannot be reached.", "Draw without it, or ask again later.")


class Assistant(Protocol):
    """A model somewhere."""

    def describe(self, name: str) -> AssistantModel:
        """Return what it understands, under the name that it has here; StoreUnavailable if it does not answer."""

    def propose(self, volume: xr.DataArray, key: str, prompts: tuple[Prompt, ...]) -> Proposed:
        """Return a proposal; `key` names the volume, so that it need not be sent twice."""

    def close(self) -> None:
        """End the connection."""
