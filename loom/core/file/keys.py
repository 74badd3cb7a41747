"""Keys of one offer. A chunk is sealed only if it is the one that was offered (PROTOCOL 15.3)."""

from typing import Final

from loom.core.file.chunk_list import hash_at
from loom.core.file.offer import Offer
from loom.crypto.aead import ChaChaKey
from loom.crypto.blake3 import blake3_hash
from loom.crypto.kdf import equal, hkdf
from loom.errors import AuthenticationError
from loom.wire.encoding import enc
from loom.wire.file_records import Piece, What
from loom.wire.limits import AEAD_NONCE_BYTES, AEAD_TAG_BYTES

_LABEL: Final = b"LOOM/1 file"


class FileKeys:
    """Both keys of an offer; each nonce meets one plaintext, the one that the root is over."""

    __slots__ = ("_keys",)

    def __init__(self, offer: Offer) -> None:
        both = hkdf(b"", offer.secret, enc(_LABEL, offer.root), 64)
        self._keys = {What.DATA: ChaChaKey(both[:32]), What.LIST: ChaChaKey(both[32:])}

    def __repr__(self) -> str:
        return "FileKeys(redacted)"

    def seal_list_piece(self, piece: Piece, plaintext: bytes) -> bytes:
        """Of a list whose root is that of the offer."""
        return self._keys[What.LIST].seal(_nonce(piece), plaintext, b"")

    def seal_chunk(
        self, piece: Piece, plaintext: bytes | memoryview, hashes: bytes
    ) -> bytes | None:
        """A chunk, 16 bytes longer; None: it is not the one of the list."""
        if not self.is_listed(piece, plaintext, hashes):
            return None
        return self._keys[What.DATA].seal(_nonce(piece), plaintext, b"")

    def open_(self, piece: Piece, sealed: bytes) -> bytes:
        """The plaintext of a piece, which need not be what was offered.

        Raises:
            AuthenticationError: nobody who knows this offer sealed it.
        """
        return self._keys[piece.what].open_(_nonce(piece), sealed, b"")

    def open_chunk(self, piece: Piece, sealed: bytes, room: bytearray) -> memoryview:
        """The plaintext of a chunk in `room`, until that is used again; raises as `open_`."""
        plaintext = memoryview(room)[: len(sealed) - AEAD_TAG_BYTES]
        self._keys[What.DATA].open_into(_nonce(piece), sealed, b"", plaintext)
        return plaintext

    @staticmethod
    def is_listed(piece: Piece, plaintext: bytes | memoryview, hashes: bytes) -> bool:
        """Whether a chunk is the one of the list."""
        return equal(blake3_hash(plaintext), hash_at(hashes, piece.index))

    def is_chunk(self, piece: Piece, sealed: bytes, hashes: bytes) -> bool:
        """Whether what lies on a disk is a chunk that was offered."""
        try:
            return self.is_listed(piece, self.open_(piece, sealed), hashes)
        except AuthenticationError:
            return False


def _nonce(piece: Piece) -> bytes:
    return piece.index.to_bytes(AEAD_NONCE_BYTES, "big")
