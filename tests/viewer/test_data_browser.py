"""A card of the data browser says what positions and sizes do not mean."""

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.archive.protocol import Series, Study
from eci_annotate.viewer.panels.data_browser import SeriesCard, full_titles, study_words

LIMITS = {
    "": {"modality": "CT"},
    "sizes are in pixels": {"kind": "projection", "spacing_from": "pixels", "private_frame": True},
    "in mm at the detector": {"kind": "projection", "spacing_from": "ImagerPixelSpacing"},
    "unknown thickness": {"kind": "slice"},
    "positions hold in this series only": {"private_frame": True},
}


@pytest.mark.parametrize("says", LIMITS)
def test_a_card_says_what_sizes_and_positions_are(says: str) -> None:
    grid = eci.Grid.from_arrays((0, 0, 0), np.eye(3)[::-1], (1, 1, 1), (1, 8, 8), "1.2")
    volume = eci.volume_from_array(np.zeros(grid.shape, np.int16), grid, attrs=LIMITS[says])
    card = SeriesCard(Series("1", "1.2", "MG", 1, "<left>", 1, {}), "it fits", lambda uid: None)
    before = card.text.value
    card.picture_from(volume)
    assert says in card.text.value and "it fits" in card.text.value and "1 image" in card.text.value
    assert (card.text.value == before) == (says == "")


def test_titles_say_which_study_a_series_is_of_where_there_are_several() -> None:
    series = {uid: Series(uid, f"{uid}.1", "CT", 3, name, 1, {}) for uid, name in (("1", "Portal venous"), ("2", ""))}
    now, before = Study("1", "20260105", "CT", (series["1"],)), Study("2", "20250301", "CT", (series["2"],))
    assert full_titles([now, before], None) == {
        "1.1": "Portal venous (current study 2026-01-05)",
        "2.1": "series 3 (prior study 2025-03-01)",
    }
    assert full_titles([now], None) == {"1.1": "Portal venous"} and study_words([now]) == {}
