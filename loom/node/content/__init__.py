"""What taking in each kind of payload does: one file per kind, and the table of all."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from loom.node.content import (
    delete,
    edit,
    farewell,
    file,
    file_state,
    join,
    mailboxes,
    pin,
    profile,
    react,
    receipt,
    room_events,
    room_have,
    room_key,
    text,
    timer,
    typing,
)
from loom.node.content.intake import Intake
from loom.wire.content import (
    Delete,
    Edit,
    Farewell,
    File,
    FileState,
    Join,
    Mailboxes,
    Payload,
    Pin,
    Profile,
    React,
    Receipt,
    RoomEvents,
    RoomHave,
    RoomKey,
    Text,
    Timer,
    Typing,
)

TAKE_IN: Final[Mapping[type[Payload], Callable[[Intake, Any], None]]] = {
    Text: text.take_in,
    Receipt: receipt.take_in,
    Typing: typing.take_in,
    Profile: profile.take_in,
    Mailboxes: mailboxes.take_in,
    Join: join.take_in,
    Edit: edit.take_in,
    Delete: delete.take_in,
    React: react.take_in,
    Pin: pin.take_in,
    Timer: timer.take_in,
    Farewell: farewell.take_in,
    File: file.take_in,
    FileState: file_state.take_in,
    RoomEvents: room_events.take_in,
    RoomHave: room_have.take_in,
    RoomKey: room_key.take_in,
}
"""By the payload's type. Runs inside the transaction of its envelope, perhaps twice, the first time
undone. A receipted payload is taken in once, however often it comes."""

TAKEN_OF_ACQUAINTANCES: Final = (Receipt, Mailboxes, FileState, RoomEvents, RoomHave, RoomKey)
"""Of a member of a common room who is no contact nothing else is (docs/PROTOCOL.md 14.7), and a
FileState about files of rooms alone."""

TAKEN_OF_STUBS: Final = (Farewell, Receipt, Mailboxes)
"""Of a removed contact nothing else is taken in or receipted (docs/PROTOCOL.md 6.3)."""
