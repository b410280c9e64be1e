"""A pipeline as a diagram (SVG): tasks from left to right by their prerequisites, several readers as a stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from eci_annotate.workflow.usecase.pipeline import TaskDefinition, TaskKind
from eci_annotate.workflow.usecase.pipeline_text import merged, readers, title

HIGH, GAP, BETWEEN, EDGE = 64.0, 28.0, 64.0, 16.0
LETTERS = (9.4, 7.4)  # maximum width of a character in the title, and in the line below it
INK, SOFT, LINE, ACCENT = "#0f172a", "#475569", "#94a3b8", "#0369a1"


@dataclass(frozen=True)
class TaskCard:
    """A task with its position: left, top and width, in pixels."""

    task: TaskDefinition
    x: float
    y: float
    wide: float

    @property
    def lines(self) -> tuple[str, str]:
        """The two lines of text on it."""
        return _written(self.task)

    @property
    def middle(self) -> float:
        """Half of its height."""
        return self.y + HIGH / 2


def to_svg(tasks: Sequence[TaskDefinition]) -> str:
    """Return the pipeline as an SVG element, which needs no style sheet."""
    cards = _placed(merged(tasks))
    wide = max((card.x + card.wide for card in cards.values()), default=0.0) + EDGE
    high = max((card.y for card in cards.values()), default=0.0) + HIGH + 2.6 * EDGE
    parts = [*_arrows(cards), *(part for card in cards.values() for part in _drawn(card))]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="The pipeline" viewBox="0 0 {wide:g} {high:g}"'
    )
    return (
        f'{head} width="{wide:g}" height="{high:g}" font-family="system-ui, sans-serif">{_HEADS}{"".join(parts)}</svg>'
    )


_HEADS = (
    "<defs>"
    + "".join(
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto">'
        f'<path d="M0 0 8 4 0 8z" fill="{colour}"/></marker>'
        for name, colour in (("onward", LINE), ("back", ACCENT))
    )
    + "</defs>"
)


def _placed(tasks: Sequence[TaskDefinition]) -> dict[str, TaskCard]:
    """Return the cards by name, each to the right of all its prerequisites."""
    columns: dict[int, list[TaskDefinition]] = {}
    depth: dict[str, int] = {}
    for task in tasks:
        before = [depth.get(name, 0) for name in (*task.after, *filter(None, [task.repeats]))]
        depth[task.of_group] = max(before, default=-1) + 1
        columns.setdefault(depth[task.of_group], []).append(task)
    cards, x = {}, EDGE
    for _, column in sorted(columns.items()):
        wide = max(_width(task) for task in column) + 2 * EDGE
        for row, task in enumerate(column):
            cards[task.of_group] = TaskCard(task, x, EDGE + row * (HIGH + GAP), wide)
        x += wide + BETWEEN
    return cards


def _width(task: TaskDefinition) -> float:
    return max(len(line) * letter for line, letter in zip(_written(task), LETTERS, strict=True))


def _written(task: TaskDefinition) -> tuple[str, str]:
    return title(task), f"{' or '.join(task.roles)}{readers(task)}"


def _drawn(card: TaskCard) -> Iterator[str]:
    shape = f'width="{card.wide:g}" height="{HIGH:g}" rx="8" fill="#ffffff" stroke="{LINE}"'
    for back in range(2 if max(card.task.readers, card.task.most) > 1 else 0, -1, -1):
        yield f'<rect x="{card.x + 4 * back:g}" y="{card.y - 4 * back:g}" {shape}/>'
    words = ((26, 14, INK, ' font-weight="600"'), (46, 12, SOFT, ""))
    for (down, size, colour, more), line in zip(words, card.lines, strict=True):
        where = f'x="{card.x + EDGE:g}" y="{card.y + down:g}" font-size="{size}" fill="{colour}"{more}'
        yield f"<text {where}>{escape(line)}</text>"


def _arrows(cards: Mapping[str, TaskCard]) -> Iterator[str]:
    for card in cards.values():
        for name in card.task.after:
            if name in cards:
                yield _onward(cards[name], card)
        if card.task.kind == TaskKind.REVIEW and card.task.of in cards:
            yield _back(card, cards[card.task.of])


def _onward(one: TaskCard, other: TaskCard) -> str:
    begin, end = one.x + one.wide, other.x - 2
    half = (begin + end) / 2
    path = f"M{begin:g} {one.middle:g} C{half:g} {one.middle:g} {half:g} {other.middle:g} {end:g} {other.middle:g}"
    return f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5" marker-end="url(#onward)"/>'


def _back(review: TaskCard, about: TaskCard) -> str:
    begin, end, low = review.x + review.wide / 2, about.x + about.wide / 2, max(review.y, about.y) + HIGH + 1.6 * EDGE
    path = f"M{begin:g} {review.y + HIGH:g} C{begin:g} {low:g} {end:g} {low:g} {end:g} {about.y + HIGH + 2:g}"
    words = f'<text x="{(begin + end) / 2:g}" y="{low + 4:g}" font-size="11" fill="{ACCENT}">rejected</text>'
    line = f'fill="none" stroke="{ACCENT}" stroke-dasharray="4 3" marker-end="url(#back)"'
    return f'<path d="{path}" {line}/>{words}'
