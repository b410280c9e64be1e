"""Agreement, and what an adjudication is about, at the service: as at the folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from eci_annotate.hub.core.token_identity import Person
from eci_annotate.repository.keys.repository_folder import credential, find
from eci_annotate.repository.keys.service_keys import admit, enable_service
from eci_annotate.repository.local.context import Rooms
from eci_annotate.tools import adoption, replay, to_line
from eci_annotate.tools.editing.easel import Easel
from eci_annotate.tools.editing.entries import Show
from eci_annotate.viewer.comparison.sides import sides_of
from tests.repository.readings_world import DOUBLE, P, as_member, lesion, make, read, report, subject
from tests.service.service_world import remote, serving, tokens


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two subjects, read by anna and ben; al, who adjudicates, is known to the service."""
    made = make(tmp_path, 2, *DOUBLE)
    for number in (1, 2):
        read(made, "anna", number, report(lesion("lesion 1")), ("lesion 1", (4, 18, 22), (4, 4 + number)))
        read(made, "ben", number, report(lesion("lesion 1", segment="V")), ("lesion 1", (4, 19, 22), (4, 5)))
    layout = find(made)
    enable_service(layout, credential(layout))
    admit(Rooms.from_layout(layout), as_member(made, "olga").backend.account.actor, P, "al")
    return made


def test_it_is_the_same_at_the_service(folder: Path) -> None:
    people = tokens()
    people.table["token-al"] = Person("al")
    here = as_member(folder, "al").agreement()
    with serving(folder, people) as address:
        repo = remote(address, "al")
        there = repo.agreement()
        pd.testing.assert_frame_equal(there.table, here.table)
        pd.testing.assert_frame_equal(there.pairs, here.pairs)
        task = repo.start(subject(1), "adjudicate")
        series = str(task.hanging().first)
        anna, _ = sides_of(task, Easel(task.volume))
        (uid,) = anna.easel.table.objects
        task.save([to_line(Show(series)), to_line(adoption(anna.easel.table, uid, anna.source))])
        (taken,) = replay(task.volume, None, task.draft().lines).table.annotations()
        assert taken.label == "lesion 1" and taken.volume_mm3 == anna.annotations()[0].volume_mm3
