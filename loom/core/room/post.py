"""Posts of a room: what members write (docs/PROTOCOL.md 14.3).

Header and signature verify without the content, which may be deleted, expired or before one's time.
"""

from typing import ClassVar, Final

import msgspec

from loom.core.room.keys import Council, Keys, RoomSigner, verify_post_head
from loom.core.room.statement import decode_head, is_channel
from loom.crypto.kdf import HASH_BYTES, equal, hash_
from loom.crypto.signatures import SIGNATURE_BYTES
from loom.errors import AuthenticationError, MalformedMessage
from loom.wire.content.file import Thumbnail, is_offer
from loom.wire.content.timer import is_timer
from loom.wire.encoding import decode_items, enc, u8, u32, u64
from loom.wire.file_records import FILE_ID_BYTES
from loom.wire.hints import Hint, decode_hints
from loom.wire.limits import (
    ED25519_SIGNATURE_BYTES,
    FINGERPRINT_BYTES,
    NAME_MAX_BYTES,
    NUMBER_END,
    REACTION_MAX_BYTES,
    ROOM_DELETE_MAX_IDS,
    ROOM_EVENT_MAX_BYTES,
    ROOM_HINTS_MAX,
    ROOM_ID_BYTES,
    ROOM_MEMBERS_MAX,
    ROOM_ORDER_STEP_MAX,
    ROOM_POLL_OPTIONS_MAX,
    STATUS_MAX_BYTES,
    TEXT_MAX_BYTES,
)

_VERSION: Final = u8(1)


class _Content(msgspec.Struct, frozen=True, array_like=True):
    """What a post says: a MessagePack array in its one shortest form."""

    kind: ClassVar[int]

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def is_in_bounds(self) -> bool:
        """Whether every field has a value that 14.3 allows."""
        raise NotImplementedError


class TextContent(_Content, frozen=True):
    """What somebody wrote in a channel.

    Args:
        reply: the id of the post that it answers, or nothing.
        thread: the id of the post whose thread it belongs to, or nothing.
        mentions: authors whom it addresses.
        expires_s: as in a Text (PROTOCOL 6).
    """

    channel: str
    body: str
    reply: bytes = b""
    thread: bytes = b""
    mentions: tuple[bytes, ...] = ()
    expires_s: int = 0

    kind = 1

    def is_in_bounds(self) -> bool:
        """A channel, 1 byte to 16 KiB of UTF-8, ids, a timer."""
        return is_channel(self.channel) and _is_text(self.body) and _is_said(self)


class EditContent(_Content, frozen=True):
    """Another wording of a text of the same author."""

    post_id: bytes
    body: str

    kind = 2

    def is_in_bounds(self) -> bool:
        """An id, a body as of a text."""
        return _is_id(self.post_id) and _is_text(self.body)


class UnsayContent(_Content, frozen=True):
    """Posts that their author takes back."""

    post_ids: tuple[bytes, ...]

    kind = 3

    def is_in_bounds(self) -> bool:
        """1 to 100 ids."""
        return 1 <= len(self.post_ids) <= ROOM_DELETE_MAX_IDS and all(map(_is_id, self.post_ids))


class ReactContent(_Content, frozen=True):
    """What its author answers to a post with one sign; empty takes it back."""

    post_id: bytes
    emoji: str

    kind = 4

    def is_in_bounds(self) -> bool:
        """An id, at most 64 bytes."""
        return _is_id(self.post_id) and len(self.emoji.encode()) <= REACTION_MAX_BYTES


class PollContent(_Content, frozen=True):
    """A question with options; `many`: more than one may be chosen; 0 closes never."""

    channel: str
    question: str
    options: tuple[str, ...]
    many: bool
    closes_at_ms: int

    kind = 5

    def is_in_bounds(self) -> bool:
        """A channel, a question, 2 to 12 different options of 1 to 256 bytes, a time."""
        return (
            is_channel(self.channel)
            and _is_text(self.question)
            and 2 <= len(self.options) <= ROOM_POLL_OPTIONS_MAX
            and len(set(self.options)) == len(self.options)
            and all(0 < len(one.encode()) <= STATUS_MAX_BYTES for one in self.options)
            and 0 <= self.closes_at_ms < NUMBER_END
        )


class ChoiceContent(_Content, frozen=True):
    """What its author chooses in a poll: places of options, ascending; none takes it back."""

    post_id: bytes
    choices: tuple[int, ...]

    kind = 6

    def is_in_bounds(self) -> bool:
        """An id, places."""
        return (
            _is_id(self.post_id)
            and all(0 <= one < ROOM_POLL_OPTIONS_MAX for one in self.choices)
            and self.choices == tuple(sorted(set(self.choices)))
        )


class ProposalContent(_Content, frozen=True):
    """A statement that a council shall sign. `head`: the bytes to sign; `reason`: for people."""

    channel: str
    head: bytes
    reason: str

    kind = 7

    def is_in_bounds(self) -> bool:
        """A channel, a statement without its signatures, at most 256 bytes of reason."""
        decode_head(self.head)
        return is_channel(self.channel) and len(self.reason.encode()) <= STATUS_MAX_BYTES


class VoteContent(_Content, frozen=True):
    """A signature over the statement of a proposal, or nothing for a no."""

    post_id: bytes
    signature: bytes

    kind = 8

    def is_in_bounds(self) -> bool:
        """An id, 0 or 3,373 bytes."""
        return _is_id(self.post_id) and len(self.signature) in (0, SIGNATURE_BYTES)


class HintsContent(_Content, frozen=True):
    """Where members who are no contacts reach its author (14.7). `data`: hints as in 10.4."""

    data: bytes

    kind = 9

    @property
    def hints(self) -> tuple[Hint, ...]:
        """Anchors, and addresses of a node."""
        return decode_hints(self.data)

    def is_in_bounds(self) -> bool:
        """At most 8 hints; none: nowhere."""
        return len(self.hints) <= ROOM_HINTS_MAX


class ContinueContent(_Content, frozen=True):
    """Offers these people (fingerprints) to go on in a new room."""

    room_id: bytes
    name: str
    people: tuple[bytes, ...]

    kind = 10

    def is_in_bounds(self) -> bool:
        """An id, a name of 1 to 256 bytes, at most 128 fingerprints, ascending."""
        return (
            _is_id(self.room_id)
            and 0 < len(self.name.encode()) <= NAME_MAX_BYTES
            and len(self.people) <= ROOM_MEMBERS_MAX
            and all(len(one) == FINGERPRINT_BYTES for one in self.people)
            and self.people == tuple(sorted(set(self.people)))
        )


class FileContent(_Content, frozen=True):
    """A file that its author offers to the members (PROTOCOL 15.6).

    Args:
        name: and up to `caption`: as in a File (15.1).
        secret: 32 bytes, `F`: who has the post can open the content.
        reply: and up to `expires_s`: as in a text.
    """

    channel: str
    name: str
    size: int
    media_type: str
    root: bytes
    secret: bytes
    thumbnail: Thumbnail | None = None
    caption: str = ""
    reply: bytes = b""
    thread: bytes = b""
    mentions: tuple[bytes, ...] = ()
    expires_s: int = 0

    kind = 11

    def is_in_bounds(self) -> bool:
        """A channel, an offer, ids, a timer."""
        return is_channel(self.channel) and is_offer(self) and _is_said(self)


Content = (
    TextContent
    | EditContent
    | UnsayContent
    | ReactContent
    | PollContent
    | ChoiceContent
    | ProposalContent
    | VoteContent
    | HintsContent
    | ContinueContent
    | FileContent
)
KINDS: Final[dict[int, type[Content]]] = {
    one.kind: one
    for one in (
        *(TextContent, EditContent, UnsayContent, ReactContent),
        *(PollContent, ChoiceContent, ProposalContent, VoteContent, HintsContent),
        *(ContinueContent, FileContent),
    )
}
_encoder = msgspec.msgpack.Encoder()
_decoders = {kind: msgspec.msgpack.Decoder(one) for kind, one in KINDS.items()}


class SignedPost(msgspec.Struct, frozen=True):
    """A post as it travels.

    Args:
        content: None where it is missing, or of a kind that this version does not know.
        data: the event: `enc(head, signature, content or nothing)`.
    """

    id: bytes
    room_id: bytes
    author: bytes
    number: int
    order: int
    sent_at_ms: int
    kind: int
    content: Content | None
    head: bytes
    signature: bytes
    data: bytes

    def __repr__(self) -> str:
        return f"SignedPost({self.author.hex()[:8]}, {self.number}, {self.id.hex()[:8]})"


def sign_post(
    signer: RoomSigner,
    room_id: bytes,
    number: int,
    order: int,
    sent_at_ms: int,
    content: Content,
) -> SignedPost:
    """One's own post.

    Raises:
        MalformedMessage: a value that 14.3 does not allow.
    """
    if not content.is_in_bounds():
        raise MalformedMessage(what="room post")
    raw = _encoder.encode(content)
    head = enc(
        *(_VERSION, room_id, signer.author, u32(number), u64(order), u64(sent_at_ms)),
        *(u8(content.kind), hash_(raw)),
    )
    return decode_post(enc(head, signer.sign_post_head(head), raw))


def decode_post(data: bytes) -> SignedPost:
    """Read a post; nothing is verified but that the content is the one of the header.

    Raises:
        MalformedMessage: no valid encoding, a field out of bounds, another content, too long.
    """
    if len(data) > ROOM_EVENT_MAX_BYTES:
        raise MalformedMessage(what="room post")
    head, signature, raw = decode_items(data, (None, ED25519_SIGNATURE_BYTES, None), "room post")
    version, room_id, author, number, order, sent_at, kind_, digest = decode_items(
        head, (1, ROOM_ID_BYTES, ROOM_ID_BYTES, 4, 8, 8, 1, HASH_BYTES), "room post"
    )
    kind, sent_at_ms = kind_[0], int.from_bytes(sent_at, "big")
    are_stored = sent_at_ms < NUMBER_END and int.from_bytes(order, "big") < NUMBER_END
    is_right = version == _VERSION and kind > 0 and are_stored
    if not is_right or (raw and not equal(hash_(raw), digest)):
        raise MalformedMessage(what="room post")
    return SignedPost(
        hash_(head)[:ROOM_ID_BYTES],
        room_id,
        author,
        int.from_bytes(number, "big"),
        int.from_bytes(order, "big"),
        sent_at_ms,
        kind,
        _read(kind, raw) if raw and kind in KINDS else None,
        head,
        signature,
        data,
    )


def verify_post(post: SignedPost, keys: Keys) -> None:
    """The signature of its author.

    Raises:
        AuthenticationError: it is wrong, or the author's keys are not here.
    """
    signers = keys.get(post.author)
    if signers is None or isinstance(signers, Council):
        raise AuthenticationError(what="room post")
    verify_post_head(signers, post.head, post.signature)


def file_id_of(post_id: bytes) -> bytes:
    """Of the file that a post offers: 16 bytes."""
    return post_id[:FILE_ID_BYTES]


def without_content(data: bytes) -> bytes:
    """The same post as it is kept and passed on when its content is gone."""
    head, signature, _ = decode_items(data, (None, None, None), "room post")
    return enc(head, signature, b"")


def advance(count: int, order: int) -> int:
    """One's own count after a post came; one's next post has the order `count + 1`.

    A joiner's first count is the `from_order` of its Admit. No single post moves it by more than
    1,000.
    """
    return max(count, min(order, count + ROOM_ORDER_STEP_MAX))


def _read(kind: int, raw: bytes) -> Content:
    try:
        content = _decoders[kind].decode(raw)
        canonical = _encoder.encode(content)
        is_in_bounds = content.is_in_bounds()
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise MalformedMessage(what="room post") from error
    if canonical != raw or not is_in_bounds:
        raise MalformedMessage(what="room post")
    return content


def _is_said(content: TextContent | FileContent) -> bool:
    """What it answers, its thread, whom it addresses, how long it lasts."""
    return (
        _is_id_or_none(content.reply)
        and _is_id_or_none(content.thread)
        and len(content.mentions) <= ROOM_MEMBERS_MAX
        and all(map(_is_id, content.mentions))
        and is_timer(content.expires_s)
    )


def _is_text(body: str) -> bool:
    return 0 < len(body.encode()) <= TEXT_MAX_BYTES


def _is_id(value: bytes) -> bool:
    return len(value) == ROOM_ID_BYTES


def _is_id_or_none(value: bytes) -> bool:
    return not value or _is_id(value)
