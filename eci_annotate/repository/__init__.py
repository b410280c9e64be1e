"""The application: `Backend` and `Images`, and the handles that a notebook holds. `open` is the way in."""

from eci_annotate.repository.open_repository import open
from eci_annotate.repository.repository import Repository

__all__ = ["Repository", "open"]
