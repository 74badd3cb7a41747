"""Messages disappear when their time is over, on both sides, whatever clocks and machines do."""

import pytest

from loom.api.contact_commands import ImportToken, ShowContact, VerifyContact
from loom.api.contact_views import TimerView
from loom.api.conversation_commands import MarkRead, SetTimer
from loom.api.events import (
    AnyEvent,
    MessageDelivered,
    MessageExpired,
    MessageReceived,
    TimerChanged,
)
from loom.api.message_commands import (
    DeleteMessages,
    EditMessage,
    React,
    RetryMessage,
    Search,
    SendText,
)
from loom.errors import InvalidInput
from loom.storage import events, messages
from loom.wire.content import Timer
from loom.wire.token import encode_token
from tests.new_database import KEY
from tests.node.anchor_machine import AnchorMachine
from tests.node.by_hand import take_in
from tests.node.harness import Person, World, identity_of
from tests.storage.pages import decrypted

DAY_S = 86_400
SECRET = "zanzibar marzipan"


async def read_all(reader: Person, writer: Person) -> None:
    """The reader sees everything there is."""
    rows = [one.row_id for one in await reader.history(writer)]
    await reader.do(MarkRead(contact=writer.name, row_id=rows[-1]))


async def replayed(person: Person) -> list[AnyEvent]:
    """The stored events, as somebody is told them who attaches now."""
    last = max(one.seq for one in person.events)
    found = []
    async for event in person.node.events(after=0):
        found.append(event)
        if event.seq == last:
            break
    return found


async def texts(person: Person, other: Person) -> list[str]:
    """What this person's screen shows of the conversation, lines about timers left out."""
    return [one.body for one in await person.history(other) if one.kind == "text"]


def holds(person: Person, needle: str) -> bool:
    """Whether a stored row of the history or of the index has it."""
    found = person.database.look(
        lambda db: db.execute(
            "SELECT count(*) FROM messages WHERE body LIKE ?", (f"%{needle}%",)
        ).fetchone()
    )
    return bool(found[0])


async def test_a_timer_holds_for_what_is_written_after_it(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "stays")
    view = await alice.do(SetTimer(contact="Bob", expires_s=3_600))
    assert view.timer == TimerView(expires_s=3_600, own_s=3_600, theirs_s=0)
    await alice.say(bob, SECRET)
    await world.delivered(alice, bob)
    await read_all(bob, alice)
    await world.pass_time(3_599)
    assert await texts(alice, bob) == await texts(bob, alice) == ["stays", SECRET]
    await world.pass_time(5)
    assert await texts(alice, bob) == await texts(bob, alice) == ["stays"]
    assert not holds(alice, SECRET)
    assert not holds(bob, SECRET)
    [told] = bob.told(MessageExpired)
    [came] = [one for one in bob.told(MessageReceived) if one.body == SECRET]
    assert told.message_ids == [came.message_id]
    assert told.direction == "in"
    assert came.expires_at_ms is not None


async def test_both_see_who_set_the_timer_and_the_shorter_one_holds(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SetTimer(contact="Bob", expires_s=3_600))
    await world.delivered(alice, bob)
    await bob.do(SetTimer(contact="Alice", expires_s=60))
    await world.delivered(alice, bob)
    assert (await alice.do(ShowContact(contact="Bob"))).timer == TimerView(
        expires_s=60, own_s=3_600, theirs_s=60
    )
    lines = [(one.kind, one.direction, one.expires_s) for one in await bob.history(alice)]
    assert lines == [("timer", "in", 3_600), ("timer", "out", 60)]
    assert (await bob.do(ShowContact(contact="Alice"))).unread == 0
    await bob.do(SetTimer(contact="Alice", expires_s=0))
    await world.delivered(alice, bob)
    [message] = await bob.say(alice, "hello")
    assert message.expires_s == 3_600
    assert [one.holding_s for one in alice.told(TimerChanged)] == [3_600, 60, 3_600]


@pytest.mark.parametrize("expires_s", [4, -1, 31_536_001])
async def test_a_timer_has_bounds(world: World, expires_s: int) -> None:
    alice, _ = await world.friends("Alice", "Bob")
    with pytest.raises(InvalidInput):
        await alice.do(SetTimer(contact="Bob", expires_s=expires_s))
    with pytest.raises(InvalidInput):
        await alice.do(SendText(contact="Bob", body="x", expires_s=expires_s))


async def test_one_message_may_have_a_timer_of_its_own(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SetTimer(contact="Bob", expires_s=60))
    await alice.do(SendText(contact="Bob", body="for ever", expires_s=0))
    await alice.do(SendText(contact="Bob", body="short", expires_s=5))
    await alice.say(bob, "as agreed")
    await world.delivered(alice, bob)
    await read_all(bob, alice)
    await world.pass_time(6)
    assert await texts(bob, alice) == await texts(alice, bob) == ["for ever", "as agreed"]
    await world.pass_time(60)
    assert await texts(bob, alice) == await texts(alice, bob) == ["for ever"]


async def test_an_unread_message_waits_for_its_reader_thirty_days(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    for body in ("read late", "never read"):
        await alice.do(SendText(contact="Bob", body=body, expires_s=60))
    await world.delivered(alice, bob)
    await bob.stop()
    await alice.stop()
    await world.pass_time(29 * DAY_S)
    await bob.start()
    first, _ = await bob.history(alice)
    await bob.do(MarkRead(contact="Alice", row_id=first.row_id))
    await world.pass_time(61)
    assert await texts(bob, alice) == ["never read"]
    await bob.stop()
    await world.pass_time(DAY_S)
    await bob.start()
    assert await texts(bob, alice) == []


async def test_what_came_due_while_nothing_ran_is_never_shown(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SendText(contact="Bob", body=SECRET, expires_s=60))
    await world.delivered(alice, bob)
    await read_all(bob, alice)
    await bob.crash()
    await world.pass_time(120)
    await bob.start()
    assert await texts(bob, alice) == []


async def test_a_machine_that_slept_deletes_what_is_due_as_it_wakes(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SendText(contact="Bob", body=SECRET, expires_s=8 * 3_600))
    await world.delivered(alice, bob)
    await read_all(bob, alice)
    bob.clock.jumped_s += 9 * 3_600  # the loop's timers stood still meanwhile
    await world.pass_time(11)
    assert await texts(bob, alice) == []


async def test_a_clock_that_is_set_back_lengthens_no_life_by_more_than_the_step(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SendText(contact="Bob", body=SECRET, expires_s=60))
    await world.delivered(alice, bob)
    await read_all(bob, alice)
    bob.clock.jumped_s -= 3_600
    await bob.restart()
    await world.pass_time(55)
    assert await texts(bob, alice) == [SECRET]
    await world.pass_time(3_600 + 10)
    assert await texts(bob, alice) == []


async def test_to_read_it_again_puts_no_end_off(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SendText(contact="Bob", body=SECRET, expires_s=60))
    await world.delivered(alice, bob)
    await read_all(bob, alice)
    await world.pass_time(50)
    await read_all(bob, alice)
    await world.pass_time(12)
    assert await texts(bob, alice) == []


async def test_an_undelivered_message_is_withdrawn_and_a_late_receipt_counts(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, "before")
    await world.delivered(alice, bob)
    await bob.crash()
    await alice.do(SendText(contact="Bob", body=SECRET, expires_s=5))
    await world.pass_time(7)
    [_, left] = await alice.history(bob)
    assert (left.state, left.body) == ("withdrawn", "")
    [told] = alice.told(MessageExpired)
    assert told.withdrawn == told.message_ids == [left.message_id]
    assert alice.queued(bob) == 0
    await bob.start()
    await alice.call(bob)
    await alice.say(bob, "after")
    await world.delivered(alice, bob)
    assert await texts(bob, alice) == ["before", "after"]


async def test_a_withdrawn_message_that_arrived_after_all_is_delivered(world: World) -> None:
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    alice, bob = await world.friends("Alice", "Bob")
    await anchor.serve(alice)
    await world.until(lambda: bool(alice.peer(bob).mailer.mailboxes))
    await world.delivered(alice, bob)
    await bob.stop()
    [message] = [await alice.do(SendText(contact="Bob", body=SECRET, expires_s=3_600))]
    await world.until(lambda: anchor.blobs == 1, within_s=60)
    await world.pass_time(3_700)
    assert [one.state for one in await alice.history(bob)] == ["withdrawn"]
    await bob.start()
    await world.until(lambda: bob.received(alice) == [SECRET], within_s=60)
    await world.until(
        lambda: message.message_id in [one.message_id for one in alice.told(MessageDelivered)],
        within_s=600,
    )
    assert [one.state for one in await alice.history(bob)] == ["delivered"]


async def test_a_timer_travels_through_an_anchor(world: World) -> None:
    anchor = AnchorMachine(world, "home")
    await anchor.start()
    alice, bob = await world.friends("Alice", "Bob")
    await anchor.serve(alice)
    await world.until(lambda: bool(alice.peer(bob).mailer.mailboxes))
    await world.delivered(alice, bob)
    await bob.stop()
    await alice.do(SetTimer(contact="Bob", expires_s=DAY_S))
    await alice.say(bob, "under a timer")
    await world.until(lambda: anchor.blobs == 2, within_s=60)
    await alice.stop()
    await bob.start()
    await world.until(lambda: bob.received(alice)[1:] == ["under a timer"], within_s=60)
    assert (await bob.do(ShowContact(contact="Alice"))).timer.expires_s == DAY_S
    await read_all(bob, alice)
    await world.pass_time(DAY_S + 11)
    assert await texts(bob, alice) == []


async def test_somebody_who_sets_the_timer_all_the_time_fills_no_timeline(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    for n in range(200):
        await bob.do(SetTimer(contact="Alice", expires_s=5 + n))
    await world.delivered(alice, bob)
    assert [one.expires_s for one in await alice.history(bob)] == [204]
    await alice.say(bob, "stop it")
    await bob.do(SetTimer(contact="Alice", expires_s=5))
    await world.delivered(alice, bob)
    assert [one.kind for one in await alice.history(bob)] == ["timer", "text", "timer"]


def on_disk(person: Person, needle: str) -> bool:
    """Whether any page of the database or of its log has it."""
    return needle.encode() in decrypted(person.path, KEY)


async def test_what_ended_is_on_no_page_of_either_disk(world: World) -> None:
    """History, index, wordings, statements, outbox, stored events and log."""
    alice, bob = await world.friends("Alice", "Bob")
    sent = await alice.do(SendText(contact="Bob", body="zanzibar", expires_s=60))
    await alice.do(EditMessage(contact="Bob", message_id=sent.message_id, body="marzipan"))
    await world.delivered(alice, bob)
    await bob.do(React(contact="Alice", message_id=sent.message_id, emoji="\U0001f9c1"))
    await bob.do(SendText(contact="Alice", body="an answer", reply_to=sent.message_id))
    await world.delivered(alice, bob)
    await read_all(bob, alice)
    world.network.partition({alice.host}, {bob.host})
    world.network.cut(alice.host)
    await alice.do(SendText(contact="Bob", body="persipan", expires_s=60))
    for one in (alice, bob):
        await one.do(Search(text="marzipan"))
        assert on_disk(one, "marzipan")
    await world.pass_time(75)
    for one in (alice, bob):
        left = [word for word in ("zanzibar", "marzipan", "persipan") if on_disk(one, word)]
        assert left == []
    assert await texts(bob, alice) == ["an answer"]
    [answer] = await bob.history(alice)
    assert answer.quote is not None
    assert answer.quote.gone


async def test_a_crash_between_any_two_steps_deletes_no_less(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    for turns in (0, 1, 2, 3, 5, 8, 13, 21, 34):
        await alice.do(SendText(contact="Bob", body=f"{SECRET} {turns}", expires_s=5))
        await world.delivered(alice, bob)
        await read_all(bob, alice)
        await world.pass_time(4.9)
        bob.lose_power_in(turns)
        await world.pass_time(2)
        await bob.restart()
        assert await texts(bob, alice) == []
        await bob.call(alice)
        await world.until(lambda: alice.is_online(bob))
    assert bob.database.look(lambda db: messages.page(db, bob.peer(alice).conversation_id, 9)) == []
    assert bob.database.look(lambda db: events.after(db, 0, 9))


async def test_a_timer_holds_though_its_line_was_deleted_before_it_left(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    world.network.partition({alice.host}, {bob.host})
    world.network.cut(alice.host)
    await alice.do(SetTimer(contact="Bob", expires_s=3_600))
    [line] = await alice.history(bob)
    await alice.do(DeleteMessages(contact="Bob", message_ids=[line.message_id]))
    assert await alice.history(bob) == []
    world.network.heal()
    await alice.call(bob)
    await world.delivered(alice, bob)
    assert (await bob.do(ShowContact(contact="Alice"))).timer.theirs_s == 3_600


async def test_a_new_identity_is_told_the_timer_and_is_bound_by_none_of_the_old_one(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SetTimer(contact="Bob", expires_s=3_600))
    await world.delivered(alice, bob)
    await take_in(alice, bob, [Timer(b"t" * 16, alice.clock.now_ms(), 2**53 - 1, 5)])
    assert (await alice.do(ShowContact(contact="Bob"))).timer == TimerView(
        expires_s=5, own_s=3_600, theirs_s=5
    )
    await bob.stop()
    again = await world.person("Bob", identity_of("Bob's new machine"))
    await again.add(alice)
    token = encode_token(again.identity.token)
    await alice.do(ImportToken(token=token, name="Bob", replace=True))
    await alice.do(VerifyContact(contact="Bob", confirm=True))
    assert (await alice.do(ShowContact(contact="Bob"))).timer == TimerView(
        expires_s=3_600, own_s=3_600, theirs_s=0
    )
    await alice.call(again)
    await world.delivered(alice, again)
    assert (await again.do(ShowContact(contact="Alice"))).timer == TimerView(
        expires_s=3_600, own_s=0, theirs_s=3_600
    )
    await again.do(SetTimer(contact="Alice", expires_s=60))
    await world.delivered(alice, again)
    assert (await alice.do(ShowContact(contact="Bob"))).timer == TimerView(
        expires_s=60, own_s=3_600, theirs_s=60
    )


async def test_the_line_of_a_timer_tells_whether_the_new_identity_knows_it(world: World) -> None:
    """It was shown as failed, though the new identity is told and the timer holds."""
    alice, bob = await world.friends("Alice", "Bob")
    await bob.stop()
    await alice.do(SetTimer(contact="Bob", expires_s=3_600))
    await alice.say(bob, "to the old one")
    again = await world.person("Bob", identity_of("Bob's new machine"))
    await again.add(alice)
    token = encode_token(again.identity.token)
    await alice.do(ImportToken(token=token, name="Bob", replace=True))
    shown = [(one.kind, one.state) for one in await alice.history(again)]
    assert shown == [("timer", "queued"), ("text", "failed")]
    await alice.do(VerifyContact(contact="Bob", confirm=True))
    await alice.call(again)
    await world.delivered(alice, again)
    shown = [(one.kind, one.state) for one in await alice.history(again)]
    assert shown == [("timer", "delivered"), ("text", "failed")]
    assert (await again.do(ShowContact(contact="Alice"))).timer.theirs_s == 3_600


async def test_a_new_identity_is_told_that_there_is_no_timer_any_more_if_the_old_one_was_not(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SetTimer(contact="Bob", expires_s=3_600))
    await world.delivered(alice, bob)
    await alice.say(bob, "between")
    await world.delivered(alice, bob)
    await bob.stop()
    await alice.do(SetTimer(contact="Bob", expires_s=0))
    again = await world.person("Bob", identity_of("Bob's new machine"))
    await again.add(alice)
    token = encode_token(again.identity.token)
    await alice.do(ImportToken(token=token, name="Bob", replace=True))
    await alice.do(VerifyContact(contact="Bob", confirm=True))
    await alice.call(again)
    await world.delivered(alice, again)
    assert {one.state for one in await alice.history(again)} == {"delivered"}


async def test_a_failed_message_that_is_sent_again_counts_from_then(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await bob.stop()
    sent = await alice.do(SendText(contact="Bob", body=SECRET, expires_s=3_600))
    again = await world.person("Bob", identity_of("Bob's new machine"))
    token = encode_token(again.identity.token)
    await alice.do(ImportToken(token=token, name="Bob", replace=True))
    await alice.do(VerifyContact(contact="Bob", confirm=True))
    await world.pass_time(3_000)
    retried = await alice.do(RetryMessage(contact="Bob", message_id=sent.message_id))
    assert (retried.expires_s, retried.message_id == sent.message_id) == (3_600, False)
    assert await texts(alice, again) == [SECRET]
    await world.pass_time(3_590)
    assert await texts(alice, again) == [SECRET]
    await world.pass_time(20)
    assert not holds(alice, SECRET)


async def test_no_event_quotes_what_has_disappeared(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    sent = await alice.do(SendText(contact="Bob", body=SECRET, expires_s=60))
    await world.delivered(alice, bob)
    await read_all(bob, alice)
    for one, other in ((alice, "Bob"), (bob, "Alice")):
        await one.do(SendText(contact=other, body="so", reply_to=sent.message_id, expires_s=0))
    await world.delivered(alice, bob)
    await world.pass_time(61)
    for one, other in ((alice, "Bob"), (bob, "Alice")):
        [answer, _] = await one.history(bob if one is alice else alice)
        await one.do(React(contact=other, message_id=answer.message_id, emoji="x"))
        expired = one.told(MessageExpired)
        assert [each.message_ids for each in expired] == [[sent.message_id]]
        after = one.events[one.events.index(expired[0]) :]
        assert SECRET not in repr(after)
        stored = await replayed(one)
        assert SECRET not in repr(stored)
        assert any(getattr(each, "quote", None) for each in stored)
