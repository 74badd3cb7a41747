"""What may be asked of the node about contacts, and ways to them."""

from loom.api.command import Command
from loom.api.contact_views import (
    Connectivity,
    Contacts,
    ContactView,
    Peers,
    SafetyNumberView,
    TokenView,
)
from loom.api.view import Done


class ExportToken(Command[TokenView], frozen=True, kw_only=True, tag="export_token"):
    """One's own token."""


class ImportToken(Command[ContactView], frozen=True, kw_only=True, tag="import_token"):
    """Add a contact by a token or an invite. With `replace`, a contact of that name takes the new
    identity, unverified and blocked from sending until verified. An invite of a contact that is
    there already tells them again where they find this side; its `name` is not looked at."""

    token: str
    name: str = ""
    """May be empty of an invite into a room, which is then joined."""
    replace: bool = False


class ListContacts(Command[Contacts], frozen=True, kw_only=True, tag="list_contacts"):
    """All contacts."""


class ShowContact(Command[ContactView], frozen=True, kw_only=True, tag="show_contact"):
    """One contact."""

    contact: str


class RenameContact(Command[ContactView], frozen=True, kw_only=True, tag="rename_contact"):
    """Give a contact another name here."""

    contact: str
    name: str


class RemoveContact(Command[Done], frozen=True, kw_only=True, tag="remove_contact"):
    """Delete a contact, the history with it and its keys; counters and seen ids stay.

    With `farewell` the contact's node is asked to delete its copy and this contact, too: until it
    answers, at most 90 days, enough is kept to tell it.
    """

    contact: str
    farewell: bool = False


class BlockContact(Command[ContactView], frozen=True, kw_only=True, tag="block_contact"):
    """Accept nothing from a contact and show it nothing; `blocked=False` undoes it."""

    contact: str
    blocked: bool = True


class VerifyContact(Command[SafetyNumberView], frozen=True, kw_only=True, tag="verify_contact"):
    """The safety number; `confirm` marks the contact verified, `withdraw` not verified.

    `by`: what was compared, number or words. `code`, in place of `confirm`: what a QR code on the
    contact's screen says, or was pasted: a safety number, its words, a token or an invite. When
    it is theirs they are verified; when it is not, nothing changes (CodeDiffers).
    """

    contact: str
    confirm: bool = False
    by: str = "number"
    code: str | None = None
    withdraw: bool = False


class SayFarewell(Command[Done], frozen=True, kw_only=True, tag="say_farewell"):
    """Delete a conversation, with `whole_contact` the contact, too, and ask for the same there."""

    contact: str
    whole_contact: bool = False


class AnswerFarewell(Command[Done], frozen=True, kw_only=True, tag="answer_farewell"):
    """Delete here what a contact asked to delete, or keep it; nobody is told."""

    contact: str
    accept: bool


class Connect(Command[Done], frozen=True, kw_only=True, tag="connect"):
    """Dial a contact at this address now and remember it; returns once the link is confirmed."""

    contact: str
    host: str
    port: int


class ListPeers(Command[Peers], frozen=True, kw_only=True, tag="list_peers"):
    """Who is near or connected, and how."""


class ShowConnectivity(Command[Connectivity], frozen=True, kw_only=True, tag="show_connectivity"):
    """Every contact's path with its last changes, and what waits or was refused."""
