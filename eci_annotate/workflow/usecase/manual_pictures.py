"""A manual with its pictures inside, so that both are versioned with the use case."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from eci_annotate.errors import BadUseCase
from eci_annotate.workflow.definition_file import read_text, require_inside

PICTURE = re.compile(r"!\[([^\]]*)\]\(([\w-]+\.(png|jpe?g|webp))\)")
MOST_BYTES = 200_000
_TYPES = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}
_BEGIN = {"png": rb"\x89PNG\r\n\x1a\n", "jpeg": rb"\xff\xd8\xff", "webp": rb"RIFF....WEBP"}
_ANY_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)]*)\)")


def read_manual(path: Path) -> str:
    """Read a manual; pictures of its own folder become part of the text, as data addresses.

    Raises
    ------
    BadUseCase
        The manual cannot be read; or a picture is missing, elsewhere, none, or larger than 200 kB.
    """
    text = read_text(path)
    for found in _ANY_PICTURE.finditer(text):
        if not PICTURE.fullmatch(found.group()) and not found.group(1).startswith("data:image/"):
            what = f"{path.name} names the picture {found.group(1)!r}, which it cannot carry."
            raise BadUseCase(what, "Put a PNG, JPEG or WebP next to it, and name that; letters, digits, - and _.")
    return PICTURE.sub(lambda found: _inside(path.parent, *found.groups()), text)


def _inside(folder: Path, text: str, name: str, kind: str) -> str:
    picture = folder / name
    if not picture.is_file():
        raise BadUseCase(f"The manual names the picture {name}, which is missing.", "Add it, or remove the line.")
    require_inside(picture)
    if picture.stat().st_size > MOST_BYTES:
        raise BadUseCase(f"The picture {name} of the manual is too large.", f"At most {MOST_BYTES // 1000} kB each.")
    content = picture.read_bytes()
    if not re.match(_BEGIN[_TYPES[kind]], content, re.DOTALL):
        raise BadUseCase(f"The picture {name} of the manual is no picture of that kind.", "Save it again as one.")
    return f"![{text}](data:image/{_TYPES[kind]};base64,{base64.b64encode(content).decode()})"
