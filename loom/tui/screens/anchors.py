"""The anchors in use, what lies there, the mail that waits; taking one into use, leaving it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from textual import events

from loom.api.anchor_commands import LeaveAnchor, ListAnchors, ReplaceAnchor, UseAnchor
from loom.api.anchor_views import Anchors, AnchorView, WaitingMail
from loom.api.events import AnyEvent, MessageDelivered, MessageSent
from loom.errors import InvalidInput
from loom.front.reach import age_words, gone_words, left_words, silent_words, waiting_words
from loom.printable import printable
from loom.tui import clipboard
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Row, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.pasted import pasted_token
from loom.tui.themes import Piece
from loom.tui.times import clock_of, day_words, now_ms

LOOK_S: Final = 2.0
TEXT: Final = "Pairing text"
LEAVE: Final = "leave"
WHAT_IT_IS: Final = (
    "An anchor is a machine that is always on and keeps sealed mail until you or a contact come "
    "online. It learns network addresses, times and sizes; not who you are, who your contacts are, "
    "or what you write."
)

WARNINGS: Final = {
    "account_not_renewed": "it gave no new account: who had your old keys may use this one",
    "anchor_clock_apart": "its clock and this machine's are a day apart; nothing is read there",
}


class AnchorsPanel(LivePanel):
    """`text` is a pairing text that was pasted elsewhere; `write` puts it into the message."""

    heading = "Anchors"

    def __init__(
        self, loom: Owner, text: str = "", write: Callable[[str], None] | None = None
    ) -> None:
        super().__init__(loom, "Use it" if text else "")
        self.loom = loom
        self._write = write
        self._found: Anchors | None = None
        self._text = Field(TEXT, self._do_use, form="what loom anchor pair printed there")
        self._text.put(text)

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._found = await self.loom.send(ListAnchors())

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, MessageSent | MessageDelivered)

    def on_mount(self) -> None:
        """An anchor comes and goes without an event."""
        self.set_interval(LOOK_S, lambda: self.work(self.load(), name="load"))

    def on_screen_resume(self) -> None:
        """One of them may have been left."""
        self.work(self.load(), name="load")

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        found = self._found
        if found is None:
            return []
        items: list[Item] = [Text(WHAT_IT_IS, "hint"), GAP]
        if not found.anchors:
            items.append(Text("No anchor is in use."))
        for one in found.anchors:
            items += self._anchor(one)
        if found.waiting:
            items += [GAP, Text("Mail that waits for your contacts", "title")]
            items += [self._waiting(one) for one in found.waiting]
        for silent in found.silent:
            words = silence_words(silent.anchors, silent.since_ms, silent.contact)
            items += [GAP, Text(f"{printable(silent.contact)}: {words}.", "warn")]
        if self.loom.model.host:
            here = "An anchor is taken into use on the machine that has the profile."
            return [*items, GAP, Text(here, "hint")]
        items += [GAP, Text("Use an anchor", "title"), self._text, Button("Use it", self._do_use)]
        if self._write is not None and self._text.text:
            items.append(Button("Write it into the message instead", self._do_write))
        if clipboard.can_paste():
            items.append(Button("Paste the text from the clipboard", self._do_paste))
        return items

    def on_paste(self, event: events.Paste) -> None:
        """A text goes into its field, wherever the cursor is."""
        if (text := pasted_token(event.text)) and not self.loom.model.host:
            event.stop()
            event.prevent_default()
            self._take(text)

    def _anchor(self, view: AnchorView) -> list[Item]:
        signs = self.loom.look.signs
        sign = signs["online" if view.up else "offline"]
        line = [Piece(f"{sign} {printable(name_of(view))}", "name")]
        line.append(Piece(f"  {_standing(view)}", "good" if view.up else "bad"))
        row = Row(f"anchor {view.anchor_id}", line, partial(self._open, view.anchor_id))
        gone = gone_words(view, now_ms())
        return [row, Text(f"  {_lying(view)}", "hint"), *([Text(gone, "warn")] if gone else [])]

    def _waiting(self, one: WaitingMail) -> Row:
        words = mail_words(one.messages, ", ".join(one.anchors), one.since_ms, one.contact)
        line = [Piece(f"{printable(one.contact)}: ", "name"), Piece(words)]
        return Row(f"contact {one.contact_id}", line, partial(self._talk, one.contact_id))

    def _open(self, anchor_id: int) -> None:
        self.loom.push_screen(AnchorPanel(self.loom, anchor_id, self.say))

    def _talk(self, number: int) -> None:
        self.loom.close_panels()
        self.loom.open_conversation(number)

    def _take(self, text: str) -> None:
        self._text.clear()
        self._text.put(text)
        self.body.at = "Use it"
        self.show()

    def _do_paste(self) -> None:
        async def paste() -> None:
            text = pasted_token(await clipboard.paste())
            if not text:
                raise InvalidInput(what="The clipboard holds no pairing text")
            self._take(text)

        self.work(paste(), name="paste")

    def _do_write(self) -> None:
        if self._write is not None:
            self._write(self._text.text)
            self.leave()

    def _do_use(self) -> None:
        async def use() -> None:
            view = await self.loom.send(UseAnchor(text=self._text.text))
            self._text.clear()
            await self.load()
            self.say(f"In use: {printable(name_of(view))}. Your contacts are told automatically.")

        self.work(use(), "Asking the anchor", field=self._text)


class AnchorPanel(LivePanel):
    """One anchor: what is known of it, replacing it, leaving it."""

    def __init__(self, loom: Owner, anchor_id: int, tell: Callable[[str], None]) -> None:
        """`tell`: says something on the screen below."""
        super().__init__(loom)
        self.loom = loom
        self._tell = tell
        self._anchor_id = anchor_id
        self._view: AnchorView | None = None
        self._new = Field("Replace it by", self._do_replace, form="a new pairing text")
        self._leave = Field("Leave it", self._do_leave)

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        return "Anchor" if self._view is None else f"Anchor {name_of(self._view)}"

    async def load(self) -> None:
        """See `LivePanel.load`."""
        found = (await self.loom.send(ListAnchors())).anchors
        self._view = next((one for one in found if one.anchor_id == self._anchor_id), None)
        if self._view is None:
            self.leave()

    def on_mount(self) -> None:
        """An anchor comes and goes without an event."""
        self.set_interval(LOOK_S, lambda: self.work(self.load(), name="load"))

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        view = self._view
        if view is None:
            return []
        items: list[Item] = [
            Fact("Connection", _standing(view), "good" if view.up else "bad"),
            Fact("Addresses", ", ".join(view.addresses)),
            Fact("There for you", _lying(view)),
            *([Text(gone, "warn")] if (gone := gone_words(view, now_ms())) else []),
            Fact("Mailboxes", str(view.queues)),
        ]
        if (since := view.up_since_ms) is not None:
            items.insert(1, Fact("Since", f"{day_words(since)}, {clock_of(since)}"))
        if view.limit_bytes is not None:
            items.append(Fact("Room", f"{view.limit_bytes // 2**20} MiB in all"))
        if view.warning is not None:
            items.append(Fact("Warning", WARNINGS.get(view.warning, view.warning), "bad"))
        if self.loom.model.host:
            return items
        return [
            *items,
            GAP,
            Text(
                "If somebody else got at that machine: a new account, at the same anchor or "
                "another one. The old account is never used again."
            ),
            self._new,
            GAP,
            Text(
                f"Type {LEAVE} and press Enter to use it no longer: your account is deleted "
                "there, with what was not fetched yet. Senders keep their messages until you "
                "have them.",
                "warn",
            ),
            self._leave,
        ]

    def _do_replace(self) -> None:
        async def replace() -> None:
            command = ReplaceAnchor(anchor=f"#{self._anchor_id}", text=self._new.text)
            await self.loom.send(command)
            self.leave()

        self.work(replace(), "Asking the new anchor", field=self._new)

    def _do_leave(self) -> None:
        async def leave() -> None:
            if self._leave.text.strip().casefold() != LEAVE:
                self.refuse(self._leave, f"Nothing was done: type {LEAVE}.")
                return
            view = await self.loom.send(LeaveAnchor(anchor=f"#{self._anchor_id}"))
            self.leave()
            self._tell(left_words(view))

        self.work(leave())


def name_of(view: AnchorView) -> str:
    """What people call it: its first address."""
    return view.addresses[0] if view.addresses else f"#{view.anchor_id}"


def mail_words(messages: int, anchors: str, since_ms: int, contact: str) -> str:
    """Mail in the mailboxes of a contact of which nothing was heard."""
    return waiting_words(messages, anchors, age_words(since_ms, now_ms()), contact)


def silence_words(anchors: Sequence[str], since_ms: int, contact: str) -> str:
    """Why what is said to a contact waits here."""
    return silent_words(anchors, age_words(since_ms, now_ms()), contact)


def anchor_line(view: AnchorView) -> str:
    """Everything about it on one line."""
    return f"{_standing(view)}; {_lying(view)}"


def _standing(view: AnchorView) -> str:
    if not view.up:
        return "no answer" if view.last_error else "not connected"
    return "connected" if view.latency_ms is None else f"connected, {view.latency_ms} ms"


def _lying(view: AnchorView) -> str:
    if not view.blobs:
        return "nothing lies there"
    size = f"{-(-view.size_bytes // 1024)} KiB"
    oldest = view.oldest_at_ms
    age = "" if oldest is None else f", the oldest for {age_words(oldest, now_ms())}"
    return f"{view.blobs} {'item' if view.blobs == 1 else 'items'} lie there, {size}{age}"
