"""What a front end is shown of contacts, and of ways to them."""

import msgspec

from loom.api.anchor_views import (
    AnchorView,
)
from loom.api.view import View


class JoiningView(msgspec.Struct, frozen=True, kw_only=True):
    """An invite of a contact that was used here and is not answered yet.

    `state` is waiting, spent (somebody used it before) or expired (or revoked).
    """

    state: str
    expires_at_ms: int


class ReachView(msgspec.Struct, frozen=True, kw_only=True):
    """How a contact is reached now.

    `how`: lan or direct (a link stands, on this network or beyond), anchor (lately they sent
    something through it), mail (what was sent to them lies in a mailbox there), held (another
    machine uses the identity: nothing is sent before the owner decides), away. `anchor` is
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
    identity_proven: bool = False
    """Their 24 recovery words prove the identity of now (docs/PROTOCOL.md 1.5)."""
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
    def is_held(self) -> bool:
        """Whether nothing is sent to a proven identity, as the user waits until they verify."""
        return self.identity_changed and self.identity_proven and not self.forked

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


class TokenView(View, frozen=True, kw_only=True, tag="token"):
    """One's own token."""

    token: str
    fingerprint: str


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
