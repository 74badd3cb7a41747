"""What this node dialled to one contact: other links are of another machine (PROTOCOL 3.7)."""

from typing import Final

from loom.links.direct import DirectLink
from loom.ports import Clock
from loom.wire.limits import LINK_RAND_BYTES, UNKNOWN_DIALS_S

REMEMBERED: Final = 64
"""More than are dialled while one of them is confirmed."""


class Dials:
    """The `rand` of the latest links, since this was made."""

    __slots__ = ("_clock", "_rands", "_since_s")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s = clock.monotonic_s()
        self._rands: tuple[bytes, ...] = ()  # little memory while there is nothing

    def begun(self, rand: bytes) -> None:
        """A link is dialled with this `rand` (16 bytes)."""
        self._rands = (*self._rands, rand)[-REMEMBERED:]

    def is_of_another(self, replaced: DirectLink, rand: bytes) -> bool:
        """Whether another machine dialled the link with this `rand`, which replaced one of here.

        Not for `UNKNOWN_DIALS_S`, since the node may have dialled it before it was started again.
        """
        is_settled = self._clock.monotonic_s() - self._since_s >= UNKNOWN_DIALS_S
        is_own = rand in self._rands or len(rand) != LINK_RAND_BYTES
        return is_settled and replaced.dialled and not is_own
