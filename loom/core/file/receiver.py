"""What one contact is asked for, and what comes of it, without I/O (PROTOCOL 15.4).

A node has one for each contact. What lasts is outside: the list once it came, and the bitmap of
the chunks that are stored. After a crash a new one begins with these.

    begin             an offer was accepted, or is resumed
    linked, cut       a link to the contact stands, or ended
    ask               the requests to send now: again after each other call, and at `asks_again_s`
    receive_part      a record came, on the link on which was asked; perhaps an event
    receive_mailed    a piece came by an anchor; perhaps an event
    stored            a chunk of a `ChunkCame` is on the disk: there is room for another one
    end               whole, paused, cancelled, deleted
"""

from collections import deque
from typing import Final

import msgspec

from loom.core.file.bitmap import has_chunk, no_chunks
from loom.core.file.chunk_list import root_of
from loom.core.file.keys import FileKeys
from loom.core.file.offer import Offer
from loom.crypto.kdf import equal
from loom.errors import AuthenticationError, ProtocolViolation
from loom.wire.file_records import Part, Piece, Reason, Refusal, What
from loom.wire.limits import (
    FILE_ASKED_MAX,
    FILE_CHUNK_BYTES,
    FILE_FETCHED_AT_ONCE_MAX,
    FILE_LATER_S,
    FILE_PART_MAX_BYTES,
)


class ListCame(msgspec.Struct, frozen=True):
    """The list is whole and right: store it. Its chunks are asked for next."""

    file_id: bytes
    hashes: bytes

    def __repr__(self) -> str:
        return f"ListCame({self.file_id!r})"


class ChunkCame(msgspec.Struct, frozen=True, gc=False):
    """A chunk is right: store it as it came, then call `stored`."""

    file_id: bytes
    index: int
    sealed: bytes

    def __repr__(self) -> str:
        return f"ChunkCame({self.file_id!r}, {self.index})"


class ContentWrong(msgspec.Struct, frozen=True):
    """The sender sealed something else than it offered: the offer is over, and ended here."""

    file_id: bytes


class NotServed(msgspec.Struct, frozen=True):
    """The sender does not send it: not now, or not on this link. What is here stays."""

    file_id: bytes
    reason: Reason


Event = ListCame | ChunkCame | ContentWrong | NotServed


class _Fetch:
    """One file that is fetched."""

    __slots__ = ("_cursor", "_list_parts", "hashes", "have", "keys", "offer")

    def __init__(self, offer: Offer, hashes: bytes | None, have: bytes) -> None:
        self.offer, self.hashes = offer, hashes
        self.keys = FileKeys(offer)
        self.have = bytearray(have or no_chunks(offer.chunks))
        """Stored, or about to be."""
        self._list_parts: dict[int, bytes] = {}
        self._cursor = 0
        """Everything below is here or under way."""

    def next_piece(self, under_way: set[Piece]) -> Piece | None:
        """The first one that is neither here nor under way."""
        is_listed = self.hashes is not None
        what = What.DATA if is_listed else What.LIST
        count = self.offer.chunks if is_listed else self.offer.list_pieces
        while self._cursor < count:
            piece = Piece(self.offer.file_id, what, self._cursor)
            self._cursor += 1
            if piece not in under_way and not self._is_here(piece):
                return piece
        return None

    def look_again(self) -> None:
        """Something that was under way does not come."""
        self._cursor = 0

    def take(self, piece: Piece, plaintext: bytes | memoryview, sealed: bytes) -> Event | None:
        """What a piece gives that was opened."""
        file_id = self.offer.file_id
        if piece.what is What.LIST:
            self._list_parts[piece.index] = bytes(plaintext)
            return None if len(self._list_parts) < self.offer.list_pieces else self.take_list()
        if not self.keys.is_listed(piece, plaintext, self.hashes or b""):
            return ContentWrong(file_id)
        self.have[piece.index >> 3] |= 1 << (piece.index & 7)
        return ChunkCame(file_id, piece.index, sealed)

    def take_list(self) -> Event:
        """The list from its pieces, compared with the offer."""
        hashes = b"".join(one for _, one in sorted(self._list_parts.items()))
        offer = self.offer
        if not equal(root_of(offer.size, offer.media_type, hashes), offer.root):
            return ContentWrong(offer.file_id)
        self.hashes = hashes
        self._list_parts.clear()
        self._cursor = 0
        return ListCame(offer.file_id, hashes)

    def lacks(self, piece: Piece) -> bool:
        """Whether it is one that is missing, and can be compared with what was offered."""
        is_its_turn = (piece.what is What.LIST) is (self.hashes is None)
        return is_its_turn and self.offer.has(piece) and not self._is_here(piece)

    def _is_here(self, piece: Piece) -> bool:
        if piece.what is What.LIST:
            return piece.index in self._list_parts
        return has_chunk(self.have, piece.index)


class _Asked:
    """One request, whose answer comes after those of the earlier ones."""

    __slots__ = ("collected", "fetch", "parts", "piece", "size")

    def __init__(self, piece: Piece, fetch: _Fetch) -> None:
        self.piece = piece
        self.size: Final = fetch.offer.sealed_bytes(piece)
        self.fetch: _Fetch | None = fetch
        """None: nobody waits for it any more."""
        self.parts = 0
        self.collected: list[bytes | memoryview] = []


class Receiver:
    """What is fetched from one contact: at most 16 pieces at a time, of each file one in turn."""

    def __init__(self) -> None:
        self._fetches: dict[bytes, _Fetch] = {}
        # Each is in one of these four:
        self._turns: deque[bytes] = deque()
        self._waiting: dict[bytes, None] = {}
        self._later: dict[bytes, float] = {}  # what comes first is due first
        self._gone: set[bytes] = set()
        self._asked: deque[_Asked] = deque()
        self._storing: set[Piece] = set()
        self._is_linked = False
        self._room = bytearray()
        """For the plaintext of a chunk, which is only hashed."""

    def __repr__(self) -> str:
        return f"Receiver({len(self._fetches)} files, {len(self._asked)} asked)"

    def begin(self, offer: Offer, hashes: bytes | None = None, have: bytes = b"") -> Event | None:
        """Fetch a file, or the rest of it. One without content is whole or wrong at once.

        Args:
            hashes: the list, if it came before.
            have: the bitmap of what is stored; none: nothing.
        """
        if offer.file_id in self._fetches:
            return None
        fetch = _Fetch(offer, hashes, have)
        self._fetches[offer.file_id] = fetch
        self._waiting[offer.file_id] = None
        is_empty = hashes is None and not offer.list_pieces
        return self._told(fetch.take_list()) if is_empty else None

    def end(self, file_id: bytes) -> None:
        """What is on its way is not looked at."""
        fetch = self._fetches.pop(file_id, None)
        if fetch is None:
            return
        self._leave(file_id)
        self._storing = {one for one in self._storing if one.file_id != file_id}
        for one in self._asked:
            if one.fetch is fetch:
                one.fetch = None
                one.collected.clear()

    def linked(self) -> None:
        """A link to the contact stands, in place of an earlier one."""
        self.cut()
        self._is_linked = True

    def cut(self) -> None:
        """It ended: what did not come whole will be asked for again."""
        self._is_linked = False
        self._asked.clear()
        self._turns.clear()
        self._later.clear()
        self._gone.clear()
        self._waiting = dict.fromkeys(self._fetches)
        for fetch in self._fetches.values():
            fetch.look_again()

    @property
    def asked(self) -> int:
        """How many pieces were asked for and did not come whole."""
        return len(self._asked)

    def ask(self, now_s: float, at_most: int = FILE_ASKED_MAX) -> list[Piece]:
        """What to ask for now, in this order; `at_most`: so many are asked for at a time."""
        pieces: list[Piece] = []
        room = min(at_most, FILE_ASKED_MAX - len(self._storing)) - self.asked
        if not self._is_linked or room <= 0:
            return pieces
        self._fill_turns(now_s)
        under_way = self._storing.union(one.piece for one in self._asked if one.fetch is not None)
        idle = 0
        while len(pieces) < room and idle < len(self._turns):
            fetch = self._fetches[self._turns[0]]
            self._turns.rotate(-1)
            piece = fetch.next_piece(under_way)
            if piece is None:
                idle += 1
                continue
            idle = 0
            self._asked.append(_Asked(piece, fetch))
            pieces.append(piece)
        return pieces

    def asks_again_s(self) -> float | None:
        """When something that was refused for now is asked for again."""
        return next(iter(self._later.values()), None)

    def receive_part(self, part: Part) -> Event | None:
        """Take in a record of kind 5.

        Raises:
            ProtocolViolation: what was not asked for, not its turn, another length: close the link.
        """
        asked = self._first(part.piece)
        left = asked.size - asked.parts * FILE_PART_MAX_BYTES
        if part.number != asked.parts or len(part.content) != min(FILE_PART_MAX_BYTES, left):
            raise ProtocolViolation(what="part of a file")
        asked.parts += 1
        if asked.fetch is not None:
            asked.collected.append(part.content)
        if left > FILE_PART_MAX_BYTES:
            return None
        self._asked.popleft()
        return None if asked.fetch is None else self._take(asked.fetch, asked)

    def receive_refusal(self, refusal: Refusal, now_s: float) -> Event | None:
        """Take in a record of kind 6.

        Raises:
            ProtocolViolation: what was not asked for, not its turn: close the link.
        """
        asked = self._first(refusal.piece)
        if asked.parts:
            raise ProtocolViolation(what="refusal of a piece that has begun")
        self._asked.popleft()
        if asked.fetch is None:
            return None
        asked.fetch.look_again()
        return self._put_off(asked.piece.file_id, refusal.reason, now_s)

    def lacks(self, piece: Piece) -> bool:
        """Whether it is of use now, wherever it comes from: a chunk only once the list is here."""
        fetch = self._fetches.get(piece.file_id)
        return fetch is not None and fetch.lacks(piece) and piece not in self._storing

    def receive_mailed(self, piece: Piece, sealed: bytes) -> Event | None:
        """Take in a piece that came whole by an anchor; what is of no use changes nothing."""
        fetch = self._fetches.get(piece.file_id)
        if fetch is None or not self.lacks(piece):
            return None
        try:
            plaintext = fetch.keys.open_(piece, sealed)
        except AuthenticationError:
            return None
        return self._taken(fetch, piece, plaintext, sealed)

    def stored(self, file_id: bytes, index: int) -> None:
        """A chunk is on the disk."""
        self._storing.discard(Piece(file_id, What.DATA, index))

    # --- inside ---

    def _first(self, piece: Piece) -> _Asked:
        if not self._asked or self._asked[0].piece != piece:
            raise ProtocolViolation(what="piece of a file that was not asked for")
        return self._asked[0]

    def _fill_turns(self, now_s: float) -> None:
        """So many files at a time; what is refused for now makes room."""
        for file_id in [one for one, due_s in self._later.items() if due_s <= now_s]:
            self._leave(file_id)
            self._waiting[file_id] = None
        while self._waiting and len(self._turns) < FILE_FETCHED_AT_ONCE_MAX:
            file_id = next(iter(self._waiting))
            self._leave(file_id)
            self._turns.append(file_id)

    def _leave(self, file_id: bytes) -> None:
        self._waiting.pop(file_id, None)
        self._later.pop(file_id, None)
        self._gone.discard(file_id)
        if file_id in self._turns:
            self._turns.remove(file_id)

    def _put_off(self, file_id: bytes, reason: Reason, now_s: float) -> Event | None:
        """Of many refusals of what was asked for together the first is news."""
        if file_id in self._gone or (reason is Reason.LATER and file_id in self._later):
            return None
        self._leave(file_id)
        if reason is Reason.LATER:
            self._later[file_id] = now_s + FILE_LATER_S
        else:
            self._gone.add(file_id)
        return NotServed(file_id, reason)

    def _take(self, fetch: _Fetch, asked: _Asked) -> Event | None:
        sealed = b"".join(asked.collected)
        try:
            plaintext = self._opened(fetch, asked.piece, sealed)
        except AuthenticationError:
            # Whoever knows the offer can seal: this shows nothing about who made it.
            return self._put_off(asked.piece.file_id, Reason.GONE, 0.0)
        if not fetch.lacks(asked.piece):
            return None  # it came by an anchor meanwhile
        return self._taken(fetch, asked.piece, plaintext, sealed)

    def _opened(self, fetch: _Fetch, piece: Piece, sealed: bytes) -> bytes | memoryview:
        if piece.what is What.LIST:
            return fetch.keys.open_(piece, sealed)
        if not self._room:  # who never sends a file costs no memory
            self._room = bytearray(FILE_CHUNK_BYTES)
        return fetch.keys.open_chunk(piece, sealed, self._room)

    def _taken(
        self, fetch: _Fetch, piece: Piece, plaintext: bytes | memoryview, sealed: bytes
    ) -> Event | None:
        event = fetch.take(piece, plaintext, sealed)
        if isinstance(event, ChunkCame):
            self._storing.add(piece)
        return self._told(event)

    def _told(self, event: Event | None) -> Event | None:
        if isinstance(event, ContentWrong):
            self.end(event.file_id)
        return event
