"""Asking a server that the owner allowed: what may be asked is checked here, and connections are kept.

One request at a time goes to each server, since a session there has one image and one set of prompts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import xarray as xr

from eci_annotate.errors import NotFound, Refused, StoreUnavailable
from eci_annotate.repository.assistants.protocol import Assistant, Prompt, PromptKind, Proposed

MOST_PROMPTS, MOST_POINTS = 100, 5000
LEAST_POINTS = {PromptKind.POINT: 1, PromptKind.SCRIBBLE: 1, PromptKind.LASSO: 3, PromptKind.BOX: 2}
_connections: dict[Any, tuple[Assistant, Lock]] = {}
_opening = Lock()


def assistant_names(root: Path, project: str) -> list[str]:
    """Return the names of the servers that may be asked in a project."""
    from eci_annotate.repository.assistants.assistant_servers import servers_of

    return [each.name for each in servers_of(root, project)]


def ask_assistant(
    root: Path,
    project: str,
    name: str,
    key: str,
    prompts: tuple[Prompt, ...],
    volume_of: Callable[[], xr.DataArray],
) -> Proposed:
    """Return what a server of a project proposes.

    Parameters
    ----------
    root
        Folder of the repository.
    project, name
        The project, and the name of the server in it.
    key
        Names the volume, its content included.
    prompts
        Voxels of the volume.
    volume_of
        Gives the volume; called only if the owner allowed the server.

    Raises
    ------
    NotFound
        The owner allowed no such server.
    Refused
        Prompts that cannot be asked, or that the server refuses.
    StoreUnavailable
        The server does not answer.
    """
    from eci_annotate.repository.assistants.assistant_servers import connect_assistant, servers_of

    server = next((each for each in servers_of(root, project) if each.name == name), None)
    if server is None:
        raise NotFound("This model is not set up for the project.", "Ask the project's owner.")
    volume = volume_of()
    check_prompts(prompts, tuple(volume.sizes[dim] for dim in "kji"))
    with _opening:
        kept = (root, server)
        if kept not in _connections:
            _connections[kept] = connect_assistant(server), Lock()
        assistant, lock = _connections[kept]
    with lock:
        found = assistant.propose(volume, key, prompts)
    if found.mask.shape != tuple(volume.sizes[dim] for dim in "kji"):
        raise StoreUnavailable("The model server's answer has another size.", "Ask the owner of the project.")
    return found


def check_prompts(prompts: tuple[Prompt, ...], shape: tuple[int, ...]) -> None:
    """Refuse prompts that are none, too many, or outside the images."""
    if not prompts or not any(each.includes for each in prompts):
        raise Refused("The model needs at least one point inside.", "Click on the lesion.")
    if len(prompts) > MOST_PROMPTS or any(len(each.voxels) > MOST_POINTS for each in prompts):
        raise Refused("These are too many prompts.", "Press Escape and begin again.")
    for each in prompts:
        if len(each.voxels) < LEAST_POINTS[each.kind]:
            raise Refused(f"A {each.kind} has too few points.", "Draw it again.")
        if any(not 0 <= n < size for voxel in each.voxels for n, size in zip(voxel, shape, strict=True)):
            raise Refused("A prompt is outside the images.", "Press Escape and begin again.")
