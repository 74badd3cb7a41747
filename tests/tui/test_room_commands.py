"""Slash commands while a room is open, polls and proposals in its timeline, mentions everywhere."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot

from loom.api.command import Command
from loom.api.conversation_commands import ListMentions
from loom.api.message_commands import ListBookmarks
from loom.api.room_commands import (
    AppointMember,
    BookmarkPost,
    ChooseInPoll,
    DeletePost,
    ListRoomBookmarks,
    ListRoomMentions,
    PinPost,
    PostPoll,
    ProposeChange,
    RemoveMember,
    RenameRoom,
    SetRoomChannel,
    VoteOnProposal,
)
from loom.api.room_views import PollOption, PollView, Posts
from loom.tui.app import LoomApp
from loom.tui.kit.chooser import Chooser
from loom.tui.rooms.members import MemberPanel, MembersPanel
from loom.tui.rooms.polls import NewPollPanel, PollPanel
from loom.tui.rooms.proposals import ProposalPanel
from tests.tui.conftest import Opened, prose_of, settle, text_of, until
from tests.tui.in_rooms import author
from tests.tui.posting import PostingNode
from tests.tui.test_people import choose, is_back, run, screen, sent
from tests.tui.test_rooms import BOTH

ROOM = "01" * 32


class AskingNode(PostingNode):
    """A `PostingNode` with polls, votes and mentions."""

    def _answer(self, command: Command[Any]) -> object:
        if isinstance(command, ListRoomMentions):
            return Posts(posts=[one for one in self.posts if one.mention][::-1])
        return super()._answer(command)

    def _in_room(self, room_id: str, command: Command[Any]) -> object:
        match command:
            case PostPoll():
                options = [PollOption(text=one) for one in command.options]
                asked = PollView(
                    options=options, many=command.many, voters=0, closes_at_ms=0, closed=False
                )
                return self.post(room_id, "work", command.question, kind="poll", poll=asked)
            case ChooseInPoll():
                found = self._found(room_id, command.post_id)
                assert found.poll is not None
                chosen = [
                    msgspec.structs.replace(one, own=one.text in command.options)
                    for one in found.poll.options
                ]
                return self._reput(found, poll=msgspec.structs.replace(found.poll, options=chosen))
            case VoteOnProposal():
                found = self._found(room_id, command.post_id)
                self.proposed[command.post_id] = found
                return self._reput(found, proposal=self._vote(command).proposal)
        return super()._in_room(room_id, command)


@pytest.fixture
def node() -> AskingNode:
    """Ada, a contact; the room Orchard, one's own, with Bob and Cyd; it is open at the start."""
    node = AskingNode()
    node.add("Ada", verified=True, session="established")
    node.say("Ada", "see you at noon")
    room = node.add_room("Orchard")
    node.enter(room, "Bob", "moderator", "1", may=BOTH)
    node.enter(room, "Cyd", "member", "-", may=BOTH)
    for body in ("which apples?", "and how many?", "the red ones?"):
        node.post(room, "Bob", body, unread=False)
    return node


async def offered(app: LoomApp, pilot: Pilot[None], typed: str) -> list[str]:
    """What is offered after this was typed."""
    await pilot.press("ctrl+u", *typed)
    await settle(pilot)
    await pilot.press("space", "backspace")  # once more: names may have been asked for meanwhile
    await settle(pilot)
    found = [one.label.split()[0] for one in app.chat.writing.completions.completions]
    await pilot.press("ctrl+u")
    return found


async def test_each_place_offers_its_own_commands(node: AskingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        assert app.model.channel is not None
        assert "/ban" in await offered(app, pilot, "/b")
        assert "/block" not in await offered(app, pilot, "/b")
        assert await offered(app, pilot, "/verif") == []
        await run(pilot, "/verify", "enter")
        assert "/verify is about a contact: open one first" in screen(app)
        assert is_back(app)
        await run(pilot, "ctrl+u", "/open Ada", "enter")
        assert "/block" in await offered(app, pilot, "/b")
        assert "/ban" not in await offered(app, pilot, "/b")
        await run(pilot, "/poll lunch?", "enter")
        assert "No room is open; /rooms lists them" in screen(app)
        assert is_back(app)


async def test_the_palette_has_what_one_may_do_here(node: AskingNode, opened: Opened) -> None:
    node.change_room(ROOM, may=["post"])
    async with opened(node) as (app, pilot):
        await run(pilot, "ctrl+p")
        assert isinstance(app.screen, Chooser)
        hints = " ".join(one.hint for one in app.screen.box.choices).split()
        assert "/members" in hints
        assert "/poll" in hints
        assert not {"/ban", "/appoint", "/rename", "/remove", "/verify", "/block"} & {*hints}


async def test_members_and_channels_complete(node: AskingNode, opened: Opened) -> None:
    node.open_channel(ROOM, "plans")
    async with opened(node) as (app, pilot):
        assert await offered(app, pilot, "/ban ") == ["Bob", "Cyd"]
        assert await offered(app, pilot, "/channel p") == ["plans"]
        assert "Orchard" in await offered(app, pilot, "/room O")


async def test_members_are_decided_on_by_commands(node: AskingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/appoint cyd helper", "enter")
        [appointed] = sent(node, AppointMember)
        assert (appointed.member, appointed.role) == (author("Cyd"), "helper")
        assert "Cyd is helper now." in screen(app)
        await run(pilot, "/remove Bob", "enter")
        assert isinstance(app.screen, MemberPanel)
        assert app.screen.body.at == "Remove"
        assert not sent(node, RemoveMember)
        await run(pilot, "remove", "enter")
        assert [one.member for one in sent(node, RemoveMember)] == [author("Bob")]
        assert is_back(app)
        assert "Bob is removed." in screen(app)
        await run(pilot, "/ban", "enter")
        assert isinstance(app.screen, MembersPanel)
        await run(pilot, "escape", "/ban Nobody", "enter")
        assert "No member is called Nobody; /members shows them" in screen(app)


async def test_channels_and_the_name_are_changed_by_commands(
    node: AskingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/channel new plans", "enter")
        assert [one.channel for one in sent(node, SetRoomChannel)] == ["plans"]
        assert "#plans" in text_of(app)[0]
        await run(pilot, "/channel general", "enter")
        assert "#general" in text_of(app)[0]
        await run(pilot, "/channel nowhere", "enter")
        assert "There is no #nowhere here" in screen(app)
        await run(pilot, "ctrl+u", "/rename Garden", "enter")
        assert [one.name for one in sent(node, RenameRoom)] == ["Garden"]
        assert "Garden" in text_of(app)[0]


def poll(**facts: Any) -> PollView:
    red = PollOption(text="red", count=1, chosen_by=["Bob"])
    return PollView(
        options=[red, PollOption(text="green")],
        many=facts.pop("many", False),
        voters=1,
        closes_at_ms=0,
        closed=facts.pop("closed", False),
    )


async def test_what_one_may_only_propose_is_proposed_from_the_timeline(opened: Opened) -> None:
    node = AskingNode()
    room = node.add_room("Orchard", role="member", may=["post"])
    node.enter(room, "Bob", "owner", "")
    node.post(room, "Bob", "hats, cheap hats", unread=False)
    node.add_council(room)
    async with opened(node) as (app, pilot):
        await run(pilot, "/rename Hatters", "enter", "/appoint Bob helper", "enter")
        await run(pilot, "/channel new tea", "enter")
        await pilot.press("escape", "p")
        app.chat.selection.act_now()
        await settle(pilot)
        assert "It is proposed to the council" in screen(app)
        await pilot.press("x")
        app.chat.selection.act_now()
        await settle(pilot)
        assert isinstance(app.screen, Chooser)
        await run(pilot, "down", "enter")
    post_id = node.posts[0].post_id
    assert [one.change for one in sent(node, ProposeChange)] == [
        RenameRoom(room=room, name="Hatters"),
        AppointMember(room=room, member=author("Bob"), role="helper"),
        SetRoomChannel(room=room, channel="tea"),
        PinPost(room=room, post_id=post_id),
        DeletePost(room=room, post_id=post_id),
    ]
    assert not sent(node, DeletePost)


async def test_a_poll_is_asked(node: AskingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/poll Which apples?", "enter")
        assert isinstance(app.screen, NewPollPanel)
        await run(pilot, "red", "enter")
        await choose(app, pilot, "Ask")
        await run(pilot, "enter")
        assert "A poll has two options or more." in screen(app)
        await run(pilot, "green")
        await choose(app, pilot, "Several may be chosen")
        await run(pilot, "enter")
        await choose(app, pilot, "Ask")
        await run(pilot, "enter")
        [asked] = sent(node, PostPoll)
        assert (asked.question, asked.options) == ("Which apples?", ["red", "green"])
        assert (asked.many, asked.closes_in_s, asked.channel) == (True, 0, "general")
        assert is_back(app)


async def test_one_chooses_in_a_poll_by_key(node: AskingNode, opened: Opened) -> None:
    node.post(ROOM, "Bob", "Which apples?", kind="poll", poll=poll(), unread=False)
    async with opened(node) as (app, pilot):
        assert "( ) red  1: Bob" in screen(app)
        assert "one chose" in screen(app)
        await run(pilot, "escape", "v")
        assert isinstance(app.screen, PollPanel)
        await choose(app, pilot, "option: green")
        await run(pilot, "enter")
        assert [one.options for one in sent(node, ChooseInPoll)] == [["green"]]
        assert "(•) green" in screen(app)


async def test_one_chooses_in_a_poll_by_mouse(node: AskingNode, opened: Opened) -> None:
    node.post(ROOM, "Bob", "Which apples?", kind="poll", poll=poll(many=True), unread=False)
    async with opened(node) as (app, pilot):
        y = next(n for n, row in enumerate(text_of(app)) if "[ ] red" in row)
        x = text_of(app)[y].index("red")
        await pilot.click(offset=(x, y))
        await settle(pilot)
        assert isinstance(app.screen, PollPanel)
        y = next(n for n, row in enumerate(text_of(app)) if "[ ] red" in row)
        await pilot.click(offset=(text_of(app)[y].index("red"), y))
        await settle(pilot)
        assert [one.options for one in sent(node, ChooseInPoll)] == [["red"]]


async def test_a_closed_poll_takes_no_choice(node: AskingNode, opened: Opened) -> None:
    node.post(ROOM, "Bob", "Which apples?", kind="poll", poll=poll(closed=True), unread=False)
    async with opened(node) as (app, pilot):
        assert "closed; one chose" in screen(app)
        await run(pilot, "escape", "v")
        assert isinstance(app.screen, PollPanel)
        assert not app.screen.body.stops


async def test_a_proposal_is_a_card_that_leads_to_the_vote(
    node: AskingNode, opened: Opened
) -> None:
    node.propose(ROOM, "Cyd", "he writes too much")
    [proposed] = node.proposed.values()
    node.post(ROOM, "Ada", proposed.body, kind="proposal", proposal=proposed.proposal, unread=False)
    node.proposed[node.posts[-1].post_id] = proposed
    async with opened(node) as (app, pilot):
        prose = prose_of(app)
        assert "Proposal: Council shall remove Cyd" in prose
        assert "he writes too much" in prose
        assert "open: 1 more must say yes of 3 (Ada: yes)" in prose
        await run(pilot, "escape", "v")
        assert isinstance(app.screen, ProposalPanel)
        await run(pilot, "yes", "enter")
        assert [one.yes for one in sent(node, VoteOnProposal)] == [True]


async def test_mentions_of_rooms_and_conversations_are_one_list(
    node: AskingNode, opened: Opened
) -> None:
    node.post(ROOM, "Bob", "@work look", mention=True, unread=False)
    async with opened(node) as (app, pilot):
        await run(pilot, "/open Ada", "enter", "/mentions", "enter")
        assert isinstance(app.screen, Chooser)
        assert sent(node, ListMentions)
        assert sent(node, ListRoomMentions)
        assert "Bob in Orchard #general: @work look" in screen(app)
        await run(pilot, "enter")
        assert app.model.channel is not None
        assert app.chat.selection.is_active


async def test_a_post_is_bookmarked_here_and_found_again_among_all_bookmarks(
    node: AskingNode, opened: Opened
) -> None:
    node.post(ROOM, "Bob", "keep this", unread=False)
    async with opened(node) as (app, pilot):
        await run(pilot, "escape", "b")
        assert [one.on for one in sent(node, BookmarkPost)] == [True]
        await until(pilot, lambda: "keep this  bookmarked" in screen(app))
        await run(pilot, "escape", "/open Ada", "enter", "/bookmarks", "enter")
        assert isinstance(app.screen, Chooser)
        assert sent(node, ListBookmarks)
        assert sent(node, ListRoomBookmarks)
        assert "keep this" in screen(app)
        await run(pilot, "enter")
        assert app.model.channel is not None
        assert app.chat.selection.is_active
        await run(pilot, "b")
        assert [one.on for one in sent(node, BookmarkPost)] == [True, False]
        await until(pilot, lambda: "keep this  bookmarked" not in screen(app))


async def test_a_room_is_written_to_a_file(
    node: AskingNode, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with opened(node) as (app, pilot):
        await run(pilot, "/export text", "enter")
        assert "Export the room Orchard" in screen(app)
        await pilot.press("enter")
        file = tmp_path / "loom-Orchard.txt"
        await until(pilot, file.exists)
        await settle(pilot)
        assert "which apples?" in file.read_text()


async def test_a_new_room_is_open_below_its_screen(node: AskingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/room new Shed", "enter")
        assert "Invite somebody" in screen(app)
        await run(pilot, "escape")
        assert is_back(app)
        assert "Shed #general" in text_of(app)[0]
