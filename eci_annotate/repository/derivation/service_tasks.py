"""When derived tasks are looked for: after a signature in a folder of one's own, and by a service all the time."""

from __future__ import annotations

from eci_annotate.repository.derivation.service_member import served_projects
from eci_annotate.repository.local.context import Rooms

_PIECE = 10_000


class DerivedTasks:
    """The derived tasks of a repository; `step` does those that became ready since the last one."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._seen = 0

    def step(self) -> int:
        """Do what is ready when anything was appended since the last step; returns how many tasks were signed."""
        before = self._seen
        while entries := self._rooms.stores.events.feed(self._seen, _PIECE):
            self._seen = entries[-1].position
        return do_derived(self._rooms) if self._seen > before else 0


def do_derived(rooms: Rooms) -> int:
    """Do the derived tasks that are ready; returns how many were signed. Loads the kernels only where there are any."""
    if not served_projects(rooms):
        return 0
    from eci_annotate.repository.derivation.derive_versions import derive_all

    return derive_all(rooms)
