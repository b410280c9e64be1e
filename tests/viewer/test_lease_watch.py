"""A lease that another session took is noticed while nothing is saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import Queue

import pytest

from eci_annotate.errors import EciError, LeaseLost, StoreUnavailable
from eci_annotate.repository.open_repository import open as open_repository
from eci_annotate.viewer.session.autosave import Autosave
from eci_annotate.viewer.session.lease_watch import LeaseWatch
from eci_annotate.viewer.workbench import Workbench
from tests.patience import PATIENCE_S, until
from tests.repository.repository_world import S, make
from tests.viewer.test_autosave import LOST, Book, Later, Told
from tests.viewer.viewer_world import make_controller


class Answer(Book):
    """A task whose lease was taken, is held, or cannot be asked for."""

    def __init__(self, error: EciError | None) -> None:
        super().__init__()
        self.error, self.asked = error, 0

    def check_lease(self) -> None:
        self.asked += 1
        if self.error:
            raise self.error


class Loop(Later):
    """A loop that keeps what threads post to it."""

    def __init__(self) -> None:
        super().__init__()
        self.posted: Queue[Callable[[], None]] = Queue()

    def poster(self) -> Callable[[Callable[[], None]], object]:
        return self.posted.put


@pytest.mark.parametrize("error", [LOST, None, StoreUnavailable("No connection.")])
def test_only_a_taken_lease_ends_the_work_and_is_reported_once(error: EciError | None) -> None:
    task, told, loop = Answer(error), Told(), Loop()
    autosave = Autosave(task, make_controller().easel, told, loop)
    watch = LeaseWatch(task, autosave.lose, loop)
    for _ in range(2):
        watch.ask()
        watch.ask()  # the answer is not there yet
        loop.posted.get(timeout=PATIENCE_S)()
    taken = isinstance(error, LeaseLost)
    assert (task.asked, told.errors) == (2, [LOST] if taken else [])
    assert ("taken over by ben" in autosave.lost) == taken


def test_a_workbench_that_is_looked_at_asks_by_itself_and_becomes_read_only(tmp_path: Path) -> None:
    folder = make(tmp_path)
    bench = Workbench(open_repository(folder).start(S, "annotate"))
    open_repository(folder).start(S, "annotate", take_over=True)
    assert bench._tick() and not bench.autosave.lost  # no page shows it
    bench.controller.receive({"kind": "ready", "page": "tab"})
    assert bench._tick()
    assert until(lambda: "taken over by you, in another session" in bench.autosave.lost)
    assert until(lambda: bench.signing.button.disabled) and "taken over" in bench.controller.why_not
