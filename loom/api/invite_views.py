"""What a front end is shown of invites, and of requests by them."""

from loom.api.view import View


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
