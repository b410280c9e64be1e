"""A card of the data browser says what positions and sizes do not mean."""

import numpy as np
import pytest

import eci_annotate as eci
from eci_annotate.archive.protocol import Series
from eci_annotate.viewer.panels.data_browser import SeriesCard

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
