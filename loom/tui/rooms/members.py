"""Who is in a room, by rank; what is decided about one of them; who is banned."""

from collections.abc import Callable
from functools import partial
from typing import Final

from loom.api.invite_commands import MakeInvite
from loom.api.room_commands import AppointMember, InviteToRoom, LiftBan, RemoveMember
from loom.api.room_views import BannedView, CouncilView, MemberView
from loom.front.room_decisions import council_for
from loom.front.room_members import REACHED, ROLES, kept_words
from loom.printable import printable
from loom.tui.cells import cut, pad
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Option, Row, Text
from loom.tui.owner import Owner
from loom.tui.rooms.panel import NOT_COUNTING, RoomLivePanel
from loom.tui.screens.invites import InvitePanel
from loom.tui.screens.verifying import VerifyPanel
from loom.tui.themes import Piece

INVITE: Final = "Invite somebody"
MEET: Final = "Invite them as a contact"
REMOVE: Final = "Remove"
FIND: Final = "Find"
FIND_FROM: Final = 12
"""With more members than so many, one can be found by typing."""
BAN: Final = "Ban"
_NAME_CELLS, _ROLE_CELLS, _RANK_CELLS, _ID_SHOWN = 22, 11, 8, 16


class MembersPanel(RoomLivePanel):
    """By rank: who is above decides about those below."""

    def __init__(self, loom: Owner, room_id: str) -> None:
        super().__init__(loom, room_id)
        self._find = Field(FIND, form="a name, a role, or the beginning of an id")

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        if self.room is None:
            return "Members"
        many = "1 member" if len(self.members) == 1 else f"{len(self.members)} members"
        return f"{self.room.room}: {many}"

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self.room is None:
            return []
        items: list[Item] = self.troubles()
        if items:
            items.append(GAP)
        if len(self.members) > FIND_FROM:
            items.append(self._find)
        found = [one for one in self.members if self._is_meant(one)]
        items += [self._row(one) for one in found] or [Text("Nobody here has that name.", "hint")]
        items += map(self._council, self.room.councils)
        items += [GAP, Fact("Kept by", kept_words(self.members))]
        if self.banned:
            items += [GAP, Text("Banned", "title"), *map(self._banned_row, self.banned)]
        items.append(GAP)
        if self.may("invite"):
            items.append(Button(INVITE, self._do_invite, "a text for one person"))
        else:
            items.append(Text(self._no_invite(), "hint"))
        return items

    def _is_meant(self, view: MemberView) -> bool:
        """Whether what is typed, if anything, is about them."""
        words = self._find.text.casefold().split()
        names = f"{view.name} {view.contact or ''} {view.role}".casefold()
        return all(one in names or view.author_id.startswith(one) for one in words)

    def _no_invite(self) -> str:
        if self.room is not None and self.room.standing != "member":
            return "You are not in this room."
        return f"You may not invite others; ask {self.who_may()}."

    def _row(self, view: MemberView) -> Row:
        dots = self.loom.look.signs["ellipsis"]
        name = pad(cut(printable(view.name), _NAME_CELLS - 2, dots), _NAME_CELLS)
        rank = "" if view.rank in ("", "-") else view.rank
        line = [
            Piece(name, "name"),
            Piece(pad(view.role, _ROLE_CELLS)),
            Piece(pad(cut(rank, _RANK_CELLS - 2, dots), _RANK_CELLS), "hint"),
            _badge(view),
        ]
        return Row(f"member {view.author_id}", line, partial(self._open, view.author_id))

    def _council(self, view: CouncilView) -> Item:
        names = ", ".join(map(printable, view.members))
        of = f"{view.threshold} of {names} decide together"
        return Fact(view.name or "Council", f"{view.role}: {of}")

    def _banned_row(self, view: BannedView) -> Row:
        name = printable(view.name) or "never was here"
        words = f"  {view.fingerprint[:_ID_SHOWN]}  by {printable(view.by)}"
        line = [Piece(name, "name"), Piece(words, "status")]
        return Row(f"banned {view.fingerprint}", line, partial(self._open_ban, view))

    def _open(self, author_id: str) -> None:
        self.loom.push_screen(MemberPanel(self.loom, self.room_id, author_id, self.say))

    def _open_ban(self, view: BannedView) -> None:
        self.loom.push_screen(BannedPanel(self.loom, view, self.say))

    def _do_invite(self) -> None:
        self.work(show_invite(self.loom, self.room_id), name="invite")


class MemberPanel(RoomLivePanel):
    """One member, and what one may do with them. `tell`: says something on the screen below."""

    def __init__(
        self,
        loom: Owner,
        room_id: str,
        author_id: str,
        tell: Callable[[str], None],
        focus: str = "",
    ) -> None:
        super().__init__(loom, room_id, focus)
        self._author_id = author_id
        self._tell = tell
        self._remove = Field(REMOVE, self._do_remove)
        self._ban = Field(BAN, self._do_ban)

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        view = self._view
        return "Member" if view is None or self.room is None else f"{view.name} in {self.room.room}"

    async def load(self) -> None:
        """See `LivePanel.load`."""
        await super().load()
        if self.room is not None and self._view is None:
            self.leave()

    @property
    def _view(self) -> MemberView | None:
        return next((one for one in self.members if one.author_id == self._author_id), None)

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view = self._view
        if view is None:
            return []
        role = ROLES.get(view.role, "posts" if view.role == "member" else "")
        badge = _identity(view)
        items: list[Item] = [
            Fact("Role", f"{view.role}: {role}" if role else view.role),
            Fact("Rank", _rank_words(view)),
            Fact("Identity", badge.text, badge.role),
            Fact("Keys", _KEYS[view.keys], "bad" if view.keys == "other" else "text"),
            *([] if view.own else [Fact("Reached", _reached(view))]),
            Fact("Id here", view.author_id[:_ID_SHOWN]),
        ]
        items = [*self.troubles(view.author_id), *items, GAP]
        known = None if view.contact is None else self.loom.model.find(view.contact)
        if known is not None:
            items.append(
                Button("Write to them", partial(self._write, known.number), "only to them")
            )
            items.append(Button("Verify", partial(self._verify, known.number), "safety numbers"))
        if view.own:
            return [*items, Text("This is you. /room leaves the room.", "hint")]
        if view.contact is None:
            alone = "All members read what is posted here: give them the invite in another way."
            items += [Button(MEET, self._do_meet, "to write to them alone"), Text(alone, "hint")]
        return [*items, *self._proposing(view), *self._roles(view), *self._removing(view)]

    def _way(self, view: MemberView, what: str, right: str) -> str:
        """Whether one may do something with them: "may", "propose" or "" for neither."""
        if what in view.may:
            return "may"
        is_proposed = self.room is not None and council_for(self.room, right) is not None
        return "propose" if is_proposed else ""

    def _proposing(self, view: MemberView) -> list[Item]:
        ways = self._way(view, "appoint", "roles"), self._way(view, "remove", "remove")
        return [GAP, *self.because()] if "propose" in ways else []

    def _roles(self, view: MemberView) -> list[Item]:
        if not self._way(view, "appoint", "roles"):
            return [GAP, Text(self._reason("roles", "give roles"), "hint")]
        options = (
            Option(
                "role",
                pad(role, _ROLE_CELLS),
                role == view.role,
                partial(self._appoint, role),
                what,
            )
            for role, what in ROLES.items()
        )
        return [GAP, Text("Role", "title"), *options]

    def _removing(self, view: MemberView) -> list[Item]:
        way = self._way(view, "remove", "remove")
        if not way:
            return [Text(self._reason("remove", "remove members"), "hint")]
        name, does = printable(view.name), "remove" if way == "may" else "propose to remove"
        return [
            GAP,
            Text(
                f"To {does} {name}, type {REMOVE.lower()} and press Enter. What they posted until "
                "now stays, and what they have they keep; they come back only by another invite.",
                "warn",
            ),
            self._remove,
            Text(f"To let nobody bring them back either, type {BAN.lower()} and Enter:", "warn"),
            self._ban,
        ]

    def _reason(self, what: str, words: str) -> str:
        if self.may(what):
            return f"You may not {words} here: somebody above you decided about them, or they are."
        return f"You may not {words} in this room; ask {self.who_may()}."

    def _do_meet(self) -> None:
        async def meet() -> None:
            invite = await self.loom.send(MakeInvite())
            self.loom.push_screen(InvitePanel(self.loom, invite.invite_id))

        self.work(meet(), name="invite")

    def _write(self, number: int) -> None:
        self.loom.close_panels()
        self.loom.open_conversation(number)

    def _verify(self, number: int) -> None:
        self.loom.push_screen(VerifyPanel(self.loom, number))

    def _appoint(self, role: str) -> None:
        async def appoint() -> None:
            view = self._view
            command = AppointMember(room=self.room_id, member=self._author_id, role=role)
            if not await self.state(command, may=view is not None and "appoint" in view.may):
                return
            view = self._view
            counts = view is not None and view.role == role
            self.say("Everybody in the room sees it." if counts else NOT_COUNTING)

        self.work(appoint(), name="appoint")

    def _do_remove(self) -> None:
        self.work(self._end(self._remove, is_ban=False), field=self._remove, name="remove")

    def _do_ban(self) -> None:
        self.work(self._end(self._ban, is_ban=True), field=self._ban, name="remove")

    async def _end(self, field: Field, *, is_ban: bool) -> None:
        word, view = field.label.lower(), self._view
        if view is None or field.text.strip().casefold() != word:
            self.refuse(field, f"Nothing was done: type {word}.")
            return
        command = RemoveMember(room=self.room_id, member=self._author_id, ban=is_ban)
        if not await self.state(command, may="remove" in view.may):
            field.clear()
        elif self._view is not None:
            self.say(NOT_COUNTING, bad=True)
        else:
            self._tell(f"{printable(view.name)} is {'banned' if is_ban else 'removed'}.")


class BannedPanel(RoomLivePanel):
    """One identity that nobody may bring back. `tell`: says something on the screen below."""

    heading = "Banned"

    def __init__(self, loom: Owner, view: BannedView, tell: Callable[[str], None]) -> None:
        super().__init__(loom, view.room_id)
        self._view = view
        self._tell = tell

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view, half = self._view, len(self._view.fingerprint) // 2
        items: list[Item] = [
            Fact("Called here", view.name or "never was here"),
            Fact("Fingerprint", view.fingerprint[:half]),
            Fact("", view.fingerprint[half:]),
            Fact("Banned by", view.by),
            GAP,
        ]
        if not view.may and self.can("remove"):
            items += [*self.proposing("remove"), GAP]
        if view.may or self.can("remove"):
            return [*items, Button("Lift the ban", self._do_lift, "an invite brings them back")]
        why = f"{view.by} stands above you." if self.may("remove") else f"Ask {self.who_may()}."
        return [*items, Text(f"You may not lift it. {why}", "hint")]

    def _do_lift(self) -> None:
        async def lift() -> None:
            view = self._view
            command = LiftBan(room=self.room_id, fingerprint=view.fingerprint)
            if not await self.state(command, may=view.may):
                return
            self._tell(f"{printable(view.name) or 'The identity'} may be invited again.")
            self.leave()

        self.work(lift(), name="lift")


async def show_invite(loom: Owner, room_id: str) -> None:
    """Make an invite into a room, and show it."""
    view = await loom.send(InviteToRoom(room=room_id))
    loom.push_screen(InvitePanel(loom, view.invite_id))


_KEYS: Final = {
    "same": "they said themselves that these are theirs",
    "unsaid": "not heard from them yet",
    "other": "THEY SAY OTHERS",
}


def _reached(view: MemberView) -> str:
    words = REACHED[view.reach]
    return f"{words}, or once you are linked" if view.reach == "members" else words


def _badge(view: MemberView) -> Piece:
    """What is known of who it is."""
    if view.keys == "other":
        return Piece("OTHER KEYS", "bad")
    return Piece("TWO STATEMENTS", "bad") if view.forks else _identity(view)


def _identity(view: MemberView) -> Piece:
    if view.own:
        return Piece("you", "hint")
    if view.contact is None:
        return Piece("no contact of yours", "hint")
    name = "" if view.contact == view.name else f", your {printable(view.contact)}"
    if view.verified:
        return Piece(f"verified{name}", "good")
    return Piece(f"not verified{name}", "warn")


def _rank_words(view: MemberView) -> str:
    if view.rank == "":
        return "the first: nobody stands above"
    return "none: every officer stands above" if view.rank == "-" else view.rank
