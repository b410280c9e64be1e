"""A hanging protocol's choices in words: what was chosen for each slot and why, the runner-up, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eci_annotate.workflow.usecase.hanging import Hanging, Judgement, SlotChoice
from eci_annotate.workflow.usecase.protocol_stages import Fuse


def explain(hanging: Hanging, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return, for each slot, its title and an explanation; then the series that were left out.

    Parameters
    ----------
    hanging
        The layout of a study.
    names
        What to call a series, by its UID.
    """
    fuses = {each.slot: each.fuse for each in hanging.placed}
    slots = [
        (choice.title, " ".join((*_of_slot(choice, names), *_of_fuse(fuses.get(choice.slot), names))))
        for choice in hanging.choices
    ]
    left = [(names[out.series_uid], f"Left out: {'; '.join(out.reasons)}.") for out in hanging.left_out]
    return [*slots, *left]


def _of_slot(choice: SlotChoice, names: Mapping[str, str]) -> Iterator[str]:
    chosen = choice.chosen
    if chosen is None:
        yield "No series fits."
        nearest = next((each for each in choice.judgements if len(each.against) == 1 and not each.taken), None)
        if nearest:
            yield f"Nearest is {names[nearest.series_uid]}, but {nearest.against[0]}."
        return
    yield f"{names[chosen.series_uid]}: {_list(chosen.met)}."
    others = [each for each in choice.judgements if each.fits and each is not chosen]
    if not others:
        yield "No other series fits."
        return
    yield f"Runner-up is {names[others[0].series_uid]}: {_behind(chosen, others[0])}."


def _of_fuse(fuse: Fuse | None, names: Mapping[str, str]) -> Iterator[str]:
    if fuse is not None:
        yield f"Over it, in colour, {names[fuse.series_uid]}: {_list(fuse.reasons)}."


def _behind(chosen: Judgement, other: Judgement) -> str:
    if other.score == chosen.score:
        return "it fits as well, and comes later in the study"
    lacks = [why for why in other.unmet if why in chosen.met]
    scores = f"score {other.score:g} against {chosen.score:g}"
    return f"{scores}; not so: {_list(lacks)}" if lacks else scores


def _list(words: tuple[str, ...] | list[str]) -> str:
    return "; ".join(words) or "it fits"
