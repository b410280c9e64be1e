"""JSON Schema, draft 2020-12, without jsonschema's grammar of internationalised addresses.

That grammar is optional, and takes two seconds to build whenever jsonschema is imported; no schema of ours uses it.
"""

from __future__ import annotations

import json
import sys
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from types import ModuleType

    from jsonschema import Draft202012Validator

_GRAMMAR = "rfc3987_syntax"


def validator_of(schema: Any) -> Draft202012Validator:
    """Return the validator of a schema."""
    return cast("Draft202012Validator", _library().Draft202012Validator(schema))


def fault_of(schema: Any) -> str:
    """Return what is wrong with a schema itself; an empty string if nothing is."""
    return _fault_of(json.dumps(schema))


@lru_cache(64)
def _fault_of(text: str) -> str:
    """Check the JSON of a schema; a definition is read much more often than it changes."""
    library = _library()
    try:
        library.Draft202012Validator.check_schema(json.loads(text))
    except library.exceptions.SchemaError as error:
        return str(error.message)
    return ""


@cache
def _library() -> ModuleType:
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    hidden = "jsonschema" not in modules and _GRAMMAR not in modules
    if hidden:
        modules[_GRAMMAR] = None  # an import fails as it does where the grammar is not installed
    try:
        import jsonschema
    finally:
        if hidden:
            del modules[_GRAMMAR]
    return jsonschema
