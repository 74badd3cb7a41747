"""Answering, editing, deleting, reacting, forwarding, pinning and bookmarking in the app."""

from typing import Any, TypeVar

import msgspec
import pytest
from textual.events import Paste
from textual.pilot import Pilot

from loom.api.command import Command
from loom.api.conversation_commands import SetDraft
from loom.api.events import MessageReacted
from loom.api.message_commands import (
    Bookmark,
    DeleteMessages,
    EditMessage,
    Forward,
    Pin,
    React,
    SendText,
)
from loom.api.message_views import MessageView, Quote, Reaction
from loom.errors import InvalidInput
from loom.front.signs import Signs
from loom.printable import printable
from loom.tui.app import LoomApp
from loom.tui.cells import width_of
from loom.tui.chat.layout import lay_out, width_of_line
from loom.tui.content.reactions import grouped, offered, shown_sign, written
from loom.tui.kit.chooser import Chooser
from loom.wire.limits import TEXT_MAX_BYTES
from tests.fakes import NOW_MS
from tests.tui.conftest import LIMIT_S, Opened, prose_of, settle, text_of, until
from tests.tui.looks import look
from tests.tui.talking import TalkingNode

C = TypeVar("C", bound=Command[Any])


def told(node: TalkingNode, kind: type[C]) -> list[C]:
    return [one for one in node.sent if isinstance(one, kind)]


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


def timeline(app: LoomApp) -> str:
    return "\n".join(row[24:] for row in text_of(app)[1:-3])


def written_now(app: LoomApp) -> str:
    return app.chat.composer.editor.text


async def press(pilot: Pilot[None], *keys: str) -> None:
    await pilot.press(*keys)
    await settle(pilot)


# --- answering ---


async def test_an_answer_shows_what_it_answers(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "up", "r")
        assert "Answering Ada: see you at noon" in screen(app)
        await press(pilot, *"yes", "enter")
        [sent] = told(node, SendText)
        assert (sent.body, sent.reply_to) == ("yes", node.messages[1].message_id)
        assert "Answering" not in screen(app)
        assert "│ Ada: see you at noon" in timeline(app)
        await press(pilot, *"and more", "enter")
        assert told(node, SendText)[-1].reply_to is None


async def test_esc_leaves_the_answer_and_keeps_the_text(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"so far", "escape", "up", "r", *" so good", "escape")
        assert "Answering" not in screen(app)
        assert written_now(app) == "so far so good"
        assert not app.chat.selection.is_active
        await press(pilot, "enter")
        assert told(node, SendText)[-1].reply_to is None


async def test_what_is_answered_belongs_to_its_conversation(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "up", "r", *"yes", "alt+down")
        assert "Answering" not in screen(app)
        await press(pilot, *"hello", "enter")
        assert told(node, SendText)[-1].reply_to is None
        app.chat.navigation.open_(2)
        await settle(pilot)
        assert "Answering Ada: see you at noon" in screen(app)
        await press(pilot, "enter")
        assert told(node, SendText)[-1].reply_to == node.messages[1].message_id


async def test_a_refused_answer_comes_back_as_one(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(node) as (app, pilot):
        send = app.send

        async def refuse(command: Any) -> Any:
            if isinstance(command, SendText | EditMessage):
                raise InvalidInput(what="It is refused")
            return await send(command)

        monkeypatch.setattr(app, "send", refuse)
        await press(pilot, "escape", "up", "r", *"yes", "enter")
        assert "It is refused" in screen(app)
        assert "Answering Ada: see you at noon" in screen(app)
        assert written_now(app) == "yes"
        await press(pilot, "escape", "ctrl+u", *"begun", "escape", "e", *"!", "enter")
        assert "Editing: will do" in screen(app)
        assert written_now(app) == "will do!"
        await press(pilot, "escape")
        assert written_now(app) == "begun"


@pytest.mark.parametrize("far", [False, True])
async def test_enter_or_a_click_goes_to_what_is_answered(
    node: TalkingNode, opened: Opened, far: bool
) -> None:
    first = node.messages[1]
    node.say("Ada", *(f"word {n}" for n in range(600 if far else 40)))
    node.answer("Ada", "about that", first.message_id)
    async with opened(node) as (app, pilot):
        assert "│ Ada: see you at noon" in timeline(app)
        for mouse in (False, True):
            await press(pilot, "ctrl+end")
            if mouse:
                row = next(n for n, one in enumerate(text_of(app)) if "│ Ada: see" in one)
                await pilot.click(offset=(40, row))
                await settle(pilot)
            else:
                await press(pilot, "escape", "enter")
            assert app.chat.reader.window is not None
            assert app.chat.reader.window.selected == first.row_id
            assert "see you at noon" in timeline(app)
            assert "word 5" in timeline(app)


async def test_an_answer_to_what_is_gone_still_says_so(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        node.answer("Ada", "about that", "f" * 32)
        await press(pilot, "alt+down", "alt+up")
        assert "│ Ada: (gone)" in timeline(app)
        await press(pilot, "escape", "enter")
        assert "not here any more" in screen(app)


async def test_a_click_on_what_can_be_done_does_it(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        for word, then in (("answer", "Answering Ada"), ("react", "React: a name")):
            await press(pilot, "escape", "up")
            row = next(n for n, one in enumerate(text_of(app)) if f" {word} " in one)
            await pilot.click(offset=(text_of(app)[row].index(word), row))
            await settle(pilot)
            assert then in screen(app)
            if word == "answer":
                await pilot.click(offset=(75, row))  # Esc leaves it
                await settle(pilot)
                assert then not in screen(app)
        await press(pilot, "escape")
        row = next(n for n, one in enumerate(text_of(app)) if " Esc back " in one)
        await pilot.click(offset=(text_of(app)[row].index("back"), row))
        await settle(pilot)
        assert not app.chat.selection.is_active


# --- editing ---


async def test_up_edits_the_last_own_message(node: TalkingNode, opened: Opened) -> None:
    node.say("Ada", "good")
    async with opened(node) as (app, pilot):
        await press(pilot, "up")
        assert "Editing: will do" in screen(app)
        await press(pilot, *" it", "enter")
        [edit] = told(node, EditMessage)
        assert (edit.message_id, edit.body) == (node.messages[2].message_id, "will do it")
        assert "will do it  edited" in timeline(app)
        assert "Editing" not in screen(app)
        assert written_now(app) == ""
        assert not told(node, SendText)


async def test_e_edits_the_selected_own_message_only(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"draft", "escape", "up", "e")
        assert "Only your own messages can be edited." in screen(app)
        assert written_now(app) == "draft"
        await press(pilot, "down", "e")
        assert written_now(app) == "will do"
        await press(pilot, *"!", "enter")
        assert [one.body for one in told(node, EditMessage)] == ["will do!"]
        assert written_now(app) == "draft"


async def test_line_ends_behind_a_text_are_not_sent(node: TalkingNode, opened: Opened) -> None:
    """A paste of whole lines ends with one; those inside stay."""
    async with opened(node) as (app, pilot):
        app.chat.post_message(Paste("one\n\ntwo\r\n"))
        await settle(pilot)
        await press(pilot, "ctrl+j", "enter")
        assert [one.body for one in told(node, SendText)] == ["one\n\ntwo"]
        await press(pilot, "up", "ctrl+j", "enter")
        assert not told(node, EditMessage)
        node.delete_for_both(node.messages[-1])
        await settle(pilot)
        await press(pilot, "alt+p")
        assert "two" not in written_now(app)


async def test_an_edit_that_is_left_loses_nothing(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"draft", "escape", "e", *" what I can", "escape")
        assert written_now(app) == "draft"
        await press(pilot, "ctrl+u", "alt+p")
        assert written_now(app) == "will do what I can"
        await press(pilot, "ctrl+u", *"draft", "escape", "e", *"?", "alt+down", "alt+up")
        assert written_now(app) == "will do?"
        assert "Editing: will do" in screen(app)
        await press(pilot, "escape")
        assert written_now(app) == "draft"
        assert not told(node, EditMessage)
        assert all("will do" not in one.body for one in told(node, SetDraft))


async def test_an_edit_that_was_begun_survives_quitting_and_being_killed(
    node: TalkingNode, opened: Opened
) -> None:
    """It was lost, with nothing said."""
    async with opened(node) as (app, pilot):
        await press(pilot, *"draft", "escape", "e", *" soon")
        await until(pilot, lambda: node.begun)  # as when it is killed
        assert node.begun[2].wording == "will do soon"
        await press(pilot, *"er", "ctrl+q")
    node.reopen()
    async with opened(node) as (app, pilot):
        assert written_now(app) == "will do sooner"
        assert "Editing: will do" in screen(app)
        await press(pilot, "enter")
        assert [one.body for one in told(node, EditMessage)] == ["will do sooner"]
        assert written_now(app) == "draft"
        await app.chat.writing.store_draft()
        assert (node.begun[2].edits, node.begun[2].body) == (None, "draft")


@pytest.mark.parametrize("how", ["deleted", "expired"])
async def test_an_edit_of_what_is_gone_does_not_come_back_as_a_text_to_send(
    node: TalkingNode, opened: Opened, how: str
) -> None:
    one = node.messages[-1]

    def end(message: MessageView) -> None:
        if how == "deleted":
            node.delete_for_both(message)
        else:
            node.expire(message)

    node.say("Ada", "the last one", direction="out")
    other = node.messages[-1]
    async with opened(node) as (app, pilot):
        await press(pilot, *"draft", "escape", "e", *" of all", "alt+down")
        assert written_now(app) == ""
        end(other)  # while one is elsewhere
        await settle(pilot)
        assert app.model.conversations[2].begun.wording == ""
        await press(pilot, "alt+up")
        assert "you were editing is deleted" in prose_of(app)
        assert written_now(app) == "draft"
        app.chat.acts.edit([one])
        await press(pilot, *" soon", "ctrl+q")
    end(one)  # while the app is closed
    node.reopen()
    async with opened(node) as (app, pilot):
        assert "you were editing is deleted" in prose_of(app)
        assert written_now(app) == "draft"


async def test_slash_edit_changes_no_other_text_when_its_own_is_gone(
    node: TalkingNode, opened: Opened
) -> None:
    """The new wording went to the text before it."""
    node.say("Ada", "the last one", direction="out")
    async with opened(node) as (app, pilot):
        await press(pilot, *"/edit oh no")
        node.expire(node.messages[-1])
        await settle(pilot)
        await press(pilot, "enter")
        assert not told(node, EditMessage)
        assert "no other one was changed" in prose_of(app)
        assert written_now(app) == "/edit oh no"
        await press(pilot, "enter")
        assert not told(node, EditMessage)
        await press(pilot, "ctrl+u", *"/edit yes", "enter")
        assert [one.body for one in told(node, EditMessage)] == ["yes"]


async def test_an_edit_that_changes_nothing_sends_nothing(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "up", "enter")
        assert written_now(app) == ""
        assert not told(node, EditMessage)


@pytest.mark.parametrize("body", ["/usr/bin/env", "/quit", "//"])
async def test_a_text_that_looks_like_a_command_can_be_edited(opened: Opened, body: str) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", body, direction="out")
    async with opened(node) as (_, pilot):
        await press(pilot, "up", *"x", "enter")
        assert [one.body for one in told(node, EditMessage)] == [f"{body}x"]


async def test_an_edit_that_is_too_long_stays(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "up")
        app.chat.composer.insert("x" * TEXT_MAX_BYTES)
        await press(pilot, "enter")
        assert "Too long by 7 bytes" in screen(app)
        assert "Editing" in screen(app)
        assert not told(node, EditMessage)


async def test_an_edit_is_shown_where_it_is_quoted_and_in_the_list(
    node: TalkingNode, opened: Opened
) -> None:
    first = node.messages[1]
    node.answer("Ada", "yes", first.message_id, direction="out")
    async with opened(node) as (app, pilot):
        node.edit(node.messages[-1], "yes, one")
        node.edit(node.messages[1], "see you at one")
        await settle(pilot)
        assert "see you at one  edited" in timeline(app)
        assert "│ Ada: see you at one" in timeline(app)
        assert "noon" not in screen(app)
        assert "you: yes, one" in screen(app)
        await press(pilot, "escape", "up", "up", "v")
        assert "see you at noon" in screen(app)
        assert screen(app).index("see you at one") < screen(app).index("see you at noon")


async def test_what_is_written_about_follows_its_message(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "up", "r", *"yes")
        node.edit(node.messages[1], "see you at one")
        await settle(pilot)
        assert "Answering Ada: see you at one" in screen(app)
        node.delete_for_both(node.messages[1])
        await settle(pilot)
        assert "at one" not in screen(app)
        assert written_now(app) == "yes"
        await press(pilot, "escape", "e", *"!")
        node.delete_for_both(node.messages[2])
        await settle(pilot)
        assert "is deleted" in screen(app)
        assert written_now(app) == "yes"
        await press(pilot, "ctrl+u", "alt+p")
        assert "will do" not in written_now(app)


# --- deleting for both ---


async def test_deleting_for_both_asks_and_says_what_it_cannot_do(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "x")
        assert "for both?" in screen(app)
        assert "What Ada has read or copied is not taken back" in prose_of(app)
        await press(pilot, "D")
        assert not told(node, DeleteMessages)
        assert app.chat.composer.editor.text == "xD"
        await press(pilot, "ctrl+u", "escape", "x", "X")
        assert "(deleted)" in timeline(app)
        assert "will do" not in timeline(app)
        await press(pilot, "u")
        assert "will do" in timeline(app)
        await press(pilot, "x", "X", "escape")
        app.chat.deletion.finish()
        await settle(pilot)
        [deleted] = told(node, DeleteMessages)
        assert deleted.for_both
        assert "(deleted)" in timeline(app)
        assert "you: (deleted)" in screen(app)


async def test_what_cannot_be_undone_any_more_is_not_said(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "d", "D")
        words = app.chat.status.notice
        assert words == "Deleted. u brings it back."
        app.chat.deletion.time_is_up(words)
        await settle(pilot)
        assert app.chat.status.notice == ""
        assert told(node, DeleteMessages)


async def test_what_is_asked_about_stays_in_sight(opened: Opened) -> None:
    """The question takes three rows, and covered the message at the top."""
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"word {n}" for n in range(40)), direction="out")
    async with opened(node, (60, 12)) as (app, pilot):
        await press(pilot, "escape", *("up",) * 7)
        assert "word 32" in text_of(app)[1]
        await press(pilot, "x")
        assert "for both?" in screen(app)
        assert "word 32" in screen(app)


@pytest.mark.parametrize("word", ["exact", "xylophone"])
async def test_a_word_that_begins_with_what_is_refused_is_written(
    node: TalkingNode, opened: Opened, word: str
) -> None:
    """Its first letter only said why it does nothing."""
    async with opened(node) as (app, pilot):
        await pilot.press("escape", "up")
        await press(pilot, *word)
        assert written_now(app) == word
        assert not told(node, EditMessage)
        assert not app.chat.selection.is_active


@pytest.mark.parametrize(
    ("key", "words", "answer"),
    [
        ("d", "D deletes it here", "D"),
        ("x", "X: for both?", "X"),
    ],
)
async def test_in_the_smallest_window_one_reads_what_deletes(
    node: TalkingNode, opened: Opened, key: str, words: str, answer: str
) -> None:
    """The question was cut before it said which key deletes."""
    async with opened(node, (20, 5)) as (app, pilot):
        await press(pilot, "escape", key)
        assert words in screen(app)
        await press(pilot, answer)
        assert "u brings it back" in screen(app)
    node.reopen()
    async with opened(node, (40, 8)) as (app, pilot):
        await press(pilot, "escape", key)
        assert "does not" in prose_of(app)
        assert answer in prose_of(app)


async def test_what_is_not_ones_own_is_not_deleted_for_both(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "up", "x")
        assert "Only your own messages can be deleted for both. d deletes here." in prose_of(app)
        await press(pilot, "X", "ctrl+u")
        app.chat.deletion.finish()
        await settle(pilot)
        assert not told(node, DeleteMessages)
        await press(pilot, *"/unsend", "enter")  # the newest of one's own
        assert "for both?" in screen(app)
        await press(pilot, "X")
        app.chat.deletion.finish()
        await settle(pilot)
        assert [one.message_ids for one in told(node, DeleteMessages)] == [
            [node.messages[2].message_id]
        ]


async def test_a_refused_deletion_for_both_brings_the_text_back(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "x", "X")
        send = app.send

        async def refuse(command: Any) -> Any:
            if isinstance(command, DeleteMessages):
                raise InvalidInput(what="It is refused")
            return await send(command)

        monkeypatch.setattr(app, "send", refuse)
        app.chat.deletion.finish()
        await settle(pilot)
        assert "will do" in timeline(app)
        assert "It is refused" in screen(app)


async def test_what_a_contact_deletes_leaves_that_it_was_there(
    node: TalkingNode, opened: Opened
) -> None:
    node.answer("Ada", "yes", node.messages[1].message_id, direction="out")
    async with opened(node) as (app, pilot):
        node.react(node.messages[1], "👍", None)
        node.delete_for_both(node.messages[1])
        await settle(pilot)
        assert "noon" not in screen(app)
        assert "👍" not in screen(app)
        assert "│ Ada: (gone)" in timeline(app)
        await press(pilot, "escape", "up", "up", *"rx")
        assert written_now(app) == "rx"  # nothing can be done with it


# --- reacting ---


async def test_reactions_are_picked_by_name_and_taken_back(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "up", "plus")
        assert isinstance(app.screen, Chooser)
        assert app.screen.box.choices[0].value == "👍"
        await press(pilot, *":tada:", "enter")
        assert told(node, React)[-1].emoji == "🎉"
        assert "see you at noon  🎉" in timeline(app)
        await press(pilot, "plus")
        assert isinstance(app.screen, Chooser)
        labels = [one.label for one in app.screen.box.choices]
        assert labels[:2] == ["Take back 🎉", "🎉"]  # what was used lately comes first
        await press(pilot, "enter")
        assert told(node, React)[-1].emoji == ""
        assert "🎉" not in timeline(app)


async def test_equal_reactions_are_counted_and_a_click_shows_whose(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        node.react(node.messages[1], "👍", "Ada")
        await settle(pilot)
        node.react(node.messages[1], "👍", None)
        await settle(pilot)
        assert "see you at noon  👍 2" in timeline(app)
        row = next(n for n, one in enumerate(text_of(app)) if "👍 2" in one)
        column = width_of(text_of(app)[row].partition("👍")[0])
        await pilot.click(offset=(column, row))
        await settle(pilot)
        assert "Reactions" in screen(app)
        node.react(node.messages[1], "🎉", "Ada")
        await until(pilot, lambda: "🎉" in screen(app))
        rows = [row.split() for row in text_of(app)]
        assert any(row[1:3] == ["you", "👍"] for row in rows)
        assert any(row[1:3] == ["Ada", "🎉"] for row in rows)


HOSTILE = (
    "",
    " ",
    "\x1b[2J",
    "\u202eabc",
    "a" * 5_000,
    "👨‍👩‍👧‍👦" * 100,
    "e" + "\u0301" * 500,
    "\u200d\ufe0f",
    "﷽",
    "\n\n\n",
    "[red]x[/]",
    "日本語",
    "👍🏽👍🏽",
)


@pytest.mark.parametrize("emoji", HOSTILE)
@pytest.mark.parametrize("width", [1, 12, 30, 56, 200])
def test_a_hostile_reaction_or_quote_takes_no_more_room_than_an_honest_one(
    emoji: str, width: int
) -> None:
    sign = shown_sign(emoji)
    assert 0 < width_of(sign) <= 2
    assert printable(sign) == sign
    reactions = [Reaction(contact="Ada", emoji=f"{emoji}{n}" if n % 2 else emoji) for n in range(9)]
    message = message_of(reactions=reactions, quote=Quote(direction=emoji, body=emoji * 3))
    for unicode in (True, False):
        signs = Signs(unicode)
        assert unicode or written(sign, signs).isascii()
        block = lay_out(message, None, width=width, look=look(signs))
        assert len(block) <= 5
        for line in block:
            assert width_of_line(line) <= max(width, 12)
            assert not any("\n" in piece.text or "\x1b" in piece.text for piece in line)


def message_of(**fields: Any) -> MessageView:
    message = MessageView(
        message_id="1",
        contact="Ada",
        contact_id=1,
        direction="in",
        body="text",
        state="read",
        sent_at_ms=NOW_MS,
        stored_at_ms=NOW_MS,
        row_id=1,
        reply_to="2",
    )
    return msgspec.structs.replace(message, **fields)


def test_ten_thousand_reactions_are_one_row() -> None:
    many = [Reaction(contact="Ada", emoji=chr(0x1F600 + n % 60)) for n in range(10_000)]
    block = lay_out(message_of(reactions=many), None, width=56, look=look(Signs(True)))
    assert len(block) == 2
    assert sum(one.many for one in grouped(many)) == 1_000


def test_a_name_finds_signs_from_its_beginning_on() -> None:
    assert offered("thumbs_up", ())[0] == "👍"
    assert offered(":rock", ())[0] == "🤘"
    assert offered("🥑 and more", ()) == ["🥑"]
    assert offered("no such sign", ()) == []
    assert offered("", ["🥑"])[:2] == ["🥑", "👍"]


def test_a_whole_name_is_the_sign_it_names() -> None:
    """`:heart:` was a face with hearts for eyes, and the heart was blue."""
    red = "❤\ufe0f"
    assert offered(":heart:", ()) == [red]
    assert offered("heart", ())[0] == offered("red_heart", ())[0] == red
    assert offered(":+1:", ()) == ["👍"]
    assert shown_sign(red) == red
    assert written(red, Signs(False)) == ":heart:"


# --- forwarding ---


async def test_a_message_is_forwarded_to_one_or_several(node: TalkingNode, opened: Opened) -> None:
    node.add("Eve")
    node.say("Eve", "hi")
    async with opened(node) as (app, pilot):
        await press(pilot, "alt+down", "escape", "f")
        assert "Forward this message to" in screen(app)
        await press(pilot, *"bob", "enter")
        assert not told(node, Forward)
        assert "Send it to Bob" in screen(app)
        await press(pilot, *"eve", "enter")
        assert "Send it to Bob, Eve" in screen(app)
        await press(pilot, "enter")
        [forward] = told(node, Forward)
        assert forward.to == ["#1", "#3"]
        assert "Forwarded to Bob, Eve." in screen(app)


async def test_leaving_the_list_forwards_nothing(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "f", *"bob", "enter", "escape")
        assert app.screen is app.chat
        assert not told(node, Forward)


# --- pins and bookmarks ---


@pytest.mark.parametrize(
    ("key", "kind", "word", "lists"),
    [("p", Pin, "pinned", "/pins"), ("b", Bookmark, "bookmarked", "/bookmarks")],
)
async def test_what_is_pinned_or_bookmarked_is_listed_and_found_again(
    node: TalkingNode, opened: Opened, key: str, kind: type[Any], word: str, lists: str
) -> None:
    node.say("Ada", *(f"word {n}" for n in range(300)))
    node._put(node.messages[1], pinned=True, bookmarked=True)
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", key)
        assert told(node, kind)[-1].on
        assert f"word 299  {word}" in timeline(app)
        await press(pilot, "escape", *lists, "enter")
        assert isinstance(app.screen, Chooser)
        bodies = [one.label.rpartition(": ")[2] for one in app.screen.box.choices]
        assert bodies == ["word 299", "see you at noon"]
        await press(pilot, "down", "enter")
        assert "see you at noon" in timeline(app)
        await press(pilot, "N", key)
        assert not told(node, kind)[-1].on
        assert f"word 299  {word}" not in timeline(app)


@pytest.mark.parametrize("opening", [(*"/pins", "enter"), (*"/search see", "enter")])
async def test_an_open_list_drops_what_is_deleted(
    node: TalkingNode, opened: Opened, opening: tuple[str, ...]
) -> None:
    node._put(node.messages[1], pinned=True)
    async with opened(node) as (app, pilot):
        await press(pilot, *opening)
        chooser = app.screen
        assert isinstance(chooser, Chooser)
        await until(pilot, lambda: len(chooser.box.choices) == 1)
        node.delete_for_both(node.messages[1])
        await settle(pilot)
        assert not chooser.box.choices
        assert "see you at noon" not in screen(app)


@pytest.mark.parametrize("key", ["plus", "f"])
async def test_a_choice_for_a_message_that_is_gone_closes(
    node: TalkingNode, opened: Opened, key: str
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "up", key)
        assert app.screen is not app.chat
        node.delete_for_both(node.messages[1])
        await settle(pilot)
        assert len(app.screen_stack) == 1
        assert "deleted meanwhile; nothing was done" in screen(app)


async def test_a_pin_of_the_contact_is_theirs(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    node._put(node.messages[1], pinned=True)
    monkeypatch.setattr(node, "pin", lambda message, on, by: node.by_id(message.message_id))
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "up", "p")
        assert "only Ada can take that back" in screen(app)


# --- slash commands ---


async def test_a_command_is_about_what_was_selected_when_it_was_begun(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node, hold_s=LIMIT_S) as (_, pilot):
        await press(pilot, "escape", "k", *"/pin", "enter")
        assert told(node, Pin)[-1].message_id == node.messages[1].message_id
        await press(pilot, *"/pin", "enter")
        assert told(node, Pin)[-1].message_id == node.messages[2].message_id
        await press(pilot, "escape", "up", *"/", "backspace", *"so", "ctrl+u", *"/pin", "enter")
        assert told(node, Pin)[-1].message_id == node.messages[2].message_id


async def test_a_command_about_what_it_does_not_fit_says_so(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "up", *"/unsend", "enter")
        assert "/unsend cannot be done with the selected message" in screen(app)
        assert written_now(app) == "/unsend"
        await press(pilot, "ctrl+u", *"/react nonsense", "enter")
        assert "There is no sign named nonsense" in screen(app)
        await press(pilot, "ctrl+u", *"/react thumbs_up", "enter")
        await press(pilot, *"/react off", "enter")
        assert [one.emoji for one in told(node, React)] == ["👍", ""]


async def test_a_reaction_of_another_conversation_touches_nothing_here(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        node.react(node.messages[0], "👍", "Bob")
        await settle(pilot)
        assert "👍" not in screen(app)
        assert any(isinstance(one, MessageReacted) for one in node.stored)


# --- mentions ---


async def test_a_mention_completes_to_the_name_its_reader_uses(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada", display_name="Countess \x1b[2JAda")
    async with opened(node) as (app, pilot):
        for typed in ("hi @ad", "hi @count", "@A"):
            await press(pilot, "ctrl+u", *typed, "tab")
            assert written_now(app) == typed.partition("@")[0] + "@Countess \ufffd[2JAda "
        for typed in ("mail a@ad", "@nobody"):
            await press(pilot, "ctrl+u", *typed, "tab")
            assert written_now(app) == typed


async def test_a_mention_of_oneself_stands_out(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", "ask @me, @mess, or **see @Me https://x.example/@me**", "@me too")
    node._put(node.messages[0], mention=True)
    async with opened(node) as (app, _):
        pieces = [one for shown in app.chat.timeline._shown for one in shown.line]
        assert [one.text for one in pieces if one.role == "mention"] == ["@me", "@Me"]
        # The node did not take the second message for a mention.
        assert any("@me too" in one.text for one in pieces)
