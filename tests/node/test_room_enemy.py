"""A member, and then an officer, whose program says whatever it likes: the others stay well.

`LOOM_ROOM_ENEMY_S` lets it go on for so many seconds, `LOOM_ROOM_ENEMY_SEED` draws others.
"""

import logging
import os
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import pytest

from loom.api.room_commands import (
    AppointMember,
    ListMembers,
    ListRooms,
    RemoveMember,
    RoomHistory,
    ShowRoom,
)
from loom.core.room.keys import Council, MemberKeys, RoomSigner, continued_claim
from loom.core.room.post import (
    ChoiceContent,
    Content,
    ContinueContent,
    EditContent,
    HintsContent,
    PollContent,
    ProposalContent,
    ReactContent,
    TextContent,
    UnsayContent,
    VoteContent,
)
from loom.core.room.statement import (
    Admit,
    Appoint,
    Ban,
    Body,
    DeletePosts,
    Kept,
    Remove,
    SetChannel,
    SetName,
    SetPin,
    SetPolicy,
)
from loom.crypto.kdf import hash_
from loom.model import Address, MessageId
from loom.wire.content import KnownPayload, RoomEvents, RoomHave, RoomKey
from loom.wire.content.room_have import Comparison, Row, Step
from loom.wire.encoding import enc, u8, u16, u32, u64
from loom.wire.hints import Hint, encode_hints
from tests.node.harness import Person, World
from tests.node.test_room_attacks import room_of
from tests.node.test_rooms import ROOM, alike, join, make, say, state, stored

RUN_S = float(os.environ.get("LOOM_ROOM_ENEMY_S", "0"))
SEED = os.environ.get("LOOM_ROOM_ENEMY_SEED", "1")
STEPS = 150
P = TypeVar("P", RoomEvents, RoomHave, RoomKey)
SLOW_S = 20.0
"""No question of the user waits so long on a busy machine."""
ODD_NUMBERS = (0, 1, 2, 255, 256, 511, 512, 0xFFFF, 2**31, 2**32 - 1)
ODD_TIMES = (0, 1, 2**53 - 1, 2**53, 2**63)
ODD_TEXTS = ("", "x", "\N{RIGHT-TO-LEFT OVERRIDE}abc", "[/]", "\x1b[2J", "x" * 16_384, "é" * 300)


class Enemy:
    """Bob's keys in other hands."""

    def __init__(self, bob: Person, others: list[Person], seed: str) -> None:
        self.bob = bob
        self.others = others
        self.chance = random.Random(seed)
        self.room_id, self.signer = room_of(bob)
        self.socks = [
            RoomSigner(self.chance.randbytes(32), self.chance.randbytes(32)) for _ in range(3)
        ]
        self.sent: list[bytes] = []
        self.post_ids: list[bytes] = []
        self.statement_ids: list[bytes] = []
        self.number = 0

    def one_of(self, *values: Any) -> Any:
        return self.chance.choice(values)

    def id(self) -> bytes:
        """Of a post that is there, more often than not."""
        known = [*self.post_ids[-20:], self.chance.randbytes(32), self.room_id]
        return bytes(self.chance.choice(known))

    def author(self) -> bytes:
        every = [room_of(one)[1].author for one in self.others]
        every += [one.author for one in self.socks]
        return bytes(self.one_of(*every, self.signer.author, self.chance.randbytes(32)))

    def text(self) -> str:
        return str(self.one_of(*ODD_TEXTS, "an honest word"))

    def people(self) -> tuple[bytes, ...]:
        found = {bytes(one.identity.peer_id) for one in (*self.others, self.bob)}
        return tuple(sorted(found))

    # --- posts ---

    def content(self) -> Content:
        chance = self.chance
        hosts = (*(one.host for one in self.others), "127.0.0.1", "anchor.example", "::1")
        hint = Hint(
            Address(str(self.one_of(*hosts)), self.one_of(1, 4_070, 65_535)),
            self.one_of(b"", chance.randbytes(16)),
        )
        head = self.head(self.author(), self.one_of(1, 3, 511))
        mentions = tuple(self.author() for _ in range(self.one_of(0, 3, 128)))
        options = tuple(f"{n}{self.one_of('', chr(0x202E))}" for n in range(self.one_of(2, 12)))
        rooms_ = self.one_of(self.room_id, chance.randbytes(32))
        ids = tuple(self.id() for _ in range(self.one_of(1, 5, 100)))
        thread = self.one_of(b"", self.id())
        contents: list[Content] = [
            TextContent("general", self.text() or "x", self.one_of(b"", self.id()), thread),
            TextContent(self.one_of("general", "none", "x" * 64), "hi", b"", b"", mentions, 5),
            EditContent(self.id(), self.text() or "x"),
            UnsayContent(ids),
            ReactContent(self.id(), self.one_of("", "x" * 64, "\N{SNOWMAN}", "\x1b")),
            PollContent("general", "?", options, self.one_of(True, False), self.one_of(0, 1)),
            ChoiceContent(self.id(), tuple(sorted({self.one_of(0, 1, 11) for _ in range(3)}))),
            ProposalContent("general", head, "why"),
            VoteContent(self.id(), self.one_of(b"", chance.randbytes(3_373))),
            HintsContent(encode_hints((hint,) * self.one_of(0, 1, 8))),
            ContinueContent(rooms_, "another", self.people()),
            ContinueContent(rooms_, self.text()[:60] or "x", ()),
        ]
        return chance.choice(contents)

    def post(self) -> bytes:
        """Signed by Bob or by somebody whom nobody let in."""
        chance = self.chance
        self.number += 1
        number = self.one_of(self.number, self.number, self.number, *ODD_NUMBERS)
        order = self.one_of(1, self.number, 2**64 - 1, 2**63)
        now_ms = self.bob.clock.now_ms()
        sent_at_ms = self.one_of(now_ms, now_ms - 3_600_000, *ODD_TIMES)
        signer = self.signer if chance.random() < 0.9 else chance.choice(self.socks)
        number, sent_at_ms = min(number, 2**32 - 1), min(sent_at_ms, 2**64 - 1)
        content = self.content()
        raw, kind = msgspec.msgpack.encode(content), content.kind
        return self.signed(signer, number, order, sent_at_ms, kind, raw)

    def signed(
        self, signer: RoomSigner, number: int, order: int, sent_at_ms: int, kind: int, raw: bytes
    ) -> bytes:
        """Whatever the fields are."""
        head = enc(
            *(u8(1), self.room_id, signer.author, u32(number), u64(order)),
            *(u64(sent_at_ms), u8(kind), hash_(raw)),
        )
        if signer is self.signer:
            self.post_ids.append(hash_(head)[:32])
        return enc(head, signer.sign_post_head(head), raw)

    def raw_post(self) -> bytes:
        """With a content that no program writes, rightly signed."""
        raw = self.one_of(
            b"\xc1", b"\x90", msgspec.msgpack.encode(["x"] * 300), self.chance.randbytes(50)
        )
        self.number += 1
        kind, now_ms = self.chance.randrange(1, 256), self.bob.clock.now_ms()
        return self.signed(self.signer, self.number, self.number, now_ms, kind, raw)

    # --- statements ---

    def keep(self) -> tuple[Kept, ...]:
        ids = {self.chance.randbytes(32) for _ in range(self.one_of(0, 2, 20))}
        ids |= set(self.statement_ids[-5:])
        return tuple(sorted(Kept(one, self.one_of(0, 255)) for one in ids))

    def body(self) -> Body:
        chance = self.chance
        sock = chance.choice(self.socks)
        victim = chance.choice([*self.others, self.bob])
        token = victim.identity.token
        proof = sock.prove_join(self.room_id, token) if chance.random() < 0.5 else bytes(3_373)
        listed = tuple(sorted({self.author() for _ in range(self.one_of(1, 3))}))
        council = Council(len(listed) // 2 + 1, listed)
        keys = self.one_of(sock.keys, room_of(chance.choice(self.others))[1].keys)
        bodies: list[Body] = [
            Admit(
                sock.keys,
                (token.peer_id, token.x25519_public),
                self.text()[:64],
                proof,
                self.one_of(0, 2**64 - 1),
            ),
            Appoint(keys, None, self.one_of(0, 255), self.keep(), self.one_of(0, 1, 512)),
            Appoint(None, council, 255, (), 0),
            Remove(self.author(), self.keep(), self.one_of(0, 3, 2**32 - 1), self.one_of(0, 512)),
            Ban(bytes(victim.identity.peer_id), self.one_of(True, False)),
            SetName(self.text()[:60] or "x"),
            SetPolicy(self.one_of(-1, 0, 1_000_000), self.one_of(0, 3_600)),
            SetChannel(
                f"c{chance.randrange(80)}", self.text()[:60], True, self.one_of(True, False)
            ),
            SetPin(self.id(), True),
            DeletePosts(tuple(sorted({self.id() for _ in range(5)})), self.one_of(True, False)),
        ]
        return chance.choice(bodies)

    def head(self, author: bytes, number: int) -> bytes:
        """Of a statement, whatever its fields are."""
        body = self.body()
        raw = msgspec.msgpack.encode(body)
        return enc(u8(1), self.room_id, author, u16(number), u8(body.kind), raw)

    def statement(self) -> bytes:
        """By Bob, or by a key whose office he gave."""
        signer = self.signer if self.chance.random() < 0.7 else self.chance.choice(self.socks)
        number = self.one_of(1, 2, 3, 4, 5, self.chance.randrange(1, 512), 511)
        head = self.head(signer.author, number)
        self.statement_ids.append(hash_(head)[:32])
        return enc(head, signer.sign_head(head))

    def bent(self) -> bytes:
        """Something that was sent, with a few bits turned, cut, or longer."""
        data = bytearray(self.chance.choice(self.sent) if self.sent else b"?")
        for _ in range(self.one_of(1, 3)):
            data[self.chance.randrange(len(data))] ^= 1 << self.chance.randrange(8)
        end = self.one_of(len(data), self.chance.randrange(len(data)))
        return bytes(data[:end]) + bytes(self.one_of(0, 10))

    # --- payloads ---

    def events(self) -> RoomEvents:
        makers: list[Callable[[], bytes]] = [self.post] * 4 + [self.statement] * 2
        makers += [self.raw_post, self.bent]
        made = [self.chance.choice(makers)() for _ in range(self.one_of(1, 3, 8))]
        made = [one for one in made if 0 < len(one) <= 36_864][:8] or [b"?"]
        while sum(map(len, made)) > 36_000:
            made.pop()
        self.sent += made
        told = tuple(self.author() for _ in range(self.one_of(0, 0, 2)))
        return self._payload(RoomEvents, tuple(made or [b"?"]), told)

    def flood(self) -> RoomEvents:
        now_ms, made = self.bob.clock.now_ms(), []
        for _ in range(100):
            self.number += 1
            content = TextContent("general", f"flood {self.number}")
            raw = msgspec.msgpack.encode(content)
            made.append(
                self.signed(self.signer, self.number, self.number, now_ms, content.kind, raw)
            )
        return self._payload(RoomEvents, tuple(made), ())

    def have(self) -> RoomHave:
        chance = self.chance
        rows = {}
        for _ in range(self.one_of(0, 1, 5, 100)):
            family = self.one_of(0, 1, 2, 3, 255)
            block = self.one_of(0, 1, 2**32 - 1)
            place = self.author() + u8(family) + u32(block)
            ids = tuple(sorted({self.id() for _ in range(self.one_of(0, 3, 8))}))
            rows[place] = Row(place, self.one_of(0, len(ids), 2**32 - 1), chance.randbytes(16), ids)
        step = Step(self.one_of(0, 1, 2, 3))
        found = [rows[place] for place in sorted(rows)]
        if step in (Step.ROOT, Step.ROWS):
            found = [msgspec.structs.replace(one, ids=()) for one in found]
        if step is Step.ROOT:
            found = []
        after = self.one_of(b"", self.author() + u8(2) + u32(7))
        start = self.one_of(0, 0, 5, 2**64 - 1)
        is_last = self.one_of(True, False)
        comparison = Comparison(step, start, chance.randbytes(16), after, is_last, tuple(found))
        return self._payload(RoomHave, comparison)

    def key(self) -> RoomKey:
        sock = self.chance.choice(self.socks)
        token = self.one_of(self.bob, *self.others).identity.token
        proof = self.one_of(sock.prove_join(self.room_id, token), bytes(3_373))
        claims = (b"", bytes(32), continued_claim(self.room_id, self.room_id))
        keys: MemberKeys = sock.keys
        return self._payload(RoomKey, keys.ed25519, keys.mldsa, proof, self.one_of(*claims))

    def _payload(self, kind: type[P], *fields: Any) -> P:
        message_id, now_ms = self.bob.node.parts.new_id(), self.bob.clock.now_ms()
        room_id = self.room_id if self.chance.random() < 0.97 else self.chance.randbytes(32)
        return kind(message_id, now_ms, room_id, *fields)

    async def act(self) -> None:
        """One payload, to one of the others."""
        makers: list[Callable[[], KnownPayload]] = [self.events] * 8 + [self.have, self.key]
        makers += [self.flood] if self.chance.random() < 0.2 else []
        payload = self.chance.choice(makers)()
        device = self.bob.peer(self.chance.choice(self.others))
        message_id = MessageId(payload.message_id)
        await device.delivery.outbox.add(message_id, payload, lambda db, happened: None)


async def asked(person: Person) -> None:
    """What a front end asks; none of it is slow."""
    began_s = time.monotonic()
    await person.do(ListRooms())
    await person.do(ShowRoom(room=room_of(person)[0].hex()))
    await person.do(ListMembers(room=room_of(person)[0].hex()))
    await person.do(RoomHistory(room=room_of(person)[0].hex(), limit=200))
    assert time.monotonic() - began_s < SLOW_S


@pytest.mark.long
@pytest.mark.timeout(300 + 2 * RUN_S)
@pytest.mark.parametrize("role", ["member", "moderator", "owner"])
async def test_whatever_a_hostile_member_says_the_others_see_the_same_and_go_on(
    world: World, caplog: pytest.LogCaptureFixture, role: str
) -> None:
    ada, bob, cyd = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(ada)
    for joiner in (bob, cyd):
        await join(world, ada, joiner)
    await bob.add(cyd)
    await cyd.add(bob)
    await alike(world, ada, bob, cyd, count=0)
    if role != "member":
        await ada.do(AppointMember(room=ROOM, member="Bob", role=role))
        await world.until(lambda: state(ada) == state(bob) == state(cyd))
    enemy = Enemy(bob, [ada, cyd], f"{role}/{SEED}")
    first = await say(ada, "from the beginning")
    enemy.post_ids.append(bytes.fromhex(first.post_id))
    caplog.clear()
    end_s, steps = time.monotonic() + RUN_S, 0
    while steps < STEPS or time.monotonic() < end_s:
        steps += 1
        await enemy.act()
        await world.pass_time(enemy.one_of(0.1, 1.0, 5.0))
        if steps % 25 == 0:
            for one in (ada, cyd):
                await asked(one)
    await world.pass_time(30.0)
    await ada.do(RemoveMember(room=room_of(ada)[0].hex(), member=enemy.signer.author.hex()))
    await world.pass_time(9_000.0)  # what came above 60 an hour is shown, too
    assert state(ada) == state(cyd)
    assert stored(ada) == stored(cyd)
    for one in (ada, cyd):
        await asked(one)
    page = await posts_of(ada, enemy)
    assert page == await posts_of(cyd, enemy)
    assert first.post_id in page
    wrong = [one for one in caplog.records if one.levelno >= logging.ERROR or one.exc_info]
    wrong += [one for one in caplog.records if "not taken in" in one.getMessage()]
    assert not wrong, [one.getMessage() for one in wrong]
    print(f"{role}: {steps} payloads, {len(stored(ada))} posts, {len(state(ada))} statements")  # noqa: T201


async def posts_of(person: Person, enemy: Enemy) -> dict[str, tuple[Any, ...]]:
    """What is seen of each text; of those of the enemy's keys only where they stand."""
    command = RoomHistory(room=room_of(person)[0].hex(), limit=10_000)
    honest = {room_of(one)[1].author.hex() for one in enemy.others}
    return {
        one.post_id: (one.author_id, one.order)
        if one.author_id not in honest
        else (one.author_id, one.channel, one.order, one.body, one.deleted, one.doubled)
        for one in (await person.do(command)).posts
        if one.kind == "text"
    }
