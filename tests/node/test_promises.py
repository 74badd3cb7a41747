"""What the protocol promises (docs/PROTOCOL.md 16), where it takes whole nodes to see it."""

import asyncio
import os
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from loom.api.contact_commands import RemoveContact
from loom.api.events import MessageReceived, PeerOffline, PeerOnline, Warned
from loom.api.message_commands import DeleteMessages, Search, SendText
from loom.core import link_ends
from loom.core import sessions as core
from loom.core.identity import Identity
from loom.core.ratchet import ENTROPY_BYTES
from loom.core.sessions import decode_sessions, sealed_again
from loom.errors import StoreError, Unreachable
from loom.links.direct import DirectLink
from loom.model import Address, MessageState
from loom.node.key_pool import generate
from loom.ports import Stream
from loom.storage import messages, outbox, sessions
from loom.storage.messages import RANK
from loom.wire.content import Profile, Receipt, Text, decode_payload
from loom.wire.framing import MESSAGE_1_BYTES, RecordKind
from loom.wire.limits import (
    BUNDLE_REQUESTS_PER_HOUR,
    ENVELOPE_BUCKETS,
    INBOX_QUEUE_MAX,
    LINK_CLEAR_BYTES,
    LINKS_PER_MINUTE_MAX,
    MAX_SKIP,
)
from tests.memory_network import Faults, MemoryStream
from tests.new_database import KEY
from tests.node.harness import Person, World, identity_of
from tests.storage.pages import decrypted

LONG = os.environ.get("LOOM_TEST_LONG") == "1"
OPENING_BYTES = LINK_CLEAR_BYTES + 2 + MESSAGE_1_BYTES


# --- 3: exactly once ---


async def first_words(world: World, fault: Callable[[Person, Person], None]) -> None:
    """Alice and Bob meet and talk; whatever `fault` does, everything accepted shows once."""
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await bob.add(alice)
    await alice.note_address(bob)
    await bob.note_address(alice)
    accepted: dict[Person, list[str]] = {alice: [], bob: []}

    async def talk(one: Person, other: Person) -> None:
        for n in range(4):
            await world.pass_time(0.009)
            if one.is_running:
                await one.do(SendText(contact=other.name, body=f"{one} {n}"))
                accepted[one].append(f"{one} {n}")

    fault(alice, bob)
    talks = [asyncio.create_task(talk(*pair)) for pair in ((alice, bob), (bob, alice))]
    await asyncio.wait(talks, timeout=1.0)
    for task in talks:
        task.cancel()
    for result in await asyncio.gather(*talks, return_exceptions=True):
        assert result is None or isinstance(result, StoreError | asyncio.CancelledError)
    for person in (alice, bob):
        person.heal()
        if not person.is_running:
            await person.start()
    await world.delivered(alice, bob, within_s=4 * 3_600)
    for one, other in ((alice, bob), (bob, alice)):
        assert other.received(one) == one.sent(other)
        assert set(accepted[one]) <= set(one.sent(other))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("commit", range(1, 22))
async def test_promise_03_power_fails_at_every_commit(
    world: World, commit: int, who: int, after: bool
) -> None:
    def fault(*people: Person) -> None:
        disk = people[who].disk
        if after:
            disk.power_lost_after = disk.commits + commit
        else:
            disk.power_lost_before = disk.commits + commit

    await first_words(world, fault)


@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("commit", range(1, 22))
async def test_promise_03_the_disk_is_full_at_every_commit(
    world: World, commit: int, who: int
) -> None:
    def fault(*people: Person) -> None:
        disk = people[who].disk
        disk.full_at.add(disk.commits + commit)

    await first_words(world, fault)


@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("turns", range(1, 320, 1 if LONG else 9))
async def test_promise_03_power_fails_at_any_await(world: World, turns: int, who: int) -> None:
    await first_words(world, lambda *people: people[who].lose_power_in(turns))


# --- 4: first the disk, then the wire ---


class Sealed(NamedTuple):
    payload: bytes
    session_id: bytes
    ordinal: int


class Auditor:
    """Looks at every envelope at the moment it is handed to a link."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.sealed: dict[bytes, Sealed] = {}
        self.texts = self.receipts = 0

    def look(self, connection: DirectLink, kind: RecordKind, body: bytes) -> None:
        if kind is not RecordKind.ENVELOPE or self.world is None:
            return
        for person in self.world.people:
            if person._node is None or not person.is_running:
                continue
            for peer in person.node.roster.values():
                if connection in peer.arbiter.links:
                    self._check(person, peer.device_id, body)
                    return

    def _check(self, person: Person, number: Any, envelope: bytes) -> None:
        if envelope not in self.sealed:
            return  # sealed before the audit began
        one = self.sealed[envelope]
        stored = person.database.look(lambda db: sessions.load(db, number))
        assert stored is not None
        session = decode_sessions(stored[1]).session(one.session_id)
        assert session is not None, "its session is not committed"
        assert session.ratchet.sealed > one.ordinal, "its key is not spent on disk"
        payload = decode_payload(one.payload)
        if isinstance(payload, Text | Profile):
            self.texts += 1
            rows = person.database.look(lambda db: outbox.page(db, number, 0, 10_000))
            stored_as = [
                sealed_again(row.recipe or b"", row.payload)
                for row in rows
                if row.message_id == payload.message_id
            ]
            if stored_as or (isinstance(payload, Text) and not self._arrived(person, payload)):
                assert stored_as == [envelope], "what is stored gives other bytes"
        elif isinstance(payload, Receipt):
            self.receipts += 1
            for one_id in payload.delivered:
                seen = person.database.look(
                    lambda db, one_id=one_id: db.execute(  # type: ignore[misc]
                        "SELECT 1 FROM seen WHERE author = 0 AND message_id = ?", (one_id,)
                    ).fetchone()
                )
                assert seen is not None, "a receipt for what is not stored"

    @staticmethod
    def _arrived(person: Person, text: Text) -> bool:
        """A receipt may come between reading a row and writing it again."""
        found = person.database.look(
            lambda db: db.execute(
                "SELECT state FROM messages WHERE message_id = ?", (text.message_id,)
            ).fetchone()
        )
        return found is not None and found[0] >= RANK[MessageState.DELIVERED]


@pytest.fixture
def auditor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Auditor]:
    auditor = Auditor()
    seal, send = core.seal, DirectLink.send_record
    failures: list[AssertionError] = []

    def noted_seal(conversation: Any, payload: bytes, **rest: Any) -> core.SealedEnvelope:
        sealed = seal(conversation, payload, **rest)
        auditor.sealed[sealed.envelope] = Sealed(payload, sealed.session_id, sealed.ordinal)
        return sealed

    def looked_at(connection: DirectLink, kind: RecordKind, body: bytes) -> None:
        try:
            auditor.look(connection, kind, body)
        except AssertionError as error:
            failures.append(error)
        send(connection, kind, body)

    monkeypatch.setattr(core, "seal", noted_seal)
    monkeypatch.setattr(DirectLink, "send_record", looked_at)
    yield auditor
    assert failures == []


@pytest.mark.parametrize("seed", range(6))
async def test_promise_04_nothing_leaves_before_it_is_committed(
    world: World, auditor: Auditor, seed: int
) -> None:
    auditor.world = world
    alice, bob = await world.friends("Alice", "Bob")
    chance = random.Random(seed)
    for person in (alice, bob):
        person.disk.full_at = set(chance.sample(range(10, 120), 12))
    for n in range(60):
        one, other = chance.choice([(alice, bob), (bob, alice)])
        task = asyncio.create_task(one.shout(other, f"{n} a", f"{n} b"))
        await world.pass_time(chance.choice([0.0, 0.001, 0.004, 0.1]))
        if n % 20 == 19:
            world.network.cut()
        await asyncio.gather(task, return_exceptions=True)
    await world.delivered(alice, bob, within_s=4 * 3_600)
    assert auditor.texts > 60
    assert auditor.receipts > 5
    assert bob.received(alice) == alice.sent(bob)
    assert alice.received(bob) == bob.sent(alice)


async def test_promise_04_a_failed_commit_sends_nothing(world: World, auditor: Auditor) -> None:
    auditor.world = world
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await world.pass_time(1)
    sealed_before, written = len(auditor.sealed), alice_writes(world, alice)
    alice.disk.is_full = True
    with pytest.raises(StoreError):
        await alice.say(bob, "never")
    await world.pass_time(1)
    assert len(auditor.sealed) > sealed_before
    assert alice_writes(world, alice) == written
    assert bob.received(alice) == []


def alice_writes(world: World, alice: Person) -> int:
    """How many bytes left Alice's machine."""
    return sum(one._passed_bytes for one in world.network.streams if one.local.host == alice.host)


# --- 7: one session in the end ---


@pytest.mark.parametrize("seed", range(8))
async def test_promise_07_both_end_up_sending_on_one_session(world: World, seed: int) -> None:
    """Simultaneous starts, lost prekeys, lost sessions."""
    chance = random.Random(seed)
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await bob.add(alice)
    await alice.note_address(bob)
    await bob.note_address(alice)
    for n in range(3):
        for one, other in ((alice, bob), (bob, alice)):
            await one.say(other, f"{one} {n}")
            await world.pass_time(chance.choice([0.0, 0.003, 0.01, 0.03, 2.0]))
            if chance.random() < 0.3:
                one.database._writer.db.execute("DELETE FROM prekeys")
            if chance.random() < 0.3:
                await one.restart()
            if chance.random() < 0.2:
                await one.crash()
                one.lose_conversations()
                await one.start()
    await world.delivered(alice, bob, within_s=6 * 3_600)

    for word in ("last", "very last"):
        await alice.say(bob, word)
        await bob.say(alice, word)
        await world.delivered(alice, bob, within_s=2 * 3_600)
    assert alice.best_session(bob) == bob.best_session(alice)


# --- 9: deleted is gone ---


async def test_promise_09_deleted_messages_are_on_neither_page(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    secret, kept, unsent = "xylophone zeppelin", "an ordinary word", "quixotic wombat"
    [message, _] = await alice.say(bob, secret, kept)
    await world.delivered(alice, bob)
    await world.pass_time(1)
    await bob.crash()
    [waiting] = await alice.say(bob, unsent)
    await alice.do(
        DeleteMessages(contact="Bob", message_ids=[message.message_id, waiting.message_id])
    )
    await bob.start()
    await bob.do(DeleteMessages(contact="Alice", message_ids=[message.message_id]))
    for person in (alice, bob):
        pages = decrypted(person.path, KEY)
        assert kept.encode() in pages
        for word in (secret + " " + unsent).split():
            assert word.encode() not in pages
        assert (await person.do(Search(text="xylophone"))).messages == []
    await alice.restart()
    await world.until(lambda: alice.is_online(bob))
    await alice.say(bob, "more")
    await world.until(lambda: bob.received(alice) == [kept, "more"])


async def test_promise_09_a_removed_contact_leaves_no_word(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "xylophone")
    await bob.say(alice, "zeppelin")
    await world.delivered(alice, bob)
    await alice.do(RemoveContact(contact="Bob"))
    pages = decrypted(alice.path, KEY)
    assert b"xylophone" not in pages
    assert b"zeppelin" not in pages
    assert bob.identity.card not in pages


# --- 10: a hostile contact ---


async def hostile(world: World) -> tuple[Person, Person, Person]:
    """Bob, his friend Carol, and Mallory whose token he imported."""
    bob, carol, mallory = [await world.person(name) for name in ("Bob", "Carol", "Mallory")]
    for other in (carol, mallory):
        await bob.add(other)
        await other.add(bob)
        await other.call(bob)
    await world.until(lambda: carol.all_delivered(bob) and mallory.all_delivered(bob))
    return bob, carol, mallory


def link(one: Person, other: Person) -> DirectLink:
    connection = one.peer(other).connection
    assert connection is not None
    return connection


async def still_served(world: World, bob: Person, carol: Person) -> None:
    await carol.say(bob, "are you well?")
    await world.until(lambda: bob.received(carol) == ["are you well?"], within_s=5)
    await bob.say(carol, "very")
    await world.until(lambda: carol.received(bob) == ["very"], within_s=5)


async def test_promise_10_bundle_requests_beyond_the_limit(world: World) -> None:
    bob, carol, mallory = await hostile(world)
    answers: list[bytes] = []

    async def note(body: bytes) -> None:
        answers.append(body)

    mallory.peer(bob)._take_bundle = note  # type: ignore[method-assign]
    for _ in range(200):
        link(mallory, bob).send_record(RecordKind.BUNDLE_REQUEST, b"")
    await world.pass_time(5)
    assert 0 < len(answers) <= BUNDLE_REQUESTS_PER_HOUR
    kept = bob.database.look(lambda db: db.execute("SELECT count(*) FROM prekeys").fetchone())
    assert kept[0] <= 2  # one for each contact
    await still_served(world, bob, carol)


async def test_promise_10_garbage_envelopes(world: World) -> None:
    bob, carol, mallory = await hostile(world)
    chance = random.Random(1)
    longest = 0
    inbox: Any = bob.peer(mallory).inbox
    put = inbox.put

    def measured(envelopes: list[bytes]) -> None:
        nonlocal longest
        put(envelopes)
        longest = max(longest, len(inbox._queue))

    inbox.put = measured
    sizes = [0, 1, 100, *ENVELOPE_BUCKETS, *ENVELOPE_BUCKETS]
    for _ in range(40):
        if bob.peer(mallory).connection is None:
            break
        for _ in range(25):
            body = chance.randbytes(chance.choice(sizes))
            kind = chance.choice([RecordKind.ENVELOPE, RecordKind.ENVELOPE, RecordKind.BUNDLE])
            if mallory.peer(bob).connection is not None:
                link(mallory, bob).send_record(
                    kind, bytes([len(body) % 2]) + body[1:] if body else body
                )
        await world.pass_time(0.05)
    await still_served(world, bob, carol)
    assert longest <= INBOX_QUEUE_MAX + 64
    assert len([one for one in bob.told(Warned) if one.contact == "Mallory"]) <= 5
    assert bob.received(mallory) == []
    await mallory.say(bob, "sorry")
    await world.until(lambda: bob.received(mallory) == ["sorry"], within_s=2 * 3_600)


async def test_promise_10_a_flood_of_real_messages(world: World) -> None:
    bob, carol, mallory = await hostile(world)
    await mallory.shout(bob, *(f"buy {n}" for n in range(900)))
    await still_served(world, bob, carol)
    await world.until(lambda: len(bob.received(mallory)) == 900)


@pytest.mark.parametrize("gap", [MAX_SKIP - 1, MAX_SKIP + 1])
async def test_promise_10_huge_gaps(world: World, gap: int) -> None:
    """Mallory leaves out as many messages as she can, or one more."""
    bob, carol, mallory = await hostile(world)
    sessions = mallory.peer(bob).sessions
    envelope = b""
    for n in range(gap + 1):
        text = msgspec.msgpack.encode(Text(n.to_bytes(16, "big"), 1, str(n)))
        sealed = core.seal(
            sessions.value,
            text,
            entropy=random.randbytes(ENTROPY_BYTES),
            fresh_key=generate,
            awaited=None,
        )
        sessions.value, envelope = sealed.sessions, sealed.envelope
    link(mallory, bob).send_record(RecordKind.ENVELOPE, envelope)
    await still_served(world, bob, carol)
    opens = gap < MAX_SKIP
    assert bob.received(mallory) == ([str(gap)] if opens else [])
    kept = bob.database.look(lambda db: db.execute("SELECT count(*) FROM skipped_keys").fetchone())
    assert kept[0] <= MAX_SKIP
    assert (bob.told(Warned) == []) == opens


async def test_promise_10_links_that_come_and_go(world: World) -> None:
    bob, carol, mallory = await hostile(world)
    refused = 0
    for _ in range(LINKS_PER_MINUTE_MAX + 20):
        try:
            await mallory.node.network.caller.call(mallory.peer(bob), bob.address)
        except Unreachable:
            refused += 1
    assert refused >= 20
    await world.pass_time(70)
    assert len(bob.peer(mallory).arbiter.links) == 1
    await still_served(world, bob, carol)


# --- 11 and 16: strangers, replays, suppressed link messages ---


class Wire:
    """A raw connection from somewhere."""

    def __init__(self) -> None:
        self.heard = b""
        self.is_open = False
        self.lasted_s = 0.0
        self.stream: Stream | None = None
        self._began_s = asyncio.get_running_loop().time()

    def connected(self, stream: Stream) -> None:
        self.stream, self.is_open = stream, True

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def writable(self, ready: bool) -> None:
        pass

    def closed(self) -> None:
        self.is_open = False
        self.lasted_s = asyncio.get_running_loop().time() - self._began_s


async def throw(world: World, target: Address, data: bytes) -> Wire:
    """Send bytes from nowhere, and wait until it is over."""
    wire = Wire()
    await world.network.transport("192.0.2.66").dial(target, wire, 1.0)
    assert wire.stream is not None
    wire.stream.write(data)
    await world.until(lambda: not wire.is_open)
    return wire


async def opening(world: World, caller: Person, target: Person) -> bytes:
    """The first bytes of a real call, which somebody in between kept for himself."""
    taken: list[Wire] = []

    def accept() -> Wire:
        taken.append(Wire())
        return taken[-1]

    trap = Address("198.51.100.1", 1)
    listener = await world.network.transport(trap.host).listen([trap], accept)
    with pytest.raises(Unreachable):
        await caller.node.network.caller.call(caller.peer(target), trap)
    await listener.close()
    assert len(taken[0].heard) == OPENING_BYTES
    return taken[0].heard


async def test_promise_11_strangers_cost_nothing_and_hear_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await world.pass_time(1)
    real = await opening(world, alice, bob)
    eve = await world.person("Eve")
    await eve.add(bob)
    foreign = await opening(world, eve, bob)
    before = bob.disk.commits

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("public-key work for a stranger")

    monkeypatch.setattr(link_ends, "Handshake", forbidden)
    flipped = bytes([real[0] ^ 1]) + real[1:]
    endings = set()
    for data in (random.Random(1).randbytes(OPENING_BYTES), foreign, flipped):
        wire = await throw(world, bob.address, data)
        assert wire.heard == b""
        endings.add(round(wire.lasted_s, 2))
    assert len(endings) == 1
    wire = await throw(world, bob.address, b"GET / HTTP/1.1\r\n\r\n")
    assert wire.heard == b""
    wire = await throw(world, bob.address, bytes(4_096))
    assert (wire.heard, wire.lasted_s < 0.1) == (b"", True)
    assert bob.disk.commits == before
    assert bob.is_online(alice)


async def test_promise_16_a_replayed_opening_is_a_stranger(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a restart: what was used is on disk."""
    written: list[tuple[MemoryStream, bytes]] = []
    write = MemoryStream.write

    def noted(stream: MemoryStream, data: bytes) -> None:
        written.append((stream, data))
        write(stream, data)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryStream, "write", noted)
        alice, bob = await world.friends("Alice", "Bob")
    first = written[0][0]
    sent = b"".join(data for stream, data in written if stream is first)[:OPENING_BYTES]
    await world.delivered(alice, bob)
    for _ in range(2):
        online = len(bob.told(PeerOnline))
        wire = await throw(world, bob.address, sent)
        assert wire.heard == b""
        assert len(bob.told(PeerOnline)) == online
        await bob.restart()
        await world.until(lambda: bob.is_online(alice))


async def test_promise_16_a_stolen_opening_shows_nobody_online(world: World) -> None:
    """It was never used, so it is answered; without the keys nothing follows."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    stolen = await opening(world, alice, bob)
    online = link(bob, alice)
    wire = await throw(world, bob.address, stolen)
    assert wire.heard != b""
    assert wire.lasted_s <= 5.1
    assert link(bob, alice) is online
    assert bob.told(PeerOffline) == []
    assert len(bob.told(PeerOnline)) == 1
    another = await opening(world, alice, bob)
    await alice.crash()
    await world.until(lambda: not bob.is_online(alice))
    await throw(world, bob.address, another)
    assert len(bob.told(PeerOnline)) == 1
    again = await throw(world, bob.address, another)
    assert again.heard == b""


async def test_promise_16_a_suppressed_confirmation_shows_nobody_online(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await bob.add(alice)
    world.network.faults = Faults(drop_after_bytes=OPENING_BYTES)
    await alice.note_address(bob)
    await alice.say(bob, "hi")
    await world.pass_time(100)
    assert bob.told(PeerOnline) == []
    assert bob.peer(alice).connection is None
    world.network.faults = Faults()
    world.network.cut()
    await world.until(lambda: bob.received(alice) == ["hi"], within_s=900)


# --- 15: cards ---


def impostor(victim: str, *, own_card: bool) -> Identity:
    """Whoever stole only the agreement key: the link is open to them, signatures are not."""
    real, other = identity_of(victim), identity_of("Impostor of " + victim)
    fake = Identity.__new__(Identity)
    fake.signing, fake.agreement, fake.peer_id = other.signing, real.agreement, real.peer_id
    fake.card = other.card if own_card else real.card
    return fake


@pytest.mark.parametrize("own_card", [True, False], ids=["own card", "stolen card"])
@pytest.mark.parametrize("begins", ["contact", "impostor"])
async def test_promise_15_a_card_that_does_not_match_is_never_accepted(
    world: World, own_card: bool, begins: str
) -> None:
    alice = await world.person("Alice")
    fake = await world.person("Bob", impostor("Bob", own_card=own_card))
    await alice.add(fake)
    await fake.add(alice)
    said = await fake.say(alice, "I am Bob")
    if begins == "impostor":
        await alice.say(fake, "who are you?")
        await fake.note_address(alice)
    else:
        await alice.note_address(fake)
    await world.until(lambda: alice.told(Warned) != [])
    if own_card:
        assert {one.code for one in alice.told(Warned)} == {"card_mismatch"}
    await world.pass_time(700)
    assert len(said) == 1
    assert alice.received(fake) == []
    assert alice.told(MessageReceived) == []
    conversation_id = alice.peer(fake).conversation_id
    assert not any(session.confirmed_at_s for session in alice.peer(fake).sessions.value.live)
    assert all(
        one.state is MessageState.QUEUED
        for one in alice.database.look(lambda db: messages.page(db, conversation_id, 10))
    )
