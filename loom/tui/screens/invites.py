"""One's own invites: making one, showing it, who used which."""

import asyncio
from collections.abc import Sequence
from functools import partial

from loom.api.events import AnyEvent, InvitesChanged, InviteUsed, Warned
from loom.api.invite_commands import ListInvites, MakeInvite, RevokeInvite
from loom.api.invite_views import InviteView
from loom.front.invite_words import invite_words, narrow_words
from loom.front.qr import qr_rows
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Item, Row, Text, Toggle
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.screens.token import too_small
from loom.tui.themes import Piece
from loom.tui.times import now_ms

MAKE = "Make an invite"
_FOR_ONE = (
    "Send it to one person. The first person who reads it can use it, so compare safety numbers "
    "afterwards."
)
_FOR_MANY = (
    "Everyone who uses it asks you first. Accept only people you know, and compare safety numbers "
    "afterwards."
)
_INTO_A_ROOM = "They join the room, and you become contacts."


class InvitesPanel(LivePanel):
    """The newest first."""

    heading = "Invites"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._invites: list[InviteView] | None = None
        self._is_direct = True

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._invites = (await self.loom.send(ListInvites())).invites[::-1]

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, InvitesChanged | InviteUsed | Warned)

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._invites is None:
            return []
        return [
            Text("One text for one person: when they paste it, you are contacts."),
            GAP,
            Button(MAKE, self._do_make, "for a day"),
            Button("Make an address", self._do_make_address, "for many; each asks you first"),
            Toggle(
                "This machine's addresses are in it",
                self._is_direct,
                self._do_choose,
                "your anchors always are",
            ),
            GAP,
            *(self._row(one) for one in self._invites),
        ]

    def _row(self, view: InviteView) -> Row:
        role = "good" if view.state == "open" else "bad" if view.reuse else "status"
        kind = "address" if view.is_address else "invite"
        words = invite_words(view, now_ms())
        into = f" into {printable(view.room)}" if view.room else ""
        line = [Piece(f"{kind} {view.invite_id}{into}"), Piece(f"  {words}", role)]
        return Row(f"invite {view.invite_id}", line, partial(self._show, view.invite_id))

    def _do_choose(self, on: bool) -> None:
        self._is_direct = on
        self.show()

    def _do_make(self) -> None:
        self.work(self._make(is_address=False), name="make")

    def _do_make_address(self) -> None:
        self.work(self._make(is_address=True), name="make")

    async def _make(self, *, is_address: bool) -> None:
        command = MakeInvite(is_address=is_address, direct=self._is_direct)
        if is_address:
            command = MakeInvite(lifetime_s=30 * 86_400, is_address=True, direct=False)
        self._show((await self.loom.send(command)).invite_id)

    def _show(self, invite_id: int) -> None:
        self.loom.push_screen(InvitePanel(self.loom, invite_id))


class InvitePanel(LivePanel):
    """The text and a QR code while it is open; then what became of it."""

    def __init__(self, loom: Owner, invite_id: int) -> None:
        super().__init__(loom)
        self.loom = loom
        self._invite_id = invite_id
        self._view: InviteView | None = None
        self._code: Sequence[str] = ()

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        into = f" into {self._view.room}" if self._view is not None and self._view.room else ""
        return f"Invite {self._invite_id}{into}"

    async def load(self) -> None:
        """See `LivePanel.load`."""
        found = (await self.loom.send(ListInvites())).invites
        self._view = next((one for one in found if one.invite_id == self._invite_id), None)
        if self._view is None:
            self.leave()
            return
        unicode = self.loom.look.signs.unicode
        text = self._view.text
        self._code = await asyncio.to_thread(qr_rows, text, unicode=unicode) if text else ()

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, InvitesChanged | InviteUsed | Warned)

    def picture(self) -> Sequence[str]:
        """The text as a QR code."""
        return self._code

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view = self._view
        if view is None:
            return []
        items: list[Item] = [
            Fact("Status", invite_words(view, now_ms()), "good" if view.text else "text"),
            Fact("Leads to", ", ".join(view.reached_at)),
        ]
        if view.text and (narrow := narrow_words(view.reached_at)):
            items.append(Text(narrow, "warn"))
        if view.text:
            items += [
                GAP,
                Text(_FOR_MANY if view.is_address else _FOR_ONE),
                *([Text(_INTO_A_ROOM)] if view.room else []),
                GAP,
                Text(view.text, "title"),
                GAP,
                Button("Copy it", self._do_copy),
                Button("Revoke it", self._do_revoke, "nobody can use it any more"),
            ]
            if not self.body.picture:
                items += [GAP, Text(too_small(self._code), "hint")]
        elif view.used_by_id is not None:
            items += [
                GAP,
                Text("Compare safety numbers: anyone who read the text first could use it."),
                Button(f"Open {view.used_by}", self._do_open),
            ]
        return items

    def _do_copy(self) -> None:
        if self._view is not None:
            self.copy(self._view.text)

    def _do_open(self) -> None:
        if self._view is not None and self._view.used_by_id is not None:
            self.loom.close_panels()
            self.loom.open_conversation(self._view.used_by_id)

    def _do_revoke(self) -> None:
        async def revoke() -> None:
            await self.loom.send(RevokeInvite(invite_id=self._invite_id))
            self.say("It is revoked.")

        self.work(revoke(), name="revoke")
