"""What a front end is shown of conversations: drafts, arrivals, preferences."""

import msgspec

from loom.api.view import View


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What was begun, as `SetDraft` was given it.

    `edits` without a `wording`: that message was deleted meanwhile, and the wording with it.
    """

    contact_id: int
    body: str
    expires_s: int | None = None
    edits: str | None = None
    wording: str = ""

    def __repr__(self) -> str:
        return f"Draft({self.contact_id})"


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What came from one contact."""

    contact: str
    contact_id: int
    messages: int
    mentions: int


class RoomArrival(msgspec.Struct, frozen=True, kw_only=True):
    """What came to one room, without its muted channels; `number` is that of the room."""

    room: str
    room_id: str
    number: int
    posts: int
    mentions: int


class Arrivals(View, frozen=True, kw_only=True, tag="arrivals"):
    """Unread messages and posts that came while nobody looked, most of them first.

    None of what is muted. `last_open_id`: the contact whose conversation was looked at last (see
    `NoteLeaving`); `last_room_id` and `last_channel`: the room, if that was one.
    """

    arrivals: list[Arrival]
    last_open_id: int | None = None
    rooms: list[RoomArrival] = []
    last_room_id: str | None = None
    last_channel: str = ""


class Drafts(View, frozen=True, kw_only=True, tag="drafts"):
    """Texts that were begun, by contact; `more`: ask for those after the last of these."""

    drafts: list[Draft]
    more: bool = False


class Preference(msgspec.Struct, frozen=True, kw_only=True):
    """What one allows; `contact_id` None: everybody."""

    contact_id: int | None = None
    read_receipts: bool = True
    typing: bool = True
    late_receipts: bool = False
    """Receipts that go through an anchor wait 30 to 300 seconds; only of everybody."""
    ask_farewells: bool = False
    """One is asked whether what a contact asks to delete is deleted; only of everybody."""
    verify_first: bool = False
    """A contact's new identity, though proven with their recovery words, is sent nothing before it
    is verified."""


class Preferences(View, frozen=True, kw_only=True, tag="preferences"):
    """Everybody's, and those of contacts that differ."""

    everybody: Preference
    contacts: list[Preference]
