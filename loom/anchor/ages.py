"""Whether the clock may be believed when it says that something is old."""

from typing import Final

DAY_S: Final = 86_400.0


class Ages:
    """Deletes nothing by age for a day after the clock jumped by a day.

    Args:
        seen_s: when the anchor last looked, in Unix seconds, as it was stored; 0: never.
    """

    def __init__(self, seen_s: float, now_s: float, monotonic_s: float) -> None:
        self._now_s = now_s
        self._monotonic_s = monotonic_s
        # A machine that was off for a day cannot tell that from a jump.
        has_jumped = bool(seen_s) and abs(now_s - seen_s) >= DAY_S
        self._trusted_from_s = monotonic_s + DAY_S if has_jumped else monotonic_s

    def may_delete(self, now_s: float, monotonic_s: float) -> bool:
        """Look at both clocks; whether what looks old is old."""
        jumped_s = abs((now_s - self._now_s) - (monotonic_s - self._monotonic_s))
        self._now_s, self._monotonic_s = now_s, monotonic_s
        if jumped_s >= DAY_S:
            self._trusted_from_s = monotonic_s + DAY_S
        return monotonic_s >= self._trusted_from_s
