"""What may be asked of the node about messages."""

from loom.api.command import Command
from loom.api.message_views import DeliveryView, Messages, MessageView, Wordings
from loom.api.view import Done


class SendText(Command[MessageView], frozen=True, kw_only=True, tag="send_text"):
    """Queue a text durably, perhaps as an answer; the result is the stored message."""

    contact: str
    body: str
    reply_to: str | None = None
    expires_s: int | None = None
    """The timer of this message, 5 s to a year, 0 for none; None: the conversation's."""


class EditMessage(Command[MessageView], frozen=True, kw_only=True, tag="edit_message"):
    """Give a text of one's own another wording on both sides."""

    contact: str
    message_id: str
    body: str


class ShowEdits(Command[Wordings], frozen=True, kw_only=True, tag="show_edits"):
    """Every wording of a text that is kept."""

    contact: str
    message_id: str


class React(Command[MessageView], frozen=True, kw_only=True, tag="react"):
    """Answer a message with one sign, instead of an earlier one; "" takes it back."""

    contact: str
    message_id: str
    emoji: str


class Pin(Command[MessageView], frozen=True, kw_only=True, tag="pin"):
    """Keep a message in sight on both sides, or no longer. One's own pin, not the contact's."""

    contact: str
    message_id: str
    on: bool = True


class ListPins(Command[Messages], frozen=True, kw_only=True, tag="list_pins"):
    """The pinned messages, the newest pin first: at most 50 of each side."""

    contact: str


class Bookmark(Command[MessageView], frozen=True, kw_only=True, tag="bookmark"):
    """Keep a message findable here; nobody is told."""

    contact: str
    message_id: str
    on: bool = True


class ListBookmarks(Command[Messages], frozen=True, kw_only=True, tag="list_bookmarks"):
    """Bookmarked messages, newest first; `contact` None: of all conversations.

    `before_row` of a page's last message gives the next page.
    """

    contact: str | None = None
    limit: int = 50
    before_row: int | None = None


class Forward(Command[Messages], frozen=True, kw_only=True, tag="forward"):
    """Send texts and files on to others, as one's own; the result is what was queued.

    A file has to be here whole. Its content is copied under other keys, unless it is read in place.
    """

    contact: str
    message_ids: list[str]
    to: list[str]


class History(Command[Messages], frozen=True, kw_only=True, tag="history"):
    """The newest messages of a conversation, oldest first, within [since, before).

    With `oldest`, the oldest ones within these bounds instead; with `unread`, none before the
    first unread one.
    """

    contact: str
    limit: int = 50
    before_ms: int | None = None
    since_ms: int | None = None
    before_row: int | None = None
    after_row: int | None = None
    oldest: bool = False
    unread: bool = False


class FindMessage(Command[MessageView], frozen=True, kw_only=True, tag="find_message"):
    """The message that people name: by its id, by `#` and its `row_id`, `last` or `theirs`.

    `last` is the newest of one's own, `theirs` of the contact's; neither was deleted.
    """

    contact: str
    name: str


class ShowDelivery(Command[DeliveryView], frozen=True, kw_only=True, tag="show_delivery"):
    """Where one of one's own messages is now."""

    contact: str
    message_id: str


class RetryMessage(Command[MessageView], frozen=True, kw_only=True, tag="retry_message"):
    """Queue a failed text or file again in place of the failed one; the result is the new one."""

    contact: str
    message_id: str


class DeleteMessages(Command[Done], frozen=True, kw_only=True, tag="delete_messages"):
    """Delete messages here; an undelivered one is withdrawn. `message_ids` None: all.

    `for_both`: delete messages of one's own on the contact's side, too; one that never left is
    only withdrawn.
    """

    contact: str
    message_ids: list[str] | None
    for_both: bool = False


class Search(Command[Messages], frozen=True, kw_only=True, tag="search"):
    """Full-text search, newest first; `before_row` of a page's last message gives the next page.

    A message must hold every word of `text`, or a longer one that begins so, and every phrase in
    quotes; whatever it is, it is no error. `text` may be empty when something else is given.
    `author`: a contact, or `me`. Times are those of `sent_at_ms`, since <= sent < before.
    """

    text: str
    contact: str | None = None
    author: str | None = None
    has_link: bool = False
    is_pinned: bool = False
    limit: int = 50
    since_ms: int | None = None
    before_ms: int | None = None
    before_row: int | None = None
