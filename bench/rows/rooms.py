"""What holds in a large room: 64 officers, 128 members, 4,096 statements (PROTOCOL 14.4)."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.harness import Contender, Row, Sample, Settings, Target, Unit

if TYPE_CHECKING:
    from loom.core.room.statement import Body, SignedStatement

OFFICERS, MEMBERS, STATEMENTS = 64, 128, 4_096


class _Room:
    """Statements as they are once verified: half of them delete posts, the others pin and ban."""

    def __init__(self) -> None:
        from loom.core.room.keys import MemberKeys, RoomSigner
        from loom.core.room.statement import Genesis, sign_genesis
        from loom.crypto.keys import X25519Key

        creator = RoomSigner(bytes(32), bytes(32))
        self._draw = random.Random(1)
        draw = self._draw.randbytes
        self._keys = [creator.keys]
        self._keys += [MemberKeys(draw(32), bytes(1_952)) for _ in range(MEMBERS - 1)]
        self._authors = [one.author for one in self._keys]
        self._token = draw(32), X25519Key(draw(32)).public
        self._numbers = [1] * MEMBERS
        body = Genesis(creator.keys, self._token, "ada", "us", -1, 0, bytes(16))
        self.statements = [sign_genesis(creator, body)]
        self.room_id = self.statements[0].id
        self._fill()

    def says(self, place: int, body: "Body") -> "SignedStatement":
        from loom.core.room.statement import decode_head, encode_head

        number = self._numbers[place]
        self._numbers[place] += 1
        return decode_head(encode_head(self.room_id, self._authors[place], number, body))

    def _fill(self) -> None:
        from loom.core.room.statement import Admit, Appoint, Ban, DeletePosts, SetPin
        from loom.crypto.signatures import SIGNATURE_BYTES

        draw, proof = self._draw.randbytes, bytes(SIGNATURE_BYTES)
        for place in range(1, OFFICERS):
            by = 0 if place <= 8 else place % 8 + 1
            self.statements.append(self.says(by, Appoint(self._keys[place], None, 255)))
        for place in range(OFFICERS, MEMBERS):
            admit = Admit(self._keys[place], (draw(32), self._token[1]), "name", proof, 0)
            self.statements.append(self.says(place % OFFICERS, admit))
        while len(self.statements) < STATEMENTS:
            post_ids = tuple(sorted(draw(32) for _ in range(5)))
            kinds: list[Body] = [DeletePosts(post_ids, on=True), SetPin(draw(32), on=True)]
            kinds += [DeletePosts(post_ids[:1], on=True), Ban(draw(32), on=True)]
            place = self._draw.randrange(OFFICERS)
            self.statements.append(self.says(place, kinds[len(self.statements) % 4]))


@contextmanager
def cold(settings: Settings) -> Iterator[Sample]:
    """Seconds for all statements at once."""
    from loom.core.room.materialize import materialize

    room = _Room()

    def sample() -> float:
        start = time.perf_counter()
        materialize(room.room_id, room.statements)
        return time.perf_counter() - start

    yield sample


@contextmanager
def one_more(settings: Settings) -> Iterator[Sample]:
    """Seconds for a statement that comes to the others, of one officer after the other."""
    from loom.core.room.materialize import Ledger
    from loom.core.room.statement import SetName

    room = _Room()
    ledger = Ledger(room.room_id, room.statements)
    places = iter(range(10**9))

    def sample() -> float:
        place = next(places) % OFFICERS
        statement = room.says(place, SetName(f"name {place}"))
        _ = ledger.state
        start = time.perf_counter()
        ledger.add(statement)
        _ = ledger.state
        return time.perf_counter() - start

    yield sample


ROWS = (
    Row(
        "room-cold",
        "what holds after 4,096 statements of a room",
        Unit.SECONDS,
        (Contender("loom", cold),),
        (Target(at_most=1),),
    ),
    Row(
        "room-more",
        "the same after one more",
        Unit.SECONDS,
        (Contender("loom", one_more),),
        (Target(at_most=0.005),),
    ),
)
