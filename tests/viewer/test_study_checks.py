"""Statements about slots and series, from the panel to the signed version and into the next one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eci_annotate.errors import Refused
from eci_annotate.imaging.annotations import Box
from eci_annotate.repository.repository import Repository
from eci_annotate.viewer.stage.messages import look
from eci_annotate.viewer.version_page import VersionPage
from eci_annotate.viewer.workbench import Workbench
from tests.repository.repository_world import lines
from tests.viewer.study_world import repository_of
from tests.workflow.test_use_cases import answers

MR = {"Modality": "MR"}
ADC = {"Modality": "MR", "ImageType": ["DERIVED", "PRIMARY", "ADC"]}
LIVER = {"t1_vibe_fs_portal": MR, "T2 HASTE tra": MR, "ep2d_diff_ADC": ADC}
S = "ECI_KAU_S0001"


@pytest.fixture(scope="module")
def liver(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return repository_of(tmp_path_factory.mktemp("liver"), "liver-mri", LIVER)


def report(repo: Repository, label: str) -> dict[str, Any]:
    """A complete report of one lesion."""
    full = answers(repo.use_case().questions, 0)
    (lesions,) = [name for name, value in full.items() if isinstance(value, list)]
    full[lesions] = [full[lesions][0] | {"label": label}]
    return full


def look_at(bench: Workbench, point: Any) -> None:
    """As if the crosshair were there."""
    bench.controller.focus = tuple(float(x) for x in point)  # type: ignore[assignment]


def test_a_box_is_signed_when_it_was_looked_at_on_every_series(liver: Repository) -> None:
    task = liver.start(S, "annotate")
    task.answer(report(liver, "lesion 1"))
    task.save(lines(task))
    bench = Workbench(task)
    checks, easel = bench.report.checks, bench.controller.easel
    box = checks.boxes["lesion 1"]
    with pytest.raises(Refused, match="not a series to check"):
        checks.tick_here()
    unseen = checks.unseen(box)
    assert len(unseen) == 2 and easel.table.series_uid not in unseen
    faults = [each.description for each in bench.report.form.faults.children]  # type: ignore[union-attr]
    assert sum("is not checked on" in each for each in faults) == 2
    with pytest.raises(Refused, match="is not checked on"):
        bench._sign("I checked", "", "", "")
    checks.next.click()
    assert [each.message for each in bench.controller.turn_to(unseen[0])] == [look(series=unseen[0])]  # type: ignore
    assert easel.table.series_uid == unseen[0] and checks.titles[unseen[0]] in checks.said.value
    look_at(bench, [1000, 0, 0])
    checks.tick.click()
    assert "not on the screen" in checks.said.value and checks.unseen(box) == unseen
    look_at(bench, box.centre_lps)
    frames = {bench.controller.panes.series(cell.name): cell.name for cell in bench.controller.panes.layout.cells}
    bench.controller.active_pane = frames[box.series_uid]  # the reader went to another pane: nothing is ticked there
    checks.tick.click()
    assert "not a series to check" in checks.said.value and checks.unseen(box) == unseen
    bench.controller.active_pane = frames[unseen[0]]
    checks.tick.click()
    assert checks.said.value == f"Seen on {checks.titles[unseen[0]]}." and checks.unseen(box) == unseen[1:]
    slot = next(each.slot for each in bench.hanging.placed if each.series_uid == unseen[1])
    checks.reasons[slot].value = "not usable: motion"
    assert checks.unseen(box) == []
    signed = bench._sign("I checked", "", "", "")
    (shown,) = VersionPage(signed, task.studies(), "300px").widget.children[1].children[0].children[-1:]
    assert "not available: not usable: motion" in shown.value and "checked on" in shown.value
    (stated,) = signed.content("checks")
    assert json.loads(stated)["unavailable"] == {slot: "not usable: motion"}
    assert list(json.loads(stated)["seen"]["lesion 1"]) == unseen[:1]

    again = liver.start(S, "annotate", rerun=True)
    assert Workbench(again).report.checks.unseen(box) == [], "the next version begins with what was stated"
    again.release()


def test_a_box_that_changed_is_looked_at_again(liver: Repository) -> None:
    task = liver.start(S, "annotate", rerun=True)
    bench = Workbench(task)
    checks = bench.report.checks
    (uid,) = bench.controller.easel.table.objects
    box = checks.boxes["lesion 1"]
    assert checks.unseen(box) == []
    longer = Box(
        box.centre_lps, (box.size_mm[0] + 1, *box.size_mm[1:]), box.axes_lps, label=box.label,
        series_uid=box.series_uid, frame_uid=box.frame_uid, uid=uid,
    )  # fmt: skip
    assert len(checks.unseen(longer)) == 1
    bench.report.close()
    assert checks.tick.disabled and all(each.disabled for each in checks.reasons.values())
    task.release()
