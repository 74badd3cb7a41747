"""The screens about rooms as they looked when somebody looked at them; see test_snapshots.py."""

import pytest
from textual import events

from loom.api.contact_views import JoiningView
from loom.api.room_views import ChannelView, PollOption, PollView
from loom.tui import times
from tests.tui.conftest import Opened, settle
from tests.tui.in_rooms import RoomNode, ban, into_a_room
from tests.tui.pictures import compare
from tests.tui.posting import PostingNode
from tests.tui.test_rooms import BOTH
from tests.tui.test_snapshots import DAY, SIZES

SCREENS = {
    "list": ("/rooms",),
    "members": ("/members Garden",),
    "member": ("/members Garden", "down", "down", "down"),
    "banned": ("/members Garden", *["down"] * 4),
    "details": ("/room Garden",),
    "details-member": ("/room Chess",),
    "forked": ("/members Chess",),
    "offered": ("/room Garden", "tab", "shift+tab"),
    "statement": ("/room Garden", "tab", "shift+tab", "enter"),
    "proposals": ("/room Club", "tab"),
    "proposal": ("/room Club", "tab", "enter"),
    "channel": ("/room Garden", *["down"] * 5),
    "new": ("/room new",),
    "invite": ("/room invite Garden",),
    "left": ("/room Choir",),
    "poll-new": ("/open Garden", *"/poll lunch?"),
}


def rooms() -> RoomNode:
    """Three rooms: an own one, one where one is a member, and one that was left."""
    node = RoomNode()
    node.add("Bob", session="established")
    node.add("Ada", verified=True, session="established")
    node.say("Ada", "see you at noon")
    garden = node.add_room("Garden")
    node.enter(garden, "Ada", "moderator", "1", contact="Ada", verified=True, may=BOTH)
    node.enter(garden, "attic", "archive", "2", may=BOTH)
    node.enter(garden, "Bob", "member", "-", contact="Bob", may=BOTH)
    node.trouble(garden, "other keys", "Bob")
    gone = node.enter(garden, "Eve", "member", "-")
    node.members[garden].remove(gone)
    node.banned[garden] = [ban(gone, may=True)]
    news = ChannelView(channel="news", topic="what is new", restricted=True, may_post=True)
    general = ChannelView(channel="general", may_post=True, unread=3)
    node.offer(garden, "Eve", "plans")
    node.offer(garden, "Eve", "spam", confirmable=False)
    node.change_room(garden, channels=[general, news], retention_s=86_400, history=50, unread=3)
    chess = node.add_room("Chess", role="member", may=[])
    node.enter(chess, "Ada", "owner", "", contact="Ada", verified=True)
    node.trouble(chess, "forked", "Ada")
    choir = node.add_room("Choir")
    node.change_room(choir, standing="left", may=[], role="")
    node.members[choir] = []
    club = node.add_room("Club", role="member", may=[])
    node.enter(club, "Ada", "member", "-", contact="Ada", verified=True)
    node.propose(club, "Eve", "she writes too much")
    return node


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", SCREENS)
async def test_it_looks_as_it_did(
    opened: Opened, name: str, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    node = rooms()
    async with opened(node, SIZES[size]) as (app, pilot):
        typed, *keys = SCREENS[name]
        await pilot.press(*typed, "enter")
        await settle(pilot)
        for key in (*keys, *(["enter"] if keys else [])):
            await pilot.press(key)
            await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare(f"rooms-{name}-{size}", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_joining_looks_as_it_did(
    opened: Opened, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    monkeypatch.setattr("loom.tui.clipboard.can_paste", lambda: False)
    node = RoomNode()
    node.add("Ada", joining=JoiningView(state="waiting", expires_at_ms=2**50))
    async with opened(node, SIZES[size]) as (app, pilot):
        app.chat.on_paste(events.Paste(into_a_room()))
        await settle(pilot)
        compare(f"rooms-pasted-{size}", app.export_screenshot(title="Loom"))
        await pilot.press("enter")
        await settle(pilot)
        compare(f"rooms-joining-{size}", app.export_screenshot(title="Loom"))


@pytest.mark.parametrize("size", SIZES)
async def test_a_poll_looks_as_it_did(
    opened: Opened, size: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(times, "today", lambda: DAY)
    node = PostingNode()
    node.add("Ada", session="established")
    garden = node.add_room("Garden")
    node.enter(garden, "Bob", "member", "-", may=BOTH)
    options = [
        PollOption(text="the red ones", count=2, chosen_by=["Bob", "work"], own=True),
        PollOption(text="the green ones"),
    ]
    asked = PollView(options=options, many=False, voters=2, closes_at_ms=0, closed=False)
    node.post(garden, "Bob", "Which apples?", kind="poll", poll=asked, unread=False)
    async with opened(node, SIZES[size]) as (app, pilot):
        compare(f"rooms-poll-card-{size}", app.export_screenshot(title="Loom"))
        for key in ("escape", "v"):
            await pilot.press(key)
            await settle(pilot)
        compare(f"rooms-poll-{size}", app.export_screenshot(title="Loom"))
