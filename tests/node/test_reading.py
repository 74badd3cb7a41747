"""What is unread, muted and archived, as a front end sees it."""

import pytest

from loom.api.contact_commands import RemoveContact, ShowContact
from loom.api.contact_views import ContactView
from loom.api.conversation_commands import (
    ListArrivals,
    ListMentions,
    MarkRead,
    MarkUnread,
    NoteLeaving,
    SetPreferences,
)
from loom.api.events import ContactChanged, ConversationRead, ConversationUnread, MessageRead
from loom.api.message_commands import History
from loom.errors import InvalidInput
from loom.storage import arrivals, receipts
from tests.node.harness import Person, World

HOUR_MS = 3_600_000


async def show(person: Person, other: Person) -> ContactView:
    return await person.do(ShowContact(contact=other.name))


def owed_reads(person: Person, other: Person) -> int:
    """How many read messages one has still to tell the other of."""
    device_id = person.peer(other).device_id
    rows = person.database.look(lambda db: receipts.of_device(db, device_id))
    return sum(len(one.message_ids) for one in rows if one.is_read)


async def test_only_what_was_on_the_screen_is_read(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.call(bob)
    sent = await alice.say(bob, *"abcde")
    await world.delivered(alice, bob)
    rows = [one.row_id for one in await bob.history(alice)]
    await bob.do(MarkRead(contact="Alice", from_row=rows[2], row_id=rows[3]))
    await world.until(lambda: len(alice.told(MessageRead)) == 2)
    told = [one.message_id for one in alice.told(MessageRead)]
    assert told == [sent[2].message_id, sent[3].message_id]
    assert (await show(bob, alice)).unread == 3
    [event] = bob.told(ConversationRead)
    assert (event.from_row, event.row_id, event.unread) == (rows[2], rows[3], 3)


async def test_unread_again_survives_a_restart_and_is_told_no_second_time(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.call(bob)
    await alice.say(bob, *"abc")
    await world.delivered(alice, bob)
    rows = [one.row_id for one in await bob.history(alice)]
    await bob.do(MarkRead(contact="Alice", row_id=rows[2]))
    await world.until(lambda: len(alice.told(MessageRead)) == 3)
    await bob.do(MarkUnread(contact="Alice", row_id=rows[1]))
    [event] = bob.told(ConversationUnread)
    assert (event.row_id, event.unread) == (rows[1], 2)
    await bob.restart()
    assert (await show(bob, alice)).unread == 2
    unread = await bob.do(History(contact="Alice", unread=True))
    assert [one.body for one in unread.messages] == ["b", "c"]
    assert [one.state for one in await bob.history(alice)] == ["read", "delivered", "delivered"]
    owed = owed_reads(bob, alice)
    await bob.do(MarkRead(contact="Alice", row_id=rows[2]))
    assert (await show(bob, alice)).unread == 0
    assert owed_reads(bob, alice) == owed
    assert len(alice.told(MessageRead)) == 3
    await bob.do(MarkUnread(contact="Alice"))
    assert (await show(bob, alice)).unread == 1


async def test_a_mute_ends_by_itself(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    until_ms = bob.clock.now_ms() + HOUR_MS
    await bob.do(SetPreferences(contact="Alice", muted=True, mute_until_ms=until_ms))
    view = await show(bob, alice)
    assert (view.muted, view.mute_until_ms) == (True, until_ms)
    await bob.restart()
    bob.clock.jumped_s += 3_599
    assert (await show(bob, alice)).muted
    bob.clock.jumped_s += 2
    view = await show(bob, alice)
    assert (view.muted, view.mute_until_ms) == (False, None)
    await bob.do(SetPreferences(contact="Alice", muted=True))
    bob.clock.jumped_s += 10**9
    view = await show(bob, alice)
    assert (view.muted, view.mute_until_ms) == (True, None)
    await bob.do(SetPreferences(contact="Alice", muted=False))
    assert not (await show(bob, alice)).muted


async def test_what_is_archived_comes_back_with_a_message_unless_it_is_muted(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.call(bob)
    await bob.do(SetPreferences(contact="Alice", archived=True, favourite=True))
    await bob.restart()
    view = await show(bob, alice)
    assert (view.archived, view.favourite) == (True, True)
    await alice.call(bob)
    bob.events.clear()
    await alice.say(bob, "here I am")
    await world.delivered(alice, bob)
    view = await show(bob, alice)
    assert (view.archived, view.favourite) == (False, True)
    assert [one.what for one in bob.told(ContactChanged)][-1] == "preferences"

    until_ms = bob.clock.now_ms() + HOUR_MS
    await bob.do(SetPreferences(contact="Alice", archived=True, muted=True, mute_until_ms=until_ms))
    await alice.say(bob, "are you there?")
    await world.delivered(alice, bob)
    assert (await show(bob, alice)).archived
    bob.clock.jumped_s += 3_601
    await alice.say(bob, "now?")
    await world.delivered(alice, bob)
    assert not (await show(bob, alice)).archived
    await bob.do(SetPreferences(contact="Alice", archived=True))
    await bob.say(alice, "I write myself")
    assert not (await show(bob, alice)).archived


@pytest.mark.parametrize(
    "command",
    [
        SetPreferences(muted=True),
        SetPreferences(archived=True),
        SetPreferences(level="mentions"),
        SetPreferences(contact="Bob", level="loud"),
        SetPreferences(contact="Bob", mute_until_ms=-1),
        SetPreferences(contact="Bob", muted=False, mute_until_ms=HOUR_MS),
        SetPreferences(contact="Bob", mute_until_ms=2**80),
        SetPreferences(contact="Bob", late_receipts=True),
    ],
)
async def test_a_decision_that_makes_no_sense_changes_nothing(
    world: World, command: SetPreferences
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    before = await show(alice, bob)
    with pytest.raises(InvalidInput):
        await alice.do(command)
    assert await show(alice, bob) == before


async def test_mentions_are_found_and_the_name_of_then_counts(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.call(bob)
    await alice.say(bob, "hello @bob!", "mail bob@example.org", "@Bobby", "and ＠ＢＯＢ")
    await bob.say(alice, "I am @Bob")
    await world.delivered(alice, bob)
    await bob.restart()
    found = (await bob.do(ListMentions())).messages
    assert [(one.body, one.mention) for one in found] == [
        ("and ＠ＢＯＢ", True),
        ("hello @bob!", True),
    ]
    older = await bob.do(ListMentions(limit=1, before_row=found[0].row_id))
    assert [one.body for one in older.messages] == ["hello @bob!"]
    with pytest.raises(InvalidInput):
        await bob.do(ListMentions(limit=0))


async def test_what_came_while_nobody_looked_is_counted(world: World) -> None:
    alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
    await alice.say(bob, "before")
    await world.delivered(alice, bob)
    assert (await bob.do(ListArrivals())).arrivals == []
    await bob.do(NoteLeaving())
    await alice.say(bob, "one", "two @bob", "three")
    await carol.say(bob, "muted")
    await world.delivered(alice, bob, carol)
    await bob.restart()
    await bob.do(SetPreferences(contact="Carol", muted=True))
    [came] = (await bob.do(ListArrivals())).arrivals
    assert (came.contact, came.messages, came.mentions) == ("Alice", 3, 1)
    await bob.do(MarkRead(contact="Alice", row_id=10**9))
    assert (await bob.do(ListArrivals())).arrivals == []


@pytest.mark.parametrize("farewell", [False, True])
async def test_what_was_open_last_is_known_until_the_contact_is_removed(
    world: World, farewell: bool
) -> None:
    alice, bob, _ = await world.friends("Alice", "Bob", "Carol")
    assert (await alice.do(ListArrivals())).last_open_id is None
    number = (await show(alice, bob)).contact_id
    await alice.do(NoteLeaving(contact="Bob"))
    await alice.do(NoteLeaving())
    await alice.restart()
    await alice.do(RemoveContact(contact="Carol"))
    assert (await alice.do(ListArrivals())).last_open_id == number
    await alice.do(RemoveContact(contact="Bob", farewell=farewell))
    assert (await alice.do(ListArrivals())).last_open_id is None
    assert alice.database.look(arrivals.left_open) is None
