"""Adverts on the LAN that only contacts can read (docs/PROTOCOL.md 7).

    v   "1"
    n   nonce (16)
    t0  tags (8 each), ascending, 30 to a string: one TXT string holds 255 bytes; t1 ... t4 the rest

A tag is `MAC(K_presence(self -> contact), enc("LOOM/1 presence", epoch u64, nonce, port u16,
address, ...))[:8]`. The addresses are those of the advert's A and AAAA records as the announcer
gave them: packed (4 or 16 bytes, no scope), each once, in byte order, each an item of its own.
Tags and fillers look alike and stand in ascending order, so a place tells nothing about a contact.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from loom.crypto.kdf import MacKey, mac
from loom.errors import MalformedMessage, UsageError
from loom.model import PersonId
from loom.wire.encoding import enc, u16, u64
from loom.wire.limits import (
    EPOCH_S,
    EPOCH_SKEW,
    PRESENCE_BUCKETS,
    PRESENCE_NONCE_BYTES,
    PRESENCE_TAG_BYTES,
    PRESENCE_TAGS_PER_STRING,
)

Properties = tuple[tuple[bytes, bytes], ...]

ADVERT_CONTACTS_MAX: Final = PRESENCE_BUCKETS[-1]
ADVERT_RANDOM_BYTES: Final = PRESENCE_NONCE_BYTES + ADVERT_CONTACTS_MAX * PRESENCE_TAG_BYTES
_STRING_BYTES: Final = PRESENCE_TAGS_PER_STRING * PRESENCE_TAG_BYTES
_BUCKET_BYTES: Final = frozenset(size * PRESENCE_TAG_BYTES for size in PRESENCE_BUCKETS)
_VERSION: Final = (b"v", b"1")


class Place(msgspec.Struct, frozen=True):
    """What a tag vouches for besides its key: the port, and packed addresses in any order."""

    port: int
    addresses: tuple[bytes, ...]


class Presence(msgspec.Struct, frozen=True):
    """What one advert says."""

    nonce: bytes
    tags: tuple[bytes, ...]


def epoch_at(unix_s: float) -> int:
    """The 15-minute epoch of a time."""
    return int(unix_s) // EPOCH_S


def adverts_needed(contacts: int) -> int:
    """How many adverts tell that many contacts; with none there is still one."""
    return max(1, -(-contacts // ADVERT_CONTACTS_MAX))


def build_adverts(
    keys: list[bytes], place: Place, *, epoch: int, random_bytes: bytes
) -> list[Properties]:
    """The TXT properties of all adverts of one epoch.

    Args:
        keys: `PairKeys.sending.presence` of each contact who may see us.
        random_bytes: `adverts_needed(len(keys)) * ADVERT_RANDOM_BYTES`, never used before: a
            nonce and the fillers of each advert.
    """
    count = adverts_needed(len(keys))
    if len(random_bytes) != count * ADVERT_RANDOM_BYTES:
        raise UsageError
    adverts = []
    for number in range(count):
        shown = keys[number * ADVERT_CONTACTS_MAX : (number + 1) * ADVERT_CONTACTS_MAX]
        random = random_bytes[number * ADVERT_RANDOM_BYTES :][:ADVERT_RANDOM_BYTES]
        nonce, fillers = random[:PRESENCE_NONCE_BYTES], _split(random[PRESENCE_NONCE_BYTES:])
        message = _message(epoch, nonce, place)
        tags = [_tag(key, message) for key in shown]
        bucket = next(size for size in PRESENCE_BUCKETS if len(tags) <= size)
        tags += fillers[: bucket - len(tags)]
        adverts.append(encode_presence(Presence(nonce, tuple(sorted(tags)))))
    return adverts


def encode_presence(presence: Presence) -> Properties:
    """The TXT properties of one advert."""
    data = b"".join(presence.tags)
    strings = [data[at : at + _STRING_BYTES] for at in range(0, len(data), _STRING_BYTES)]
    numbered = [(b"t%d" % number, string) for number, string in enumerate(strings)]
    return (_VERSION, (b"n", presence.nonce), *numbered)


def decode_presence(properties: Properties) -> Presence:
    """Undo `encode_presence`, strictly.

    Raises:
        MalformedMessage: anything that `build_adverts` does not write.
    """
    nonce = properties[1][1] if len(properties) > 1 else b""
    data = b"".join(value for _, value in properties[2:])
    tags = _split(data)
    presence = Presence(nonce, tuple(tags))
    if (
        len(nonce) != PRESENCE_NONCE_BYTES
        or len(data) not in _BUCKET_BYTES
        or tags != sorted(tags)
        or encode_presence(presence) != properties
    ):
        raise MalformedMessage(what="advert")
    return presence


def find_contact(
    presence: Presence, place: Place, keys: Mapping[PersonId, MacKey], *, epoch: int
) -> PersonId | None:
    """Whose advert this is, if a contact's; a stranger's costs nine MACs per contact.

    Args:
        place: the port and addresses that came with the advert.
        keys: made of `PairKeys.receiving.presence` of each contact.
        epoch: ours; the advert's may be up to 4 away.
    """
    tags = frozenset(presence.tags)
    # Ours first: with a right clock a contact is found in the first round.
    for offset in sorted(range(-EPOCH_SKEW, EPOCH_SKEW + 1), key=abs):
        if epoch + offset < 0:
            continue  # a clock that says 1970
        message = _message(epoch + offset, presence.nonce, place)
        for person_id, key in keys.items():
            if key.mac(message)[:PRESENCE_TAG_BYTES] in tags:
                return person_id
    return None


def _message(epoch: int, nonce: bytes, place: Place) -> bytes:
    addresses = sorted(set(place.addresses))
    return enc(b"LOOM/1 presence", u64(epoch), nonce, u16(place.port), *addresses)


def _tag(key: bytes, message: bytes) -> bytes:
    return mac(key, message)[:PRESENCE_TAG_BYTES]


def _split(data: bytes) -> list[bytes]:
    return [data[at : at + PRESENCE_TAG_BYTES] for at in range(0, len(data), PRESENCE_TAG_BYTES)]
