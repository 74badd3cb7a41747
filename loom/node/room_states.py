"""What holds in each room, computed once for each version of its statements."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from msgspec.structs import replace

from loom.core.room.keys import Council, RoomSigner
from loom.core.room.materialize import Ledger
from loom.core.room.state import RoomState
from loom.core.room.statement import Admit, Genesis, SignedStatement, decode_statement
from loom.core.room.sync import Digest, Place, digest_of, statement_place
from loom.model import ContactToken, MessageId, PeerId, PersonId, RoomNumber
from loom.ports import Clock
from loom.printable import printable
from loom.storage import identity_statements, room_statements, rooms
from loom.storage.connection import Db
from loom.storage.rooms import OwnKey, RoomRow

NOBODY: Final = "somebody"
COUNCIL_NAMES_MAX: Final = 4
_SEEDS_BYTES: Final = 64


@dataclass(frozen=True)
class Held:
    """What follows from the statements of a room alone."""

    statements: dict[bytes, SignedStatement]
    """By id, in the order in which they came."""
    ledger: Ledger
    state: RoomState
    """Each member under the identity that they were admitted with."""
    names: dict[bytes, str]
    """What each author was called when they were admitted, also those who are gone."""

    @cached_property
    def places(self) -> dict[Place, Digest]:
        """What members compare of them (PROTOCOL 14.5)."""
        found: dict[Place, list[bytes]] = defaultdict(list)
        for one in self.statements.values():
            found[statement_place(one)].append(one.id)
        return {place: digest_of(ids) for place, ids in found.items()}

    def __repr__(self) -> str:
        return f"Held({len(self.statements)} statements)"


@dataclass(frozen=True)
class RoomNow:
    """A room as it is stored."""

    row: RoomRow
    held: Held
    own_authors: tuple[bytes, ...]
    """Of one's own pairs there, the newest first."""
    now_ms: int
    """When it was looked at."""
    state: RoomState
    """Who is in it, who may do what, and what is set; each under the identity of now (1.5)."""

    @cached_property
    def own(self) -> bytes:
        """The author that one is: the newest that is a member, if one is."""
        members = self.state.members
        return next((one for one in self.own_authors if one in members), self.own_authors[0])

    @property
    def drawn(self) -> bytes | None:
        """One's newest pair, if it is to take the place of that which signs (PROTOCOL 14.1)."""
        newest = self.own_authors[0]
        is_over = newest in self.state.removed or newest in self.state.left
        return None if newest == self.own or is_over else newest

    @property
    def is_member(self) -> bool:
        """Whether one is in it."""
        return self.own in self.state.members

    def __repr__(self) -> str:
        return f"RoomNow({self.row!r})"


def name_of(now: RoomNow, author: bytes) -> str:
    """What a member calls themselves, also one who is no member any more."""
    told = now.held.names.get(author, "")
    return printable(told).strip() or NOBODY


def council_name(names: Mapping[bytes, str], council: Council) -> str:
    """After those who belong to it."""
    told = [names.get(author) or NOBODY for author in council.authors]
    if len(told) > COUNCIL_NAMES_MAX:
        rest = len(told) - COUNCIL_NAMES_MAX + 1
        told = [*told[: COUNCIL_NAMES_MAX - 1], f"{rest} more"]
    return f"the council of {', '.join(told[:-1])}{' and ' if told[1:] else ''}{told[-1]}"


class Asked(NamedTuple):
    """What a member was asked after an older copy of the profile was noticed.

    `until`: the end of the pages of the answer that hold nothing of one's own that is not here.
    """

    at_ms: int
    until: bytes

    def __repr__(self) -> str:
        return f"Asked({self.at_ms})"


class RoomStates:
    """A version is random: what a transaction computed and was undone is never taken for what
    another one stored."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[RoomNumber, tuple[bytes, Held]] = {}
        self.asked: dict[tuple[RoomNumber, PersonId], Asked] = {}
        """What was asked in rooms that wait; asked again when the node starts."""
        self.key_told: dict[tuple[RoomNumber, PersonId], int] = {}
        """The reset counter of the session in which a member's RoomKey was last answered again."""
        self.begun: dict[tuple[RoomNumber, PersonId], MessageId] = {}
        """The last comparison that was begun with each member."""
        self.under_way: dict[tuple[RoomNumber, PersonId], dict[MessageId, frozenset[bytes]]] = {}
        """The ids of events that comparisons brought into the outbox, by the payload."""

    def of(self, db: Db, row: RoomRow) -> RoomNow:
        """As it is stored."""
        known = self._known.get(row.room)
        if known is None or known[0] != row.version:
            known = row.version, _held(db, row)
            self._known[row.room] = known
        own = tuple(one.author for one in rooms.keys(db, row.room))
        state = _with_identities_of_now(known[1].state, identity_statements.earlier(db))
        return RoomNow(row, known[1], own, self._clock.now_ms(), state)

    def forget(self, room: RoomNumber) -> None:
        """It was deleted."""
        self._known.pop(room, None)


def draw_pair(random: Callable[[int], bytes]) -> tuple[OwnKey, RoomSigner]:
    """Keys of one's own for a room."""
    seeds = random(_SEEDS_BYTES)
    signer = RoomSigner(seeds[:32], seeds[32:])
    return OwnKey(signer.author, seeds), signer


def signer_of(db: Db, room: RoomNumber, author: bytes) -> RoomSigner:
    """What signs there as one of one's own authors."""
    [seeds] = (one.seeds for one in rooms.keys(db, room) if one.author == author)
    return RoomSigner(seeds[:32], seeds[32:])


def _with_identities_of_now(state: RoomState, earlier: Mapping[PeerId, ContactToken]) -> RoomState:
    """Statements name the identity that a member was admitted with (PROTOCOL 14.1)."""
    changed = {
        author: replace(member, peer_id=token.peer_id, x25519_public=token.x25519_public)
        for author, member in state.members.items()
        if (token := earlier.get(PeerId(member.peer_id))) is not None
    }
    return replace(state, members={**state.members, **changed}) if changed else state


def _held(db: Db, row: RoomRow) -> Held:
    stored = room_statements.every(db, row.room)
    statements = {one.id: decode_statement(one.data) for one in stored}
    ledger = Ledger(row.room_id, statements.values())
    names: dict[bytes, str] = {}
    for one in statements.values():
        if isinstance(one.body, Genesis):
            names[one.author] = one.body.member_name
        elif isinstance(one.body, Admit):
            names.setdefault(one.body.author, one.body.name)
    state = ledger.state
    names.update({author: member.name for author, member in state.members.items()})
    for author, keys in state.keys.items():
        if isinstance(keys, Council):
            names[author] = council_name(names, keys)
    return Held(statements, ledger, state, names)
