"""What the command prints: lines, tables, and bars of progress; control characters never reach the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from unicodedata import category

WIDTH, DRAW_S = 30, 0.1


def plain_text(value: object) -> str:
    """Return a value as text that a terminal only shows."""
    return "".join(" " if char in "\n\t" else "?" if category(char) in ("Cc", "Cf") else char for char in str(value))


def print_line(text: str) -> None:
    """Print a line."""
    print(plain_text(text))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table with aligned columns."""
    cells = [[plain_text(each) for each in row] for row in [columns, *rows]]
    widths = [max(len(row[n]) for row in cells) for n in range(len(columns))]
    for number, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


class ProgressBar:
    """Draws a bar for each piece of work on a terminal; nothing where standard error is no terminal."""

    def __init__(self) -> None:
        self._shown, self._drawn, self._begun = "", 0.0, dict[str, float]()
        self._visible = sys.stderr.isatty()

    def __call__(self, what: str, done: int, of: int) -> None:
        """Show that `done` of `of` is done."""
        now = time.monotonic()
        self._begun.setdefault(what, now)
        if self._visible and (now - self._drawn > DRAW_S or done == of):
            self._draw(what, done, max(of, 1), now)

    def _draw(self, what: str, done: int, of: int, now: float) -> None:
        if self._shown not in ("", what):
            sys.stderr.write("\n")
        filled = WIDTH * done // of
        spent = now - self._begun[what]
        left = f", {spent * (of - done) / done:.0f} s left" if 0 < done < of else ""
        sys.stderr.write(f"\r{what} [{'#' * filled}{'.' * (WIDTH - filled)}] {done} of {of}{left}\x1b[K")
        sys.stderr.flush()
        self._shown, self._drawn = what, now

    def close(self) -> None:
        """End the line."""
        if self._shown:
            sys.stderr.write("\n")
