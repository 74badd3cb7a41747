"""What a front end is shown of messages."""

import msgspec

from loom.api.file_views import FileView
from loom.api.view import View


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The message that another answers: at most 200 characters of it, none once it is `gone`."""

    direction: str
    row_id: int | None = None
    body: str = ""
    gone: bool = False


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody answered with one sign; `contact` None: oneself."""

    contact: str | None
    emoji: str


class MessageView(View, frozen=True, kw_only=True, tag="message"):
    """One message of a conversation, as it is shown now.

    `deleted`: its author deleted it for both, and nothing of it is left. `pinned`: by either side.
    """

    message_id: str
    contact: str
    contact_id: int
    direction: str
    body: str
    state: str
    sent_at_ms: int
    stored_at_ms: int
    row_id: int
    kind: str = "text"
    edited: bool = False
    deleted: bool = False
    reply_to: str | None = None
    """The id of the message that it answers."""
    quote: Quote | None = None
    reactions: list[Reaction] = []
    pinned: bool = False
    bookmarked: bool = False
    expires_s: int = 0
    """The timer it was written under, or that the line of kind `timer` set; 0: none."""
    expires_at_ms: int | None = None
    """When it is deleted here; an unread one has 30 days more."""
    mention: bool = False
    """It holds @ and one's own name."""
    file: FileView | None = None
    """Of kind `file`: what was offered, as it stands now; the `body` is its caption."""


class DeliveryView(View, frozen=True, kw_only=True, tag="delivery"):
    """Where one's own message is now.

    `where`: here (nothing has taken it yet), link (handed to the contact's link), mailbox (stored
    at `anchor` since `since_ms`), there (receipted), nowhere (it will not leave).
    """

    message_id: str
    contact: str
    contact_id: int
    state: str
    where: str
    anchor: str = ""
    since_ms: int | None = None


class Messages(View, frozen=True, kw_only=True, tag="messages"):
    """A page of messages."""

    messages: list[MessageView]


class Wording(msgspec.Struct, frozen=True, kw_only=True):
    """What a text said, from `sent_at_ms` on by its author's clock."""

    body: str
    sent_at_ms: int


class Wordings(View, frozen=True, kw_only=True, tag="wordings"):
    """The history of an edited text: the original first, then its last 20 wordings."""

    message_id: str
    contact: str
    contact_id: int
    wordings: list[Wording]
