"""The report form as widgets: a question is asked only when its condition holds, a list has one group per item."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import ipywidgets as w

from eci_annotate.errors import BadAnswers
from eci_annotate.workflow.form import CHOICE, INTEGER, NUMBER, YES_NO, Question, check_answers

WIDE = w.Layout(width="auto")
Changed = Callable[[], None]


class Field:
    """One question with its widget; `answer` is raw: None while nothing is answered."""

    def __init__(self, question: Question, changed: Changed) -> None:
        self.question = question
        self.input = _input(question)
        unit = f" [{question.unit}]" if question.unit else ""
        star = " *" if question.required else ""
        self.title = w.HTML(
            f"<span title='{html.escape(question.help)}'>{html.escape(question.title)}{unit}{star}</span>"
        )
        self.widget = w.VBox([self.title, self.input], layout=w.Layout(margin="0 0 6px 0"))
        self.widget.add_class(f"eci-q-{question.name}")
        self.input.observe(lambda change: changed(), "value")

    @property
    def answer(self) -> Any:
        value = self.input.value
        if self.question.kind in (NUMBER, INTEGER) and isinstance(value, str) and value.strip():
            return _number(value, self.question.kind == INTEGER)
        return None if value == "" else value

    @answer.setter
    def answer(self, value: Any) -> None:
        if self.question.kind in (CHOICE, YES_NO):  # an older form may have had a choice that is gone
            known = [each for _, each in self.input.options]
            self.input.value = value if value in known else ""
        else:
            self.input.value = "" if value is None else str(value)

    def offer(self, labels: Sequence[str]) -> None:
        """Labels of the annotations, for questions that link to one."""
        if self.question.link and isinstance(self.input, w.Combobox):
            self.input.options = tuple(dict.fromkeys(label for label in labels if label))


def _number(text: str, whole: bool) -> Any:
    try:
        return int(text) if whole else float(text.replace(",", "."))
    except ValueError:
        return text  # checked, and named, with the whole form


def _input(question: Question) -> Any:
    match question.kind:
        case "choice":
            options = [("—", ""), *((title, value) for value, title in question.choices)]
            return w.Dropdown(options=options, value="", layout=WIDE)
        case "yes-no":
            return w.Dropdown(options=[("—", ""), ("Yes", True), ("No", False)], value="", layout=WIDE)
        case "number" | "integer":
            return w.Text(placeholder=_range(question), layout=WIDE)
    if question.link:
        return w.Combobox(placeholder="label of an annotation", layout=WIDE)
    return w.Textarea(rows=3, layout=WIDE) if question.long else w.Text(layout=WIDE)


def _range(question: Question) -> str:
    low, high = question.minimum, question.maximum
    return "" if low is None or high is None else f"{low:g} to {high:g}"


class Part(Protocol):
    """What a form is made of: a raw answer that can be read and set, and a widget."""

    widget: Any
    answer: Any

    def offer(self, labels: Sequence[str]) -> None:
        """Take the labels of the annotations."""


class Group:
    """Questions that stand beside each other."""

    def __init__(self, questions: Sequence[Question], changed: Changed) -> None:
        self._changed = changed
        self.parts: dict[str, Part] = {}
        for question in questions:
            self.parts[question.name] = _part(question, self._on_change)
        self._asked = {question.name: question for question in questions}
        self.widget = w.VBox([part.widget for part in self.parts.values()])
        self._show()

    @property
    def answer(self) -> dict[str, Any]:
        """Raw answers of what is asked."""
        raw = {name: part.answer for name, part in self.parts.items()}
        return {name: value for name, value in raw.items() if value is not None and self._asked[name].is_asked(raw)}

    @answer.setter
    def answer(self, given: Mapping[str, Any]) -> None:
        for name, part in self.parts.items():
            part.answer = given.get(name)
        self._show()

    def _on_change(self) -> None:
        self._show()
        self._changed()

    def _show(self) -> None:
        raw = {name: part.answer for name, part in self.parts.items()}
        for name, part in self.parts.items():
            display = "flex" if self._asked[name].is_asked(raw) else "none"
            if part.widget.layout.display != display:
                part.widget.layout.display = display

    def offer(self, labels: Sequence[str]) -> None:
        """Pass labels on."""
        for part in self.parts.values():
            part.offer(labels)


class Items:
    """A question with any number of items, each a group."""

    def __init__(self, question: Question, changed: Changed) -> None:
        self.question, self._changed = question, changed
        self.groups: list[Group] = []
        self._labels: Sequence[str] = ()
        self.add = w.Button(icon="plus", description=f"Add: {question.title}", layout=WIDE, tooltip=question.help)
        self.body = w.VBox([])
        self.widget = w.VBox([self.body, self.add])
        self.widget.add_class(f"eci-q-{question.name}")
        self.add.on_click(lambda _: self._append())

    @property
    def answer(self) -> list[dict[str, Any]]:
        """Raw answers, one for each item."""
        return [group.answer for group in self.groups]

    @answer.setter
    def answer(self, given: Sequence[Mapping[str, Any]] | None) -> None:
        self.groups = []
        for each in given or ():
            self.groups.append(self._group())
            self.groups[-1].answer = dict(each)
        self._layout()

    def _group(self) -> Group:
        group = Group(self.question.questions, self._changed)
        group.offer(self._labels)
        return group

    def _append(self) -> None:
        self.groups.append(self._group())
        self._layout()
        self._changed()

    def _remove(self, group: Group) -> None:
        self.groups.remove(group)
        self._layout()
        self._changed()

    def _layout(self) -> None:
        self.body.children = [self._framed(n, group) for n, group in enumerate(self.groups, 1)]

    def _framed(self, number: int, group: Group) -> w.VBox:
        remove = w.Button(icon="trash", tooltip="Remove this item", layout=w.Layout(width="34px"))
        remove.on_click(lambda _: self._remove(group))
        title = w.HTML(f"<b>{html.escape(self.question.title)} {number}</b>", layout=w.Layout(flex="1 1 auto"))
        frame = w.VBox([w.HBox([title, remove]), group.widget])
        frame.add_class("eci-item")
        return frame

    def offer(self, labels: Sequence[str]) -> None:
        """Pass labels on, also to items that come later."""
        self._labels = labels
        for group in self.groups:
            group.offer(labels)


def _part(question: Question, changed: Changed) -> Part:
    match question.kind:
        case "list":
            return Items(question, changed)
        case "group":
            return Group(question.questions, changed)
    return Field(question, changed)


def disabled(widget: Any) -> Iterator[Any]:
    """All input widgets below one, to be disabled."""
    for child in getattr(widget, "children", ()):
        yield from disabled(child)
    if hasattr(widget, "disabled"):
        yield widget


class FormPanel:
    """The whole form. `save` gets the raw answers whenever they change.

    Attributes
    ----------
    problem
        What is still missing or does not fit, as people read it; empty when the form can be signed.
    """

    def __init__(
        self,
        schema: Mapping[str, Any],
        questions: Sequence[Question],
        answers: Mapping[str, Any],
        save: Callable[[dict[str, Any]], None],
    ) -> None:
        self.schema, self._save = schema, save
        self.problem = ""
        self._quiet = True
        self.group = Group(questions, self._changed)
        self.group.answer = dict(answers)
        self._quiet = False
        self.said = w.HTML()
        title = html.escape(str(schema.get("title", "Report")))
        self.widget = w.VBox([w.HTML(f"<b>{title}</b>"), self.group.widget, self.said])
        self.widget.add_class("eci-form")
        self._check()

    def _changed(self) -> None:
        if not self._quiet:
            self._save(self.group.answer)
            self._check()

    def _check(self) -> None:
        try:
            check_answers(self.schema, self.group.answer)
            self.problem = ""
        except BadAnswers as error:
            self.problem = str(error)
        kind, text = ("eci-problem", html.escape(self.problem)) if self.problem else ("eci-good", "Complete")
        self.said.value = f"<span class='{kind}'>{text}</span>"

    def close(self) -> None:
        """Nothing can be answered any more."""
        for widget in disabled(self.group.widget):
            widget.disabled = True
