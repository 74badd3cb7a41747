"""What a person does in the app, and what the screen and the node get to know of it."""

import asyncio
import webbrowser
from datetime import date
from typing import Any

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot

from loom.api.contact_commands import BlockContact
from loom.api.contact_views import ReachView
from loom.api.conversation_commands import MarkRead, SetDraft, SetPreferences
from loom.api.events import (
    ContactChanged,
    ContactTyping,
    MessageDeleted,
    MessageDelivered,
    MessageExpired,
    MessagesDeleted,
    PeerOffline,
    PeerOnline,
    Warned,
)
from loom.api.message_commands import DeleteMessages, RetryMessage, Search, SendText
from loom.errors import ControlError, InvalidInput
from loom.tui import clipboard, commands, keys, times
from loom.tui.app import LoomApp
from loom.tui.chat import choices, layout
from loom.tui.chat.composer import COMPLETIONS_MAX, Completions
from loom.tui.chat.selection import ONE_WORD_S
from loom.tui.content.text import marked
from loom.tui.keys import DELETES, DELETES_FOR_BOTH
from loom.tui.kit.chooser import Chooser
from loom.tui.terminal_input import TerminalInput
from loom.wire.limits import DRAFT_MAX_BYTES, TEXT_MAX_BYTES
from tests.tui.conftest import LIMIT_S, Opened, prose_of, settle, text_of, until, until_shown
from tests.tui.talking import TalkingNode


def sent(node: TalkingNode) -> list[str]:
    return [one.body for one in node.sent if isinstance(one, SendText)]


def said(app: LoomApp, words: str) -> str:
    """The timeline's row with these words."""
    return next(row[24:] for row in text_of(app) if f" {words} " in row[24:])


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


async def test_the_newest_conversation_is_open(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, _):
        rows = text_of(app)
        assert "Ada · verified · PQ · online, direct" in rows[0]
        assert "12:" in screen(app) or "11:" in screen(app)
        assert rows[-3].endswith("─" * 40)
        assert "work · 1 online" in rows[-1]
        assert "F1 help" in rows[-1]
        assert [row[:23].strip() for row in rows[2:4]] == ["○ Bob", "▀▀ call me when you …"]


async def test_a_text_is_sent_and_its_state_follows(opened: Opened) -> None:
    node = TalkingNode(delivers=False)
    node.add("Ada")
    async with opened(node) as (app, pilot):
        await pilot.press(*"hi")
        assert text_of(app)[-2].endswith("> hi")
        await pilot.press("enter")
        await settle(pilot)
        assert sent(node) == ["hi"]
        assert said(app, "hi").endswith("…")
        [message] = node.messages
        node.tell(
            MessageDelivered(
                message_id=message.message_id, contact="Ada", contact_id=message.contact_id
            )
        )
        await settle(pilot)
        assert said(app, "hi").endswith("✓✓")


async def test_what_arrives_is_shown_and_read_when_somebody_looks(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        node.receive("Ada", "bring the maps")
        await settle(pilot)
        assert "bring the maps" in screen(app)
        assert not any(isinstance(one, MarkRead) for one in node.sent)
        await pilot.press("x")
        await settle(pilot)
        assert [one.row_id for one in node.sent if isinstance(one, MarkRead)] == [4]
        app.post_message(events.AppBlur())
        await pilot.pause()
        node.receive("Ada", "are you there?")
        await settle(pilot)
        await pilot.press("y")
        await settle(pilot)
        assert len([one for one in node.sent if isinstance(one, MarkRead)]) == 1
        app.post_message(events.AppFocus())
        await until(
            pilot, lambda: len([one for one in node.sent if isinstance(one, MarkRead)]) == 2
        )


async def test_unread_ones_elsewhere_are_counted_and_found(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        node.receive("Bob", "now")
        node.receive("Bob", "or never")
        await settle(pilot)
        rows = text_of(app)
        assert rows[0].startswith(" ○ Bob")
        assert rows[0][:23].rstrip().endswith("2")
        assert "2 unread" in rows[-1]
        await pilot.press("alt+a")
        await settle(pilot)
        assert "Bob · not verified" in text_of(app)[0]
        assert "new" in screen(app)
        await pilot.press("alt+a")
        assert "Nothing is unread." in screen(app)


async def test_what_was_read_in_another_front_end_is_no_longer_unread(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        node.receive("Bob", "read it elsewhere")
        await settle(pilot)
        assert "1 unread" in text_of(app)[-1]
        await node.send(MarkRead(contact="Bob", row_id=99))
        await settle(pilot)
        assert "unread" not in text_of(app)[-1]


async def test_a_long_notice_is_shown_whole_until_the_next_key(
    node: TalkingNode, opened: Opened
) -> None:
    what = "no interface here has an IPv4 address"
    words = f"Nobody can be found on this network: {what}."
    async with opened(node) as (app, pilot):
        node.tell(Warned(code="discovery_unavailable", facts={"what": what}))
        await settle(pilot)
        rows = [row[24:].strip() for row in text_of(app)]
        assert " ".join(rows[-2:]) == words
        assert rows[-3].startswith(">")
        await pilot.press("x")
        await settle(pilot)
        assert text_of(app)[-1].rstrip().endswith("F1 help")
        assert text_of(app)[-2].endswith("> x")


async def test_the_first_of_many_unread_ones_is_found_and_marked(opened: Opened) -> None:
    """Beyond the newest page, the line above what is new once stood in the middle of it."""
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"known {n}" for n in range(500)))
    node.say("Ada", *(f"fresh {n}" for n in range(600)), state="delivered")
    async with opened(node) as (app, pilot):
        assert app.chat.reader.window is not None
        assert app.chat.reader.window.new_from == 501
        await pilot.press("alt+u")
        await settle(pilot)
        rows = [row[24:] for row in text_of(app)]
        line = next(y for y, row in enumerate(rows) if " new " in row)
        assert rows[line - 1].endswith("known 499")
        assert rows[line + 1].endswith("fresh 0")
        await pilot.press("ctrl+end")
        await settle(pilot)
        assert "fresh 599" in screen(app)


async def test_an_escape_before_enter_never_sends(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        found = TerminalInput().feed("\x1b\r")
        assert [one.key for one in found if isinstance(one, events.Key)] == ["alt+enter"]
        await pilot.press(*"a", "alt+enter", *"b")
        await settle(pilot)
        assert app.chat.composer.editor.text == "a\nb"
        assert sent(node) == []


async def test_a_paste_of_several_lines_sends_nothing(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        app.screen.post_message(events.Paste("one\r\ntwo\rthree\x1b[31m\n"))
        await settle(pilot)
        assert app.chat.composer.editor.text == "one\ntwo\nthree[31m\n"
        assert sent(node) == []
        assert app.chat.composer.size.height == 4
        await pilot.press("enter")
        await settle(pilot)
        assert sent(node) == ["one\ntwo\nthree[31m"]
        assert app.chat.composer.size.height == 1


async def test_a_paste_runs_no_command_whatever_it_holds(node: TalkingNode, opened: Opened) -> None:
    """An ESC in it once ended it: texts were sent, and lines that begin with / were run."""
    async with opened(node) as (app, pilot):
        source = TerminalInput()
        came = source.feed("\x1b[200~one \x1b two \r/block\r three \r\x1b[201~")
        for message in [*came, *source.quiet()]:
            app.post_message(message)
        await settle(pilot)
        assert app.chat.composer.editor.text == "one  two \n/block\n three \n"
        assert not [one for one in node.sent if isinstance(one, SendText | BlockContact)]


async def test_joiners_and_wide_spaces_can_be_typed(node: TalkingNode, opened: Opened) -> None:
    text = "\u0645\u06cc\u200c\u062e\u0648 日本\u3000語 10\u00a0km 👨\u200d👩\u200d👧"
    async with opened(node) as (app, pilot):
        for message in TerminalInput().feed(text):
            app.post_message(message)
        await pilot.press("enter")
        await settle(pilot)
        assert sent(node) == [text]


async def test_the_composer_grows_to_eight_rows(node: TalkingNode, opened: Opened) -> None:
    async with opened(node, (80, 40)) as (app, pilot):
        for _ in range(12):
            await pilot.press("x", "ctrl+j")
        await settle(pilot)
        assert app.chat.composer.size.height == 8


async def test_what_the_composer_leaves_the_timeline_takes(opened: Opened) -> None:
    """Rows that a longer text or the ways to complete one had taken once stayed empty."""
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"said {n}" for n in range(50)))
    async with opened(node) as (app, pilot):
        before = text_of(app)
        for typed, back in ((("ctrl+j",) * 3, ("ctrl+u", *("backspace",) * 3)), ("/", ["ctrl+u"])):
            await pilot.press(*typed)
            await settle(pilot)
            assert text_of(app) != before
            await pilot.press(*back)
            await settle(pilot)
            assert text_of(app) == before


async def test_a_large_paste_is_kept_and_a_larger_one_is_refused(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        app.post_message(events.Paste("ä" * (DRAFT_MAX_BYTES // 2)))
        await pilot.press("x")
        await settle(pilot)
        assert "Not inserted: more than 1,024 KiB do not fit here." in screen(app)
        app.post_message(events.Paste("y" * 100))
        await pilot.press("ctrl+q")
        await settle(pilot)
    assert list(node.drafts.values()) == ["ä" * (DRAFT_MAX_BYTES // 2)]


async def test_a_text_that_is_too_long_stays(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        app.chat.composer.editor.insert("x" * (TEXT_MAX_BYTES + 3))
        await pilot.press("y")
        await settle(pilot)
        assert "16.0 of 16 KiB" in screen(app)
        await pilot.press("enter")
        await settle(pilot)
        assert "Send 2 messages, in order" in screen(app)
        await pilot.press("enter")  # a second Enter in a hurry sends nothing
        await settle(pilot)
        assert sent(node) == []
        assert app.chat.composer.editor.size_bytes == TEXT_MAX_BYTES + 4


async def send_as_several(pilot: Pilot[None]) -> None:
    await pilot.press("enter")
    await settle(pilot)
    await pilot.press("down", "enter")
    await settle(pilot)


async def test_a_long_text_goes_as_several_messages_in_order(
    node: TalkingNode, opened: Opened
) -> None:
    text = "\n".join(f"line {n} of a long text" for n in range(3_000))
    async with opened(node) as (app, pilot):
        app.post_message(events.Paste(text))
        await send_as_several(pilot)
        bodies = sent(node)
        assert len(bodies) == 5
        assert "\n".join(bodies) == text
        assert app.chat.composer.editor.text == ""
        await pilot.press("alt+p")
        assert app.chat.composer.editor.text == text


async def test_what_is_not_sent_of_a_long_text_comes_back(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "\n".join(f"line {n} of a long text" for n in range(3_000))
    async with opened(node) as (app, pilot):
        send, count = app.client.send, 0

        async def refuse_the_third(command: Any) -> Any:
            nonlocal count
            count += isinstance(command, SendText)
            if count == 3 and isinstance(command, SendText):
                raise ControlError(what="the node has stopped")
            return await send(command)

        monkeypatch.setattr(app.client, "send", refuse_the_third)
        app.post_message(events.Paste(text))
        await send_as_several(pilot)
        assert "2 of 5 messages were sent; the rest stays here." in prose_of(app)
        assert "\n".join([*sent(node), app.chat.composer.editor.text]) == text


async def test_a_refused_text_comes_back(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada", identity_changed=True)
    async with opened(node) as (app, pilot):
        await pilot.press(*"secret", "enter")
        await settle(pilot)
        assert app.chat.composer.editor.text == "secret"
        assert "The identity of Ada has changed" in screen(app)
        assert "identity changed" in text_of(app)[0]


async def test_drafts_survive_changing_the_conversation_and_a_restart(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"for Ada", "alt+down")
        await settle(pilot)
        assert app.chat.composer.editor.text == ""
        assert "draft: for Ada" in screen(app)
        await pilot.press(*"for Bob", "ctrl+q")
        await pilot.pause()
    assert node.drafts == {2: "for Ada", 1: "for Bob"}
    node.reopen()
    async with opened(node) as (app, pilot):
        assert app.chat.composer.editor.text == "for Bob"  # it was open last
        await pilot.press("alt+up")
        await settle(pilot)
        assert app.chat.composer.editor.text == "for Ada"


async def test_a_draft_is_kept_while_one_thinks(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (_, pilot):
        await pilot.press(*"hm")
        await until(pilot, lambda: node.drafts == {2: "hm"})


async def test_a_mistyped_command_does_not_go_out(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        for typed in ("/qiut", " /quit"):
            await pilot.press(*typed, "enter")
            await settle(pilot)
            assert app.chat.composer.editor.text == typed
            assert "Did you mean /quit?" in screen(app) or "A space stands before" in screen(app)
            await pilot.press("ctrl+u")
        await pilot.press(*"//quit", "enter")
        await settle(pilot)
        assert sent(node) == ["/quit"]


async def test_commands_and_names_complete(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"/o", "tab")
        assert app.chat.composer.editor.text == "/open "
        await pilot.press(*"b", "tab", "enter")
        await settle(pilot)
        assert "Bob" in text_of(app)[0]
        await pilot.press(*"nice :thumbs_u", "tab")
        assert app.chat.composer.editor.text == "nice 👍"


async def test_tab_goes_round(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"/theme ", "tab")
        seen = [app.chat.composer.editor.text]
        for _ in range(3):
            await pilot.press("tab")
            seen.append(app.chat.composer.editor.text)
        assert seen == ["/theme terminal", "/theme dark", "/theme light", "/theme terminal"]


async def test_selecting_copies_deletes_and_sends_again(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    async with opened(node) as (app, pilot):
        written: list[str] = []
        monkeypatch.setattr(app, "write_terminal", written.append)
        await pilot.press(*"draft", "escape", "k", "y")
        await settle(pilot)
        assert written == ["\x1b]52;c;c2VlIHlvdSBhdCBub29u\x07"]
        assert app.chat.composer.editor.text == "draft"
        await pilot.press("escape", "escape", "d", "D")
        await settle(pilot)
        assert "will do" not in "\n".join(row[24:] for row in text_of(app))
        app.chat.deletion.finish()
        await settle(pilot)
        assert [one.body for one in node.messages if one.contact == "Ada"] == ["see you at noon"]
        node.say("Ada", "lost", direction="out", state="queued")
        message = node.messages[-1]
        await pilot.press("escape", "alt+down", "alt+up")
        await settle(pilot)
        node.fail(message)
        await settle(pilot)
        assert said(app, "lost").endswith("!")
        await pilot.press("escape", "t")
        await settle(pilot)
        assert [one for one in node.sent if isinstance(one, RetryMessage)]
        await settle(pilot)
        assert said(app, "lost").endswith("✓✓")


@pytest.mark.parametrize(
    "typed",
    [
        *("is this understood", "deleted and indeed", "you copied add", "u d", "dying"),
        *("just know 2", "really", "exactly", "fine", "perhaps", "but", "the", "could", "ok"),
        *("yo", "yy", "very well", "xmas", "+1"),
    ],
)
async def test_typing_while_selecting_writes_and_does_nothing_else(
    node: TalkingNode, opened: Opened, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First letters that mean something there were lost, and "dy" deleted a message."""
    node.say("Ada", "see https://x.example/", direction="out", state="failed")
    done: list[str] = []
    monkeypatch.setattr(webbrowser, "open", done.append)
    async with opened(node, hold_s=LIMIT_S) as (app, pilot):
        monkeypatch.setattr(app, "write_terminal", done.append)
        await pilot.press("escape", *typed, "enter")
        await settle(pilot)
        app.chat.deletion.finish()
        await settle(pilot)
        assert not [one for one in node.sent if isinstance(one, DeleteMessages | RetryMessage)]
        assert not done
        assert sent(node) == [typed]
        assert "will do" in screen(app)


async def test_a_letter_acts_when_no_other_follows_and_before_any_other_key(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []

    async def copy(text: str, _: Any) -> str:
        copied.append(text)
        return "Copied."

    monkeypatch.setattr(clipboard, "copy", copy)
    async with opened(node) as (_, pilot):
        await pilot.press("escape", "y")
        await settle(pilot)
        assert copied == ["will do"]
    node.reopen()
    async with opened(node, hold_s=LIMIT_S) as (app, pilot):
        for then in ("up", "escape", "f1", "alt+down"):
            await pilot.press("escape", "y", then)
            await until(pilot, lambda: not app.chat.selection.holds)
            app.close_panels()
            app.chat.selection.stop()
        await pilot.press("escape", "y")
        app.post_message(events.Paste("pasted"))
        await settle(pilot)
        assert len(copied) == 6
        assert app.chat.composer.editor.text == "pasted"


async def test_a_word_opens_no_other_conversation(node: TalkingNode, opened: Opened) -> None:
    """With the keys of vi, "Just" was written to the next contact."""
    async with opened(node, hold_s=LIMIT_S) as (app, pilot):
        app.use_keys("vi")
        await pilot.press("escape", *"Just")
        await settle(pilot)
        assert "Ada" in text_of(app)[0]
        assert app.chat.composer.editor.text == "Just"
        await pilot.press("ctrl+u", "escape", "J", "f1")
        await settle(pilot)
        app.close_panels()
        assert "Bob" in text_of(app)[0]


async def test_keys_pressed_a_while_before_one_types_are_no_text(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node, hold_s=LIMIT_S) as (app, pilot):
        await pilot.press("escape", "k")
        key = events.Key("j", "j")
        key.time -= ONE_WORD_S
        app.chat.on_key(key)
        await pilot.press(*"hello")
        assert app.chat.composer.editor.text == "hello"
        await pilot.press("escape", "k", "down", *"you")
        assert app.chat.composer.editor.text == "helloyou"


async def test_what_is_typed_while_another_conversation_opens_is_kept(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft was stored before the last letters came, and then replaced by the other one's."""
    async with opened(node) as (app, pilot):
        await pilot.press(*"see y")
        send = app.send

        async def slow(command: Any) -> Any:
            if isinstance(command, SetDraft) and command.body == "see y":
                app.chat.composer.insert("ou")
            return await send(command)

        monkeypatch.setattr(app, "send", slow)
        await pilot.press("alt+down")
        await settle(pilot)
        assert list(node.drafts.values()) == ["see you"]
        assert app.chat.composer.editor.text == ""


async def test_a_digit_while_selecting_is_text_unless_it_follows_esc(
    node: TalkingNode, opened: Opened
) -> None:
    """It opened another conversation, and the rest of the text was written there."""
    async with opened(node) as (app, pilot):
        current = app.model.current
        await pilot.press("escape", "up", *"2 of us")
        await settle(pilot)
        assert app.model.current == current
        assert app.chat.composer.editor.text == "2 of us"


async def test_a_deleted_message_can_be_brought_back(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", "one", "two", "three")
    async with opened(node) as (app, pilot):

        def shown() -> list[str]:
            assert app.chat.reader.window is not None
            return [one.body for one in app.chat.reader.window.messages]

        await pilot.press("escape", "k")
        for no in ("escape", "enter", "down", "up"):
            await pilot.press("d", no)
            assert app.chat.selection.is_active
            assert "Delete this message" not in screen(app)
        await pilot.press("d", "n")
        assert app.chat.composer.editor.text == "dn"
        assert shown() == ["one", "two", "three"]
        await pilot.press("ctrl+u", "escape", "k", "d", "D")
        await settle(pilot)
        assert shown() == ["one", "three"]
        assert "u brings it back" in screen(app)
        await pilot.press("u")
        await settle(pilot)
        assert shown() == ["one", "two", "three"]
        await pilot.press("d", "D", *"hi", "ctrl+q")
        await settle(pilot)
        assert list(node.drafts.values()) == ["hi"]
        assert len([one for one in node.sent if isinstance(one, DeleteMessages)]) == 1


async def test_search_jumps_to_the_place(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Bob")
    node.add("Ada")
    node.say("Ada", *(f"word {n}" for n in range(700)))
    node.say("Bob", "needle with Bob")
    node.say("Ada", *(f"later {n}" for n in range(700)))
    node._put(node.messages[300], body="the needle itself")
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+f")
        await settle(pilot)
        await pilot.press(*"needle")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        assert "Ada: the needle itself" in screen(app)
        assert "with Bob" not in screen(app)
        assert "Search with Ada: 1 found" in screen(app)
        assert [one.words for one in app.screen.box.choices] == [("needle",)]
        row = app.screen.box._choice(app.screen.box.choices[0], False, 70)
        assert [one.text for one in row if one.role == "match"] == ["needle"]
        await pilot.press("enter")
        await settle(pilot)
        shown = screen(app)
        assert "the needle itself" in shown
        assert "word 299" in shown
        assert "word 301" in shown
        for _ in range(40):
            await pilot.press("pagedown")
        await settle(pilot)
        await pilot.press("ctrl+end")
        await settle(pilot)
        assert "later 699" in screen(app)
        await pilot.press(*"/search needle", "enter")
        await settle(pilot)
        assert "with Bob" in screen(app)
        assert "the needle itself" in screen(app)


async def test_a_search_loads_more_hits_as_one_goes_down(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"needle {n}" for n in range(250)))

    def asked() -> list[int | None]:
        return [one.before_row for one in node.sent if isinstance(one, Search)]

    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+f", *"needle")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        assert set(asked()) == {None}
        node.sent.clear()
        for _ in range(6):
            await pilot.press(*["pagedown"] * 3)
            await settle(pilot)
        rows = [one.row_id for one in reversed(node.messages)]
        assert asked() == [rows[99], rows[199]]  # a page that is not full is the last
        assert "Ada: needle 0" in screen(app)
        labels = [one.label for one in app.screen.box.choices]
        assert labels == [f"Ada: needle {n}" for n in range(249, -1, -1)]
        await pilot.press(*" 24")
        await settle(pilot)
        labels = [one.label for one in app.screen.box.choices]
        assert labels == [f"Ada: needle {n}" for n in (*range(249, 239, -1), 24)]


async def test_the_wheel_loads_more_hits(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"needle {n}" for n in range(150)))
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+f", *"needle")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        box = app.screen.box
        for number in range(150):
            box.post_message(events.MouseScrollDown(box, 2, 5, 0, 1, 0, False, False, False))
            if number % 50 == 0:
                await settle(pilot)
        await settle(pilot)
        assert "Ada: needle 0" in screen(app)


async def test_a_hit_among_wrapped_messages_is_on_the_screen_and_selected(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", "the needle is here")
    node.say("Ada", *(f"{n} " + "and so on at some length " * 2 for n in range(10)))
    async with opened(node, (80, 20)) as (app, pilot):
        assert "needle" not in "\n".join(row[24:] for row in text_of(app))
        await pilot.press("ctrl+f", *"needle")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "the needle is here" in "\n".join(row[24:] for row in text_of(app))
        window = app.chat.reader.window
        assert window is not None
        assert window.selected == 1
        assert "hit 1 of 1" in screen(app)
        pieces = [one for line in app.chat.timeline._shown for one in line.line]
        assert [one.text for one in pieces if one.role == "match"] == ["needle"]
        await pilot.press("n")
        assert "That was the oldest hit." in screen(app)
        await pilot.press("escape")
        await settle(pilot)
        pieces = [one for line in app.chat.timeline._shown for one in line.line]
        assert not any(one.role == "match" for one in pieces)
        assert not app.chat.selection.is_active


@pytest.mark.parametrize(
    ("body", "words", "found"),
    [
        ("明天去東京大學吧", ["東京", '"大學'], ["東京", "大學"]),
        ("우리 대학교에서", ["학교"], ["학교"]),
        ("อยู่กรุงเทพ", ["กรุงเทพ"], ["กรุงเทพ"]),
        ("Das Mädchen, gemach", ["madchen", "mach"], ["Mädchen"]),
    ],
)
def test_hits_are_marked_in_every_script(body: str, words: list[str], found: list[str]) -> None:
    assert [one.text for one in marked(body, words) if one.role == "match"] == found


async def test_a_search_understands_filters_and_says_what_it_cannot(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+f", *"noon in:bob from:me")
        await settle(pilot)
        asked = [one for one in node.sent if isinstance(one, Search)][-1]
        assert (asked.text, asked.contact, asked.author) == ("noon", "bob", "me")
        await pilot.press(*" in:nobody")
        await settle(pilot)
        assert "in:nobody is searched as text; there is no contact named nobody" in screen(app)
        await pilot.press("ctrl+u", *"before:x")
        await settle(pilot)
        assert "before:x is searched as text; a date is written 2026-11-27" in screen(app)
        await pilot.press("ctrl+u", *"noon")
        await settle(pilot)
        assert "as text" not in screen(app)
        assert "1 found" in screen(app)


async def test_a_search_that_waits_for_the_index_says_so(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choices, "SLOW_S", 0)
    answered = asyncio.Event()
    async with opened(node) as (app, pilot):
        send = app.send

        async def slow(command: Any) -> Any:
            if isinstance(command, Search):
                await answered.wait()
            return await send(command)

        monkeypatch.setattr(app, "send", slow)
        await pilot.press("ctrl+f", *"noon")
        await until_shown(pilot, "preparing the index")
        answered.set()
        await until_shown(pilot, "1 found")


async def test_keys_go_from_hit_to_hit_before_a_hit_is_loaded(opened: Opened) -> None:
    """The second n was written into the composer."""
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"word {n}" for n in range(700)))
    for row in (100, 300, 500, 600):
        node._put(node.messages[row], body=f"needle {row}")
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+f", *"needle")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "hit 1 of 4" in screen(app)
        app.chat.on_key(events.Key("n", "n"))
        app.chat.on_key(events.Key("n", "n"))
        await settle(pilot)
        assert "hit 3 of 4" in screen(app)
        window = app.chat.reader.window
        assert window is not None
        assert [one.body for one in window.chosen()] == ["needle 300"]
        assert app.chat.composer.editor.text == ""
        app.chat.on_key(events.Key("n", "n"))
        app.chat.on_key(events.Key("alt+down", None))
        await settle(pilot)
        assert not app.chat.selection.is_active


async def test_a_search_that_was_left_is_over(opened: Opened) -> None:
    """Selecting once began at its hit, and the keys of a search went on."""
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", "one", "two")
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+f", *"one")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "hit 1 of 1" in screen(app)
        await pilot.press("escape", *"three", "enter")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        window = app.chat.reader.window
        assert window is not None
        assert [one.body for one in window.chosen()] == ["three"]
        await pilot.press("up", "up")
        assert [one.body for one in window.chosen()] == ["one"]
        assert "hit 1" not in screen(app)
        await pilot.press("n")
        assert app.chat.composer.editor.text == "n"


async def test_a_click_in_the_composer_puts_the_cursor_there(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"日本 go", "ctrl+j", *"next")
        for place, cursor in (((3 + 4, 0), 2), ((3 + 1, 1), 7), ((50, 0), 5), ((0, 1), 6)):
            await pilot.click(app.chat.composer, offset=place)
            await settle(pilot)
            assert app.chat.composer.editor.cursor == cursor


async def test_the_word_help_can_be_clicked(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.click(app.chat.status, offset=(app.chat.status.size.width - 3, 0))
        await settle(pilot)
        assert isinstance(app.screen, Chooser)


async def test_everything_is_reachable_from_one_end_to_the_other(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"message {n}" for n in range(1_000)))
    async with opened(node, (80, 60)) as (app, pilot):
        seen: set[str] = set()
        for _ in range(200):
            seen.update(row[24:].split()[-1] for row in text_of(app)[1:-3] if "message" in row[24:])
            if "0" in seen:
                break
            await pilot.press("pageup")
            await settle(pilot)
        assert seen == {str(n) for n in range(1_000)}
        window = app.chat.reader.window
        assert window is not None
        assert len(window.messages) <= 500
        down: set[str] = set()
        for _ in range(200):
            down.update(row[24:].split()[-1] for row in text_of(app)[1:-3] if "message" in row[24:])
            if "999" in down:
                break
            await pilot.press("pagedown")
            await settle(pilot)
        assert down == seen
        await pilot.press("ctrl+home")
        await settle(pilot)
        assert "message 0" in screen(app)
        assert "Friday" in screen(app) or "day " in text_of(app)[1]


async def test_what_arrives_below_is_counted_and_nothing_moves(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"message {n}" for n in range(100)))
    async with opened(node) as (app, pilot):
        await pilot.press("pageup")
        await settle(pilot)
        before = [row[24:] for row in text_of(app)[1:-3]]
        for n in range(3):
            node.receive("Ada", f"new {n}")
        await settle(pilot)
        assert [row[24:] for row in text_of(app)[1:-3]] == before
        assert "3 new below" in screen(app)
        await pilot.press("ctrl+end")
        await settle(pilot)
        assert "new 2" in screen(app)
        assert "new below" not in screen(app)


async def test_the_palette_and_help_list_what_works(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press("f1")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        labels = " ".join(one.label + one.hint for one in app.screen.box.choices)
        for action, _ in app.keys.bindings():
            assert action.does in labels
        for command in commands.COMMANDS:
            assert f"/{command.name}" in labels
        await pilot.press("escape", "ctrl+p")
        await settle(pilot)
        await pilot.press(*"mute")
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert [one.muted for one in node.sent if isinstance(one, SetPreferences)] == [True]
        assert "muted" in text_of(app)[0]


async def test_the_help_has_every_key_and_turns_its_pages(
    node: TalkingNode, opened: Opened
) -> None:
    """Once D and X were not in it, and the first PageDown moved what is seen by one row."""
    async with opened(node) as (app, pilot):
        await pilot.press("f1")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        box = app.screen.box
        listed = [(one.label.strip(), one.hint) for one in box.choices]
        for action, bound in app.keys.bindings():
            assert (action.does, "  ".join(map(keys.key_words, bound))) in listed
        for key in (DELETES, DELETES_FOR_BOTH):
            assert [label for label, hint in listed if hint == key and "delete" in label]
        before, next_ = box.choice_at(box.HEAD_ROWS), box.rows
        assert before == 0
        await pilot.press("pagedown")
        assert (box.choice_at(box.HEAD_ROWS), box.at) == (next_, next_)
        await pilot.press("pageup")
        assert (box.choice_at(box.HEAD_ROWS), box.at) == (0, 0)
        for _ in box.choices:
            await pilot.press("pagedown")
        assert box.at == len(box.choices) - 1
        assert box.choice_at(box.HEAD_ROWS) == len(box.choices) - box.rows


async def test_a_slash_says_how_many_more_commands_there_are(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press("/")
        await settle(pilot)
        shown = app.chat.query_one(Completions)
        more = len(shown.completions) - COMPLETIONS_MAX
        assert more > 0
        assert f"{more} more" in screen(app)
        await pilot.press(*["tab"] * len(shown.completions))
        await settle(pilot)
        assert f"{shown.completions[-1].label.split()[0]} " in screen(app)
        assert " more " not in screen(app)
        await pilot.press("ctrl+u", *"/he")
        await settle(pilot)
        assert " more " not in screen(app)


async def test_what_help_lists_can_be_done_from_it(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press("f1")
        await settle(pilot)
        await pilot.press(*"next conv", "enter")
        await settle(pilot)
        assert "Bob · not verified" in text_of(app)[0]
        await pilot.press("f1")
        await settle(pilot)
        await pilot.press(*"safety", "enter")
        await settle(pilot)
        assert "Verify Bob" in screen(app)
        await pilot.press("f1")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        assert not any(one.value for one in app.screen.box.choices)


async def test_what_is_typed_in_one_go_with_the_key_that_opens_a_box_goes_into_it(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        for key in ("ctrl+p", *"lock", "backspace", *"k in", "ctrl+u", *"jump", "enter"):
            app.chat.post_message(events.Key(key, key if len(key) == 1 else None))
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        assert app.screen.box.title == "Go to conversation"
        assert app.chat.composer.editor.text == ""


async def test_the_palette_names_each_thing_once(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+p")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        hints = [one.hint for one in app.screen.box.choices]
        assert "Ctrl-O /open" in hints
        words = " ".join(hints).split()
        assert all(words.count(one) == 1 for one in words if one.startswith("/"))
        for command in commands.COMMANDS:
            assert (f"/{command.name}" in words) is app.chat.slash.is_possible(command)


async def test_every_action_and_listed_command_exists(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, _):
        elsewhere = (keys.FORMS, keys.PICTURES)
        wanted = {action.name for action in keys.ACTIONS if action.where not in elsewhere}
        assert set(app.chat.actions) == wanted
        assert set(app.chat.slash.does) == {command.name for command in commands.COMMANDS}
    names = [name for one in commands.COMMANDS for name in (one.name, *one.aliases)]
    assert len(names) == len(set(names))


async def test_a_renamed_contact_has_its_new_name_in_every_row(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        node.contacts["Adelaide"] = msgspec.structs.replace(
            node.contacts.pop("Ada"), contact="Adelaide"
        )
        node.tell(ContactChanged(contact="Adelaide", contact_id=2, what="renamed"))
        await settle(pilot)
        assert "Adelaide  see you at noon" in screen(app)
        rows = [row[24:] for row in text_of(app)]
        columns = {row.index(words) for row in rows for words in ("see", "will do") if words in row}
        assert len(columns) == 1
        assert not any(" Ada " in row for row in rows)


async def test_a_removed_contact_leaves_the_next_conversation(
    node: TalkingNode, opened: Opened
) -> None:
    """The pane once stayed empty, and `/remove NAME` took no other than the open one."""
    node.add("Carol")
    async with opened(node) as (app, pilot):
        await pilot.press(*"/remove bob", "enter")
        await settle(pilot)
        assert "Bob and the whole conversation are deleted." in screen(app)
        assert "Ada" in text_of(app)[0][24:]
        await pilot.press(*"/remove nobody", "enter")
        await settle(pilot)
        assert "There is no contact nobody" in screen(app)
        await pilot.press("ctrl+u", *"/remove ada", "enter")
        await settle(pilot)
        assert "Ada and the whole conversation are deleted." in screen(app)
        assert "Carol" in text_of(app)[0][24:]
        assert app.chat.composer.editor.text == ""
        assert list(node.contacts) == ["Carol"]


async def test_a_key_that_quits_elsewhere_says_what_quits_here(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        for key in ("ctrl+c", "ctrl+z"):
            await pilot.press("x", key)
            assert "Ctrl-Q quits. Ctrl-C and Ctrl-Z do nothing here." in text_of(app)[-1]
        assert app.chat.composer.editor.text == "xx"


async def test_what_answers_while_the_app_ends_is_no_error(
    node: TalkingNode, opened: Opened
) -> None:
    tried = False

    async def late(app: LoomApp) -> None:
        nonlocal tried
        while app.chat.obstacle.is_attached:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0)
        tried = True
        app.chat.show_bars()

    async with opened(node) as (app, _):
        app.work(late(app), "late")
    assert tried


async def test_peers_come_and_go_and_type(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        here = node.contacts["Ada"]
        node.contacts["Ada"] = msgspec.structs.replace(here, online=False, reach=ReachView())
        node.tell(PeerOffline(contact="Ada", contact_id=2, reason="closed"))
        await settle(pilot)
        assert text_of(app)[0].rstrip().endswith("Ada · verified · PQ · away")
        node.contacts["Ada"] = here
        node.tell(PeerOnline(contact="Ada", contact_id=2, address="192.0.2.7:4070"))
        node.tell(ContactTyping(contact="Ada", contact_id=2, on=True))
        node.tell(Warned(code="key_unavailable", facts={"what": "something odd"}))
        await settle(pilot)
        assert text_of(app)[0].rstrip().endswith("online, direct")
        assert "Ada is typing" in screen(app)
        assert "something odd" in text_of(app)[-1]


async def test_keys_and_colours_are_remembered(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"/keys emacs", "enter")
        await pilot.press(*"/theme dark", "enter")
        await settle(pilot)
        await pilot.press(*"ab", "ctrl+b", "ctrl+f", *"c")
        assert app.chat.composer.editor.text == "abc"
        config = app.config
    text = (config / "config.toml").read_text()
    assert 'theme = "dark"' in text
    assert "# Loom's terminal app" in text
    node.reopen()
    (config / "config.toml").write_text(text + 'search_here = ["ctrl+x"]\n')
    async with opened(node) as (app, pilot):
        assert (app.keys.profile, app.look.theme.name) == ("emacs", "dark")
        await pilot.press("ctrl+x")
        await settle(pilot)
        assert isinstance(app.screen, Chooser)


async def test_what_was_deleted_is_not_found_among_what_was_sent(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        for text in ("kept", "deleted here", "deleted for both", "expired"):
            await pilot.press(*text, "enter")
            await settle(pilot)
        ids = {one.body: one.message_id for one in node.messages}
        here, both, over = ([ids[one]] for one in ("deleted here", "deleted for both", "expired"))
        for event in (
            MessagesDeleted(contact="Ada", contact_id=2, message_ids=here),
            MessageDeleted(contact="Ada", contact_id=2, direction="out", message_ids=both),
            MessageExpired(contact="Ada", contact_id=2, direction="out", message_ids=over),
            MessageDeleted(contact="Ada", contact_id=2, direction="in", message_ids=["unknown"]),
        ):
            node.tell(event)
        await settle(pilot)
        assert app.chat.composer.editor.sent == ["kept"]
        node.tell(MessagesDeleted(contact="Bob", contact_id=1, message_ids=["unknown"]))
        await settle(pilot)
        assert app.chat.composer.editor.sent == []


def test_a_key_somebody_bound_comes_before_two_that_begin_with_it() -> None:
    assert keys.Keys("default").action("ctrl+x ctrl+e", keys.WRITING) == "edit_outside"
    bound = keys.Keys("default", {"search_here": ["ctrl+x"]})
    assert bound.action("ctrl+x", keys.EVERYWHERE) == "search_here"
    assert not bound.begins("ctrl+x")
    assert bound.of("edit_outside") == ()
    bound = keys.Keys("default", {"edit_outside": ["ctrl+g e"]})
    assert bound.begins("ctrl+g")
    with pytest.raises(InvalidInput, match="other keys begin with it"):
        keys.Keys("default", {"quit": ["ctrl+g"], "edit_outside": ["ctrl+g e"]})


async def test_a_broken_config_is_said_and_not_obeyed(
    node: TalkingNode, opened: Opened, tmp_path: object
) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    (tmp_path / "config.toml").write_text('keys = "dvorak"\n')
    async with opened(node) as (app, _):
        assert "There is no key profile dvorak" in screen(app)
        assert app.keys.profile == "default"


async def test_the_node_may_leave_and_come_back(node: TalkingNode, opened: Opened) -> None:
    from tests.fakes import FakeProfiles

    profiles = FakeProfiles()
    profiles.nodes["work"] = again = TalkingNode()
    again.add("Bob", online=False)
    again.add("Ada")
    again.say("Ada", "said meanwhile")
    async with opened(node) as (app, pilot):
        app.profiles = profiles
        await pilot.press(*"draft")
        await node.close()
        await until_shown(pilot, "The node has stopped")
        profiles.running.add("work")
        await until_shown(pilot, "The node is back.")
        await settle(pilot)
        assert "said meanwhile" in screen(app)
        assert app.chat.composer.editor.text == "draft"
    await again.close()


@pytest.mark.parametrize("size", [(20, 5), (1, 1), (59, 24), (60, 8), (200, 60), (5, 30)])
async def test_any_size_works(node: TalkingNode, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(node, size) as (app, pilot):
        await pilot.press(*"hello there", "ctrl+j", *"/x", "escape", "k", "escape")
        node.receive("Ada", "a word " * 50)
        await pilot.press("ctrl+p")
        await settle(pilot)
        await pilot.press("escape")
        await settle(pilot)
        rows = text_of(app)
        assert len(rows) == size[1]
        if size == (20, 5):
            assert rows[0].startswith(" Ada")
            assert any("a word" in row for row in rows)


async def test_a_resize_storm_ends_well(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        for n in range(30):
            await pilot.resize_terminal(20 + n * 7 % 90, 5 + n * 5 % 30)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "will do" in screen(app)
        assert "Ada · verified" in text_of(app)[0]


async def test_times_become_dates_at_midnight(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = date(2026, 11, 18)
    monkeypatch.setattr(times, "today", lambda: day)
    async with opened(node, (120, 40)) as (app, pilot):
        assert text_of(app)[0][:30].split() == ["●", "Ada", "11:06", "◆", "▸│"]
        node.receive("Bob", "now")
        await settle(pilot)
        assert text_of(app)[0][:30].split()[:4] == ["○", "Bob", "11:06", "1"]
        for then, words in (
            (date(2026, 11, 19), ["18", "Nov"]),
            (date(2027, 1, 1), ["2026"]),
        ):
            day = then
            app.turn_the_day()
            await settle(pilot)
            for row in (text_of(app)[0], text_of(app)[2]):
                assert row.split()[2 : 2 + len(words)] == words
        assert "Wednesday 18 November 2026" in screen(app)


async def test_ascii_signs_without_utf_8(node: TalkingNode, opened: Opened) -> None:
    node.say("Ada", "日本 caf\u00e9 \x1b[31m")
    async with opened(node, unicode=False) as (app, _):
        assert screen(app).isascii()
        assert "**" in screen(app)
        assert "???? caf? ?[31m" in screen(app)


async def test_no_color_leaves_the_terminal_its_own(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(node) as (app, _):
        styles = [
            segment.style
            for strip in app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None
        ]
        assert any(style.bold for style in styles)
        for style in styles:
            assert style.color is None or style.color.is_default
            assert style.bgcolor is None or style.bgcolor.is_default


async def test_four_hundred_messages_are_shown_in_few_strokes(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that come close together are drawn together, so the composer is not held up."""
    strokes = 0
    show = LoomApp._show_pending

    def counted(app: LoomApp) -> None:
        nonlocal strokes
        strokes += 1
        show(app)

    monkeypatch.setattr(LoomApp, "_show_pending", counted)
    async with opened(node, (120, 40)) as (app, pilot):
        for n in range(40):
            for m in range(10):
                node.receive("Ada", f"burst {n} {m} " + "word " * 10)
            await pilot.press("x")
        assert app.chat.composer.editor.text == "x" * 40
        await settle(pilot)
        assert "burst 39 9" in screen(app)
        assert strokes <= 80  # at most two for each turn of ten, not one for each message


async def test_clicks_open_and_select(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await pilot.click(offset=(5, 2))
        await settle(pilot)
        assert "Bob" in text_of(app)[0]
        row = next(y for y, row in enumerate(text_of(app)) if "call me" in row[24:])
        await pilot.click(offset=(40, row))
        await settle(pilot)
        assert app.chat.selection.is_active
        await pilot.press(*"hello")
        assert app.chat.composer.editor.text == "hello"
        for where in ((40, row), (40, 22)):
            await pilot.click(offset=(40, row))
            assert app.chat.selection.is_active
            await pilot.click(offset=where)
            await settle(pilot)
            assert not app.chat.selection.is_active


async def test_what_one_says_in_one_go_has_one_time_and_one_name(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", "one", "two")
    node.say("Ada", "three", direction="out")
    late = node.messages[-1].sent_at_ms + layout.RUN_MS
    node.say("Ada", "four", "five", direction="out")
    for number, message in enumerate(node.messages[-2:]):
        node._put(message, sent_at_ms=late + number)
    async with opened(node) as (app, pilot):

        def names() -> list[tuple[str, ...]]:
            rows = [row[24:].split() for row in text_of(app)[1:-3]]
            return [tuple(row[1:]) for row in rows if row[1:] and ":" in row[0]]

        assert names() == [("Ada", "one"), ("you", "three", "◉"), ("you", "four", "◉")]
        assert said(app, "five").split() == ["five", "◉"]
        await pilot.press("escape")
        assert said(app, "five").split()[1:] == ["you", "five", "◉"]


async def test_the_line_above_what_is_new_goes_when_one_answers(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", "old")
    node.say("Ada", "fresh", "and more", state="delivered")
    async with opened(node) as (app, pilot):
        assert "── new ──" in screen(app)
        await pilot.press(*"hi", "enter")
        await settle(pilot)
        assert said(app, "hi").endswith(" ✓✓")
        assert "── new ──" not in screen(app)


async def test_several_messages_are_copied_and_deleted_together(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", "one", "two", "three")
    async with opened(node) as (app, pilot):
        written: list[str] = []
        monkeypatch.setattr(app, "write_terminal", written.append)
        await pilot.press("escape", "space", "k", "k", "space")
        await settle(pilot)
        assert "2 messages" in screen(app)
        await pilot.press("y")
        await settle(pilot)
        assert written == [clipboard.osc52("one\nthree")]
        await pilot.press("d")
        assert "Delete these 2 messages here" in screen(app)
        await pilot.press("D", "ctrl+q")
        await settle(pilot)
    assert [one.body for one in node.messages] == ["two"]


async def test_the_day_stays_on_the_screen_while_one_looks_further_up(opened: Opened) -> None:
    node = TalkingNode()
    node.add("Ada")
    node.say("Ada", *(f"said {n}" for n in range(100)))
    async with opened(node) as (app, pilot):
        day = times.day_words(node.messages[0].sent_at_ms)
        assert day not in screen(app)
        await pilot.press("pageup")
        await settle(pilot)
        assert day in text_of(app)[1]
        await pilot.press("escape", *"k" * 30)
        await settle(pilot)
        window = app.chat.reader.window
        assert window is not None
        chosen = window.message(window.selected)
        assert chosen is not None
        assert any(row.endswith(chosen.body) and "▌" in row for row in text_of(app)[2:])
        assert day in text_of(app)[1]


async def test_the_list_says_who_wrote_last_and_the_title_how_much_is_unread(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = TalkingNode()
    node.add("Bob")
    node.add("Ada")
    node.say("Ada", "will do", direction="out")
    async with opened(node) as (app, pilot):
        assert text_of(app)[1][:23].strip() == "▀▀ you: will do"
        titles: list[str] = []
        monkeypatch.setattr(app, "show_title", titles.append)
        node.receive("Bob", "now")
        node.receive("Bob", "or never")
        await settle(pilot)
        assert titles[-1] == "(2) Loom"
        assert "now" not in "".join(titles)
