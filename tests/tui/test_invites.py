"""Invites and requests on the screen: making, showing, revoking, pasting, deciding."""

import time
from typing import Any

import msgspec
import pytest
from textual import events

from loom.api.command import Command
from loom.api.contact_commands import ImportToken
from loom.api.contact_views import ContactView, JoiningView
from loom.api.events import InvitesChanged, InviteUsed, RequestsChanged
from loom.api.invite_commands import (
    AcceptRequest,
    ListInvites,
    ListRequests,
    MakeInvite,
    RejectRequest,
    RevokeInvite,
)
from loom.api.invite_views import Invites, InviteView, Requests, RequestView
from loom.api.view import Done
from loom.tui.links import find_links
from loom.tui.screens.adding import AddPanel
from loom.tui.screens.invites import InvitePanel, InvitesPanel
from loom.tui.screens.requests import RequestPanel, RequestsPanel
from tests.fakes import TOKEN
from tests.tui.conftest import Opened, prose_of, settle
from tests.tui.people import PeopleNode
from tests.tui.test_people import is_back, run, screen, sent

HOUR_MS = 3_600_000
TEXT = "LOOM-" + "AI" * 105


class InvitingNode(PeopleNode):
    """Keeps invites and requests."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[InviteView] = []
        self.asking: list[RequestView] = []

    def _answer(self, command: Command[Any]) -> object:
        match command:
            case MakeInvite():
                view = InviteView(
                    invite_id=len(self.made) + 1,
                    text=TEXT,
                    state="open",
                    is_address=command.is_address,
                    created_at_ms=0,
                    expires_at_ms=time.time_ns() // 1_000_000 + 23 * HOUR_MS + HOUR_MS // 2,
                    used_by=None,
                    used_by_id=None,
                    reuse=False,
                    reached_at=["192.0.2.7:4070"],
                )
                self.made.append(view)
                return view
            case ListInvites():
                return Invites(invites=self.made)
            case RevokeInvite():
                self.becomes("revoked")
                return Done()
            case ListRequests():
                return Requests(requests=self.asking)
            case AcceptRequest():
                self.asking.clear()
                return super()._answer(ImportToken(token=TOKEN, name=command.name or "Eve"))
            case RejectRequest():
                self.asking.clear()
                return Done()
        return super()._answer(command)

    def becomes(self, state: str, **facts: Any) -> None:
        """Something happened to the last invite."""
        self.made[-1] = msgspec.structs.replace(self.made[-1], state=state, text="", **facts)
        self.tell(InvitesChanged())


@pytest.fixture
def node() -> InvitingNode:
    """Ada is there already."""
    node = InvitingNode()
    node.add("Ada")
    return node


async def test_an_invite_is_made_shown_and_revoked(node: InvitingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/invite", "enter")
        assert isinstance(app.screen, InvitesPanel)
        await run(pilot, "enter")
        assert isinstance(app.screen, InvitePanel)
        assert TEXT in screen(app).replace("│", "").replace(" ", "").replace("\n", "")
        assert "not used yet; expires in 23 h" in screen(app)
        await run(pilot, "down", "enter")
        assert sent(node, RevokeInvite)
        assert "revoked" in screen(app)
        assert TEXT[:20] not in screen(app)


async def test_who_used_an_invite_is_said(node: InvitingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/invite", "enter", "enter", "escape")
        node.becomes("spent", used_by="Ada", used_by_id=1, reuse=True)
        node.tell(InviteUsed(invite_id=1, contact="Ada", contact_id=1, is_new=True))
        await settle(pilot)
        assert "used by Ada; somebody tried again" in screen(app)
        await run(pilot, "escape")
        assert "Ada used your invite. Compare safety numbers with /verify." in prose_of(app)


async def test_a_pasted_invite_asks_and_is_not_sent(node: InvitingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        app.chat.on_paste(events.Paste(TEXT))
        await settle(pilot)
        assert isinstance(app.screen, AddPanel)
        await run(pilot, "Carol", "enter", "enter")  # what is missing is the name
        assert [(one.token, one.name) for one in sent(node, ImportToken)] == [(TEXT, "Carol")]


async def test_after_a_paste_the_cursor_is_where_the_name_goes(
    node: InvitingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/add", "enter")
        assert isinstance(app.screen, AddPanel)
        app.screen.on_paste(events.Paste(TEXT))
        await run(pilot, "Carol", "enter", "enter")
        assert [(one.token, one.name) for one in sent(node, ImportToken)] == [(TEXT, "Carol")]


async def test_an_invite_that_leads_to_this_machine_alone_says_so(
    node: InvitingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/invite", "enter", "enter")
        assert "loopback" not in screen(app)
        node.becomes("open")
        narrow = ["127.0.0.1:4070", "[::1]:4070"]
        node.made[-1] = msgspec.structs.replace(node.made[-1], text=TEXT, reached_at=narrow)
        node.tell(InvitesChanged())
        await settle(pilot)
        assert "Its addresses are all loopback" in prose_of(app)


async def test_a_pasted_invite_may_be_meant_for_the_message(
    node: InvitingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        app.chat.on_paste(events.Paste(TEXT))
        await settle(pilot)
        panel = app.screen
        assert isinstance(panel, AddPanel)
        panel._do_write()
        await settle(pilot)
        assert is_back(app)
        assert app.chat.composer.editor.text == TEXT
        assert not sent(node, ImportToken)


async def test_what_is_not_answered_yet_stands_in_the_list(
    node: InvitingNode, opened: Opened
) -> None:
    until_ms = time.time_ns() // 1_000_000 + 3 * HOUR_MS + HOUR_MS // 2
    joining = JoiningView(state="waiting", expires_at_ms=until_ms)
    before: ContactView = node.contacts["Ada"]
    node.contacts["Ada"] = msgspec.structs.replace(before, joining=joining)
    async with opened(node) as (app, pilot):
        assert "not answered yet" in screen(app)
        await run(pilot, "/contact", "enter")
        assert "not answered yet; expires in 3 h" in prose_of(app)


async def test_requests_are_counted_and_decided_on(node: InvitingNode, opened: Opened) -> None:
    node.asking = [
        RequestView(
            request_id=7, name="Eve", fingerprint="ab" * 32, received_at_ms=1, expires_at_ms=2
        )
    ]
    async with opened(node) as (app, pilot):
        node.tell(RequestsChanged(waiting=1))
        await settle(pilot)
        assert "requests (1)" in screen(app)
        await run(pilot, "/requests", "enter")
        assert isinstance(app.screen, RequestsPanel)
        await run(pilot, "enter")
        assert isinstance(app.screen, RequestPanel)
        assert "> Eve" in screen(app)
        await run(pilot, "enter")
        [accepted] = sent(node, AcceptRequest)
        assert (accepted.request_id, accepted.name) == (7, "Eve")
        assert is_back(app)
        node.tell(RequestsChanged(waiting=0))
        await settle(pilot)
        assert "requests (" not in screen(app)


async def test_an_invite_in_a_message_opens_the_adding_screen(
    node: InvitingNode, opened: Opened
) -> None:
    """Two friends are introduced by one message."""
    node.say("Ada", f"this is from Carol: {TEXT.lower()}, use it")
    async with opened(node) as (app, pilot):
        await run(pilot, "escape", "o")
        await settle(pilot)
        assert isinstance(app.screen, AddPanel)
        await run(pilot, "Carol", "enter", "enter")
        assert [one.token for one in sent(node, ImportToken)] == [TEXT]


def test_where_an_invite_stands_in_a_text() -> None:
    text = f"see https://a.example/{TEXT} or {TEXT}."
    first, second = find_links(text)
    assert first.address.startswith("https://")
    assert text[second.start : second.end] == second.address == TEXT
    assert find_links("LOOM-SHORT and ALOOM-" + "A" * 200) == []
