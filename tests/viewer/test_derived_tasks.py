"""A derived task: the service copies what was drawn onto another series, signs it with its own key, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.errors import BadUseCase, FrameMismatch, Refused
from eci_annotate.repository.admin.create import add_member, create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.repository.admin.new_project import publish
from eci_annotate.repository.derivation.copy_annotations import _copied
from eci_annotate.repository.derivation.service_tasks import DerivedTasks
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.signed import Signed
from eci_annotate.repository.verify_export import verify_exported
from eci_annotate.tools import to_line
from eci_annotate.workflow.actor import SERVICE_MEMBER
from eci_annotate.workflow.subject.commands import AddMember, ChangeUseCase
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
    copy = ruth.signed(S, "copy", 2)
    assert copy.event.basis["annotate"] == 2 and len(copy.annotations()) == 1, "the copy of version 1 is not in it"
    ruth.start(S, "review").sign("I looked at it", verdict="accept")
    assert {(each.task, each.version) for each in ruth.signed_versions(accepted=True)} == {("annotate", 2), ("copy", 2)}
    assert DerivedTasks(local(open(folder)).context).step() == 0, "nothing is left"


def test_where_nothing_fits_it_says_so_and_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world(tmp_path, SUB_1={})
    annotated(as_member(monkeypatch, folder, "anna"))
    ruth = as_member(monkeypatch, folder, "ruth")
    copy = ruth.signed(S, "copy", 1)
    assert copy.annotations() == [] and copy.meaning.endswith("No series fits: nothing was copied.")
    ruth.start(S, "review").sign("I looked at it", verdict="accept")


def frames(repo: Repository) -> tuple[str, str]:
    """Frames of reference of the first and of the last subtraction."""
    series = {each.description: each.header for study in repo.studies(S) for each in study.series}
    return str(series["SUB 1"]["FrameOfReferenceUID"]), str(series["SUB 3"]["FrameOfReferenceUID"])


def test_another_frame_of_reference_needs_a_registration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world(tmp_path, SUB_1={}, SUB_3={"FrameOfReferenceUID": "2.25.99"})
    annotated(as_member(monkeypatch, folder, "anna"))
    copy = as_member(monkeypatch, folder, "ruth").signed(S, "copy", 1)
    assert copy.annotations() == [] and "lesion 1 was not copied" in copy.meaning


def test_a_registration_is_used_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = world(tmp_path, SUB_1={}, SUB_3={"FrameOfReferenceUID": "2.25.99"})
    owner = as_member(monkeypatch, folder, "olga")
    moving, fixed = frames(owner)
    lines = ["#Insight Transform File V1.0", "Transform: TranslationTransform_double_3_3"]
    text = "\n".join([*lines, "Parameters: 10 0 0", "FixedParameters:"]).encode()
    kind = f"text/x-itk-transform; fixed={fixed}; moving={moving}"
    layer = owner.attach(S, "motion", text, kind)
    case = with_registration(owner.use_case(), "motion")
    publish(local(owner), P, case)
    owner.backend.do(ChangeUseCase(P, S, case.digest, case.pipeline, "a registration"))
    source = annotated(as_member(monkeypatch, folder, "anna"))
    copy = as_member(monkeypatch, folder, "ruth").signed(S, "copy", 1)
    assert copy.meaning.startswith(
        f"Copied by the service from version 1 of annotate, with the registration {layer.digest[:12]}."
    )
    (drawn,), (copied,) = source.annotations(), copy.annotations()
    assert copied.frame_uid == fixed != drawn.frame_uid
    grids = (eci.grid_of(source.volume(drawn.series_uid)), eci.grid_of(copy.volume(copied.series_uid)))
    before, after = (middle(each, grid) for each, grid in zip((drawn, copied), grids, strict=True))
    np.testing.assert_allclose(after - before, (-10, 0, 0), atol=0.1)


def test_a_box_needs_a_registration_too() -> None:
    grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (3, 1, 1), (4, 8, 8), "1.2.4")
    volume = eci.volume_from_array(np.zeros(grid.shape, np.int16), grid, series_uid="1.9")
    box = eci.Box((3, 4, 5), (2, 2, 2), label="lesion 1", series_uid="1.8", frame_uid="1.2.3")
    with pytest.raises(FrameMismatch):
        _copied(box, volume, None)
    shift = np.eye(4)
    shift[0, 3] = 1
    moved, remark = _copied(box, volume, eci.Registration("1.2.3", "1.2.4", shift))
    assert isinstance(moved, eci.Box) and not remark
    assert (moved.centre_lps, moved.frame_uid, moved.series_uid) == ((4, 4, 5), "1.2.4", "1.9")


def middle(annotation: eci.Mask, grid: eci.Grid) -> np.ndarray:
    return np.asarray(grid.reference_from_image(np.argwhere(annotation.voxels_on(grid)).mean(0)))


def with_registration(case: UseCase, layer: str) -> UseCase:
    """The use case, whose copies use the registration in a data layer."""
    definition = json.loads(case.blob)
    definition["usecase"]["tasks"][2]["copies"]["registration"] = layer
    return UseCase.from_definition(definition)


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
    definition = json.loads(shipped_use_case(P).blob)
    tasks = definition["usecase"]["tasks"]
    tasks[2] |= change
    with pytest.raises(BadUseCase, match=why):
        UseCase.from_definition(definition)
