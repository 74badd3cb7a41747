"""What an event makes of a message that is listed, asked about or waits to come back."""

from collections.abc import Iterable, Sequence

import msgspec

from loom.api.events import (
    AnyEvent,
    ContactRemoved,
    FarewellDone,
    MessageDeleted,
    MessageExpired,
    MessagesDeleted,
    RoomPostChanged,
)
from loom.api.message_views import MessageView


def ends(event: AnyEvent) -> bool:
    """Whether messages may be gone by it."""
    return isinstance(
        event,
        MessageExpired
        | MessageDeleted
        | MessagesDeleted
        | FarewellDone
        | ContactRemoved
        | RoomPostChanged,
    )


def is_left(message: MessageView, happened: Iterable[AnyEvent]) -> bool:
    """Whether a message still says something after these events."""
    now: MessageView | None = message
    for event in happened:
        now = None if now is None else after(event, now)
    return now is not None and not now.deleted


def after(event: AnyEvent, message: MessageView) -> MessageView | None:
    """A message as it is after an event; None: it is gone."""
    if isinstance(event, RoomPostChanged):
        is_it = event.deleted and event.post_id == message.message_id
        return _emptied(message, message.state) if is_it else message
    if getattr(event, "contact_id", None) != message.contact_id:
        return message
    withdrawn: Sequence[str] = ()
    match event:
        case MessageExpired():
            is_gone = (
                message.message_id in event.message_ids and message.direction == event.direction
            )
            withdrawn = event.withdrawn
        case FarewellDone():
            is_gone = event.before_ms is None or message.sent_at_ms <= event.before_ms
            withdrawn = event.withdrawn
        case MessagesDeleted():
            is_gone = event.message_ids is None or message.message_id in event.message_ids
        case MessageDeleted():
            is_gone = False
            if message.message_id in event.message_ids and message.direction == event.direction:
                return _emptied(message, message.state)
        case _:
            is_gone = isinstance(event, ContactRemoved)
    if message.message_id in withdrawn and message.direction == "out":
        return _emptied(message, "withdrawn")
    return None if is_gone else message


def _emptied(message: MessageView, state: str) -> MessageView:
    """That there was one."""
    return msgspec.structs.replace(
        message,
        state=state,
        deleted=True,
        body="",
        file=None,
        reactions=[],
        reply_to=None,
        quote=None,
    )
