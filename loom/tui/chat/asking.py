"""The commands that say or change something in a conversation: with a contact, or in a room."""

from typing import Any, Final

from loom.api.command import Command
from loom.api.conversation_commands import SetDraft
from loom.api.message_commands import Bookmark, EditMessage, Pin, React, SendText
from loom.api.message_views import MessageView
from loom.api.room_commands import (
    BookmarkPost,
    EditPost,
    PinPost,
    ReactToPost,
    SendPost,
    SetRoomDraft,
)
from loom.front.forwarding import send_on
from loom.front.outgoing_files import InRoom
from loom.tui.begun import Begun
from loom.tui.channels import Channel
from loom.tui.model import Listed
from loom.tui.posts import Post

AS_THE_ROOM: Final = 0
"""The timer of a post that has none of its own."""


def say(
    here: Listed, body: str, *, reply_to: str | None = None, expires_s: int | None = None
) -> Command[Any]:
    """Send a text; `expires_s` None: it disappears as all do there, 0: never."""
    if isinstance(here, Channel):
        return SendPost(
            room=here.reference,
            channel=here.view.channel,
            thread=here.thread,
            body=body,
            reply_to=reply_to,
            expires_s=expires_s or AS_THE_ROOM,
        )
    return SendText(contact=here.reference, body=body, reply_to=reply_to, expires_s=expires_s)


def say_again(message: MessageView, there: Listed) -> Command[Any]:
    """Say as one's own there what somebody wrote or offered."""
    if isinstance(there, Channel):
        return send_on(message, InRoom(there.reference, there.view.channel, there.thread))
    return send_on(message, there.reference)


def keep(here: Listed, begun: Begun) -> Command[Any]:
    """Keep what was begun."""
    if isinstance(here, Channel):
        return SetRoomDraft(
            room=here.reference,
            channel=here.view.channel,
            thread=here.thread,
            body=begun.body,
            reply_to=begun.reply_to,
            expires_s=begun.expires_s or AS_THE_ROOM,
            edits=begun.edits,
            wording=begun.wording,
        )
    return SetDraft(
        contact=here.reference,
        body=begun.body,
        expires_s=begun.expires_s,
        edits=begun.edits,
        wording=begun.wording,
    )


def reword(message: MessageView, body: str) -> Command[Any]:
    """Give one's own message another wording."""
    if isinstance(message, Post):
        return EditPost(room=message.room_id, post_id=message.message_id, body=body)
    return EditMessage(contact=_contact(message), message_id=message.message_id, body=body)


def react(message: MessageView, emoji: str) -> Command[Any]:
    """Answer with one sign; "" takes it back."""
    if isinstance(message, Post):
        return ReactToPost(room=message.room_id, post_id=message.message_id, emoji=emoji)
    return React(contact=_contact(message), message_id=message.message_id, emoji=emoji)


def pin(message: MessageView, *, on: bool) -> Command[Any]:
    """Keep it in sight for everybody there, or no longer."""
    if isinstance(message, Post):
        return PinPost(room=message.room_id, post_id=message.message_id, on=on)
    return Pin(contact=_contact(message), message_id=message.message_id, on=on)


def bookmark(message: MessageView, *, on: bool) -> Command[Any]:
    """Keep it in the list of bookmarks, here only, or no longer."""
    if isinstance(message, Post):
        return BookmarkPost(room=message.room_id, post_id=message.message_id, on=on)
    return Bookmark(contact=_contact(message), message_id=message.message_id, on=on)


def _contact(message: MessageView) -> str:
    return f"#{message.contact_id}"
