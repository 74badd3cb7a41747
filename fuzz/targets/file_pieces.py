"""What a sender of files answers: pieces cut, changed, not asked for, and sealed lies."""

from typing import Final

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.file.bitmap import chunks_here
from loom.core.file.chunk_list import hash_at, root_of
from loom.core.file.keys import FileKeys
from loom.core.file.offer import Offer
from loom.core.file.receiver import ChunkCame, ContentWrong, Event, ListCame, NotServed, Receiver
from loom.crypto.blake3 import blake3_hash
from loom.errors import MalformedMessage, PeerError, ProtocolViolation
from loom.wire.file_records import (
    Piece,
    Reason,
    Refusal,
    What,
    decode_part,
    decode_refusal,
    encode_parts,
    encode_refusal,
)
from loom.wire.limits import FILE_ASKED_MAX, FILE_CHUNK_BYTES

_SIZES: Final = (0, 1, 700, FILE_CHUNK_BYTES + 9, *range(2, 18))
_TYPE: Final = "a/b"


class Sent:
    """An offer, and its pieces as an honest sender and a lying one seal them."""

    def __init__(self, number: int) -> None:
        content = bytes(range(256)) * (_SIZES[number] // 256 + 1)
        content = content[: _SIZES[number]]
        starts = range(0, len(content), FILE_CHUNK_BYTES)
        chunks = [content[start : start + FILE_CHUNK_BYTES] for start in starts]
        self.hashes = b"".join(map(blake3_hash, chunks))
        root = root_of(len(content), _TYPE, self.hashes)
        self.offer = Offer(bytes([number]) * 16, len(content), _TYPE, root, bytes([number]) * 32)
        keys = FileKeys(self.offer)
        pieces = {Piece(self.offer.file_id, What.LIST, 0): self.hashes} if chunks else {}
        for index, chunk in enumerate(chunks):
            pieces[Piece(self.offer.file_id, What.DATA, index)] = chunk
        self.honest = {
            piece: _sealed(keys, piece, plain, self.hashes) for piece, plain in pieces.items()
        }
        self.lies = {piece: _lie(keys, piece, bytes(len(plain))) for piece, plain in pieces.items()}


def _sealed(keys: FileKeys, piece: Piece, plaintext: bytes, hashes: bytes) -> bytes:
    if piece.what is What.LIST:
        return keys.seal_list_piece(piece, plaintext)
    return keys.seal_chunk(piece, plaintext, hashes) or b""


def _lie(keys: FileKeys, piece: Piece, other: bytes) -> bytes:
    """Sealed by somebody who knows the keys, and something else than was offered."""
    return _sealed(keys, piece, other, bytes(32 * piece.index) + blake3_hash(other))


SENT: Final = [Sent(number) for number in range(len(_SIZES))]
PIECES: Final = [piece for one in SENT for piece in one.honest] + [
    Piece(bytes(16), What.DATA, 65_535),
    Piece(b"unknown " * 2, What.LIST, 0),
]


def run(data: bytes) -> None:
    """Nothing is told as come that was not offered, and no more is asked for than allowed."""
    draw = Draw(data)
    receiver = Receiver()
    told: list[Event | None] = []
    for one in SENT[: 4 + draw.number(len(SENT) - 3)]:
        have = bytes(1) if draw.flag() else b""
        told.append(receiver.begin(one.offer, one.hashes if draw.flag() else None, have))
    receiver.linked()
    now_s = 0.0
    asked: list[Piece] = []
    while not draw.is_over:
        asked += receiver.ask(now_s)
        assert len(receiver._asked) + len(receiver._storing) <= FILE_ASKED_MAX
        now_s += draw.number(8)
        match draw.number(8):
            case 0 | 1 | 2 if receiver._asked:
                bodies = _answer(draw, receiver._asked[0].piece)
            case 3:
                bodies = [draw.edited(one) for one in _answer(draw, draw.choice(PIECES))]
            case 4:
                bodies = [draw.some()]
            case 5:
                receiver.end(draw.choice(SENT).offer.file_id)
                continue
            case 6:
                receiver.linked()
                continue
            case _:
                refusal = Refusal(_first_or_any(draw, receiver), draw.choice(tuple(Reason)))
                bodies = [draw.edited(encode_refusal(refusal))]
        for body in bodies:
            try:
                event = _take(receiver, body, now_s)
            except (MalformedMessage, ProtocolViolation):
                receiver.linked()  # the link is closed; the next one comes
                break
            told.append(event)
            if isinstance(event, ChunkCame) and draw.flag():
                receiver.stored(event.file_id, event.index)
    for event in told:
        _check(event)
    for fetch in receiver._fetches.values():
        assert chunks_here(bytes(fetch.have)) <= fetch.offer.chunks


def _first_or_any(draw: Draw, receiver: Receiver) -> Piece:
    return receiver._asked[0].piece if receiver._asked and draw.flag() else draw.choice(PIECES)


def _answer(draw: Draw, piece: Piece) -> list[bytes]:
    """The parts of a piece: honest, a lie, changed under way, or of another length."""
    sealed = b"?" * 40
    for one in SENT:
        sealed = one.honest.get(piece, sealed)
        if draw.number(4) == 1:
            sealed = one.lies.get(piece, sealed)
    if draw.number(4) == 1:
        place = draw.number(len(sealed))
        sealed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
    parts = encode_parts(piece, sealed)
    if draw.number(4) == 1:
        parts.insert(draw.number(len(parts) + 1), draw.choice(parts))
    return parts


def _take(receiver: Receiver, body: bytes, now_s: float) -> Event | None:
    try:
        refusal = decode_refusal(body)
    except PeerError:
        return receiver.receive_part(decode_part(body))
    return receiver.receive_refusal(refusal, now_s)


def _check(event: Event | None) -> None:
    match event:
        case ListCame(file_id=file_id, hashes=hashes):
            assert hashes == SENT[file_id[0]].hashes
        case ChunkCame(file_id=file_id, index=index, sealed=sealed):
            sent = SENT[file_id[0]]
            plaintext = FileKeys(sent.offer).open_(Piece(file_id, What.DATA, index), sealed)
            assert blake3_hash(plaintext) == hash_at(sent.hashes, index)
        case ContentWrong(file_id=file_id) | NotServed(file_id=file_id):
            assert file_id[0] < len(SENT)


TARGET = Target(
    run=run,
    seeds=(
        b"\0" * 60,
        b"\x10" + b"\0" * 60,
        b"\0\0\0\0\0\0\0\0\0" + b"\0\0\0\0\0\0\0\0\0\1" * 12,
        b"\0\1\1\1\1\1\1\1\1" + b"\1\0\1\1\1\1\1\0\0" * 8,
        b"\0\0\0\0\0\0\0\0\0" + b"\7\7\1\1\0" * 20,
        b"\0\0\0\0\0\0\0\0\0" + b"\0\3\1\0\0\0\0\0\0\1\2\3" * 6,
    ),
    executions=400,
    memory_max_mib=48,
)
