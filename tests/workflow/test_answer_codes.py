"""Codes of choices: those that are shipped exist, mistyped ones are found, and each choice says whether it has one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.sr._concepts_dict import concepts

from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.usecase.answer_code import AnswerCode, code_findings, is_well_formed
from eci_annotate.workflow.usecase.form_check import question_schemas
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case, shipped_use_cases

# not in PS3.16; each is in several published value sets
ELSEWHERE = {"SCT:109841003", "SCT:94381002", "SCT:93469006"}
PS3_16 = {f"{scheme}:{value}" for scheme, words in concepts.items() for found in words.values() for value in found}


def options_of(case: UseCase) -> Iterator[dict[str, Any]]:
    for _, question in question_schemas(case.report):
        yield from question.get("oneOf", [])


@pytest.mark.parametrize("name", shipped_use_cases())
def test_each_choice_of_a_shipped_form_has_a_known_code_or_says_none(name: str) -> None:
    options = list(options_of(shipped_use_case(name)))
    assert options and all("x-code" in option for option in options)
    codes = [option["x-code"] for option in options if option["x-code"] != "none"]
    assert len(codes) > 5
    unknown = [code for code in codes if f"{code['scheme']}:{code['value']}" not in PS3_16 | ELSEWHERE]
    assert unknown == []


def test_the_codes_of_ps3_16_are_well_formed() -> None:
    for scheme, least in (("SCT", 5000), ("LN", 300), ("RADLEX", 60)):
        codes = {value for found in concepts[scheme].values() for value in found}
        good = sum(is_well_formed(AnswerCode(scheme, value, "")) for value in codes)
        assert good > least and len(codes) - good < 10  # the dictionary has some that are mistyped


def test_one_changed_digit_is_found() -> None:
    for scheme, value in (("SCT", "109841003"), ("SCT", "71133005"), ("LN", "29474-4")):
        assert is_well_formed(AnswerCode(scheme, value, ""))
        for place, digit in enumerate(value):
            for other in set("0123456789") - {digit} if digit.isdigit() else ():
                changed = f"{value[:place]}{other}{value[place + 1 :]}"
                assert not is_well_formed(AnswerCode(scheme, changed, "")), changed


def test_two_swapped_digits_of_snomed_ct_are_found() -> None:
    assert not is_well_formed(AnswerCode("SCT", "108941003", ""))


def option(const: str, code: Any = None) -> dict[str, Any]:
    return {"const": const, "title": const.upper()} | ({"x-code": code} if code else {})


LIVER = {"scheme": "SCT", "value": "10200004", "meaning": "Liver"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([option("a", LIVER), option("b")], "'B' states none"),
        ([option("a", LIVER), option("b", LIVER)], "twice"),
        ([option("a", {**LIVER, "value": "10200014"})], "no code of SCT"),
        ([option("a", LIVER), option("b", "none")], ""),
        ([option("a"), option("b")], ""),
    ],
)
def test_problems_of_codes_are_named(options: list[dict[str, Any]], said: str) -> None:
    found = [what for what, _ in code_findings("Organ", options)]
    assert [said in what for what in found] == [True] * bool(said)


def test_a_use_case_with_a_mistyped_code_is_refused() -> None:
    definition = json.loads(shipped_use_case("liver-ct").blob)
    option = definition["report"]["properties"]["image_quality"]["oneOf"][0]
    option["x-code"] = {**LIVER, "value": "10200014"}
    with pytest.raises(BadUseCase, match="'Image quality' has '10200014'"):
        UseCase.from_definition(definition)


def test_a_question_gives_the_code_of_an_answer() -> None:
    quality = shipped_use_case("liver-ct").questions[0]
    code = quality.code_of("good")
    assert code == AnswerCode("RADLEX", "RID12", "Diagnostic quality") and str(code) == "RADLEX:RID12"
    assert quality.code_of("unknown") is None
