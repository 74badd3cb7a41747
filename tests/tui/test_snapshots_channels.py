"""Pictures of a channel: who wrote in it, what was changed, what nobody may miss."""

import pytest

from loom.api.room_views import PostQuote, PostReaction
from loom.tui import times
from tests.tui.conftest import Opened, settle
from tests.tui.in_rooms import author
from tests.tui.pictures import compare
from tests.tui.posting import PostingNode
from tests.tui.test_snapshots import DAY, SIZES


@pytest.mark.parametrize("size", SIZES)
async def test_a_channel_looks_as_it_did(
    opened: Opened, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    node = PostingNode()
    node.add("Ada", verified=True, session="established")
    node.say("Ada", "see you at noon")
    room = node.add_room("Orchard")
    node.enter(room, "Bob", "moderator", "1")
    node.enter(room, "attic", "archive", "2")
    node.open_channel(room, "plans", topic="what to plant")
    node.open_channel(room, "news", restricted=True, may_post=False)
    node.line(room, "work", "made", value="Orchard")
    node.line(room, "work", "admitted", whom="Bob")
    asked = node.post(room, "Bob", "which apples?", unread=False)
    node.post(room, "Bob", "and how many?", unread=False, edited=True)
    thumb = PostReaction(
        author="Bob", author_id=author("Bob"), emoji="\N{THUMBS UP SIGN}", own=False
    )
    quote = PostQuote(author="Bob", channel="general", row_id=asked.row_id, body=asked.body)
    node.post(room, "work", "the red ones", reply_to="x", quote=quote, reactions=[thumb])
    node.post(room, "Bob", "in the thread", thread=asked.post_id)
    node.line(room, "Bob", "removed", whom="Eve")
    node.post(room, "Eve", "one of two", doubled=True, unread=False)
    node.post(room, "Bob", "", deleted=True, unread=False)
    node.post(room, "Bob", "@work what do you say?", mention=True)
    node.post(room, "Bob", "pears", channel="plans")
    async with opened(node, SIZES[size]) as (app, pilot):
        app.open_conversation(app.model.rooms.number_of(room, "general"))
        await settle(pilot)
        compare(f"channel-{size}", app.export_screenshot(title="Loom"))
        window = app.chat.reader.window
        assert window is not None
        app.chat.acts.thread([one for one in window.messages if one.message_id == asked.post_id])
        await settle(pilot)
        compare(f"thread-{size}", app.export_screenshot(title="Loom"))
