"""What the screen is about, as plain values; events change it, widgets read it."""

from collections.abc import Iterable, Sequence
from typing import Final
from unicodedata import normalize

import msgspec

from loom.api.contact_views import ContactView, ReachView
from loom.api.conversation_views import Arrival, RoomArrival
from loom.api.events import (
    AnyEvent,
    ContactChanged,
    ContactRemoved,
    ContactTyping,
    ConversationRead,
    ConversationUnread,
    FarewellAsked,
    FarewellDone,
    FileChanged,
    FileProgress,
    IdentityNoted,
    InviteAnswered,
    InvitesChanged,
    InviteUsed,
    MachineDecided,
    MachineFound,
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
    RoomJoined,
    RoomKeyDiffers,
    RoomLeft,
    RoomOffered,
    RoomPostChanged,
    RoomPosted,
    RoomRead,
    RoomStateChanged,
    RoomUnread,
    SessionStarted,
    TimerChanged,
    Warned,
    WholeMessage,
)
from loom.api.message_views import MessageView
from loom.api.profile_views import OwnProfileView, StatusView
from loom.api.room_views import RoomView
from loom.front.file_words import news_words
from loom.front.lasting import asked_words, done_words
from loom.front.reach import reach_at
from loom.front.room_lines import alarm_words
from loom.front.sentences import of_warning
from loom.printable import printable
from loom.tui import content
from loom.tui.begun import Begun
from loom.tui.channels import EVERYTHING, MENTIONS, Channel, Room, Rooms
from loom.tui.times import now_ms

ARRIVALS_NAMED: Final = 3
CHANNELS_SHOWN: Final = 12
"""So many channels of the open room the list has at once."""
TYPING_S: Final = 8.0
"""A peer that says nothing more has stopped typing."""


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

    def tells_of(self, message: MessageReceived | RoomPosted) -> bool:
        """Whether one is notified of it; a mute holds for mentions too."""
        level = self.contact.level
        return not self.muted and (level == EVERYTHING or (level == MENTIONS and message.mention))

    @property
    def counts(self) -> bool:
        """Whether what is unread there is counted."""
        return not self.muted and not self.contact.archived

    @property
    def unread(self) -> int:
        """How many messages wait to be read."""
        return self.contact.unread

    @property
    def number(self) -> int:
        """The contact's id."""
        return self.contact.contact_id

    @property
    def reference(self) -> str:
        """What commands call the contact."""
        return f"#{self.number}"

    @property
    def name(self) -> str:
        """The contact's name as it can be shown."""
        return printable(self.contact.contact)


Listed = Conversation | Channel
"""What one opens from the list: with a contact, or with all of a room."""


class Changes(msgspec.Struct, kw_only=True):
    """What a batch of events touched."""

    contacts: set[int] = msgspec.field(default_factory=set)
    """Their view has to be asked for again."""
    rooms: set[str] = msgspec.field(default_factory=set)
    """Likewise, by the rooms' ids."""
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
        """Those with contacts, by their ids."""
        self.rooms = Rooms()
        """All rooms; their channels have numbers below 0."""
        self.order: list[int] = []
        """What one opens from the list: favourites, then newest first.

        Of the open room all channels, of another one that where one arrives.
        """
        self.shows_archive = False
        """The list holds the archived conversations, and no others."""
        self.recent: list[int] = []
        """Contacts, archived ones too, and channels, newest first."""
        self._words: list[str] = []
        """The list holds the names with these words."""
        self._current: int | None = None
        self.connected = True
        """Whether the node can be reached."""
        self.trouble = ""
        """Why it could not be, the last time."""
        self.requests = 0
        """How many came by an address and wait for a decision."""

    @property
    def current(self) -> int | None:
        """The number of the conversation or channel on the screen."""
        return self._current

    @current.setter
    def current(self, number: int | None) -> None:
        before, room = self.rooms.room_of(self._current), self.rooms.room_of(number)
        self._current = number
        if room is not None and number is not None:
            self.rooms.change(room.view.room_id, last=self.rooms.channel_of(number))
        if room is not before or (self.place is not None and self.place not in self.order):
            self._arrange()

    @property
    def open_(self) -> Conversation | None:
        """The conversation with a contact that is on the screen."""
        return None if self.current is None else self.conversations.get(self.current)

    @property
    def channel(self) -> Channel | None:
        """The channel that is on the screen."""
        return self.rooms.channels.get(self.current or 0)

    @property
    def here(self) -> Listed | None:
        """What is on the screen."""
        return self.open_ or self.channel

    @property
    def newest(self) -> int | None:
        """Where the last message came; the archived ones are left out."""
        found = (one for one in self.recent if not self._is_archived(one))
        return next(found, None)

    @property
    def place(self) -> int | None:
        """What of the list is on the screen: of a thread its channel."""
        return None if self.current is None else self.rooms.channel_of(self.current)

    def listed(self, number: int) -> Listed | None:
        """A conversation or a channel."""
        return self.conversations.get(number) or self.rooms.channels.get(number)

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
        every: list[Listed] = [*self.conversations.values(), *self.rooms.listed]
        return sum(one.unread for one in every if one.counts)

    @property
    def archived(self) -> int:
        """How many conversations are archived."""
        return sum(one.contact.archived for one in self.conversations.values())

    def load(
        self,
        status: StatusView,
        contacts: Iterable[ContactView],
        rooms: Iterable[RoomView] = (),
    ) -> None:
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
        self.rooms.load(rooms)
        every = [*self.conversations, *(one.number for one in self.rooms.listed)]
        self.recent = sorted(every, key=self._newest_first)
        self._arrange()
        if self.here is None:
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

    def put_room(self, view: RoomView) -> None:
        """A room as the node sees it now."""
        self.rooms.put(view)
        there = [one for one in self.recent if self.listed(one) is not None]
        new = [one for one in self.rooms.rooms[view.room_id].numbers if one not in there]
        self.recent = [*new, *there]
        self._arrange()
        if self.here is None:
            self.current = None

    def forget_room(self, room_id: str) -> None:
        """A room is not there any more."""
        gone = self.rooms.forget(room_id)
        self.recent = [one for one in self.recent if one not in gone]
        if self.current in gone:
            self.current = None
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
        """Replace fields of one conversation or channel."""
        known = self.conversations.get(number)
        if known is not None:
            self.conversations[number] = msgspec.structs.replace(known, **fields)
        elif (channel := self.rooms.channels.get(number)) is not None:
            self.rooms.channels[number] = msgspec.structs.replace(channel, **fields)

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

    def find_channel(self, name: str) -> Channel | None:
        """The channel where one arrives in the room of that name, or `ROOM #CHANNEL`."""
        wanted = name.casefold()
        for room in self.rooms.rooms.values():
            if room.view.room.casefold() == wanted:
                return self.rooms.channels[room.last]
        found = (one for one in self.rooms.listed if one.name.casefold() == wanted)
        return next(found, None)

    def at(self, place: int) -> Listed | None:
        """What one opens at a place of the list."""
        return self.listed(self.order[place]) if 0 <= place < len(self.order) else None

    def next_unread(self) -> Listed | None:
        """The first other one of the list with something unread."""
        for number in self.order:
            room = self.rooms.room_of(number)
            for one in map(self.listed, [number] if room is None else room.numbers):
                if one is not None and one.unread and one.counts and one.number != self.place:
                    return one
        return None

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
            case MessageReacted() | MessagePinned() | MessageBookmarked() | FileProgress():
                pass
            case TimerChanged():
                self._said(event, changes)
                changes.contacts.add(number)
            case IdentityNoted():
                self._said(event, changes)
                changes.contacts.add(number)
                changes.list_ = changes.title = True
            case FileChanged():
                self._file_changed(event, changes)
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
            case ContactChanged() | SessionStarted() | MachineFound():
                changes.contacts.add(number)
            case MachineDecided():
                everyone = self.conversations.items()
                changes.contacts |= {n for n, one in everyone if one.contact.reach.how == "held"}
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
            case RoomPostChanged():
                room = self.rooms.rooms.get(event.room_id)
                last = None if room is None else room.view.last
                if last is not None and last.post_id == event.post_id:
                    changes.rooms.add(event.room_id)
            case RoomPosted():
                self._posted(event, changes)
            case RoomRead() | RoomUnread():
                changes.rooms.add(event.room_id)
            case RoomStateChanged():
                changes.rooms.add(event.room_id)
            case RoomJoined():
                changes.rooms.add(event.room_id)
                changes.said = f"You are in the room {printable(event.room)} now."
            case RoomLeft():
                changes.rooms.add(event.room_id)
                if event.by:
                    by, name = printable(event.by), printable(event.room)
                    changes.said = f"{by} removed you from the room {name}."
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

    @staticmethod
    def _file_changed(event: FileChanged, changes: Changes) -> None:
        """What became of a file is said where one may look elsewhere."""
        if event.file is None:
            return
        words = news_words(event.file)
        if event.state == "failed":
            changes.warning = words
        elif words:
            changes.said = words

    def _posted(self, event: RoomPosted, changes: Changes) -> None:
        number = self.rooms.number_of(event.room_id, event.channel)
        if number not in self.rooms.channels:
            changes.rooms.add(event.room_id)
            return
        self.rooms.posted(number, event)
        if self.recent[:1] != [number]:
            self.recent.remove(number)
            self.recent.insert(0, number)
            self._arrange()
        changes.list_ = changes.status = True

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
        found: list[int] = []
        open_, seen = self.rooms.room_of(self.current), set[str]()
        for number in self.recent:
            room = self.rooms.room_of(number)
            if self._is_archived(number) != self.shows_archive:
                continue
            if room is None:
                found += [number] if self._has_words(self.conversations[number].name) else []
            elif room.view.room_id not in seen:
                seen.add(room.view.room_id)
                found += self._shown_of(room, is_open=room is open_)
        # Sorting keeps the order of those that are alike.
        found.sort(key=lambda one: not self._is_favourite(one))
        self.order = found

    def _shown_of(self, room: Room, *, is_open: bool) -> list[int]:
        """The channels of a room that the list shows."""
        if self._has_words(room.name):
            return self._channels_of(room) if is_open else [room.last]
        channels = (self.rooms.channels[one] for one in room.numbers)
        return [one.number for one in channels if self._words and self._has_words(one.name)]

    def _channels_of(self, room: Room) -> list[int]:
        """Of many channels the open one, those with something unread or begun, and the newest."""
        if len(room.numbers) <= CHANNELS_SHOWN:
            return room.numbers
        newest = {number: at for at, number in enumerate(self.recent)}

        def rank(number: int) -> tuple[bool, bool, bool, int]:
            one = self.rooms.channels[number]
            return number != self.place, not one.unread, not one.draft, newest.get(number, 0)

        shown = {*sorted(room.numbers, key=rank)[:CHANNELS_SHOWN]}
        return [one for one in room.numbers if one in shown]

    def _has_words(self, name: str) -> bool:
        return not self._words or all(word in _folded(name) for word in self._words)

    def _is_archived(self, number: int) -> bool:
        known = self.conversations.get(number)
        return known is not None and known.contact.archived

    def _is_favourite(self, number: int) -> bool:
        known = self.conversations.get(number)
        return known is not None and known.contact.favourite

    def _newest_first(self, number: int) -> tuple[int, str]:
        if (channel := self.rooms.channels.get(number)) is not None:
            room = channel.room
            return -(room.last_post_at_ms or room.created_at_ms), room.room
        contact = self.conversations[number].contact
        return -(contact.last_message_at_ms or contact.created_at_ms), contact.contact


def _folded(text: str) -> str:
    return normalize("NFKC", text).casefold()


def preview_of(message: MessageView | WholeMessage) -> str:
    """The beginning of a message on one line, and whether it is one's own."""
    words = content.kind_of(message).preview(message)
    return f"you: {words}" if message.direction == "out" else words


def arrivals_words(arrivals: Sequence[Arrival], rooms: Sequence[RoomArrival] = ()) -> str:
    """What came while one was away, on one line; empty: nothing."""
    came = [(one.messages, one.contact, one.mentions) for one in arrivals]
    came += [(one.posts, one.room, one.mentions) for one in rooms]
    if not came:
        return ""
    came.sort(key=lambda one: -one[0])
    first, others = came[:ARRIVALS_NAMED], came[ARRIVALS_NAMED:]
    words = [
        f"{printable(name)} {many}{' @' if mentions else ''}" for many, name, mentions in first
    ]
    if others:
        words.append(f"{len(others)} others {sum(many for many, *_ in others)}")
    return f"While you were away: {', '.join(words)}."
