"""Use case, form, hanging, codec: data in, checked data out; the form agrees with jsonschema."""

from __future__ import annotations

import json
import shutil
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eci_annotate.errors import BadAnswers, BadUseCase, NoIdentity, Tampered
from eci_annotate.workflow.codec import canonical, from_json, stamp, to_json
from eci_annotate.workflow.subject.commands import COMMANDS, Start
from eci_annotate.workflow.subject.lease import Lease, to_minute
from eci_annotate.workflow.trust.rsa_keys import PrivateKey
from eci_annotate.workflow.usecase.answer_check import check_answers
from eci_annotate.workflow.usecase.json_schema import validator_of
from eci_annotate.workflow.usecase.usecase import UseCase, forms_folder, shipped_use_case
from tests.counts import examples

CASE = shipped_use_case("liver-ct")
LESION = {"label": "lesion 1", "segment": "IVa", "size_mm": 12.5, "classification": "cyst", "confidence": 4}


def report(**changed: Any) -> dict[str, Any]:
    return {"image_quality": "good", "lesions": [{**LESION, **changed}]}


def test_questions_come_in_the_order_of_the_file() -> None:
    assert [q.name for q in CASE.questions] == ["image_quality", "quality_reason", "lesions", "comment"]
    lesion = CASE.questions[2].questions
    assert [q.kind for q in lesion] == ["text", "choice", "number", "choice", "text", "integer"]
    assert lesion[0].link == "annotation" and lesion[2].unit == "mm"
    assert [value for value, _ in lesion[1].choices][3:5] == ["IVa", "IVb"]


def test_a_question_is_asked_under_its_condition_only() -> None:
    other = next(q for q in CASE.questions[2].questions if q.name == "other")
    assert other.is_asked({"classification": "other"}) and not other.is_asked({"classification": "hcc"})
    assert check_answers(CASE.report, report(other="left over")) == report()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"size_mm": "wide"}, "'Lesion' 1, 'Longest diameter' is not a number. Give a number."),
        ({"size_mm": float("nan")}, "'Lesion' 1, 'Longest diameter' is not a number. Give a number."),
        ({"size_mm": 4000}, "'Lesion' 1, 'Longest diameter' is too large. It is at most 400 mm."),
        ({"confidence": 2.5}, "'Lesion' 1, 'Confidence' is not a whole number. Give a whole number."),
        ({"confidence": True}, "'Lesion' 1, 'Confidence' is not a whole number. Give a whole number."),
        ({"confidence": 0}, "'Lesion' 1, 'Confidence' is too small. It is at least 1."),
        ({"classification": "other"}, "'Lesion' 1, 'Which other' is missing. Answer this question."),
        ({"label": "  "}, "'Lesion' 1, 'Label' is missing. Answer this question."),
        ({"label": "x" * 65}, "'Lesion' 1, 'Label' has 65 characters. It takes at most 64."),
        ({"segment": "IX"}, "is not one of the choices. Choose I, II, III"),
        ({"colour": "red"}, "Unknown question 'Lesion' 1, 'colour'. Use the names of the form."),
    ],
)
def test_what_does_not_fit_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(BadAnswers) as caught:
        check_answers(CASE.report, report(**changed))
    assert said in str(caught.value)


def test_answers_become_typed() -> None:
    assert check_answers(CASE.report, report(size_mm="12.5", confidence="4", label=" lesion 1 ")) == report()
    assert check_answers(CASE.report, {"image_quality": "good", "lesions": []}) == {
        "image_quality": "good",
        "lesions": [],
    }
    with pytest.raises(BadAnswers, match="'Image quality' is missing"):
        check_answers(CASE.report, {})


JSON = st.one_of(st.none(), st.booleans(), st.integers(-5, 500), st.floats(), st.text(max_size=5), st.just([]))
MAYBE = st.one_of(JSON, st.sampled_from(["other", "hcc", "IVb", "good", "poor", "3", 3, 4.0]))
LESIONS = st.dictionaries(st.sampled_from([*LESION, "other", "extra"]), MAYBE, max_size=7).map(
    lambda changed: {**LESION, **changed}
)
RAW = st.fixed_dictionaries(
    {"image_quality": st.one_of(st.just("good"), MAYBE), "lesions": st.one_of(st.lists(LESIONS, max_size=3), MAYBE)},
    optional={"quality_reason": MAYBE, "comment": MAYBE, "strange": MAYBE},
)


@pytest.mark.soak
@settings(max_examples=examples(300, 5000), deadline=None)
@given(RAW)
def test_what_is_accepted_fits_the_schema(raw: dict[str, Any]) -> None:
    try:
        typed = check_answers(CASE.report, raw)
    except BadAnswers:
        assert not validator_of(CASE.report).is_valid(raw) or _is_blank(raw)
        return
    validator_of(CASE.report).validate(typed)
    assert check_answers(CASE.report, typed) == typed


def _is_blank(raw: Any) -> bool:
    """Blank texts fit a schema but answer nothing; NaN fits a range there."""
    text = json.dumps(raw)
    return any(not v.strip() for v in _texts(raw)) or "NaN" in text or "Infinity" in text


def _texts(raw: Any) -> list[str]:
    if isinstance(raw, dict):
        return [text for each in raw.values() for text in _texts(each)]
    if isinstance(raw, list):
        return [text for each in raw for text in _texts(each)]
    return [raw] if isinstance(raw, str) else []


def header(uid: str, **fields: Any) -> dict[str, Any]:
    return {"series_uid": uid, "Modality": "CT", "slices": 60, "SliceThickness": 5.0, **fields}


def test_hanging_places_by_rules_and_says_why() -> None:
    plain, portal = header("1"), header("2", SeriesDescription="Abdomen Portal venous")
    hanging = CASE.hang([header("3", slices=1), plain, {"series_uid": "4", "Modality": "SR", "slices": 1}, portal])
    assert [(each.slot, each.series_uid) for each in hanging.placed] == [("portal", "2"), ("other", "1")]
    assert hanging.first == "2" and hanging.planes == ("axial", "sagittal", "coronal")
    assert "its description names the portal-venous phase" in hanging.placed[0].reasons
    why = {each.series_uid: each.reasons for each in hanging.left_out}
    assert why["3"][0] == "not 'Portal-venous CT': it has fewer than four slices"
    assert why["4"][0] == "not 'Portal-venous CT': it is no CT"


def test_nothing_to_hang_is_said() -> None:
    hanging = CASE.hang([])
    assert hanging.first is None and hanging.missing[0] == "No series fits 'Portal-venous CT'."


def test_a_use_case_is_one_blob() -> None:
    again = UseCase.from_blob(CASE.blob)
    assert again == CASE and again.digest == CASE.digest
    assert [task.name for task in again.pipeline] == ["ingest", "annotate", "review"]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("usecase.yaml", "kind: annotate", "kind: paint", "usecase, tasks/1/kind"),
        ("usecase.yaml", "after: [ingest]", "after: [review]", "'annotate' needs 'review', which is not before it"),
        ("usecase.yaml", "roles: [annotator]", "roles: [painter]", "There is no role 'painter'"),
        ("usecase.yaml", "tasks:", "tasks: [", "usecase.yaml cannot be read"),
        ("hanging.yaml", "layout: three-plane", "layout: wall", "hanging, layout"),
        ("report.json", '"minLength": 1', '"minLength": -1', "report"),
        ("report.json", '"additionalProperties": false', '"additionalProperties": true', "report"),
    ],
)
def test_a_bad_use_case_is_named(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    folder = Path(shutil.copytree(forms_folder() / "liver-ct", tmp_path / "case"))
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(BadUseCase) as caught:
        UseCase.from_folder(folder)
    assert said in str(caught.value)


def test_a_missing_file_and_an_unknown_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadUseCase, match=r"usecase\.yaml is missing"):
        UseCase.from_folder(tmp_path)
    with pytest.raises(BadUseCase, match=r"Available are breast-mri.*liver-ct"):
        shipped_use_case("brain")


def test_one_value_has_one_spelling() -> None:
    assert canonical({"b": 1, "a": ["é", None]}) == '{"a":["é",null],"b":1}'.encode()
    when = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=1)))
    assert stamp(when) == "2026-01-01T00:30:00.000000Z" and to_minute(when) == "2026-01-01 00:30"
    with pytest.raises(ValueError, match="JSON"):
        canonical(float("nan"))


@given(st.text(), st.text(), st.integers(), st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_dataclasses_come_back(holder: str, session: str, fence: int, until: datetime) -> None:
    lease = Lease(holder, session, fence, until)
    assert from_json(Lease, json.loads(canonical(to_json(lease)))) == lease


@pytest.mark.parametrize("damage", [{}, {"fence": "1"}, {"until": "soon"}, {"more": 1}, None, []])
def test_a_damaged_value_is_refused(damage: Any) -> None:
    whole = to_json(Lease("a", "b", 1, datetime(2026, 1, 1, tzinfo=UTC)))
    value = {**whole, **damage} if damage else damage
    with pytest.raises(Tampered):
        from_json(Lease, value)


def test_commands_have_stored_names_and_no_actor() -> None:
    assert from_json(Start, to_json(Start("p", "s", "t"))) == Start("p", "s", "t")
    assert all(not {"user", "actor", "by"} & {each.name for each in fields(kind)} for kind in COMMANDS.values())


def test_a_key_is_kept_as_pem_and_shows_nothing() -> None:
    key = PrivateKey.generate(2048)
    again = PrivateKey.from_pem(key.to_pem())
    assert again.fingerprint == key.fingerprint and again.sign("ab") == key.sign("ab")
    assert repr(key) == f"PrivateKey({key.fingerprint[:12]})"
    with pytest.raises(NoIdentity):
        PrivateKey.from_pem(b"no key")
