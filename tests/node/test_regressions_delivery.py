"""Messages, receipts and sessions that were once stuck, lost, told too often or never."""

import asyncio
import math
import random
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from loom.api.command import Command
from loom.api.contact_commands import BlockContact, ImportToken, RemoveContact, RenameContact
from loom.api.conversation_commands import MarkRead
from loom.api.events import MessageDelivered, MessageQueued, PeerOffline
from loom.api.message_commands import DeleteMessages
from loom.core import sessions as core
from loom.core.chains import advance
from loom.core.delivery.receiving import FAILURES_MAX
from loom.core.identity import Identity
from loom.core.ratchet import ENTROPY_BYTES
from loom.core.session import Session
from loom.errors import DiskFull, DuplicateContact
from loom.links.direct import DirectLink
from loom.model import Direction, MessageId, MessageState
from loom.node.inbox import (
    BATCH_MAX_BYTES,
    FAILURES_AT_ONCE,
    GAP_REST,
    IDS_IN_LOOP_MAX,
    Batch,
    Inbox,
)
from loom.node.key_pool import generate
from loom.node.mail import Incoming
from loom.node.sessions import DeviceSessions
from loom.storage import messages, outbox, receipts
from loom.storage.connection import Db
from loom.storage.outbox import OutboxRow
from loom.wire.content import Receipt, Text, decode_payload, encode_payload
from loom.wire.framing import RecordKind
from loom.wire.limits import ENVELOPE_BUCKETS, INBOX_QUEUE_MAX, MAX_SKIP, TEXT_MAX_BYTES
from loom.wire.token import encode_token
from tests.node.harness import Person, World, identity_of
from tests.people import NOW_MS

GARBAGE = b"\1" + random.Random(1).randbytes(ENVELOPE_BUCKETS[0] - 1)


def link(one: Person, other: Person) -> DirectLink:
    connection = one.peer(other).connection
    assert connection is not None
    return connection


def session(one: Person, other: Person) -> Session:
    best = one.peer(other).sessions.best
    assert best is not None
    return best


async def talked(world: World) -> tuple[Person, Person]:
    """Alice and Bob, connected, who owe each other nothing."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hello")
    await bob.say(alice, "hello")
    await world.delivered(alice, bob)
    await world.pass_time(3)
    return alice, bob


async def relinked(world: World, one: Person, other: Person) -> None:
    """The link breaks and comes back."""
    before = link(one, other)
    world.network.cut()
    await world.until(
        lambda: (
            one.is_online(other) and other.is_online(one) and one.peer(other).connection != before
        )
    )
    await world.pass_time(3)


# --- sessions ---


async def test_a_second_session_on_the_same_link_needs_no_text(world: World) -> None:
    """Once a starter greeted once for each link: the second session was never heard of."""
    alice, bob = await talked(world)
    first, before = session(alice, bob), link(alice, bob)
    assert first.own
    assert bob.peer(alice).arbiter.send(GARBAGE)
    await world.until(lambda: session(alice, bob).session_id != first.session_id, within_s=5)
    await world.until(lambda: session(alice, bob).confirmed_at_s is not None, within_s=5)
    assert session(alice, bob).own
    assert alice.best_session(bob) == bob.best_session(alice)
    assert link(alice, bob) is before
    assert len(bob.received(alice)) == len(alice.received(bob)) == 1


async def test_a_start_whose_answer_was_lost_is_answered_on_the_next_link(world: World) -> None:
    alice, bob = await talked(world)
    first = alice.best_session(bob)
    towards_alice: Any = bob.peer(alice).arbiter
    towards_alice.send = lambda envelope: True
    alice.peer(bob).delivery.starts.want()
    await world.until(lambda: bob.best_session(alice) != first)
    await world.pass_time(5)
    assert session(alice, bob).confirmed_at_s is None
    del towards_alice.send
    await relinked(world, alice, bob)
    assert session(alice, bob).confirmed_at_s is not None
    assert alice.best_session(bob) == bob.best_session(alice) != first


async def test_a_bundle_counts_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the same answer once began two sessions."""
    send = DirectLink.send_record

    def twice(connection: DirectLink, kind: RecordKind, body: bytes) -> None:
        send(connection, kind, body)
        if kind is RecordKind.BUNDLE:
            send(connection, kind, body)

    begun: list[Identity] = []
    start = core.start

    def counted(sessions: Any, identity: Identity, *rest: Any, **named: Any) -> Any:
        begun.append(identity)
        return start(sessions, identity, *rest, **named)

    monkeypatch.setattr(DirectLink, "send_record", twice)
    monkeypatch.setattr(core, "start", counted)
    alice, bob = await talked(world)
    assert begun == [alice.identity]
    assert alice.best_session(bob) == bob.best_session(alice)


# --- a hostile contact ---


async def test_broken_envelopes_with_authentic_headers_hold_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each costs thousands of MACs: once 256 of them were tried in one turn of the loop."""
    bob, carol, mallory = [await world.person(name) for name in ("Bob", "Carol", "Mallory")]
    for other in (carol, mallory):
        await bob.add(other)
        await other.add(bob)
        await other.call(bob)
    await world.delivered(bob, carol)
    await world.delivered(bob, mallory)
    sessions, envelope = mallory.peer(bob).sessions.value, b""
    for _ in range(1_500):
        sealed = core.seal(
            sessions,
            b"x",
            entropy=random.randbytes(ENTROPY_BYTES),
            fresh_key=generate,
            awaited=None,
        )
        sessions, envelope = sealed.sessions, sealed.envelope
    broken = envelope[:-1] + bytes([envelope[-1] ^ 1])

    open_ = core.open_
    tried: Counter[int] = Counter()
    tried_before_carol: list[int] = []

    def counted(*arguments: Any, **named: Any) -> core.OpenedEnvelope:
        if arguments[3] == broken:
            tried[world.loop.turns] += 1
        elif arguments[1] is bob.identity and not tried_before_carol:
            tried_before_carol.append(tried.total())
        return open_(*arguments, **named)

    monkeypatch.setattr(core, "open_", counted)
    bad_link = link(bob, mallory)
    bob.peer(mallory).inbox.put([Incoming(broken)] * INBOX_QUEUE_MAX)
    await carol.say(bob, "are you well?")
    await world.until(lambda: bob.received(carol) == ["are you well?"], within_s=5)
    await world.pass_time(5)
    assert max(tried.values()) <= FAILURES_AT_ONCE
    assert FAILURES_MAX <= tried.total() < FAILURES_MAX + FAILURES_AT_ONCE
    assert tried_before_carol[0] < FAILURES_MAX
    assert bad_link not in bob.peer(mallory).arbiter.links
    assert [one.contact for one in bob.told(PeerOffline)] == ["Mallory"]
    assert bob.received(mallory) == []


async def test_large_receipts_are_taken_in_beside_the_loop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch held some 14 with 1,000 ids each, and all of them changed rows in the event loop."""
    alice, bob = await talked(world)
    sessions, envelopes = alice.peer(bob).sessions.value, []
    for size in (1_000, 1_000, 1_000, IDS_IN_LOOP_MAX):
        ids = tuple(random.randbytes(16) for _ in range(size))
        sealed = core.seal(
            sessions,
            encode_payload(Receipt(bytes(16), NOW_MS, ids, ())),
            entropy=random.randbytes(ENTROPY_BYTES),
            fresh_key=generate,
            awaited=None,
        )
        sessions = sealed.sessions
        envelopes.append(sealed.envelope)
    beside: list[bool] = []
    commit = DeviceSessions.commit

    def noted(self: Any, *arguments: Any, is_long: bool = False) -> Any:
        if self is bob.peer(alice).sessions:
            beside.append(is_long)
        return commit(self, *arguments, is_long=is_long)

    monkeypatch.setattr(DeviceSessions, "commit", noted)
    bob.peer(alice).inbox.put([Incoming(one) for one in envelopes])
    await world.until(lambda: bob.peer(alice).inbox.waiting == 0)
    assert beside == [True, True, True, False]


@pytest.mark.parametrize("gap", [0, MAX_SKIP])
async def test_the_greatest_gaps_and_the_longest_texts_share_no_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch, gap: int
) -> None:
    """Once 128 of them did: the node stood still for 0.8 s, and its disk for seconds."""
    alice, bob = await talked(world)
    sessions, envelopes = alice.peer(bob).sessions.value, []
    body = "hm" if gap else "w" * TEXT_MAX_BYTES
    for number in range(8 if gap else 16):
        best = sessions.best
        assert best is not None
        sending = best.ratchet.sending_chain
        assert sending is not None
        key = sending.chain_key
        for _ in range(gap):
            _, key = advance(key)
        ahead = msgspec.structs.replace(sending, chain_key=key, n=sending.n + gap)
        ratchet = msgspec.structs.replace(best.ratchet, sending=ahead)
        changed = msgspec.structs.replace(best, ratchet=ratchet)
        sealed = core.seal(
            msgspec.structs.replace(sessions, live=(changed,)),
            encode_payload(Text(bytes(15) + bytes([number + 1]), NOW_MS, body)),
            entropy=random.randbytes(ENTROPY_BYTES),
            fresh_key=generate,
            awaited=None,
        )
        sessions = sealed.sessions
        envelopes.append(sealed.envelope)
    together: list[int] = []
    commit = Inbox._commit

    async def counted(inbox: Inbox, batch: Batch) -> None:
        is_bobs = inbox is bob.peer(alice).inbox
        if is_bobs:
            together.append(len(batch.taken))
        await commit(inbox, batch)
        await asyncio.sleep(0.1 if is_bobs else 0.0)

    monkeypatch.setattr(Inbox, "_commit", counted)
    began_s = world.loop.time()
    bob.peer(alice).inbox.put([Incoming(one) for one in envelopes])
    await world.until(lambda: len(bob.received(alice)) == 1 + len(envelopes))
    most = 1 if gap else math.ceil(BATCH_MAX_BYTES / len(envelopes[0]))
    assert max(together) <= most
    rested_s = world.loop.time() - began_s - 0.1 * (len(together) - 1)
    assert rested_s == pytest.approx(GAP_REST * 0.1 * (len(together) - 1) if gap else 0.0, abs=0.1)


async def test_replays_of_one_envelope_owe_one_receipt(world: World) -> None:
    alice, bob = await talked(world)
    inbox: Any = bob.peer(alice).inbox
    put, seen = inbox.put, list[Incoming]()

    def noted(came: list[Incoming]) -> None:
        seen.extend(came)
        put(came)

    inbox.put = noted
    await alice.say(bob, "once")
    await world.delivered(alice, bob)
    await world.pass_time(3)
    sender: Any = bob.peer(alice).delivery.receipts
    sender.seal = lambda delivered, read: None  # as at the limit of unreceipted messages
    put(seen[:1] * 300)
    await world.pass_time(60)
    number = bob.peer(alice).device_id
    rows = bob.database.look(lambda db: receipts.of_device(db, number))
    assert [len(one.message_ids) for one in rows] == [1]
    assert bob.received(alice) == ["hello", "once"]
    assert bob.told(PeerOffline) == []


# --- commands that fail ---


@pytest.mark.parametrize(
    ("command", "error"),
    [
        (BlockContact(contact="Bob"), DiskFull),
        (RemoveContact(contact="Bob"), DiskFull),
        (RenameContact(contact="Bob", name="Robert"), DiskFull),
        (
            ImportToken(
                token=encode_token(identity_of("Another Bob").token), name="Bob", replace=True
            ),
            DiskFull,
        ),
        (
            ImportToken(token=encode_token(identity_of("Carol").token), name="Bob", replace=True),
            DuplicateContact,
        ),
    ],
    ids=["block", "remove", "rename", "replace", "a token of somebody else"],
)
async def test_a_command_that_fails_leaves_the_contact_as_it_was(
    world: World, command: Command[object], error: type[Exception]
) -> None:
    alice, bob = await talked(world)
    await alice.do(ImportToken(token=encode_token(identity_of("Carol").token), name="Carol"))
    await world.pass_time(1)
    before = alice.peer(bob).person
    alice.disk.is_full = error is DiskFull
    with pytest.raises(error):
        await alice.do(command)
    alice.disk.is_full = False
    assert alice.peer(bob).person == before
    await world.until(lambda: alice.is_online(bob) and bob.is_online(alice), within_s=30)
    await alice.say(bob, "still here")
    await bob.say(alice, "so am I")
    await world.delivered(alice, bob, within_s=60)
    assert bob.received(alice)[-1] == "still here"
    assert alice.received(bob)[-1] == "so am I"


async def test_a_command_that_nobody_waits_for_is_carried_out_and_told(world: World) -> None:
    """Once the text arrived, and no other front end heard that it had been written."""
    alice, bob = await talked(world)
    queued = len(alice.told(MessageQueued))
    task = asyncio.create_task(alice.say(bob, "never mind the answer"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    await world.until(lambda: len(alice.told(MessageQueued)) > queued, within_s=5)
    await world.delivered(alice, bob)
    assert [one.body for one in alice.told(MessageQueued)][queued:] == ["never mind the answer"]
    assert bob.received(alice)[-1] == "never mind the answer"


# --- retries ---


async def test_a_lost_envelope_is_sent_again_during_a_lively_chat(world: World) -> None:
    """Once each receipt put the retry off."""
    alice, bob = await talked(world)
    inbox: Any = bob.peer(alice).inbox
    put = inbox.put
    inbox.put = lambda envelopes: setattr(inbox, "put", put)
    await alice.say(bob, "lost")
    for n in range(45):
        await alice.say(bob, str(n))
        await world.pass_time(2)
    assert "lost" in bob.received(alice)
    assert len(alice.peer(bob).sessions.in_flight) == 0


@pytest.mark.parametrize("trouble", ["not sealed", "not committed"])
@pytest.mark.parametrize("kind", ["read", "delivered"])
async def test_an_owed_receipt_is_paid_later_on_the_same_link(
    world: World, kind: str, trouble: str
) -> None:
    alice, bob = await talked(world)
    retries: Any = alice.peer(bob).delivery.outbox
    retries.retry = lambda: None  # what Alice repeats would be receipted anyway
    before = link(bob, alice)
    sender: Any = bob.peer(alice).delivery.receipts
    seal, failed = sender.seal, list[None]()

    def unlucky(delivered: Any, read: Any) -> bytes | None:
        failed.append(None)
        del sender.seal
        if trouble == "not sealed":
            return None
        bob.disk.full_at = {bob.disk.commits + 1}
        receipt: bytes | None = seal(delivered, read)
        return receipt

    sender.seal = unlucky
    if kind == "read":
        [row] = [one.row_id for one in await bob.history(alice) if one.direction == "in"]
        await bob.do(MarkRead(contact="Alice", row_id=row))
        expected = MessageState.READ
    else:
        await alice.say(bob, "and this?")
        expected = MessageState.DELIVERED
    await world.until(lambda: alice.texts(bob, Direction.OUT)[-1][1] is expected, within_s=60)
    assert failed != []
    assert link(bob, alice) is before


@pytest.fixture
def told_read(monkeypatch: pytest.MonkeyPatch) -> list[Receipt]:
    """Every receipt with read ids that anybody sealed."""
    found: list[Receipt] = []
    seal = core.seal

    def noted(conversation: Any, payload: bytes, **rest: Any) -> core.SealedEnvelope:
        decoded = decode_payload(payload)
        if isinstance(decoded, Receipt) and decoded.read:
            found.append(decoded)
        return seal(conversation, payload, **rest)

    monkeypatch.setattr(core, "seal", noted)
    return found


@pytest.mark.parametrize("is_lost", [False, True], ids=["arrives", "lost"])
async def test_a_read_receipt_is_told_once_more_on_the_next_link_and_not_more(
    world: World, told_read: list[Receipt], is_lost: bool
) -> None:
    alice, bob = await talked(world)
    [row] = [one.row_id for one in await bob.history(alice) if one.direction == "in"]
    if is_lost:
        world.mute(bob, alice)
    await bob.do(MarkRead(contact="Alice", row_id=row))
    await world.pass_time(5)
    assert len(told_read) == 1
    for _ in range(3):
        await relinked(world, alice, bob)
        assert len(told_read) == 2
        assert alice.sent(bob) == ["hello"]
        assert alice.texts(bob, Direction.OUT) == [("hello", MessageState.READ)]
    number = bob.peer(alice).device_id
    assert bob.database.look(lambda db: receipts.of_device(db, number)) == []


# --- what the user deleted ---


async def test_a_deleted_text_no_longer_holds_the_chain(world: World) -> None:
    """The hold rule waits for receipts: one for a deleted text never comes."""
    alice, bob = await talked(world)
    world.mute(alice, bob)
    [said] = await alice.say(bob, "delete me")
    await alice.do(DeleteMessages(contact="Bob", message_ids=[said.message_id]))
    assert len(alice.peer(bob).sessions.in_flight) == 0
    await relinked(world, alice, bob)
    chains = set()
    for n in range(10):
        await alice.say(bob, f"a{n}")
        await world.delivered(alice, bob)
        await bob.say(alice, f"b{n}")
        await world.delivered(alice, bob)
        sending = session(alice, bob).ratchet.sending_chain
        assert sending is not None
        chains.add(sending.index)
    assert len(chains) >= 9
    assert "delete me" not in bob.received(alice)


async def test_a_text_that_is_deleted_while_it_is_sealed_does_not_leave(world: World) -> None:
    alice, bob = await talked(world)
    world.network.refusing.add(bob.host)
    world.network.cut()
    await world.until(lambda: not alice.is_online(bob))
    first, second, third = await alice.say(bob, "before", "delete me", "after")
    device: Any = alice.peer(bob)
    sealed: Callable[[list[OutboxRow], bytes], Any] = device.delivery.outbox._sealed
    number, gone = device.device_id, MessageId(uuid.UUID(second.message_id).bytes)

    def delete(db: Db) -> None:
        outbox.delete(db, number, [gone])
        messages.delete(db, number, [gone])

    def overtaken(rows: list[OutboxRow], session_id: bytes) -> Any:
        del device.delivery.outbox._sealed
        assert len(rows) == 3
        alice.database.submit(delete)
        return sealed(rows, session_id)

    device.delivery.outbox._sealed = overtaken
    world.network.refusing.clear()
    await world.until(lambda: len(alice.told(MessageDelivered)) == 3)
    await world.pass_time(60)
    assert bob.received(alice) == ["hello", "before", "after"]
    assert len(alice.peer(bob).sessions.in_flight) == 0
    assert "_sealed" not in vars(device.delivery.outbox)
    assert {first.message_id, third.message_id} <= {
        one.message_id for one in alice.told(MessageDelivered)
    }
