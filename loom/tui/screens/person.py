"""One contact: what is known of them, and everything that can be decided about them."""

from functools import partial

from loom.addresses import parse_address
from loom.api.contact_commands import (
    AnswerFarewell,
    BlockContact,
    Connect,
    ListPeers,
    RemoveContact,
    RenameContact,
    SayFarewell,
    ShowContact,
)
from loom.api.contact_views import ContactView, PeerView
from loom.api.conversation_commands import ListPreferences, SetPreferences, SetTimer
from loom.api.conversation_views import Preference
from loom.api.events import AnyEvent, ContactRemoved
from loom.api.message_commands import DeleteMessages
from loom.errors import ContactNotFound
from loom.front.durations import parse_timer
from loom.front.invite_words import joining_words
from loom.front.lasting import asked_words, holding_words
from loom.front.reach import reach_words
from loom.front.verified import identity_words, verified_words
from loom.model import Level
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Option, Text, Toggle
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.screens.anchors import mail_words, silence_words
from loom.tui.screens.connectivity import ERRORS
from loom.tui.screens.verifying import VerifyPanel
from loom.tui.times import clock_of, day_words, now_ms, since_words

RENAME, ADDRESS, DELETE = "New name", "Connect to", "Contact as well"
TIMER, CLEAR, KEEP = "Disappear after", "Conversation", "Keep it"
"""The fields and buttons, by which a command puts the cursor there."""
_SESSIONS = {
    "none": "not started; the first message starts it",
    "starting": "started, not answered yet",
    "established": "post-quantum, established",
    "unknown": "not used since Loom started",
}
FINGERPRINT_GROUP = 4
LEVELS = {
    Level.EVERYTHING.value: "Notify about everything",
    Level.MENTIONS.value: "Notify about mentions of you",
    Level.NOTHING.value: "Notify about nothing",
}


class PersonPanel(LivePanel):
    """Facts, switches, and last what cannot be undone."""

    def __init__(self, loom: Owner, number: int, focus: str = "") -> None:
        super().__init__(loom, focus)
        self.loom = loom
        self._number = number
        self._view: ContactView | None = None
        self._peer: PeerView | None = None
        self._allowed = self._everybody = Preference()
        self._rename = Field(RENAME, self._do_rename)
        self._address = Field(ADDRESS, self._do_connect, form="HOST:PORT")
        self._delete = Field(DELETE, self._do_delete)
        self._clear = Field(CLEAR, self._do_clear)
        self._lasting = Field(TIMER, self._do_timer, form="1h, 7d or off")
        self._tells: bool | None = None
        """Whether what is deleted goes on their side, too; None: as a rule says."""

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return "Contact" if self._view is None else self._view.contact

    @property
    def contact(self) -> str:
        """How commands name them."""
        return f"#{self._number}"

    async def load(self) -> None:
        """See `LivePanel.load`."""
        try:
            self._view = await self.loom.send(ShowContact(contact=self.contact))
        except ContactNotFound:
            self.leave()
            return
        peers = (await self.loom.send(ListPeers())).peers
        self._peer = next((one for one in peers if one.contact_id == self._number), None)
        allowed = await self.loom.send(ListPreferences())
        self._everybody = allowed.everybody
        mine = [one for one in allowed.contacts if one.contact_id == self._number]
        self._allowed = mine[0] if mine else Preference(contact_id=self._number)

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        if isinstance(event, ContactRemoved) and event.contact_id == self._number:
            self.leave()
            return False
        return getattr(event, "contact_id", None) == self._number

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view = self._view
        if view is None:
            return []
        return [*self._asked(view), *self._facts(view), GAP, *self._decisions(view)]

    def _asked(self, view: ContactView) -> list[Item]:
        """What the contact asks to be deleted here."""
        if not view.farewell:
            return []
        return [
            Text(asked_words(view.contact, view.farewell), "warn"),
            Button(KEEP, partial(self._answer, accept=False), "nobody is told"),
            Button("Delete it here, too", partial(self._answer, accept=True)),
            GAP,
        ]

    def _facts(self, view: ContactView) -> list[Item]:
        status, role = _status(view)
        half = len(view.fingerprint) // 2
        last = view.last_message_at_ms
        return [
            Fact("Status", status, role),
            *(
                []
                if view.identity_changed_at_ms is None
                else [Fact("Identity", identity_words(since_words(view.identity_changed_at_ms)))]
            ),
            *(
                [Fact("Looks like", f"{view.looks_like}: compare safety numbers", "bad")]
                if view.looks_like
                else []
            ),
            Fact("Their own name", view.display_name or "not known yet"),
            *([Fact("Their status", view.status)] if view.status else []),
            *([Fact("Away", "they say so", "warn")] if view.away else []),
            Fact("Fingerprint", _grouped(view.fingerprint[:half])),
            Fact("", _grouped(view.fingerprint[half:])),
            *(
                []
                if view.joining is None
                else [Fact("Invite", joining_words(view.joining, now_ms()), "warn")]
            ),
            Fact("Session", _SESSIONS.get(view.session, view.session)),
            *self._ways(),
            Fact("Added", _when(view.created_at_ms)),
            Fact("Last message", "none yet" if last is None else _when(last)),
            Fact("Messages", f"{view.unread} unread, {view.queued} not confirmed yet"),
            Fact(
                "Disappearing",
                holding_words(view.timer.expires_s, view.timer.own_s, view.timer.theirs_s),
            ),
        ]

    def _ways(self) -> list[Item]:
        peer = self._peer
        if peer is None:
            return []
        items: list[Item]
        words = reach_words(peer.reach)
        if peer.address:
            by = {"out": ", you connected", "in": ", they connected"}.get(peer.direction or "", "")
            since = peer.connected_at_ms
            when = "" if since is None else f" at {clock_of(since)}"
            items = [
                Fact("Reached", words, "good"),
                Fact("Connection", f"{peer.address}{by}{when}"),
            ]
        else:
            items = [Fact("Reached", words, "good" if peer.reach.is_online else "text")]
            if peer.last_error:
                error = ERRORS.get(peer.last_error, peer.last_error)
                items.append(Fact("Last attempt", error))
        reach = peer.reach
        if reach.waiting and reach.since_ms is not None:
            mail = mail_words(reach.waiting, "", reach.since_ms, peer.contact)
            items.append(Fact("Mail", mail, "warn"))
        if reach.silent_since_ms is not None:
            words = silence_words(reach.silent_at, reach.silent_since_ms, peer.contact)
            items.append(Fact("Mail", words, "warn"))
        known = [one for one in peer.known_addresses if one != peer.address]
        return [*items, *([Fact("Addresses", ", ".join(known))] if known else [])]

    def _decisions(self, view: ContactView) -> list[Item]:
        name, allowed = view.contact, self._allowed
        items: list[Item] = [
            Button("Verify", self._do_verify, "compare safety numbers"),
            Toggle("Blocked", view.blocked, self._block, "messages still waiting will not be sent"),
            Toggle("Muted", view.muted, self._mute, _mute_words(view)),
            Toggle("Favourite", view.favourite, self._favour, "at the top of the list"),
            Toggle("Archived", view.archived, self._archive, "until the next message"),
            *(
                Option("level", words, view.level == level, partial(self._notify, level))
                for level, words in LEVELS.items()
            ),
            Toggle(
                "Read receipts",
                allowed.read_receipts,
                self._show_reading,
                "as far as /settings allows",
            ),
            Toggle("Typing", allowed.typing, self._show_typing, "as far as /settings allows"),
            Toggle(
                "Wait until I verify",
                allowed.verify_first,
                self._verify_first,
                "/settings has it on for everybody"
                if self._everybody.verify_first
                else "nothing is sent to new keys of theirs before",
            ),
            self._rename,
        ]
        if not (view.blocked or view.identity_changed or view.revoked):
            items += [self._address, self._lasting]
        return [
            *items,
            GAP,
            Toggle(
                "Delete for both",
                self._is_told(view),
                self._tell,
                "their Loom deletes its copy once it is told",
            ),
            Text(f"To delete the whole conversation, type {name} and press Enter:", "warn"),
            self._clear,
            GAP,
            Text(f"To delete the conversation and the contact, type {name} and Enter:", "warn"),
            self._delete,
        ]

    def _is_told(self, view: ContactView) -> bool:
        return view.may_hear_farewell if self._tells is None else self._tells

    # --- what can be done ---

    def _do_verify(self) -> None:
        self.loom.push_screen(VerifyPanel(self.loom, self._number))

    def _do_rename(self) -> None:
        async def rename() -> None:
            await self.loom.send(RenameContact(contact=self.contact, name=self._rename.text))
            self._rename.clear()
            await self.load()
            self.say("Renamed. Only you see this name.")

        self.work(rename(), field=self._rename)

    def _do_connect(self) -> None:
        async def connect() -> None:
            at = parse_address(self._address.text)
            self.say(f"Connecting to {self._address.text.strip()} ...")
            await self.loom.send(Connect(contact=self.contact, host=at.host, port=at.port))
            self._address.clear()
            await self.load()
            self.say("Connected; the address is remembered.")

        self.work(connect(), field=self._address, name="connect")

    def _do_delete(self) -> None:
        async def delete() -> None:
            view = self._view
            if view is None or self._delete.text.strip().casefold() != view.contact.casefold():
                self.refuse(self._delete, "Nothing was deleted: that is not the name.")
                return
            told = self._is_told(view)
            await self.loom.send(RemoveContact(contact=self.contact, farewell=told))
            self.leave()

        self.work(delete())

    def _do_clear(self) -> None:
        async def clear() -> None:
            view = self._view
            if view is None or self._clear.text.strip().casefold() != view.contact.casefold():
                self.refuse(self._clear, "Nothing was deleted: that is not the name.")
                return
            if self._is_told(view):
                await self.loom.send(SayFarewell(contact=self.contact))
            else:
                await self.loom.send(DeleteMessages(contact=self.contact, message_ids=None))
            self._clear.clear()
            await self.load()
            self.say("Deleted.")

        self.work(clear(), field=self._clear)

    def _do_timer(self) -> None:
        async def set_timer() -> None:
            expires_s = parse_timer(self._lasting.text)
            await self.loom.send(SetTimer(contact=self.contact, expires_s=expires_s))
            self._lasting.clear()
            await self.load()

        self.work(set_timer(), field=self._lasting)

    def _answer(self, *, accept: bool) -> None:
        async def answer() -> None:
            await self.loom.send(AnswerFarewell(contact=self.contact, accept=accept))
            await self.load()

        self.work(answer())

    def _tell(self, on: bool) -> None:
        self._tells = on
        self.show()

    def _block(self, on: bool) -> None:
        async def block() -> None:
            await self.loom.send(BlockContact(contact=self.contact, blocked=on))
            await self.load()
            if not on:
                self.say("What they sent during the block arrives when you are connected.")

        self.work(block())

    def _mute(self, on: bool) -> None:
        self._change(SetPreferences(contact=self.contact, muted=on))

    def _favour(self, on: bool) -> None:
        self._change(SetPreferences(contact=self.contact, favourite=on))

    def _archive(self, on: bool) -> None:
        self._change(SetPreferences(contact=self.contact, archived=on))

    def _notify(self, level: str) -> None:
        self._change(SetPreferences(contact=self.contact, level=level))

    def _show_reading(self, on: bool) -> None:
        self._change(SetPreferences(contact=self.contact, read_receipts=on))

    def _show_typing(self, on: bool) -> None:
        self._change(SetPreferences(contact=self.contact, typing=on))

    def _verify_first(self, on: bool) -> None:
        self._change(SetPreferences(contact=self.contact, verify_first=on))

    def _change(self, command: SetPreferences) -> None:
        async def change() -> None:
            await self.loom.send(command)
            await self.load()

        self.work(change())


def _mute_words(view: ContactView) -> str:
    if view.mute_until_ms is None:
        return "not notified, not counted; /mute 8h: for a time"
    return f"until {since_words(view.mute_until_ms)}"


def _status(view: ContactView) -> tuple[str, str]:
    blocked = "blocked, " if view.blocked else ""
    if view.revoked:
        return f"{blocked}REVOKED: nothing is sent to this identity any more", "bad"
    if view.is_held:
        return f"{blocked}NEW IDENTITY: nothing is sent or received until you verify it", "bad"
    if view.identity_changed:
        return (
            f"{blocked}IDENTITY CHANGED: nothing is sent or received until you verify it",
            "bad",
        )
    if view.verified:
        since = "" if view.verified_at_ms is None else since_words(view.verified_at_ms)
        words = verified_words(view.verified_by, since)
        return f"{blocked}{words}", "bad" if view.blocked else "good"
    return f"{blocked}not verified", "bad" if view.blocked else "warn"


def _grouped(text: str) -> str:
    return " ".join(
        text[at : at + FINGERPRINT_GROUP] for at in range(0, len(text), FINGERPRINT_GROUP)
    )


def _when(at_ms: int) -> str:
    return f"{day_words(at_ms)}, {clock_of(at_ms)}"
