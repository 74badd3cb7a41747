"""Statements of a room: who may do what, signed by officers (docs/PROTOCOL.md 14.2).

A body is a MessagePack array in its one shortest form, as payloads are.
"""

from enum import IntFlag
from typing import ClassVar, Final

import msgspec

from loom.core.room.keys import SHARE_BYTES, Council, Keys, MemberKeys, RoomSigner, verify_head
from loom.core.room.keys import verify_join as _verify_join
from loom.crypto.kdf import hash_
from loom.crypto.signatures import SIGNATURE_BYTES
from loom.errors import AuthenticationError, MalformedMessage
from loom.model import ContactToken, PeerId
from loom.wire.encoding import check_lasting_x25519_public, decode_items, enc, u8, u16
from loom.wire.limits import (
    FINGERPRINT_BYTES,
    NAME_MAX_BYTES,
    NUMBER_END,
    ROOM_CHANNEL_MAX_BYTES,
    ROOM_DELETE_MAX_IDS,
    ROOM_EVENT_MAX_BYTES,
    ROOM_HISTORY_MAX,
    ROOM_ID_BYTES,
    ROOM_RETENTION_MAX_S,
    ROOM_RETENTION_MIN_S,
    ROOM_STATEMENTS_MAX,
    STATUS_MAX_BYTES,
)

NO_ROOM: Final = bytes(ROOM_ID_BYTES)
HISTORY_ALL: Final = -1
_VERSION: Final = u8(1)
_NONCE_BYTES: Final = 16
_NUMBER_PREFIX: Final = slice(81, 85)
"""Where the length of `number` is in an event: 2 in a statement, 4 in a post."""


class Capability(IntFlag):
    """What an officer may do; one byte."""

    NONE = 0
    INVITE = 1
    REMOVE = 2
    DELETE = 4
    PIN = 8
    CHANNELS = 16
    ROLES = 32
    POST = 64
    NAME = 128
    ALL = 255


ROLES: Final = {
    "owner": Capability.ALL,
    "moderator": Capability(0b0101_1111),
    "helper": Capability.INVITE | Capability.PIN | Capability.POST,
    "guest": Capability.POST,
    "archive": Capability.NONE,
}
"""Names of sets of capabilities; on the wire there are only the sets."""


def role_of(capabilities: int) -> str:
    """The name of a set, or nothing."""
    return next((name for name, held in ROLES.items() if held == capabilities), "")


class Kept(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A statement that stays, and of an appointment at most how much of it (ADR 0045)."""

    statement_id: bytes
    capabilities: int = Capability.ALL


class _Body(msgspec.Struct, frozen=True, array_like=True):
    """What a statement says; `needs`: the capability without which it does not count."""

    kind: ClassVar[int]
    needs: ClassVar[Capability]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def is_in_bounds(self) -> bool:
        """Whether every field has a value that 14.2 allows."""
        raise NotImplementedError


class Genesis(_Body, frozen=True):
    """Makes the room. `keys`: of its creator; `history`: as in SetPolicy; `nonce`: 16 bytes."""

    keys: MemberKeys
    token: tuple[bytes, bytes]
    member_name: str
    name: str
    history: int
    retention_s: int
    nonce: bytes

    kind = 1
    needs = Capability.NONE

    def is_in_bounds(self) -> bool:
        """As in Admit, SetName and SetPolicy."""
        return (
            self.keys.is_in_bounds()
            and is_token(self.token)
            and len(self.member_name.encode()) <= NAME_MAX_BYTES
            and 0 < len(self.name.encode()) <= NAME_MAX_BYTES
            and _is_policy(self.history, self.retention_s)
            and len(self.nonce) == _NONCE_BYTES
        )


class Admit(_Body, frozen=True):
    """Lets somebody in. `from_order`: every giver sends them posts from that order on."""

    keys: MemberKeys
    token: tuple[bytes, bytes]
    name: str
    proof: bytes
    from_order: int

    kind = 2
    needs = Capability.INVITE

    @property
    def author(self) -> bytes:
        """Who is let in."""
        return self.keys.author

    def is_in_bounds(self) -> bool:
        """Keys, a token, a name of at most 256 bytes, a proof, an order."""
        return (
            self.keys.is_in_bounds()
            and is_token(self.token)
            and len(self.name.encode()) <= NAME_MAX_BYTES
            and len(self.proof) == SIGNATURE_BYTES
            and 0 <= self.from_order < NUMBER_END
        )


class Appoint(_Body, frozen=True):
    """Makes somebody, or a council, an officer.

    Args:
        keys: of a member, and no council.
        keep: which earlier statements of theirs count although they are below `since`.
        since: from which number on theirs count.
    """

    keys: MemberKeys | None
    council: Council | None
    capabilities: int
    keep: tuple[Kept, ...] = ()
    since: int = 0

    kind = 3
    needs = Capability.ROLES

    @property
    def signers(self) -> MemberKeys | Council:
        """Whose statements verify with what."""
        signers = self.council if self.keys is None else self.keys
        if signers is None:
            raise MalformedMessage(what="room statement")
        return signers

    @property
    def author(self) -> bytes:
        """Who is appointed."""
        return self.signers.author

    def is_in_bounds(self) -> bool:
        """One of the two, a byte, a list, a number."""
        return (
            (self.keys is None) != (self.council is None)
            and self.signers.is_in_bounds()
            and 0 <= self.capabilities <= Capability.ALL
            and is_keep_list(self.keep)
            and 0 <= self.since <= ROOM_STATEMENTS_MAX
        )


class Remove(_Body, frozen=True):
    """Ends a membership and an office for good.

    Args:
        keep: which of their statements stay; no other does.
        posts: their posts below this number stay.
        seen: their statements below this number were known; later ones are offered.
    """

    author: bytes
    keep: tuple[Kept, ...]
    posts: int
    seen: int

    kind = 4
    needs = Capability.REMOVE

    def is_in_bounds(self) -> bool:
        """An author, a list, two numbers."""
        return (
            len(self.author) == ROOM_ID_BYTES
            and is_keep_list(self.keep)
            and 0 <= self.posts < 2**32
            and 0 <= self.seen <= ROOM_STATEMENTS_MAX
        )


class Ban(_Body, frozen=True):
    """Says whether an identity may be admitted. `peer_id`: 32 bytes."""

    peer_id: bytes
    on: bool

    kind = 5
    needs = Capability.REMOVE

    def is_in_bounds(self) -> bool:
        """A fingerprint."""
        return len(self.peer_id) == FINGERPRINT_BYTES


class SetName(_Body, frozen=True):
    """Names the room."""

    name: str

    kind = 6
    needs = Capability.NAME

    def is_in_bounds(self) -> bool:
        """1 to 256 bytes."""
        return 0 < len(self.name.encode()) <= NAME_MAX_BYTES


class SetPolicy(_Body, frozen=True):
    """How many earlier posts a joiner gets (-1: all), and how long posts last (0: for ever)."""

    history: int
    retention_s: int

    kind = 7
    needs = Capability.NAME

    def is_in_bounds(self) -> bool:
        """-1 to 1,000,000; 0 or an hour to 30 days."""
        return _is_policy(self.history, self.retention_s)


class SetChannel(_Body, frozen=True):
    """A channel by its name; `restricted`: only officers with POST write there."""

    channel: str
    topic: str
    restricted: bool
    on: bool

    kind = 8
    needs = Capability.CHANNELS

    def is_in_bounds(self) -> bool:
        """A name of 1 to 64 bytes, a topic of at most 256."""
        return is_channel(self.channel) and len(self.topic.encode()) <= STATUS_MAX_BYTES


class SetPin(_Body, frozen=True):
    """Whether a post is kept in sight."""

    post_id: bytes
    on: bool

    kind = 9
    needs = Capability.PIN

    def is_in_bounds(self) -> bool:
        """An id."""
        return len(self.post_id) == ROOM_ID_BYTES


class DeletePosts(_Body, frozen=True):
    """Whether posts are deleted: 1 to 100, each a subject of its own."""

    post_ids: tuple[bytes, ...]
    on: bool

    kind = 10
    needs = Capability.DELETE

    def is_in_bounds(self) -> bool:
        """Ids, ascending."""
        return (
            1 <= len(self.post_ids) <= ROOM_DELETE_MAX_IDS
            and all(len(one) == ROOM_ID_BYTES for one in self.post_ids)
            and self.post_ids == tuple(sorted(set(self.post_ids)))
        )


class Leave(_Body, frozen=True):
    """By oneself, final for this key. `posts`: one's posts below this number stay."""

    posts: int

    kind = 11
    needs = Capability.NONE

    def is_in_bounds(self) -> bool:
        """A number of posts."""
        return 0 <= self.posts < 2**32


Body = (
    Genesis
    | Admit
    | Appoint
    | Remove
    | Ban
    | SetName
    | SetPolicy
    | SetChannel
    | SetPin
    | DeletePosts
    | Leave
)
_KINDS: Final[dict[int, type[Body]]] = {
    one.kind: one
    for one in (
        *(Genesis, Admit, Appoint, Remove, Ban, SetName, SetPolicy, SetChannel, SetPin),
        *(DeletePosts, Leave),
    )
}
_encoder = msgspec.msgpack.Encoder()
_decoders = {kind: msgspec.msgpack.Decoder(one) for kind, one in _KINDS.items()}


class SignedStatement(msgspec.Struct, frozen=True):
    """A statement as it travels.

    Args:
        room_id: of a genesis its own id.
        head: what is signed and hashed.
        data: the event: `enc(head, signature)`.
    """

    id: bytes
    room_id: bytes
    author: bytes
    number: int
    body: Body
    head: bytes
    data: bytes

    def __repr__(self) -> str:
        name = type(self.body).__name__
        return f"{name}({self.author.hex()[:8]}, {self.number}, {self.id.hex()[:8]})"


def encode_head(room_id: bytes, author: bytes, number: int, body: Body) -> bytes:
    """What is signed: `enc(0x01, room_id, author, number u16, kind u8, body)`.

    Raises:
        MalformedMessage: a value that 14.2 does not allow.
    """
    if not body.is_in_bounds() or not 0 <= number < ROOM_STATEMENTS_MAX:
        raise MalformedMessage(what="room statement")
    return enc(_VERSION, room_id, author, u16(number), u8(body.kind), _encoder.encode(body))


def sign_genesis(signer: RoomSigner, body: Genesis) -> SignedStatement:
    """Make a room; its id is the id of what is returned."""
    return _signed(signer, encode_head(NO_ROOM, signer.author, 0, body))


def sign_statement(signer: RoomSigner, room_id: bytes, number: int, body: Body) -> SignedStatement:
    """One's own statement; `number` is 1 to 511, and not used before."""
    return _signed(signer, encode_head(room_id, signer.author, number, body))


def _signed(signer: RoomSigner, head: bytes) -> SignedStatement:
    return decode_statement(enc(head, signer.sign_head(head)))


def is_statement(data: bytes) -> bool:
    """Whether an event is a statement, if it is anything."""
    return data[_NUMBER_PREFIX] == b"\0\0\0\2"


def decode_head(head: bytes) -> SignedStatement:
    """Read what is signed, with no signature: what a proposal holds.

    Raises:
        MalformedMessage: no valid encoding, a field out of bounds.
    """
    version, room_id, author, number_, kind_, raw = decode_items(
        head, (1, ROOM_ID_BYTES, ROOM_ID_BYTES, 2, 1, None), "room statement"
    )
    number, kind = int.from_bytes(number_, "big"), kind_[0]
    is_genesis = kind == Genesis.kind
    is_placed = is_genesis == (number == 0) == (room_id == NO_ROOM)
    if version != _VERSION or kind not in _KINDS or number >= ROOM_STATEMENTS_MAX or not is_placed:
        raise MalformedMessage(what="room statement")
    body = _read(kind, raw)
    statement_id = hash_(head)[:ROOM_ID_BYTES]
    if isinstance(body, Genesis) and body.keys.author != author:
        raise MalformedMessage(what="room statement")
    room = statement_id if is_genesis else room_id
    return SignedStatement(statement_id, room, author, number, body, head, b"")


def decode_statement(data: bytes) -> SignedStatement:
    """Read a statement; nothing is verified.

    Raises:
        MalformedMessage: no valid encoding, a field out of bounds, too long.
    """
    if len(data) > ROOM_EVENT_MAX_BYTES:
        raise MalformedMessage(what="room statement")
    head, signature = decode_items(data, (None, None), "room statement")
    if len(signature) != SIGNATURE_BYTES and (not signature or len(signature) % SHARE_BYTES):
        raise MalformedMessage(what="room statement")
    return msgspec.structs.replace(decode_head(head), data=data)


def verify_statement(statement: SignedStatement, keys: Keys) -> None:
    """The signature of its author, and in an Admit the proof of who is let in.

    Args:
        keys: by author, as `keys_told` of verified statements gave them; a genesis brings its own.

    Raises:
        AuthenticationError: something does not verify, or the author's keys are not here.
    """
    body = statement.body
    signers = body.keys if isinstance(body, Genesis) else keys.get(statement.author)
    if signers is None or signers.author != statement.author:
        raise AuthenticationError(what="room statement")
    head, signature = decode_items(statement.data, (None, None), "room statement")
    verify_head(signers, head, signature, keys)
    if isinstance(body, Admit):
        _verify_join(statement.room_id, token_of(body), body.keys, body.proof)


def keys_told(statement: SignedStatement) -> MemberKeys | Council | None:
    """Whose keys a statement brings; they name their author themselves."""
    match statement.body:
        case Genesis(keys=keys) | Admit(keys=keys):
            return keys
        case Appoint() as appoint:
            return appoint.signers
    return None


def lacks_keys(statement: SignedStatement, keys: Keys) -> bool:
    """Whether keys are not here that verifying needs: the author's, or of a council's signers."""
    if isinstance(statement.body, Genesis):
        return False
    signers = keys.get(statement.author)
    if not isinstance(signers, Council):
        return signers is None
    _, signature = decode_items(statement.data, (None, None), "room statement")
    return any(one not in keys for one in signers.who_signed(signature))


def token_of(body: Genesis | Admit) -> ContactToken:
    """Whose identity stands behind the keys."""
    return ContactToken(PeerId(body.token[0]), body.token[1])


def is_token(token: tuple[bytes, bytes]) -> bool:
    """A fingerprint and a key that may be kept."""
    try:
        check_lasting_x25519_public(token[1])
    except MalformedMessage:
        return False
    return len(token[0]) == FINGERPRINT_BYTES


def is_channel(name: str) -> bool:
    """1 to 64 bytes."""
    return 0 < len(name.encode()) <= ROOM_CHANNEL_MAX_BYTES


def is_keep_list(keep: tuple[Kept, ...]) -> bool:
    """Ids ascending, each with a byte of capabilities."""
    ids = [one.statement_id for one in keep]
    return (
        len(keep) <= ROOM_STATEMENTS_MAX
        and all(len(one) == ROOM_ID_BYTES for one in ids)
        and all(0 <= one.capabilities <= Capability.ALL for one in keep)
        and ids == sorted(set(ids))
    )


def _is_policy(history: int, retention_s: int) -> bool:
    return HISTORY_ALL <= history <= ROOM_HISTORY_MAX and (
        retention_s == 0 or ROOM_RETENTION_MIN_S <= retention_s <= ROOM_RETENTION_MAX_S
    )


def _read(kind: int, raw: bytes) -> Body:
    try:
        body = _decoders[kind].decode(raw)
        canonical = _encoder.encode(body)
        is_in_bounds = body.is_in_bounds()
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise MalformedMessage(what="room statement") from error
    if canonical != raw or not is_in_bounds:
        raise MalformedMessage(what="room statement")
    return body
