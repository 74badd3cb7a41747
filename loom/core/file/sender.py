"""What one link asks of a sender, answered in the order it was asked, without I/O (PROTOCOL 15.4).

A node has one for each link. It looks up the offer that `next` names, and answers it with one of
`refuse`, `serve_list` and `serve_chunk` before it looks at the next one.
"""

from collections import deque

import msgspec

from loom.core.file.chunk_list import list_piece
from loom.core.file.keys import FileKeys
from loom.core.file.offer import Offer
from loom.errors import ProtocolViolation, UsageError
from loom.wire.file_records import Piece, Reason, Refusal, What, encode_parts, encode_refusal
from loom.wire.limits import FILE_ASKED_MAX


class Source(msgspec.Struct, frozen=True):
    """An own offer as it is now.

    Args:
        is_accepted: the contact said so in the session.
        is_paused: it is not served for now, by this side's wish.
        is_over: declined, cancelled, changed or done.
        served: pieces that were sealed for it so far.
        keys: of the offer, if they were derived before.
    """

    offer: Offer
    is_accepted: bool
    is_paused: bool = False
    is_over: bool = False
    served: int = 0
    keys: FileKeys | None = None

    @property
    def is_used_up(self) -> bool:
        """More was asked for than honest losses explain: the offer is to be cancelled."""
        return self.served >= self.offer.served_max

    def refusal(self, piece: Piece) -> Reason | None:
        """Why a piece is not sent now; None: it is sent."""
        if self.is_over or self.is_used_up or not self.offer.has(piece):
            return Reason.GONE
        return Reason.LATER if self.is_paused or not self.is_accepted else None


class Sender:
    """Requests of one link that wait for their answer."""

    def __init__(self) -> None:
        self._asked: deque[Piece] = deque()

    def __repr__(self) -> str:
        return f"Sender({len(self._asked)} asked)"

    def receive_request(self, piece: Piece) -> None:
        """Take in a record of kind 4.

        Raises:
            ProtocolViolation: more than 16 wait: close the link.
        """
        if len(self._asked) >= FILE_ASKED_MAX:
            raise ProtocolViolation(what="more pieces of files than allowed at a time")
        self._asked.append(piece)

    @property
    def next(self) -> Piece | None:
        """What is answered next."""
        return self._asked[0] if self._asked else None

    def refuse(self, reason: Reason) -> bytes:
        """The body of a record of kind 6."""
        return encode_refusal(Refusal(self._asked.popleft(), reason))

    def serve_list(self, source: Source, hashes: bytes) -> list[bytes]:
        """Bodies of records of kind 5.

        Args:
            hashes: the list that the root of the offer is over.
        """
        piece = self._served(source, What.LIST)
        plaintext = list_piece(hashes, piece.index)
        sealed = FileKeys(source.offer).seal_list_piece(piece, plaintext)
        self._asked.popleft()
        return encode_parts(piece, sealed)

    def serve_chunk(
        self, source: Source, hashes: bytes, plaintext: bytes | memoryview
    ) -> list[bytes] | None:
        """Bodies of records of kind 5; None: the file has changed, and it is to be refused.

        Args:
            plaintext: the chunk as it was read just now.
        """
        piece = self._served(source, What.DATA)
        keys = source.keys or FileKeys(source.offer)
        sealed = keys.seal_chunk(piece, plaintext, hashes)
        if sealed is None:
            return None
        self._asked.popleft()
        return encode_parts(piece, sealed)

    def _served(self, source: Source, what: What) -> Piece:
        piece = self._asked[0]
        if piece.what is not what or source.refusal(piece) is not None:
            raise UsageError
        return piece
