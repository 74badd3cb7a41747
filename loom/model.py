"""The nouns that every layer shares: who, what was said, and how far it got."""

from enum import StrEnum
from typing import NamedTuple, NewType

import msgspec

PeerId = NewType("PeerId", bytes)
"""A fingerprint: 32 bytes (docs/PROTOCOL.md 1)."""

PersonId = NewType("PersonId", int)
"""A person's number in this profile; never used again after removal."""

OWNER = PersonId(0)
"""The author of one's own messages."""

ConversationId = NewType("ConversationId", int)
"""A conversation's number in this profile; never used again after removal."""

AnchorId = NewType("AnchorId", int)
"""The number of an account at an anchor in this profile; never used again."""

DeviceId = NewType("DeviceId", int)
"""The number of a person's device in this profile; never used again after removal."""

InviteId = NewType("InviteId", int)
"""An invite's number in this profile; never used again."""

RoomNumber = NewType("RoomNumber", int)
"""A room's number in this profile; never used again after it was deleted."""

RequestId = NewType("RequestId", int)
"""The number of somebody's request to be a contact; never used again."""

MessageId = NewType("MessageId", bytes)
"""16 bytes, UUIDv7 (RFC 9562): chosen by the author, unique per author."""


def new_message_id(now_ms: int, random: bytes) -> MessageId:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then `random` (10 bytes)."""
    tail = bytearray(random)
    tail[0] = tail[0] & 0x0F | 0x70
    tail[2] = tail[2] & 0x3F | 0x80
    return MessageId((now_ms & (1 << 48) - 1).to_bytes(6, "big") + bytes(tail))


class Direction(StrEnum):
    """Who wrote a message."""

    IN = "in"
    OUT = "out"


FileId = NewType("FileId", bytes)
"""16 bytes: the id of the message that offered it, or the beginning of that of a room's post."""


class TransferState(StrEnum):
    """How far a file got; `UPLOADED`: content that was handed over and is not offered yet."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DONE = "done"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UPLOADED = "uploaded"


class MessageState(StrEnum):
    """How far a message got. Incoming ones are delivered, then read."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    """It ended, or was deleted by a farewell, before a receipt came; a late one counts."""


class Level(StrEnum):
    """Of which messages of a conversation one is notified."""

    EVERYTHING = "everything"
    MENTIONS = "mentions"
    NOTHING = "nothing"


class Verification(StrEnum):
    """By which way somebody was verified; `UNKNOWN`: not, or before this was kept."""

    UNKNOWN = ""
    NUMBER = "number"
    WORDS = "words"
    QR = "qr"
    NEARBY = "nearby"


class MessageName(NamedTuple):
    """A message as a conversation knows it; `author` is `OWNER` for one's own."""

    author: PersonId
    message_id: MessageId


class ContactToken(msgspec.Struct, frozen=True):
    """What a token says: whom to accept and the key that is pinned to them."""

    peer_id: PeerId
    x25519_public: bytes


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A person whose token was imported: identity and trust."""

    person_id: PersonId
    name: str
    peer_id: PeerId
    x25519_public: bytes
    display_name: str = ""
    profile_number: int = -1
    """Of the profile that this name and what follows are of; -1: none came yet."""
    status: str = ""
    away: bool = False
    verified: bool = False
    verified_by: Verification = Verification.UNKNOWN
    verified_at_ms: int | None = None
    """None: not, or before this was kept."""
    blocked: bool = False
    identity_changed: bool = False
    """They have another identity, and were not verified since."""
    identity_changed_at_ms: int | None = None
    """When that was last; None: never, or before this was kept."""
    forked: bool = False
    """Two identities claim to follow theirs; neither is followed (docs/PROTOCOL.md 1.5)."""
    revoked: bool = False
    """They ended this identity for good."""
    created_at_ms: int = 0
    stub_until_s: int | None = None
    """They are no contact any more, and what is left of them is deleted then, Unix seconds."""
    acquaintance_until_s: int | None = None
    """They are no contact but in a common room; not 0: they were, and are deleted then."""

    def as_verified(self, by: Verification, at_ms: int) -> "Person":
        """The same person, verified."""
        return msgspec.structs.replace(
            self, verified=True, verified_by=by, verified_at_ms=at_ms, identity_changed=False
        )

    def as_unverified(self) -> "Person":
        """The same person, not verified."""
        return msgspec.structs.replace(
            self, verified=False, verified_by=Verification.UNKNOWN, verified_at_ms=None
        )

    @property
    def is_stub(self) -> bool:
        """Whether only a farewell is left of them (docs/PROTOCOL.md 6.3)."""
        return self.stub_until_s is not None

    @property
    def is_acquaintance(self) -> bool:
        """Whether they are known by a common room alone (docs/PROTOCOL.md 14.7)."""
        return self.acquaintance_until_s is not None

    @property
    def is_contact(self) -> bool:
        """Whether the owner knows them."""
        return not self.is_stub and not self.is_acquaintance

    @property
    def is_welcome(self) -> bool:
        """Not blocked, not revoked, no new identity that must be verified: it may hear of us."""
        return not self.blocked and not self.identity_changed and not self.revoked

    @property
    def is_admitted(self) -> bool:
        """Whether links and mail are taken from them."""
        return self.is_stub or self.is_welcome


class OwnProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner tells contacts of themselves. `number` grows with every change."""

    name: str
    number: int = 0
    """Unix milliseconds, more than at the change before."""
    told: int = 0
    """The number that every contact was told, or will be."""
    status: str = ""
    away: bool = False
    invisible: bool = False
    """Told to nobody: contacts shall not see that the owner is here."""


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """A person with the one conversation and the one device that this version keeps of each."""

    person: Person
    conversation_id: ConversationId
    device_id: DeviceId


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a person wrote. `row_id` orders the conversation as this profile saw it."""

    row_id: int
    message_id: MessageId
    conversation_id: ConversationId
    author: PersonId
    """`OWNER` for one's own."""
    kind: int
    """The payload's tag (docs/PROTOCOL.md 6)."""
    body: str
    """What is shown now: the last wording, or nothing once it is deleted for both."""
    sent_at_ms: int
    stored_at_ms: int
    state: MessageState
    reply: MessageName | None = None
    expires_s: int = 0
    """The timer it was written under; 0: none."""
    edited: bool = False
    deleted_at_ms: int | None = None
    """When its author deleted it for both, by this profile's clock."""
    bookmarked: bool = False
    expires_at_ms: int | None = None
    """When it is deleted here, by this machine's wall clock; None: never."""
    is_mention: bool = False
    """It addresses the owner."""

    @property
    def is_undelivered(self) -> bool:
        """Whether it is one's own, and still on its way."""
        return (
            self.author == OWNER
            and self.state in (MessageState.QUEUED, MessageState.SENT)
            and self.deleted_at_ms is None
        )

    @property
    def name(self) -> MessageName:
        """Its name."""
        return MessageName(self.author, self.message_id)

    @property
    def direction(self) -> Direction:
        """Whether the owner wrote it."""
        return Direction.OUT if self.author == OWNER else Direction.IN


class Address(msgspec.Struct, frozen=True, order=True):
    """A TCP address; IPv6 hosts are written without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
