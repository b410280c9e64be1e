"""Raw answers to a report form, checked and typed: every fault is found, and named with its question.

Only what `forms/schema/report.schema.json` allows is checked here; a test confirms agreement with jsonschema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eci_annotate.errors import BadAnswers
from eci_annotate.workflow.usecase.form import INTEGER, Question, Schema, questions

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong with one answer.

    Parameters
    ----------
    path
        Names of questions and, within lists, indexes of items (from 0) that lead to it.
    what, remedy
        What is wrong, with the title of the question, and what to do.
    where
        The title of the question, within those of lists and groups, with which `what` begins.
    is_missing
        Whether there is no answer at all.
    """

    path: Path
    what: str
    remedy: str
    where: str = ""
    is_missing: bool = False

    @property
    def said(self) -> str:
        """What is wrong and what to do, as displayed."""
        return f"{self.what} {self.remedy}".strip()

    @property
    def said_there(self) -> str:
        """The same without the title of the question, for display next to it."""
        alone = self.what.removeprefix(self.where).strip().removeprefix("is ")
        return f"{alone[:1].upper()}{alone[1:]} {self.remedy}".strip()


def check_answers(schema: Schema, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return `raw` answers typed and checked, without empty answers and questions that are not asked.

    Raises
    ------
    BadAnswers
        Names, by its title, the first question whose answer is missing or invalid, and counts the others.
    """
    typed, faults = typed_answers(questions(schema), raw)
    if faults:
        more = len(faults) - 1
        others = f" {more} other answer{'s are' if more > 1 else ' is'} missing or invalid too." if more else ""
        raise BadAnswers(faults[0].what, faults[0].remedy + others)
    return typed


def typed_answers(asked: Sequence[Question], raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """Return the valid answers, typed, and what is wrong with all others, in the order of the form."""
    check = _Check()
    return check.group(asked, raw, "", ()), check.faults


class _Check:
    """Collects faults while answers are typed."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def group(self, asked: Sequence[Question], raw: Any, place: str, path: Path) -> dict[str, Any]:
        if not isinstance(raw, Mapping):
            self.faults.append(Fault(path, f"{place or 'The report'} is not a group of answers.", "Give a mapping."))
            return {}
        names = {question.name for question in asked}
        for unknown in sorted(str(name) for name in raw if name not in names):
            what = f"Unknown question {place}{unknown!r}."
            self.faults.append(Fault((*path, unknown), what, "Use the names of the form."))
        typed: dict[str, Any] = {}
        later = dict(raw)  # of questions that are not asked nothing counts, whatever a client sends
        for question in asked:
            later.pop(question.name, None)
            if question.is_asked({**later, **typed}):
                value = self.answer(question, raw.get(question.name), f"{place}{question.title!r}", path)
                if value is not None:
                    typed[question.name] = value
        self.faults += (fault for question in asked for fault in _contradicted(question, typed, place, path))
        return typed

    def answer(self, question: Question, value: Any, where: str, path: Path) -> Any:
        here = (*path, question.name)
        if value is None or (isinstance(value, str) and not value.strip()):
            if question.required:
                self.faults.append(Fault(here, f"{where} is missing.", "Answer this question.", where, True))
            return None
        if question.kind == "group":
            return self.group(question.questions, value, f"{where}, ", here)
        try:
            typed = _typed(question, value, where)
        except BadAnswers as error:
            self.faults.append(Fault(here, error.what, error.remedy, where))
            typed = None
        if question.kind != "list" or not isinstance(value, list | tuple):
            return typed
        items = enumerate(value)  # also of a list with too few or too many
        return [self.group(question.questions, v, f"{where} {n + 1}, ", (*here, n)) for n, v in items]


def _contradicted(question: Question, typed: Mapping[str, Any], place: str, path: Path) -> Iterator[Fault]:
    """Yield what contradicts the answer to a question."""
    answer, where = typed.get(question.name), f"{place}{question.title!r}"
    for each in question.contradictions:
        if each.holds(answer, typed):
            what = f"{where} is {question.label_of(answer)!r}, but {each.because}."
            yield Fault((*path, question.name), what, "Correct one of the two.", where)


def _check_list(question: Question, value: Any, where: str) -> None:
    if not isinstance(value, list | tuple):
        raise BadAnswers(f"{where} is not a list.", "Give one item per entry.")
    _check_count(question, len(value), "items", where)


def _typed(question: Question, value: Any, where: str) -> Any:
    match question.kind:
        case "list":
            _check_list(question, value, where)
        case "choice":
            return _choice(question, value, where)
        case "number" | "integer":
            return _number(question, value, where)
        case "yes-no" if not isinstance(value, bool):
            raise BadAnswers(f"{where} is neither yes nor no.", "Answer True or False.")
        case "text":
            return _text(question, value, where)
    return value


def _text(question: Question, value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise BadAnswers(f"{where} is not text.", "Give text.")
    text = value.strip()
    _check_count(question, len(text), "characters", where)
    return text


def _check_count(question: Question, count: int, what: str, where: str) -> None:
    if question.minimum is not None and count < question.minimum:
        raise BadAnswers(f"{where} has {count} {what}.", f"It needs at least {question.minimum:g}.")
    if question.maximum is not None and count > question.maximum:
        raise BadAnswers(f"{where} has {count} {what}.", f"It takes at most {question.maximum:g}.")


def _choice(question: Question, value: Any, where: str) -> Any:
    for known, _label in question.choices:
        if value == known or str(value) == str(known):
            return known
    listed = ", ".join(str(known) for known, _label in question.choices)
    raise BadAnswers(f"{where} is not one of the choices.", f"Choose {listed}.")


def _number(question: Question, value: Any, where: str) -> float | int:
    kind = "a whole number" if question.kind == INTEGER else "a number"
    is_written = isinstance(value, str) and "_" not in value
    try:
        number = float(value) if is_written or type(value) in (int, float) else float("nan")
    except (ValueError, OverflowError):
        number = float("nan")
    if number != number or abs(number) == float("inf") or (question.kind == INTEGER and number % 1):
        raise BadAnswers(f"{where} is not {kind}.", f"Give {kind}.")
    _check_range(question, number, where)
    return int(number) if question.kind == INTEGER else number


def _check_range(question: Question, number: float, where: str) -> None:
    unit = f" {question.unit}" if question.unit else ""
    if question.minimum is not None and number < question.minimum:
        raise BadAnswers(f"{where} is too small.", f"It is at least {question.minimum:g}{unit}.")
    if question.maximum is not None and number > question.maximum:
        raise BadAnswers(f"{where} is too large.", f"It is at most {question.maximum:g}{unit}.")
