"""What a front end is shown of anchors and mail."""

from loom.api.view import View


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
