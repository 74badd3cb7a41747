"""Keys of members of rooms: who an author is, and how it signs (docs/PROTOCOL.md 14.1)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from loom.crypto.kdf import hash_
from loom.crypto.signatures import SIGNATURE_BYTES, SigningKey, verify, verify_ed25519
from loom.errors import AuthenticationError
from loom.model import ContactToken
from loom.wire.encoding import enc, u8
from loom.wire.limits import (
    ED25519_KEY_BYTES,
    MLDSA_KEY_BYTES,
    ROOM_COUNCIL_MAX,
    ROOM_COUNCIL_THRESHOLD_MAX,
    ROOM_ID_BYTES,
)

_STATEMENT: Final = "room statement"
_POST: Final = "room post"
_JOIN: Final = "room join"
SHARE_BYTES: Final = 1 + SIGNATURE_BYTES
"""Which of a council's authors signed, and its signature."""


class MemberKeys(msgspec.Struct, frozen=True, array_like=True):
    """`R` of a member: 32 and 1,952 bytes."""

    ed25519: bytes
    mldsa: bytes

    def __repr__(self) -> str:
        return f"MemberKeys({self.ed25519.hex()[:8]})"

    @property
    def author(self) -> bytes:
        """Who these keys are: 32 bytes."""
        return hash_(enc(b"LOOM/1 room member", self.ed25519, self.mldsa))[:ROOM_ID_BYTES]

    def is_in_bounds(self) -> bool:
        """Both sizes."""
        return len(self.ed25519) == ED25519_KEY_BYTES and len(self.mldsa) == MLDSA_KEY_BYTES


class Council(msgspec.Struct, frozen=True, array_like=True):
    """An officer that acts by the signatures of `threshold` of its authors, who are sorted."""

    threshold: int
    authors: tuple[bytes, ...]

    @property
    def author(self) -> bytes:
        """Who this council is: 32 bytes."""
        return hash_(enc(b"LOOM/1 room council", u8(self.threshold), *self.authors))[:ROOM_ID_BYTES]

    def who_signed(self, signature: bytes) -> list[bytes]:
        """Those whose places are in the signatures of a statement; nothing is verified."""
        places = signature[::SHARE_BYTES]
        return [self.authors[one] for one in places if one < len(self.authors)]

    def is_in_bounds(self) -> bool:
        """1 to 15 authors; more than half of them, at most 8."""
        count = len(self.authors)
        return (
            1 <= count <= ROOM_COUNCIL_MAX
            and count < 2 * self.threshold
            and self.threshold <= min(count, ROOM_COUNCIL_THRESHOLD_MAX)
            and all(len(one) == ROOM_ID_BYTES for one in self.authors)
            and self.authors == tuple(sorted(set(self.authors)))
        )


Signers = MemberKeys | Council
Keys = Mapping[bytes, Signers]
"""By author."""


class RoomSigner:
    """A pair of one's own in one room, from two seeds of 32 bytes."""

    __slots__ = ("_key", "author", "keys")

    def __init__(self, ed25519_seed: bytes, mldsa_seed: bytes) -> None:
        self._key = SigningKey(ed25519_seed, mldsa_seed)
        self.keys = MemberKeys(self._key.ed25519_public, self._key.mldsa_public)
        self.author = self.keys.author

    def __repr__(self) -> str:
        return f"RoomSigner({self.author.hex()[:8]})"

    def sign_head(self, head: bytes) -> bytes:
        """Over the bytes of a statement, one's own or a council's: 3,373 bytes."""
        return self._key.sign(_STATEMENT, head)

    def sign_post_head(self, head: bytes) -> bytes:
        """Over the header of a post: 64 bytes."""
        return self._key.sign_ed25519(_POST, head)

    def prove_join(self, room_id: bytes, token: ContactToken) -> bytes:
        """`proof` of 14.1: 3,373 bytes."""
        return self._key.sign(_JOIN, _joined(room_id, token))


def continued_claim(old_room_id: bytes, room_id: bytes) -> bytes:
    """What who accepts an offered room says with its RoomKey: 32 bytes, and no secret."""
    return hash_(enc(b"LOOM/1 room continued", old_room_id, room_id))[:ROOM_ID_BYTES]


def verify_head(signers: Signers, head: bytes, signature: bytes, keys: Keys) -> None:
    """The signature of a statement, or those of a council's authors.

    Args:
        signature: 3,373 bytes; of a council `threshold` times an index (u8, ascending) and those.
        keys: where those of a council's authors are.

    Raises:
        AuthenticationError: one is wrong, or of somebody whose keys are not here.
    """
    if isinstance(signers, MemberKeys):
        verify(signers.ed25519, signers.mldsa, _STATEMENT, head, signature)
        return
    shares = [
        (signature[at], signature[at + 1 : at + SHARE_BYTES])
        for at in range(0, len(signature), SHARE_BYTES)
    ]
    places = [place for place, _ in shares]
    is_whole = len(signature) == signers.threshold * SHARE_BYTES
    if not is_whole or places != sorted(set(places)) or places[-1] >= len(signers.authors):
        raise AuthenticationError(what="room council signatures")
    for place, share in shares:
        one = keys.get(signers.authors[place])
        if not isinstance(one, MemberKeys):
            raise AuthenticationError(what="room council signatures")
        verify(one.ed25519, one.mldsa, _STATEMENT, head, share)


def verify_post_head(keys: MemberKeys, head: bytes, signature: bytes) -> None:
    """The signature of a post.

    Raises:
        AuthenticationError: it is wrong.
    """
    verify_ed25519(keys.ed25519, _POST, head, signature)


def verify_join(room_id: bytes, token: ContactToken, keys: MemberKeys, proof: bytes) -> None:
    """That who has `keys` says to have the identity of `token`, too.

    Raises:
        AuthenticationError: it is not so.
    """
    verify(keys.ed25519, keys.mldsa, _JOIN, _joined(room_id, token), proof)


def _joined(room_id: bytes, token: ContactToken) -> bytes:
    return enc(room_id, token.peer_id, token.x25519_public)
