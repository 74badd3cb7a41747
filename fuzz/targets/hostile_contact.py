"""A real node whose contact holds all the right keys and sends what it likes."""

from typing import Final

from fuzz.draw import Draw
from fuzz.target import Target
from fuzz.targets.payload import random_payload
from fuzz.world import in_world
from loom.api.message_commands import SendText
from loom.core import sessions as core
from loom.core.choice import Counters
from loom.core.identity import Identity, phrase_from_entropy, recovery_key, seeds_from_phrase
from loom.core.identity_chain import make_rotation
from loom.core.prekeys import present
from loom.core.ratchet import ENTROPY_BYTES
from loom.errors import PeerError
from loom.model import Direction
from loom.wire.chain_envelope import encode_chain_envelope
from loom.wire.content import Delete, Edit, KnownPayload, Pin, React, encode_payload
from loom.wire.content import Target as Message
from loom.wire.framing import RecordKind
from loom.wire.limits import ENVELOPE_BUCKETS
from tests.node.harness import Person, World
from tests.people import EVE, Source

STEPS_MAX: Final = 12
HEALING_S: Final = 4 * 3_600.0
_WORDS: Final = phrase_from_entropy(b"\3" * 32)
_NEXT: Final = Identity(seeds_from_phrase(_WORDS, 1))
_CHAIN: Final = encode_chain_envelope(
    [make_rotation(recovery_key(_WORDS), EVE.card, _NEXT.card, 1).raw]
)
"""Of somebody whom nobody here knows."""


def run(data: bytes) -> None:
    """The node lives, forgets nothing, and talks on with the contact once it behaves."""
    draw = Draw(data)

    async def meet(world: World) -> None:
        alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
        await bob.say(alice, "before")
        await alice.say(bob, "before")
        await world.delivered(alice, bob)
        mine = await _mine(alice, bob)
        for _ in range(STEPS_MAX):
            if draw.is_over:
                break
            await _act(draw, bob, alice)
            await world.pass_time(draw.choice((0.0, 0.01, 2.0)))
        assert "before" in alice.received(bob)
        assert await _mine(alice, bob) == mine
        await carol.say(alice, "and us?")
        await world.delivered(carol, alice)
        await bob.say(alice, "after")
        # His timer holds for her texts, too: they might end before he behaves.
        await alice.do(SendText(contact="Bob", body="after", expires_s=0))
        await world.delivered(alice, bob, within_s=HEALING_S)
        assert alice.received(bob)[-1] == "after"
        assert alice.received(carol) == ["and us?"]
        assert bob.received(alice)[-1] == "after"

    in_world(meet)


async def _mine(alice: Person, bob: Person) -> list[tuple[str, bool, bool]]:
    """What Alice said to Bob, as she sees it."""
    said = [one for one in await alice.history(bob) if one.direction == Direction.OUT]
    return [(one.body, one.edited, one.deleted) for one in said]


def _statement(draw: Draw, target_id: bytes) -> KnownPayload:
    """About a message of Alice's, as if it were Bob's, too."""
    statement_id, number = draw.some().ljust(16, b"s")[:16], draw.integer(52)
    target = Message(draw.flag(), target_id)
    match draw.number(4):
        case 0:
            return Edit(statement_id, 1, target_id, number, "not mine")
        case 1:
            return Delete(statement_id, 1, (target_id,))
        case 2:
            return React(statement_id, 1, target, number, draw.choice(("", "x", "\0", "yy")))
        case _:
            return Pin(statement_id, 1, target, number, draw.flag())


async def _act(draw: Draw, bob: Person, alice: Person) -> None:
    """Bob sends one thing that his own node never would."""
    peer = bob.peer(alice)
    connection = peer.connection
    if connection is None or not connection.is_up:
        return
    match draw.number(8):
        case 0:
            size = draw.choice((0, 1, *ENVELOPE_BUCKETS))
            body = draw.some().ljust(size, b"\1")[:size]
            connection.send_record(draw.choice(tuple(RecordKind)[1:]), body)
        case 1 | 2 | 3:
            envelope = await _sealed(draw, bob, alice)
            connection.send_record(RecordKind.ENVELOPE, envelope)
            for _ in range(draw.number(3)):
                connection.send_record(RecordKind.ENVELOPE, envelope)
        case 4:
            envelope = draw.edited(await _sealed(draw, bob, alice))
            connection.send_record(RecordKind.ENVELOPE, envelope)
        case 5:
            owner = draw.choice((bob.identity, EVE))
            prekey = Source(draw.number(256)).prekey(owner, bob.clock.now_ms() // 1000)
            told = Counters(draw.integer(64), draw.integer(64))
            connection.send_record(RecordKind.BUNDLE, draw.edited(present(owner, prekey, told)))
        case 6:
            envelope = draw.edited(_CHAIN) if draw.flag() else b"\2" + draw.some()
            connection.send_record(RecordKind.ENVELOPE, envelope)
        case _:
            for _ in range(1 + draw.number(24)):
                connection.send_record(RecordKind.BUNDLE_REQUEST, draw.some())


async def _sealed(draw: Draw, bob: Person, alice: Person) -> bytes:
    """An envelope of Bob's best session around a payload; his own state moves on, or not."""
    peer = bob.peer(alice)
    await peer.sessions.ready()
    if draw.number(3):
        payload = random_payload(draw)
    else:
        said = await alice.history(bob)
        names = [one.message_id for one in said if one.direction == Direction.OUT]
        target_id = bytes.fromhex(draw.choice(names).replace("-", ""))
        payload = encode_payload(_statement(draw, target_id))
    try:
        sealed = core.seal(
            peer.sessions.value,
            payload,
            entropy=Source(draw.number(256)).take(ENTROPY_BYTES),
            fresh_key=bob.node.parts.keys.take,
            awaited=None,
        )
    except PeerError:
        return b""
    if draw.flag():
        peer.sessions.value = sealed.sessions
        peer.sessions.commit()
    return sealed.envelope


TARGET = Target(
    run=run,
    seeds=(
        b"",
        b"\0\0\0",
        b"\0\4aaaa\2\2\0",
        b"\1\0\4\xff\xff\xff\xff\0\0\0\0",
        b"\1\1\0\0\0\1\0\0",
        b"\1\1\1\0\0\1\0\0",
        b"\1\2\5\0\0\0\0\0\1\0\0",
        b"\4\1\0\0\0\1\2\0\5\1\7\0",
        b"\5\0\7\0\0\0\0",
        b"\6\x17" + bytes(24),
        *(b"\1" + bytes(7) + bytes([kind]) for kind in range(4)),
    ),
    max_bytes=512,
    executions=8,
    time_max_s=15.0,
    memory_max_mib=64,
)
