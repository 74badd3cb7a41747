"""Drafts, preferences, retries and pages, as a front end sees them."""

from typing import Any

import msgspec
import pytest

from loom.api.contact_commands import BlockContact, RemoveContact, SayFarewell
from loom.api.conversation_commands import (
    ListDrafts,
    ListPreferences,
    MarkRead,
    SetDraft,
    SetPreferences,
    SetTyping,
)
from loom.api.conversation_views import Draft, Preference
from loom.api.events import ContactTyping, ConversationRead, MessageRead, MessagesDeleted
from loom.api.message_commands import DeleteMessages, History, RetryMessage, SendText
from loom.errors import InvalidInput, InvalidText, MessageNotFound
from loom.wire.limits import DRAFT_MAX_BYTES, WORDING_MAX_BYTES
from tests.node.harness import World


async def test_a_draft_survives_a_restart_and_goes_with_its_contact(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.do(SetDraft(contact="Bob", body="dear\nBob"))
    await alice.restart()
    assert (await alice.do(ListDrafts())).drafts == [Draft(contact_id=1, body="dear\nBob")]
    await alice.do(SetDraft(contact="Bob", body="x" * DRAFT_MAX_BYTES))
    with pytest.raises(InvalidText):
        await alice.do(SetDraft(contact="Bob", body="x" * (DRAFT_MAX_BYTES + 1)))
    await alice.do(SetDraft(contact="Bob", body=""))
    assert (await alice.do(ListDrafts())).drafts == []
    await alice.do(SetDraft(contact="Bob", body="again"))
    await alice.do(RemoveContact(contact="Bob"))
    assert (await alice.do(ListDrafts())).drafts == []
    assert bob.is_running


@pytest.mark.parametrize("how", ["here", "for both", "all", "expired", "farewell"])
async def test_another_wording_is_kept_as_long_as_its_message(world: World, how: str) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    said = await alice.do(SendText(contact="Bob", body="lunch at noon", expires_s=60))
    await world.delivered(alice, bob)
    begun = SetDraft(
        contact="Bob", body="begun", expires_s=300, edits=said.message_id, wording="zanzibar"
    )
    await alice.do(begun)
    await alice.restart()
    kept = Draft(
        contact_id=1, body="begun", expires_s=300, edits=said.message_id, wording="zanzibar"
    )
    assert (await alice.do(ListDrafts())).drafts == [kept]
    if how == "expired":
        await world.pass_time(61)
    elif how == "farewell":
        await alice.do(SayFarewell(contact="Bob"))
    else:
        ids = None if how == "all" else [said.message_id]
        is_for_both = how == "for both"
        await alice.do(DeleteMessages(contact="Bob", message_ids=ids, for_both=is_for_both))
    gone = msgspec.structs.replace(kept, wording="")
    assert (await alice.do(ListDrafts())).drafts == [gone]
    await alice.do(begun)  # it was on its way while the message ended
    assert (await alice.do(ListDrafts())).drafts == [gone]
    await alice.do(SetDraft(contact="Bob", body=""))
    assert (await alice.do(ListDrafts())).drafts == []


async def test_a_draft_keeps_no_more_than_it_can_be(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    [said] = await alice.say(bob, "hello")
    draft = SetDraft(contact="Bob", body="", edits=said.message_id, wording="x" * WORDING_MAX_BYTES)
    await alice.do(draft)
    with pytest.raises(InvalidText):
        await alice.do(msgspec.structs.replace(draft, wording=draft.wording + "x"))
    with pytest.raises(InvalidInput):
        await alice.do(SetDraft(contact="Bob", body="x", expires_s=1))
    with pytest.raises(MessageNotFound):
        await alice.do(SetDraft(contact="Bob", body="", edits="none", wording="x"))
    typed = "\x1e[1,2]"  # what no app sends
    await alice.do(SetDraft(contact="Bob", body=typed))
    assert (await alice.do(ListDrafts())).drafts == [Draft(contact_id=1, body=typed)]


async def test_large_drafts_come_in_several_answers(world: World) -> None:
    """33 of the largest were more than a line of the socket holds: the app did not start."""
    alice, *others = [await world.person(name) for name in ("Alice", "Bob", "Carol", "Dan", "Eve")]
    for one in others:
        await alice.add(one)
        await alice.do(SetDraft(contact=one.name, body="é" * (DRAFT_MAX_BYTES // 2)))
    await alice.do(SetDraft(contact="Bob", body="short"))
    answer = await alice.do(ListDrafts())
    assert ([one.contact_id for one in answer.drafts], answer.more) == ([1, 2, 3], True)
    answer = await alice.do(ListDrafts(after=3))
    assert ([one.contact_id for one in answer.drafts], answer.more) == ([4], False)


@pytest.mark.parametrize("contact", [None, "Alice"])
async def test_no_receipt_and_no_typing_sign_leaves_where_it_is_off(
    world: World, contact: str | None
) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await bob.do(SetPreferences(contact=contact, read_receipts=False, typing=False))
    await bob.restart()
    found = await bob.do(ListPreferences())
    assert found.everybody.read_receipts is (contact is not None)
    kept = Preference(contact_id=1, read_receipts=False, typing=False)
    assert found.contacts == ([] if contact is None else [kept])
    await alice.call(bob)
    await alice.say(bob, "hi")
    await world.delivered(alice, bob)
    [row] = [one.row_id for one in await bob.history(alice)]
    await bob.do(MarkRead(contact="Alice", row_id=row))
    await bob.do(SetTyping(contact="Alice", on=True))
    await bob.say(alice, "after it")
    await world.delivered(bob, alice)
    assert alice.told(MessageRead) == []
    assert alice.told(ContactTyping) == []


async def test_every_front_end_hears_what_one_of_them_read(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.call(bob)
    await alice.say(bob, "one", "two", "three")
    await world.delivered(alice, bob)
    rows = [one.row_id for one in await bob.history(alice)]
    for row in (rows[1], rows[1], rows[2]):
        await bob.do(MarkRead(contact="Alice", row_id=row))
    told = [(one.row_id, one.unread) for one in bob.told(ConversationRead)]
    assert told == [(rows[1], 1), (rows[2], 0)]


async def test_a_failed_message_is_sent_again_in_its_stead(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await world.delivered(alice, bob)
    await bob.crash()
    [queued] = await alice.say(bob, "once more")
    with pytest.raises(MessageNotFound):
        await alice.do(RetryMessage(contact="Bob", message_id=queued.message_id))
    await alice.do(BlockContact(contact="Bob"))
    await alice.do(BlockContact(contact="Bob", blocked=False))
    again = await alice.do(RetryMessage(contact="Bob", message_id=queued.message_id))
    assert again.message_id != queued.message_id
    await bob.start()
    await alice.call(bob)
    await world.delivered(alice, bob, within_s=600)
    assert bob.received(alice) == ["once more"]
    assert [one.message_ids for one in alice.told(MessagesDeleted)] == [[queued.message_id]]
    with pytest.raises(MessageNotFound):
        await alice.do(RetryMessage(contact="Bob", message_id=queued.message_id))


async def test_pages_go_both_ways_from_any_row(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    rows = [one.row_id for one in await alice.say(bob, *"abcdefgh")]

    async def page(**bounds: Any) -> str:
        found = await alice.do(History(contact="Bob", limit=3, **bounds))
        return "".join(one.body for one in found.messages)

    assert await page() == "fgh"
    assert await page(before_row=rows[5]) == "cde"
    assert await page(after_row=rows[1], oldest=True) == "cde"
    assert await page(oldest=True) == "abc"


async def test_what_is_unread_begins_with_the_first_that_is(world: World) -> None:
    alice, bob = await world.friends("Alice", "Bob")
    await alice.say(bob, *"abcdefgh")
    await world.delivered(alice, bob)

    async def unread(**bounds: Any) -> str:
        command = History(contact="Alice", limit=3, unread=True, **bounds)
        return "".join(one.body for one in (await bob.do(command)).messages)

    rows = [one.row_id for one in (await bob.do(History(contact="Alice"))).messages]
    assert await unread(oldest=True) == "abc"
    await bob.do(MarkRead(contact="Alice", row_id=rows[3]))
    await bob.say(alice, "well")
    assert await unread(oldest=True) == "efg"
    assert await unread() == "ghwell"
    assert await unread(oldest=True, after_row=rows[6]) == "hwell"
    await bob.do(MarkRead(contact="Alice", row_id=rows[7]))
    assert await unread(oldest=True) == ""
