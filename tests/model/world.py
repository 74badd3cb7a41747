"""What the model of delivery is made of: two nodes, and what is on its way between them."""

from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from loom.core.choice import Counters
from loom.core.delivery.plan import Delivery
from loom.model import MessageId

NOW_S: Final = 1_000
NOW_MS: Final = NOW_S * 1000

Name = tuple[int, bytes, int]
"""A session, the same on both sides: reset counter, initiator, bundle."""


class Envelope(Struct, frozen=True, cache_hash=True):
    """Sealed bytes; (session, author, n) is the message key."""

    session: Name
    author: int
    n: int
    first: bool
    """It carries the handshake."""
    text: int
    """Which of the author's texts, from 1; 0: a receipt."""
    receipt: tuple[int, ...]


class Kept(Struct, frozen=True, cache_hash=True):
    """A session as one side keeps it."""

    reset_counter: int
    initiator: bytes
    bundle: int
    own: bool
    confirmed_at_s: int | None
    sealed: int = 0
    opened: frozenset[int] = frozenset()
    bundle_expires_at_s: int = 10**9

    @property
    def name(self) -> Name:
        """The same on both sides."""
        return self.reset_counter, self.initiator, self.bundle

    @property
    def session_id(self) -> bytes:
        """The name as the rules know it."""
        return session_id(self.name)


def session_id(name: Name) -> bytes:
    """The id of a session of this name."""
    return b"%d %b %d" % name


class Row(Struct, frozen=True, cache_hash=True):
    """A text in the outbox; its number is its row's and its id's."""

    text: int
    envelope: Envelope | None = None
    box: int | None = None
    """In which of the other's mailboxes it was put; None: in none."""


class Owed(Struct, frozen=True, cache_hash=True):
    """A stored row of receipts: one text of the other was stored here."""

    text: int
    is_read: bool = False

    @property
    def row_id(self) -> int:
        """Rows are told oldest first."""
        return self.text

    @property
    def message_ids(self) -> tuple[MessageId, ...]:
        """As `core.delivery.receipts` wants them."""
        return (message_id(self.text),)


def message_id(text: int) -> MessageId:
    """The id of a text."""
    return MessageId(text.to_bytes(16, "big"))


class Side(Struct, frozen=True, cache_hash=True):
    """One person's node: first what is on disk, then what a crash takes."""

    counters: Counters = Counters()
    sessions: tuple[Kept, ...] = ()
    start_wanted: bool = False
    prekey: int | None = None
    issued: int = 0
    prefer: int = 0
    """Which of the other's mailboxes is tried first."""
    said: int = 0
    rows: tuple[Row, ...] = ()
    shown: tuple[int, ...] = ()
    remembered: frozenset[Envelope] = frozenset()
    owed: tuple[Owed, ...] = ()

    delivery: Delivery = Delivery()
    """How far sending, receipts and starting got on this link, as in the product."""
    answer: bool = False
    """Somebody who began a session waits for any answer."""
    fetched: tuple[int, int] | None = None
    """The other's bundle: its id, and the counter it tells."""


class Budget(Struct, frozen=True, cache_hash=True):
    """What may still happen."""

    texts: tuple[int, int] = (1, 1)
    starts: tuple[int, int] = (1, 1)
    cuts: int = 0
    crashes: int = 0
    retries: int = 0
    restores: int = 0
    lost_prekeys: int = 0


class World(Struct, frozen=True, cache_hash=True):
    """Both sides and what is on the way to each, oldest first."""

    sides: tuple[Side, Side]
    coming: tuple[tuple[Envelope, ...], tuple[Envelope, ...]]
    is_linked: bool
    is_calm: bool
    """So far nothing happened that may make an envelope unreadable."""
    budget: Budget


class Step(NamedTuple):
    """What happened, and to whom."""

    what: str
    who: int = -1

    def __str__(self) -> str:
        return self.what if self.who < 0 else f"{'AB'[self.who]} {self.what}"


class Broken(Exception):
    """A promise that does not hold, and the steps that lead there."""


def fingerprint(who: int) -> bytes:
    """B has the larger one."""
    return bytes([who])


def put(world: World, who: int, side: Side) -> World:
    """The world with one side changed."""
    sides = (side, world.sides[1]) if who == 0 else (world.sides[0], side)
    return replace(world, sides=sides)


def on_its_way(world: World, to: int, envelopes: tuple[Envelope, ...]) -> World:
    """The world with another queue towards one side."""
    coming = (envelopes, world.coming[1]) if to == 0 else (world.coming[0], envelopes)
    return replace(world, coming=coming)


def with_session(side: Side, session: Kept) -> Side:
    """A session added, or changed."""
    rest = [one for one in side.sessions if one.name != session.name]
    return replace(side, sessions=tuple(sorted([*rest, session], key=lambda one: one.name)))


def powerless(side: Side) -> Side:
    """What a crash leaves."""
    return replace(side, delivery=Delivery(), answer=False, fetched=None)


def owes(side: Side, text: int) -> Side:
    """The side with one more text to receipt, if it is not owed already."""
    if any(one.text == text for one in side.owed):
        return side
    return replace(side, owed=(*side.owed, Owed(text)))


def strangers(budget: Budget) -> World:
    """Two who imported each other's token and never spoke."""
    return World((Side(), Side()), ((), ()), False, True, budget)


def acquainted(budget: Budget) -> World:
    """Two with a session that both know to be confirmed."""
    counter = NOW_MS
    ours = Kept(counter, fingerprint(0), 0, own=True, confirmed_at_s=NOW_S)
    theirs = replace(ours, own=False)
    first = Side(Counters(sent=counter), (ours,))
    second = Side(Counters(accepted=counter), (theirs,), issued=1)
    return World((first, second), ((), ()), True, True, budget)
