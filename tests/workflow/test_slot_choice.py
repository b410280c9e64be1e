"""Rules that choose a series by its traits, and a member's own choices: pure, on headers."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from eci_annotate.workflow.slot_choice import (
    HangingChoice,
    chosen_series,
    traits_in_words,
    traits_of,
    with_chosen,
    with_rule,
)
from eci_annotate.workflow.usecase.hanging import hang
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def header(uid: str, description: str, **more: Any) -> dict[str, Any]:
    return {"series_uid": uid, "slices": 80, "Modality": "CT", "SeriesDescription": description, **more}


STUDY = [header("1", "Abdomen portal 1mm", SliceThickness=1), header("2", "Abdomen portal"), header("3", "arteriell")]


def placed(definition: dict[str, Any], study: list[dict[str, Any]] = STUDY) -> dict[str, str]:
    return {each.slot: each.series_uid for each in UseCase.from_definition(definition).hang(study).placed}


def definition() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shipped_use_case("liver-ct").blob)
    return found


def test_a_rule_holds_against_requirements_and_earlier_slots() -> None:
    assert placed(definition()) == {"portal": "1", "arterial": "3", "other": "2"}
    traits = traits_of(STUDY[0])
    assert traits_in_words(traits) == "Modality CT, SeriesDescription 'Abdomen portal 1mm', phase portal"
    new = with_rule(definition(), "late", traits, "the project chose it")
    assert placed(new) == {"portal": "2", "arterial": "3", "late": "1"}  # though no late phase, and first in portal
    (late,) = (each for each in UseCase.from_definition(new).hang(STUDY).placed if each.slot == "late")
    assert late.reasons == ("the project chose it",)


def test_a_rule_moves_to_another_slot_and_changes_nothing_else() -> None:
    before, traits = definition(), traits_of(STUDY[0])
    first = with_rule(before, "late", traits, "a")
    again = with_rule(first, "native", traits, "b")
    assert placed(again)["native"] == "1" and "late" not in placed(again)
    assert before == definition()
    for slot in again["hanging"]["slots"]:
        slot.pop("choose", None)
    assert again == before


def test_studies_without_such_a_series_hang_as_before() -> None:
    new = with_rule(definition(), "late", traits_of(STUDY[0]), "a")
    other = [header("8", "Abdomen portal"), header("9", "Leber spät")]
    assert placed(new, other) == placed(definition(), other)


def test_a_choice_for_the_subject_comes_before_one_for_studies_like_it_and_the_newest_counts() -> None:
    alike = HangingChoice("anna", NOW, "S1", "2", "portal", traits_of(STUDY[1]))
    older = HangingChoice("anna", NOW - timedelta(days=1), "S1", "1", "portal", traits_of(STUDY[0]))
    here = HangingChoice("anna", NOW - timedelta(days=9), "S1", "3", "portal")
    assert chosen_series([alike, older], "S1", STUDY) == {"portal": "2"}
    assert chosen_series([alike, older, here], "S1", STUDY) == {"portal": "3"}
    assert chosen_series([alike, older, here], "S2", STUDY) == {"portal": "2"}
    assert chosen_series([here], "S2", STUDY) == {}


def test_what_is_chosen_changes_panes_and_nothing_that_signing_asks_for() -> None:
    before = hang(definition()["hanging"], STUDY)
    after = with_chosen(before, {"portal": "2"})
    assert (after.placed, after.choices, after.left_out) == (before.placed, before.choices, before.left_out)
    shown = {cell.slot: cell.series_uid for stage in after.stages for row in stage.rows for cell in row}
    assert shown["portal"] == "2" and shown["arterial"] == "3" and after.first == "2"
    assert copy.deepcopy(before) == before
