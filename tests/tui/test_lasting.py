"""Disappearing messages and farewells in the app."""

from typing import Any

import pytest

from loom.api.contact_commands import AnswerFarewell, RemoveContact, SayFarewell
from loom.api.conversation_commands import SetPreferences, SetTimer
from loom.api.events import FarewellDone
from loom.api.message_commands import DeleteMessages, SendText
from loom.api.message_views import Quote
from loom.errors import InvalidInput
from loom.tui.times import now_ms
from tests.tui.conftest import Opened, prose_of, settle, until
from tests.tui.talking import TalkingNode
from tests.tui.test_message_life import press, screen, timeline, told


async def test_a_line_says_who_set_the_timer(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"/timer 1h", "enter")
        [sent] = told(node, SetTimer)
        assert (sent.contact, sent.expires_s) == ("#2", 3_600)
        assert "You let messages disappear after 1" in timeline(app)
        node.set_timer("Ada", 300)
        await settle(pilot)
        assert "Ada let messages disappear after 5" in timeline(app)
        node.set_timer("Ada", 0)
        await settle(pilot)
        assert "Ada turned disappearing messages off." in timeline(app)
        assert node.contacts["Ada"].unread == 0


async def test_a_short_time_is_counted_down_and_a_long_one_is_not(
    node: TalkingNode, opened: Opened
) -> None:
    node.say("Ada", "soon gone", "not for long", "for a week", "unread")
    lasting = {"soon gone": 45, "not for long": 7_250, "for a week": 7 * 86_400}
    for one in node.messages:
        if one.body in lasting:
            until_ms = now_ms() + lasting[one.body] * 1_000
            node._put(one, expires_s=lasting[one.body], expires_at_ms=until_ms)
    async with opened(node) as (app, pilot):
        lines = {row.split("  ")[0].strip() or row: row for row in timeline(app).split("\n")}
        text = "\n".join(lines.values())
        assert any(f"soon gone  ◷ {left}s" in text for left in range(35, 46))
        assert "not for long  ◷ 2h" in text
        assert "for a week  ◷ 7d" in text
        await until(pilot, lambda: "soon gone  ◷ 45s" not in timeline(app))
        node.expire(next(one for one in node.messages if one.body == "soon gone"))
        await settle(pilot)
        assert "soon gone" not in timeline(app)


async def test_one_sees_that_a_message_disappears_before_its_timer_runs(
    node: TalkingNode, opened: Opened
) -> None:
    node.say("Ada", "secret", state="delivered")
    one = node.messages[-1]
    node._put(one, expires_s=3_600, expires_at_ms=now_ms() + 31 * 86_400_000)
    async with opened(node) as (app, pilot):
        app.has_focus = False
        assert "secret  ◷ 1h" in timeline(app)
        app.has_focus = True
        app.chat.attention.look()
        await until(pilot, lambda: "secret  ◷ 59m" in timeline(app))


async def test_one_message_has_a_timer_of_its_own(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"/expires 1h", "enter")
        assert "◷ Disappears 1 hour after reading" in screen(app)
        await press(pilot, *"the code", "enter", *"and more", "enter")
        sent = [(one.body, one.expires_s) for one in told(node, SendText)]
        assert sent == [("the code", 3_600), ("and more", None)]
        assert "Disappears" not in screen(app)
        await press(pilot, *"/expires 30s at once", "enter")
        assert told(node, SendText)[-1].expires_s == 30
        await press(pilot, "alt+x", *"2d", "enter")
        assert "Disappears 2 days after reading" in screen(app)
        await press(pilot, "escape", "up", "escape")
        assert "Disappears 2 days after reading" in screen(app)
        await press(pilot, "alt+x", *"not", "enter")
        assert "Disappears" not in screen(app)
        await press(pilot, *"/expires 2s", "enter")
        assert "from 5 seconds to a year" in prose_of(app)


async def test_the_timer_of_one_message_stays_with_its_draft(
    node: TalkingNode, opened: Opened
) -> None:
    """A text that was to disappear must not be sent without its timer after a break."""
    async with opened(node) as (app, pilot):
        await press(pilot, "alt+x", *"hour", "enter", *"the code", "alt+down")
        assert "◷" not in screen(app)
        await press(pilot, "alt+up")
        assert "Disappears 1 hour after" in screen(app)
        await press(pilot, "ctrl+q")
    node.reopen()
    async with opened(node) as (app, pilot):
        assert "Disappears 1 hour after" in screen(app)
        await press(pilot, "escape", "up", "r")
        assert "◷ 1h │ Answering Ada" in screen(app)
        await press(pilot, "enter")
        [sent] = told(node, SendText)
        assert (sent.expires_s, sent.reply_to) == (3_600, node.messages[1].message_id)


async def test_a_refused_message_keeps_its_timer(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(node) as (app, pilot):
        send = app.send

        async def refuse(command: Any) -> Any:
            if isinstance(command, SendText):
                raise InvalidInput(what="It is refused")
            return await send(command)

        monkeypatch.setattr(app, "send", refuse)
        await press(pilot, *"/expires 1h", "enter", *"the code", "enter")
        assert "Disappears 1 hour" in screen(app)
        await press(pilot, "ctrl+u", *"/reply yes", "enter")
        assert "Disappears 1 hour" in screen(app)


async def test_one_message_can_stay_where_the_others_disappear(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"/timer 1h", "enter", *"/expires off", "enter")
        assert "◷ Does not disappear" in screen(app)
        await press(pilot, *"keep it", "enter")
        assert told(node, SendText)[-1].expires_s == 0
        await press(pilot, *"/expires off", "enter", "alt+x", *"all messages", "enter")
        assert "Does not" not in screen(app)
        await press(pilot, *"or not", "enter")
        assert told(node, SendText)[-1].expires_s is None


async def test_what_did_not_arrive_in_time_leaves_its_place(
    node: TalkingNode, opened: Opened
) -> None:
    node.say("Ada", "too late", direction="out", state="queued")
    async with opened(node) as (app, pilot):
        node.expire(node.messages[-1], arrived=False)
        await settle(pilot)
        assert "too late" not in timeline(app)
        assert "(disappeared before it arrived)" in timeline(app)
        assert "⊘" in timeline(app)


@pytest.mark.parametrize(("button", "accept"), [("Delete it here, too", True), ("Keep it", False)])
async def test_the_app_asks_whether_to_delete(
    node: TalkingNode, opened: Opened, button: str, accept: bool
) -> None:
    async with opened(node) as (app, pilot):
        node.ask_farewell("Ada", "contact")
        await settle(pilot)
        assert "Ada removed you" in screen(app)
        await press(pilot, *"/contact", "enter")
        assert "asks you to delete the conversation, too" in screen(app)
        while not (row := next(row for row in screen(app).split("\n") if button in row)).count("▸"):
            assert row
            await press(pilot, "tab")
        await press(pilot, "enter")
        [answer] = told(node, AnswerFarewell)
        assert answer.accept is accept
        assert button not in screen(app)


@pytest.mark.parametrize("answer", ["delete", "keep"])
async def test_what_is_asked_stands_in_the_list_until_it_is_answered(
    node: TalkingNode, opened: Opened, answer: str
) -> None:
    async with opened(node) as (app, pilot):
        node.ask_farewell("Bob", "conversation")
        await settle(pilot)
        assert "asks you to delete" in screen(app)
        await press(pilot, "alt+down", *"/farewell", "enter")
        assert "▸ [ Keep it ]" in screen(app)
        await press(pilot, "escape", *f"/farewell {answer}", "enter")
        [said] = told(node, AnswerFarewell)
        assert said.accept is (answer == "delete")
        assert "asks you to delete" not in screen(app)


async def test_removing_somebody_asks_their_loom_too_unless_switched_off(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (_, pilot):
        await press(pilot, *"/remove Ada", "enter")
        [removed] = told(node, RemoveContact)
        assert removed.farewell


@pytest.mark.parametrize("both", [True, False])
async def test_a_conversation_is_deleted_for_both_or_here(
    node: TalkingNode, opened: Opened, both: bool
) -> None:
    async with opened(node) as (app, pilot):
        app.chat.slash.show_contact("Delete for both")
        await settle(pilot)
        assert "[x] Delete for both" in screen(app)
        if not both:
            await press(pilot, "enter")
            assert "[ ] Delete for both" in screen(app)
        await press(pilot, "tab", *"Ada", "enter")
        assert bool(told(node, SayFarewell)) is both
        assert [one.message_ids for one in told(node, DeleteMessages)] == ([] if both else [None])


async def test_the_settings_can_have_one_asked(node: TalkingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"/settings", "enter")
        while "▸ [ ] Ask me first" not in screen(app):
            await press(pilot, "tab")
        await press(pilot, "enter")
        assert told(node, SetPreferences)[-1].ask_farewells


async def test_an_answer_quotes_no_message_that_has_disappeared(
    node: TalkingNode, opened: Opened
) -> None:
    node.say("Ada", "zanzibar")
    node.say("Ada", "marzipan", direction="out", state="queued")
    for one in [*node.messages]:
        node.say("Ada", f"answers {one.direction}")
        quote = Quote(direction=one.direction, row_id=one.row_id, body=one.body)
        node._put(node.messages[-1], reply_to=one.message_id, quote=quote)
    async with opened(node) as (app, pilot):
        assert timeline(app).count("zanzibar") == timeline(app).count("marzipan") == 2
        node.expire(next(one for one in node.messages if one.body == "zanzibar"))
        late = next(one for one in node.messages if one.body == "marzipan")
        node.expire(late, arrived=False)
        await settle(pilot)
        assert "zanzibar" not in timeline(app)
        assert "marzipan" not in timeline(app)
        assert "answers in" in timeline(app)


async def test_what_was_written_after_a_farewell_stays_on_the_screen(
    node: TalkingNode, opened: Opened
) -> None:
    node.say("Ada", "long ago")
    before_ms = node.messages[-1].sent_at_ms
    async with opened(node) as (app, pilot):
        node.receive("Ada", "once more")
        node._event(
            FarewellDone(
                contact="Ada",
                contact_id=node.messages[-1].contact_id,
                scope="conversation",
                direction="in",
                before_ms=before_ms,
            )
        )
        await settle(pilot)
        assert "long ago" not in timeline(app)
        assert "once more" in timeline(app)


@pytest.mark.parametrize("how", ["ended", "deleted for both", "farewell"])
async def test_undo_brings_no_message_back_that_is_gone_meanwhile(
    node: TalkingNode, opened: Opened, how: str
) -> None:
    node.say("Ada", "zanzibar")
    one = node.messages[-1]
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "d", "D")
        assert "zanzibar" not in timeline(app)
        if how == "ended":
            node.expire(one)
        elif how == "deleted for both":
            node.delete_for_both(one)
        else:
            node._event(
                FarewellDone(
                    contact="Ada", contact_id=one.contact_id, scope="conversation", direction="in"
                )
            )
        await settle(pilot)
        await press(pilot, "u")
        await settle(pilot)
        assert "zanzibar" not in timeline(app)
        assert ("(deleted)" in timeline(app)) is (how == "deleted for both")
        app.chat.deletion.finish()
        await settle(pilot)
        assert told(node, DeleteMessages) == []


async def test_the_details_of_a_message_end_with_it(node: TalkingNode, opened: Opened) -> None:
    node.say("Ada", "zanzibar")
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "v")
        assert "Nobody has reacted" in screen(app)
        node.expire(node.messages[-1])
        await until(pilot, lambda: "is not here any more" in screen(app))
        assert "zanzibar" not in screen(app)
