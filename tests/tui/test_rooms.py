"""The screens about rooms: members, roles, removing, bans, channels, rules, making, joining."""

from typing import Any

import msgspec
import pytest
from textual import events

from loom.api.contact_commands import ImportToken
from loom.api.events import AnyEvent, RoomForked, RoomKeyDiffers, RoomOffered
from loom.api.invite_commands import MakeInvite
from loom.api.room_commands import (
    AppointMember,
    ConfirmOffered,
    ContinueRoom,
    DismissOffered,
    InviteToRoom,
    JoinRoom,
    LeaveRoom,
    LiftBan,
    MakeRoom,
    ProposeChange,
    RemoveMember,
    RenameRoom,
    SetRoomChannel,
    SetRoomDirect,
    SetRoomPolicy,
    VoteOnProposal,
)
from loom.api.room_views import RoomLine
from loom.tui.cells import width_of
from loom.tui.rooms.details import RoomPanel
from loom.tui.rooms.listing import RoomsPanel
from loom.tui.rooms.making import NewRoomPanel
from loom.tui.rooms.members import MEET, BannedPanel, MemberPanel, MembersPanel
from loom.tui.screens.adding import AddPanel
from loom.tui.screens.invites import InvitePanel
from loom.tui.screens.person import LEVELS
from tests.tui.conftest import Opened, prose_of, settle, text_of
from tests.tui.in_rooms import RoomNode, author, ban, into_a_room
from tests.tui.test_people import choose, is_back, run, screen, sent

BOTH = ["remove", "appoint"]


@pytest.fixture
def node() -> RoomNode:
    """Ada and Bob are contacts; the garden is one's own, with Ada, Bob, Eve and an archive."""
    node = RoomNode()
    node.add("Bob", session="established")
    node.add("Ada", verified=True, session="established")
    room_id = node.add_room("Garden")
    node.enter(room_id, "Ada", "moderator", "1", contact="Ada", verified=True, may=BOTH)
    node.enter(room_id, "attic", "archive", "2", may=BOTH)
    node.enter(room_id, "Bob", "member", "-", contact="Bob", may=BOTH)
    node.enter(room_id, "Eve", "member", "-", keys="unsaid", may=BOTH)
    return node


def garden(node: RoomNode) -> str:
    return next(iter(node.rooms))


async def test_members_stand_by_rank_with_what_is_known_of_them(
    node: RoomNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/members Garden", "enter")
        assert isinstance(app.screen, MembersPanel)
        rows = [row for row in text_of(app) if "member" in row or "owner" in row]
        assert "Garden: 5 members" in rows[0]
        names = ["work", "Ada", "attic", "Bob", "Eve"]
        at = [screen(app).index(f" {name} ") for name in names]
        assert at == sorted(at)
        assert "Kept by you, attic (archive), Ada, Bob" in prose_of(app)
        assert "verified" in screen(app)
        assert "no contact of yours" in screen(app)


async def test_warnings_are_said_loudly_wherever_the_room_is_shown(
    node: RoomNode, opened: Opened
) -> None:
    room_id = garden(node)
    node.trouble(room_id, "other keys", "Bob")
    node.trouble(room_id, "forked", "Ada")
    async with opened(node, (120, 40)) as (app, pilot):
        for typed in ("/members Garden", "/room Garden"):
            await run(pilot, typed, "enter")
            prose = prose_of(app)
            assert "WARNING: Bob says other keys than those they were admitted with." in prose
            assert "WARNING: Ada signed two statements under one number" in prose
            assert "this counts: named the room Orchard; named the room Shed" in prose
            await run(pilot, "escape")
        await run(pilot, "/members Garden", "enter")
        assert "OTHER KEYS" in screen(app)
        assert "TWO STATEMENTS" in screen(app)


@pytest.mark.parametrize("what", ["forked", "other keys", "offered"])
async def test_what_becomes_known_is_said_at_once(
    node: RoomNode, opened: Opened, what: str
) -> None:
    facts: dict[str, Any] = {"room": "Garden", "room_id": garden(node)}
    of = {**facts, "author": "Bob", "author_id": author("Bob")}
    line = RoomLine(what="channel", value="plans")
    alarms: dict[str, AnyEvent] = {
        "forked": RoomForked(**of, number=3),
        "other keys": RoomKeyDiffers(**facts, contact="Bob", contact_id=1),
        "offered": RoomOffered(**of, statement_id="01" * 32, line=line),
    }
    async with opened(node, (120, 40)) as (app, pilot):
        node.tell(alarms[what])
        await settle(pilot)
        assert "Bob" in text_of(app)[-1]
        assert "/room Garden shows it." in text_of(app)[-1]


async def test_what_a_removed_officer_did_is_confirmed_or_not(
    node: RoomNode, opened: Opened
) -> None:
    room_id = garden(node)
    node.offer(room_id, "Eve", "plans")
    node.offer(room_id, "Eve", "news")
    node.offer(room_id, "Eve", "spam", confirmable=False)
    async with opened(node) as (app, pilot):
        await run(pilot, "/room Garden", "enter")
        await choose(app, pilot, "To confirm (3)")
        await run(pilot, "enter")
        assert "Eve opened or changed the channel #plans" in screen(app)
        await run(pilot, "enter", "enter")
        assert [one.statement_ids for one in sent(node, ConfirmOffered)] == [["01" * 32]]
        assert "It counts now." in screen(app)
        assert "#plans" not in screen(app)
        await choose(app, pilot, f"offered {'03' * 32}")
        await run(pilot, "enter")
        assert "You may not let it count" in screen(app)
        await run(pilot, "escape")
        await choose(app, pilot, "Let none of it count")
        await run(pilot, "enter")
        assert [len(one.statement_ids) for one in sent(node, DismissOffered)] == [2]
        assert "Nothing waits to be confirmed." in screen(app)


async def test_a_member_is_given_a_role_and_removed_by_a_typed_word(
    node: RoomNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/members Garden", "enter")
        await choose(app, pilot, f"member {author('Bob')}")
        await run(pilot, "enter")
        assert isinstance(app.screen, MemberPanel)
        assert "Bob in Garden" in screen(app)
        panel = app.screen
        stop = next(one for one in panel.body.stops if one.name.startswith("role: helper"))
        await choose(app, pilot, stop.name)
        await run(pilot, "enter")
        [appointed] = sent(node, AppointMember)
        assert (appointed.member, appointed.role) == (author("Bob"), "helper")
        assert "helper: invites and pins" in screen(app)
        await choose(app, pilot, "Remove")
        await run(pilot, "yes", "enter")
        assert "Nothing was done: type remove." in screen(app)
        assert not sent(node, RemoveMember)
        await run(pilot, "ctrl+u", "remove", "enter")
        [removed] = sent(node, RemoveMember)
        assert (removed.member, removed.ban) == (author("Bob"), False)
        assert isinstance(app.screen, MembersPanel)
        assert "Bob is removed." in screen(app)
        assert "4 members" in screen(app)


async def test_who_is_banned_is_listed_and_the_ban_is_lifted(
    node: RoomNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/members Garden", "enter")
        await choose(app, pilot, f"member {author('Eve')}")
        await run(pilot, "enter")
        await choose(app, pilot, "Ban")
        await run(pilot, "ban", "enter")
        assert [one.ban for one in sent(node, RemoveMember)] == [True]
        assert "Banned" in screen(app)
        await choose(app, pilot, f"banned {'5e' * 32}")
        await run(pilot, "enter")
        assert isinstance(app.screen, BannedPanel)
        await run(pilot, "enter")
        [lifted] = sent(node, LiftBan)
        assert lifted.fingerprint == "5e" * 32
        assert "Eve may be invited again." in screen(app)
        assert isinstance(app.screen, MembersPanel)


async def test_what_one_may_not_do_is_not_offered_and_the_reason_is_said(opened: Opened) -> None:
    node = RoomNode()
    node.add("Ada")
    room_id = node.add_room("Garden", role="member", may=[])
    boss = node.enter(room_id, "Ada", "owner", "", contact="Ada")
    node.enter(room_id, "Bob", "member", "-")
    node.banned[room_id] = [ban(boss, may=False)]
    async with opened(node) as (app, pilot):
        await run(pilot, "/members Garden", "enter")
        assert "You may not invite others; ask Ada." in screen(app)
        await choose(app, pilot, f"member {author('Bob')}")
        await run(pilot, "enter")
        assert "You may not remove members in this room; ask Ada." in prose_of(app)
        assert [one.name for one in app.screen.body.stops] == [MEET]  # type: ignore[attr-defined]
        await run(pilot, "escape")
        await choose(app, pilot, f"banned {'5e' * 32}")
        await run(pilot, "enter")
        assert "You may not lift it. Ask Ada." in prose_of(app)
        await run(pilot, "escape", "escape", "/room Garden", "enter")
        assert "You may not change channels, name and rules here; ask Ada." in prose_of(app)
        names = [one.name for one in app.screen.body.stops]  # type: ignore[attr-defined]
        habits = ["Muted", *(f"level: {words}" for words in LEVELS.values())]
        ending = ["Delete it here, too", "Leave"]
        writing = "Write it to a file"
        more = ["Direct links", "Go on in"]
        assert names == ["Members (3)", writing, "channel general", *habits, *more, *ending]


async def test_what_somebody_above_decided_is_said_not_to_count(
    node: RoomNode, opened: Opened
) -> None:
    node.overruled = True
    async with opened(node) as (app, pilot):
        await run(pilot, "/room Garden", "enter")
        await choose(app, pilot, "New name")
        await run(pilot, "Orchard", "enter")
        assert sent(node, RenameRoom)
        assert "It does not count: somebody above you decided otherwise." in screen(app)
        await run(pilot, "escape", "/members Garden", "enter")
        await choose(app, pilot, f"member {author('Bob')}")
        await run(pilot, "enter")
        await choose(app, pilot, "Remove")
        # the fake removes nobody
        await run(pilot, "remove", "enter")
        assert isinstance(app.screen, MemberPanel)
        assert "It does not count" in screen(app)


async def test_a_proposal_says_what_it_does_and_a_yes_wants_the_word(
    node: RoomNode, opened: Opened
) -> None:
    node.propose(garden(node), "Eve", "she writes too much")
    async with opened(node) as (app, pilot):
        await run(pilot, "/members Garden", "enter")
        assert "owner: 2 of Ada, Bob, work decide together" in prose_of(app)
        await run(pilot, "escape", "/room Garden", "enter")
        await choose(app, pilot, "Proposals")
        await run(pilot, "enter")
        assert "Council shall remove Eve" in screen(app)
        await run(pilot, "enter")
        for words in (
            "of what they changed 1 stays and 2 does not count any more",
            "Because she writes too much",
            "Said yes Ada",
            "open: 1 more must say yes of 3",
        ):
            assert words in prose_of(app)
        await choose(app, pilot, "Agree")
        await run(pilot, "enter")
        assert not sent(node, VoteOnProposal)
        await run(pilot, "yes", "enter")
        assert [one.yes for one in sent(node, VoteOnProposal)] == [True]
        assert "It is accepted" in prose_of(app)
        assert "You said yes." in screen(app)


async def test_what_one_may_only_propose_is_proposed(opened: Opened) -> None:
    node = RoomNode()
    node.add("Ada")
    room_id = node.add_room("Garden", role="member", may=[])
    node.enter(room_id, "Ada", "owner", "", contact="Ada")
    bob = node.enter(room_id, "Bob", "member", "-")
    node.banned[room_id] = [ban(bob, may=False)]
    node.add_council(room_id)
    async with opened(node) as (app, pilot):
        await run(pilot, "/members Garden", "enter")
        await choose(app, pilot, f"member {author('Bob')}")
        await run(pilot, "enter")
        assert "The council decides this" in prose_of(app)
        await choose(app, pilot, "role: " + "helper".ljust(11))
        await run(pilot, "enter")
        assert "It is proposed to the council" in screen(app)
        await choose(app, pilot, "Because")
        await run(pilot, "too many hats")
        await choose(app, pilot, "Remove")
        await run(pilot, "remove", "enter")
        assert isinstance(app.screen, MemberPanel)  # they are still there
        await run(pilot, "escape")
        await choose(app, pilot, f"banned {'5e' * 32}")
        await run(pilot, "enter")
        await choose(app, pilot, "Lift the ban")
        await run(pilot, "enter", "escape", "escape", "/room Garden", "enter")
        await choose(app, pilot, "New channel")
        await run(pilot, "plans", "enter")
        await choose(app, pilot, "New name")
        await run(pilot, "Orchard", "enter")
        await choose(app, pilot, "Posts last")
        await run(pilot, "1d", "enter")
        await choose(app, pilot, "channel general")
        await run(pilot, "enter")
        await choose(app, pilot, "New topic")
        await run(pilot, "tea", "enter")
    proposed = sent(node, ProposeChange)
    assert [(one.change, one.reason) for one in proposed] == [
        (AppointMember(room=room_id, member=author("Bob"), role="helper"), ""),
        (RemoveMember(room=room_id, member=author("Bob")), "too many hats"),
        (LiftBan(room=room_id, fingerprint="5e" * 32), ""),
        (SetRoomChannel(room=room_id, channel="plans"), ""),
        (RenameRoom(room=room_id, name="Orchard"), ""),
        (SetRoomPolicy(room=room_id, retention_s=86_400), ""),
        (SetRoomChannel(room=room_id, channel="general", topic="tea"), ""),
    ]
    assert {one.council for one in proposed} == {"c0" * 32}
    for kind in (AppointMember, RemoveMember, LiftBan, SetRoomChannel, RenameRoom, SetRoomPolicy):
        assert not sent(node, kind)


async def test_what_a_council_may_not_do_is_not_proposed(opened: Opened) -> None:
    node = RoomNode()
    node.add("Ada")
    room_id = node.add_room("Garden", role="member", may=[])
    node.enter(room_id, "Ada", "owner", "", contact="Ada")
    node.add_council(room_id, "helper")
    async with opened(node, (120, 40)) as (app, pilot):
        await run(pilot, "/room Garden", "enter")
        assert "You may not change channels, name and rules here; ask Ada." in prose_of(app)


async def test_one_of_many_members_is_found_by_typing(node: RoomNode, opened: Opened) -> None:
    for number in range(123):
        node.enter(garden(node), f"Member {number:03}", "member", "-", may=BOTH)
    async with opened(node) as (app, pilot):
        await run(pilot, "/members Garden", "enter")
        assert "Garden: 128 members" in screen(app)
        await run(pilot, "member 12")
        rows = [row for row in text_of(app) if "no contact of yours" in row]
        assert [row[10:13] for row in rows] == ["012", "112", "120", "121", "122"]
        await run(pilot, "down", "down", "enter")
        assert "Member 112 in Garden" in screen(app)
        await run(pilot, "escape", "shift+tab", "shift+tab", "ctrl+u", "archive")
        assert "attic" in screen(app)
        assert len([row for row in text_of(app) if "no contact of yours" in row]) == 1
        await run(pilot, "x")
        assert "Nobody here has that name." in screen(app)


async def test_a_member_is_invited_as_a_contact(node: RoomNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/members Garden", "enter")
        await choose(app, pilot, f"member {author('Eve')}")
        await run(pilot, "enter")
        assert "All members read what is posted here" in prose_of(app)
        await choose(app, pilot, MEET)
        await run(pilot, "enter")
        assert isinstance(app.screen, InvitePanel)
        assert sent(node, MakeInvite) == [MakeInvite()]
        assert not sent(node, InviteToRoom)
        await run(pilot, "escape", "escape")
        await choose(app, pilot, f"member {author('Bob')}")  # a contact already
        await run(pilot, "enter")
        assert MEET not in screen(app)


async def test_an_offered_room_is_joined_and_a_new_one_offered(
    node: RoomNode, opened: Opened
) -> None:
    chess = node.add_room("Chess", role="member", may=[])
    node.enter(chess, "Ada", "owner", "", contact="Ada")
    node.change_room(garden(node), standing="offered", through="Ada", may=[], role="")
    async with opened(node) as (app, pilot):
        app.open_conversation(app.model.rooms.number_of(garden(node), "general"))
        await settle(pilot)
        assert "Ada offers to go on in the room Garden. F2 shows it, and joins it." in prose_of(app)
        await run(pilot, "/rooms", "enter")
        assert "offered to you" in screen(app)
        await run(pilot, "enter")
        assert "Offered by Ada" in prose_of(app)
        assert "To forget the offer, type delete" in prose_of(app)
        await choose(app, pilot, "Join it")
        await run(pilot, "enter")
        assert [one.room for one in sent(node, JoinRoom)] == [garden(node)]
        assert "You are joining" in prose_of(app)
        await run(pilot, "escape", "escape", "/room Chess", "enter")
        await choose(app, pilot, "Go on in")
        await run(pilot, "enter")
        assert not sent(node, ContinueRoom)
        await run(pilot, "Chess 2", "enter")
        assert sent(node, ContinueRoom) == [ContinueRoom(room=chess, name="Chess 2")]
        assert "Chess 2 is offered to all members" in screen(app)


async def test_how_members_are_reached_is_shown_and_links_are_allowed(
    node: RoomNode, opened: Opened
) -> None:
    room_id = garden(node)
    node.members[room_id] = [
        msgspec.structs.replace(
            one, reach={"Ada": "linked", "Bob": "anchor"}.get(one.name, "members")
        )
        for one in node.members[room_id]
    ]
    async with opened(node, (120, 40)) as (app, pilot):
        await run(pilot, "/room Garden", "enter")
        assert "Reached 1 linked, 1 by an anchor, 2 through others" in prose_of(app)
        await choose(app, pilot, "Direct links")
        await run(pilot, "enter")
        assert sent(node, SetRoomDirect) == [SetRoomDirect(room=room_id, on=True)]
        await run(pilot, "escape", "/members Garden", "enter")
        await choose(app, pilot, f"member {author('Eve')}")
        await run(pilot, "enter")
        assert "Reached through others, or once you are linked" in prose_of(app)


async def test_name_rules_and_channels_are_changed(node: RoomNode, opened: Opened) -> None:
    async with opened(node, (120, 40)) as (app, pilot):
        await run(pilot, "/room Garden", "enter")
        assert isinstance(app.screen, RoomPanel)
        await choose(app, pilot, "New name")
        await run(pilot, "Orchard", "enter")
        assert "Room Orchard" in screen(app)
        await choose(app, pilot, "For joiners")
        await run(pilot, "some", "enter")
        assert "Write all, none, or how many posts" in screen(app)
        await run(pilot, "ctrl+u", "20", "enter")
        await choose(app, pilot, "Posts last")
        await run(pilot, "7d", "enter")
        changed = [(one.history, one.retention_s) for one in sent(node, SetRoomPolicy)]
        assert changed == [(20, None), (None, 7 * 86_400)]
        assert "the last 20 posts" in screen(app)
        await choose(app, pilot, "New channel")
        await run(pilot, "#plans", "enter")
        await choose(app, pilot, "channel plans")
        await run(pilot, "enter")
        assert "# plans in Orchard" in screen(app)
        await choose(app, pilot, "Only officers post")
        await run(pilot, "enter")
        await choose(app, pilot, "New topic")
        await run(pilot, "what to plant", "enter")
        await choose(app, pilot, "Close")
        await run(pilot, "close", "enter")
        stated = [
            (one.channel, one.topic, one.restricted, one.on) for one in sent(node, SetRoomChannel)
        ]
        assert stated == [
            ("plans", "", False, True),
            ("plans", "", True, True),
            ("plans", "what to plant", True, True),
            ("plans", "", False, False),
        ]
        assert "Room Orchard" in screen(app)
        assert "# plans" not in screen(app)


async def test_a_room_and_a_channel_are_muted_and_have_levels(
    node: RoomNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/room Garden", "enter")
        await choose(app, pilot, "Muted")
        await run(pilot, "enter")
        await choose(app, pilot, "level: Notify about mentions of you")
        await run(pilot, "enter")
        room = node.rooms[garden(node)]
        assert (room.muted, room.level) == (True, "mentions")
        assert "[x] Muted" in screen(app)
        await choose(app, pilot, "channel general")
        await run(pilot, "enter")
        await choose(app, pilot, "level: Notify about nothing")
        await run(pilot, "enter")
        assert node.rooms[garden(node)].channels[0].level == "nothing"
        await choose(app, pilot, "level: Notify as the room does")
        await run(pilot, "enter")
        assert node.rooms[garden(node)].channels[0].level == ""


async def test_a_room_is_left_by_a_typed_word_and_deleted_later(
    node: RoomNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/room leave Garden", "enter")
        assert "make somebody else owner first" in prose_of(app)
        await run(pilot, "enter")
        assert not sent(node, LeaveRoom)
        await run(pilot, "leave", "enter")
        assert "You left this room" in screen(app)
        await run(pilot, "delete", "enter")
        assert [one.delete for one in sent(node, LeaveRoom)] == [False, True]
        assert is_back(app)
        await run(pilot, "/rooms", "enter")
        assert "No room yet." in screen(app)


async def test_a_room_is_made_and_somebody_invited(node: RoomNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/rooms", "enter")
        assert isinstance(app.screen, RoomsPanel)
        assert "owner, 5 members" in screen(app)
        await choose(app, pilot, "Make a room")
        await run(pilot, "enter")
        assert isinstance(app.screen, NewRoomPanel)
        await run(pilot, "Orchard", "enter", "none", "enter", "never", "enter")
        assert "never is not a time" in screen(app)
        await run(pilot, "ctrl+u", "1d", "enter")
        [made] = sent(node, MakeRoom)
        assert (made.name, made.history, made.retention_s) == ("Orchard", 0, 86_400)
        assert isinstance(app.screen, RoomPanel)
        await run(pilot, "enter")
        assert sent(node, InviteToRoom)
        assert isinstance(app.screen, InvitePanel)
        assert "Invite 1 into Orchard" in screen(app)
        assert "They join the room, and you become contacts." in screen(app)


async def test_a_room_is_made_by_one_command(node: RoomNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/room new Orchard 2", "enter")
        assert [one.name for one in sent(node, MakeRoom)] == ["Orchard 2"]
        assert "Room Orchard 2" in screen(app)


async def test_a_second_room_of_one_name_is_made_only_when_that_is_said_twice(
    node: RoomNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await run(pilot, "/room new Garden", "enter")
        assert isinstance(app.screen, NewRoomPanel)
        assert not sent(node, MakeRoom)
        await choose(app, pilot, "Make it")
        await run(pilot, "enter")
        assert "You are in a room of this name already" in screen(app)
        assert not sent(node, MakeRoom)
        await choose(app, pilot, "Make it")
        await run(pilot, "enter")
        assert [one.name for one in sent(node, MakeRoom)] == ["Garden"]
        assert "you alone; it is lost with this machine" in screen(app)


async def test_a_pasted_invite_says_which_room_and_whose_and_joins_it(
    node: RoomNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        app.chat.on_paste(events.Paste(into_a_room()))
        await settle(pilot)
        assert isinstance(app.screen, AddPanel)
        assert "It leads into the room Orchard, as they call it." in prose_of(app)
        assert f"Its identity is {bytes(range(8)).hex()}, not one of your contacts." in prose_of(
            app
        )
        await run(pilot, "enter")
        [used] = sent(node, ImportToken)
        assert (used.token, used.name) == (into_a_room(), "")
        assert isinstance(app.screen, RoomPanel)
        assert "You are joining; you are not in the room yet." in screen(app)
        assert "By an invite of Orchard host" in prose_of(app)
        await run(pilot, "escape", "/rooms", "enter")
        assert "joining; not answered yet" in screen(app)
        await run(pilot, "escape")
        node.join(list(node.rooms)[-1])
        await run(pilot, "/room Orchard", "enter")
        assert "You are joining" not in screen(app)


async def test_an_invite_of_a_contact_into_a_room_names_them(
    node: RoomNode, opened: Opened
) -> None:
    known = node.contacts["Ada"]
    node.contacts["Ada"] = msgspec.structs.replace(known, fingerprint=bytes(range(32)).hex())
    async with opened(node) as (app, pilot):
        await run(pilot, "/add", "enter")
        assert isinstance(app.screen, AddPanel)
        app.screen.on_paste(events.Paste(into_a_room()))
        await settle(pilot)
        assert "It is from Ada, your contact." in prose_of(app)


async def test_names_of_strangers_cannot_break_the_screens(opened: Opened) -> None:
    node = RoomNode()
    node.add("Ada")
    nasty = "\x1b[2J[/b]\u202e" + "W" * 300 + "\U0001f469\u200d\U0001f469" * 40
    room_id = node.add_room(nasty[:60])
    node.enter(room_id, nasty, "member", "-", keys="other", may=BOTH, contact=nasty)
    node.banned[room_id] = [ban(node.members[room_id][-1], may=True)]
    async with opened(node) as (app, pilot):
        await run(pilot, "/members #1", "enter")
        for keys in ((), ("tab", "enter"), ("escape", "escape", "/room #1", "enter")):
            await run(pilot, *keys)
            assert all(width_of(row) <= 80 for row in text_of(app))
            assert "\x1b" not in screen(app)
