"""Answers, edits, reactions, pins, bookmarks and deleting for both, between two nodes."""

import asyncio
from typing import Any

import msgspec
import pytest

from loom.api.contact_commands import BlockContact, ShowContact
from loom.api.conversation_commands import SetTimer
from loom.api.events import (
    MessageBookmarked,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageReacted,
    MessageReceived,
    MessagesDeleted,
)
from loom.api.message_commands import (
    Bookmark,
    DeleteMessages,
    EditMessage,
    FindMessage,
    Forward,
    ListBookmarks,
    ListPins,
    Pin,
    React,
    Search,
    SendText,
    ShowEdits,
)
from loom.api.message_views import MessageView, Quote, Reaction
from loom.errors import InvalidInput, InvalidText, MessageNotFound, NoMessageYet
from loom.wire import content as wire
from loom.wire.content import Target, Text
from tests.node.by_hand import take_in
from tests.node.harness import Person, World
from tests.node.test_mail_cases import Held, each_an_anchor

THUMB, HEART = "\N{THUMBS UP SIGN}", "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}"
FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"


async def seen(one: Person, other: Person) -> list[tuple[Any, ...]]:
    """What somebody sees, said from both sides alike."""
    found = await one.history(other)

    def who(direction: str) -> str:
        return one.name if direction == "out" else other.name

    return [
        (
            who(message.direction),
            message.message_id,
            message.body,
            message.edited,
            message.deleted,
            message.reply_to,
            message.quote
            and (who(message.quote.direction), message.quote.body, message.quote.gone),
            sorted(
                (reaction.contact or one.name, reaction.emoji) for reaction in message.reactions
            ),
            message.pinned,
        )
        for message in found
    ]


async def alike(world: World, one: Person, other: Person) -> list[tuple[Any, ...]]:
    """What both see, once nothing waits."""
    await world.delivered(one, other)
    found = await seen(one, other)
    assert found == await seen(other, one)
    return found


async def last(one: Person, other: Person) -> MessageView:
    return (await one.history(other))[-1]


async def test_an_answer_quotes_what_it_answers_also_when_that_changes_or_goes(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [first] = await alice.say(bob, "shall we meet?" + "!" * 300)
    await world.delivered(alice, bob)
    command = SendText(contact="Alice", body="yes", reply_to=first.message_id)
    answer = await bob.do(command)
    assert answer.reply_to == first.message_id
    began = ("shall we meet?" + "!" * 300)[:200]
    row_id = (await bob.history(alice))[0].row_id
    assert answer.quote == Quote(direction="in", row_id=row_id, body=began)
    again = SendText(contact="Alice", body="at noon", reply_to=answer.message_id)
    assert (await bob.do(again)).quote == Quote(direction="out", row_id=answer.row_id, body="yes")
    shown = await alike(world, alice, bob)
    assert [one[5] for one in shown] == [None, first.message_id, answer.message_id]
    told = [event for event in alice.told(MessageReceived) if event.body == "yes"]
    quote = Quote(direction="out", row_id=first.row_id, body=began)
    assert [event.quote for event in told] == [quote]
    await alice.do(EditMessage(contact="Bob", message_id=first.message_id, body="at the sea?"))
    assert (await alike(world, alice, bob))[1][6] == ("Alice", "at the sea?", False)
    await bob.do(DeleteMessages(contact="Alice", message_ids=[first.message_id]))
    assert (await bob.history(alice))[0].quote == Quote(direction="in", gone=True)
    quote = msgspec.structs.replace(quote, body="at the sea?")
    assert (await alice.history(bob))[1].quote == quote
    with pytest.raises(MessageNotFound):
        await bob.do(SendText(contact="Alice", body="x", reply_to=first.message_id))


async def test_an_edit_is_shown_and_found_on_both_sides_and_its_history_is_kept(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [said] = await alice.say(bob, "see you at noon")
    await world.delivered(alice, bob)
    for body in ("see you at one", "see you at two"):
        view = await alice.do(EditMessage(contact="Bob", message_id=said.message_id, body=body))
        assert (view.body, view.edited, view.row_id) == (body, True, said.row_id)
    [shown] = await alike(world, alice, bob)
    assert shown[2:4] == ("see you at two", True)
    for one, other in ((alice, bob), (bob, alice)):
        history = await one.do(ShowEdits(contact=other.name, message_id=said.message_id))
        assert [wording.body for wording in history.wordings] == [
            "see you at noon",
            "see you at one",
            "see you at two",
        ]
        assert [event.body for event in one.told(MessageEdited)] == [
            "see you at one",
            "see you at two",
        ]
        assert not (await one.do(Search(text="noon"))).messages
        assert len((await one.do(Search(text="two"))).messages) == 1


async def test_what_cannot_be_edited_says_why(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [said] = await alice.say(bob, "mine")
    await world.delivered(alice, bob)

    async def edit(one: Person, message_id: str, body: str = "another") -> None:
        other = bob if one is alice else alice
        await one.do(EditMessage(contact=other.name, message_id=message_id, body=body))

    with pytest.raises(InvalidInput, match="a text of your own"):
        await edit(bob, said.message_id)
    for body in ("", " \n", "x" * 16_385):
        with pytest.raises(InvalidText):
            await edit(alice, said.message_id, body)
    for wrong in ("nonsense", "00000000-0000-7000-8000-000000000000"):
        with pytest.raises(MessageNotFound):
            await edit(alice, wrong)
    await alice.do(DeleteMessages(contact="Bob", message_ids=[said.message_id], for_both=True))
    with pytest.raises(InvalidInput, match="deleted"):
        await edit(alice, said.message_id)
    bob.lose_power()
    [failed] = await alice.say(bob, "never sent")
    await alice.do(BlockContact(contact="Bob"))
    await alice.do(BlockContact(contact="Bob", blocked=False))
    with pytest.raises(InvalidInput, match="never sent"):
        await edit(alice, failed.message_id)


async def test_each_has_one_reaction_to_a_message_and_may_take_it_back(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [said] = await alice.say(bob, "news")
    await world.delivered(alice, bob)

    async def react(one: Person, emoji: str) -> MessageView:
        other = bob if one is alice else alice
        return await one.do(React(contact=other.name, message_id=said.message_id, emoji=emoji))

    view = await react(bob, THUMB)
    assert view.reactions == [Reaction(contact=None, emoji=THUMB)]
    await react(bob, HEART)
    await react(alice, FAMILY)
    assert (await alike(world, alice, bob))[0][7] == [("Alice", FAMILY), ("Bob", HEART)]
    assert [(event.by, event.emoji) for event in alice.told(MessageReacted)] == [
        ("Bob", THUMB),
        ("Bob", HEART),
        (None, FAMILY),
    ]
    assert alice.told(MessageReacted)[-1].reactions == [
        Reaction(contact=None, emoji=FAMILY),
        Reaction(contact="Bob", emoji=HEART),
    ]
    told = len(alice.told(MessageReacted))
    await react(bob, HEART)  # the same again is nothing new
    await react(bob, "")
    assert (await alike(world, alice, bob))[0][7] == [("Alice", FAMILY)]
    assert [(event.by, event.emoji) for event in alice.told(MessageReacted)[told:]] == [("Bob", "")]
    for wrong in ("ok", THUMB * 2, "\u200b", " ", "x" + "\u0301" * 40):
        with pytest.raises(InvalidInput):
            await react(bob, wrong)


async def test_a_message_is_pinned_while_either_pins_it(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    first, second, _ = await alice.say(bob, "one", "two", "three")
    await world.delivered(alice, bob)
    await alice.do(Pin(contact="Bob", message_id=first.message_id))
    await world.pass_time(1)
    await bob.do(Pin(contact="Alice", message_id=second.message_id))
    await bob.do(Pin(contact="Alice", message_id=first.message_id))
    assert [one[8] for one in await alike(world, alice, bob)] == [True, True, False]
    for one, other in ((alice, bob), (bob, alice)):
        pins = await one.do(ListPins(contact=other.name))
        assert [pin.body for pin in pins.messages] == ["one", "two"]
    await alice.do(Pin(contact="Bob", message_id=first.message_id, on=False))
    assert [one[8] for one in await alike(world, alice, bob)] == [True, True, False]
    await bob.do(Pin(contact="Alice", message_id=first.message_id, on=False))
    assert [one[8] for one in await alike(world, alice, bob)] == [False, True, False]
    assert [(event.by, event.on) for event in alice.told(MessagePinned)] == [
        (None, True),
        ("Bob", True),
        ("Bob", True),
        (None, False),
        ("Bob", False),
    ]


async def test_bookmarks_stay_here_and_are_listed_over_all_conversations(world: World) -> None:
    alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
    [said] = await alice.say(bob, "to Bob")
    [other] = await alice.say(carol, "to Carol")
    await world.delivered(alice, bob, carol)
    for contact, message in (("Bob", said), ("Carol", other)):
        await alice.do(Bookmark(contact=contact, message_id=message.message_id))
    found = (await alice.do(ListBookmarks())).messages
    assert [(one.body, one.bookmarked) for one in found] == [("to Carol", True), ("to Bob", True)]
    assert len(alice.told(MessageBookmarked)) == 2
    page = (await alice.do(ListBookmarks(limit=1, before_row=found[0].row_id))).messages
    assert [one.body for one in page] == ["to Bob"]
    await alice.do(Bookmark(contact="Bob", message_id=said.message_id, on=False))
    assert (await alice.do(ListBookmarks(contact="Bob"))).messages == []
    await world.delivered(alice, bob, carol)
    assert (await bob.do(ListBookmarks())).messages == []


async def test_forwarded_texts_are_new_ones_in_order_and_tell_nothing(world: World) -> None:
    alice, bob, carol = await world.friends("Alice", "Bob", "Carol")
    first, second = await bob.say(alice, "one", "two")
    await world.delivered(alice, bob)
    await bob.do(React(contact="Alice", message_id=second.message_id, emoji=THUMB))
    ids = [first.message_id, second.message_id]
    answer = await alice.do(Forward(contact="Bob", message_ids=ids, to=["Carol", "Bob", "carol"]))
    assert [(one.contact, one.body) for one in answer.messages][:2] == [
        ("Carol", "one"),
        ("Carol", "two"),
    ]
    await world.delivered(alice, bob, carol)
    for one in await carol.history(alice):
        assert one.message_id not in ids
        assert (one.reply_to, one.reactions) == (None, [])
    await bob.do(DeleteMessages(contact="Alice", message_ids=ids, for_both=True))
    await world.delivered(alice, bob)
    with pytest.raises(InvalidInput):
        await alice.do(Forward(contact="Bob", message_ids=ids, to=["Carol"]))
    with pytest.raises(InvalidInput):
        await alice.do(Forward(contact="Bob", message_ids=[], to=["Carol"]))


async def test_deleting_for_both_leaves_a_message_without_content_on_both_sides(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    first, second, third = await alice.say(bob, "one", "two", "three")
    await world.delivered(alice, bob)
    await bob.do(React(contact="Alice", message_id=first.message_id, emoji=THUMB))
    await bob.do(Pin(contact="Alice", message_id=first.message_id))
    await alice.do(EditMessage(contact="Bob", message_id=first.message_id, body="uno"))
    await world.delivered(alice, bob)
    assert (await bob.do(ShowContact(contact="Alice"))).unread == 3
    ids = [first.message_id, second.message_id]
    await alice.do(DeleteMessages(contact="Bob", message_ids=ids, for_both=True))
    found = await alike(world, alice, bob)
    assert [one[1:] for one in found[:2]] == [
        (one, "", False, True, None, None, [], False) for one in ids
    ]
    assert found[2][2] == "three"
    for one, direction in ((alice, "out"), (bob, "in")):
        [event] = one.told(MessageDeleted)
        assert (event.direction, event.message_ids) == (direction, ids)
        assert not one.told(MessagesDeleted)
    assert (await bob.do(ShowContact(contact="Alice"))).unread == 1
    # Again is nothing, and what is left of it can be deleted here.
    await alice.do(DeleteMessages(contact="Bob", message_ids=ids, for_both=True))
    assert len(alice.told(MessageDeleted)) == 1
    await alice.do(DeleteMessages(contact="Bob", message_ids=ids))
    assert [one.message_id for one in await alice.history(bob)] == [third.message_id]


async def test_only_own_messages_that_are_named_are_deleted_for_both(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [mine] = await alice.say(bob, "mine")
    [theirs] = await bob.say(alice, "theirs")
    await world.delivered(alice, bob)
    for ids in ([theirs.message_id], [mine.message_id, theirs.message_id], None):
        with pytest.raises(InvalidInput):
            await alice.do(DeleteMessages(contact="Bob", message_ids=ids, for_both=True))
    ids = [mine.message_id, "00000000-0000-7000-8000-000000000000"]
    with pytest.raises(MessageNotFound):
        await alice.do(DeleteMessages(contact="Bob", message_ids=ids, for_both=True))
    assert [one.body for one in await alice.history(bob)] == ["mine", "theirs"]


async def test_what_never_left_is_only_withdrawn_and_nobody_hears_of_it(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.stop()
    await world.until(lambda: not alice.is_online(bob))
    kept, gone = await alice.say(bob, "kept", "gone")
    await alice.do(EditMessage(contact="Bob", message_id=gone.message_id, body="gone, too"))
    await alice.do(React(contact="Bob", message_id=kept.message_id, emoji=THUMB))
    await alice.do(EditMessage(contact="Bob", message_id=kept.message_id, body="changed"))
    await alice.do(DeleteMessages(contact="Bob", message_ids=[gone.message_id], for_both=True))
    assert alice.queued(bob) == 3
    await bob.start()
    [shown] = await alike(world, alice, bob)
    assert shown[1:4] == (kept.message_id, "changed", True)
    assert shown[7] == [("Alice", THUMB)]
    assert not bob.told(MessageDeleted)
    assert len(alice.told(MessagesDeleted)) == 1


async def test_what_may_be_on_its_way_is_withdrawn_and_deleted_over_there(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    world.mute(bob, alice)  # it arrives, and no receipt comes back
    [said] = await alice.say(bob, "on its way")
    await world.until(lambda: bool(bob.received(alice)))
    await alice.do(DeleteMessages(contact="Bob", message_ids=[said.message_id], for_both=True))
    world.network.cut()
    [shown] = await alike(world, alice, bob)
    assert shown[1:5] == (said.message_id, "", False, True)


async def test_more_than_a_hundred_are_deleted_for_both_by_one_command(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    said = await alice.shout(bob, *(str(number) for number in range(250)))
    await world.delivered(alice, bob)
    ids = [one.message_id for one in said]
    await alice.do(DeleteMessages(contact="Bob", message_ids=ids, for_both=True))
    found = await alike(world, alice, bob)
    assert [one[4] for one in found] == [True] * 250
    assert [len(event.message_ids) for event in bob.told(MessageDeleted)] == [100, 100, 50]


async def test_replayed_events_show_what_is_shown_now(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    first, second = await alice.say(bob, "first", "second")
    await world.delivered(alice, bob)
    answer = await bob.do(SendText(contact="Alice", body="an answer", reply_to=second.message_id))
    await bob.do(React(contact="Alice", message_id=second.message_id, emoji=THUMB))
    await alice.do(EditMessage(contact="Bob", message_id=first.message_id, body="first edited"))
    await world.delivered(alice, bob)
    live = [event for event in bob.events if getattr(event, "seq", 0)]
    replayed = []
    async for event in bob.node.events(after=0):
        replayed.append(event)
        if event.seq == live[-1].seq:
            break
    bodies = {
        event.message_id: event.body for event in replayed if isinstance(event, MessageReceived)
    }
    assert bodies[first.message_id] == "first edited"
    [reacted] = [event for event in replayed if isinstance(event, MessageReacted)]
    assert (reacted.by, reacted.emoji) == (None, THUMB)
    assert reacted.reactions == [Reaction(contact=None, emoji=THUMB)]
    second_row = (await bob.history(alice))[1].row_id
    [queued] = [
        event for event in replayed if getattr(event, "message_id", "") == answer.message_id
    ][:1]
    assert queued.quote == Quote(direction="in", row_id=second_row, body="second")  # type: ignore[union-attr]
    assert [event.seq for event in replayed] == [event.seq for event in live]


async def test_people_name_a_message_by_its_id_its_row_or_as_the_newest(world: World) -> None:
    alice, bob, _ = await world.friends("Alice", "Bob", "Carol")
    [mine] = await alice.say(bob, "mine")
    await world.delivered(alice, bob)
    [theirs] = await bob.say(alice, "theirs")
    await world.delivered(alice, bob)
    other = await alice.do(SendText(contact="Carol", body="to somebody else"))

    async def named(name: str) -> MessageView:
        return await alice.do(FindMessage(contact="Bob", name=name))

    for name in (mine.message_id.upper(), f"#{mine.row_id}", "last"):
        assert (await named(name)).body == "mine"
    assert (await named("theirs")).message_id == theirs.message_id
    nobody = ["", "#", "first", "#" + "9" * 18, "#" + "9" * 40, "#-1", "#\u0664", str(mine.row_id)]
    nobody += [f"#{other.row_id}", other.message_id]
    for name in nobody:
        with pytest.raises(MessageNotFound):
            await named(name)
    ids = [mine.message_id]
    await alice.do(DeleteMessages(contact="Bob", message_ids=ids, for_both=True))
    with pytest.raises(NoMessageYet) as none_of_mine:
        await named("last")
    assert none_of_mine.value.facts == {"whose": "yours"}
    with pytest.raises(NoMessageYet) as none_of_theirs:
        await alice.do(FindMessage(contact="Carol", name="theirs"))
    assert none_of_theirs.value.facts == {"whose": "theirs"}
    assert (await named(f"#{mine.row_id}")).deleted


async def test_what_is_stated_before_its_message_comes_is_part_of_it(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    one, two = Target(True, b"1" * 16), Target(True, b"2" * 16)
    early = [
        wire.Edit(b"a" * 16, 7, one.message_id, 2, "changed"),
        wire.Edit(b"b" * 16, 7, one.message_id, 1, "in between"),
        wire.React(b"c" * 16, 7, one, 1, THUMB),
        wire.Pin(b"d" * 16, 7, one, 1, True),
        wire.Delete(b"e" * 16, 7, (two.message_id,)),
    ]
    texts = [Text(one.message_id, 5, "first"), Text(two.message_id, 5, "never shown")]
    await take_in(alice, bob, [*early[:2], *early[2:4], texts[0]])  # in one batch
    await take_in(alice, bob, early)  # once more
    await take_in(alice, bob, [*texts, *early])
    [shown] = await alice.history(bob)
    assert (shown.body, shown.edited, shown.pinned) == ("changed", True, True)
    assert shown.reactions == [Reaction(contact="Bob", emoji=THUMB)]
    history = await alice.do(ShowEdits(contact="Bob", message_id=shown.message_id))
    assert [one.body for one in history.wordings] == ["first", "in between", "changed"]
    [event] = alice.told(MessageReceived)
    assert (event.body, event.edited, event.reactions) == ("changed", True, shown.reactions)
    assert not alice.told(MessageEdited) + alice.told(MessageReacted) + alice.told(MessagePinned)
    # And a Delete in the batch of its Text.
    three = b"3" * 16
    delete = wire.Delete(b"f" * 16, 7, (three,))
    await take_in(alice, bob, [delete, Text(three, 5, "nor this")])
    assert [one.body for one in await alice.history(bob)] == ["changed"]


async def test_what_was_stated_waits_while_the_contact_is_blocked(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    first, second = await alice.say(bob, "first", "second")
    await world.delivered(alice, bob)
    await bob.stop()
    await world.until(lambda: not alice.is_online(bob))
    [third] = await alice.say(bob, "third")
    await alice.do(EditMessage(contact="Bob", message_id=third.message_id, body="never sent"))
    await alice.do(EditMessage(contact="Bob", message_id=second.message_id, body="edited"))
    await alice.do(DeleteMessages(contact="Bob", message_ids=[first.message_id], for_both=True))
    await alice.do(BlockContact(contact="Bob"))
    assert alice.queued(bob) == 2
    await bob.start()
    await world.pass_time(600)
    assert [one.body for one in await bob.history(alice)] == ["first", "second"]
    await alice.do(BlockContact(contact="Bob", blocked=False))
    await world.delivered(alice, bob, within_s=3_600)
    found = await bob.history(alice)
    assert [(one.body, one.deleted) for one in found] == [("", True), ("edited", False)]
    assert (await last(alice, bob)).state == "failed"


async def test_by_mail_it_is_the_same_also_when_it_comes_in_another_order(world: World) -> None:
    """Two anchors; what was deleted for both lay in a mailbox, and comes after its Delete."""
    alice, bob, hers, his = await each_an_anchor(world)
    [old] = await bob.say(alice, "before")
    await world.delivered(alice, bob)
    await bob.stop()
    first, second, third = await alice.say(bob, "one", "two", "three")
    await world.until(lambda: his.blobs >= 3)
    held = Held(his)
    await alice.do(EditMessage(contact="Bob", message_id=first.message_id, body="uno"))
    await alice.do(DeleteMessages(contact="Bob", message_ids=[second.message_id], for_both=True))
    await alice.do(React(contact="Bob", message_id=old.message_id, emoji=THUMB))
    await alice.do(Pin(contact="Bob", message_id=third.message_id))
    await world.until(lambda: len(held) >= 4)
    late = await alice.do(SendText(contact="Bob", body="late", reply_to=old.message_id))
    await world.until(lambda: len(held) >= 5)
    await bob.start()
    await world.pass_time(60)
    assert [one.body for one in await bob.history(alice)] == ["before", "one", "two", "three"]
    await bob.do(React(contact="Alice", message_id=first.message_id, emoji=HEART))
    await bob.do(EditMessage(contact="Alice", message_id=old.message_id, body="long before"))
    held.store_again()
    held.release()
    await world.until(lambda: len(bob.told(MessageDeleted)) == 1, within_s=600)
    await world.until(
        lambda: alice.all_delivered(bob) and bob.all_delivered(alice), within_s=48 * 3_600
    )
    found = await alike(world, alice, bob)
    assert [one[2:5] for one in found] == [
        ("long before", True, False),
        ("uno", True, False),
        ("", False, True),
        ("three", False, False),
        ("late", False, False),
    ]
    assert found[0][7] == [("Alice", THUMB)]
    assert found[1][7] == [("Bob", HEART)]
    assert found[3][8]
    assert found[4][5:7] == (old.message_id, ("Bob", "long before", False))
    assert late.reply_to == old.message_id
    assert hers.is_running


async def test_deleting_a_conversation_here_keeps_what_was_to_be_deleted_for_both(
    world: World,
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    first, second = await alice.say(bob, "first", "second")
    await world.delivered(alice, bob)
    await bob.stop()
    await world.until(lambda: not alice.is_online(bob))
    await alice.say(bob, "third")
    await alice.do(EditMessage(contact="Bob", message_id=second.message_id, body="edited"))
    await alice.do(DeleteMessages(contact="Bob", message_ids=[first.message_id], for_both=True))
    await alice.do(DeleteMessages(contact="Bob", message_ids=None))
    assert await alice.history(bob) == []
    await bob.start()
    await world.until(lambda: bool(bob.told(MessageDeleted)))
    await world.delivered(alice, bob)
    assert [(one.body, one.deleted) for one in await bob.history(alice)] == [
        ("", True),
        ("second", False),
    ]


async def test_a_line_about_a_timer_is_no_message(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SetTimer(contact="Bob", expires_s=3_600))
    await world.delivered(alice, bob)
    line = await last(alice, bob)
    assert line.kind == "timer"
    named: dict[str, Any] = {"contact": "Bob", "message_id": line.message_id}
    for command in (
        EditMessage(**named, body="x"),
        React(**named, emoji=THUMB),
        Pin(**named),
        SendText(contact="Bob", body="x", reply_to=line.message_id),
        Forward(contact="Bob", message_ids=[line.message_id], to=["Bob"]),
        DeleteMessages(contact="Bob", message_ids=[line.message_id], for_both=True),
    ):
        with pytest.raises(InvalidInput):
            await alice.do(command)
    assert len(await bob.history(alice)) == len(await alice.history(bob)) == 1


async def test_an_answer_is_not_overtaken_by_what_is_said_after_it(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [said] = await bob.say(alice, "well?")
    await world.delivered(alice, bob)
    sends = [
        SendText(contact="Bob", body=str(n), reply_to=None if n % 3 else said.message_id)
        for n in range(30)
    ]
    await asyncio.gather(*map(alice.do, sends))
    await world.delivered(alice, bob)
    assert bob.received(alice) == [str(n) for n in range(30)]
