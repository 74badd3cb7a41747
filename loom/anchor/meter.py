"""So many in a time: what came counts less the longer ago it was."""


class Meter:
    """Allows `count` at once, and as many again in each `interval_s` (GCRA)."""

    __slots__ = ("_free_at_s", "_interval_s", "_step_s")

    def __init__(self, count: int, interval_s: float) -> None:
        self._interval_s = interval_s
        self._step_s = interval_s / count
        self._free_at_s = 0.0
        """When all that was taken is forgotten."""

    def wait_s(self, now_s: float) -> float:
        """How long until one more is allowed; 0: now."""
        return max(0.0, self._free_at_s + self._step_s - self._interval_s - now_s)

    def take(self, now_s: float) -> None:
        """Count one."""
        self._free_at_s = max(self._free_at_s, now_s) + self._step_s
