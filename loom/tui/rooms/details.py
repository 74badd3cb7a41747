"""A room: what holds there, its channels, what one may change, leaving it."""

from functools import partial
from typing import Final

from loom.api.contact_commands import ShowContact
from loom.api.contact_views import JoiningView
from loom.api.room_commands import (
    ContinueRoom,
    JoinRoom,
    LeaveRoom,
    RenameRoom,
    SetRoomChannel,
    SetRoomDirect,
    SetRoomPolicy,
)
from loom.api.room_views import ChannelView, RoomView
from loom.errors import ContactNotFound
from loom.front.durations import parse_timer
from loom.front.invite_words import NOT_LET_IN, joining_words
from loom.front.room_lines import parse_history, policy_words
from loom.front.room_members import kept_words, reached_words
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Row, Text, Toggle
from loom.tui.owner import Owner
from loom.tui.rooms.channels import ChannelPanel
from loom.tui.rooms.members import INVITE, MembersPanel, show_invite
from loom.tui.rooms.offered import OfferedPanel
from loom.tui.rooms.panel import NOT_COUNTING, RoomLivePanel
from loom.tui.rooms.proposals import ProposalsPanel
from loom.tui.screens.export import ExportPanel
from loom.tui.themes import Piece
from loom.tui.times import clock_of, day_words, now_ms

NAME, CHANNEL, LEAVE, DELETE = "New name", "New channel", "Leave", "Delete"
CONTINUE: Final = "Go on in"
HISTORY, LASTING = "For joiners", "Posts last"
"""The fields, by which a command puts the cursor there."""
_STANDING: Final = {
    "offered": "A member of a room that you are in offers to go on in this one.",
    "left": "You left this room: nothing more arrives from it.",
    "removed": "You were removed from this room: nothing more arrives from it.",
}


class RoomPanel(RoomLivePanel):
    """Facts, channels, what one may change, and last what cannot be undone."""

    def __init__(self, loom: Owner, room_id: str, focus: str = "") -> None:
        super().__init__(loom, room_id, focus)
        self._joining: JoiningView | None = None
        self._called = Field(NAME, self._do_rename)
        self._channel = Field(CHANNEL, self._do_open, form="a name without spaces")
        self._history = Field(HISTORY, self._do_history, form="all, none, or how many posts")
        self._lasting = Field(LASTING, self._do_lasting, form="1h to 30d, or off: for ever")
        self._continue = Field(CONTINUE, self._do_continue, form="the name of the new room")
        self._leave = Field(LEAVE, self._do_leave)
        self._delete = Field(DELETE, self._do_delete)
        self._deletes = False

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return "Room" if self.room is None else f"Room {self.room.room}"

    async def load(self) -> None:
        """See `LivePanel.load`."""
        await super().load()
        self._joining = None
        if self.room is not None and self.room.through is not None:
            try:
                contact = await self.loom.send(ShowContact(contact=self.room.through))
            except ContactNotFound:
                return
            self._joining = contact.joining

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view = self.room
        if view is None:
            return []
        if view.standing == "joining":
            return [*self._waiting(view), GAP, *self._leaving(view)]
        if view.standing == "offered":
            forget = f"To forget the offer, type {DELETE.lower()} and press Enter:"
            return [*self._offered(view), GAP, Text(forget, "warn"), self._delete]
        if view.standing in _STANDING:
            facts = [Text(_STANDING[view.standing], "warn"), *self._facts(view), GAP]
            return [*facts, *self._export(), GAP, *self._gone()]
        return [
            *self.troubles(),
            *self._offers(view),
            *self._facts(view),
            GAP,
            *self._channels(view),
            GAP,
            *self.habits(view),
            GAP,
            Toggle("Direct links", view.direct, self._link, "members are told your addresses"),
            *self._decisions(),
            GAP,
            *(self._going_on() if view.role != "owner" else []),
            *self._leaving(view),
        ]

    def _waiting(self, view: RoomView) -> list[Item]:
        """One asked to be let in, and nobody did it yet."""
        through = "a contact you removed" if view.through is None else printable(view.through)
        joining = self._joining
        how = (
            NOT_LET_IN
            if view.heard
            else "not answered yet: it happens when both of you are online"
            if joining is None
            else joining_words(joining, now_ms())
        )
        return [
            Text("You are joining; you are not in the room yet.", "warn"),
            Fact("By an invite of", through),
            Fact("Answer", how, "warn"),
            Fact("Id", view.room_id[:16]),
        ]

    def _offered(self, view: RoomView) -> list[Item]:
        """A member of another room offers to go on in this one."""
        who = "a contact you removed" if view.through is None else printable(view.through)
        return [
            Text(_STANDING["offered"], "warn"),
            Fact("Offered by", who),
            Fact("Id", view.room_id[:16]),
            GAP,
            Button("Join it", self._do_join, "you stay in the old room, too"),
        ]

    def _facts(self, view: RoomView) -> list[Item]:
        history, lasts = policy_words(view.history, view.retention_s).split("; ")
        made = f"{day_words(view.created_at_ms)}, {clock_of(view.created_at_ms)}"
        facts: list[Item] = [
            Fact("You are", view.role or view.standing),
            Fact("Kept by", kept_words(self.members)),
            Fact("Reached", reached_words(self.members)),
            Fact("Rules", history),
            Fact("", lasts, "warn" if view.retention_s else "text"),
            Fact("Here since", made),
            Fact("Id", view.room_id[:16]),
        ]
        return facts if view.standing == "member" else facts[3:]

    def _offers(self, view: RoomView) -> list[Item]:
        if not view.offered:
            return []
        label = f"To confirm ({view.offered})"
        return [Button(label, self._open_offered, "what a removed officer did"), GAP]

    def _channels(self, view: RoomView) -> list[Item]:
        members = Button(f"Members ({len(self.members)})", self._open_members, "roles, bans")
        invites = [Button(INVITE, self._do_invite, "a text for one person")]
        return [
            members,
            *(invites if self.may("invite") else []),
            *([Button("Proposals", self._open_proposals, "to the council")] * bool(view.councils)),
            *self._export(),
            GAP,
            Text("Channels", "title"),
            *map(self._channel_row, view.channels),
            *([*self.proposing("channels"), self._channel] if self.can("channels") else []),
        ]

    def _channel_row(self, view: ChannelView) -> Row:
        unread = f"  {view.unread} unread" if view.unread else ""
        closed = "" if view.may_post else ", not you"
        only = f"  only officers post{closed}" if view.restricted else ""
        topic = f"  {printable(view.topic)}" if view.topic else ""
        line = [
            Piece(f"# {printable(view.channel)}", "name"),
            Piece(topic),
            Piece(only, "hint"),
            Piece(unread, "unread"),
        ]
        return Row(f"channel {view.channel}", line, partial(self._open_channel, view.channel))

    def _decisions(self) -> list[Item]:
        if self.can("name"):
            rules = [self._called, self._history, self._lasting]
            hint = [] if self.proposing("channels") else self.proposing("name")
            return [GAP, *hint, *rules]
        words = "name and rules" if self.can("channels") else "channels, name and rules"
        return [GAP, Text(f"You may not change {words} here; ask {self.who_may()}.", "hint")]

    def _going_on(self) -> list[Item]:
        """A way on where nobody decides any more."""
        what = (
            "If nobody above you is here any more, offer all members to go on in a new room, of "
            "which you are the owner. It has the rules and channels of this one, and none of its "
            "posts."
        )
        return [Text(what, "hint"), self._continue, GAP]

    def _leaving(self, view: RoomView) -> list[Item]:
        if view.standing == "joining":
            what = f"To join it no longer, type {LEAVE.lower()} and press Enter."
            return [Text(what, "warn"), self._leave]
        what = (
            "To leave the room: what you posted stays with the others, and you come back only by "
            f"another invite. To do it, type {LEAVE.lower()} and press Enter."
        )
        if view.role == "owner" and len(self.members) > 1:
            what = f"Nobody takes your place: make somebody else owner first. {what}"
        return [
            Text(what, "warn"),
            Toggle("Delete it here, too", self._deletes, self._choose, "all that was said there"),
            self._leave,
        ]

    def _gone(self) -> list[Item]:
        return [
            Text(f"To delete here what was said there, type {DELETE.lower()} and Enter:", "warn"),
            self._delete,
        ]

    # --- what can be done ---

    def _open_members(self) -> None:
        self.loom.push_screen(MembersPanel(self.loom, self.room_id))

    def _export(self) -> list[Item]:
        rooms = self.loom.model.rooms
        room = rooms.rooms.get(self.room_id)
        if room is None:
            return []
        channel = rooms.channels[room.last]

        def export() -> None:
            self.loom.push_screen(ExportPanel(self.loom, channel))

        return [Button("Write it to a file", export, "unencrypted")]

    def _open_proposals(self) -> None:
        self.loom.push_screen(ProposalsPanel(self.loom, self.room_id))

    def _open_offered(self) -> None:
        self.loom.push_screen(OfferedPanel(self.loom, self.room_id))

    def _open_channel(self, channel: str) -> None:
        self.loom.push_screen(ChannelPanel(self.loom, self.room_id, channel))

    def _do_invite(self) -> None:
        self.work(show_invite(self.loom, self.room_id), name="invite")

    def _do_rename(self) -> None:
        async def rename() -> None:
            wanted = self._called.text
            is_done = await self.state(RenameRoom(room=self.room_id, name=wanted))
            self._called.clear()
            if is_done:
                counts = self.room is not None and self.room.room == wanted.strip()
                self.say("Everybody in the room sees this name." if counts else NOT_COUNTING)

        self.work(rename(), field=self._called, name="rename")

    def _do_open(self) -> None:
        name = self._channel.text.strip().removeprefix("#").strip()
        known = [] if self.room is None else [one.channel for one in self.room.channels]
        if name.lower() in known:
            self.refuse(self._channel, "There is a channel of this name.")
            return
        command = SetRoomChannel(room=self.room_id, channel=name)
        self.state_soon(command, "It is open to all members.", self._channel)

    def _do_history(self) -> None:
        async def change() -> None:
            wanted = parse_history(self._history.text)
            is_done = await self.state(SetRoomPolicy(room=self.room_id, history=wanted))
            self._history.clear()
            if is_done and self.room is not None:
                self._say_whether(counts=self.room.history == wanted)

        self.work(change(), field=self._history, name="policy")

    def _do_lasting(self) -> None:
        async def change() -> None:
            wanted = parse_timer(self._lasting.text)
            is_done = await self.state(SetRoomPolicy(room=self.room_id, retention_s=wanted))
            self._lasting.clear()
            if is_done and self.room is not None:
                self._say_whether(counts=self.room.retention_s == wanted)

        self.work(change(), field=self._lasting, name="policy")

    def _say_whether(self, *, counts: bool) -> None:
        self.say("It holds for what is posted from now on." if counts else NOT_COUNTING)

    def _link(self, on: bool) -> None:
        self.change(SetRoomDirect(room=self.room_id, on=on))

    def _do_join(self) -> None:
        self.change(JoinRoom(room=self.room_id), "You are let in when a member is connected.")

    def _do_continue(self) -> None:
        async def go_on() -> None:
            name = self._continue.text.strip()
            if not name:
                self.refuse(self._continue, "Write what the new room is called.")
                return
            view = await self.loom.send(ContinueRoom(room=self.room_id, name=name))
            self._continue.clear()
            await self.load()
            self.say(f"{printable(view.room)} is offered to all members; /rooms lists it.")

        self.work(go_on(), field=self._continue, name="continue")

    def _choose(self, on: bool) -> None:
        self._deletes = on
        self.show()

    def _do_leave(self) -> None:
        is_joining = self.room is not None and self.room.standing == "joining"
        self._end(self._leave, is_deleting=self._deletes or is_joining)

    def _do_delete(self) -> None:
        self._end(self._delete, is_deleting=True)

    def _end(self, field: Field, *, is_deleting: bool) -> None:
        word = field.label.lower()
        if field.text.strip().casefold() != word:
            self.refuse(field, f"Nothing was done: type {word}.")
            return

        async def end() -> None:
            await self.loom.send(LeaveRoom(room=self.room_id, delete=is_deleting))
            field.clear()
            await self.load()  # leaves a room that is deleted

        self.work(end(), field=field, name="leave")
