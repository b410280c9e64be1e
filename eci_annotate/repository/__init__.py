"""The application: `Backend` and `Images`, and the handles that a notebook holds. `open` is the way in."""

from eci_annotate.repository.repository import Repository, open

__all__ = ["Repository", "open"]
