"""Queues: one-way lines of sealed blobs at an anchor, made of symmetric keys (PROTOCOL.md 10.1).

The holder draws a queue secret and tells it to the guest inside the ratchet. The anchor is given
the queue's id and its two link keys, with which it can open nothing that it keeps.
"""

from typing import Final, NamedTuple

import msgspec

from loom.crypto.aead import SivKey
from loom.crypto.kdf import equal, hash_, hkdf, mac
from loom.errors import AuthenticationError, InvalidInput, MalformedMessage
from loom.model import PeerId
from loom.wire.encoding import enc, u64
from loom.wire.limits import (
    BLOB_ID_BYTES,
    BLOB_SIZES,
    BULK_BLOB_BYTES,
    ENVELOPE_BUCKETS,
    PARCEL_BYTES,
    QUEUE_ID_BYTES,
    WORK_BITS_MAX,
    WORK_BITS_MIN,
    WORK_REQUESTS_PER_BIT,
)

_UNTIL_BYTES: Final = 8
_KEY_BYTES: Final = 32
_MARK_BYTES: Final = 16
_NO_ENVELOPE: Final = b"\xff" * _UNTIL_BYTES
"""In place of `until` before a parcel of a file: no time is that late."""


def acquaintance_queue_secret(link_key: bytes, holder: PeerId, mask_key: bytes) -> bytes:
    """`Q` of the first queue between two members of a room (14.7): 32 bytes.

    Args:
        link_key: `K_link` of the direction from its writer to its reader.
        holder: who has the account at the anchor.
        mask_key: 16 bytes, of the anchor.
    """
    return hkdf(b"", link_key, enc(b"LOOM/1 room queue", holder, mask_key), 32)


class DoorKeys(msgspec.Struct, frozen=True):
    """The two 32-byte keys that open a link to an anchor."""

    tag: bytes
    link: bytes

    def __repr__(self) -> str:
        return "DoorKeys(redacted)"


class QueueKeys:
    """All that a queue secret gives; both ends have the whole, the anchor id and `door`."""

    __slots__ = ("_blob_key", "_bundle_key", "_id_key", "door", "queue_id")

    def __init__(self, queue_id: bytes, door: DoorKeys, keys: tuple[bytes, bytes, bytes]) -> None:
        self.queue_id = queue_id
        self.door = door
        self._id_key = keys[0]
        self._blob_key = SivKey(keys[1])
        self._bundle_key = SivKey(keys[2])

    def __repr__(self) -> str:
        return "QueueKeys(redacted)"

    def blob_id(self, until_s: int, envelope: bytes) -> bytes:
        """The 12 bytes by which a blob is named; the same for the same envelope."""
        return self._id_of(u64(until_s) + envelope)

    def seal_blob(self, until_s: int, envelope: bytes) -> bytes:
        """An envelope as it lies in the queue, its id first; 36 bytes longer.

        Args:
            until_s: Unix seconds; 30 days after the envelope was sealed, however late it is put.

        Raises:
            InvalidInput: not an envelope's length.
        """
        if len(envelope) not in ENVELOPE_BUCKETS:
            raise InvalidInput(what=f"An envelope of {len(envelope)} bytes does not go in a queue")
        return self._seal(u64(until_s) + envelope)

    def open_blob(self, blob: bytes) -> "OpenedBlob":
        """Undo `seal_blob`.

        Raises:
            MalformedMessage: not a blob's length, or a parcel of a file.
            AuthenticationError: not sealed for this queue, or its id is another's.
        """
        content = self._open(blob)
        if content.startswith(_NO_ENVELOPE):
            raise MalformedMessage(what="no envelope")
        until_s = int.from_bytes(content[:_UNTIL_BYTES], "big")
        return OpenedBlob(until_s, content[_UNTIL_BYTES:])

    def seal_parcel(self, parcel: bytes) -> bytes:
        """A parcel of a file as it lies in a bulk queue; the same bytes for the same parcel.

        Raises:
            InvalidInput: not a parcel's length.
        """
        if len(parcel) != PARCEL_BYTES:
            raise InvalidInput(what=f"A parcel of {len(parcel)} bytes does not go in a queue")
        return self._seal(_NO_ENVELOPE + parcel)

    def open_parcel(self, blob: bytes) -> bytes:
        """Undo `seal_parcel`.

        Raises:
            MalformedMessage: not a parcel's length, or an envelope.
            AuthenticationError: not sealed for this queue, or its id is another's.
        """
        if len(blob) != BULK_BLOB_BYTES:
            raise MalformedMessage(what="parcel length")
        content = self._open(blob)
        if not content.startswith(_NO_ENVELOPE):
            raise MalformedMessage(what="no parcel")
        return content[_UNTIL_BYTES:]

    def mark(self, salt: bytes) -> bytes:
        """By which the reader of a file finds its writer: 16 bytes."""
        return mac(self._id_key, salt)[:_MARK_BYTES]

    def seal_bundle(self, bundle: bytes, nonce: bytes) -> bytes:
        """A bundle as the reader lays it for the writer; `nonce` is 12 random bytes."""
        return self._bundle_key.seal(nonce, bundle, self.queue_id)

    def open_bundle(self, sealed: bytes) -> bytes:
        """Undo `seal_bundle`.

        Raises:
            AuthenticationError: not sealed for this queue.
        """
        return self._bundle_key.open_(sealed, self.queue_id)

    def _seal(self, content: bytes) -> bytes:
        # The id is the nonce (12 bytes), so the sealed form begins with it.
        return self._blob_key.seal(self._id_of(content), content, self.queue_id)

    def _open(self, blob: bytes) -> bytes:
        if len(blob) not in BLOB_SIZES:
            raise MalformedMessage(what="blob length")
        content = self._blob_key.open_(blob, self.queue_id)
        if not equal(self._id_of(content), blob[:BLOB_ID_BYTES]):
            raise AuthenticationError(what="blob id")
        return content

    def _id_of(self, content: bytes) -> bytes:
        return mac(self._id_key, content)[:BLOB_ID_BYTES]


class OpenedBlob(NamedTuple):
    """What a blob holds: until when it counts, in Unix seconds, and an envelope."""

    until_s: int
    envelope: bytes

    def __repr__(self) -> str:
        return f"OpenedBlob(until_s={self.until_s}, {len(self.envelope)} bytes)"


def derive_queue_keys(secret: bytes) -> QueueKeys:
    """The keys of a queue; `secret` is 32 random bytes."""
    block = hkdf(b"", secret, b"LOOM/1 queue", QUEUE_ID_BYTES + 5 * _KEY_BYTES)
    queue_id, rest = block[:QUEUE_ID_BYTES], block[QUEUE_ID_BYTES:]
    tag, link, for_id, for_blob, for_bundle = (
        rest[at : at + _KEY_BYTES] for at in range(0, len(rest), _KEY_BYTES)
    )
    return QueueKeys(queue_id, DoorKeys(tag, link), (for_id, for_blob, for_bundle))


def derive_file_keys(link_key: bytes, salt: bytes) -> QueueKeys:
    """The keys of one file of mail (section 13).

    Args:
        link_key: `K_link` from the writer to the reader, 32 bytes.
        salt: 16 random bytes, in clear in the file.
    """
    return derive_queue_keys(hkdf(salt, link_key, b"LOOM/1 file", _KEY_BYTES))


def derive_account_keys(secret: bytes) -> DoorKeys:
    """The keys of an account; `secret` (32 random bytes) never leaves its holder."""
    return _door_keys(secret, b"LOOM/1 account")


def derive_pairing_keys(secret: bytes) -> DoorKeys:
    """The keys of one pairing with an anchor; `secret` is the 16 bytes of the pairing text."""
    return _door_keys(secret, b"LOOM/1 pairing")


def _door_keys(secret: bytes, info: bytes) -> DoorKeys:
    block = hkdf(b"", secret, info, 2 * _KEY_BYTES)
    return DoorKeys(block[:_KEY_BYTES], block[_KEY_BYTES:])


# --- work, for queues that anybody may write to ---


def work_bits(waiting: int) -> int:
    """How many zero bits a put to an address needs while so many blobs lie there."""
    return min(WORK_BITS_MIN + waiting // WORK_REQUESTS_PER_BIT, WORK_BITS_MAX)


def work_done(queue_id: bytes, day: int, blob_id: bytes, nonce: int) -> int:
    """With how many zero bits the hash begins."""
    value = int.from_bytes(hash_(_work_prefix(queue_id, day, blob_id) + u64(nonce)), "big")
    return 512 - value.bit_length()


def find_work(
    queue_id: bytes, day: int, blob_id: bytes, bits: int, first: int, tries: int
) -> int | None:
    """A nonce from `first` on that does the work; None when so many tries found none."""
    prefix, limit = _work_prefix(queue_id, day, blob_id), 1 << (512 - bits)
    for nonce in range(first, first + tries):
        if int.from_bytes(hash_(prefix + nonce.to_bytes(8, "big")), "big") < limit:
            return nonce
    return None


def _work_prefix(queue_id: bytes, day: int, blob_id: bytes) -> bytes:
    # The last item is the nonce, after its length.
    return enc(b"LOOM/1 work", queue_id, u64(day), blob_id) + b"\0\0\0\x08"
