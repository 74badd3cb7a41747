"""What the node tells its front ends. Stored events have a `seq` and can be replayed."""

import msgspec

from loom.api.file_views import FileView
from loom.api.message_views import Quote, Reaction
from loom.api.pairing_views import PairingPeer
from loom.api.room_views import (
    Mentioned,
    PollView,
    PostQuote,
    PostReaction,
    ProposalView,
    RoomLine,
)


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something happened. `seq` is 0 for live events, which are not stored."""

    v: int = 1
    seq: int = 0


class MessageEvent(Event, frozen=True, kw_only=True):
    """Something happened to a message."""

    message_id: str
    contact: str
    contact_id: int


class WholeMessage(MessageEvent, frozen=True, kw_only=True):
    """A message as it is shown then, and as it is shown now when replayed (see `MessageView`)."""

    direction: str
    body: str
    state: str
    sent_at_ms: int
    stored_at_ms: int = 0
    row_id: int
    kind: str = "text"
    edited: bool = False
    deleted: bool = False
    reply_to: str | None = None
    quote: Quote | None = None
    reactions: list[Reaction] = []
    pinned: bool = False
    bookmarked: bool = False
    expires_s: int = 0
    expires_at_ms: int | None = None
    mention: bool = False
    """It holds @ and one's own name."""
    file: FileView | None = None


class MessageReceived(WholeMessage, frozen=True, kw_only=True, tag="message.received"):
    """A contact's message is stored here."""


class MessageQueued(WholeMessage, frozen=True, kw_only=True, tag="message.queued"):
    """One's own message is stored and will leave."""


class MessageSent(MessageEvent, frozen=True, kw_only=True, tag="message.sent"):
    """Handed on and not yet receipted. Live.

    `via`: direct, on the contact's link; mailbox, stored by an anchor that the contact reads.
    """

    state: str = "sent"
    via: str = "direct"


class MessageDelivered(MessageEvent, frozen=True, kw_only=True, tag="message.delivered"):
    """The contact's node has stored it."""

    state: str = "delivered"


class MessageRead(MessageEvent, frozen=True, kw_only=True, tag="message.read"):
    """The contact has seen it."""

    state: str = "read"


class MessageFailed(MessageEvent, frozen=True, kw_only=True, tag="message.failed"):
    """It will not leave: the contact was blocked, removed, is another now, or it was dropped."""

    reason: str
    state: str = "failed"


class MessageEdited(WholeMessage, frozen=True, kw_only=True, tag="message.edited"):
    """Its author gave it another wording."""


class MessageReacted(WholeMessage, frozen=True, kw_only=True, tag="message.reacted"):
    """Somebody's reaction is another now; `by` None: one's own. An empty one was taken back."""

    by: str | None
    emoji: str


class MessagePinned(WholeMessage, frozen=True, kw_only=True, tag="message.pinned"):
    """Somebody pinned it, or pins it no longer; `by` None: oneself."""

    by: str | None
    on: bool


class MessageBookmarked(WholeMessage, frozen=True, kw_only=True, tag="message.bookmarked"):
    """It was bookmarked here, or is no longer. Live."""


class MessageDeleted(Event, frozen=True, kw_only=True, tag="message.deleted"):
    """Messages were deleted for both by their author: `in` the contact, `out` oneself."""

    contact: str
    contact_id: int
    direction: str
    message_ids: list[str]


class MessageExpired(Event, frozen=True, kw_only=True, tag="message.expired"):
    """The time of messages was over, and they are deleted here.

    `direction`: who wrote them; `withdrawn`: those among them that had not arrived, of which it
    stays that there was one.
    """

    contact: str
    contact_id: int
    direction: str
    message_ids: list[str]
    withdrawn: list[str] = []


class TimerChanged(WholeMessage, frozen=True, kw_only=True, tag="timer.changed"):
    """One side set its timer to `expires_s`; this is the line of the timeline that says so.

    `holding_s`: the conversation's timer now. `replaces`: the line before it, which is gone.
    """

    holding_s: int
    replaces: str | None = None


class FarewellAsked(Event, frozen=True, kw_only=True, tag="farewell.asked"):
    """A contact deleted the `conversation`, or this side as a `contact`, and asks for the same."""

    contact: str
    contact_id: int
    scope: str


class FarewellDone(Event, frozen=True, kw_only=True, tag="farewell.done"):
    """A conversation, or a contact, was deleted on both sides; `direction` out: by this side.

    `before_ms`: up to when what was sent is deleted; None: all of it. `withdrawn`: messages of
    one's own that had not arrived; at most a thousand are named.
    """

    contact: str
    contact_id: int
    scope: str
    direction: str
    before_ms: int | None = None
    withdrawn: list[str] = []


class MessagesDeleted(Event, frozen=True, kw_only=True, tag="messages.deleted"):
    """Messages were deleted here; `message_ids` None: the whole conversation."""

    contact: str
    contact_id: int
    message_ids: list[str] | None


class FileChanged(Event, frozen=True, kw_only=True, tag="file.changed"):
    """A file is in another state; replayed as it stands now, with `file` None if it is gone."""

    file_id: str
    contact: str
    contact_id: int
    room: str = ""
    room_id: str = ""
    state: str
    file: FileView | None = None


class FileProgress(Event, frozen=True, kw_only=True, tag="file.progress"):
    """Content of a file moved; at most four times a second for each. Live.

    Of a room's file what comes is told, with `contact` empty, and not what leaves.
    """

    file_id: str
    contact: str
    contact_id: int
    direction: str
    received_bytes: int
    size_bytes: int
    rate_bytes_per_s: int = 0
    """Over the last seconds."""


class ConversationRead(Event, frozen=True, kw_only=True, tag="conversation.read"):
    """The contact's messages from `from_row` to `row_id` were read, in whichever front end. Live.

    `unread`: how many are left.
    """

    contact: str
    contact_id: int
    row_id: int
    from_row: int = 0
    unread: int


class ConversationUnread(Event, frozen=True, kw_only=True, tag="conversation.unread"):
    """The contact's messages from `row_id` on were marked unread. Live."""

    contact: str
    contact_id: int
    row_id: int
    unread: int


class ContactChanged(Event, frozen=True, kw_only=True, tag="contact.changed"):
    """A contact was added, renamed, verified, blocked, or told its display name."""

    contact: str
    contact_id: int
    what: str


class ContactRemoved(Event, frozen=True, kw_only=True, tag="contact.removed"):
    """A contact is gone."""

    contact: str
    contact_id: int


class ContactTyping(Event, frozen=True, kw_only=True, tag="contact.typing"):
    """Live."""

    contact: str
    contact_id: int
    on: bool


class InviteUsed(Event, frozen=True, kw_only=True, tag="invite.used"):
    """Somebody used an invite of this profile; `is_new`: they are a contact by it."""

    invite_id: int
    contact: str
    contact_id: int
    is_new: bool


class InviteAnswered(Event, frozen=True, kw_only=True, tag="invite.answered"):
    """The owner of an invite that was used here has this side as a contact now."""

    contact: str
    contact_id: int


class InvitesChanged(Event, frozen=True, kw_only=True, tag="invites.changed"):
    """An invite was made or revoked, or one that was used here got further. Live."""


class ProfileChanged(Event, frozen=True, kw_only=True, tag="profile.changed"):
    """What contacts are told of oneself, or whether they see that one is here. Live."""

    name: str
    status: str
    away: bool
    invisible: bool


class RequestsChanged(Event, frozen=True, kw_only=True, tag="requests.changed"):
    """Somebody asked by an address, or was decided on; `waiting`: how many ask now."""

    waiting: int


class PeerOnline(Event, frozen=True, kw_only=True, tag="peer.online"):
    """A confirmed link to the contact stands. Live."""

    contact: str
    contact_id: int
    address: str


class PeerOffline(Event, frozen=True, kw_only=True, tag="peer.offline"):
    """The last link to the contact is gone. Live."""

    contact: str
    contact_id: int
    reason: str


class ReachChanged(Event, frozen=True, kw_only=True, tag="contact.reach"):
    """The contact is heard through an anchor now, or was not for a while. Live."""

    contact: str
    contact_id: int


class MachineFound(Event, frozen=True, kw_only=True, tag="machine.found"):
    """A contact has a session with another machine that uses this identity: the owner decides.

    Nothing is sent to the contact, and no session begun with it, before that.
    """

    contact: str
    contact_id: int


class MachineDecided(Event, frozen=True, kw_only=True, tag="machine.decided"):
    """The owner decided: this machine stays, or it is closed and sends nothing any more."""

    stays: bool


class SessionStarted(Event, frozen=True, kw_only=True, tag="session.started"):
    """A new session with a contact who had one before; shown at most once an hour."""

    contact: str
    contact_id: int


class IdentityNoted(WholeMessage, frozen=True, kw_only=True, tag="identity.noted"):
    """A contact went over to another identity, has two, or revoked it: a line says so (`kind`)."""


class IdentityRotated(Event, frozen=True, kw_only=True, tag="identity.rotated"):
    """The owner has another identity. `number`: 0 for the first one of the 24 words."""

    number: int
    fingerprint: str


class LaterIdentityFound(Event, frozen=True, kw_only=True, tag="identity.later"):
    """A contact knows an identity that follows the owner's of now; `number`: see above.

    `forked`: two identities claim to be the next one, and contacts follow neither.
    """

    number: int
    forked: bool = False


class IdentityRevoked(Event, frozen=True, kw_only=True, tag="identity.revoked"):
    """The owner ended their identity for good."""

    fingerprint: str


class PairingPeers(Event, frozen=True, kw_only=True, tag="pairing.peers"):
    """Who pairs on this network now. Live."""

    peers: list[PairingPeer]


class PairingWords(Event, frozen=True, kw_only=True, tag="pairing.words"):
    """Both people compare these words now; `meeting` is what an answer names. Live."""

    meeting: int
    words: list[str]


class PairingDone(Event, frozen=True, kw_only=True, tag="pairing.done"):
    """Both said "same": the other is a verified contact. Live."""

    contact: str
    contact_id: int
    is_new: bool


class PairingFailed(Event, frozen=True, kw_only=True, tag="pairing.failed"):
    """A meeting ended and nothing was kept, as the code and facts of an error. Live.

    `meeting` is 0 where there were no words.
    """

    meeting: int
    code: str
    facts: dict[str, str | int] = {}


class PairingStopped(Event, frozen=True, kw_only=True, tag="pairing.stopped"):
    """Pairing ended: `paired`, `stopped`, `time` or `tries` (too many). Live."""

    reason: str


class Warned(Event, frozen=True, kw_only=True, tag="warning"):
    """Something the user should know, as the code and facts of an error."""

    code: str
    facts: dict[str, str | int] = {}
    contact: str = ""
    contact_id: int = 0


class EventsGap(Event, frozen=True, kw_only=True, tag="events.gap"):
    """Stored events in this range are gone; those that are still there follow. Live."""

    from_seq: int
    to_seq: int


class NodeReady(Event, frozen=True, kw_only=True, tag="node.ready"):
    """The node listens. Live; the first line of `loom daemon --json`."""

    profile: str
    port: int
    addresses: list[str]
    pid: int


class NodeStopped(Event, frozen=True, kw_only=True, tag="node.stopped"):
    """The node ended. Live."""

    reason: str


class AnchorReady(Event, frozen=True, kw_only=True, tag="anchor.ready"):
    """An anchor listens. Live; the first line of `loom anchor serve --json`."""

    anchor: str
    port: int
    addresses: list[str]
    pid: int


class RoomEvent(Event, frozen=True, kw_only=True):
    """Something happened in a room."""

    room: str
    room_id: str


class RoomPosted(RoomEvent, frozen=True, kw_only=True, tag="room.posted"):
    """A post or a line of a room is stored here; replayed as it is shown now (see `PostView`)."""

    channel: str
    author: str
    author_id: str
    body: str
    order: int
    sent_at_ms: int
    post_id: str
    row_id: int
    stored_at_ms: int = 0
    kind: str = "text"
    line: RoomLine | None = None
    own: bool = False
    edited: bool = False
    deleted: bool = False
    doubled: bool = False
    mention: bool = False
    pinned: bool = False
    bookmarked: bool = False
    reply_to: str | None = None
    quote: PostQuote | None = None
    reactions: list[PostReaction] = []
    expires_at_ms: int | None = None
    poll: PollView | None = None
    proposal: ProposalView | None = None
    thread: str | None = None
    answers: int = 0
    unread_answers: int = 0
    unread: bool = False
    mentions: list[Mentioned] = []
    expires_s: int = 0
    file: FileView | None = None
    expired: bool = False


class RoomPostChanged(RoomPosted, frozen=True, kw_only=True, tag="room.changed"):
    """A post has another wording, reactions, choices or votes, or is deleted or pinned.

    Live when it was bookmarked here, or is no longer.
    """


class RoomJoined(RoomEvent, frozen=True, kw_only=True, tag="room.joined"):
    """One is a member now."""


class RoomLeft(RoomEvent, frozen=True, kw_only=True, tag="room.left"):
    """One is a member no longer. `by`: who removed one; "": one left."""

    by: str


class RoomStateChanged(RoomEvent, frozen=True, kw_only=True, tag="room.state"):
    """Members, roles, channels, name or preferences are others now: ask for the room again."""


class RoomRead(RoomEvent, frozen=True, kw_only=True, tag="room.read"):
    """Posts from `from_row` to `row_id` were read, in whichever front end. Live.

    Of a `channel` outside of its threads, of a `thread`, or with both None of the whole room, where
    `unread` are left in all of it.
    """

    channel: str | None
    thread: str | None
    row_id: int
    from_row: int
    unread: int


class RoomUnread(RoomEvent, frozen=True, kw_only=True, tag="room.unread"):
    """Posts of others from `row_id` on were marked unread; see `RoomRead`. Live."""

    channel: str | None
    thread: str | None
    row_id: int
    unread: int


class RoomCopied(RoomEvent, frozen=True, kw_only=True, tag="room.copied"):
    """This profile is an older copy of itself; or, with `waits` False, it is known what it missed.

    `waits`: nothing is posted or changed there before a member has said how far one had got.
    """

    waits: bool


class RoomForked(RoomEvent, frozen=True, kw_only=True, tag="room.forked"):
    """An officer signed two statements under one number; one counts, the same for all members."""

    author: str
    author_id: str
    number: int


class RoomOffered(RoomEvent, frozen=True, kw_only=True, tag="room.offered"):
    """A removed officer signed what their remover had not seen: it counts if it is confirmed."""

    author: str
    author_id: str
    statement_id: str
    line: RoomLine


class RoomKeyDiffers(RoomEvent, frozen=True, kw_only=True, tag="room.key_differs"):
    """A member says other keys than those they were admitted with: somebody lies."""

    contact: str
    contact_id: int


AnyEvent = (
    MessageReceived
    | MessageQueued
    | MessageSent
    | MessageDelivered
    | MessageRead
    | MessageFailed
    | MessageEdited
    | MessageReacted
    | MessagePinned
    | MessageBookmarked
    | MessageDeleted
    | MessageExpired
    | TimerChanged
    | FarewellAsked
    | FarewellDone
    | MessagesDeleted
    | FileChanged
    | FileProgress
    | ConversationRead
    | ConversationUnread
    | ContactChanged
    | ContactRemoved
    | ContactTyping
    | InviteUsed
    | InviteAnswered
    | InvitesChanged
    | ProfileChanged
    | RequestsChanged
    | PeerOnline
    | PeerOffline
    | ReachChanged
    | MachineFound
    | MachineDecided
    | SessionStarted
    | IdentityNoted
    | IdentityRotated
    | LaterIdentityFound
    | IdentityRevoked
    | PairingPeers
    | PairingWords
    | PairingDone
    | PairingFailed
    | PairingStopped
    | Warned
    | EventsGap
    | NodeReady
    | NodeStopped
    | AnchorReady
    | RoomPosted
    | RoomPostChanged
    | RoomJoined
    | RoomLeft
    | RoomStateChanged
    | RoomRead
    | RoomUnread
    | RoomCopied
    | RoomForked
    | RoomOffered
    | RoomKeyDiffers
)
