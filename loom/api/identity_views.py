"""What front ends are shown of the owner's identity."""

import msgspec

from loom.api.view import View


class OldRoomKey(msgspec.Struct, frozen=True, kw_only=True):
    """A room where the key that one signs with is older than the identity.

    `renewers`: the members whose nodes let a new one in, as soon as they hear of it.
    `removers`: the members who can remove it; none: `continue` the room in a new one.
    """

    room: str
    room_id: str
    renewers: list[str] = []
    removers: list[str]


class IdentityView(View, frozen=True, kw_only=True, tag="identity"):
    """The identity of now.

    `number`: 0 for the first one of the 24 words; people are shown one more.
    `changed_at_ms`: when it came instead of the one before; None: it is the first here.
    `untold`: contacts of whom it is not known that they have the newest.
    `later`: the number of an identity that follows this one, as a contact said; None: none is.
    `old_room_keys`: rooms where who had the keys of before may still sign in the owner's name.
    `forked`: two identities claim to be the next one, and contacts follow neither.
    """

    number: int
    fingerprint: str
    token: str
    revoked: bool = False
    changed_at_ms: int | None = None
    untold: int = 0
    later: int | None = None
    forked: bool = False
    old_room_keys: list[OldRoomKey] = []
