"""`fuse` in a hanging protocol: which series is laid over that of a slot, and where it is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eci_annotate.viewer.stage.layouts import of_stage
from eci_annotate.viewer.stage.sections.colour_maps import COLOUR_MAPS
from eci_annotate.workflow.usecase.hanging import hang
from eci_annotate.workflow.usecase.json_schema import validator_of
from eci_annotate.workflow.usecase.protocol_stages import COLOURS, Aim, Fuse
from eci_annotate.workflow.usecase.protocol_words import explain

SCHEMA = json.loads((Path(__file__).parents[2] / "forms" / "schema" / "hanging.schema.json").read_text())


def rule(value: str) -> dict[str, Any]:
    return {"field": "Modality", "is": value, "why": f"it is {value}", "else": f"it is no {value}"}


PROTOCOL: dict[str, Any] = {
    "layout": "three-plane",
    "planes": ["axial"],
    "require": [{"field": "slices", "at_least": 4, "why": "it has slices"}],
    "slots": [
        {
            "name": "ct",
            "title": "CT",
            "require": [rule("CT")],
            "fuse": {"require": [rule("PT")], "opacity": 0.6, "colours": "hot-iron", "window": [5, 10]},
        }
    ],
    "stages": [
        {"name": "both", "title": "Both", "grid": [[{"slot": "ct", "fuse": False}, {"slot": "ct"}]]},
        {
            "name": "three",
            "title": "Three planes",
            "grid": [[{"slot": "ct", "plane": plane} for plane in ("axial", "sagittal", "coronal")]],
        },
    ],
}


def series(uid: str, modality: str, frame: str, slices: int = 9) -> dict[str, Any]:
    return {"series_uid": uid, "Modality": modality, "slices": slices, "FrameOfReferenceUID": frame}


CT, OTHER, PET = series("1", "CT", "9.1"), series("2", "PT", "9.2"), series("3", "PT", "9.1", slices=2)


def test_the_protocol_fits_its_schema_which_knows_the_colour_maps() -> None:
    validator_of(SCHEMA).validate(PROTOCOL)
    assert SCHEMA["$defs"]["fuse"]["properties"]["colours"]["enum"] == list(COLOUR_MAPS) and COLOURS in COLOUR_MAPS
    wrong = {**PROTOCOL, "slots": [{**PROTOCOL["slots"][0], "fuse": {"colours": "rainbow"}}]}
    assert not validator_of(SCHEMA).is_valid(wrong)


def test_one_of_the_same_frame_of_reference_is_fused_with_its_reason() -> None:
    hanging = hang(PROTOCOL, [CT, OTHER, PET])
    fuse = hanging.placed[0].fuse
    assert fuse == Fuse("3", 0.6, "hot-iron", (5, 10), ("it is PT",))
    assert {each.series_uid: each.reasons for each in hanging.left_out}["3"] == ("shown in colour over 'CT'",)
    (_, words), *_ = explain(hanging, {"1": "a CT", "2": "a PET", "3": "its PET"})
    assert "Over it, in colour, its PET: it is PT." in words


def test_a_cell_shows_it_unless_it_says_otherwise() -> None:
    both, three = hang(PROTOCOL, [CT, PET]).stages
    assert [cell.fuse is None for cell in of_stage(both).cells] == [True, False]
    assert all(cell.fuse and cell.fuse.series_uid == "3" for cell in of_stage(three).cells)


def test_an_oblique_cell_says_how_it_is_turned() -> None:
    cells = [
        {"slot": "ct", "plane": "oblique", "normal": [0, 1, 1], "right": [1, 0, 0]},
        {"slot": "ct", "plane": "oblique", "like": "pet"},
        {"slot": "ct", "plane": "axial"},
    ]
    slots = [*PROTOCOL["slots"], {"name": "pet", "title": "PET", "require": [rule("PT")]}]
    protocol = {**PROTOCOL, "slots": slots, "stages": [{"name": "turned", "title": "Turned", "grid": [cells]}]}
    validator_of(SCHEMA).validate(protocol)
    (stage,) = hang(protocol, [CT, OTHER]).stages
    found = [cell.aim for cell in of_stage(stage).cells]
    assert found == [Aim((0, 1, 1), (1, 0, 0)), Aim(series_uid="2"), None]


def test_without_a_fitting_series_nothing_is_fused() -> None:
    hanging = hang(PROTOCOL, [CT])
    assert hanging.placed[0].fuse is None and all(c.fuse is None for s in hanging.stages for c in of_stage(s).cells)
