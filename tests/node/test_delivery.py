"""What two people see of each other's messages, whatever the network and the machines do."""

import asyncio

import pytest

from loom.api.contact_commands import (
    BlockContact,
    ImportToken,
    RemoveContact,
    ShowContact,
    VerifyContact,
)
from loom.api.conversation_commands import MarkRead, SetTyping
from loom.api.events import (
    ContactTyping,
    MessageDelivered,
    MessageFailed,
    MessageRead,
    MessageReceived,
    PeerOffline,
    PeerOnline,
    SessionStarted,
    Warned,
)
from loom.api.message_commands import SendText
from loom.errors import ContactBlocked, IdentityChanged, NameTaken
from loom.model import Address, Direction, MessageState
from loom.ports import Stream
from loom.wire.limits import (
    TEXTS_BEYOND_RECEIVED_MAX,
    UNAUTHENTICATED_MAX,
    UNAUTHENTICATED_PER_SOURCE_MAX,
)
from loom.wire.token import encode_token
from tests.memory_network import Faults
from tests.node.harness import World, identity_of


def numbered(start: int, count: int) -> list[str]:
    return [f"text {n}" for n in range(start, start + count)]


# --- one message and what belongs to it ---


async def test_a_message_arrives_and_is_ticked(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hi")
    await world.delivered(alice, bob)
    assert [one.body for one in bob.told(MessageReceived)] == ["hi"]
    assert len(alice.told(MessageDelivered)) == 1
    [message] = await bob.history(alice)
    assert (message.body, message.direction) == ("hi", Direction.IN)


async def test_a_read_receipt_comes_only_when_it_is_given(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    first, second = await alice.say(bob, "quiet", "loud")
    await world.delivered(alice, bob)
    rows = [one.row_id for one in await bob.history(alice)]
    await bob.do(MarkRead(contact="Alice", row_id=rows[0], receipt=False))
    await bob.do(MarkRead(contact="Alice", row_id=rows[1]))
    await world.until(lambda: alice.told(MessageRead) != [])
    assert [one.message_id for one in alice.told(MessageRead)] == [second.message_id]
    states = {one.message_id: one.state for one in await alice.history(bob)}
    assert states == {
        first.message_id: MessageState.DELIVERED,
        second.message_id: MessageState.READ,
    }
    assert (await bob.do(ShowContact(contact="Alice"))).unread == 0


async def test_a_read_receipt_waits_for_the_next_link(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hi")
    await world.delivered(alice, bob)
    await alice.crash()
    await bob.do(MarkRead(contact="Alice", row_id=10))
    await bob.restart()
    await alice.start()
    await world.until(lambda: alice.told(MessageRead) != [])


async def test_typing_shows_while_connected_and_is_never_kept(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await alice.do(SetTyping(contact="Bob", on=True))
    await alice.do(SetTyping(contact="Bob", on=False))
    await world.until(lambda: len(bob.told(ContactTyping)) == 2)
    assert [one.on for one in bob.told(ContactTyping)] == [True, False]
    await alice.crash()
    await world.until(lambda: not bob.is_online(alice))
    await bob.do(SetTyping(contact="Alice", on=True))
    await alice.start()
    await world.until(lambda: alice.is_online(bob))
    await bob.say(alice, "here")
    await world.delivered(alice, bob)
    assert alice.told(ContactTyping) == []


async def test_a_message_sent_at_once_ends_the_typing_sign(world: World) -> None:
    """The sign came after the message, so it was shown for eight seconds more."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    for n in range(5):
        await asyncio.gather(
            alice.do(SetTyping(contact="Bob", on=True)),
            alice.do(SendText(contact="Bob", body=str(n))),
        )
    await world.delivered(alice, bob)
    came = [one for one in bob.events if isinstance(one, ContactTyping | MessageReceived)]
    is_typing = False
    for n, one in enumerate(came):
        is_typing = isinstance(one, ContactTyping)
        assert not is_typing or isinstance(came[n + 1], MessageReceived)
    assert not is_typing


async def test_a_contact_learns_the_display_name(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    assert (await alice.do(ShowContact(contact="Bob"))).display_name == "Bob"
    assert (await bob.do(ShowContact(contact="Alice"))).display_name == "Alice"


async def test_what_was_said_offline_is_delivered_later(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await alice.say(bob, *numbered(0, 5))
    await alice.restart()
    await alice.say(bob, *numbered(5, 5))
    await bob.add(alice)
    await alice.call(bob)
    await world.delivered(alice, bob)
    assert bob.received(alice) == numbered(0, 10)


# --- many messages, lost links ---


async def test_a_large_batch_goes_both_ways_at_once(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    for n in range(0, 1_000, 100):
        await asyncio.gather(
            alice.shout(bob, *numbered(n, 100)), bob.shout(alice, *numbered(n, 100))
        )
    await world.delivered(alice, bob)
    assert bob.received(alice) == alice.received(bob) == numbered(0, 1_000)
    assert len(bob.told(MessageReceived)) == 1_000


async def test_a_batch_survives_a_link_that_is_cut_again_and_again(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await bob.note_address(alice)
    await world.delivered(alice, bob)
    world.network.faults = Faults(cut_after_bytes=60_000, chunk_max_bytes=3_000)
    world.network.cut()
    await alice.say(bob, *numbered(0, 100))
    await bob.say(alice, *numbered(0, 100))
    await world.delivered(alice, bob, within_s=1_200)
    assert bob.received(alice) == alice.received(bob) == numbered(0, 100)
    assert len(bob.told(MessageReceived)) == len(alice.told(MessageReceived)) == 100


async def test_a_repeated_envelope_is_receipted_and_not_shown(world: World) -> None:
    """Bob stored the message, and his machine died before the receipt left."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await world.pass_time(1.0)
    bob.disk.power_lost_after = bob.disk.commits + 1
    await alice.say(bob, "once")
    await world.until(lambda: not bob.is_running)
    assert not alice.all_delivered(bob)
    await bob.start()
    await world.delivered(alice, bob, within_s=600)
    assert bob.received(alice) == ["once"]
    assert bob.told(MessageReceived) == []  # it was stored before anybody could be told


async def test_order_is_kept_when_the_disk_was_full(world: World) -> None:
    """What could not be stored is not overtaken by what came after it."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    bob.disk.is_full = True
    first = await alice.say(bob, "one", "two")
    await world.until(lambda: bob.told(Warned) != [])
    bob.disk.is_full = False
    await alice.say(bob, "three", "four")
    await world.delivered(alice, bob)
    assert len(first) == 2
    assert bob.received(alice) == ["one", "two", "three", "four"]


async def test_a_link_that_swallows_everything_loses_nothing(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    world.mute(alice, bob)
    world.mute(bob, alice)
    await alice.say(bob, "hello?")
    await world.delivered(alice, bob, within_s=600)
    assert bob.received(alice) == ["hello?"]


async def test_the_link_comes_back_after_a_cut(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    for n in range(3):
        world.network.cut()
        await world.until(lambda n=n: len(alice.told(PeerOffline)) == n + 1)  # type: ignore[misc]
        await alice.say(bob, str(n))
        await world.delivered(alice, bob)
        assert len(alice.told(PeerOnline)) == n + 2
    assert bob.received(alice) == ["0", "1", "2"]


async def test_a_silent_partition_is_noticed_and_healed(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    world.network.partition({alice.host}, {bob.host})
    await alice.say(bob, "in the dark")
    await world.until(lambda: not alice.is_online(bob) and not bob.is_online(alice))
    world.network.heal()
    await world.delivered(alice, bob, within_s=900)
    assert bob.received(alice) == ["in the dark"]


async def test_who_moves_calls_from_the_new_address(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    world.move(alice, "10.0.1.1")
    await bob.say(alice, "where are you?")
    await world.delivered(alice, bob)
    assert alice.received(bob) == ["where are you?"]


async def test_who_moves_is_found_at_a_new_address(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    world.network.refusing.add(alice.host)
    world.move(bob, "10.0.1.2")
    await alice.say(bob, "found you")
    await world.pass_time(60)
    assert bob.received(alice) == []
    await alice.note_address(bob)
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["found you"]


# --- both at once ---


async def test_simultaneous_dials_end_in_one_link(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await bob.note_address(alice)
    for n in range(10):
        world.network.cut()
        await alice.say(bob, str(n))
        await bob.say(alice, str(n))
        await world.delivered(alice, bob)
        await world.pass_time(5)
        assert len(alice.peer(bob).arbiter.links) == len(bob.peer(alice).arbiter.links) == 1
        assert alice.peer(bob).arbiter.links[0].dialled != bob.peer(alice).arbiter.links[0].dialled
    assert bob.received(alice) == alice.received(bob) == [str(n) for n in range(10)]


async def test_simultaneous_first_messages_end_on_one_session(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await bob.add(alice)
    await alice.say(bob, "you first")
    await bob.say(alice, "no, you")
    await alice.note_address(bob)
    await bob.note_address(alice)
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["you first"]
    assert alice.received(bob) == ["no, you"]
    assert alice.best_session(bob) == bob.best_session(alice)


# --- contacts that change ---


async def test_a_blocked_contact_reaches_nobody(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.crash()
    [queued] = await alice.say(bob, "too late")
    await alice.do(BlockContact(contact="Bob"))
    assert [one.message_id for one in alice.told(MessageFailed)] == [queued.message_id]
    with pytest.raises(ContactBlocked):
        await alice.say(bob, "no")
    await bob.start()
    await bob.note_address(alice)
    await bob.say(alice, "let me in")
    await world.pass_time(120)
    assert not bob.is_online(alice)
    assert alice.received(bob) == []
    await alice.do(BlockContact(contact="Bob", blocked=False))
    await alice.say(bob, "all right")
    await world.delivered(bob, alice, within_s=600)
    assert bob.received(alice) == ["all right"]
    assert alice.received(bob) == ["let me in"]
    assert alice.texts(bob, Direction.OUT)[0] == ("too late", MessageState.FAILED)


async def test_blocking_ends_the_link_at_once(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(BlockContact(contact="Bob"))
    await world.until(lambda: not bob.is_online(alice))


async def test_a_replaced_identity_gets_nothing_until_verified(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.crash()
    [waiting] = await alice.say(bob, "for the old Bob only")
    new = await world.person("Bob", identity_of("Another Bob"))
    await new.add(alice)
    token = encode_token(new.identity.token)
    with pytest.raises(NameTaken):
        await alice.do(ImportToken(token=token, name="bob"))
    view = await alice.do(ImportToken(token=token, name="bob", replace=True))
    assert (view.identity_changed, view.is_held) == (True, False)
    assert not view.verified
    assert [one.message_id for one in alice.told(MessageFailed)] == [waiting.message_id]
    with pytest.raises(IdentityChanged) as refused:
        await alice.do(SendText(contact="Bob", body="are you Bob?"))
    assert refused.value.exit_code == 7
    await new.say(alice, "it is me")
    await world.pass_time(120)
    assert not new.is_online(alice)
    assert alice.received(new) == []
    await alice.do(VerifyContact(contact="Bob", confirm=True))
    await alice.do(SendText(contact="Bob", body="so it is"))
    await alice.note_address(new)
    await world.until(lambda: new.received(alice) == ["so it is"], within_s=600)
    await world.until(lambda: alice.received(new) == ["it is me"])


async def test_a_removed_and_added_contact_talks_again(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "before")
    await bob.say(alice, "before, too")
    await world.delivered(alice, bob)
    await alice.do(RemoveContact(contact="Bob"))
    await world.until(lambda: not bob.is_online(alice))
    await bob.say(alice, "are you there?")
    await alice.add(bob)
    await alice.call(bob)
    await alice.say(bob, "again")
    await world.delivered(alice, bob, within_s=600)
    assert alice.received(bob) == ["are you there?"]
    assert bob.received(alice) == ["before", "again"]


async def test_removed_on_both_sides_and_added_again(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await alice.do(RemoveContact(contact="Bob"))
    await bob.do(RemoveContact(contact="Alice"))
    await alice.add(bob)
    await bob.add(alice)
    await alice.call(bob)
    await alice.say(bob, "again")
    await world.delivered(alice, bob)
    assert bob.received(alice) == ["again"]


async def test_a_restored_identity_talks_again(world: World) -> None:
    """The same seeds on an empty disk: no session, no counters, no contacts."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "before")
    await bob.say(alice, "before, too")
    await world.delivered(alice, bob)
    await alice.crash()
    await bob.say(alice, "are you back?")
    restored = await world.person("Alice")
    await restored.add(bob)
    await restored.call(bob)
    await restored.say(bob, "I lost everything")
    await world.delivered(restored, bob, within_s=2 * 3_600)
    assert restored.received(bob) == ["are you back?"]
    assert bob.received(alice) == ["before", "I lost everything"]
    assert len(bob.told(SessionStarted)) <= 1
    assert restored.best_session(bob) == bob.best_session(restored)


async def test_a_restored_identity_is_found_by_who_has_a_session(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await alice.crash()
    await bob.say(alice, "one", "two")
    restored = await world.person("Alice")
    await restored.add(bob)
    await bob.note_address(restored)
    await world.delivered(restored, bob, within_s=2 * 3_600)
    assert restored.received(bob) == ["one", "two"]


async def test_a_lost_prekey_delays_and_loses_nothing(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await bob.add(alice)
    await alice.say(bob, "to a key that is gone")
    await alice.call(bob)
    await world.until(lambda: alice.peer(bob).sessions.best is not None)
    bob.database._writer.db.execute("DELETE FROM prekeys")
    await world.delivered(alice, bob, within_s=2 * 3_600)
    assert bob.received(alice) == ["to a key that is gone"]
    assert alice.best_session(bob) == bob.best_session(alice)


# --- limits ---


class Stranger:
    """Connects and says nothing."""

    def __init__(self) -> None:
        self.is_open = False

    def connected(self, stream: Stream) -> None:
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        raise AssertionError("a stranger is never answered")

    def writable(self, ready: bool) -> None:
        pass

    def closed(self) -> None:
        self.is_open = False


async def strangers(world: World, host: str, count: int, target: Address) -> list[Stranger]:
    found = [Stranger() for _ in range(count)]
    for one in found:
        await world.network.transport(host).dial(target, one, 1.0)
    await world.pass_time(0.01)
    return found


async def test_strangers_push_out_each_other_and_no_contact(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    same = await strangers(world, "192.0.2.1", 10, bob.address)
    assert [one.is_open for one in same] == [
        n >= 10 - UNAUTHENTICATED_PER_SOURCE_MAX for n in range(10)
    ]
    many = [
        one for n in range(2, 22) for one in await strangers(world, f"192.0.2.{n}", 1, bob.address)
    ]
    assert sum(one.is_open for one in same + many) == UNAUTHENTICATED_MAX
    await alice.say(bob, "still here")
    await world.delivered(alice, bob)
    await world.pass_time(10)
    assert not any(one.is_open for one in same + many)
    world.network.cut(alice.host)
    await strangers(world, "192.0.2.99", 100, bob.address)
    await alice.say(bob, "and again")
    await world.delivered(alice, bob)


async def test_every_contact_has_a_link_however_many_there_are(world: World) -> None:
    """The 65th was told "Connected" once, and its texts were never delivered."""
    bob = await world.person("Bob")
    crowd = [await world.person(f"P{n}") for n in range(66)]
    for one in crowd:
        await one.add(bob)
        await bob.add(one)
        await one.call(bob)
    await world.pass_time(3)
    assert all(one.is_online(bob) and bob.is_online(one) for one in crowd)
    await crowd[-1].say(bob, "am I there?")
    await world.delivered(crowd[-1], bob)
    assert bob.received(crowd[-1]) == ["am I there?"]


async def test_texts_without_receipts_stop_at_the_limit(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await world.pass_time(1)
    session = alice.peer(bob).sessions.best
    assert session is not None
    limit = session.known_received + TEXTS_BEYOND_RECEIVED_MAX
    world.mute(bob, alice)
    total = 1_300
    for n in range(0, total, 100):
        await alice.shout(bob, *numbered(n, 100))
        best = alice.peer(bob).sessions.best
        assert best is not None
        assert best.ratchet.sealed <= limit
    turns = world.loop.turns
    await world.pass_time(85)
    assert world.loop.turns - turns < 20_000  # it waits, it does not try again and again
    sealed = alice.database.look(
        lambda db: db.execute("SELECT count(*) FROM outbox WHERE envelope IS NOT NULL").fetchone()
    )
    assert sealed[0] <= TEXTS_BEYOND_RECEIVED_MAX
    await world.delivered(alice, bob, within_s=1_200)
    assert bob.received(alice) == numbered(0, total)
    assert len(alice.peer(bob).sessions.in_flight) == 0


async def test_a_conversation_in_turns_stays_within_the_hold_rule(world: World) -> None:
    """A message that awaits its receipt holds the chain: it can still be opened later."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    for n in range(30):
        if n == 3:
            world.network.faults = Faults(drop_after_bytes=30_000)
            world.network.cut()
        if n == 10:
            world.network.faults = Faults()
        await alice.say(bob, f"a{n}")
        await bob.say(alice, f"b{n}")
        await world.pass_time(7)
    await world.delivered(alice, bob, within_s=1_200)
    assert bob.received(alice) == [f"a{n}" for n in range(30)]
    assert alice.received(bob) == [f"b{n}" for n in range(30)]
    assert alice.told(SessionStarted) == bob.told(SessionStarted) == []


async def test_receipts_that_are_owed_survive_a_crash(world: World) -> None:
    """Bob stored messages while he could not answer, then lost power."""
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    world.mute(bob, alice)
    await alice.say(bob, *numbered(0, 20))
    await world.until(lambda: len(bob.received(alice)) == 20)
    await bob.restart()
    await alice.note_address(bob)
    await world.delivered(alice, bob, within_s=600)
    assert bob.received(alice) == numbered(0, 20)
    await world.until(lambda: len(alice.told(MessageDelivered)) == 20)


async def test_clocks_a_day_apart_are_told_and_come_together_again(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    bob.clock.jumped_s = 3 * 86_400
    world.network.cut()
    await alice.say(bob, "what day is it?")
    await world.pass_time(600)
    assert bob.received(alice) == []
    bob.clock.jumped_s = 0
    await world.delivered(alice, bob, within_s=900)
    assert bob.received(alice) == ["what day is it?"]


async def test_clocks_that_were_a_day_ahead_lock_nobody_out(world: World) -> None:
    """Both clocks were wrong when they met; later they are right, and the session is gone."""
    alice, bob = await world.person("Alice"), await world.person("Bob")
    alice.clock.jumped_s = bob.clock.jumped_s = 23 * 3_600
    await world.introduce([alice, bob])
    await alice.say(bob, "in the future")
    await world.delivered(alice, bob)
    alice.clock.jumped_s = bob.clock.jumped_s = 0
    await alice.do(RemoveContact(contact="Bob"))
    await bob.do(RemoveContact(contact="Alice"))
    await world.introduce([alice, bob])
    await alice.say(bob, "back again")
    await world.delivered(alice, bob, within_s=2 * 3_600)
    assert bob.received(alice) == ["back again"]


async def test_a_bundle_from_a_clock_that_was_days_ahead_is_replaced(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    alice.clock.jumped_s = bob.clock.jumped_s = 5 * 86_400
    await alice.add(bob)
    await bob.add(alice)
    await alice.peer(bob).bundles.present()
    await bob.peer(alice).bundles.present()
    alice.clock.jumped_s = bob.clock.jumped_s = 0
    await alice.call(bob)
    await alice.say(bob, "now")
    await world.delivered(alice, bob, within_s=2 * 3_600)
    assert bob.received(alice) == ["now"]


async def test_old_ciphertexts_are_sealed_again_after_a_month(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    world.mute(alice, bob)
    await alice.say(bob, "wait")
    await alice.crash()
    await bob.crash()
    alice.clock.jumped_s = bob.clock.jumped_s = 31 * 86_400
    await bob.start()
    await alice.start()
    await world.delivered(alice, bob, within_s=600)
    assert bob.received(alice) == ["wait"]


async def test_a_day_passes_and_the_link_is_made_anew(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await world.pass_time(25 * 3_600)
    assert len(alice.told(PeerOnline)) == 2
    await alice.say(bob, "good morning")
    await world.delivered(alice, bob)
