"""A kernel that is killed in the middle of a stroke loses at most a second; the task reopens where it was."""

from __future__ import annotations

import os
import signal
import time

import eci_annotate as eci
from eci_annotate.repository.admin.create import create_repository
from eci_annotate.repository.admin.import_dicom import import_folders
from eci_annotate.tools import replay
from tests.browser.lab import Viewer, browsing, run_all, serving
from tests.browser.test_whole_path import SAMPLE, SUBJECT, add, circle, press

OPEN = "import os\nimport eci_annotate as eci\nopen('pid', 'w').write(str(os.getpid()))\nrepo = eci.open('demo')"
START = f"task = repo.start({SUBJECT!r}, 'annotate')\neci.annotate(task)"


def painted(repository, session):
    """Voxels painted, as the draft holds them now."""
    task = eci.open(repository, session=session).start(SUBJECT, "annotate", take_over=True)
    draft = task.draft()
    easel = replay(task.volume, draft.snapshot, draft.lines)
    return sum(int((easel.table.field(uid) >= 32768).sum()) for uid in easel.table.history.fields), easel


def test_a_killed_kernel_loses_at_most_a_second(tmp_path):
    create_repository(tmp_path / "demo", project="liver-ct", member="anna", site="KAU")
    import_folders(eci.open(tmp_path / "demo").backend, [SAMPLE], project="liver-ct", site="KAU")
    with serving(tmp_path) as lab, browsing(1500, 1100) as page:
        run_all(page, lab.put("killed.ipynb", [OPEN, START]))
        viewer = Viewer(page)
        viewer.wait()
        press(page, "SmartPaint")
        add(page, "broken off")
        page.mouse.move(*viewer.at("axial", 0.27, 0.50))
        page.mouse.down()
        for point in circle(0.25, 0.50, 0.02, 40):
            page.mouse.move(*viewer.at("axial", *point))
        time.sleep(1.0)
        seen = viewer.page.evaluate("() => document.querySelector('.eci-stage').stage.queue.sent.size")
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        assert seen == 0, "the kernel had drawn all of it"
    before, easel = painted(tmp_path / "demo", "after-the-kill")
    assert before > 50
    assert easel.table.undo_name == "Undo SmartPaint stroke on broken off"
    with serving(tmp_path) as lab, browsing(1500, 1100) as page:
        start = START.replace("'annotate')", "'annotate', take_over=True)")
        run_all(page, lab.put("again.ipynb", [OPEN, start]))
        viewer = Viewer(page)
        viewer.wait()
        assert page.locator(".eci-app").get_by_text("broken off").count() or page.locator(
            ".eci-app input[type=text]"
        ).evaluate_all("inputs => inputs.some(i => i.value === 'broken off')")
        viewer.drag("axial", circle(0.32, 0.55, 0.01), steps=2)
        viewer.rest()
        time.sleep(1.0)
    after, _ = painted(tmp_path / "demo", "at-last")
    assert after > before
