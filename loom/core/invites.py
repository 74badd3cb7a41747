"""Invites: the keys that a text gives, and what becomes of who uses it (docs/PROTOCOL.md 11).

Rules over plain facts: the node applies them inside the transaction that depends on them.
"""

from collections.abc import Iterable
from enum import Enum, IntEnum, StrEnum, auto
from typing import Final

import msgspec

from loom.core.gate import InviteEntry, make_clear
from loom.core.link_kinds import INVITE_LINK, Credentials
from loom.core.queues import DoorKeys
from loom.crypto.kdf import hkdf
from loom.model import InviteId, PeerId, PersonId
from loom.wire.encoding import enc
from loom.wire.hints import Hint
from loom.wire.invite import RoomDoor
from loom.wire.limits import INVITE_MEMORY_S, INVITES_OPEN_MAX

DOOR_MEMORY_S: Final = 7 * 86_400
"""How long a link made with a closed invite is still answered, with a refusal."""


def derive_invite_keys(secret: bytes, owner: PeerId) -> DoorKeys:
    """`I_tag` and `I_link`, which open a link. `secret`: 16 bytes; `owner`: who made the invite."""
    block = hkdf(b"", secret, enc(b"LOOM/1 invite", owner), 64)
    return DoorKeys(block[:32], block[32:])


def invite_entry(invite_id: InviteId, keys: DoorKeys) -> InviteEntry:
    """What the owner's gate tests."""
    return InviteEntry(invite_id, keys.tag, keys.link)


def invite_credentials(keys: DoorKeys, rand: bytes, day: int) -> Credentials:
    """What one link to the owner is opened with; see `gate.pair_credentials`."""
    return Credentials(INVITE_LINK, make_clear(keys.tag, rand, day), keys.link)


def invite_queue_secret(secret: bytes, owner: PeerId, mask_key: bytes) -> bytes:
    """`Q` of an invite's queue at the anchor with this mask key (16 bytes): 32 bytes."""
    return hkdf(b"", secret, enc(b"LOOM/1 invite queue", owner, mask_key), 32)


def first_queue_secret(secret: bytes, link_key: bytes, mask_key: bytes) -> bytes:
    """`Q` of the first queue towards a joiner without an anchor: 32 bytes.

    Args:
        link_key: `K_link` of the direction from the owner to the joiner.
    """
    return hkdf(secret, link_key, enc(b"LOOM/1 first queue", mask_key), 32)


def room_claim(secret: bytes, room_id: bytes) -> bytes:
    """What shows the owner of an invite into a room that it was used: 32 bytes."""
    return hkdf(b"", secret, enc(b"LOOM/1 room claim", room_id), 32)


class InviteState(StrEnum):
    """What was done with an invite; that it expired is a matter of the time."""

    OPEN = "open"
    SPENT = "spent"
    REVOKED = "revoked"


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """One's own invite. `used_by`: the contact who spent it."""

    invite_id: InviteId
    secret: bytes
    created_at_ms: int
    expires_at_s: int
    is_address: bool
    hints: tuple[Hint, ...]
    state: InviteState = InviteState.OPEN
    used_by: PersonId | None = None
    closed_at_s: int = 0
    """When it was spent or revoked."""
    is_reuse_told: bool = False
    """The user knows that somebody used it again."""
    room: RoomDoor | None = None
    """The room that it leads into."""

    def __repr__(self) -> str:
        return f"Invite({self.invite_id}, {self.state.value})"


class Claimant(Enum):
    """Who a flight is from, as its card says."""

    OURSELVES = auto()
    BLOCKED = auto()
    """Or a contact whose identity changed."""
    KNOWN = auto()
    STRANGER = auto()


class Verdict(Enum):
    """What becomes of a flight that answers a bundle of an invite."""

    CONTACT = auto()
    """Make the contact, and spend the invite."""
    REQUEST = auto()
    """Ask the user: it came by an address."""
    RENEW = auto()
    """A contact already: only its Mailboxes change."""
    CLOSED = auto()
    """The invite is spent, revoked or expired."""
    IGNORE = auto()


class Refusal(IntEnum):
    """Why a link is refused, as a record of one byte says it."""

    SPENT = 1
    EXPIRED = 2
    """Or revoked."""


def is_open(invite: Invite, now_s: int, *, by_mail: bool = False) -> bool:
    """Whether it may still be used; what came to its queue in time may be read 31 days longer."""
    grace_s = INVITE_MEMORY_S if by_mail else 0
    return invite.state is InviteState.OPEN and now_s < invite.expires_at_s + grace_s


def judge(invite: Invite, claimant: Claimant, now_s: int, *, by_mail: bool = False) -> Verdict:
    """What becomes of a flight; asked in the transaction that does it."""
    if not is_open(invite, now_s, by_mail=by_mail):
        return Verdict.CLOSED
    if claimant in (Claimant.OURSELVES, Claimant.BLOCKED):
        return Verdict.IGNORE
    if claimant is Claimant.KNOWN:
        return Verdict.RENEW
    return Verdict.REQUEST if invite.is_address else Verdict.CONTACT


def spent(invite: Invite, by: PersonId, now_s: int) -> Invite:
    """After a contact used it; an address stays as it is."""
    if invite.is_address:
        return invite
    return msgspec.structs.replace(invite, state=InviteState.SPENT, used_by=by, closed_at_s=now_s)


def refusal(invite: Invite) -> Refusal:
    """What a link made with a closed invite is told."""
    return Refusal.SPENT if invite.state is InviteState.SPENT else Refusal.EXPIRED


def at_door(invites: Iterable[Invite], now_s: int) -> list[Invite]:
    """Those that a link may be made with: open ones, and those closed lately; at most 64.

    An address has no door: it is used at anchors only.
    """
    closings = [
        (invite, 0 if is_open(invite, now_s) else now_s - _closed_at_s(invite))
        for invite in invites
        if not invite.is_address
    ]
    lately = sorted((since_s, -one.invite_id, one) for one, since_s in closings)
    return [one for since_s, _, one in lately if since_s < DOOR_MEMORY_S][:INVITES_OPEN_MAX]


def _closed_at_s(invite: Invite) -> int:
    return invite.closed_at_s if invite.state is not InviteState.OPEN else invite.expires_at_s
