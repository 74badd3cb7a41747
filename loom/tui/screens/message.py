"""One message: when it was sent, who reacted to it, and what it said before."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from loom.api.events import (
    AnyEvent,
    FarewellDone,
    MessageDeleted,
    MessageEvent,
    MessageExpired,
    MessagesDeleted,
    RoomPosted,
)
from loom.api.file_views import FileView
from loom.api.message_commands import History, ShowEdits
from loom.api.message_views import MessageView, Wording
from loom.api.room_commands import FindPost, ShowPostEdits
from loom.api.room_views import PostWording
from loom.printable import printable
from loom.tui.content import kind_of
from loom.tui.content.reactions import COUNTED_MAX, named, shown_sign, written
from loom.tui.kit.items import GAP, Button, Fact, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.posts import Post, post_of
from loom.tui.screens.file import FilePanel
from loom.tui.times import clock_of, day_words

STATES: Final = {
    "queued": "waiting to be sent",
    "sent": "handed on",
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
}


class MessagePanel(LivePanel):
    """Follows the message while it is shown."""

    heading = "Message"

    def __init__(self, loom: Owner, message: MessageView) -> None:
        super().__init__(loom)
        self.loom = loom
        self._message = message
        self._wordings: Sequence[Wording | PostWording] = ()
        self._is_here = True

    async def load(self) -> None:
        """See `LivePanel.load`."""
        one = self._message
        if isinstance(one, Post):
            command = FindPost(room=one.room_id, name=one.message_id)
            self._message = post_of(await self.loom.send(command), one.contact_id)
            self._wordings = ()
            if self._message.edited and not self._message.deleted:
                shown = ShowPostEdits(room=one.room_id, post_id=one.message_id)
                self._wordings = (await self.loom.send(shown)).wordings
            return
        contact, after = f"#{one.contact_id}", one.row_id + 1
        page = (await self.loom.send(History(contact=contact, before_row=after, limit=1))).messages
        self._is_here = bool(page) and page[0].row_id == one.row_id
        if not self._is_here:
            self._wordings = ()
            return
        self._message = page[0]
        if self._message.edited and not self._message.deleted:
            edits = ShowEdits(contact=contact, message_id=one.message_id)
            self._wordings = (await self.loom.send(edits)).wordings
        else:
            self._wordings = ()

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        match event:
            case RoomPosted():
                return event.post_id == self._message.message_id
            case MessageEvent():
                return event.message_id == self._message.message_id
            case MessageDeleted() | MessageExpired() | MessagesDeleted(message_ids=list()):
                return self._message.message_id in (event.message_ids or ())
            case MessagesDeleted() | FarewellDone():
                return event.contact_id == self._message.contact_id
        return False

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        one = self._message
        if not self._is_here:
            return [Text("This message is not here any more.", "hint")]
        name = printable(one.contact)
        items: list[Item] = [
            Fact("From", "you" if one.direction == "out" else name),
            Fact("Sent", _when(one.sent_at_ms)),
        ]
        if one.direction == "out" and not isinstance(one, Post):
            items.append(Fact("State", STATES.get(one.state, printable(one.state))))
        if one.pinned:
            items.append(Fact("Pinned", "for everybody" if isinstance(one, Post) else "for both"))
        if one.bookmarked:
            items.append(Fact("Bookmarked", "only here"))
        items += [GAP, Text("Reactions", "title")]
        for reaction in one.reactions[:COUNTED_MAX]:
            sign = shown_sign(reaction.emoji)
            words = written(sign, self.loom.look.signs)
            if self.loom.look.signs.unicode and named(sign):
                words = f"{words}  {named(sign)}"
            items.append(
                Fact("you" if reaction.contact is None else printable(reaction.contact), words)
            )
        if not one.reactions:
            items.append(Text("Nobody has reacted.", "hint"))
        if self._wordings:
            items += [GAP, Text("What it said, the newest first", "title")]
            for wording in reversed(self._wordings):
                items += [
                    Text(_when(wording.sent_at_ms), "hint"),
                    Text(printable(wording.body, multiline=True)),
                ]
        elif not one.edited:
            items += [GAP, Text(printable(one.body, multiline=True))]
        if one.file is not None:
            items += [GAP, Button("Show the file", partial(self._show_file, one.file))]
        if one.deleted:
            items += [GAP, Text(kind_of(one).preview(one), "gone")]
        return items

    def _show_file(self, file: FileView) -> None:
        self.loom.push_screen(FilePanel(self.loom, file))


def _when(at_ms: int) -> str:
    return f"{day_words(at_ms)}, {clock_of(at_ms)}"
