"""The Double Ratchet: in order, ping-pong, in reverse."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.peers import double_ratchet, vodozemac
from bench.rows.handshake import NOW_S, new_identity, session_handshake

if TYPE_CHECKING:
    from loom.core.chains import RatchetKey
    from loom.core.ratchet import Ratchet

TEXT = bytes(64)


def _new_key() -> "RatchetKey":
    from loom.core.chains import RatchetKey

    return RatchetKey.from_seeds(os.urandom(32), os.urandom(64))


class _Side:
    """One end: its state, its skipped keys, and keys made ahead as a node makes them."""

    def __init__(self, ratchet: "Ratchet") -> None:
        from loom.core import ratchet as operations
        from loom.core.skipped import SkippedMessageKeys

        self._seal, self._open = operations.seal, operations.open_
        self._entropy_bytes = operations.ENTROPY_BYTES
        self._ratchet = ratchet
        self._skipped = SkippedMessageKeys()
        self.made_ahead: list[RatchetKey] = []

    def _fresh_key(self) -> "RatchetKey":
        return self.made_ahead.pop() if self.made_ahead else _new_key()

    def seal(self, text: bytes) -> bytes:
        sealed = self._seal(
            self._ratchet,
            text,
            prefix_bytes=0,
            entropy=os.urandom(self._entropy_bytes),
            fresh_key=self._fresh_key,
        )
        self._ratchet = sealed.ratchet
        return sealed.message

    def open_(self, message: bytes) -> bytes:
        opened = self._open(self._ratchet, message, self._skipped, NOW_S)
        self._skipped.apply(opened.skipped, NOW_S)
        self._ratchet = opened.ratchet
        return opened.payload

    @classmethod
    def pair(cls) -> tuple[Self, Self]:
        """Two ends past their handshake, each with a full hybrid step behind it."""
        from loom.core.ratchet import initiate, respond

        ada, bob = new_identity(), new_identity()
        started, accepted, prekey, signed_prekey = session_handshake(ada, bob)
        ids = (ada.peer_id, bob.peer_id)
        a = cls(initiate(started.keys, *ids, _new_key(), signed_prekey))
        first = a.seal(b"first")
        b = cls(respond(accepted.keys, *ids, prekey.signed_prekey, first, NOW_S).ratchet)
        a.open_(b.seal(b"answer"))
        b.open_(a.seal(b"second"))
        a.open_(b.seal(b"answer"))
        return a, b


def _in_order(count: int) -> Callable[[], float]:
    """Seconds per message."""
    sender, receiver = _Side.pair()

    def sample() -> float:
        start = time.perf_counter()
        for _ in range(count):
            receiver.open_(sender.seal(TEXT))
        return (time.perf_counter() - start) / count

    return sample


@contextmanager
def in_order(settings: Settings) -> Iterator[Sample]:
    """Messages per second, sealed and opened one after the other."""
    cost = _in_order(settings.amount(5_000, 100))
    yield lambda: 1 / cost()


@contextmanager
def in_order_cost(settings: Settings) -> Iterator[Sample]:
    """Seconds per message in order, as many as the reversed ones."""
    yield _in_order(1_000)


@contextmanager
def _ping_pong(settings: Settings, made_ahead: bool) -> Iterator[Sample]:
    sides = _Side.pair()
    count = settings.amount(500, 20)

    def sample() -> float:
        if made_ahead:
            for side in sides:
                side.made_ahead = [_new_key() for _ in range(count)]
        a, b = sides
        start = time.perf_counter()
        for _ in range(count):
            b.open_(a.seal(TEXT))
            a.open_(b.seal(TEXT))
        return (time.perf_counter() - start) / (2 * count)

    yield sample


@contextmanager
def ping_pong(settings: Settings) -> Iterator[Sample]:
    """Seconds per turn, a full hybrid step in each; the next key pair is made between turns."""
    with _ping_pong(settings, made_ahead=True) as sample:
        yield sample


@contextmanager
def ping_pong_with_keys(settings: Settings) -> Iterator[Sample]:
    """The same, the making of the key pair included."""
    with _ping_pong(settings, made_ahead=False) as sample:
        yield sample


def _reverse() -> tuple[int, float]:
    """(messages opened of 1,000 when the last one comes first, seconds per message)."""
    from loom.errors import PeerError

    sender, receiver = _Side.pair()
    opened = 0
    start = time.perf_counter()
    for message in reversed([sender.seal(TEXT) for _ in range(1_000)]):
        try:
            receiver.open_(message)
        except PeerError:
            continue
        opened += 1
    return opened, (time.perf_counter() - start) / 1_000


@contextmanager
def reversed_kept(settings: Settings) -> Iterator[Sample]:
    """How many of 1,000 messages open when the last one comes first."""
    _Side.pair()
    yield lambda: _reverse()[0]


@contextmanager
def reversed_cost(settings: Settings) -> Iterator[Sample]:
    """Seconds per message, sealed in order and opened in reverse, 1,000 at a time."""
    _Side.pair()
    yield lambda: _reverse()[1]


ROWS = (
    Row(
        "in-order",
        "encrypt + decrypt, 64 B, in order",
        Unit.RATE,
        (
            Contender("loom", in_order),
            Contender("vodozemac", vodozemac.in_order),
            Contender("DoubleRatchet", double_ratchet.in_order),
        ),
        (Target("vodozemac", at_least=0.6), Target("DoubleRatchet", at_least=3)),
    ),
    Row(
        "ping-pong",
        "one turn with a new ratchet key",
        Unit.SECONDS,
        (
            Contender("loom", ping_pong),
            Contender("loom, key pair included", ping_pong_with_keys),
            Contender("vodozemac", vodozemac.ping_pong),
            Contender("DoubleRatchet", double_ratchet.ping_pong),
        ),
        (Target("vodozemac", at_most=3), Target("vodozemac", at_most=2.5, stretch=True)),
    ),
    Row(
        "reverse",
        "of 1,000 in reverse, delivered",
        Unit.MESSAGES,
        (Contender("loom", reversed_kept), Contender("vodozemac", vodozemac.reversed_kept)),
        (Target(at_least=1_000),),
    ),
    Row(
        "reverse-cost",
        "each of 1,000 in reverse",
        Unit.SECONDS,
        (Contender("loom", reversed_cost), Contender("loom in order", in_order_cost)),
        (Target("loom in order", at_most=1.5),),
    ),
)
