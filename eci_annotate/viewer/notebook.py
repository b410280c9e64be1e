"""Entry points for notebooks: `annotate(task)` for work under a lease, `show(volume)` for viewing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from eci_annotate.errors import FrameMismatch
from eci_annotate.imaging.annotations import Annotation, Mask
from eci_annotate.imaging.registration.registration import Registration
from eci_annotate.imaging.volume import series_uid_of
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.protocol import FULL, Object, Paint
from eci_annotate.viewer.open_task import OpenTask
from eci_annotate.viewer.stage.controller import Controller
from eci_annotate.viewer.stage.stage import Stage
from eci_annotate.workflow.usecase.protocol_stages import Fuse

if TYPE_CHECKING:
    import ipywidgets

    from eci_annotate.repository.task import Signed, Task

FUSED = "fused"  # stands for the UID of a volume that has none of its own
READ_ONLY = "These images are read-only; start a task to annotate."


def annotate(task: Task, *, height: str = "72vh", registrations: Sequence[Registration] = ()) -> ipywidgets.Widget:
    """Work on a task: data browser and form on the left, linked panes on the right; saved while you draw.

    Parameters
    ----------
    task
        Task from `repo.start(...)`.
    height
        CSS height of the panes.
    registrations
        From `eci.read_registration`, besides those that came with the subject (`task.registrations()`): series of these
        frames of reference can be fused, and annotations of one are shown on the other.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eci_annotate as eci
    >>> folder = Path(tempfile.mkdtemp())
    >>> files = eci.write_phantom(folder / "dicom", "tiny")
    >>> key = eci.create_repository(folder / "demo", project="liver-ct", member="anna", site="KAU")
    >>> repo = eci.open(folder / "demo")
    >>> imported = eci.import_folders(repo.backend, [folder / "dicom"], project="liver-ct", site="KAU")
    >>> widget = eci.annotate(repo.start("ECI_KAU_S0001", "annotate"))
    """
    return OpenTask(task, height, registrations=registrations).widget


def show(
    volume: xr.DataArray,
    annotations: Sequence[Annotation] = (),
    *,
    fuse: xr.DataArray | None = None,
    registrations: Sequence[Registration] = (),
    editable: bool = False,
    height: str = "72vh",
) -> Stage:
    """Show a volume, and annotations on it, in three linked panes.

    Parameters
    ----------
    volume
        Any volume (k, j, i).
    annotations
        Annotations in the same frame of reference.
    fuse
        Another volume, laid over it in colour by patient position. J switches it off and on.
    registrations
        Maps between frames of reference, for a volume to fuse that has another one.
    editable
        Enable the tools; nothing is saved anywhere.

    Raises
    ------
    FrameMismatch
        If an annotation is in another frame of reference.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> folder = tempfile.mkdtemp()
    >>> files = eci.write_phantom(folder, "tiny")
    >>> ct = eci.load_series(folder)
    >>> widget = eci.show(ct, [eci.Mask.from_volume(ct > 200, label="bone")])
    >>> widget = eci.show(ct, fuse=ct[::2, ::3, ::3])
    """
    uid = series_uid_of(volume)
    over = FUSED if fuse is None or series_uid_of(fuse) in ("", uid) else series_uid_of(fuse)
    easel = Easel(lambda wanted: fuse if fuse is not None and wanted == over else volume)
    easel.show(uid)
    for annotation in annotations:
        _hang(easel, annotation, volume)
    if editable:
        easel.warm_up()
    controller = Controller(easel, why_not="" if editable else READ_ONLY)
    if fuse is not None:
        controller.panes.overlays.registrations = registrations
        controller.panes.overlays.titles = {over: str(fuse.name or "Fused volume")}
        controller.panes.arrange(controller.panes.layout.lay("", Fuse(over)))
    return Stage(controller, height=height)


def replay(signed: Signed, *, height: str = "72vh") -> ipywidgets.Widget:
    """Watch how a signed version was drawn: play, step and speed, with the images in linked panes.

    Parameters
    ----------
    signed
        The version.
    height
        CSS height of the panes.

    Raises
    ------
    Refused
        If nothing was drawn, steps are missing, or its reader is hidden from you.

    Examples
    --------
    >>> import tempfile
    >>> import eci_annotate as eci
    >>> from eci_annotate.demo.rehearsal import rehearse
    >>> folder = tempfile.mkdtemp()
    >>> key = eci.create_repository(f"{folder}/demo", project="liver-ct", member="anna", site="KAU")
    >>> signed = rehearse(eci.open(f"{folder}/demo"), kind="tiny", project="liver-ct")
    >>> widget = eci.replay(signed)
    """
    from eci_annotate.viewer.replay_player import ReplayPlayer

    return ReplayPlayer(signed, height).widget


def _hang(easel: Easel, annotation: Annotation, volume: xr.DataArray) -> None:
    """Add a finished annotation to the easel; masks become fields on the volume's grid."""
    grid = easel.table.grid
    if annotation.frame_uid and annotation.frame_uid != grid.frame_of_reference_uid:
        raise FrameMismatch(
            f"Annotation {annotation.label!r} is in another frame of reference than this volume.",
            "Show it on a series of its own frame of reference.",
        )
    series = series_uid_of(volume)
    if isinstance(annotation, Mask):
        paint = Paint(
            label=annotation.label, colour=annotation.colour, uid=annotation.uid,
            frame_uid=grid.frame_of_reference_uid, series_uid=series,
        )  # fmt: skip
        easel.table.history.place(paint, annotation.voxels_on(grid).astype(np.uint16) * np.uint16(FULL))
        return
    thing: Object = replace(annotation, series_uid=series)  # type: ignore[assignment]
    easel.table.history.place(thing)
