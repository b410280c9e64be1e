"""Pages that show one viewer: two tabs, a second window. Each has canvases of its own, for the views that it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eci_annotate.viewer.stage import messages
from eci_annotate.viewer.stage.ink.painter import Painter
from eci_annotate.viewer.stage.messages import Message
from eci_annotate.viewer.stage.orders import Ink, Leave, Lines, Order
from eci_annotate.viewer.stage.pane_geometry import View

MOST = 4


class Pages:
    """The pages that are drawn for; the one that came first leaves when there are too many.

    Attributes
    ----------
    present
        Names of the pages, oldest first.
    """

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self.present: list[str] = []

    def join(self, page: str) -> list[Leave]:
        """Draw for a page; returns the order to close those that leave."""
        if page in self.present:
            self.present.remove(page)
        self.present.append(page)
        return [order for each in self.present[:-MOST] for order in self.leave(each)]

    def leave(self, page: str) -> list[Leave]:
        """Draw for a page no longer."""
        if page not in self.present:
            return []
        self.present.remove(page)
        self._painter.turn(page)
        return [Leave(page)]

    def reports(
        self, orders: Sequence[Order], views: Iterable[View], asked: tuple[str, int], open_stroke: bool
    ) -> list[Message]:
        """Return for each page the message that these orders were carried out.

        Parameters
        ----------
        orders
            What was drawn.
        views
            Views that are drawn.
        asked
            Page that asked, and the number of its frame; 0 if it sent none.
        open_stroke
            Whether a stroke is in progress.
        """
        page, frame = asked
        seen: dict[str, list[tuple[View, str]]] = {page: []} if frame else {}
        for view in views:
            seen.setdefault(view.page, []).append((view, self._painter.panes.series(view.pane)))
        return [
            messages.drawn(each, frame if each == page else 0, shown, open_stroke, _touched(orders, each))
            for each, shown in seen.items()
        ]


def _touched(orders: Sequence[Order], page: str) -> list[str]:
    return sorted({each.pane for each in orders if isinstance(each, (Ink, Lines)) and each.page == page})
