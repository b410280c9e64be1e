"""What was suggested and accepted is in the draft, in the signed version, and in its RTSTRUCT."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import eci_annotate as eci
from eci_annotate.imaging.volume import grid_of, series_uid_of
from eci_annotate.repository.repository import Repository
from eci_annotate.tools import to_line
from eci_annotate.tools.editing.acceptance import acceptance
from eci_annotate.tools.editing.entries import Add, Show
from eci_annotate.tools.suggestion import MaskPart, Suggestion
from tests.repository.repository_world import ANSWERS, MEANING, P, S


def test_an_accepted_mask_is_signed_and_comes_back(repo: Repository, tmp_path: Path) -> None:
    task = repo.start(S, "annotate", project=P)
    volume = task.volume()
    shape, series = grid_of(volume).shape, series_uid_of(volume)
    k, j, i = (n // 2 for n in shape)
    where = (slice(k - 1, k + 2), slice(j - 5, j + 5), slice(i - 6, i + 6))
    voxels = np.ones((3, 10, 12), bool)
    voxels[1, 4:6, 5:7] = False  # a hole
    accept = acceptance(Suggestion("growcut/1", "GrowCut result", series, (MaskPart("u1", where, voxels),)), shape)
    entries = [Show(series), Add("u1", "growcut", "lesion 1", (255, 0, 0), series), accept]
    task.save([to_line(entry) for entry in entries])
    task.answer(ANSWERS)
    signed = task.sign(meaning=MEANING)
    (annotation,) = signed.annotations()
    expected = np.zeros(shape, bool)
    expected[where] = voxels
    np.testing.assert_array_equal(np.asarray(annotation.mask_on(volume)), expected)
    (file,) = [path for path in signed.export(tmp_path / "out") if path.name.endswith("rtstruct_1.dcm")]
    (read,) = eci.read_rtstruct(file)
    np.testing.assert_array_equal(np.asarray(read.mask_on(volume)), expected)
