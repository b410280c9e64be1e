"""A derived task: the service copies what was drawn onto another series, signs it with its own key, and says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.errors import BadUseCase, Refused
from eci_annotate.repository.admin.create import add_member, create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.derivation.service_tasks import DerivedTasks
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.signed import Signed
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.tools import to_line
from eci_annotate.workflow.actor import SERVICE_MEMBER
from eci_annotate.workflow.subject.commands import AddMember
from eci_annotate.workflow.usecase.usecase import UseCase, shipped_use_case
from tests.repository.repository_world import anchor, as_member, local
from tests.viewer.study_world import write_study
from tests.viewer.test_every_use_case import SUB, S, drawing
from tests.workflow.test_use_cases import answers

P = "breast-mri"
MISSING = {"unavailable": {"t2": "not acquired", "adc": "not acquired"}}


def world(root: Path, **series: dict[str, object]) -> Path:
    """A repository with one study of these series, an annotator and a reviewer."""
    write_study(root / "dicom", {name.replace("_", " "): {**SUB, **more} for name, more in series.items()})
    create_repository(root / "repository", project=P, member="olga", site="KAU")
    owner = open(root / "repository")
    for member, role in (("anna", "annotator"), ("ruth", "reviewer")):
        add_member(owner, find(root / "repository"), member, project=P, roles=(role,), site="KAU")
    import_folders(owner.backend, [root / "dicom"], project=P, site="KAU", accept_identified=True)
    return root / "repository"


def annotated(repo: Repository, *, rerun: bool = False) -> Signed:
    """Paint a lesion on the first subtraction, answer, and sign."""
    task = repo.start(S, "annotate", rerun=rerun)
    full = answers(repo.use_case().questions, 0)
    full["lesions"] = [full["lesions"][0] | {"label": "lesion 1"}]
    if not rerun:
        task.save([to_line(each) for each in drawing(task, (("smartpaint", "subtraction"),), "lesion 1")])
    task.answer(full, MISSING)
    signed = task.sign("I drew and checked it")
    assert isinstance(signed, Signed)
    return signed


def test_the_service_copies_and_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world(tmp_path, SUB_1={}, SUB_3={"PixelSpacing": [5.5, 4.5]})
    source = annotated(as_member(monkeypatch, folder, "anna"))
    ruth = as_member(monkeypatch, folder, "ruth")
    copy = ruth.signed(S, "copy", 1)
    assert (copy.event.by, copy.event.factor) == (SERVICE_MEMBER, "service")
    assert copy.meaning == "Copied by the service from version 1 of annotate." and copy.event.basis["annotate"] == 1
    (painted,), (copied,) = source.annotations(), copy.annotations()
    assert copied.label == painted.label == "lesion 1" and copied.series_uid != painted.series_uid
    volume = copy.volume(copied.series_uid)
    grid, wanted = eci.grid_of(volume), eci.map_onto(painted, volume).mask
    assert wanted.voxels.any()
    np.testing.assert_array_equal(copied.voxels_on(grid), wanted.voxels_on(grid))
    review = ruth.start(S, "review")
    shown = review.earlier()
    assert shown is not None and (shown.task, shown.version) == ("copy", 1), "the review shows it"
    review.sign("I looked at it", verdict="accept")
    assert {each.task for each in ruth.signed_versions(accepted=True)} == {"annotate", "copy"}, "it follows its source"
    copy.export(tmp_path / "out")
    assert all(check.passed for check in verify_exported(tmp_path / "out", [anchor(folder)]))
    assert as_member(monkeypatch, folder, "olga").verify().passed


def test_a_new_version_is_copied_again_and_a_rejected_one_counts_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world(tmp_path, SUB_1={}, SUB_3={})
    annotated(as_member(monkeypatch, folder, "anna"))
    ruth = as_member(monkeypatch, folder, "ruth")
    ruth.start(S, "review").sign("I looked at it", verdict="reject", reason="too small")
    assert list(ruth.signed_versions()) == []
    annotated(as_member(monkeypatch, folder, "anna"), rerun=True)
    ruth = as_member(monkeypatch, folder, "ruth")
    assert [each.version for each in ruth.versions(S, "copy")] == [1, 2]
    assert ruth.signed(S, "copy", 2).event.basis["annotate"] == 2
    ruth.start(S, "review").sign("I looked at it", verdict="accept")
    assert {(each.task, each.version) for each in ruth.signed_versions(accepted=True)} == {("annotate", 2), ("copy", 2)}
    assert DerivedTasks(local(open(folder)).rooms).step() == 0, "nothing is left"


def test_where_nothing_fits_it_says_so_and_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world(tmp_path, SUB_1={})
    annotated(as_member(monkeypatch, folder, "anna"))
    ruth = as_member(monkeypatch, folder, "ruth")
    copy = ruth.signed(S, "copy", 1)
    assert copy.annotations() == [] and copy.meaning.endswith("No series fits: nothing was copied.")
    ruth.start(S, "review").sign("I looked at it", verdict="accept")


def test_another_frame_of_reference_needs_a_registration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world(tmp_path, SUB_1={}, SUB_3={"FrameOfReferenceUID": "2.25.99"})
    annotated(as_member(monkeypatch, folder, "anna"))
    copy = as_member(monkeypatch, folder, "ruth").signed(S, "copy", 1)
    assert copy.annotations() == [] and "lesion 1 was not copied" in copy.meaning


def test_no_person_has_the_services_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world(tmp_path, SUB_1={})
    owner = as_member(monkeypatch, folder, "olga")
    with pytest.raises(Refused, match="service's own"):
        owner.backend.do(AddMember(P, "eve", "KAU", ("service",), "", ("*",)))
    with pytest.raises(Refused, match="needs the role service"):
        owner.start(S, "copy")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"roles": ["annotator"]}, "must be of kind derive"),
        ({"copies": {"source": ["nowhere"], "target": ["last"]}}, "'nowhere'"),
        ({"of": "ingest", "after": ["ingest"]}, "no drawing of one reader"),
        ({"form": "report"}, "without tools or a form"),
    ],
)
def test_a_wrong_definition_is_named(change: dict[str, object], why: str) -> None:
    import json

    definition = json.loads(shipped_use_case(P).blob)
    tasks = definition["usecase"]["tasks"]
    tasks[2] |= change
    with pytest.raises(BadUseCase, match=why):
        UseCase.from_definition(definition)
