"""A conversation or a contact that one side deletes is deleted on the other side, too."""

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from loom.api.contact_commands import (
    AnswerFarewell,
    BlockContact,
    ListContacts,
    RemoveContact,
    SayFarewell,
    ShowContact,
)
from loom.api.conversation_commands import MarkRead, SetPreferences, SetTimer
from loom.api.events import (
    ContactRemoved,
    FarewellAsked,
    FarewellDone,
    MessageReceived,
    PeerOnline,
)
from loom.api.message_commands import DeleteMessages, Search
from loom.errors import ContactNotFound, InvalidInput
from loom.model import MessageId
from loom.node import farewells
from loom.storage import farewells as covers
from loom.storage import messages, persons
from loom.storage.farewells import Covered
from loom.wire.content import Edit, Farewell, Text
from loom.wire.limits import STUB_LIFETIME_S
from tests.new_database import KEY
from tests.node.anchor_machine import AnchorMachine
from tests.node.by_hand import take_in
from tests.node.harness import Person, World
from tests.storage.pages import decrypted

DAY_S = 86_400


async def old_friends(world: World) -> list[Person]:
    """Alice and Bob, whose session is older than a day."""
    people = await world.friends("Alice", "Bob")
    await people[0].say(people[1], "hello")
    await world.delivered(*people)
    await people[1].say(people[0], "hello yourself")
    await world.delivered(*people)
    a_day_later(*people)
    return people


def a_day_later(*people: Person) -> None:
    """By their clocks: a day of keepalives takes a while."""
    for one in people:
        one.clock.jumped_s += DAY_S + 60


async def bodies(person: Person, other: Person) -> list[str]:
    """What this person's screen shows."""
    return [one.body for one in await person.history(other)]


async def names(person: Person) -> list[str]:
    """Whom this person's screen lists."""
    return [one.contact for one in (await person.do(ListContacts())).contacts]


def rows_of(person: Person) -> dict[str, int]:
    """What is left in the tables that belong to people."""
    tables = ("persons", "conversations", "devices", "messages", "outbox", "sessions")
    return person.database.look(
        lambda db: {
            table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in tables
        }
    )


async def test_a_conversation_is_deleted_on_both_sides_and_goes_on(world: World) -> None:
    alice, bob = await old_friends(world)
    await alice.do(SayFarewell(contact="Bob"))
    await world.delivered(alice, bob)
    await world.until(lambda: bool(bob.told(FarewellDone)))
    assert await bodies(alice, bob) == await bodies(bob, alice) == []
    assert (await bob.do(Search(text="hello"))).messages == []
    [done] = bob.told(FarewellDone)
    assert (done.scope, done.direction, done.withdrawn) == ("conversation", "in", [])
    await alice.say(bob, "again")
    await bob.say(alice, "and again")
    await world.delivered(alice, bob)
    assert await bodies(bob, alice) == await bodies(alice, bob) == ["again", "and again"]


async def test_what_was_deleted_for_both_is_on_no_page_of_either_disk(world: World) -> None:
    alice, bob = await old_friends(world)
    await alice.say(bob, "zanzibar")
    await bob.say(alice, "marzipan")
    await world.delivered(alice, bob)
    for one in (alice, bob):
        await one.do(Search(text="zanzibar"))
        assert b"zanzibar" in decrypted(one.path, KEY)
    await alice.do(SayFarewell(contact="Bob"))
    await world.until(lambda: bool(bob.told(FarewellDone)))
    await world.pass_time(1)
    for one in (alice, bob):
        pages = decrypted(one.path, KEY)
        assert b"zanzibar" not in pages
        assert b"marzipan" not in pages


async def test_it_waits_for_who_is_away_and_survives_the_removal_here(world: World) -> None:
    alice, bob = await old_friends(world)
    await bob.stop()
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    assert await names(alice) == []
    assert alice.told(ContactRemoved)
    await alice.restart()
    assert await names(alice) == []
    with pytest.raises(ContactNotFound):
        await alice.do(ShowContact(contact="Bob"))
    await bob.start()
    await bob.call(alice)
    await world.until(lambda: bool(bob.told(ContactRemoved)))
    assert await names(bob) == []
    await world.until(lambda: rows_of(alice)["persons"] == 0, within_s=600)
    assert set(rows_of(alice).values()) == {0}
    assert rows_of(bob)["messages"] == 0


async def test_it_reaches_a_mailbox_when_the_contact_is_gone(world: World) -> None:
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    alice, bob = await world.friends("Alice", "Bob")
    await anchor.serve(alice)
    await alice.say(bob, "hello")
    await world.delivered(alice, bob)
    await world.until(lambda: bool(bob.peer(alice).mailer.mailboxes))
    a_day_later(alice, bob)
    anchor.clock.jumped_s = alice.clock.jumped_s
    world.network.partition({alice.host}, {bob.host})
    world.network.cut(alice.host)
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    await world.until(lambda: bool(bob.told(ContactRemoved)), within_s=600)
    assert await names(bob) == []
    await world.until(lambda: rows_of(alice)["persons"] == 0, within_s=3_600)


async def test_a_stub_is_no_contact_and_ends_in_time(world: World) -> None:
    alice, bob = await old_friends(world)
    await bob.stop()
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    before = len(alice.events)
    assert alice.node.roster.welcome() == []
    assert len(alice.node.roster.admitted()) == 1
    alice.clock.jumped_s += STUB_LIFETIME_S
    await world.pass_time(700)
    assert set(rows_of(alice).values()) == {0}
    assert alice.node.roster.everyone() == []
    assert alice.events[before:] == []


async def test_adding_the_person_again_cancels_an_unsent_farewell(world: World) -> None:
    alice, bob = await old_friends(world)
    await bob.stop()
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    await alice.add(bob)
    await bob.start()
    await alice.call(bob)
    await alice.say(bob, "I did not mean it")
    await world.until(lambda: bob.received(alice)[-1] == "I did not mean it", within_s=4 * 3_600)
    assert await bodies(bob, alice) == ["hello", "hello yourself", "I did not mean it"]
    assert not bob.told(FarewellDone)


async def test_who_was_left_may_be_added_again_by_both(world: World) -> None:
    alice, bob = await old_friends(world)
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    await world.until(lambda: bool(bob.told(ContactRemoved)))
    await alice.add(bob)
    await alice.say(bob, "are you there?")
    await world.pass_time(60)
    assert await names(bob) == []
    await bob.add(alice)
    await bob.call(alice)
    await world.until(lambda: bob.received(alice) == ["are you there?"], within_s=4 * 3_600)
    await bob.say(alice, "yes")
    await world.delivered(alice, bob, within_s=4 * 3_600)
    assert await bodies(alice, bob) == ["are you there?", "yes"]


async def test_two_that_cross_end_each_other(world: World) -> None:
    alice, bob = await old_friends(world)
    world.network.partition({alice.host}, {bob.host})
    world.network.cut(alice.host)
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    await bob.do(RemoveContact(contact="Alice", farewell=True))
    world.network.heal()
    await world.until(
        lambda: rows_of(alice)["outbox"] == rows_of(bob)["outbox"] == 0, within_s=4 * 3_600
    )
    assert await names(alice) == await names(bob) == []


async def test_what_was_not_delivered_is_withdrawn_and_listed(world: World) -> None:
    alice, bob = await old_friends(world)
    world.network.partition({alice.host}, {bob.host})
    world.network.cut(alice.host)
    [lost] = await bob.say(alice, "did you get this?")
    await world.pass_time(1)
    await alice.do(SayFarewell(contact="Bob"))
    world.network.heal()
    await alice.call(bob)
    await world.until(lambda: bool(bob.told(FarewellDone)), within_s=4 * 3_600)
    await world.delivered(alice, bob)
    # The texts may be faster than the Farewell: then there is nothing to withdraw.
    [done] = bob.told(FarewellDone)
    left = [(one.state, one.body) for one in await bob.history(alice)]
    assert (done.withdrawn, left) in (([lost.message_id], [("withdrawn", "")]), ([], []))
    assert await bodies(alice, bob) == []
    assert bob.queued(alice) == 0


async def test_a_covered_text_that_comes_late_is_receipted_and_not_shown(world: World) -> None:
    alice, bob = await old_friends(world)
    old_ms = alice.clock.now_ms()
    await world.pass_time(5)
    await alice.do(SayFarewell(contact="Bob"))
    await world.delivered(alice, bob)
    await world.until(lambda: bool(bob.told(FarewellDone)))
    await send_raw(alice, bob, lambda mid: Text(mid, old_ms, "from the past"))
    await alice.say(bob, "from now")
    await world.delivered(alice, bob)
    assert await bodies(bob, alice) == ["from now"]
    assert "from the past" not in [one.body for one in bob.told(MessageReceived)]


@pytest.mark.parametrize("behind_s", [300, -300])
async def test_what_is_written_afterwards_is_shown_though_clocks_differ(
    world: World, behind_s: int
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    bob.clock.jumped_s -= behind_s
    await alice.say(bob, "hello")
    await bob.say(alice, "hello yourself")
    await world.delivered(alice, bob)
    a_day_later(alice, bob)
    await alice.do(SayFarewell(contact="Bob"))
    await world.delivered(alice, bob)
    await world.until(lambda: bool(bob.told(FarewellDone)))
    assert await bodies(bob, alice) == []
    await bob.say(alice, "still here")
    await alice.say(bob, "me too")
    await world.delivered(alice, bob)
    assert await bodies(alice, bob) == await bodies(bob, alice) == ["still here", "me too"]


async def test_a_farewell_from_the_future_covers_nothing_that_is_yet_to_come(world: World) -> None:
    alice, bob = await old_friends(world)
    far_ms = alice.clock.now_ms() + 10 * 365 * DAY_S * 1_000
    await send_raw(alice, bob, lambda mid: Farewell(mid, far_ms, far_ms, 1))
    await world.until(lambda: bool(bob.told(FarewellDone)))
    await world.pass_time(1)
    await alice.say(bob, "still talking")
    [answer] = await bob.say(alice, "and so am I")
    await world.delivered(alice, bob)
    assert await bodies(bob, alice) == ["still talking", "and so am I"]
    assert answer.sent_at_ms <= bob.clock.now_ms() + DAY_S * 1_000 + 1


async def test_a_farewell_that_is_said_with_a_wrong_clock_swallows_nothing_later(
    world: World,
) -> None:
    alice, bob = await old_friends(world)
    alice.clock.jumped_s += 10 * 365 * DAY_S
    await alice.do(SayFarewell(contact="Bob"))
    alice.clock.jumped_s -= 10 * 365 * DAY_S
    await world.delivered(alice, bob)
    await world.until(lambda: bool(bob.told(FarewellDone)))
    await bob.say(alice, "are you there?")
    [answer] = await alice.say(bob, "yes")
    await world.delivered(alice, bob)
    assert await bodies(alice, bob) == ["are you there?", "yes"]
    assert answer.sent_at_ms <= alice.clock.now_ms() + DAY_S * 1_000 + 1


async def test_a_flood_of_farewells_stores_little(world: World) -> None:
    alice, bob = await old_friends(world)
    for _ in range(100):
        now_ms = alice.clock.now_ms()
        await send_raw(alice, bob, lambda mid, at=now_ms: Farewell(mid, at, at, 1))
    await world.delivered(alice, bob)
    await world.pass_time(10)
    assert len(bob.told(FarewellDone)) <= 2
    await alice.say(bob, "enough")
    await world.delivered(alice, bob)


async def test_a_timer_that_the_contact_does_not_have_yet_outlives_its_line(world: World) -> None:
    alice, bob = await old_friends(world)
    apart(world, alice, bob)
    await alice.do(SetTimer(contact="Bob", expires_s=3_600))
    now_ms = alice.clock.now_ms()
    await take_in(alice, bob, [Farewell(b"f" * 16, now_ms, now_ms, 1)])
    alice.node.roster.on_farewell()
    await world.until(lambda: bool(alice.told(FarewellDone)))
    assert await bodies(alice, bob) == []
    world.network.heal()
    await alice.call(bob)
    await world.delivered(alice, bob, within_s=4 * 3_600)
    assert (await bob.do(ShowContact(contact="Alice"))).timer.theirs_s == 3_600


async def test_statements_that_wait_for_a_message_go_with_the_conversation(world: World) -> None:
    alice, bob = await old_friends(world)
    for own in (False, True):
        now_ms = alice.clock.now_ms()
        edit = Edit(bytes([own]) * 16, now_ms, b"q" * 16, 1, "of a text that never came")
        await take_in(alice, bob, [edit])
        assert waiting_early(alice) == 1
        if own:
            await alice.do(SayFarewell(contact="Bob"))
        else:
            await take_in(alice, bob, [Farewell(b"f" * 16, now_ms, now_ms, 1)])
            alice.node.roster.on_farewell()
            await world.until(lambda: bool(alice.told(FarewellDone)))
        assert waiting_early(alice) == 0
        await take_in(alice, bob, [replace(edit, message_id=bytes([own + 2]) * 16)])
        assert waiting_early(alice) == 0


async def test_after_a_crash_the_person_is_told_what_became_of_the_conversation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(farewells, "BATCH", 3)
    alice, bob = await old_friends(world)
    apart(world, alice, bob)
    [lost] = await alice.say(bob, "did you get this?")
    device, now_ms = alice.peer(bob), alice.clock.now_ms()
    covered = Covered(now_ms, now_ms, 1, MessageId(b"f" * 16))
    await alice.database.write(lambda db: covers.put(db, device.conversation_id, covered))
    await alice.node.parts.journal.write(
        lambda db, happened: farewells._delete_some(db, happened, device, now_ms, 0, is_begun=False)
    )
    await alice.restart()
    await world.until(lambda: bool(alice.told(FarewellDone)))
    assert [one.withdrawn for one in alice.told(FarewellDone)] == [[lost.message_id]]
    assert await bodies(alice, bob) == [""]


@pytest.mark.parametrize("whole_contact", [False, True])
async def test_who_keeps_the_conversation_still_deletes_what_was_deleted_for_both(
    world: World, whole_contact: bool
) -> None:
    alice, bob = await old_friends(world)
    await bob.do(SetPreferences(ask_farewells=True))
    apart(world, alice, bob)
    hello = (await alice.history(bob))[0].message_id
    await alice.do(DeleteMessages(contact="Bob", message_ids=[hello], for_both=True))
    await alice.do(SayFarewell(contact="Bob", whole_contact=whole_contact))
    world.network.heal()
    await bob.call(alice)
    await world.until(lambda: bool(bob.told(FarewellAsked)), within_s=4 * 3_600)
    await bob.do(AnswerFarewell(contact="Alice", accept=False))
    assert await bodies(bob, alice) == ["", "hello yourself"]


# --- asked ---


async def test_on_a_young_session_the_person_is_asked(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "hello")
    await world.delivered(alice, bob)
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    await world.until(lambda: bool(bob.told(FarewellAsked)))
    assert await bodies(bob, alice) == ["hello"]
    assert (await bob.do(ShowContact(contact="Alice"))).farewell == "contact"
    await bob.restart()
    assert (await bob.do(ShowContact(contact="Alice"))).farewell == "contact"
    await bob.do(AnswerFarewell(contact="Alice", accept=True))
    assert await names(bob) == []


async def test_a_second_one_that_covers_more_is_told_too(world: World) -> None:
    """A yes to the first one would have deleted what was said since without a question."""
    alice, bob = await old_friends(world)
    await bob.do(SetPreferences(ask_farewells=True))
    now_ms = bob.clock.now_ms()
    for number, (before_ms, scope) in enumerate(
        ((now_ms - 1_000, 1), (now_ms - 2_000, 1), (now_ms, 1), (now_ms, 2), (now_ms - 500, 1))
    ):
        one = Farewell(b"f" * 15 + bytes([number]), before_ms, before_ms, scope)
        await take_in(bob, alice, [one])
    assert [one.scope for one in bob.told(FarewellAsked)] == [
        *("conversation", "conversation", "contact")
    ]


async def test_the_person_may_keep_everything(world: World) -> None:
    alice, bob = await old_friends(world)
    await bob.do(SetPreferences(ask_farewells=True))
    await alice.do(SayFarewell(contact="Bob"))
    await world.until(lambda: bool(bob.told(FarewellAsked)))
    await bob.do(AnswerFarewell(contact="Alice", accept=False))
    await world.delivered(alice, bob)
    assert await bodies(bob, alice) == ["hello", "hello yourself"]
    assert (await bob.do(ShowContact(contact="Alice"))).farewell == ""
    with pytest.raises(InvalidInput):
        await bob.do(AnswerFarewell(contact="Alice", accept=True))


async def test_removal_without_farewell_tells_nobody(world: World) -> None:
    alice, bob = await old_friends(world)
    await alice.do(RemoveContact(contact="Bob"))
    await world.pass_time(600)
    assert set(rows_of(alice).values()) == {0}
    assert await bodies(bob, alice) == ["hello", "hello yourself"]


async def test_a_blocked_contact_may_be_told_and_is_heard_no_more(world: World) -> None:
    alice, bob = await old_friends(world)
    await alice.do(BlockContact(contact="Bob"))
    await world.pass_time(1)
    shown = len(alice.told(PeerOnline))
    await alice.do(RemoveContact(contact="Bob", farewell=True))
    await world.until(lambda: bool(bob.told(ContactRemoved)), within_s=4 * 3_600)
    await world.until(lambda: rows_of(alice)["persons"] == 0, within_s=600)
    assert len(alice.told(PeerOnline)) == shown


async def test_a_crash_between_any_two_steps_finishes_it_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(farewells, "BATCH", 4)
    alice, bob = await old_friends(world)
    await bob.call(alice)
    for turns in (0, 2, 5, 9, 14, 20, 27, 35):
        await alice.say(bob, *(f"n{n}" for n in range(18)))
        await world.delivered(alice, bob)
        rows = [one.row_id for one in await bob.history(alice)]
        await bob.do(MarkRead(contact="Alice", row_id=rows[-1]))
        await world.delivered(alice, bob)
        await alice.do(SayFarewell(contact="Bob"))
        bob.lose_power_in(turns)
        await world.pass_time(5)
        await bob.restart()
        await bob.call(alice)
        await world.until(
            lambda: (
                not bob.database.look(
                    lambda db: messages.page(db, bob.peer(alice).conversation_id, 9)
                )
            ),
            within_s=600,
        )
        await world.delivered(alice, bob)


async def test_a_crash_while_a_contact_is_left_finishes_it_later(world: World) -> None:
    for turns in (0, 1, 3, 6, 10, 15, 21, 28, 60, 100):
        alice, bob = await old_friends(world)
        await alice.do(RemoveContact(contact="Bob", farewell=True))
        bob.lose_power_in(turns)
        alice.lose_power_in(turns * 2)
        await world.pass_time(20)
        await alice.restart()
        await bob.restart()
        left = partial(persons_left, alice, bob)
        await world.until(lambda: left() == ([], []), within_s=4 * 3_600)  # noqa: B023 - awaited here
        await alice.stop()
        await bob.stop()


def persons_left(*people: Person) -> tuple[list[str], ...]:
    """The names of contacts on each disk."""
    return tuple(
        [
            one.person.name
            for one in person.database.look(persons.contacts)
            if not one.person.is_stub
        ]
        for person in people
    )


def apart(world: World, *people: Person) -> None:
    """Nobody reaches anybody."""
    world.network.partition(*({one.host} for one in people))
    for one in people:
        world.network.cut(one.host)


def waiting_early(person: Person) -> int:
    """How many statements wait for messages."""
    return person.database.look(
        lambda db: int(db.execute("SELECT count(*) FROM early").fetchone()[0])
    )


async def send_raw(author: Person, reader: Person, make: Any) -> None:
    """Have the author's node send a payload that its commands would not make."""
    parts = author.node.parts
    message_id = MessageId(parts.new_id())
    await author.peer(reader).delivery.outbox.add(
        message_id, replace(make(message_id)), lambda db, happened: None
    )
