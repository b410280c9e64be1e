"""What a page says is handled in the order in which it was said, also where JupyterLab names a thread for it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.browser.lab import OPEN, Viewer, browsing, private_places, run_all, serving
from tests.browser.test_whole_path import add, press

WRITE = """
import threading
from eci_annotate.viewer.session.comm_order import Once
handle = Once.__call__
def written(self, *given):
    with open("threads.txt", "a") as file:
        print(threading.current_thread().name, file=file)
    return handle(self, *given)
Once.__call__ = written
"""


def asking_for_threads(place: Path) -> None:
    """JupyterLab's own setting, as it is where ours is not installed."""
    folder = Path(private_places(place)["JUPYTERLAB_SETTINGS_DIR"]) / "@jupyterlab/apputils-extension"
    folder.mkdir(parents=True)
    wish = json.dumps({"commsOverSubshells": "perCommTarget"})
    (folder / "kernels-settings.jupyterlab-settings").write_text(wish, encoding="utf-8")


def test_one_thread_takes_all_that_a_page_says(place: Path) -> None:
    asking_for_threads(place)
    said: list[str] = []

    def heard(payload: str | bytes) -> None:
        text = payload if isinstance(payload, str) else payload.decode("latin-1")
        if '"comm_msg"' in text:
            said.append(text)

    with serving(place) as lab, browsing() as page:
        page.on("websocket", lambda socket: socket.on("framesent", heard))
        run_all(page, lab.put("order.ipynb", [WRITE, OPEN.format(folder="repository")]))
        viewer = Viewer(page)
        viewer.wait()
        for number in range(3):  # what has answered once is what would change its thread
            add(page, f"lesion {number}")
            viewer.drag("axial", [(0.4, 0.4 + number / 10), (0.45, 0.45 + number / 10)])
            viewer.rest()
        viewer.heard()
    assert any('"subshell_id":"' in text for text in said), "JupyterLab names no thread any more"
    assert set((place / "threads.txt").read_text(encoding="utf-8").split()) == {"MainThread"}


def test_a_name_is_there_before_the_click_that_needs_it(viewer: Viewer) -> None:
    page = viewer.page
    page.evaluate(
        "() => { jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute("
        "{ code: 'import time; time.sleep(3)' }) }"
    )
    page.get_by_placeholder("next label").press_sequentially("in segment VI", delay=30)
    press(page, "Add")
    page.wait_for_function("() => document.querySelectorAll('.eci-row').length === 1")
    assert page.locator(".eci-row .eci-label input").input_value() == "in segment VI"
