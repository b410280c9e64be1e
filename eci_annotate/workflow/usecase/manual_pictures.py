"""A manual with its pictures inside, so that both are versioned with the use case."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from eci_annotate.errors import BadUseCase

PICTURE = re.compile(r"!\[([^\]]*)\]\(([\w-]+\.(png|jpg|webp))\)")
MOST_BYTES = 200_000
_TYPES = {"png": "png", "jpg": "jpeg", "webp": "webp"}


def read_manual(path: Path) -> str:
    """Read a manual; pictures of its own folder become part of the text, as data addresses.

    Raises
    ------
    BadUseCase
        A picture is missing, or larger than 200 kB.
    """
    return PICTURE.sub(lambda found: _inside(path.parent, *found.groups()), path.read_text(encoding="utf-8"))


def _inside(folder: Path, text: str, name: str, kind: str) -> str:
    picture = folder / name
    if not picture.is_file():
        raise BadUseCase(f"The manual names the picture {name}, which is missing.", "Add it, or remove the line.")
    content = picture.read_bytes()
    if len(content) > MOST_BYTES:
        raise BadUseCase(f"The picture {name} of the manual is too large.", f"At most {MOST_BYTES // 1000} kB each.")
    return f"![{text}](data:image/{_TYPES[kind]};base64,{base64.b64encode(content).decode()})"
