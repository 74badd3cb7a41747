"""Time without a key or a click, a suspended machine's sleep included."""

import os
import sys
import time
from typing import Final

LOOK_S: Final = 5.0
"""How often it is looked at."""


def now_s() -> float:
    """Seconds since some start; where the system can tell, those asleep too."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def last_read_s() -> float:
    """When somebody typed something that a program took, as the terminal says; to some seconds."""
    try:
        return os.fstat((sys.__stdin__ or sys.stdin).fileno()).st_atime
    except (OSError, ValueError):
        return 0.0


class Idle:
    """Counts from the last touch; `limit_s` 0: never over."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._touched_s = now_s()

    def touch(self) -> None:
        """Somebody is here."""
        self._touched_s = now_s()

    def is_over(self) -> bool:
        """Whether nobody was here for that long."""
        return self.limit_s > 0 and now_s() - self._touched_s >= self.limit_s
