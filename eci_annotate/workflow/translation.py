"""Forms and manuals in several languages: the texts differ, the questions and the stored answers never do.

English is always there. `x-title` and `x-description` hold the others, beside the English `title` and `description`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eci_annotate.workflow.findings import Finding

ENGLISH = "en"
NAMES = {
    ENGLISH: "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "it": "Italiano",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt": "Português",
    "sv": "Svenska",
}
TEXTS = {"title": "x-title", "description": "x-description"}
MOST_NAMED = 3


def name_of(language: str) -> str:
    """Return the name of a language in that language."""
    return NAMES.get(language, language)


def language_for(wanted: str, languages: Sequence[str]) -> str:
    """Return the first wanted language that there is, else English.

    Parameters
    ----------
    wanted
        What a browser says: ``de-AT``, or ``de-AT,de;q=0.9,en;q=0.8`` in the order of preference.
    languages
        Those that there are beside English.
    """
    for each in wanted.split(","):
        language = each.split(";")[0].strip().split("-")[0].lower()
        if language in (*languages, ENGLISH):
            return language
    return ENGLISH


def translated(schema: Any, language: str) -> Any:
    """Return a report form with its titles and descriptions in a language; those without a translation in English."""
    if isinstance(schema, list):
        return [translated(each, language) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {key: translated(value, language) for key, value in schema.items()}
    for text, others in TEXTS.items():
        if isinstance(given := schema.get(others), Mapping) and language in given:
            found[text] = given[language]
    return found


def translation_findings(
    report: Mapping[str, Any], manual: str, manuals: Mapping[str, str], languages: Sequence[str]
) -> Iterator[Finding]:
    """Yield what is missing of each language, and what is there of a language that the use case does not list."""
    texts = list(_texts(report))
    for language in languages:
        if missing := [text for text, others in texts if language not in others]:
            named = ", ".join(map(repr, missing[:MOST_NAMED]))
            more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
            yield (
                f"The form has no translation into {name_of(language)} ({language}) of {named}{more}.",
                "Add it beside the text, as x-title or x-description.",
            )
        if manual and language not in manuals:
            yield f"manual.{language}.md is missing.", f"Translate manual.md, or do not list the language {language!r}."
    others = {language for _, given in texts for language in given} | set(manuals)
    for language in sorted(others - set(languages)):
        yield f"There are texts in {language!r}, which is not listed.", "List it under languages in usecase.yaml."


def _texts(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield each English text with its translations; a choice that is displayed by its value needs none."""
    for text, others in TEXTS.items():
        if isinstance(schema.get(text), str) and (others in schema or schema[text] != schema.get("const")):
            yield schema[text], schema.get(others, {})
    for option in schema.get("oneOf", ()):
        yield from _texts(option)
    for question in schema.get("properties", {}).values():
        yield from _texts(question)
    if isinstance(schema.get("items"), Mapping):
        yield from _texts(schema["items"])
