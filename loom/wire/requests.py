"""What nodes ask an anchor, what it answers and pushes (docs/PROTOCOL.md 10.3).

request  number u32 || queue_id (16) || blob for a put, else number u32 || [tag, ...]
answer   number u32 of its request || [tag, ...]
push     behind u32 || queue_id (16) || blob, or nothing where the queue is empty

`[tag, ...]` is MessagePack. No other request can be as long as a put: lists of ids are short, and
a bundle has one length.
"""

from enum import IntEnum
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from loom.errors import InvalidInput, MalformedMessage
from loom.wire.encoding import u32
from loom.wire.limits import (
    ACCOUNT_QUEUES_MAX,
    BLOB_ID_BYTES,
    BLOB_SIZES,
    BUNDLE_MARK_BYTES,
    BUNDLE_PLACES,
    QUEUE_ID_BYTES,
    REQUEST_IDS_MAX,
    SEALED_BUNDLE_BYTES,
    WORK_BITS_MAX,
)

_NUMBER_BYTES: Final = 4
_HEAD_BYTES: Final = _NUMBER_BYTES + QUEUE_ID_BYTES
_PUT_SIZES: Final = frozenset(_HEAD_BYTES + size for size in BLOB_SIZES)

QueueId = Annotated[bytes, Meta(min_length=QUEUE_ID_BYTES, max_length=QUEUE_ID_BYTES)]
BlobId = Annotated[bytes, Meta(min_length=BLOB_ID_BYTES, max_length=BLOB_ID_BYTES)]
BlobIds = Annotated[tuple[BlobId, ...], Meta(max_length=REQUEST_IDS_MAX)]
Key = Annotated[bytes, Meta(min_length=32, max_length=32)]
Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
U64 = Annotated[int, Meta(ge=0)]
Place = Annotated[int, Meta(ge=0, lt=BUNDLE_PLACES)]
SealedBundle = Annotated[
    bytes, Meta(min_length=SEALED_BUNDLE_BYTES, max_length=SEALED_BUNDLE_BYTES)
]
Marks = Annotated[
    bytes,
    Meta(
        min_length=BUNDLE_PLACES * BUNDLE_MARK_BYTES, max_length=BUNDLE_PLACES * BUNDLE_MARK_BYTES
    ),
]


class QueueUse(IntEnum):
    """Who writes, and how much the anchor allows."""

    INBOUND = 0  # the guest writes, the holder reads
    OUTBOUND = 1  # the holder writes, the guest reads
    INVITE = 2  # inbound, for everybody who has the invite
    ADDRESS = 3  # inbound, for anybody, each put after work
    BULK = 4  # inbound, for parcels of files, with limits of its own

    @property
    def is_inbound(self) -> bool:
        """Whether the holder reads it."""
        return self is not QueueUse.OUTBOUND


class _Part(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    def __repr__(self) -> str:
        return f"{type(self).__name__}(redacted)"


class _Request(_Part, frozen=True):
    pass


class _Answer(_Part, frozen=True):
    pass


class Put(_Part, frozen=True):
    """Writer: store a blob behind the others; one that still lies there is known."""

    queue_id: bytes
    blob: bytes

    @property
    def blob_id(self) -> bytes:
        """The 12 bytes it begins with."""
        return self.blob[:BLOB_ID_BYTES]


class Open(_Request, frozen=True, tag=1):
    """Holder: make a queue, or the same one again; `until_s` in Unix seconds, 0 for ever."""

    queue_id: QueueId
    tag: Key
    link: Key
    use: QueueUse
    until_s: Count


class Shut(_Request, frozen=True, tag=2):
    """Holder: delete a queue with all in it."""

    queue_id: QueueId


class Subscribe(_Request, frozen=True, tag=3):
    """Reader: push what lies in all queues that this link reads, and what comes."""


class Ack(_Request, frozen=True, tag=4):
    """Reader: these blobs are stored here, or judged; delete them."""

    queue_id: QueueId
    ids: BlobIds


class Have(_Request, frozen=True, tag=5):
    """Writer: which of these blobs lie there."""

    queue_id: QueueId
    ids: BlobIds


class Lay(_Request, frozen=True, tag=6):
    """Reader: lay a sealed prekey bundle for the writer; places 0 to 2 serve once, 3 lasts."""

    queue_id: QueueId
    place: Place
    sealed: SealedBundle


class Fetch(_Request, frozen=True, tag=7):
    """Writer: the next bundle."""

    queue_id: QueueId


class Work(_Request, frozen=True, tag=8):
    """Writer to an address: work for the put that follows."""

    queue_id: QueueId
    blob_id: BlobId
    day: U64
    nonce: U64


class Pair(_Request, frozen=True, tag=9):
    """Who has a pairing text: make an account of these keys, or the same one again."""

    tag: Key
    link: Key


class Status(_Request, frozen=True, tag=10):
    """Holder: what lies in its queues, and what is allowed."""


class Unpair(_Request, frozen=True, tag=11):
    """Holder: delete the account with its queues and all in them."""


class Ok(_Answer, frozen=True, tag=1):
    """Done, and durable."""


class Full(_Answer, frozen=True, tag=2):
    """No room: nothing later of this queue enters until there is."""


class Taken(_Answer, frozen=True, tag=3):
    """The queue id or its keys belong to another account: draw another secret."""


class Later(_Answer, frozen=True, tag=4):
    """Too many in a short time: not before so many seconds."""

    seconds: Count


class Unknown(_Answer, frozen=True, tag=5):
    """There is no such queue, or it is not this link's to use so."""


class Ended(_Answer, frozen=True, tag=6):
    """The queue takes nothing more: its time is over."""


class More(_Answer, frozen=True, tag=7):
    """A put to this address needs work of so many zero bits."""

    bits: Annotated[int, Meta(ge=0, le=WORK_BITS_MAX)]


class Ids(_Answer, frozen=True, tag=8):
    """Those of the asked blobs that lie there."""

    ids: BlobIds


class Laid(_Answer, frozen=True, tag=9):
    """A bundle and how many lie at places 0 to 2 after it; empty when there is none."""

    sealed: Annotated[bytes, Meta(max_length=SEALED_BUNDLE_BYTES)]
    left: Annotated[int, Meta(ge=0, lt=BUNDLE_PLACES)]


class QueueBundles(_Part, frozen=True):
    """What lies at the places of a queue: for each `H(sealed)[:8]`, or zeros."""

    queue_id: QueueId
    marks: Marks


class Subscribed(_Answer, frozen=True, tag=10):
    """Pushes come from now on.

    `clock_s`: the anchor's, in Unix seconds. `displaces`: another link of this key was there.
    """

    clock_s: Count
    displaces: bool
    queues: Annotated[tuple[QueueBundles, ...], Meta(max_length=ACCOUNT_QUEUES_MAX)]


class Displaced(_Answer, frozen=True, tag=11):
    """Second answer to `Subscribe`, before the link ends: another link of this key came."""


class Limits(_Answer, frozen=True, tag=12, kw_only=True):
    """What an account may use."""

    queue_blobs: Count
    queue_bytes: Count
    queues: Annotated[int, Meta(ge=0, le=ACCOUNT_QUEUES_MAX)]
    account_bytes: Count
    queue_puts_per_minute: Count
    account_puts_per_minute: Count
    fetches_per_hour: Count
    bulk_queue_bytes: Count
    bulk_account_bytes: Count
    bulk_puts_per_minute: Count


class QueueStatus(_Part, frozen=True):
    """A queue: blobs, their bytes, when the oldest was put (0: none), bundles that serve once."""

    queue_id: QueueId
    blobs: Count
    size_bytes: Count
    oldest_s: Count
    bundles: Annotated[int, Meta(ge=0, lt=BUNDLE_PLACES)]


class Stored(_Answer, frozen=True, tag=13):
    """The queues of an account; `clock_s` is the anchor's."""

    clock_s: Count
    limits: Limits
    queues: Annotated[tuple[QueueStatus, ...], Meta(max_length=ACCOUNT_QUEUES_MAX)]


class Push(_Part, frozen=True):
    """A blob, and how many lie behind it in its queue; without one the queue is empty."""

    queue_id: bytes
    behind: int
    blob: bytes = b""

    @property
    def blob_id(self) -> bytes:
        """The 12 bytes it begins with."""
        return self.blob[:BLOB_ID_BYTES]


Asked = Open | Shut | Subscribe | Ack | Have | Lay | Fetch | Work | Pair | Status | Unpair
Request = Put | Asked
Answer = (
    Ok
    | Full
    | Taken
    | Later
    | Unknown
    | Ended
    | More
    | Ids
    | Laid
    | Subscribed
    | Displaced
    | Limits
    | Stored
)

_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()
_requests: Final[msgspec.msgpack.Decoder[Asked]] = msgspec.msgpack.Decoder(Asked)
_answers: Final[msgspec.msgpack.Decoder[Answer]] = msgspec.msgpack.Decoder(Answer)


def encode_request(number: int, request: Request) -> bytes:
    """The body of a request record; `number` is the asking side's, below 2^32."""
    if isinstance(request, Put):
        if len(request.blob) not in BLOB_SIZES:
            raise InvalidInput(what=f"A blob of {len(request.blob)} bytes cannot be put")
        return u32(number) + request.queue_id + request.blob
    return u32(number) + _encoder.encode(request)


def decode_request(body: bytes) -> tuple[int, Request]:
    """Number and request.

    Raises:
        MalformedMessage: no request, or another encoding of one.
    """
    if len(body) in _PUT_SIZES:
        return _number(body), Put(body[_NUMBER_BYTES:_HEAD_BYTES], body[_HEAD_BYTES:])
    return _number(body), _decode(_requests, body[_NUMBER_BYTES:])


def encode_answer(number: int, answer: Answer) -> bytes:
    """The body of an answer record; `number` is that of its request."""
    return u32(number) + _encoder.encode(answer)


def decode_answer(body: bytes) -> tuple[int, Answer]:
    """Number and answer.

    Raises:
        MalformedMessage: no answer, or another encoding of one.
    """
    number, answer = _number(body), _decode(_answers, body[_NUMBER_BYTES:])
    if isinstance(answer, Laid) and len(answer.sealed) not in (0, SEALED_BUNDLE_BYTES):
        raise MalformedMessage(what="bundle length")
    return number, answer


def encode_push(push: Push) -> bytes:
    """The body of a push record."""
    return u32(push.behind) + push.queue_id + push.blob


def decode_push(body: bytes) -> Push:
    """Undo `encode_push`.

    Raises:
        MalformedMessage: another length, or something behind nothing.
    """
    behind, blob = _number(body), body[_HEAD_BYTES:]
    if (len(body) != _HEAD_BYTES and len(body) not in _PUT_SIZES) or (behind and not blob):
        raise MalformedMessage(what="push")
    return Push(body[_NUMBER_BYTES:_HEAD_BYTES], behind, blob)


def _number(body: bytes) -> int:
    return int.from_bytes(body[:_NUMBER_BYTES], "big")


def _decode(decoder: msgspec.msgpack.Decoder[_T], data: bytes) -> _T:
    """One value in its one encoding, as a payload is read."""
    try:
        value = decoder.decode(data)
        canonical = _encoder.encode(value)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise MalformedMessage(what="request or answer") from error
    if canonical != data:
        raise MalformedMessage(what="request or answer")
    return value
