"""How many pieces are asked for at a time: enough to keep a link busy, and no queue on it."""

from collections import deque
from typing import Final

from loom.wire.limits import FILE_ASKED_MAX

FIRST: Final = 4
LEAST: Final = 2
QUEUE_LOW_S: Final = 0.0003
QUEUE_HIGH_S: Final = 0.001
"""A text waits about so long behind what was asked for; where the way itself takes long,"""
QUEUE_LOW: Final = 0.1
QUEUE_HIGH: Final = 0.25
"""about such a part of what the fastest piece took."""


class Window:
    """Of one link. What takes longer than the fastest piece did has waited behind others."""

    def __init__(self) -> None:
        self.size = FIRST
        self._asked_s: deque[float] = deque()
        self._least_s = float("inf")

    def asked(self, count: int, now_s: float) -> None:
        """So many more were asked for."""
        self._asked_s.extend([now_s] * count)

    def waits(self, count: int, now_s: float) -> None:
        """So many of all that were asked for are still to come; answers come in order."""
        while len(self._asked_s) > count:
            took_s = now_s - self._asked_s.popleft()
            self._least_s = min(self._least_s, took_s)
            queued_s = took_s - self._least_s
            if queued_s > max(QUEUE_HIGH_S, QUEUE_HIGH * self._least_s):
                self.size = max(LEAST, self.size - 1)
            elif queued_s < max(QUEUE_LOW_S, QUEUE_LOW * self._least_s):
                self.size = min(FILE_ASKED_MAX, self.size + 1)
