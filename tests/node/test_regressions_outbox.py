"""Rows and receipts that were once stuck, told without end, or overtaken."""

import asyncio
import contextlib
from typing import Any

import pytest

from loom.api.contact_commands import ShowContact
from loom.api.conversation_commands import MarkRead, SetTyping
from loom.api.message_commands import DeleteMessages
from loom.core.sessions import FIRST
from loom.errors import DiskFull
from loom.node.mail import Incoming
from loom.storage import outbox
from loom.wire.content import Profile, encode_payload
from tests.node import disk
from tests.node.harness import Person, World
from tests.node.test_delivery import numbered


async def talked(world: World) -> tuple[Person, Person]:
    """Two people with a session and nothing on the way."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hi")
    await world.delivered(alice, bob)
    return alice, bob


async def away(world: World, alice: Person, bob: Person) -> None:
    """Bob's machine goes off, and Alice notices."""
    await bob.crash()
    await world.until(lambda: not alice.is_online(bob))


def deaf(person: Person, other: Person) -> Any:
    """The inbox of a person, which swallows what comes; `put` of its class brings it back."""
    inbox: Any = person.peer(other).inbox
    inbox.put = lambda envelopes: None
    return inbox


@pytest.mark.parametrize("count", [10, 20])
async def test_many_rows_follow_a_new_session_at_once(world: World, count: int) -> None:
    alice, bob = await talked(world)
    await away(world, alice, bob)
    await alice.say(bob, *numbered(0, count))
    bob.lose_conversations()
    await bob.start()
    await alice.call(bob)
    await world.delivered(alice, bob, within_s=15)
    assert bob.received(alice) == ["hi", *numbered(0, count)]


async def test_rows_that_are_deleted_leave_room_for_others(world: World) -> None:
    alice, bob = await talked(world)
    await away(world, alice, bob)
    await alice.say(bob, *numbered(0, 20))
    await bob.start()
    inbox = deaf(bob, alice)
    await alice.call(bob)
    await world.pass_time(2)
    del inbox.put
    await alice.do(DeleteMessages(contact="Bob", message_ids=None))
    await alice.say(bob, "after")
    await world.until(lambda: bob.received(alice)[-1] == "after")


async def test_a_failed_commit_forgets_no_retry(world: World) -> None:
    """What was written before is on the same link still, and may be lost on it."""
    alice, bob = await talked(world)
    inbox = deaf(bob, alice)
    await alice.say(bob, "lost")
    await world.pass_time(1)
    del inbox.put
    alice.disk.full_at = {alice.disk.commits + 1}
    with contextlib.suppress(DiskFull):
        await alice.say(bob, "full")
    await world.until(lambda: "lost" in bob.received(alice))


async def test_a_full_disk_is_not_tried_without_end(world: World) -> None:
    _, bob = await talked(world)
    await world.pass_time(3)
    before = bob.disk.commits
    bob.disk.full_at = set(range(before + 2, before + 100_000))
    await bob.do(MarkRead(contact="Alice", row_id=1))
    await world.pass_time(5)
    assert bob.disk.commits - before < 50
    bob.disk.heal()
    await world.pass_time(120)
    assert bob.disk.commits - before < 100


async def test_a_text_does_not_overtake_those_of_the_session_before(world: World) -> None:
    """It is sent between the acceptance of a new session and its commit."""
    alice, bob = await talked(world)
    await away(world, alice, bob)
    await alice.say(bob, "one")
    bob.lose_conversations()
    await bob.start()
    inbox: Any = alice.peer(bob).inbox
    commit, said = inbox._commit, list[asyncio.Task[Any]]()

    async def overtaken(batch: Any) -> None:
        if any(one.envelope[0] == FIRST for one in batch.taken) and not said:
            said.append(asyncio.create_task(alice.say(bob, "two")))
        await commit(batch)

    inbox._commit = overtaken
    await alice.call(bob)
    await world.until(lambda: said != [])
    await asyncio.gather(*said)
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["hi", "one", "two"]


async def test_a_look_up_that_fails_stops_nothing_behind_it(world: World) -> None:
    """Copies fill the inbox, reading pauses, and the disk is full once."""
    alice, bob = await talked(world)
    inbox: Any = bob.peer(alice).inbox
    look_up, put, seen = inbox._came_before, inbox.put, list[Incoming]()

    async def unlucky(came: Incoming) -> bool:
        del inbox._came_before
        bob.disk.full_at = {bob.disk.commits + 1}
        found: bool = await look_up(came)
        return found

    def noted(came: list[Incoming]) -> None:
        seen.extend(came)
        put(came)

    inbox._came_before, inbox.put = unlucky, noted
    await alice.say(bob, "one")
    await world.delivered(alice, bob)
    for _ in range(600):
        alice.peer(bob).arbiter.send(seen[0].envelope)
    await world.pass_time(5)
    await alice.say(bob, "two")
    await world.until(lambda: bob.received(alice)[-1] == "two", within_s=15)


async def test_an_answer_frees_what_flow_control_held_back(world: World) -> None:
    """Signs of typing are receipted by nobody; that the other side stepped says that they came."""
    alice, bob = await talked(world)
    for n in range(1_005):
        await alice.do(SetTyping(contact="Bob", on=bool(n % 2)))
    await alice.say(bob, "held back")
    await world.pass_time(2)
    assert alice.queued(bob) == 1
    before = alice.best_session(bob)
    for n in range(4):
        await bob.say(alice, str(n))
        await world.pass_time(1)
    await world.delivered(alice, bob, within_s=10)
    assert alice.best_session(bob) == before


async def test_what_follows_one_commit_may_fail_alone(world: World) -> None:
    alice = await world.person("Alice")

    def fails(result: int) -> None:
        raise ValueError("injected")

    first = alice.database.submit(lambda db: 1, None, fails)
    second = alice.database.submit(lambda db: 2)
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert isinstance(outcomes[0], ValueError)
    assert outcomes[1] == 2


async def test_the_node_ends_amid_a_commit_of_the_inbox(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = await talked(world)
    monkeypatch.setattr(disk, "WRITE_S", 1.0)
    inbox: Any = bob.peer(alice).inbox
    commit, ends = inbox._commit, list[asyncio.Task[None]]()

    async def ending(batch: Any) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: ends.append(asyncio.create_task(bob.stop())))
        await commit(batch)

    inbox._commit = ending
    await alice.say(bob, "bye")
    await world.until(lambda: ends != [])
    await asyncio.gather(*ends)
    monkeypatch.undo()
    await bob.start()
    await alice.call(bob)
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["hi", "bye"]


async def test_the_last_of_two_names_in_one_batch_counts(world: World) -> None:
    alice, bob = await talked(world)
    await away(world, alice, bob)
    for place, name in enumerate(("Other", "Alice")):
        message_id, number = alice.node.parts.new_id(), place + 1
        device_id = alice.peer(bob).device_id
        data = encode_payload(
            Profile(message_id, alice.clock.now_ms(), number, name, "", away=False)
        )
        await alice.database.write(
            lambda db, i=message_id, n=device_id, d=data: outbox.add(db, n, i, d)  # type: ignore[misc]
        )
    await bob.start()
    await alice.call(bob)
    await world.delivered(alice, bob)
    assert (await bob.do(ShowContact(contact="Alice"))).display_name == "Alice"
