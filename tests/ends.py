"""The two ends of one session, with what a side keeps beside its ratchet."""

import pytest

from loom.core import ratchet
from loom.core.choice import Counters
from loom.core.ratchet import Opened, Ratchet
from loom.core.session import Session
from loom.core.sessions import Sessions, encode_sessions
from loom.core.skipped import SkippedMessageKeys
from loom.errors import (
    LoomError,
    PeerError,
)
from tests.people import NOW_S, Source, ratchets


class End:
    """One side of a session: its state, its skipped keys, and what it opened."""

    def __init__(self, state: Ratchet, source: Source) -> None:
        self.state = state
        self.source = source
        self.keys = SkippedMessageKeys()

    def seal(self, payload: bytes = b"x", *, may_step: bool = True) -> bytes:
        """One message; the state moves on."""
        sealed = ratchet.seal(
            self.state,
            payload,
            prefix_bytes=0,
            entropy=self.source.entropy(),
            fresh_key=self.source.key,
            may_step=may_step,
        )
        self.state = sealed.ratchet
        return sealed.message

    @property
    def may_send(self) -> bool:
        """Bob must hear something first."""
        return self.state.direction == 0 or self.state.receiving is not None

    def try_open(self, message: bytes, now_s: int = NOW_S) -> Opened:
        """Open without moving."""
        return ratchet.open_(self.state, message, self.keys, now_s)

    def open_(self, message: bytes, now_s: int = NOW_S) -> bytes:
        """Open, and move on."""
        opened = self.try_open(message, now_s)
        self.state = opened.ratchet
        self.keys.apply(opened.skipped, now_s)
        return opened.payload


Ends = tuple[End, End]


def fresh_ends(seed: int = 1) -> Ends:
    """Alice and Bob after the handshake."""
    source = Source(seed)
    first, second = ratchets(source)
    return End(first, source), End(second, source)


def stored_bytes(state: Ratchet) -> bytes:
    """What the store would keep of a ratchet."""
    session = Session(b"", b"", b"", True, b"", 0, 0, None, state)
    return encode_sessions(Sessions(Counters(), (session,)))


def refused(end: End, message: bytes, error: type[LoomError] = PeerError) -> None:
    """It does not open, and nothing of the state changes."""
    before, keys = stored_bytes(end.state), dict(end.keys._keys)
    with pytest.raises(error):
        end.open_(message)
    assert stored_bytes(end.state) == before
    assert end.keys._keys == keys
