"""The whole path of a task: worklist, lease, draft, signature, tables, review, next version; as a notebook does it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.decoder.volume_content import content_of
from eci_annotate.dicom.rtstruct.read import read_rtstruct
from eci_annotate.errors import (
    BadAnswers,
    LeaseLost,
    NoIdentity,
    NotARepository,
    NotFound,
    Refused,
)
from eci_annotate.repository import task as handles
from eci_annotate.repository.admin.create import add_member
from eci_annotate.repository.backend import SubjectQuery
from eci_annotate.repository.keys.repository_folder import find
from eci_annotate.repository.local.subject_cards import FORMAT
from eci_annotate.repository.local.volumes import volume_files
from eci_annotate.repository.local.volumes.volume_files import VolumeFiles
from eci_annotate.repository.repository import Repository
from eci_annotate.repository.task import Signed
from eci_annotate.store.cards import Card, CardQuery
from eci_annotate.store.folder.access_store import AccessLog
from eci_annotate.workflow.subject.commands import Describe, Seal, Start
from eci_annotate.workflow.trust.seals import START, Manifest
from tests.repository.repository_world import ANSWERS, MEANING, Clock, P, S, as_member, lines, local, open_at


def sign(repo: Repository, *, rerun: bool = False, drawn: bool = True) -> Signed:
    task = repo.start(S, "annotate", project=P, rerun=rerun)
    if drawn:
        task.save(lines(task))
    task.answer(ANSWERS)
    return task.sign(meaning=MEANING)


def test_a_worklist_has_only_what_can_be_started(repo: Repository) -> None:
    table = repo.worklist()
    assert table[["project", "subject", "task", "status", "version"]].values.tolist() == [
        [P, S, "annotate", "ready", 1]
    ]
    repo.start(S, "annotate")
    assert repo.worklist()["status"].tolist() == ["yours"]
    (other,) = eci.open(local(repo).context.layout.root).worklist().itertuples()
    assert (other.status, other.remark) == ("yours", "open in another of your sessions: start with take_over=True")


def test_what_is_drawn_is_signed_and_comes_back(repo: Repository, tmp_path: Path) -> None:
    signed = sign(repo)
    assert (signed.version, signed.reader, signed.report) == (1, "anna", ANSWERS)
    table = repo.annotations(project=P, signed=True)
    assert table.index.names == ["project", "subject", "task", "reader", "version", "uid"]
    assert table.index.tolist() == [(P, S, "annotate", "anna", 1, "u1")]
    lesion = repo.annotation(table.index[0])
    volume = repo.volume(lesion.series_uid)
    assert table["volume_mm3"].iloc[0] == pytest.approx(lesion.volume_mm3)
    assert bool(lesion.mask_on(volume).any())
    assert repo.verify(signed).passed
    files = {path.name.split("v0001_")[1]: path for path in signed.export(tmp_path / "out")}
    assert set(files) == {
        "rtstruct_1.dcm",
        "sr_1.dcm",
        "report.json",
        "annotations.json",
        "instances.json",
        "fidelity.json",
        "provenance.json",
        "active_time.json",
        "measurements.json",
    }
    (read,) = read_rtstruct(files["rtstruct_1.dcm"])
    assert (read.label, read.colour) == ("lesion 1", (255, 0, 0))
    assert np.array_equal(read.mask_on(volume), lesion.mask_on(volume))
    assert json.loads(files["provenance.json"].read_text())["version"]["seal"] == signed.seal


def test_derived_objects_lie_in_the_study_itself(repo: Repository) -> None:
    sign(repo)
    (study,) = repo.studies(S)
    assert [(series.modality, series.instances) for series in study.series] == [("CT", 8), ("RTSTRUCT", 1), ("SR", 1)]


def test_a_normal_study_is_signed_without_annotations(repo: Repository) -> None:
    task = repo.start(S, "annotate")
    task.answer({"image_quality": "good", "lesions": []})
    signed = task.sign(MEANING)
    assert signed.rows() == [] == signed.annotations() and repo.verify(signed).passed


def test_a_form_that_is_not_complete_is_not_signed(repo: Repository) -> None:
    task = repo.start(S, "annotate")
    task.answer({"image_quality": "poor", "lesions": []})
    with pytest.raises(BadAnswers, match="'What limits the quality' is missing"):
        task.sign(MEANING)
    task.answer(ANSWERS)
    with pytest.raises(Refused, match=r"do not match: 'lesion 1' has no annotation\. Draw what is missing"):
        task.sign(MEANING)
    task.save(lines(task, "lesion 2"))
    with pytest.raises(
        Refused, match="'lesion 1' has no annotation; the annotation 'lesion 2' is not a lesion of the form"
    ):
        task.sign(MEANING)
    task.save(lines(task, uid="u2"))
    task.answer({**ANSWERS, "lesions": [*ANSWERS["lesions"], {**ANSWERS["lesions"][0], "label": "lesion 2"}]})
    assert task.sign(MEANING).version == 1


def test_the_second_notebook_of_a_person_is_told_and_can_take_over(repo: Repository, folder: Path) -> None:
    first = repo.start(S, "annotate")
    first.save(drawn := lines(first))
    other = eci.open(folder)
    with pytest.raises(Refused, match=r"open by you in another session until \d{4}-\d\d-\d\d \d\d:\d\d\."):
        other.start(S, "annotate")
    first.check_lease()
    second = other.start(S, "annotate", take_over=True)
    with pytest.raises(LeaseLost, match="taken over by you, in another session"):
        first.check_lease()
    second.check_lease()
    assert second.fence == first.fence + 1 and second.draft().lines == drawn
    for act in (lambda: first.save(["x"]), lambda: first.sign(MEANING), first.draft, first.release):
        with pytest.raises(LeaseLost):
            act()
    second.answer(ANSWERS)
    assert [row["label"] for row in second.sign(MEANING).rows()] == ["lesion 1"]


def test_another_person_is_told_by_whom_and_until_when(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = repo.start(S, "annotate")
    ben = as_member(monkeypatch, folder, "ben")
    until = held.until.strftime("%Y-%m-%d %H:%M")
    with pytest.raises(Refused) as caught:
        ben.start(S, "annotate", take_over=True)
    assert str(caught.value) == f"'annotate' is open by anna until {until}. Choose another task, or wait."
    held.release()
    assert "pixels" in [check.check for check in ben.verify().checks]
    mine = ben.start(S, "annotate")
    assert mine.holder == "ben" and mine.draft().lines == []


def test_a_draft_is_resumed_from_its_snapshot(repo: Repository, folder: Path) -> None:
    task = repo.start(S, "annotate")
    task.save(["one"])
    task.snapshot(b"whole work")
    task.save(["two", "three"])
    task.answer({"image_quality": "good"})
    task.answer({"image_quality": "limited"})
    task.release()
    draft = eci.open(folder).start(S, "annotate").draft()
    assert (draft.snapshot, draft.lines) == (b"whole work", ["two", "three"])
    assert draft.answers == {"image_quality": "limited"}


def test_the_next_version_begins_where_the_last_ended(repo: Repository) -> None:
    first = sign(repo)
    with pytest.raises(Refused, match="rerun=True"):
        repo.start(S, "annotate")
    second = sign(repo, rerun=True, drawn=False)
    assert second.version == 2 and second.event.predecessor == first.seal
    assert [row["uid"] for row in second.rows()] == ["u1"] and second.report == ANSWERS
    assert [each.version for each in repo.versions(S)] == [1, 2]
    assert repo.verify().passed


def test_a_review_rejects_and_the_next_version_is_accepted(
    repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(repo)
    assert repo.worklist().empty
    ruth = as_member(monkeypatch, folder, "ruth")
    assert ruth.worklist()["task"].tolist() == ["review"]
    task = ruth.start(S, "review")
    reviewing = task.reviewing()
    assert reviewing is not None and [each.label for each in reviewing.annotations()] == ["lesion 1"]
    marked = task.sign("I looked at it", verdict="reject", reason="too large", places=[(1, -2.5, 3, "here")])
    assert marked.places == [{"point_lps": [1.0, -2.5, 3.0], "remark": "here"}]
    assert repo.worklist()["remark"].tolist() == ["rejected: too large"]
    again = repo.start(S, "annotate")
    assert again.rejected == "too large" and again.draft().answers == ANSWERS
    assert again.marked() == marked.places
    again.sign(MEANING)
    done = ruth.start(S, "review").sign("I looked again", verdict="accept")
    assert done.event.basis == {"annotate": 2} and ruth.verify().passed


def test_a_lease_is_renewed_by_activity_and_ends_without_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    repo = open_at(folder, clock)
    task = repo.start(S, "annotate")
    events = len(local(repo).context.streams.records(f"subject/{P}/{S}"))
    clock.now += timedelta(minutes=20)
    assert task.touch() == task.until == clock.now + timedelta(minutes=10)
    monkeypatch.setattr(handles, "_TOUCH_S", 0.0)
    assert task.touch() == clock.now + timedelta(minutes=30)
    assert len(local(repo).context.streams.records(f"subject/{P}/{S}")) == events
    other = open_at(folder, clock, "two")
    clock.now += timedelta(minutes=29)
    with pytest.raises(Refused, match="until 2026-01-01 00:50"):
        other.start(S, "annotate")
    clock.now += timedelta(minutes=1)
    task.save(["still kept"])
    with pytest.raises(LeaseLost, match="ended at 2026-01-01 00:50"):
        task.touch()
    assert other.start(S, "annotate").draft().lines == ["still kept"]
    with pytest.raises(LeaseLost):
        task.save(["too late"])


def test_nothing_counts_before_the_append(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    task = repo.start(S, "annotate")
    task.save(lines(task))
    task.answer(ANSWERS)
    with monkeypatch.context() as broken:
        broken.setattr(local(repo).context.streams, "append", _fails)
        with pytest.raises(KeyboardInterrupt):
            task.sign(MEANING)
    assert repo.annotations().empty and repo.versions(S) == []
    assert task.sign(MEANING).version == 1 and repo.verify().passed


def _fails(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_notebook_cannot_seal_nor_read_what_is_not_shown(repo: Repository) -> None:
    seal = Seal(P, S, "annotate", 1, "mine", "", "", Manifest(), "", "")
    with pytest.raises(Refused, match="Unknown command"):
        repo.backend.do(seal)
    secret = local(repo).context.content(P, "S2").put(b"somebody else's")
    with pytest.raises(NotFound, match="Content not found"):
        repo.backend.get(P, S, secret)
    with pytest.raises(LeaseLost, match="hold no lease"):
        repo.backend.put(P, S, b"x")


def test_refusals_and_readings_are_noted_in_a_chain(repo: Repository, folder: Path) -> None:
    with pytest.raises(NotFound):
        repo.start("ECI_KAU_S9999", "annotate")
    repo.studies(S)
    log = AccessLog(folder / "access")
    rows = [record for month in log.months() for record in log.read(month)]
    assert [row["name"] for row in rows][-2:] == ["refused.1", "read.1"]
    assert rows[-1]["data"]["by"] == "anna" and rows[-1]["data"]["assurance"] == "key"
    assert rows[0]["prev"] == START


def test_who_has_no_key_of_a_member_is_nobody(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "members" / "anna.key").chmod(0o644)
    with pytest.raises(NoIdentity, match="chmod 600"):
        eci.open(folder)
    monkeypatch.setenv("ECI_ANNOTATE_CREDENTIAL", str(tmp_path / "none"))
    with pytest.raises(NoIdentity, match="Set ECI_ANNOTATE_CREDENTIAL"):
        eci.open(folder)
    with pytest.raises(NotARepository, match="eci-annotate init"):
        eci.open(tmp_path)


def test_an_annotator_may_not_bring_in_members_or_subjects(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = as_member(monkeypatch, folder, "ben")
    with pytest.raises(Refused, match="needs the role owner"):
        ben.backend.do(Start(P, S, "ingest"))


def test_a_kept_volume_is_the_decoded_one_until_a_file_changes(repo: Repository) -> None:
    task = repo.start(S, "annotate")
    first, again = task.volume(), task.volume()
    assert again.identical(first) or (np.array_equal(first, again) and first.attrs == again.attrs)
    assert isinstance(again.variable._data, np.memmap) or not again.values.flags.writeable
    series = str(task.hanging().first)
    instance = local(repo).context.archive.instances(S, series)[0]
    (series_file,) = (local(repo).context.layout.archive / S).rglob(f"{instance.sop_uid}.dcm")
    series_file.touch()
    assert np.array_equal(task.volume(), first)


def test_a_volume_kept_by_another_way_of_reading_values_is_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    eci.write_phantom(tmp_path / "ct", "tiny")
    files, volume = VolumeFiles(tmp_path / "kept", b"key"), eci.load_series(tmp_path / "ct")
    files.keep(S, "mark", content_of(volume))
    uid = str(content_of(volume).header["series_uid"])
    assert files.volume(S, uid, "mark") is not None
    monkeypatch.setattr(volume_files, "VALUES_FORMAT", b"another")
    assert files.volume(S, uid, "mark") is None
    files.keep(S, "mark", content_of(volume))
    assert files.volume(S, uid, "mark") is not None


def test_no_patient_value_leaves_the_archive(repo: Repository, folder: Path) -> None:
    import pydicom

    signed = sign(repo)
    headers = (pydicom.dcmread(path, stop_before_pixels=True) for path in (folder / "archive").rglob("*.dcm"))
    dataset = next(header for header in headers if header.Modality == "CT")
    secret = str(dataset.PatientName or dataset.PatientID)
    assert len(secret) > 3
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix != ".dcm":
            assert secret.encode() not in path.read_bytes() and secret not in path.name
    assert secret not in repr(signed) + repr(repo)


def test_data_layers_are_versioned_and_noted(repo: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repo.attach(S, "pathology", b"grade 1", "text/plain").version == 1
    assert repo.attach(S, "pathology", b"grade 2", "text/plain").version == 2
    assert repo.layer(S, "pathology") == b"grade 2"
    assert list(repo.layers(S).version) == [2]
    assert any("layer pathology" in str(r["data"]["what"]) for m in local(repo).context.access.months()
               for r in local(repo).context.access.read(m))  # fmt: skip
    ben = as_member(monkeypatch, folder, "ben")
    assert ben.layer(S, "pathology") == b"grade 2"
    with pytest.raises(Refused, match="You hold no lease of this subject"):
        ben.attach(S, "pathology", b"grade 3", "text/plain")
    assert list(repo.subjects(stage="annotate").subject) == [S] and repo.subjects(site="ERL").empty
    with pytest.raises(Refused, match="Cannot sort by 'age'"):
        repo.subjects(sort="age")


def test_lists_follow_from_events_and_are_mended(repo: Repository, folder: Path) -> None:
    backend = local(repo)
    cards = backend.context.stores.cards
    (card,) = cards.cards(CardQuery(P)).cards
    assert {"site:KAU", "stage:annotate", "included", "live", "present", "do:annotator"} <= card.words
    cards.recard([replace(card, words=card.words - {"do:annotator"} | {"stage:review"})])
    assert repo.worklist().empty
    assert [c.check for c in backend.trail.verify(P, S) if not c.passed] == ["card"]
    path = folder / "streams" / "subject" / P / f"{S}.json"
    document = json.loads(path.read_text())
    del document["card"]
    path.write_text(json.dumps(document))
    (folder / "cards.jsonl").unlink()
    assert len(eci.open(folder).worklist()) == 1 and all(c.passed for c in local(eci.open(folder)).trail.verify(P, S))


def test_cards_of_an_earlier_format_are_made_again(repo: Repository, folder: Path) -> None:
    cards = local(repo).context.stores.cards
    (card,) = cards.cards(CardQuery(P)).cards
    cards.recard([replace(card, words=card.words - {FORMAT} | {"stage:done"}, order={**card.order, "stage": "done"})])
    assert list(repo.subjects(stage="done").subject) == [S], "a list believes its cards"
    opened = eci.open(folder)
    assert opened.subjects(stage="done").empty and list(opened.subjects(stage="annotate").subject) == [S]
    assert all(check.passed for check in local(opened).trail.verify(P, S))


def test_a_card_that_is_made_again_does_not_undo_an_event(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    context = local(repo).context
    index, streams = context.stores.cards, context.streams
    (card,) = index.cards(CardQuery(P)).cards
    index.recard([replace(card, words=card.words - {FORMAT})])
    known = index.recard

    def meanwhile(cards: Iterable[Card]) -> None:
        monkeypatch.setattr(index, "recard", known)
        repo.backend.do(Describe(P, S, cohort="pilot"))
        known(cards)

    monkeypatch.setattr(index, "recard", meanwhile)
    assert streams.mend_cards() == 1
    assert list(repo.subjects(cohort="pilot").subject) == [S]


def test_a_page_holds_only_what_the_actor_may_see(repo: Repository, folder: Path, monkeypatch: Any) -> None:
    add_member(repo, find(folder), "dev", project=P, roles=("developer",), site="KAU")
    add_member(repo, find(folder), "far", project=P, roles=("annotator",), site="VIE", sites=("VIE",))
    add_member(repo, find(folder), "mara", project=P, roles=("data-manager",), site="KAU")
    opened = {name: as_member(monkeypatch, folder, name).backend for name in ("dev", "far", "ben", "mara")}

    def total(name: str, **asked: Any) -> tuple[int, int]:
        page = opened[name].subjects(P, SubjectQuery(**asked))
        return page.total, len(page.views)

    assert {name: total(name) for name in opened} == {"dev": (0, 0), "far": (0, 0), "ben": (1, 1), "mara": (1, 1)}
    assert total("ben", stage="annotate") == (0, 0) and total("mara", stage="annotate") == (1, 1)
    assert total("ben", startable=True) == (1, 1) and total("mara", startable=True) == (0, 0)
    sign(repo)
    assert total("dev") == (1, 1) and total("dev", signed=True) == (1, 1) and total("ben", startable=True) == (0, 0)


def test_the_next_task_is_the_own_one_then_the_first_of_the_list_then_a_sentence(
    repo: Repository, folder: Path
) -> None:
    task = repo.start_next()
    assert (task.subject, task.task) == (S, "annotate")
    again = eci.open(folder).start_next()  # another notebook, or this one after a restart of its kernel
    assert (again.subject, again.fence) == (S, task.fence + 1)
    again.save(lines(again))
    again.answer(ANSWERS)
    again.sign(MEANING)
    with pytest.raises(Refused, match=r"No tasks are waiting for you\. .*rerun=True"):
        eci.open(folder).start_next()
