"""What may be asked of the node about conversations: what is read, drafts, preferences."""

from loom.api.command import Command
from loom.api.contact_views import (
    ContactView,
)
from loom.api.conversation_views import Arrivals, Drafts, Preferences
from loom.api.message_views import Messages
from loom.api.view import Done


class SetTimer(Command[ContactView], frozen=True, kw_only=True, tag="set_timer"):
    """Let later messages of a conversation disappear after so long, 5 s to a year; 0: never.

    The shorter one of both sides' timers holds.
    """

    contact: str
    expires_s: int


class MarkRead(Command[Done], frozen=True, kw_only=True, tag="mark_read"):
    """Incoming messages from `from_row` to `row_id` were seen; `receipt` tells the sender.

    Nobody is told twice: what was marked unread again is only marked read.
    """

    contact: str
    row_id: int
    from_row: int = 0
    receipt: bool = True


class MarkUnread(Command[Done], frozen=True, kw_only=True, tag="mark_unread"):
    """Incoming messages from `row_id` on are unread again, here only; None: the newest one."""

    contact: str
    row_id: int | None = None


class ListMentions(Command[Messages], frozen=True, kw_only=True, tag="list_mentions"):
    """Messages that mention the owner, newest first; `before_row` of the last gives the next."""

    limit: int = 50
    before_row: int | None = None


class NoteLeaving(Command[Done], frozen=True, kw_only=True, tag="note_leaving"):
    """Nobody looks any more: what comes from now on is an arrival.

    What was looked at last: the conversation with `contact`, or `channel` of the room with this
    `room_id`.
    """

    contact: str | None = None
    room_id: str | None = None
    channel: str = ""


class ListArrivals(Command[Arrivals], frozen=True, kw_only=True, tag="list_arrivals"):
    """What came since `NoteLeaving` and is unread."""


class SetTyping(Command[Done], frozen=True, kw_only=True, tag="set_typing"):
    """Tell a connected contact that one is typing, or no longer."""

    contact: str
    on: bool


class ListDrafts(Command[Drafts], frozen=True, kw_only=True, tag="list_drafts"):
    """What was begun and not sent, of contacts with a number above `after`: some MiB at once."""

    after: int = 0


class SetDraft(Command[Done], frozen=True, kw_only=True, tag="set_draft"):
    """Keep what was begun; a draft with nothing in it is forgotten.

    `body`: a message, at most 1 MiB, with its timer `expires_s` (see `SendText`).
    `wording`: what is to replace the text of the message `edits`, at most 128 KiB.
    """

    contact: str
    body: str
    expires_s: int | None = None
    edits: str | None = None
    wording: str = ""

    def __repr__(self) -> str:
        return "SetDraft(redacted)"


class ListPreferences(Command[Preferences], frozen=True, kw_only=True, tag="list_preferences"):
    """What holds for everybody, and for each contact that differs from it."""


class SetPreferences(Command[Done], frozen=True, kw_only=True, tag="set_preferences"):
    """Change what is not None; `contact` None: for everybody.

    A read receipt or a typing sign leaves only where both, everybody's and the contact's, allow it.
    """

    contact: str | None = None
    read_receipts: bool | None = None
    typing: bool | None = None
    late_receipts: bool | None = None
    """Only for everybody."""
    ask_farewells: bool | None = None
    """Only for everybody: decide oneself whether what a contact asks to delete is deleted."""
    verify_first: bool | None = None
    """Send nothing to a contact's new identity, though proven with their recovery words, before it
    is verified; where everybody's or the contact's says so."""
    muted: bool | None = None
    """This and what follows only for one contact. True: for ever, unless `mute_until_ms` is set."""
    mute_until_ms: int | None = None
    """Unix milliseconds."""
    level: str | None = None
    """Notifications: everything, mentions or nothing."""
    archived: bool | None = None
    favourite: bool | None = None
