"""What a controller reports, and to whom."""

from __future__ import annotations

from eci_annotate.errors import Refused
from eci_annotate.imaging.geometry import Vector
from eci_annotate.tools.editing.entries import Entry
from eci_annotate.viewer.stage.orders import Order


class Listener:
    """Receiver of what a controller reports; this base class ignores everything."""

    def applied(self, entry: Entry) -> None:
        """Handle an entry that was applied and must be saved."""

    def changed(self) -> None:
        """Handle a change of the easel outside a stroke."""

    def present(self) -> None:
        """Handle user activity in the browser, including merely looking around."""

    def page_opened(self) -> list[Order]:
        """Return what a page that opens shows first, besides its panes."""
        return []

    def step_layout(self, by: int) -> None:
        """Handle that the next (1) or the previous (-1) layout is wanted."""

    def place_marked(self, point_lps: Vector | None) -> None:
        """Handle a marked place (patient mm, None: the crosshair); refused outside a review."""
        raise Refused("Places are marked in a review.")

    def decide(self, what: str) -> None:
        """Handle a decision on what a tool suggests: `accept`, `discard`, `shrink` or `grow`."""
        raise Refused("Nothing is suggested.", "Choose a tool that suggests a result, such as GrowCut.")

    def seen(self, number: int) -> None:
        """Handle that a page shows the suggestion with this number."""

    def point_at(self, at: Vector | None) -> None:
        """Handle that the pointer rests at a point (patient mm), with a tool that suggests."""
