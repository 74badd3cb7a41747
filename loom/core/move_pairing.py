"""Two machines of one person agree on a key, by three words, for a move (PROTOCOL 8.2)."""

from typing import Final

import msgspec

from loom.core.pairing_link import MeetingLink
from loom.crypto.kdf import hkdf, mac
from loom.errors import MoveEndsAlike, UsageError
from loom.wire.encoding import enc, u8
from loom.wire.limits import PAIR_PROOF_BYTES
from loom.wire.moving import End, Pledge, decode_pledge, encode_pledge

MOVE_KEY_BYTES: Final = 32


class MoveSide(msgspec.Struct, frozen=True):
    """What this machine brings into each of its links.

    Args:
        number: 16 random bytes, the same for all links of one pairing.
    """

    number: bytes
    pledge: Pledge

    def __repr__(self) -> str:
        return "MoveSide(redacted)"


class MoveKey(msgspec.Struct, frozen=True):
    """32 bytes that only these two machines have; all keys of the move come from it."""

    secret: bytes

    def __repr__(self) -> str:
        return "MoveKey(redacted)"


class MovePairingLink(MeetingLink[MoveKey]):
    """Of an old and a new machine."""

    PROLOGUE = b"LOOM/1 move pairing"

    def __init__(self, own: MoveSide, *, dialled: bool, random: bytes, now_s: float) -> None:
        super().__init__(own.number, dialled=dialled, random=random, now_s=now_s)
        self._pledge = own.pledge

    def _introduction(self) -> bytes:
        return encode_pledge(self._pledge)

    def _introduced(self, body: bytes) -> MoveKey:
        remote, own = decode_pledge(body), self._pledge
        if remote.end is own.end:
            raise MoveEndsAlike
        old, new = (own, remote) if own.end is End.OLD else (remote, own)
        shares = old.share + new.share
        return MoveKey(hkdf(self.handshake_hash, shares, b"LOOM/1 move", MOVE_KEY_BYTES))

    def _proof(self, *, is_own: bool) -> bytes:
        if self.remote is None:
            raise UsageError
        end = self._pledge.end if is_own else 1 - self._pledge.end
        message = enc(b"LOOM/1 move proof", self.handshake_hash, u8(end))
        return mac(self.remote.secret, message)[:PAIR_PROOF_BYTES]
