"""What a contact asks of files that were offered to it, and of those that were not."""

from typing import Final

from fuzz.draw import Draw
from fuzz.target import Target
from fuzz.targets.file_pieces import PIECES, SENT
from loom.core.file.sender import Sender, Source
from loom.errors import PeerError
from loom.wire.file_records import (
    Piece,
    Reason,
    What,
    decode_part,
    decode_refusal,
    decode_request,
    encode_request,
)
from loom.wire.limits import FILE_ASKED_MAX, FILE_CHUNK_BYTES

_CONTENTS: Final = {
    one.offer.file_id: (bytes(range(256)) * (one.offer.size // 256 + 1))[: one.offer.size]
    for one in SENT
}


def run(data: bytes) -> None:
    """Only what was accepted is sealed, in the order in which it was asked, and not for ever."""
    draw = Draw(data)
    sender = Sender()
    sources = {
        one.offer.file_id: Source(
            one.offer,
            is_accepted=draw.flag(),
            is_paused=draw.flag(),
            is_over=draw.flag(),
            served=draw.number(80),
        )
        for one in SENT
    }
    waiting: list[Piece] = []
    while not draw.is_over:
        if draw.flag():
            if sender.next is None:
                continue
            _answer(sender, sources, waiting.pop(0), draw)
            continue
        body = encode_request(draw.choice(PIECES))
        body = draw.edited(body) if draw.flag() else body
        try:
            piece = decode_request(body)
            sender.receive_request(piece)
        except PeerError:
            return  # the link is closed
        assert encode_request(piece) == body
        assert piece.index < (8 if piece.what is What.LIST else 65_536)
        waiting.append(piece)
        assert len(waiting) <= FILE_ASKED_MAX


def _answer(sender: Sender, sources: dict[bytes, Source], piece: Piece, draw: Draw) -> None:
    assert sender.next == piece
    source = sources.get(piece.file_id)
    reason = Reason.GONE if source is None else source.refusal(piece)
    if source is None or reason is not None:
        refusal = decode_refusal(sender.refuse(reason or Reason.GONE))
        assert refusal == (piece, reason)
        return
    assert source.is_accepted
    assert not source.is_paused
    assert not source.is_over
    assert source.served < source.offer.served_max
    (sent,) = (one for one in SENT if one.offer.file_id == piece.file_id)
    if piece.what is What.LIST:
        bodies = sender.serve_list(source, sent.hashes)
    else:
        start = piece.index * FILE_CHUNK_BYTES
        chunk = _CONTENTS[piece.file_id][start : start + FILE_CHUNK_BYTES]
        read = draw.edited(chunk) if draw.flag() else chunk
        served = sender.serve_chunk(source, sent.hashes, read)
        assert (served is not None) == (read == chunk)
        if served is None:
            sender.refuse(Reason.GONE)
            return
        bodies = served
    parts = [decode_part(one) for one in bodies]
    assert [one.piece for one in parts] == [piece] * len(parts)
    assert b"".join(one.content for one in parts) == sent.honest[piece]


TARGET = Target(
    run=run,
    seeds=(
        b"\1\0\0\0" * len(SENT) + b"\0\0\0\1" * 20,
        b"\1\0\0\0" * len(SENT) + b"\0\4\0\1\0" * 12,
        b"\1\0\0\0" * len(SENT) + b"\0\2\0" * 20,
        b"\0\1\0\3" * len(SENT) + b"\0\2\1\3\1\0\2\0" * 8,
        b"\1\0\0\x4f" * len(SENT) + b"\0\3\0\1\1" * 12,
    ),
    executions=400,
)
