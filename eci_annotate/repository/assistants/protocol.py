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


class Assistant(Protocol):
    """A model somewhere."""

    def describe(self, name: str) -> AssistantModel:
        """Return what it understands, under the name that it has here; StoreUnavailable if it does not answer."""

    def propose(self, volume: xr.DataArray, key: str, prompts: tuple[Prompt, ...]) -> Proposed:
        """Return a proposal; `key` names the volume, so that it need not be sent twice."""

    def close(self) -> None:
        """End the connection."""
