"""One contact: what is known of it, and everything that can be decided about it."""

from typing import TYPE_CHECKING

from loom.api.commands import (
    BlockContact,
    Connect,
    ListPeers,
    ListPreferences,
    RemoveContact,
    RenameContact,
    SetPreferences,
    ShowContact,
)
from loom.api.events import AnyEvent, ContactRemoved
from loom.api.views import ContactView, PeerView, Preference
from loom.errors import ContactNotFound, InvalidInput
from loom.printable import printable
from loom.tui.addresses import read_address
from loom.tui.layout import clock_of, day_words
from loom.tui.screens.sheet import GAP, Item, Sheet, button, fact, field, paragraph
from loom.tui.screens.verifying import VerifySheet

if TYPE_CHECKING:
    from loom.tui.app import LoomApp

_SESSIONS = {
    "none": "none yet; the first message begins one",
    "starting": "begun, not answered yet",
    "established": "post-quantum, established",
    "unknown": "not needed yet since Loom began",
}
FINGERPRINT_GROUP = 4


class PersonSheet(Sheet):
    """Facts, switches, and last what cannot be undone."""

    def __init__(self, desk: "LoomApp", number: int, chosen: str = "") -> None:
        super().__init__(desk, chosen)
        self._number = number
        self._view: ContactView | None = None
        self._peer: PeerView | None = None
        self._allowed = Preference()

    @property
    def heading(self) -> str:
        """See `Sheet.heading`."""
        return "Contact" if self._view is None else self._view.contact

    @property
    def contact(self) -> str:
        """How commands name it."""
        return f"#{self._number}"

    async def load(self) -> None:
        """See `Sheet.load`."""
        try:
            self._view = await self.desk.send(ShowContact(contact=self.contact))
        except ContactNotFound:
            self.leave()
            return
        peers = (await self.desk.send(ListPeers())).peers
        self._peer = next((one for one in peers if one.contact_id == self._number), None)
        allowed = await self.desk.send(ListPreferences())
        mine = [one for one in allowed.contacts if one.contact_id == self._number]
        self._allowed = mine[0] if mine else Preference(contact_id=self._number)

    def concerns(self, event: AnyEvent) -> bool:
        """See `Sheet.concerns`."""
        if isinstance(event, ContactRemoved) and event.contact_id == self._number:
            self.leave()
            return False
        return getattr(event, "contact_id", None) == self._number

    def items(self, width: int) -> list[Item]:
        """See `Sheet.items`."""
        view = self._view
        if view is None:
            return []
        return [*self._facts(view), GAP, *self._decisions(view, width)]

    def _facts(self, view: ContactView) -> list[Item]:
        standing, role = _standing(view)
        half = len(view.fingerprint) // 2
        items = [
            fact("Standing", standing, role),
            fact("Calls itself", view.display_name or "has not said yet"),
            fact("Fingerprint", _grouped(view.fingerprint[:half])),
            fact("", _grouped(view.fingerprint[half:])),
            fact("Session", _SESSIONS.get(view.session, view.session)),
            *self._ways(),
            fact("Added", _when(view.created_at_ms)),
        ]
        last = view.last_message_at_ms
        items.append(fact("Last message", "none yet" if last is None else _when(last)))
        items.append(fact("Waiting", f"{view.unread} unread, {view.queued} to be sent"))
        return items

    def _ways(self) -> list[Item]:
        peer = self._peer
        if peer is None:
            return []
        if peer.online:
            by = {"out": ", called from here", "in": ", called by them"}.get(
                peer.direction or "", ""
            )
            since = peer.connected_at_ms
            when = "" if since is None else f" since {clock_of(since)}"
            items = [fact("Path", f"direct {peer.address or ''}{by}{when}", "good")]
        else:
            items = [fact("Path", "not connected")]
            if peer.last_error:
                items.append(fact("Last attempt", peer.last_error))
        known = [one for one in peer.known_addresses if one != peer.address]
        return [*items, *([fact("Known at", ", ".join(known))] if known else [])]

    def _decisions(self, view: ContactView, width: int) -> list[Item]:
        name, allowed = printable(view.contact), self._allowed
        items = [
            button("verify", "Verify", "compare safety numbers"),
            field("rename", "New name", self.typed(f"rename {self._number}")),
        ]
        if view.blocked:
            items.append(button("unblock", "Unblock", "hear from this contact again"))
        else:
            items.append(button("block", "Block", "what waits to be sent to it fails"))
        if allowed.muted:
            items.append(button("mute:off", "Unmute", "is muted: not counted, not told"))
        else:
            items.append(button("mute:on", "Mute", "neither count nor tell what it writes"))
        items.append(_switch("receipts", "Read receipts", on=allowed.read_receipts))
        items.append(_switch("typing", "Typing sign", on=allowed.typing))
        if not (view.blocked or view.identity_changed):
            items.append(field("connect", "Call HOST:PORT", self.typed(f"connect {self._number}")))
        items.append(GAP)
        items += paragraph(
            f"To remove {name} with its keys and all that was said here, write {name} and Enter:",
            width,
            "warn",
        )
        items.append(field("remove", "Remove", self.typed(f"remove {self._number}")))
        return items

    # --- what can be done ---

    def do_verify(self) -> None:
        self.desk.push_screen(VerifySheet(self.desk, self._number))

    def do_rename(self) -> None:
        async def rename() -> None:
            name = self.typed(f"rename {self._number}").text
            await self.desk.send(RenameContact(contact=self.contact, name=name))
            self.forget(f"rename {self._number}")
            await self.load()
            self.say("Renamed, here only.")

        self.begin(rename())

    def do_block(self) -> None:
        self._block(blocked=True)

    def do_unblock(self) -> None:
        self._block(blocked=False)

    def do_mute(self, to: str) -> None:
        self._allow(SetPreferences(contact=self.contact, muted=to == "on"))

    def do_receipts(self, to: str) -> None:
        self._allow(SetPreferences(contact=self.contact, read_receipts=to == "on"))

    def do_typing(self, to: str) -> None:
        self._allow(SetPreferences(contact=self.contact, typing=to == "on"))

    def do_connect(self) -> None:
        async def connect() -> None:
            host, port = read_address(self.typed(f"connect {self._number}").text)
            self.say("Calling ...")
            await self.desk.send(Connect(contact=self.contact, host=host, port=port))
            self.forget(f"connect {self._number}")
            await self.load()
            self.say("Done; the address is remembered.")

        self.begin(connect(), "connect")

    def do_remove(self) -> None:
        view = self._view
        typed = self.typed(f"remove {self._number}")

        async def remove() -> None:
            if view is None or typed.text.strip().casefold() != view.contact.casefold():
                raise InvalidInput(what="Nothing was removed: that is not the name")
            await self.desk.send(RemoveContact(contact=self.contact))
            typed.set("")
            self.leave()

        self.begin(remove())

    def _block(self, *, blocked: bool) -> None:
        async def block() -> None:
            await self.desk.send(BlockContact(contact=self.contact, blocked=blocked))
            await self.load()
            self.body.chosen = "unblock" if blocked else "block"

        self.begin(block())

    def _allow(self, command: SetPreferences) -> None:
        place = [item.name for item in self.body.items].index(self.body.chosen)

        async def allow() -> None:
            await self.desk.send(command)
            await self.load()
            self.look_again()
            self.body.chosen = self.body.items[place].name or self.body.chosen

        self.begin(allow())


def _switch(name: str, label: str, *, on: bool) -> Item:
    state = "sent, unless it is off for everybody" if on else "not sent"
    return button(f"{name}:{'off' if on else 'on'}", f"{label}: {'on' if on else 'off'}", state)


def _standing(view: ContactView) -> tuple[str, str]:
    blocked = "blocked, " if view.blocked else ""
    if view.identity_changed:
        return f"{blocked}IDENTITY CHANGED: nothing is sent until you verify again", "bad"
    if view.verified:
        return f"{blocked}verified", "bad" if view.blocked else "good"
    return f"{blocked}not verified", "bad" if view.blocked else "warn"


def _grouped(text: str) -> str:
    return " ".join(
        text[at : at + FINGERPRINT_GROUP] for at in range(0, len(text), FINGERPRINT_GROUP)
    )


def _when(at_ms: int) -> str:
    return f"{day_words(at_ms)}, {clock_of(at_ms)}"
