"""Rooms as a person lives in them: the list, a channel's timeline, composing, threads."""

import pytest
from textual import events
from textual.pilot import Pilot

from loom.api.conversation_views import Arrival, RoomArrival
from loom.api.message_commands import Forward, SendText
from loom.api.room_commands import (
    DeletePost,
    EditPost,
    MarkRoomRead,
    ReactToPost,
    SendPost,
    SetRoomDraft,
)
from loom.api.room_views import PostQuote, RoomDraftView
from loom.tui.app import LoomApp
from loom.tui.chat.beside import Beside
from loom.tui.posts import Post
from tests.tui.conftest import Opened, prose_of, settle, text_of
from tests.tui.posting import PostingNode


@pytest.fixture
def node() -> PostingNode:
    """Ada, a contact; the room Orchard with two channels and two more in it."""
    node = PostingNode()
    node.add("Ada", verified=True, session="established")
    node.say("Ada", "see you at noon")
    room = node.add_room("Orchard")
    node.enter(room, "Bob", "moderator", "1")
    node.enter(room, "Cyd", "member", "-")
    node.open_channel(room, "plans", topic="what to plant")
    node.line(room, "work", "made", value="Orchard")
    node.post(room, "Bob", "which apples?", unread=False)
    node.post(room, "Bob", "and how many?", unread=False)
    node.post(room, "Cyd", "the red ones", unread=False)
    return node


ROOM = "01" * 32


def rows(app: LoomApp) -> str:
    return "\n".join(text_of(app))


def sent(node: PostingNode, kind: type) -> list[object]:
    return [one for one in node.sent if isinstance(one, kind)]


async def test_a_room_is_a_line_and_its_channels_stand_below_it_when_it_is_open(
    node: PostingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        assert "Orchard #general" in text_of(app)[0]  # the newest; it is opened at the start
        assert "#plans" in rows(app)
        await pilot.press("alt+down")
        await settle(pilot)
        assert "#plans · what to plant" in text_of(app)[0]
        await pilot.press("alt+down")
        await settle(pilot)
        assert app.model.open_ is not None
        assert "#plans" not in rows(app)  # closed, it is one line with its last post
        assert "Cyd: the red ones" in rows(app)
        node.post(ROOM, "Bob", "@work look", channel="plans", mention=True)
        await settle(pilot)
        assert "@ 1" in rows(app)
        await pilot.press("alt+a")
        await settle(pilot)
        channel = app.model.channel
        assert channel is not None
        assert channel.view.channel == "plans"


async def test_a_timeline_shows_who_wrote_in_runs_and_who_changed_what(
    node: PostingNode, opened: Opened
) -> None:
    node.line(ROOM, "Bob", "removed", whom="Dan")
    async with opened(node, (120, 40)) as (app, _):
        shown = rows(app)
        assert "you made the room Orchard" in shown
        assert "Bob removed Dan" in shown
        timeline = [row[31:] for row in text_of(app)]
        assert sum("Bob  " in row for row in timeline) == 1  # one head for a run
        assert "kept by you, Bob, Cyd" in text_of(app)[0]


async def test_a_proposal_without_a_reason_is_not_shown_as_deleted(
    node: PostingNode, opened: Opened
) -> None:
    node.post(ROOM, "Bob", "", kind="proposal", unread=False)
    async with opened(node) as (app, _):
        assert "Bob: a proposal" in rows(app)
        assert "Bob: (deleted)" not in rows(app)


async def test_of_many_channels_the_list_has_those_that_matter(
    node: PostingNode, opened: Opened
) -> None:
    for number in range(62):
        node.open_channel(ROOM, f"channel-{number:02}")
    node.post(ROOM, "Bob", "old words", channel="channel-30", unread=False)
    node.post(ROOM, "Bob", "new words", channel="channel-50")
    async with opened(node) as (app, pilot):

        def listed() -> list[str]:
            return [row.split("#")[1].split()[0] for row in text_of(app) if row[:5] == "    #"]

        def general() -> int:
            return app.model.rooms.number_of(ROOM, "general")

        app.open_conversation(general())
        await settle(pilot)
        assert "Orchard   12 of 64" in rows(app)
        assert len(listed()) == 12
        assert {"general", "channel-50"} <= {*listed()}
        assert "Ada" in rows(app)  # who stands below the room is in sight
        await pilot.press("alt+a")
        await settle(pilot)
        assert "#channel-50" in text_of(app)[0]
        app.open_conversation(app.model.rooms.number_of(ROOM, "channel-07"))
        await settle(pilot)
        assert "channel-07" in listed()
        await pilot.press("f3", *"nnel-61")
        await settle(pilot)
        assert listed() == ["channel-61"]
        await pilot.press("enter")
        await settle(pilot)
        assert "#channel-61" in text_of(app)[0]
        assert "channel-61" in listed()
        assert len(listed()) == 12


async def test_what_a_post_said_before_is_shown(node: PostingNode, opened: Opened) -> None:
    node.post(ROOM, "Bob", "in the end", edited=True, unread=False)
    async with opened(node) as (app, pilot):
        await pilot.press("escape", "v")
        app.chat.selection.act_now()
        await settle(pilot)
        assert "What it said, the newest first" in rows(app)
        assert "at first" in rows(app)


async def test_a_late_post_goes_where_it_belongs(node: PostingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        first = next(one for one in node.posts if one.body == "which apples?")
        node.post(ROOM, "Cyd", "late words", order=first.order + 1)
        await settle(pilot)
        window = app.chat.reader.window
        assert window is not None
        bodies = [one.body for one in window.messages if one.body]
        assert bodies == ["which apples?", "late words", "and how many?", "the red ones"]


async def test_two_posts_under_one_number_cannot_be_missed(
    node: PostingNode, opened: Opened
) -> None:
    node.post(ROOM, "Bob", "one of two", doubled=True)
    async with opened(node) as (app, _):
        assert "two posts under one number" in prose_of(app)


async def test_one_posts_answers_edits_reacts_and_deletes(
    node: PostingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"hello", "enter")
        await settle(pilot)
        assert node.posts[-1].body == "hello"
        assert node.posts[-1].channel == "general"
        await pilot.press("up", *" all", "enter")
        await settle(pilot)
        assert sent(node, EditPost) == [
            EditPost(room=ROOM, post_id=node.posts[-1].post_id, body="hello all")
        ]
        assert "edited" in rows(app)
        await pilot.press("escape", "k", "r", *"those", "enter")
        await settle(pilot)
        assert node.posts[-1].reply_to == node.posts[-3].post_id
        assert "Cyd: the red ones" in prose_of(app)
        app.work(app.chat.acts.send_reaction(app.chat.reader.window.messages[1], "👍"), "react")  # type: ignore[union-attr]
        await settle(pilot)
        assert len(sent(node, ReactToPost)) == 1
        await pilot.press("escape", "x", "X")
        await settle(pilot)
        assert "(deleted)" in rows(app)
        await app.chat.deletion.finish_now()
        assert len(sent(node, DeletePost)) == 1


async def test_what_is_on_the_screen_is_read_and_the_new_line_stays(
    node: PostingNode, opened: Opened
) -> None:
    node.post(ROOM, "Bob", "something new")
    async with opened(node) as (app, pilot):
        assert " new " in rows(app)
        await pilot.press("alt+z")  # a key: somebody looks
        await settle(pilot)
        assert sent(node, MarkRoomRead)
        assert app.model.unread == 0
        assert " new " in rows(app)


async def test_a_thread_stands_in_place_of_its_channel(node: PostingNode, opened: Opened) -> None:
    asked = node.posts[1]
    node.post(ROOM, "Cyd", "in the thread", thread=asked.post_id)
    async with opened(node) as (app, pilot):
        assert "in the thread" not in rows(app)[30:].replace("Cyd: in the thread", "")
        assert "1 answer, 1 new" in rows(app)
        await pilot.press("escape", "k", "k", "T")
        await settle(pilot)
        assert "#general thread" in text_of(app)[0]
        assert "which apples?" in rows(app)
        assert "the red ones" not in rows(app)
        assert "1 answer" not in rows(app)  # they stand there
        await pilot.press(*"me too", "enter")
        await settle(pilot)
        [command] = sent(node, SendPost)
        assert isinstance(command, SendPost)
        assert (command.thread, command.body) == (asked.post_id, "me too")
        assert "me too" in rows(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "#general thread" not in text_of(app)[0]
        assert "2 answers" in rows(app)


async def test_a_thread_stands_beside_its_channel_where_both_have_room(
    node: PostingNode, opened: Opened
) -> None:
    first, second, _ = (one for one in node.posts if one.body)
    node.post(ROOM, "Cyd", "in the first", thread=first.post_id, unread=False)
    node.post(ROOM, "Cyd", "in the second", thread=second.post_id, unread=False)
    async with opened(node, (120, 40)) as (app, pilot):
        beside = app.chat.beside

        def is_beside() -> bool:
            return beside.display

        assert not is_beside()
        await pilot.press("escape", "k", "k", "T")
        await settle(pilot)
        assert is_beside()
        assert "Orchard #general thread" in text_of(app)[0]
        for words in ("which apples?", "in the first", "and how many?", "the red ones"):
            assert words in rows(app)
        timeline = "\n".join(row[31:] for row in text_of(app))
        assert "in the second" not in timeline
        node.post(ROOM, "Bob", "meanwhile in the channel")
        await settle(pilot)
        assert "meanwhile in the channel" in rows(app)
        await pilot.press(*"me too", "enter")
        await settle(pilot)
        assert (node.posts[-1].thread, node.posts[-1].body) == (first.post_id, "me too")
        assert "2 answers" in rows(app)
        # What is on the screen of either is read.
        assert [getattr(one, "channel", "") for one in sent(node, MarkRoomRead)] == ["general"]
        shown = beside.reader.window
        assert shown is not None
        where = {one.body: one for one in shown.messages}
        await pilot.resize_terminal(100, 40)
        await settle(pilot)
        assert not is_beside()
        assert "the red ones" not in rows(app)
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        assert "the red ones" in rows(app)
        other = where["and how many?"]
        assert isinstance(other, Post)
        beside.post_message(Beside.Chosen(other, opens_thread=True))
        await settle(pilot)
        timeline = "\n".join(row[31:] for row in text_of(app))
        assert "in the second" in timeline
        assert "in the first" not in timeline
        await click(app, pilot, "the red ones")
        assert not is_beside()
        assert "thread" not in text_of(app)[0]
        assert [one.body for one in app.chat.selection.selected] == ["the red ones"]


async def click(app: LoomApp, pilot: Pilot[None], words: str) -> None:
    """Where they are first on the screen, from the top."""
    for y, row in enumerate(text_of(app)):
        if (x := row.find(words)) >= 0:
            await pilot.click(offset=(x + 1, y))
            await settle(pilot)
            return
    raise AssertionError(words)


async def test_messages_and_posts_are_forwarded_into_channels(
    node: PostingNode, opened: Opened
) -> None:
    node.open_channel(ROOM, "news", restricted=True, may_post=False)
    async with opened(node) as (app, pilot):
        model = app.model
        post = next(one for one in app.chat.reader.window.messages if one.body)  # type: ignore[union-attr]
        general, plans = (model.find_channel(f"Orchard #{one}") for one in ("general", "plans"))
        ada = model.find("Ada")
        assert general is not None
        assert plans is not None
        assert ada is not None
        await pilot.press("escape", "k", "k", "f")
        await settle(pilot)
        assert "Orchard #plans" in rows(app)
        assert "Orchard #news" not in rows(app)[rows(app).index("Forward") :]
        await pilot.press("escape")
        await settle(pilot)
        await app.chat.acts.send_on([post], [plans, ada])
        app.open_conversation(ada.number)
        await settle(pilot)
        message = app.chat.reader.window.messages[0]  # type: ignore[union-attr]
        await app.chat.acts.send_on([message], [general, ada])
        await settle(pilot)
        assert "Forwarded to Orchard #general, Ada." in rows(app)
    posted = [(one.channel, one.body) for one in sent(node, SendPost)]  # type: ignore[attr-defined]
    assert posted == [("plans", "which apples?"), ("general", "see you at noon")]
    assert [one.body for one in sent(node, SendText)] == ["which apples?"]  # type: ignore[attr-defined]
    assert [one.to for one in sent(node, Forward)] == [["#1"]]  # type: ignore[attr-defined]


async def test_a_draft_is_of_its_channel(node: PostingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"begun")
        await pilot.press("alt+down")
        await settle(pilot)
        assert app.chat.composer.editor.text == ""
        [kept] = sent(node, SetRoomDraft)
        assert isinstance(kept, SetRoomDraft)
        assert (kept.channel, kept.body) == ("general", "begun")
        assert "draft" in rows(app)
        await pilot.press("alt+up")
        await settle(pilot)
        assert app.chat.composer.editor.text == "begun"


async def test_what_was_begun_in_threads_and_as_answers_is_taken_up_after_a_restart(
    node: PostingNode, opened: Opened
) -> None:
    first, second, third = (one for one in node.posts if one.body)
    async with opened(node) as (app, pilot):
        window = app.chat.reader.window
        assert window is not None
        shown = {one.message_id: one for one in window.messages}
        await pilot.press("escape", "r", *"those")
        for root, words in ((first, "in the thread"), (second, "in the other")):
            app.chat.acts.thread([shown[root.post_id]])
            await settle(pilot)
            assert app.chat.composer.editor.text == ""
            await pilot.press(*words, "escape")
            await settle(pilot)
        await app.chat.writing.store_draft()
    kept = {where: (one.body, one.reply_to) for (where, _), one in node.begun_posts.items()}
    assert kept["general"] == ("those", third.post_id)
    assert kept[first.post_id] == ("in the thread", None)
    assert kept[second.post_id] == ("in the other", None)
    node.reopen()
    async with opened(node) as (app, pilot):
        assert app.chat.composer.editor.text == "those"
        answered = app.chat.writing.about.answered
        assert answered is not None
        assert answered.message_id == third.post_id
        assert "Answering Cyd: the red ones" in prose_of(app)
        window = app.chat.reader.window
        assert window is not None
        app.chat.acts.thread([one for one in window.messages if one.message_id == first.post_id])
        await settle(pilot)
        assert app.chat.composer.editor.text == "in the thread"
        await pilot.press("enter")
        await settle(pilot)
        assert (node.posts[-1].thread, node.posts[-1].body) == (first.post_id, "in the thread")
        await pilot.press("escape")
        await settle(pilot)
        assert app.chat.composer.editor.text == "those"


async def test_an_answer_whose_post_is_gone_is_a_post(node: PostingNode, opened: Opened) -> None:
    node.begun_posts["general", None] = RoomDraftView(
        room_id=ROOM, number=1, channel="general", body="those", reply_to="ff" * 32
    )
    async with opened(node) as (app, _):
        assert app.chat.composer.editor.text == "those"
        assert app.chat.writing.about.answered is None


async def test_what_came_to_rooms_is_said_and_the_last_channel_opened(
    node: PostingNode, opened: Opened
) -> None:
    came = {"room_id": ROOM, "number": 1}
    node.arrivals = [Arrival(contact="Ada", contact_id=1, messages=2, mentions=0)]
    node.room_arrivals = [RoomArrival(room="Orchard", posts=7, mentions=1, **came)]  # type: ignore[arg-type]
    node.last_room = ROOM, "plans"
    async with opened(node) as (app, pilot):
        assert app.chat.status.notice == "While you were away: Orchard 7 @, Ada 2."
        assert "#plans" in text_of(app)[0]
        await pilot.press("alt+up")
        await settle(pilot)
        app.post_message(events.AppBlur())
        await settle(pilot)
        assert node.last_room == (ROOM, "general")
        app.post_message(events.AppFocus())
        await settle(pilot)
        assert app.chat.status.notice == "While you were away: Ada 2."  # the room is open


async def test_who_may_not_post_is_told_why(node: PostingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        node.change_room(ROOM, standing="removed", may=[])
        await settle(pilot)
        assert "You were removed from the room Orchard" in prose_of(app)
        await pilot.press(*"hello", "enter")
        await settle(pilot)
        assert not sent(node, SendPost)
        assert app.chat.composer.editor.text == "hello"


async def test_pages_are_loaded_as_one_looks_up_and_memory_is_bounded(
    node: PostingNode, opened: Opened
) -> None:
    for number in range(900):
        node.post(ROOM, "Bob", f"post {number}", unread=False)
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+home")
        await settle(pilot)
        assert "which apples?" in rows(app)
        window = app.chat.reader.window
        assert window is not None
        for _ in range(30):
            await pilot.press("pagedown")
            await settle(pilot)
        assert len(window.messages) <= 500
        await pilot.press("ctrl+end")
        await settle(pilot)
        assert "post 899" in rows(app)


async def test_a_room_that_is_gone_leaves_the_list(node: PostingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        view = node.rooms.pop(ROOM)
        node.tell_state(view)
        await settle(pilot)
        assert "Orchard" not in rows(app)
        assert app.model.open_ is not None


async def test_a_search_finds_posts_here_and_everywhere_and_goes_there(
    node: PostingNode, opened: Opened
) -> None:
    asked = node.posts[1]
    node.post(ROOM, "Cyd", "noon in the thread", thread=asked.post_id, unread=False)
    node.post(ROOM, "Bob", "noon among plans", channel="plans", unread=False)
    async with opened(node, (120, 40)) as (app, pilot):
        await pilot.press("ctrl+f", *"noon")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "Orchard #plans" in prose_of(app)
        window = app.chat.reader.window
        assert window is not None
        assert window.selected == node.posts[-1].row_id
        await pilot.press("n")  # the next hit is in a thread
        await settle(pilot)
        assert "#general thread" in prose_of(app)
        await pilot.press("escape")
        app.chat.choices.search(here=False, query="noon")
        await settle(pilot)
        assert "Ada: see you at noon" in prose_of(app)
        assert "Cyd in Orchard #general: noon in the thread" in prose_of(app)


async def test_mentions_in_rooms_are_listed_with_the_others(
    node: PostingNode, opened: Opened
) -> None:
    node.post(ROOM, "Bob", "@work look", channel="plans", mention=True)
    async with opened(node) as (app, pilot):
        await pilot.press("alt+m")
        await settle(pilot)
        assert "Bob in Orchard #plans" in prose_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert "#plans" in text_of(app)[0]


async def test_a_quote_leads_to_the_post_in_whichever_channel(
    node: PostingNode, opened: Opened
) -> None:
    asked = node.posts[1]
    quote = PostQuote(author="Bob", channel="general", row_id=asked.row_id, body=asked.body)
    node.post(ROOM, "Cyd", "about that", channel="plans", reply_to=asked.post_id, quote=quote)
    async with opened(node) as (app, pilot):
        app.open_conversation(app.model.rooms.number_of(ROOM, "plans"))
        await settle(pilot)
        assert "Bob: which apples?" in rows(app)
        await pilot.press("escape", "enter")
        await settle(pilot)
        assert "#general" in text_of(app)[0]
        window = app.chat.reader.window
        assert window is not None
        assert window.selected == asked.row_id


async def test_notices_say_who_and_in_which_room_unless_it_is_muted(
    node: PostingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        told: list[str] = []
        app.notices._write = told.append
        app.has_focus = False
        node.post(ROOM, "Bob", "hello")
        await settle(pilot)
        assert any("Bob in Orchard" in one for one in told)
        told.clear()
        node.change_room(ROOM, muted=True)
        await settle(pilot)
        node.post(ROOM, "Bob", "hello", channel="plans")
        await settle(pilot)
        assert told == []


async def test_the_mouse_the_filter_and_jumping_know_rooms_and_channels(
    node: PostingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        row = next(n for n, one in enumerate(text_of(app)) if "#plans" in one)
        await pilot.click(offset=(8, row))
        await settle(pilot)
        assert "Orchard #plans" in text_of(app)[0]
        await pilot.press("f3", *"ada", "enter")
        await settle(pilot)
        assert app.model.open_ is not None
        await pilot.press("f3", *"orch")
        await settle(pilot)
        assert "see you at noon" not in "\n".join(one[:24] for one in text_of(app))
        await pilot.press("enter")
        await settle(pilot)
        assert "Orchard #plans" in text_of(app)[0]  # where one was in it last
        await pilot.press("ctrl+o", *"general", "enter")
        await settle(pilot)
        assert "Orchard #general" in text_of(app)[0]
        await pilot.press("escape", "2")
        await settle(pilot)
        assert "Orchard #plans" in text_of(app)[0]
        row = next(n for n, one in enumerate(text_of(app)) if "Ada" in one[:24])
        await pilot.click(offset=(8, row))
        await settle(pilot)
        assert app.model.open_ is not None


async def test_what_waited_for_a_room_to_be_let_into_is_said(
    node: PostingNode, opened: Opened
) -> None:
    node.change_room(ROOM, standing="joining", through="Ada", channels=[], members=0, may=[])
    async with opened(node) as (app, pilot):
        assert "not let in yet" in rows(app)
        app.open_conversation(app.model.rooms.number_of(ROOM, "general"))
        await settle(pilot)
        assert "Ada lets you in once both are online" in prose_of(app)


async def test_a_room_is_exported_with_all_its_channels(node: PostingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"/export", "enter")
        await settle(pilot)
        assert "Export the room Orchard, all its channels" in prose_of(app)
