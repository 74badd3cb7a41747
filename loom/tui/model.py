"""What the screen is about, as plain values; events change it, widgets read it."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from unicodedata import normalize

import msgspec

from loom.api.events import (
    AnyEvent,
    ContactChanged,
    ContactRemoved,
    ContactTyping,
    ConversationRead,
    ConversationUnread,
    FarewellAsked,
    FarewellDone,
    InviteAnswered,
    InvitesChanged,
    InviteUsed,
    MessageBookmarked,
    MessageDeleted,
    MessageEdited,
    MessageExpired,
    MessageFailed,
    MessagePinned,
    MessageQueued,
    MessageReacted,
    MessageReceived,
    MessagesDeleted,
    PeerOffline,
    PeerOnline,
    ProfileChanged,
    RequestsChanged,
    RoomForked,
    RoomKeyDiffers,
    RoomOffered,
    SessionStarted,
    TimerChanged,
    Warned,
    WholeMessage,
)
from loom.api.views import Arrival, ContactView, MessageView, OwnProfileView, ReachView, StatusView
from loom.front.lasting import asked_words, done_words
from loom.front.reach import reach_at
from loom.front.room_lines import alarm_words
from loom.front.sentences import of_warning
from loom.model import Level
from loom.printable import printable
from loom.tui import content
from loom.tui.times import now_ms

EVERYTHING: Final = Level.EVERYTHING.value
MENTIONS: Final = Level.MENTIONS.value
ARRIVALS_NAMED: Final = 3
TYPING_S: Final = 8.0
"""A peer that says nothing more has stopped typing."""


class Begun(NamedTuple):
    """What was begun in a conversation and not sent (see `SetDraft`)."""

    body: str = ""
    expires_s: int | None = None
    edits: str | None = None
    wording: str = ""

    def __repr__(self) -> str:
        return "Begun(redacted)"


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the list."""

    contact: ContactView
    preview: str | None = None
    """The last message; None: not looked up yet."""
    preview_at_ms: int = 0
    """When it was sent; 0: there is none."""
    typing: bool = False
    begun: Begun = Begun()

    @property
    def draft(self) -> str:
        """What was begun as a message."""
        return self.begun.body

    @property
    def muted(self) -> bool:
        """Whether it is muted at this moment: that ends by itself."""
        until_ms = self.contact.mute_until_ms
        return self.contact.muted and (until_ms is None or now_ms() < until_ms)

    def tells_of(self, message: MessageReceived) -> bool:
        """Whether one is notified of it; a mute holds for mentions too."""
        level = self.contact.level
        return not self.muted and (level == EVERYTHING or (level == MENTIONS and message.mention))

    @property
    def counts(self) -> bool:
        """Whether what is unread there is counted."""
        return not self.muted and not self.contact.archived

    @property
    def number(self) -> int:
        """The contact's id."""
        return self.contact.contact_id

    @property
    def name(self) -> str:
        """The contact's name as it can be shown."""
        return printable(self.contact.contact)


class Changes(msgspec.Struct, kw_only=True):
    """What a batch of events touched."""

    contacts: set[int] = msgspec.field(default_factory=set)
    """Their view has to be asked for again."""
    list_: bool = False
    title: bool = False
    status: bool = False
    warning: str = ""
    said: str = ""
    """Something good to know."""


class Model:
    """All conversations and which of them is open.

    Many methods, because each is a question that a widget asks of all of them.
    """

    def __init__(self, *, host: str = "") -> None:
        self.host = host
        """The machine with the node, if it is not this one."""
        self.status: StatusView | None = None
        self.own: OwnProfileView | None = None
        self.conversations: dict[int, Conversation] = {}
        self.order: list[int] = []
        """Those in the list: favourites, then newest first."""
        self.shows_archive = False
        """The list holds the archived conversations, and no others."""
        self.recent: list[int] = []
        """All of them, archived ones too, newest first."""
        self._words: list[str] = []
        """The list holds the names with these words."""
        self.current: int | None = None
        self.connected = True
        """Whether the node can be reached."""
        self.trouble = ""
        """Why it could not be, the last time."""
        self.requests = 0
        """How many came by an address and wait for a decision."""

    @property
    def open_(self) -> Conversation | None:
        """The conversation on the screen."""
        return None if self.current is None else self.conversations.get(self.current)

    @property
    def newest(self) -> int | None:
        """The conversation with the last message; the archived ones are left out."""
        found = (one for one in self.recent if not self.conversations[one].contact.archived)
        return next(found, None)

    @property
    def online(self) -> int:
        """How many contacts are online, by a link or through an anchor."""
        return sum(one.contact.reach.is_online for one in self.conversations.values())

    @property
    def in_mailboxes(self) -> int:
        """How many messages lie in mailboxes."""
        return sum(one.contact.reach.waiting for one in self.conversations.values())

    @property
    def queued(self) -> int:
        """How many others are not confirmed yet."""
        every = sum(one.contact.queued for one in self.conversations.values())
        return max(every - self.in_mailboxes, 0)

    @property
    def unread(self) -> int:
        """How many messages wait to be read; those of muted and archived ones do not count."""
        return sum(one.contact.unread for one in self.conversations.values() if one.counts)

    @property
    def archived(self) -> int:
        """How many conversations are archived."""
        return sum(one.contact.archived for one in self.conversations.values())

    def load(self, status: StatusView, contacts: Iterable[ContactView]) -> None:
        """Begin, or begin again after the node was away."""
        known = self.conversations
        self.status = status
        self.requests = status.requests
        self.conversations = {}
        for contact in contacts:
            before = known.get(contact.contact_id) or Conversation(contact=contact)
            self.conversations[contact.contact_id] = msgspec.structs.replace(
                before, contact=contact, typing=False
            )
        self.recent = sorted(self.conversations, key=self._newest_first)
        self._arrange()
        if self.current not in self.conversations:
            self.current = None

    def put(self, contact: ContactView) -> None:
        """A contact as the node sees it now."""
        number = contact.contact_id
        if number in self.conversations:
            self.change(number, contact=contact)
        else:
            self.conversations[number] = Conversation(contact=contact, preview="")
            self.recent.insert(0, number)
        self._arrange()

    def narrow(self, text: str) -> None:
        """Have those in the list whose names hold these words."""
        self._words = _folded(text).split()
        self._arrange()

    def show_archive(self, on: bool) -> None:
        """Have the archived ones in the list, or the others."""
        self.shows_archive = on
        self._arrange()

    def change(self, number: int, **fields: object) -> None:
        """Replace fields of one conversation."""
        known = self.conversations.get(number)
        if known is not None:
            self.conversations[number] = msgspec.structs.replace(known, **fields)

    def find(self, name: str) -> Conversation | None:
        """The conversation with the contact of that name, whatever its case."""
        wanted = name.casefold()
        for one in self.conversations.values():
            if one.contact.contact.casefold() == wanted or f"#{one.number}" == wanted:
                return one
        return None

    def with_identity(self, fingerprint: str) -> Conversation | None:
        """The conversation with the contact of that identity."""
        found = self.conversations.values()
        return next((one for one in found if one.contact.fingerprint == fingerprint), None)

    def at(self, place: int) -> Conversation | None:
        """The conversation at a place of the list."""
        return self.conversations[self.order[place]] if 0 <= place < len(self.order) else None

    def next_unread(self) -> Conversation | None:
        """The first other conversation of the list with unread messages."""
        found = (self.conversations[number] for number in self.order)
        return next(
            (
                one
                for one in found
                if one.contact.unread and one.counts and one.number != self.current
            ),
            None,
        )

    def apply(self, events: Iterable[AnyEvent]) -> Changes:
        """Let events change what is shown."""
        changes = Changes()
        for event in events:
            self._apply(event, changes)
        return changes

    def _apply(self, event: AnyEvent, changes: Changes) -> None:
        number = getattr(event, "contact_id", 0)
        match event:
            case MessageReceived():
                self._said(event, changes)
                known = self.conversations.get(number)
                if known is not None:
                    self._count(known, unread=known.contact.unread + 1)
                self.change(number, typing=False)
                changes.status = True
            case MessageQueued():
                self._said(event, changes)
                changes.contacts.add(number)
            case MessageFailed():
                changes.contacts.add(number)
                changes.list_ = True
            case MessageEdited():
                self.change(number, preview=None)
                changes.list_ = True
            case MessageReacted() | MessagePinned() | MessageBookmarked():
                pass
            case TimerChanged():
                self._said(event, changes)
                changes.contacts.add(number)
            case FarewellAsked():
                changes.contacts.add(number)
                changes.said = f"{asked_words(event.contact, event.scope)} /contact asks you."
            case FarewellDone():
                self.change(number, preview=None)
                changes.contacts.add(number)
                changes.list_ = True
                withdrawn = len(event.withdrawn)
                changes.said = done_words(event.contact, event.scope, event.direction, withdrawn)
            case MessagesDeleted() | MessageDeleted() | MessageExpired():
                self.change(number, preview=None)
                changes.contacts.add(number)
                changes.list_ = True
            case ConversationRead() | ConversationUnread():
                known = self.conversations.get(number)
                if known is not None:
                    self._count(known, unread=event.unread)
                changes.list_ = changes.status = True
            case ContactTyping():
                self.change(number, typing=event.on)
                changes.list_ = changes.title = True
            case PeerOnline():
                self._linked(number, event.address)
                changes.contacts.add(number)
                changes.list_ = changes.title = changes.status = True
            case PeerOffline():
                self.change(number, typing=False)
                self._linked(number, None)
                changes.contacts.add(number)
                changes.list_ = changes.title = changes.status = True
            case ContactChanged() | SessionStarted():
                changes.contacts.add(number)
            case ContactRemoved():
                if self.conversations.pop(number, None) is not None:
                    self.recent.remove(number)
                    self._arrange()
                if self.current == number:
                    self.current = None
                changes.list_ = changes.title = changes.status = True
            case InviteUsed() | InviteAnswered():
                changes.contacts.add(number)
                who = printable(event.contact)
                what = "accepted" if isinstance(event, InviteAnswered) else "used your invite"
                changes.said = f"{who} {what}. Compare safety numbers with /verify."
            case ProfileChanged():
                if self.own is not None:
                    self.own = msgspec.structs.replace(
                        self.own,
                        name=event.name,
                        status=event.status,
                        away=event.away,
                        invisible=event.invisible,
                    )
                changes.list_ = changes.title = changes.status = True
            case RequestsChanged():
                self.requests = event.waiting
                changes.list_ = True
            case InvitesChanged():
                changes.contacts |= {
                    one.number for one in self.conversations.values() if one.contact.joining
                }
            case RoomForked() | RoomKeyDiffers() | RoomOffered():
                changes.warning = printable(alarm_words(event))
            case Warned():
                changes.warning = printable(of_warning(event.code, event.facts))
            case _ if number:
                changes.contacts.add(number)

    def _said(self, event: WholeMessage, changes: Changes) -> None:
        number = event.contact_id
        if number not in self.conversations:
            changes.contacts.add(number)
            return
        self.change(number, preview=preview_of(event), preview_at_ms=event.sent_at_ms)
        if self.recent[:1] != [number]:
            self.recent.remove(number)
            self.recent.insert(0, number)
            self._arrange()
        changes.list_ = True

    def _count(self, known: Conversation, *, unread: int) -> None:
        contact = msgspec.structs.replace(known.contact, unread=unread)
        self.change(known.number, contact=contact)

    def _linked(self, number: int, address: str | None) -> None:
        """A link stands or ended; how else the contact is reached is asked for."""
        known = self.conversations.get(number)
        if known is not None:
            reach = ReachView() if address is None else reach_at(address)
            contact = msgspec.structs.replace(
                known.contact, online=address is not None, reach=reach
            )
            self.change(number, contact=contact)

    def _arrange(self) -> None:
        found = [
            one
            for one in map(self.conversations.__getitem__, self.recent)
            if one.contact.archived == self.shows_archive
            and (not self._words or all(word in _folded(one.name) for word in self._words))
        ]
        # Sorting keeps the order of those that are alike.
        found.sort(key=lambda one: not one.contact.favourite)
        self.order = [one.number for one in found]

    def _newest_first(self, number: int) -> tuple[int, str]:
        contact = self.conversations[number].contact
        return -(contact.last_message_at_ms or contact.created_at_ms), contact.contact


def _folded(text: str) -> str:
    return normalize("NFKC", text).casefold()


def preview_of(message: MessageView | WholeMessage) -> str:
    """The beginning of a message on one line, and whether it is one's own."""
    words = content.kind_of(message).preview(message.body)
    return f"you: {words}" if message.direction == "out" else words


def arrivals_words(arrivals: Sequence[Arrival]) -> str:
    """What came while one was away, on one line; empty: nothing."""
    if not arrivals:
        return ""
    first, others = arrivals[:ARRIVALS_NAMED], arrivals[ARRIVALS_NAMED:]
    words = [
        f"{printable(one.contact)} {one.messages}{' @' if one.mentions else ''}" for one in first
    ]
    if others:
        words.append(f"{len(others)} others {sum(one.messages for one in others)}")
    return f"While you were away: {', '.join(words)}."


def changed_words(name: str) -> str:
    """What a changed identity means."""
    return (
        f"The identity of {name} has changed: either {name} has new keys, or someone "
        "pretends to be them. Nothing is sent until you have compared safety numbers."
    )
