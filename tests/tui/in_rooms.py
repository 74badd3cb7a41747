"""A fake node that has rooms, with members, channels and bans, and tells what changes there."""

from typing import Any

import msgspec

from loom.api.command import Command
from loom.api.contact_commands import ImportToken
from loom.api.events import RoomJoined, RoomLeft, RoomStateChanged
from loom.api.invite_commands import ListInvites, MakeInvite
from loom.api.invite_views import Invites, InviteView
from loom.api.room_commands import (
    AppointMember,
    ConfirmOffered,
    ContinueRoom,
    DismissOffered,
    FindPost,
    InviteToRoom,
    JoinRoom,
    LeaveRoom,
    LiftBan,
    ListMembers,
    ListOffered,
    ListProposals,
    ListRooms,
    MakeRoom,
    ProposeChange,
    RemoveMember,
    RenameRoom,
    RoomHistory,
    SetRoomChannel,
    SetRoomDirect,
    SetRoomPolicy,
    SetRoomPreferences,
    ShowRoom,
    VoteOnProposal,
)
from loom.api.room_views import (
    BannedView,
    ChannelView,
    CouncilView,
    Members,
    MemberView,
    Posts,
    PostView,
    ProposalView,
    RoomLine,
    Rooms,
    RoomTrouble,
    RoomView,
    Statements,
    StatementView,
    VoteView,
)
from loom.api.view import Done
from loom.errors import InvalidName, RoomNotFound
from loom.model import Address, ContactToken, PeerId
from loom.tui.times import now_ms
from loom.wire.hints import Hint
from loom.wire.invite import InviteText, RoomDoor, encode_invite
from tests.fakes import NOW_MS
from tests.tui.people import PeopleNode

ALL = ["invite", "remove", "delete", "pin", "channels", "roles", "post", "name"]
HOUR_MS = 3_600_000
ORCHARD = b"\x0f" * 32


def author(name: str) -> str:
    """The id of a member."""
    return name.lower().encode().hex().ljust(64, "0")


class RoomNode(PeopleNode):
    """`rooms` and who is in them, by id."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms: dict[str, RoomView] = {}
        self.members: dict[str, list[MemberView]] = {}
        self.banned: dict[str, list[BannedView]] = {}
        self.made: list[InviteView] = []
        self.offered: list[StatementView] = []
        self.proposed: dict[str, PostView] = {}
        self.overruled = False
        """Whether what is stated here does not count."""

    # --- what a test sets up ---

    def add_room(
        self, name: str, role: str = "owner", may: list[str] | None = None, room_id: str = ""
    ) -> str:
        """One that this profile is in, alone; its id."""
        number = len(self.rooms) + 1
        room_id = room_id or f"{number:02x}" * 32
        self.rooms[room_id] = RoomView(
            room=name,
            room_id=room_id,
            number=number,
            standing="member",
            role=role,
            members=1,
            channels=[ChannelView(channel="general", may_post=True)],
            unread=0,
            mentions=0,
            history=-1,
            retention_s=0,
            muted=False,
            created_at_ms=NOW_MS,
            may=ALL if may is None else may,
        )
        self.members[room_id], self.banned[room_id] = [], []
        self.enter(room_id, "work", role, "" if role == "owner" else "-", own=True, keys="same")
        return room_id

    def enter(self, room_id: str, name: str, role: str, rank: str, **facts: Any) -> MemberView:
        """Somebody is a member."""
        room = self.rooms[room_id]
        view = MemberView(
            room=room.room,
            room_id=room_id,
            author_id=author(name),
            name=name,
            role=role,
            rank=rank,
            verified=facts.pop("verified", False),
            own=facts.pop("own", False),
            contact=facts.pop("contact", None),
            keys=facts.pop("keys", "same"),
            may=facts.pop("may", []),
        )
        listed = [*self.members[room_id], view]
        listed.sort(key=lambda one: (one.rank == "-", len(one.rank), one.rank))
        self.members[room_id] = listed
        self.change_room(room_id, members=len(listed))
        return view

    def change_room(self, room_id: str, **facts: Any) -> RoomView:
        """Something of a room is different, and is told."""
        view = msgspec.structs.replace(self.rooms[room_id], **facts)
        self.rooms[room_id] = view
        self.tell(RoomStateChanged(room=view.room, room_id=room_id))
        return view

    def trouble(self, room_id: str, what: str, name: str) -> None:
        """Something that every member should know of somebody."""
        known = self.rooms[room_id].troubles
        both = [self.statement(room_id, name, counts=True), self.statement(room_id, name)]
        one = RoomTrouble(
            what=what,
            whom=name,
            whom_id=author(name),
            statements=both if what == "forked" else [],
        )
        facts: dict[str, Any] = {"forks": [3]} if what == "forked" else {"keys": "other"}
        self._member(room_id, author(name), **facts)
        self.change_room(room_id, troubles=[*known, one])

    def offer(self, room_id: str, name: str, channel: str, *, confirmable: bool = True) -> None:
        """A removed officer opened a channel before they knew of it."""
        line = RoomLine(what="channel", value=channel)
        view = self.statement(room_id, name, line, confirmable=confirmable)
        self.offered.append(view)
        self.change_room(room_id, offered=len(self.offered))

    def statement(
        self,
        room_id: str,
        name: str,
        line: RoomLine | None = None,
        *,
        counts: bool = False,
        confirmable: bool = False,
    ) -> StatementView:
        """Something that an officer signed."""
        value = "Orchard" if counts else "Shed"
        return StatementView(
            room=self.rooms[room_id].room,
            room_id=room_id,
            statement_id=f"{len(self.offered) + 1:02x}" * 32,
            author=name,
            author_id=author(name),
            number=3,
            line=line or RoomLine(what="renamed", value=value),
            counts=counts,
            confirmable=confirmable,
        )

    def join(self, room_id: str) -> None:
        """The invite is answered."""
        view = self.change_room(room_id, standing="member", role="member", through=None, may=[])
        self.tell(RoomJoined(room=view.room, room_id=room_id))

    # --- what it answers ---

    def _answer(self, command: Command[Any]) -> object:
        match command:
            case ListRooms():
                return Rooms(rooms=list(self.rooms.values()))
            case MakeRoom() if not command.name:
                raise InvalidName(reason="it is empty")
            case MakeRoom():
                room_id = self.add_room(command.name)
                return self.change_room(
                    room_id, history=command.history, retention_s=command.retention_s
                )
            case MakeInvite():
                return self._invite(None)
            case ListInvites():
                return Invites(invites=self.made)
            case ImportToken() if command.token == into_a_room():
                super()._answer(
                    msgspec.structs.replace(command, name=command.name or "Orchard host")
                )
                room_id = self.add_room("Orchard", role="", may=[], room_id=ORCHARD.hex())
                self.members[room_id] = []
                self.change_room(
                    room_id,
                    standing="joining",
                    channels=[],
                    members=0,
                    through=command.name or "Orchard host",
                )
                return self._contact(command.name or "Orchard host")
        if (room := getattr(command, "room", None)) is not None:
            return self._in_room(self._room(room).room_id, command)
        return super()._answer(command)

    def _in_room(self, room_id: str, command: Command[Any]) -> object:
        view = self.rooms[room_id]
        match command:
            case ShowRoom():
                return view
            case RoomHistory():
                return Posts(posts=[])
            case ListMembers():
                return Members(members=self.members[room_id], banned=self.banned[room_id])
            case InviteToRoom():
                return self._invite(view)
            case LeaveRoom():
                if command.delete:
                    del self.rooms[room_id]
                else:
                    self.change_room(room_id, standing="left", may=[])
                self.tell(RoomLeft(room=view.room, room_id=room_id, by=""))
                return Done()
            case SetRoomPreferences():
                return self._prefer_in_room(view, command)
            case SetRoomDirect():
                return self.change_room(room_id, direct=command.on)
            case JoinRoom():
                return self.change_room(room_id, standing="joining")
            case ContinueRoom():
                return self.rooms[self.add_room(command.name or view.room)]
            case ProposeChange():
                return Posts(posts=[])
            case _ if self.overruled:
                return view
            case ListProposals():
                return Posts(posts=[self.proposed[one] for one in sorted(self.proposed)])
            case FindPost():
                return self.proposed[command.name]
            case VoteOnProposal():
                return self._vote(command)
            case ListOffered():
                return Statements(statements=self.offered)
            case ConfirmOffered() | DismissOffered():
                ids = command.statement_ids
                self.offered = [one for one in self.offered if one.statement_id not in ids]
                return self.change_room(room_id, offered=len(self.offered))
            case AppointMember():
                self._member(room_id, command.member, role=command.role)
                return self.change_room(room_id)
            case RemoveMember():
                return self._remove_member(room_id, command)
            case LiftBan():
                self.banned[room_id] = []
                return self.change_room(room_id)
            case RenameRoom() if not command.name:
                raise InvalidName(reason="it is empty")
            case RenameRoom():
                return self.change_room(room_id, room=command.name)
            case SetRoomPolicy():
                now = view.history, view.retention_s
                history, kept_s = command.history, command.retention_s
                return self.change_room(
                    room_id,
                    history=now[0] if history is None else history,
                    retention_s=now[1] if kept_s is None else kept_s,
                )
            case SetRoomChannel():
                return self._set_channel(view, command)
        return super()._answer(command)

    def _prefer_in_room(self, view: RoomView, command: SetRoomPreferences) -> RoomView:
        wanted: dict[str, Any] = {"muted": command.muted, "level": command.level}
        habits = {name: value for name, value in wanted.items() if value is not None}
        if command.muted is not None:
            habits["mute_until_ms"] = command.mute_until_ms
        if command.channel is None:
            return self.change_room(view.room_id, **habits)
        channels = [
            msgspec.structs.replace(one, **habits) if one.channel == command.channel else one
            for one in view.channels
        ]
        return self.change_room(view.room_id, channels=channels)

    def add_council(self, room_id: str, role: str = "owner") -> RoomView:
        """One that this profile belongs to."""
        council = CouncilView(
            council_id="c0" * 32,
            name="Council",
            threshold=2,
            members=["Ada", "Bob", "work"],
            role=role,
            rank="1",
            own=True,
        )
        return self.change_room(room_id, councils=[council])

    def propose(self, room_id: str, name: str, reason: str = "") -> None:
        """Ada proposes to the council of the room that somebody is removed."""
        room = self.add_council(room_id)
        proposal = ProposalView(
            council="Council",
            council_id="c0" * 32,
            number=0,
            change=RoomLine(what="removed", whom=name),
            subject_id=author(name),
            kept=1,
            falls=2,
            threshold=2,
            voters=3,
            votes=[VoteView(author="Ada", author_id=author("Ada"), vote="yes")],
            missing=1,
            state="open",
            why="",
            own_vote="",
            may_vote=["yes", "no"],
        )
        post = PostView(
            room=room.room,
            room_id=room_id,
            channel="general",
            author="Ada",
            author_id=author("Ada"),
            body=reason,
            order=1,
            sent_at_ms=NOW_MS,
            post_id="d0" * 32,
            row_id=1,
            stored_at_ms=NOW_MS,
            kind="proposal",
            proposal=proposal,
        )
        self.proposed[post.post_id] = post

    def _vote(self, command: VoteOnProposal) -> PostView:
        post = self.proposed[command.post_id]
        assert post.proposal is not None
        vote = "yes" if command.yes else "no"
        said = VoteView(author="work", author_id=author("work"), vote=vote)
        now = msgspec.structs.replace(
            post.proposal,
            votes=[*post.proposal.votes, said],
            own_vote=vote,
            may_vote=[] if command.yes else ["yes"],
            missing=0 if command.yes else 1,
            state="accepted" if command.yes else "open",
        )
        self.proposed[post.post_id] = msgspec.structs.replace(post, proposal=now)
        return self.proposed[post.post_id]

    def _set_channel(self, view: RoomView, command: SetRoomChannel) -> RoomView:
        others = [one for one in view.channels if one.channel != command.channel]
        channel = ChannelView(
            channel=command.channel,
            topic=command.topic,
            restricted=command.restricted,
            may_post=True,
        )
        channels = [*others, channel] if command.on else others
        channels.sort(key=lambda one: (one.channel != "general", one.channel))
        return self.change_room(view.room_id, channels=channels)

    def _room(self, reference: str) -> RoomView:
        for one in self.rooms.values():
            if reference in (one.room_id, f"#{one.number}") or reference == one.room:
                return one
        raise RoomNotFound(name=reference)

    def _member(self, room_id: str, author_id: str, **facts: Any) -> None:
        self.members[room_id] = [
            msgspec.structs.replace(one, **facts) if one.author_id == author_id else one
            for one in self.members[room_id]
        ]

    def _remove_member(self, room_id: str, command: RemoveMember) -> RoomView:
        [gone] = [one for one in self.members[room_id] if one.author_id == command.member]
        self.members[room_id].remove(gone)
        if command.ban:
            self.banned[room_id].append(ban(gone, may=True))
        return self.change_room(room_id, members=len(self.members[room_id]))

    def _invite(self, view: RoomView | None) -> InviteView:
        invite = InviteView(
            invite_id=len(self.made) + 1,
            text=into_a_room(),
            state="open",
            is_address=False,
            created_at_ms=0,
            expires_at_ms=now_ms() + 23 * HOUR_MS + HOUR_MS // 2,
            used_by=None,
            used_by_id=None,
            reuse=False,
            reached_at=["192.0.2.7:4070"],
            room="" if view is None else view.room,
        )
        self.made.append(invite)
        return invite


def ban(gone: MemberView, *, may: bool) -> BannedView:
    """Of who was a member."""
    return BannedView(
        room=gone.room,
        room_id=gone.room_id,
        fingerprint="5e" * 32,
        name=gone.name,
        by="Ada",
        may=may,
    )


def into_a_room(owner: bytes = bytes(range(32))) -> str:
    """An invite into the room Orchard; `owner`: their fingerprint."""
    return encode_invite(
        InviteText(
            ContactToken(PeerId(owner), bytes([9]) + bytes(31)),
            bytes(16),
            NOW_MS // HOUR_MS,
            False,
            (Hint(Address("192.0.2.7", 4070)),),
            RoomDoor(ORCHARD, "Orchard"),
        )
    )
