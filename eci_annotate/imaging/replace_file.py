"""Write a file atomically: it exists completely or not at all."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes) -> Path:
    """Replace a file by new content, and return its path; its folder is created. Access follows the user's umask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".writing-{secrets.token_hex(8)}")
    try:
        with part.open("xb") as stream:
            stream.write(content)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
    return path
