"""Tells front ends how fast content moves."""

from collections import OrderedDict, deque
from typing import Final

from loom.api.events import FileProgress
from loom.model import FileId
from loom.node.context import DeviceContext
from loom.storage.files import StoredFile

INTERVAL_S: Final = 0.25
WINDOW_S: Final = 5.0
FILES_MAX: Final = 64


class Progress:
    """Of the files of one contact in one direction."""

    def __init__(self, context: DeviceContext, direction: str) -> None:
        self._context = context
        self._direction = direction
        self._seen: OrderedDict[FileId, deque[tuple[float, int]]] = OrderedDict()

    def moved(self, file: StoredFile, moved: int) -> None:
        """So many bytes of it have moved in all; told at most four times a second."""
        journal = self._context.parts.journal
        if not journal.has_readers:
            return
        now_s = self._context.parts.clock.monotonic_s()
        seen = self._seen.setdefault(file.file_id, deque())
        if seen and now_s - seen[-1][0] < INTERVAL_S and moved < file.size:
            return
        seen.append((now_s, moved))
        while now_s - seen[0][0] > WINDOW_S and len(seen) > 2:
            seen.popleft()
        if moved >= file.size or len(self._seen) > FILES_MAX:
            self._seen.popitem(last=False) if moved < file.size else self._seen.pop(file.file_id)
        then_s, before = seen[0]
        seconds = now_s - then_s
        person = self._context.person
        journal.tell(
            FileProgress(
                file_id=file.file_id.hex(),
                contact=person.name if file.room is None else "",
                contact_id=person.person_id if file.room is None else 0,
                direction=self._direction,
                received_bytes=min(moved, file.size),
                size_bytes=file.size,
                rate_bytes_per_s=int((moved - before) / seconds) if seconds > 0 else 0,
            )
        )
