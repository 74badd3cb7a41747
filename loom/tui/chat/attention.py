"""What somebody looks at, and what of it counts as read."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from textual.timer import Timer

from loom.api.events import AnyEvent, MessageReceived, RoomPosted
from loom.tui.chat.reader import Reader
from loom.tui.chat.timeline import Timeline
from loom.tui.owner import Owner

CALM_S: Final = 0.5
"""Messages that come closer than this rush by, and are read when they pause."""


class Attention:
    """Tells the node what was read.

    Args:
        panes: what reads, and where that is on the screen; the open conversation is the first.
        is_shown: whether nothing lies over the conversation.
    """

    def __init__(
        self,
        owner: Owner,
        panes: Sequence[tuple[Reader, Timeline]],
        is_shown: Callable[[], bool],
    ) -> None:
        self._owner = owner
        self._panes = panes
        self._is_shown = is_shown
        self._came_s = -CALM_S
        self._calm: Timer | None = None

    def look(self, *, by_hand: bool = False) -> None:
        """What is on the screen counts as read if the terminal has the focus.

        Where the terminal never says so, somebody must press a key or the mouse over it.
        """
        focus = self._owner.has_focus
        if not (focus or (focus is None and by_hand)) or not self._is_shown():
            return
        if self._calm is not None and not by_hand:
            return  # what rushes by is read by nobody
        for reader, timeline in self._panes:
            rows = reader.unseen(timeline.on_screen)
            if rows is not None and reader.number is not None:
                self._owner.work(reader.mark_seen(reader.number, rows), "seen")

    def came(self, happened: Sequence[AnyEvent]) -> None:
        """While messages come fast, what is on the screen counts as read when they pause."""
        came = sum(
            isinstance(one, MessageReceived | RoomPosted)
            and any(reader.number is not None and reader.is_here(one) for reader, _ in self._panes)
            for one in happened
        )
        if not came:
            return
        before_s, self._came_s = self._came_s, time.monotonic()
        if came > 1 or self._came_s - before_s < CALM_S:
            if self._calm is not None:
                self._calm.stop()
            self._calm = self._panes[0][1].set_timer(CALM_S, self.calm_down)

    def calm_down(self) -> None:
        """Nothing came for a while."""
        self._calm = None
        self.look()
