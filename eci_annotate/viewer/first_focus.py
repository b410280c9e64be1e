"""The keyboard focus of a page that has just loaded: on its first useful control, not on the page as a whole.

A message of the kernel would come too early, because pages are shown after the kernel has made them.
"""

from __future__ import annotations

import anywidget

# waits for the list, takes the focus from nobody, and gives up when the user does something
FOCUS = """
const WAIT_MS = 10000, EMPTY_MS = 1000, ACTS = ["keydown", "pointerdown"];
const USEFUL = "button:enabled, input:enabled, a[href]";
function render({ el }) {
  const begun = performance.now(), over = new AbortController();
  for (const act of ACTS) addEventListener(act, () => over.abort(), { capture: true, signal: over.signal });
  const look = () => {
    if (over.signal.aborted) return;
    const page = el.closest(".eci-work"), passed = performance.now() - begun;
    const empty = page?.querySelector(".eci-worklist") && passed > EMPTY_MS;
    const first = page?.querySelector(".eci-task button:enabled") ?? (empty ? page.querySelector(USEFUL) : null);
    if (first && document.activeElement === document.body) first.focus();
    if (first || passed > WAIT_MS) return over.abort();
    requestAnimationFrame(look);
  };
  look();
  return () => over.abort();
}
export default { render };
"""


class FirstFocus(anywidget.AnyWidget):  # type: ignore[misc]
    """A widget without a picture that gives the focus to the first task of a list once the list is on the page."""

    _esm = FOCUS

    def __init__(self) -> None:
        super().__init__()
        self.layout.display = "none"
