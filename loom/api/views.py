"""What a front end is shown: plain values, ready for JSON, with no key in them."""

import msgspec

from loom.api.backup_views import (
    BackupRestored,
    BackupVerified,
    BackupView,
    ScheduleView,
    Unsent,
    UnsentView,
)
from loom.api.file_views import FilePiece, FileRules, Files, FileView, UploadView
from loom.api.identity_views import IdentityView
from loom.api.move_views import (
    MoveListening,
    MoveProgress,
    MoveReceived,
    MoveSent,
    MoveWords,
)
from loom.api.room_views import (
    BannedView,
    Members,
    MemberView,
    Posts,
    PostView,
    PostWordings,
    RoomDrafts,
    Rooms,
    RoomView,
    Statements,
    StatementView,
)
from loom.api.view import View


class Done(View, frozen=True, kw_only=True, tag="done"):
    """The command was carried out and has nothing to show."""


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


class JoiningView(msgspec.Struct, frozen=True, kw_only=True):
    """An invite of a contact that was used here and is not answered yet.

    `state` is waiting, spent (somebody used it before) or expired (or revoked).
    """

    state: str
    expires_at_ms: int


class ReachView(msgspec.Struct, frozen=True, kw_only=True):
    """How a contact is reached now.

    `how`: lan or direct (a link stands, on this network or beyond), anchor (lately they sent
    something through it), mail (what was sent to them lies in a mailbox there), away. `anchor` is
    the address of that anchor. `waiting` counts the messages in their mailboxes that are not
    receipted, since `since_ms`. Since `silent_since_ms` none of the anchors where they read
    (`silent_at`) takes what waits here.
    """

    how: str = "away"
    anchor: str = ""
    waiting: int = 0
    since_ms: int | None = None
    silent_at: list[str] = []
    silent_since_ms: int | None = None

    @property
    def is_online(self) -> bool:
        """A link stands, or the contact was heard through an anchor lately."""
        return self.how in ("lan", "direct", "anchor")


class TimerView(msgspec.Struct, frozen=True, kw_only=True):
    """After how many seconds messages disappear: the shorter one of both sides'; 0 is never."""

    expires_s: int = 0
    own_s: int = 0
    theirs_s: int = 0


class ContactView(View, frozen=True, kw_only=True, tag="contact"):
    """A contact with what the node knows of it now; `unread` counts to 1,000."""

    contact: str
    contact_id: int
    fingerprint: str
    display_name: str
    status: str = ""
    """What they say of themselves; empty: nothing."""
    away: bool = False
    """They say so; it says nothing of how they are reached."""
    looks_like: str = ""
    """Another contact whose name could be taken for this one's, or for their own; empty: none."""
    verified: bool
    verified_by: str = ""
    """number, words, qr or nearby; empty: not, or before this was kept."""
    verified_at_ms: int | None = None
    blocked: bool
    identity_changed: bool
    identity_changed_at_ms: int | None = None
    """When it changed last; None: never, or before this was kept."""
    forked: bool = False
    """Two identities claim to follow theirs, and neither is followed."""
    revoked: bool = False
    """They ended this identity for good: nothing is sent to it."""
    online: bool
    session: str
    unread: int
    queued: int
    last_message_at_ms: int | None
    created_at_ms: int
    joining: JoiningView | None = None
    reach: ReachView = ReachView()
    muted: bool = False
    mute_until_ms: int | None = None
    """None: not muted, or for ever."""
    level: str = "everything"
    """Of what one is notified: everything, mentions or nothing."""
    archived: bool = False
    favourite: bool = False
    timer: TimerView = TimerView()
    farewell: str = ""
    """What they ask to delete here: conversation, contact, or nothing."""

    @property
    def may_hear_farewell(self) -> bool:
        """Whether their node is asked to delete its copy when they are removed, as a rule."""
        return (
            not self.blocked
            and not self.identity_changed
            and not self.revoked
            and self.joining is None
        )


class Contacts(View, frozen=True, kw_only=True, tag="contacts"):
    """All contacts, by name."""

    contacts: list[ContactView]


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
    is verified; only of everybody."""


class Preferences(View, frozen=True, kw_only=True, tag="preferences"):
    """Everybody's, and those of contacts that differ."""

    everybody: Preference
    contacts: list[Preference]


class TokenView(View, frozen=True, kw_only=True, tag="token"):
    """One's own token."""

    token: str
    fingerprint: str


class InviteView(View, frozen=True, kw_only=True, tag="invite"):
    """One's own invite. `state` is open, spent, expired or revoked.

    `text` is empty once it is closed; `used_by` is the contact who used it, if there still is one;
    `reuse` says that somebody used it again. `room`: the room that it leads into, as it was called
    then; empty: none.
    """

    invite_id: int
    text: str
    state: str
    is_address: bool
    created_at_ms: int
    expires_at_ms: int
    used_by: str | None
    used_by_id: int | None
    reuse: bool
    reached_at: list[str]
    room: str = ""

    def __repr__(self) -> str:
        return f"InviteView({self.invite_id}, redacted)"


class Invites(View, frozen=True, kw_only=True, tag="invites"):
    """One's own invites."""

    invites: list[InviteView]


class RequestView(View, frozen=True, kw_only=True, tag="request"):
    """Somebody who came by an address; `name` is what they call themselves."""

    request_id: int
    name: str
    fingerprint: str
    received_at_ms: int
    expires_at_ms: int


class Requests(View, frozen=True, kw_only=True, tag="requests"):
    """Who asks."""

    requests: list[RequestView]


class SafetyNumberView(View, frozen=True, kw_only=True, tag="safety_number"):
    """Twelve groups of five digits that both sides see alike, and twelve words of them."""

    contact: str
    contact_id: int
    groups: list[str]
    words: list[str]
    verified: bool
    verified_by: str = ""
    verified_at_ms: int | None = None


class PeerView(View, frozen=True, kw_only=True, tag="peer"):
    """A contact that is near or connected, and the ways to it."""

    contact: str
    contact_id: int
    online: bool
    address: str | None
    direction: str | None
    connected_at_ms: int | None
    known_addresses: list[str]
    last_error: str | None
    reach: ReachView = ReachView()


class Peers(View, frozen=True, kw_only=True, tag="peers"):
    """Every contact with the ways to it."""

    peers: list[PeerView]


class MailFileView(View, frozen=True, kw_only=True, tag="mail_file"):
    """A file of mail to be carried by hand.

    `messages`: what waits and is in it, not only texts; `left`: what is not, for want of room or of
    a session.
    """

    contact: str
    contact_id: int
    data: bytes
    messages: int
    left: int

    def __repr__(self) -> str:
        return f"MailFileView({len(self.data)} bytes)"


class MailFileRead(View, frozen=True, kw_only=True, tag="mail_file.read"):
    """What a file of mail brought: envelopes that were new, known, and that did not open."""

    contact: str
    contact_id: int
    new: int
    known: int
    unopened: int
    began_session: bool


class AnchorView(View, frozen=True, kw_only=True, tag="anchor"):
    """An anchor in use: whether it is reached, and what lies there for this profile."""

    anchor_id: int
    addresses: list[str]
    up: bool
    up_since_ms: int | None
    down_since_ms: int | None = None
    """Since when it does not answer, as far as this run of the node knows."""
    latency_ms: int | None
    queues: int
    blobs: int
    size_bytes: int
    limit_bytes: int | None
    bulk_bytes: int = 0
    """Of files, beside the mail that the numbers before count."""
    bulk_limit_bytes: int | None = None
    oldest_at_ms: int | None
    last_error: str | None
    warning: str | None


class AnchorLeft(View, frozen=True, kw_only=True, tag="anchor_left"):
    """An anchor that is used no longer; `deleted`: the account there is gone already."""

    anchor: str
    deleted: bool


class WaitingMail(View, frozen=True, kw_only=True, tag="waiting_mail"):
    """What was put into the mailboxes of a contact and is not receipted."""

    contact: str
    contact_id: int
    anchors: list[str]
    messages: int
    since_ms: int


class SilentAnchors(View, frozen=True, kw_only=True, tag="silent_anchors"):
    """What is said to a contact waits here: none of the anchors where they read answers."""

    contact: str
    contact_id: int
    anchors: list[str]
    since_ms: int


class Anchors(View, frozen=True, kw_only=True, tag="anchors"):
    """The anchors in use, and the mail that waits for contacts."""

    anchors: list[AnchorView]
    waiting: list[WaitingMail]
    silent: list[SilentAnchors] = []


class PairingPeer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody on this network who pairs now; the alias stands on their screen."""

    alias: str
    address: str


class PairingView(View, frozen=True, kw_only=True, tag="pairing"):
    """How pairing stands: one's own alias and addresses, who is near, the words to compare.

    `meeting` is 0 while there are no words; `answered`: one said "same", and the other has not yet.
    """

    on: bool = False
    alias: str = ""
    port: int = 0
    addresses: list[str] = []
    mdns: str = "off"
    seconds_left: int = 0
    peers: list[PairingPeer] = []
    meeting: int = 0
    words: list[str] = []
    answered: bool = False


class PathChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of how a contact is reached.

    `what` is found (announced on the network), dialled, accepted (the contact dialled), moved
    (another link replaced one), or why the last link ended.
    """

    at_ms: int
    what: str
    address: str


class PathView(msgspec.Struct, frozen=True, kw_only=True):
    """How one contact is reached, or why not."""

    contact: str
    contact_id: int
    online: bool
    address: str | None
    direction: str | None
    connected_at_ms: int | None
    proxied: bool = False
    """The link was dialled through the proxy."""
    known_addresses: int
    last_error: str | None
    failed_attempts: int
    """To connect, since the last link."""
    next_dial_at_ms: int | None
    queued: int
    """Messages that wait for their receipt."""
    arriving: int
    """Envelopes that were received and are not yet processed."""
    dropped: int
    """Payloads that this version does not know."""
    changes: list[PathChange]
    """The last ones, oldest first."""
    reach: ReachView = ReachView()


class Connectivity(View, frozen=True, kw_only=True, tag="connectivity"):
    """Every contact's path, and the limits that were hit since the node started."""

    mdns: str
    proxy: str = ""
    """`socks5://HOST:PORT`; empty: none is in use."""
    proxy_state: str = "off"
    """Off, checking, on or failed."""
    addresses: list[str]
    refused: int
    """Connections of strangers, closed at the gate."""
    paths: list[PathView]
    anchors: list[AnchorView] = []
    """Those in use, and how they are reached."""


class LogLines(View, frozen=True, kw_only=True, tag="log"):
    """The end of the profile's log, oldest first."""

    lines: list[str]


class OwnProfileView(View, frozen=True, kw_only=True, tag="own_profile"):
    """What contacts are told of the owner; `invisible` is not told."""

    name: str
    status: str
    away: bool
    invisible: bool
    fingerprint: str


class StatusView(View, frozen=True, kw_only=True, tag="status"):
    """The node as it stands."""

    profile: str
    name: str
    fingerprint: str
    port: int
    addresses: list[str]
    pid: int
    started_at_ms: int
    contacts: int
    online: int
    queued: int
    in_mailboxes: int = 0
    """Of those that are queued."""
    mdns: str
    proxy: str = ""
    """`socks5://HOST:PORT`; empty: none is in use."""
    proxy_state: str = "off"
    """Off, checking, on or failed."""
    requests: int = 0
    """How many wait for a decision."""
    machine: str = "alone"
    """See `MachineView.state`."""
    version: str
    started_seq: int
    """The last stored event before this node began."""
    last_seq: int


class MachineView(View, frozen=True, kw_only=True, tag="machine"):
    """Whether another machine uses this identity.

    `state`: alone, none was found; asks, the owner must decide; closed, this one is. `contacts`:
    those with whom another one has a session, to whom nothing is sent until then.
    """

    state: str
    contacts: list[str]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing `loom doctor` looked at."""

    name: str
    ok: bool
    found: str
    advice: str = ""


class Destroyed(View, frozen=True, kw_only=True, tag="destroyed"):
    """A profile that is no more.

    Args:
        asked: contacts that were to be asked to delete the conversation.
        told: those of them that have it, or whose anchor has.
        backups: files and folders with backups of it that are there still.
        is_known: whether the profile was open, so that contacts and backups were known.
    """

    profile: str
    asked: int = 0
    told: int = 0
    backups: list[str] = []
    is_known: bool = False


class Diagnosis(View, frozen=True, kw_only=True, tag="diagnosis"):
    """All checks of `loom doctor`."""

    checks: list[Check]


# --- an anchor of one's own ---


class PairingTextView(View, frozen=True, kw_only=True, tag="pairing_text"):
    """A text by which one person takes an anchor into use, until then, in Unix seconds."""

    text: str
    expires_s: int
    addresses: list[str]


class AnchorStatusView(View, frozen=True, kw_only=True, tag="anchor_status"):
    """An anchor as it stands.

    `bulk_bytes`: of `size_bytes`, pieces of files; `room_bytes`: what all blobs may take now.
    """

    anchor: str
    port: int
    addresses: list[str]
    pid: int
    started_at_ms: int
    accounts: int
    queues: int
    blobs: int
    size_bytes: int
    bulk_bytes: int
    room_bytes: int
    links: int
    guest_links: int
    draining: bool
    version: str


class AccountView(View, frozen=True, kw_only=True, tag="account"):
    """What one account of an anchor has there; `bulk_bytes`: of `size_bytes`, pieces of files."""

    account: int
    paired_at_s: int
    queues: int
    blobs: int
    size_bytes: int
    bulk_bytes: int


class AccountsView(View, frozen=True, kw_only=True, tag="accounts"):
    """All accounts of an anchor."""

    accounts: list[AccountView]


AnyView = (
    Done
    | MachineView
    | MessageView
    | Messages
    | Wordings
    | PostWordings
    | DeliveryView
    | ContactView
    | Contacts
    | Arrivals
    | Drafts
    | Preferences
    | TokenView
    | IdentityView
    | InviteView
    | Invites
    | RequestView
    | Requests
    | SafetyNumberView
    | PeerView
    | Peers
    | Connectivity
    | LogLines
    | OwnProfileView
    | StatusView
    | Diagnosis
    | Destroyed
    | PairingView
    | MailFileView
    | MailFileRead
    | AnchorView
    | AnchorLeft
    | WaitingMail
    | SilentAnchors
    | Anchors
    | PairingTextView
    | AnchorStatusView
    | AccountView
    | AccountsView
    | BackupView
    | BackupVerified
    | BackupRestored
    | MoveListening
    | MoveWords
    | MoveProgress
    | MoveSent
    | MoveReceived
    | ScheduleView
    | UnsentView
    | Unsent
    | RoomView
    | Rooms
    | MemberView
    | BannedView
    | Members
    | PostView
    | Posts
    | RoomDrafts
    | StatementView
    | Statements
    | FileView
    | Files
    | UploadView
    | FilePiece
    | FileRules
)
