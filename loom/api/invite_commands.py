"""What may be asked of the node about invites, and requests by them."""

from loom.api.command import Command
from loom.api.contact_views import (
    ContactView,
)
from loom.api.invite_views import Invites, InviteView, Requests
from loom.api.view import Done


class MakeInvite(Command[InviteView], frozen=True, kw_only=True, tag="make_invite"):
    """A text for one person, or with `is_address` for many; `direct`: with this node's addresses.

    An address names anchors only.
    """

    lifetime_s: int = 86_400
    is_address: bool = False
    direct: bool = True


class ListInvites(Command[Invites], frozen=True, kw_only=True, tag="list_invites"):
    """One's own invites, oldest first, and what became of each; those 31 days past are gone."""


class RevokeInvite(Command[Done], frozen=True, kw_only=True, tag="revoke_invite"):
    """Let nobody use an invite any more."""

    invite_id: int


class ListRequests(Command[Requests], frozen=True, kw_only=True, tag="list_requests"):
    """Who came by an address and waits for a decision, oldest first."""


class AcceptRequest(Command[ContactView], frozen=True, kw_only=True, tag="accept_request"):
    """Make a contact of who asked; `name` None: the name they gave, made unique."""

    request_id: int
    name: str | None = None


class RejectRequest(Command[Done], frozen=True, kw_only=True, tag="reject_request"):
    """Delete a request, telling nobody; with `block`, their further requests are not shown."""

    request_id: int
    block: bool = False
