"""What may be asked of the node about anchors and mail, and of an anchor of one's own."""

from loom.api.anchor_views import (
    AccountsView,
    AnchorLeft,
    Anchors,
    AnchorStatusView,
    AnchorView,
    MailFileRead,
    MailFileView,
    PairingTextView,
)
from loom.api.command import Command
from loom.api.view import Done


class ExportMail(Command[MailFileView], frozen=True, kw_only=True, tag="export_mail"):
    """What waits for a contact, as a file to be carried by hand; it goes on waiting."""

    contact: str


class ImportMail(Command[MailFileRead], frozen=True, kw_only=True, tag="import_mail"):
    """Take in a file of mail."""

    data: bytes

    def __repr__(self) -> str:
        return f"ImportMail({len(self.data)} bytes)"


class UseAnchor(Command[AnchorView], frozen=True, kw_only=True, tag="use_anchor"):
    """Make an account at the anchor whose pairing text this is."""

    text: str

    def __repr__(self) -> str:
        return "UseAnchor(redacted)"


class ListAnchors(Command[Anchors], frozen=True, kw_only=True, tag="list_anchors"):
    """The anchors in use, and the mail that waits at anchors for contacts."""


class LeaveAnchor(Command[AnchorLeft], frozen=True, kw_only=True, tag="leave_anchor"):
    """Use an anchor no longer: the account is deleted there, and contacts are told.

    `anchor`: its number, or an address or host of it.
    """

    anchor: str


class ReplaceAnchor(Command[AnchorView], frozen=True, kw_only=True, tag="replace_anchor"):
    """Make a new account by a pairing text; the old anchor, if it is another, is never asked again.

    At the same anchor the old account is deleted.
    """

    anchor: str
    text: str

    def __repr__(self) -> str:
        return "ReplaceAnchor(redacted)"


class PairAnchor(Command[PairingTextView], frozen=True, kw_only=True, tag="pair_anchor"):
    """A text by which one person takes this anchor into use.

    `addresses`: hosts and ports to tell, remembered for the next time; none: those of then, or
    this machine's own.
    """

    addresses: list[tuple[str, int]] = []
    expires_s: int


class AnchorStatus(Command[AnchorStatusView], frozen=True, kw_only=True, tag="anchor_status"):
    """The anchor as it stands."""


class ListAccounts(Command[AccountsView], frozen=True, kw_only=True, tag="list_accounts"):
    """All accounts."""


class RemoveAccount(Command[Done], frozen=True, kw_only=True, tag="remove_account"):
    """Delete an account with all that lies in its queues."""

    account: int


class DrainAnchor(Command[AnchorStatusView], frozen=True, kw_only=True, tag="drain_anchor"):
    """Take nothing new, hand out what lies there, then end; `on=False` takes that back."""

    on: bool = True
