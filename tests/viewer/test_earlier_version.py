"""A task that is shown with the signed version of an earlier one: outlines on their own series, answers beside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from eci_annotate.errors import BadUseCase
from eci_annotate.viewer.workbench import Workbench
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case
from tests.repository.repository_world import lines
from tests.viewer.study_world import repository_of
from tests.viewer.test_study_checks import S, report

CASE = "rectal-mri-restaging"


def dated(day: str) -> dict[str, object]:
    uid = generate_uid(entropy_srcs=["study", day])
    return {"Modality": "MR", "StudyDate": day, "StudyInstanceUID": uid, "FrameOfReferenceUID": f"{uid}.1"[:64]}


def test_the_baseline_is_shown_at_restaging(tmp_path: Path) -> None:
    series = {"t2_tse_obl_hr before": dated("20240101"), "t2_tse_obl_hr after": dated("20240701")}
    repo = repository_of(tmp_path, CASE, series)
    before = repo.start(S, "baseline")
    assert before.hanging().placed[0].title == "Oblique T2, before", "the task of the baseline opens on it"
    assert before.earlier() is None and Workbench(before).report.earlier == []
    before.answer(report(repo, "tumour"))
    before.save(lines(before, "tumour"))
    before.sign("I drew it")
    after = repo.start(S, "restaging")
    bench = Workbench(after)
    (side,), (shown,) = bench.report.earlier, bench.report.eyes
    assert side.title == "Draw the tumour before therapy, version 1" and bench.controller.painter.others == [side.layer]
    assert [each.description.split(":")[0] for each in shown.lesions] == ["tumour"]
    (uid,) = side.easel.table.objects
    assert bench.hanging.placed[0].title == "Oblique T2"
    there = side.easel.table.objects[uid].series_uid
    elsewhere = next(each for each in (p.series_uid for p in bench.hanging.placed) if each != there)
    bench._turn_to(elsewhere)
    shown.lesions[0].click()
    assert bench.controller.easel.table.series_uid == there
    assert bench.controller.easel.table.objects == {}, "what was signed is shown, and is not part of this work"
    shown.eye.value = False
    assert not side.layer.shown
    offered = [each.description for each in bench.report.form.group.parts["structures"].heard.children]  # type: ignore
    assert offered == ["tumour (Draw the tumour before therapy, version 1)"], "the label is kept by a click"


@pytest.mark.parametrize(("after", "match"), [(["ingest"], "does not come after it"), (["baseline"], "not before it")])
def test_what_is_shown_has_to_come_before(after: list[str], match: str) -> None:
    definition = json.loads(shipped_use_case(CASE).blob)
    task = definition["usecase"]["tasks"][2]
    task["after"] = after
    task["beside"] = "baseline" if after == ["ingest"] else "nowhere"
    with pytest.raises(BadUseCase, match=match):
        UseCase.from_definition(definition)
