"""Two people who pair, driven without a network."""

import random
from collections import deque
from dataclasses import dataclass, field

from loom.core.identity import Identity
from loom.core.pairing import Pairing, PairingEnded, PairingEvent, Tries, WordsReady
from loom.core.pairing_link import LINK_RANDOM_BYTES, MeetingLink, OwnSide, PairingLink
from loom.errors import LoomError
from loom.model import ContactToken
from loom.wire.nearby import Introduction
from tests.people import ALICE, BOB


def let_everybody(_: ContactToken) -> None:
    """Forbids no token."""


@dataclass(eq=False)
class Side:
    """One person's node while it pairs."""

    name: str
    identity: Identity
    number: bytes
    port: int = 4_070
    tries: Tries = field(default_factory=Tries)
    events: list[PairingEvent[Introduction]] = field(default_factory=list)
    own: OwnSide = field(init=False)
    pairing: Pairing[Introduction] = field(init=False)

    def __post_init__(self) -> None:
        self.own = OwnSide(self.number, self.identity, self.name, self.port, let_everybody)
        self.pairing = Pairing(self.number, self._link, self.tries)
        self._random = random.Random(self.name)

    def _link(self, *, dialled: bool, random: bytes, now_s: float) -> PairingLink:
        return PairingLink(self.own, dialled=dialled, random=random, now_s=now_s)

    def seeds(self) -> bytes:
        """For one link."""
        return self._random.randbytes(LINK_RANDOM_BYTES)

    @property
    def words(self) -> tuple[str, ...]:
        """What is on the screen; empty: nothing."""
        shown = [event.words for event in self.events if isinstance(event, WordsReady)]
        return shown[-1] if shown else ()

    @property
    def errors(self) -> list[LoomError]:
        """How meetings ended."""
        return [event.error for event in self.events if isinstance(event, PairingEnded)]


def alice(number: bytes = b"a" * 16) -> Side:
    """Somebody."""
    return Side("Alice", ALICE, number)


def bob(number: bytes = b"b" * 16) -> Side:
    """Somebody else."""
    return Side("Bob", BOB, number)


class Stream:
    """One connection between two sides; bytes and the end travel when told."""

    def __init__(self, near: Side, far: Side, now_s: float = 0.0) -> None:
        self.near, self.far = near, far
        self.near_link: MeetingLink[Introduction] = near.pairing.dial(near.seeds(), now_s)
        self.far_link: MeetingLink[Introduction] | None = None
        self._is_accepted = False
        self._forth: deque[bytes] = deque()
        self._back: deque[bytes] = deque()
        self._near_ended = self._far_ended = False
        self._near_told = self._far_told = False

    @property
    def is_quiet(self) -> bool:
        """Nothing is under way."""
        self.collect()
        waits = self._forth or self._back or not self._is_accepted
        ends = (self._near_ended and not self._far_told) or (
            self._far_ended and not self._near_told
        )
        return not waits and not ends

    def collect(self) -> None:
        """Take what both ends have to send."""
        for link, queue in ((self.near_link, self._forth), (self.far_link, self._back)):
            if link is not None and (data := link.data_to_send()):
                queue.append(data)
        self._near_ended = self._near_ended or self.near_link.is_over
        self._far_ended = self._far_ended or (self.far_link is not None and self.far_link.is_over)

    def accept(self, now_s: float = 0.0) -> None:
        """Both sides hear of the connection."""
        self._is_accepted = True
        self.near_link.connected(now_s)
        self.far_link = self.far.pairing.accept(self.near.name, self.far.seeds(), now_s)
        self._far_ended = self.far_link is None

    def forth(self, size: int, now_s: float = 0.0) -> None:
        """At most so many bytes, or the end, from near to far."""
        if not self._is_accepted:
            self.accept(now_s)
        elif self.far_link is not None and (data := _cut(self._forth, size)):
            self.far.events += self.far.pairing.receive_data(self.far_link, data, now_s)
        elif self._near_ended and not self._far_told:
            self._far_told = True
            if self.far_link is not None:
                self.far.events += self.far.pairing.lost(self.far_link, now_s)

    def back(self, size: int, now_s: float = 0.0) -> None:
        """The same from far to near."""
        if data := _cut(self._back, size):
            self.near.events += self.near.pairing.receive_data(self.near_link, data, now_s)
        elif self._far_ended and not self._near_told:
            self._near_told = True
            self.near.events += self.near.pairing.lost(self.near_link, now_s)


def _cut(queue: deque[bytes], size: int) -> bytes:
    if not queue:
        return b""
    data = queue.popleft()
    if size < len(data):
        queue.appendleft(data[size:])
    return data[:size]


def pump(*streams: Stream, cut: int = 1 << 20, now_s: float = 0.0) -> None:
    """Carry everything until all is quiet."""
    while any(not stream.is_quiet for stream in streams):
        for stream in streams:
            stream.forth(cut, now_s)
            stream.collect()
            stream.back(cut, now_s)
            stream.collect()
