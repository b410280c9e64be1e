"""Every use case that is shipped is complete: its form can be answered in full, and series find their slots."""

import copy
import json
from collections.abc import Collection
from typing import Any

import pytest

from eci_annotate.errors import BadAnswers, BadUseCase
from eci_annotate.workflow.series.series_facts import facts_among, facts_of
from eci_annotate.workflow.usecase.answer_check import check_answers
from eci_annotate.workflow.usecase.form import Question
from eci_annotate.workflow.usecase.pipeline import Gate
from eci_annotate.workflow.usecase.usecase import UseCase, forms_folder, shipped_use_case

CASES = sorted(path.parent.name for path in forms_folder().glob("*/usecase.yaml"))


def possible(question: Question, end: int) -> list[Any]:
    """Possible answers: the first (0) or the last (-1) before others."""
    match question.kind:
        case "choice":
            return [value for value, _ in question.choices][:: 1 if end == 0 else -1]
        case "number" | "integer":
            return [question.minimum, question.maximum][:: 1 if end == 0 else -1]
        case "list":
            item = answers(question.questions, end)
            varied = [(each.name, value) for each in question.questions for value in possible(each, end)]
            return [[item], *([item | {name: value}] for name, value in varied if name in item)]
        case "group":
            return [answers(question.questions, end)]
        case "yes-no":
            return [not end, bool(end)]
    return ["words"]


def answers(questions: tuple[Question, ...], end: int) -> dict[str, Any]:
    """Answer each question that is asked; no two answers contradict each other."""
    found: dict[str, Any] = {}
    for each in questions:
        if each.is_asked(found):
            found[each.name] = next(
                value for value in possible(each, end) if not contradicted(questions, found | {each.name: value})
            )
    return found


def agreeing(gate: Gate, slots: Collection[str]) -> dict[str, str]:
    """Answers about a lesion that the slots decide in which it is drawn."""
    return {
        rule.answer: value
        for rule in gate.agrees
        for value, allowed in rule.values
        if not set(slots).isdisjoint(allowed)
    }


def contradicted(questions: tuple[Question, ...], given: dict[str, Any]) -> bool:
    return any(
        stated.holds(given[each.name], given)
        for each in questions
        if each.name in given
        for stated in each.contradictions
    )


@pytest.mark.parametrize("end", [0, -1], ids=["first", "last"])
@pytest.mark.parametrize("name", CASES)
def test_the_form_can_be_answered_in_full_and_needs_what_it_requires(name: str, end: int) -> None:
    case = shipped_use_case(name)
    full = answers(case.questions, end)
    assert check_answers(case.report, full) == full
    needed = [each.name for each in case.questions if each.required and each.name in full]
    for question in needed:
        with pytest.raises(BadAnswers, match="missing"):
            check_answers(case.report, {key: value for key, value in full.items() if key != question})


COLORECTAL: dict[str, Any] = {
    "image_quality": "good", "location": "rectum", "t": "T3", "n": "N1a", "m": "M1a",
    "lesions": [
        {"label": "a", "kind": "node", "size_mm": 9, "confidence": 4},
        {"label": "b", "kind": "metastasis", "organ": "liver", "size_mm": 20, "confidence": 4},
    ],
}  # fmt: skip
HCC: dict[str, Any] = {
    "image_quality": "good", "timing": "after", "treatment": "tace", "mrecist": "PR",
    "lesions": [{"label": "a", "segment": "V", "size_mm": 20, "viable_mm": 12, "response": "viable", "confidence": 4}],
}  # fmt: skip
RECTAL: dict[str, Any] = {
    "image_quality": "good", "timing": "restaging", "t": "T3a", "mrf": "invaded", "emvi": "no", "n": "N0", "trg": "5",
    "restriction": "no", "structures": [],
}  # fmt: skip
BREAST: dict[str, Any] = {
    "image_quality": "good", "density": "a", "bpe": "mild",
    "lesions": [{"label": "a", "side": "left", "kind": "mass", "shape": "oval", "margin": "circumscribed",
                 "enhancement": "rim", "size_mm": 9, "category": "4", "confidence": 4}],
}  # fmt: skip
MAMMOGRAM: dict[str, Any] = {
    "image_quality": "good", "density": "a",
    "lesions": [{"label": "a", "side": "left", "kind": "calcifications", "calcifications": "benign", "category": "2",
                 "confidence": 4}],
}  # fmt: skip
LIVER = {"label": "a", "segment": "V", "size_mm": 12, "aphe": "yes", "washout": "yes", "capsule": "no",
         "restriction": "yes", "hepatobiliary": "hypo", "category": "LR-5", "confidence": 4}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "given", "changed", "title"),
    [
        ("colorectal-ct", COLORECTAL, {"location": "not-seen"}, "T category"),
        ("colorectal-ct", COLORECTAL, {"n": "N0"}, "N category"),
        ("colorectal-ct", COLORECTAL, {"m": "M0"}, "M category"),
        ("liver-mri", {"image_quality": "good", "series_choice": "x", "lesions": [LIVER]},
         {"lesions": [{**LIVER, "aphe": "no"}]}, "Category after LI-RADS"),
        ("liver-mri", {"image_quality": "good", "series_choice": "x", "lesions": [LIVER]},
         {"lesions": [{**LIVER, "size_mm": 8}]}, "Category after LI-RADS"),
        ("rectal-mri", {}, {"mrf_mm": 0.4}, "Mesorectal fascia"),
        ("rectal-mri-restaging", {}, {"mrf_mm": 1}, "Mesorectal fascia"),
        ("hcc-response", {}, {"timing": "after", "treatment": "tace", "mrecist": "CR"}, "Study"),
    ],
)  # fmt: skip
def test_answers_that_contradict_each_other_are_refused_by_name(
    name: str, given: dict[str, Any], changed: dict[str, Any], title: str
) -> None:
    report, questions = shipped_use_case(name).report, shipped_use_case(name).questions
    given = given or answers(questions, 0)
    assert check_answers(report, given)
    with pytest.raises(BadAnswers, match=f"'{title}' is .*, but ") as refused:
        check_answers(report, given | changed)
    assert "Correct one of the two" in refused.value.remedy


@pytest.mark.parametrize(
    ("name", "given", "changed", "title"),
    [
        ("colorectal-ct", COLORECTAL, {"lesions": COLORECTAL["lesions"][1:]}, "N category"),
        ("colorectal-ct", COLORECTAL, {"lesions": COLORECTAL["lesions"][:1]}, "M category"),
        ("colorectal-ct", COLORECTAL, {"lesions": []}, "N category"),
        ("liver-mri", {"image_quality": "good", "series_choice": "x", "lesions": [LIVER]},
         {"lesions": [{**LIVER, "aphe": "not-assessable"}]}, "Category after LI-RADS"),
        ("hcc-response", {**HCC}, {"lesions": [{**HCC["lesions"][0], "viable_mm": 20.1}]}, "of the enhancing part"),
        ("hcc-response", {**HCC}, {"mrecist": "CR"}, "Overall response after mRECIST"),
        ("rectal-mri", {**RECTAL}, {"t": "no-tumour"}, "T category"),
        ("rectal-mri-restaging", {**RECTAL}, {"t": "no-tumour"}, "T category"),
        ("breast-mri", {**BREAST}, {"lesions": [{**BREAST["lesions"][0], "enhancement": "clumped"}]}, "Internal enh"),
        ("breast-mri", {**BREAST}, {"lesions": [{**BREAST["lesions"][0], "category": "1"}]}, "Category after BI-RADS"),
        ("mammography", {**MAMMOGRAM}, {"lesions": [{**MAMMOGRAM["lesions"][0], "category": "1"}]}, "Category after"),
        ("mammography", {**MAMMOGRAM}, {"lesions": [{**MAMMOGRAM["lesions"][0], "category": "5"}]}, "Category after"),
    ],
)  # fmt: skip
def test_answers_that_need_or_exclude_others_are_refused_by_name(
    name: str, given: dict[str, Any], changed: dict[str, Any], title: str
) -> None:
    report = shipped_use_case(name).report
    assert check_answers(report, given)
    with pytest.raises(BadAnswers, match=f"{title}.*' is .*, but "):
        check_answers(report, given | changed)


@pytest.mark.parametrize("value", ["1_0", b"1", 10**400, "1e400", True, [1], "12,5", float("nan")])
def test_what_is_no_number_is_none(value: Any) -> None:
    lesion = {"label": "a", "segment": "V", "size_mm": value, "classification": "cyst", "confidence": 4}
    with pytest.raises(BadAnswers, match="'Longest diameter' is not a number"):
        check_answers(shipped_use_case("liver-ct").report, {"image_quality": "good", "lesions": [lesion]})


def test_an_answer_to_a_question_that_is_not_asked_asks_for_nothing() -> None:
    choice = {"enum": ["yes", "no"]}

    def only(name: str, then: str) -> dict[str, Any]:
        return {"if": {"properties": {name: {"const": "yes"}}, "required": [name]}, "then": {"required": [then]}}

    chain = {"properties": dict.fromkeys("abc", choice), "required": ["a"], "allOf": [only("a", "b"), only("b", "c")]}
    assert check_answers(chain, {"a": "no", "b": "yes", "c": "yes"}) == {"a": "no"}


@pytest.mark.parametrize(
    ("change", "says"),
    [({"of": "sort"}, "'lesions/sort'"), ({"within": "lesion"}, "'lesion/kind'"), ({"is": ["nodes"]}, "'nodes'"),
     ({"answer": ["NO"]}, "'NO'")],
)  # fmt: skip
def test_a_contradiction_that_can_never_be_found_is_not_published(change: dict[str, Any], says: str) -> None:
    definition = copy.deepcopy(json.loads(shipped_use_case("colorectal-ct").blob))
    definition["report"]["properties"]["n"]["x-contradicts"][0].update(change)
    with pytest.raises(BadUseCase, match=says):
        UseCase.from_definition(definition)


def series(uid: str, **header: Any) -> dict[str, Any]:
    return {"series_uid": uid, "slices": 40, **header}


def ct(uid: str, description: str) -> dict[str, Any]:
    return series(uid, Modality="CT", SeriesDescription=description)


def mr(uid: str, description: str, **more: Any) -> dict[str, Any]:
    return series(uid, Modality="MR", SeriesDescription=description, **more)


def mg(uid: str, **header: Any) -> dict[str, Any]:
    values = {"Modality": "MG", **header}
    return {"series_uid": uid, "slices": 1, **values, **facts_of(values.get)}


STUDIES: dict[str, tuple[str, list[dict[str, Any]], dict[str, str]]] = {
    "liver MRI": (
        "liver-mri",
        [
            mr("t2", "T2 HASTE tra"),
            mr("art", "t1_vibe_fs_art"),
            mr("pv", "t1_vibe_fs_portal"),
            mr("hbp", "t1_vibe HBP 20 min"),
            mr("b800", "ep2d_diff, b 800", DiffusionBValue=800.0),
            mr("b50", "ep2d_diff, b 50", DiffusionBValue=50.0),
            mr("adc", "ep2d_diff_ADC"),
        ],
        {"hepatobiliary": "hbp", "portal": "pv", "arterial": "art", "t2": "t2", "dwi": "b800", "adc": "adc"},
    ),
    "rectal MRI": (
        "rectal-mri",
        [
            mr("sag", "t2_tse_sag", plane="sagittal", nearest_plane="sagittal"),
            mr("obl", "t2_tse_obl_hr", plane="oblique"),
            mr("dwi", "DWI, b 1000", DiffusionBValue=1000.0),
            mr("adc", "ADC map"),
        ],
        {"oblique": "obl", "sagittal": "sag", "dwi": "dwi", "adc": "adc"},
    ),
    "mammograms by attributes": (
        "mammography",
        [
            mg("a", ImageLaterality="R", ViewPosition="CC"),
            mg("b", ImageLaterality="L", ViewPosition="MLO"),
            mg("c", ImageLaterality="L", ViewPosition="CC"),
            mg("d", ImageLaterality="R", ViewPosition="MLO"),
        ],
        {"lcc": "c", "lmlo": "b", "rcc": "a", "rmlo": "d"},
    ),
    "mammograms of film": (  # the view stands in PatientOrientation, as in CBIS-DDSM
        "mammography",
        [
            mg("a", Laterality="R", PatientOrientation="CC"),
            mg("b", Laterality="L", PatientOrientation="MLO"),
            mg("c", SeriesDescription="L-CC"),
            mg("d", Laterality="R", ViewCodeSequence=[{"CodeMeaning": "medio-lateral oblique"}]),
        ],
        {"lcc": "c", "lmlo": "b", "rcc": "a", "rmlo": "d"},
    ),
    "breast MRI": (
        "breast-mri",
        [
            mr("dyn2", "Dynamic-3dfgre, phase 2 of 3", TemporalPositionIdentifier=2.0),
            mr("sub", "SUB 1-2"),
            mr("t2", "T2 STIR"),
        ],
        {"subtraction": "sub", "dynamic": "dyn2", "t2": "t2"},
    ),
    "HCC in CT": (
        "hcc-response",
        [ct("a", "Abd arterial 2.0"), ct("p", "portal venous")],
        {"arterial-ct": "a", "portal-ct": "p"},
    ),
    "colorectal CT": (
        "colorectal-ct",
        [ct("lung", "Thorax lung"), ct("abd", "Abdomen pv")],
        {"portal": "abd", "other": "lung"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STUDIES)
def test_series_find_their_slots_with_a_reason(name: str) -> None:
    case, headers, wanted = STUDIES[name]
    hanging = shipped_use_case(case).hang(headers)
    placed = {each.slot: each.series_uid for each in hanging.placed}
    assert {slot: placed.get(slot) for slot in wanted} == wanted
    assert all(each.reasons for each in hanging.placed) and all(each.reasons for each in hanging.left_out)


def test_no_side_is_guessed_for_a_mammogram_that_does_not_say_it() -> None:
    hanging = shipped_use_case("mammography").hang([mg("a", ViewPosition="CC")])
    assert [each.slot for each in hanging.placed] == ["other"] and "Left CC" in str(hanging.missing)


def test_a_series_of_unknown_phase_is_placed_as_such() -> None:
    (placed,) = shipped_use_case("liver-ct").hang([series("a", Modality="CT", SeriesDescription="Abdomen")]).placed
    assert placed.slot == "portal" and "its phase is not known and taken to be the portal-venous one" in placed.reasons
    (known,) = shipped_use_case("liver-ct").hang([series("a", Modality="CT", SeriesDescription="Abdomen pv")]).placed
    assert not any("not known" in reason for reason in known.reasons)


@pytest.mark.parametrize(
    ("names", "places"),
    [
        (["T1 KM 1", "T1 KM 2", "T1 KM 3"], ["2", "3", "4"]),
        (["T1 nativ", "T1 dyn 1", "T1 dyn 2", "T1 dyn 3"], ["native", "2", "3", "4"]),
        (["T1 dyn 1", "T1 dyn 2", "T1 dyn 3"], ["", "", ""]),
        (["T1 dyn 0", "T1 dyn 1", "T1 dyn 2", "T1 dyn 3"], ["1", "2", "3", "4"]),
        (["DIN PRE", "DIN POST 1", "DIN POST 2", "DIN POST 3"], ["native", "2", "3", "4"]),
        (["T1 din basale", "T1 din 1", "T1 din 2", "T1 din 3"], ["native", "2", "3", "4"]),
        (["T1 KM 1st", "T1 KM 2nd", "T1 KM 3rd"], ["2", "3", "4"]),
        (["T1 KM 25", "T1 KM 70", "T1 KM 180"], ["arterial", "portal", "late"]),
        (["T1 KM 15", "T1 KM 30"], ["", ""]),  # flip angles
    ],
)
def test_numbers_count_from_the_agent_only_where_something_says_so(names: list[str], places: list[str]) -> None:
    headers = [{"Modality": "MR", "SeriesDescription": name, "series_uid": name} for name in names]
    assert [each.get("phase") or each.get("dynamic_position", "") for each in facts_among(headers)] == places


def test_the_phase_of_elimination_is_a_late_one_and_that_of_artefacts_none() -> None:
    names = ["F. eliminación 3.0", "Fase de eliminação", "Eliminación de artefactos"]
    headers = [{"Modality": "CT", "SeriesDescription": name, "series_uid": name} for name in names]
    assert [each.get("phase", "") for each in facts_among(headers)] == ["late", "late", ""]


def test_the_last_dynamic_series_is_found_by_the_short_word_of_romance_languages() -> None:
    study = [mr(name, name) for name in ("DIN PRE", "DIN POST 1", "DIN POST 2", "DIN POST 5")]
    placed = {each.slot: each.series_uid for each in shipped_use_case("breast-mri").hang(study).placed}
    assert placed["dynamic"] == "DIN POST 1" and placed["last"] == "DIN POST 5"
