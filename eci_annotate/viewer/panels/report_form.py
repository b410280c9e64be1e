"""The report form as widgets: a question is shown only if its condition holds, a list has one group per item."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import ipywidgets as w

from eci_annotate.repository.analysis.annotation_sizes import DrawnSize, link_of
from eci_annotate.repository.analysis.form_answers import item_names
from eci_annotate.viewer.panels.form_field import WIDE, Changed, Field
from eci_annotate.viewer.panels.other_answers import Opinion, agreed
from eci_annotate.viewer.session.event_loop import FOCUS_S, LOOP
from eci_annotate.workflow.usecase.answer_check import Fault, Path
from eci_annotate.workflow.usecase.form import Question, asked_among

Measure = Callable[[Question, Mapping[str, Any], str], DrawnSize | None]


def _nothing(question: Question, siblings: Mapping[str, Any], link: str) -> DrawnSize | None:
    """Measure nothing, as where no drawing is at hand."""
    return None


class Part(Protocol):
    """A part of a form: a raw answer that can be read and set, and a widget."""

    widget: Any
    answer: Any

    def offer(self, labels: Sequence[str]) -> None:
        """Set the labels of the annotations."""

    def hear(self, opinions: Sequence[Opinion]) -> None:
        """Set the answers of others."""

    def measure(self, source: Measure, siblings: Mapping[str, Any], link: str) -> None:
        """Measure the drawing again, given the answers next to it and the label that they name."""

    def mark(self, faults: Sequence[Fault], depth: int) -> None:
        """Show faults, whose paths lead here after `depth` steps."""

    def find(self, path: Path) -> Any:
        """Return the input that a path leads to from here."""


class Group:
    """Questions shown together."""

    def __init__(self, questions: Sequence[Question], changed: Changed) -> None:
        self._changed = changed
        self._source: Measure = _nothing
        self.parts: dict[str, Part] = {}
        for question in questions:
            self.parts[question.name] = _part(question, self._on_change)
        self._asked = {question.name: question for question in questions}
        self.widget = w.VBox([part.widget for part in self.parts.values()])
        self._show()

    @property
    def answer(self) -> dict[str, Any]:
        """Raw answers to the questions that are asked."""
        raw = {name: part.answer for name, part in self.parts.items()}
        asked = asked_among(self._asked.values(), raw)
        return {name: value for name, value in raw.items() if value is not None and name in asked}

    @answer.setter
    def answer(self, given: Mapping[str, Any]) -> None:
        for name, part in self.parts.items():
            part.answer = given.get(name)
        self._show()
        self._remeasure()

    def _on_change(self) -> None:
        self._show()
        self._remeasure()
        self._changed()

    def measure(self, source: Measure, siblings: Mapping[str, Any] = {}, link: str = "") -> None:
        """Measure the drawing again for each question."""
        self._source = source
        self._remeasure()

    def _remeasure(self) -> None:
        mine = self.answer
        link = link_of(list(self._asked.values()), mine)
        for part in self.parts.values():
            part.measure(self._source, mine, link)

    def _show(self) -> None:
        raw = {name: part.answer for name, part in self.parts.items()}
        asked = asked_among(self._asked.values(), raw)
        for name, part in self.parts.items():
            display = "flex" if name in asked else "none"
            if part.widget.layout.display != display:
                part.widget.layout.display = display

    def offer(self, labels: Sequence[str]) -> None:
        """Pass the labels on to each question."""
        for part in self.parts.values():
            part.offer(labels)

    def mark(self, faults: Sequence[Fault], depth: int = 0) -> None:
        """Pass faults on to the questions that they are about."""
        for name, part in self.parts.items():
            part.mark([each for each in faults if each.path[depth : depth + 1] == (name,)], depth + 1)

    def find(self, path: Path) -> Any:
        """Return the input that a path leads to; None if there is none."""
        part = self.parts.get(str(path[0])) if path else None
        return part and part.find(path[1:])

    def hear(self, opinions: Sequence[Opinion]) -> None:
        """Pass the answers of others on to each question."""
        for name, part in self.parts.items():
            part.hear([each.of(name) for each in opinions])


class Items:
    """A question with any number of items, each a group."""

    def __init__(self, question: Question, changed: Changed) -> None:
        self.question, self._changed = question, changed
        self.groups: list[Group] = []
        self._labels: Sequence[str] = ()
        self._opinions: Sequence[Opinion] = ()
        self._source: Measure = _nothing
        self._offers: list[str] = []
        self._frames: dict[Group, tuple[w.VBox, w.HTML]] = {}
        self._link = next((each.name for each in question.questions if each.link), "")
        self.heard = w.HBox([], layout=w.Layout(flex_flow="row wrap"))
        self.add = w.Button(icon="plus", description=f"Add: {question.title}", layout=WIDE, tooltip=question.help)
        self.body = w.VBox([])
        self.wrong = w.HTML()
        self.widget = w.VBox([self.body, self.heard, self.wrong, self.add])
        self.widget.add_class(f"eci-q-{question.name}")
        self.add.on_click(lambda _: self._add())

    @property
    def answer(self) -> list[dict[str, Any]]:
        """Raw answers, one per item."""
        return [group.answer for group in self.groups]

    @answer.setter
    def answer(self, given: Sequence[Mapping[str, Any]] | None) -> None:
        self.groups = []
        for each in given or ():
            self.groups.append(self._group())
            self.groups[-1].answer = dict(each)
        self._layout()

    def _group(self) -> Group:
        group = Group(self.question.questions, self._item_changed)
        group.offer(self._labels)
        group.measure(self._source)
        return group

    def _item_changed(self) -> None:
        self._rehear()
        self._changed()

    def _next_label(self) -> dict[str, Any] | None:
        """Return the first label of an annotation that no item names yet, as the answer that links to it."""
        taken = {each.get(self._link) for each in self.answer}
        free = next((label for label in self._labels if label and label not in taken), None)
        return {self._link: free} if self._link and free else None

    def _add(self) -> None:
        """Append an item, and give the keyboard focus to its first question."""
        self._append(self._next_label())
        first = self.groups[-1].find((self.question.questions[0].name,))
        LOOP.after(FOCUS_S, (first or self.add).focus)

    def _append(self, answers: Mapping[str, Any] | None = None) -> None:
        self.groups.append(self._group())
        if answers:
            self.groups[-1].answer = answers
        self._layout()
        self._changed()

    def _remove(self, group: Group) -> None:
        self.groups.remove(group)
        self.add.focus()  # the button that had the focus goes
        self._layout()
        self._changed()

    def _layout(self) -> None:
        """Keep existing frames, renumbered if necessary, because something in them may be pressed now."""
        self._frames = {group: self._frames.get(group) or self._framed(group) for group in self.groups}
        for number, (_, title) in enumerate(self._frames.values(), 1):
            title.value = f"<b>{html.escape(self.question.title)} {number}</b>"
        self.body.children = [frame for frame, _ in self._frames.values()]
        self._rehear()

    def _framed(self, group: Group) -> tuple[w.VBox, w.HTML]:
        remove = w.Button(icon="trash", tooltip="Remove this item", layout=w.Layout(width="34px"))
        remove.on_click(lambda _: self._remove(group))
        title = w.HTML(layout=w.Layout(flex="1 1 auto"))
        frame = w.VBox([w.HBox([title, remove]), group.widget])
        frame.add_class("eci-item")
        return frame, title

    def offer(self, labels: Sequence[str]) -> None:
        """Pass the labels on, also to items added later."""
        self._labels = labels
        for group in self.groups:
            group.offer(labels)

    def measure(self, source: Measure, siblings: Mapping[str, Any], link: str) -> None:
        """Measure the drawing again for each item, also for items added later."""
        self._source = source
        for group in self.groups:
            group.measure(source)

    def mark(self, faults: Sequence[Fault], depth: int) -> None:
        """Show faults of the number of items here, all others in their items."""
        own = [html.escape(each.said_there) for each in faults if len(each.path) == depth]
        self.wrong.value = "".join(f"<div class='eci-problem'>{text}</div>" for text in own)
        for number, group in enumerate(self.groups):
            group.mark([each for each in faults if each.path[depth : depth + 1] == (number,)], depth + 1)

    def find(self, path: Path) -> Any:
        """Return the input that a path leads to; the button for another item if it is about their number."""
        here = path and isinstance(path[0], int) and path[0] < len(self.groups)
        return self.groups[int(path[0])].find(path[1:]) if here else self.add

    def hear(self, opinions: Sequence[Opinion]) -> None:
        """Set the answers of others; their items are matched to the own items by label."""
        self._opinions, self._offers, self.heard.children = opinions, [], []
        self._rehear()

    def _rehear(self) -> None:
        if not self._opinions:
            return
        theirs = [(each.who, self._named(each.answer or ())) for each in self._opinions]
        mine = self._named(self.answer)
        for name, group in zip(mine, self.groups, strict=True):
            group.hear([Opinion(who, items.get(name)) for who, items in theirs])
        names = list(dict.fromkeys(name for _, items in theirs for name in items if name not in mine))
        if names != self._offers:
            self._offers, self.heard.children = names, [self._offered(name, theirs) for name in names]

    def _named(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        return dict(zip(item_names(self.question, items), items, strict=True))

    def _offered(self, name: str, theirs: Sequence[tuple[str, Mapping[str, Any]]]) -> w.Button:
        """Return a button that adds an item of others; answers on which all of them agree are filled in."""
        opinions = [Opinion(who, items.get(name)) for who, items in theirs]
        who = ", ".join(each.who for each in opinions if each.answer is not None)
        start = agreed(opinions) | ({self._link: name} if self._link else {})
        tip = "Add this item; answers on which all readers agree are filled in"
        button = w.Button(icon="plus", description=f"{name} ({who})", tooltip=tip, layout=WIDE)
        button.add_class("eci-opinion")
        button.on_click(lambda _: None if self.add.disabled else self._append(start))
        return button


def _part(question: Question, changed: Changed) -> Part:
    match question.kind:
        case "list":
            return Items(question, changed)
        case "group":
            return Group(question.questions, changed)
    return Field(question, changed)
