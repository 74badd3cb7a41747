"""What front ends are told: in order, without gaps, and again after a restart."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from loom.api.contact_commands import RemoveContact
from loom.api.conversation_commands import SetTyping
from loom.api.events import (
    AnyEvent,
    ContactChanged,
    ContactRemoved,
    ContactTyping,
    EventsGap,
    MessageDelivered,
    MessageQueued,
    MessageReceived,
    MessagesDeleted,
    MessageSent,
    NodeStopped,
    PeerOnline,
)
from loom.api.message_commands import DeleteMessages
from loom.api.profile_commands import Status
from loom.model import MessageId
from loom.node import journal
from loom.storage import events as event_rows
from loom.wire.content import Profile
from tests.new_database import KEY
from tests.node.harness import Person, World
from tests.storage.pages import decrypted


async def replay(person: Person, after: int = 0) -> list[AnyEvent]:
    """Everything stored after a number, as a front end that comes late reads it."""
    last = (await person.do(Status())).last_seq
    found: list[AnyEvent] = []
    if last <= after:
        return found
    events = person.node.events(after)
    async for event in events:
        if event.seq or isinstance(event, EventsGap):
            found.append(event)
        if event.seq >= last:
            break
    await close(events)
    return found


async def close(events: AsyncIterator[AnyEvent]) -> None:
    await events.aclose()  # type: ignore[attr-defined]


async def test_what_is_not_stored_is_told_in_its_turn(world: World) -> None:
    """An indicator came after the message that it was sent before, and stood there for long."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    inbox, held = bob.peer(alice).inbox, list[Any]()
    put = inbox.put

    def together(came: list[Any]) -> None:
        held.extend(came)
        if len(held) > 1:
            put(list(held))
            held.clear()

    inbox.put = together  # type: ignore[method-assign]
    await alice.do(SetTyping(contact="Bob", on=True))
    await alice.say(bob, "hi")
    await world.until(lambda: len(bob.told(MessageReceived)) == 1)
    kinds = (ContactTyping, MessageReceived)
    assert [type(one) for one in bob.events if isinstance(one, kinds)][-2:] == list(kinds)


async def test_stored_events_are_numbered_without_gaps(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "one", "two")
    await bob.say(alice, "three")
    await world.delivered(alice, bob)
    await world.pass_time(1)
    for person in (alice, bob):
        numbers = [event.seq for event in person.events if event.seq]
        assert numbers == list(range(1, len(numbers) + 1))
        assert (await person.do(Status())).last_seq == numbers[-1]
    assert all(event.seq == 0 for event in alice.told(PeerOnline) + alice.told(MessageSent))


async def test_the_order_tells_a_message_s_way(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [message] = await alice.say(bob, "one")
    await world.until(lambda: alice.told(MessageDelivered) != [])
    way = [
        type(event)
        for event in alice.events
        if isinstance(event, MessageQueued | MessageSent | MessageDelivered)
    ]
    assert way[0] is MessageQueued
    assert way[-1] is MessageDelivered
    assert set(way) == {MessageQueued, MessageSent, MessageDelivered}
    assert alice.told(MessageQueued)[0].message_id == message.message_id
    assert uuid.UUID(message.message_id).version == 7


async def test_events_are_replayed_after_a_restart(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "one", "two")
    await world.delivered(alice, bob)
    await world.pass_time(1)
    told = [event for event in bob.events if event.seq]
    await bob.restart()
    assert await replay(bob) == told
    assert await replay(bob, told[1].seq) == told[2:]
    assert [one.body for one in await replay(bob) if isinstance(one, MessageReceived)] == [
        "one",
        "two",
    ]
    await world.until(lambda: bob.is_online(alice))
    await alice.say(bob, "three")
    await world.until(lambda: len(bob.told(MessageReceived)) == 3)
    assert bob.told(MessageReceived)[-1].seq == told[-1].seq + 1


async def test_a_lagging_reader_loses_no_stored_event(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "QUEUE_MAX", 20)
    monkeypatch.setattr(journal, "REPLAY_PAGE", 7)
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    events = bob.node.events()
    received: list[str] = []
    first = asyncio.ensure_future(anext(events))
    await world.pass_time(0.1)
    await alice.shout(bob, *(str(n) for n in range(100)))
    await world.delivered(alice, bob)
    event: AnyEvent | None = await first
    while len(received) < 100:
        if isinstance(event, MessageReceived):
            received.append(event.body)
            await world.pass_time(0.001)  # slower than they come
        if len(received) == 50:
            await alice.shout(bob, *(f"more {n}" for n in range(30)))
        event = await anext(events)
    await close(events)
    assert received == [str(n) for n in range(100)]


async def test_a_live_reader_is_told_everything_in_the_order_of_its_numbers(
    world: World,
) -> None:
    """Texts sealed at once, queued ones, receipts and what comes in, all at the same time: once
    1 queued message in 80 was never told, and some were told as sent before they were queued."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    before = len(alice.events)

    async def talk(one: Person, other: Person) -> None:
        for n in range(30):
            await asyncio.gather(*(one.say(other, f"{n} {m}") for m in range(1 + n % 4)))

    await asyncio.gather(talk(alice, bob), talk(bob, alice), talk(alice, bob))
    world.network.cut()
    await talk(alice, bob)
    await world.delivered(alice, bob)
    await world.pass_time(1)
    live = alice.events[before:]
    stored = [event for event in live if event.seq]
    assert stored == await replay(alice, stored[0].seq - 1)
    queued: set[str] = set()
    for event in live:
        if isinstance(event, MessageQueued):
            queued.add(event.message_id)
        elif isinstance(event, MessageSent | MessageDelivered):
            assert event.message_id in queued


async def test_a_reader_is_told_which_events_are_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contact that sends its name over and over stores no event; a flood removes its own."""
    monkeypatch.setattr(event_rows, "KEPT_MAX", 10)
    alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
    await carol.say(bob, "keep me")
    await world.delivered(carol, bob)
    last = (await bob.do(Status())).last_seq
    for _ in range(30):
        profile = Profile(alice.node.parts.new_id(), 1, 0, "Alice", "", away=False)
        message_id = MessageId(profile.message_id)
        await alice.peer(bob).delivery.outbox.add(message_id, profile, lambda db, happened: None)
    await world.delivered(alice, bob)
    await world.pass_time(1)
    assert (await bob.do(Status())).last_seq == last
    await alice.say(bob, *(str(n) for n in range(30)))
    await world.delivered(alice, bob)
    await bob.database.write(event_rows.prune)
    again = await replay(bob)
    gap, *kept = again
    assert isinstance(gap, EventsGap)
    assert (gap.from_seq, gap.seq) == (1, 0)
    assert gap.to_seq < kept[-1].seq
    bodies = [one.body for one in kept if isinstance(one, MessageReceived)]
    assert bodies == ["keep me", *(str(n) for n in range(20, 30))]
    assert await replay(bob, gap.to_seq) == [one for one in kept if one.seq > gap.to_seq]


async def test_a_reader_that_stopped_holds_few_bytes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long texts count by their bytes; what was dropped is read from the store."""
    monkeypatch.setattr(journal, "QUEUE_MAX_BYTES", 200_000)
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    events = bob.node.events()
    first = asyncio.ensure_future(anext(events))
    await world.pass_time(0.1)
    [stopped] = [one for one in bob.node.parts.journal._readers if one._waiting is not None][-1:]
    texts = [f"{n} 😀" + "x" * 16_000 for n in range(60)]  # four bytes a character in memory
    await alice.say(bob, *texts)
    await world.delivered(alice, bob)
    assert stopped._size_bytes < 300_000
    received: list[str] = []
    event: AnyEvent | None = await first
    while len(received) < len(texts):
        if isinstance(event, MessageReceived):
            received.append(event.body)
        event = await anext(events) if len(received) < len(texts) else None
    await close(events)
    assert received == texts


async def test_a_late_reader_goes_on_live_without_gap_or_repetition(world: World) -> None:
    """Replay and new messages run into each other."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.shout(bob, *(str(n) for n in range(200)))
    events = bob.node.events(0)
    bodies: list[str] = []
    async for event in events:
        if isinstance(event, MessageReceived):
            bodies.append(event.body)
            if len(bodies) == 50:
                await alice.shout(bob, *(str(n) for n in range(200, 300)))
            if len(bodies) == 300:
                break
    await close(events)
    assert bodies == [str(n) for n in range(300)]


async def test_deleted_text_is_gone_from_replay(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "kept", "xylophone")
    await world.delivered(alice, bob)
    secret = (await bob.history(alice))[-1]
    await bob.do(DeleteMessages(contact="Alice", message_ids=[secret.message_id]))
    again = await replay(bob)
    assert [one.body for one in again if isinstance(one, MessageReceived)] == ["kept", ""]
    [deleted] = [one for one in again if isinstance(one, MessagesDeleted)]
    assert deleted.message_ids == [secret.message_id]
    assert b"xylophone" not in decrypted(bob.path, KEY)


async def test_a_removed_contact_is_gone_from_replay(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hi")
    await world.delivered(alice, bob)
    await bob.do(RemoveContact(contact="Alice"))
    again = await replay(bob)
    assert [type(one) for one in again] == [ContactRemoved]
    assert again[0].seq == (await bob.do(Status())).last_seq


async def test_everybody_who_reads_is_told(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await world.pass_time(1)
    readers = [bob.node.events() for _ in range(3)]
    waiting = [asyncio.ensure_future(anext(one)) for one in readers]
    await world.pass_time(0.01)
    await bob.add(await world.person("Carol"))
    for event in await asyncio.gather(*waiting):
        assert isinstance(event, ContactChanged)
        assert (event.contact, event.what) == ("Carol", "added")
    assert alice.told(ContactChanged)[0].contact == "Bob"
    for one in readers:
        await close(one)


async def test_the_iteration_ends_with_the_node(world: World) -> None:
    alice = await world.person("Alice")
    events = alice.node.events()
    rest = asyncio.ensure_future(_all(events))
    await world.pass_time(0.01)
    await alice.stop()
    assert [type(one) for one in await rest] == [NodeStopped]


async def _all(events: AsyncIterator[AnyEvent]) -> list[AnyEvent]:
    return [event async for event in events]
