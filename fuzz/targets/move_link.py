"""Either end of a link of a move: strangers dial, and the other machine may say anything."""

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.move_link import (
    HEARS,
    LINK_RANDOM_BYTES,
    Asked,
    Came,
    MoveEvent,
    MoveLink,
    MoveState,
    Offered,
    Opened,
    OpenedThere,
    Readied,
)
from loom.core.move_pairing import MoveKey
from loom.errors import PeerError
from loom.wire.framing import FRAME_HEADER_BYTES
from loom.wire.limits import MOVE_UNTOLD_MAX_BYTES
from loom.wire.moving import (
    RECORD_MAX_BYTES,
    End,
    MoveKind,
    decode_move_record,
    encode_move_record,
    encode_offer,
)

_KEY = MoveKey(bytes(range(32)))
_HEADER = bytes(80)
_SIZE = 100_000
_BUFFERED_MAX = FRAME_HEADER_BYTES + RECORD_MAX_BYTES
_PIECES = (1 << 20, 1, 7, 341)
_BODIES = (
    encode_move_record(MoveKind.OFFER, encode_offer(_SIZE, _HEADER)),
    encode_move_record(MoveKind.HAVE, bytes(8)),
    encode_move_record(MoveKind.HAVE, _SIZE.to_bytes(8, "big")),
    encode_move_record(MoveKind.DATA, b"some"),
    encode_move_record(MoveKind.READY),
    encode_move_record(MoveKind.CLOSED),
    encode_move_record(MoveKind.OPENED),
    encode_move_record(MoveKind.END),
    encode_move_record(MoveKind.REFUSAL, b"\1"),
    encode_move_record(MoveKind.BUSY),
)


class _Honest:
    """One end that does what its driver does, and a hostile other end."""

    def __init__(self, draw: Draw) -> None:
        end, dialled = draw.choice(tuple(End)), draw.flag()
        random = bytes(range(LINK_RANDOM_BYTES))
        other = End(1 - end)
        self._piece = draw.choice(_PIECES)
        self.link = MoveLink(_KEY, end, dialled=dialled, random=random, now_s=0.0)
        self.theirs = MoveLink(_KEY, other, dialled=not dialled, random=random[::-1], now_s=0.0)
        self.events: list[MoveEvent] = []
        self.came = self.sent = 0

    def hear(self, data: bytes) -> None:
        """In pieces."""
        for at in range(0, len(data), self._piece):
            was_over = self.link.is_over
            events = self.link.receive_data(data[at : at + self._piece], 0.0)
            assert not (was_over and events)
            assert len(self.link._incoming) <= max(_BUFFERED_MAX, self._piece)
            for event in events:
                self.events.append(event)
                if self.link.error is None:
                    self._take(event)

    def _take(self, event: MoveEvent) -> None:
        match event:
            case Opened():
                self.link.offer(_SIZE, _HEADER, 0.0)
            case Offered():
                self.link.have(0, 0.0)
            case Asked(offset=offset):
                assert offset <= _SIZE
                wanted = self.link.wanted
                assert 0 <= wanted <= min(MOVE_UNTOLD_MAX_BYTES, _SIZE - self.link.position)
                if wanted:
                    self.link.send(bytes(wanted), 0.0)
            case Came(data=data):
                self.came += len(data)
                assert self.came <= self.link._size
            case Readied():
                self.link.closed(0.0)
            case OpenedThere():
                self.link.end_move(0.0)
            case _:
                pass


def run(data: bytes) -> None:
    """Without the key nothing happens; with it only what is allowed then, and never too much."""
    draw = Draw(data)
    honest = _Honest(draw)
    if draw.number(4) == 3:
        honest.hear(draw.rest())
        assert honest.events == []
        assert not honest.link.is_shown
        return
    link, theirs = honest.link, honest.theirs
    for _ in range(2):
        theirs.receive_data(link.data_to_send(), 0.0)
        whole = theirs.data_to_send()
        sent = draw.edited(whole) if draw.number(8) == 7 else whole
        honest.hear(sent)
        if sent != whole and not whole.startswith(sent):
            assert not link.is_shown or sent.startswith(whole)
    while not draw.is_over and not link.is_over and theirs._ciphers is not None:
        _hostile_record(honest, draw)
    assert link.error is None or isinstance(link.error, PeerError)


def _hostile_record(honest: _Honest, draw: Draw) -> None:
    """Sealed with the right key over any plaintext; honest ones among them."""
    link, theirs = honest.link, honest.theirs
    plaintext = draw.choice(_BODIES)
    if draw.flag():
        plaintext = draw.edited(plaintext)[:1_000]
    assert theirs._ciphers is not None
    sealed = theirs._ciphers[0].encrypt(plaintext)
    before, events = link.state, len(honest.events)
    is_whole = not link._incoming and link._ciphers is not None
    honest.hear(len(sealed).to_bytes(2, "big") + sealed)
    if is_whole and not _is_allowed(plaintext, link.end, before):
        assert link.state is MoveState.CLOSED
        assert len(honest.events) == events
    link.data_to_send()


def _is_allowed(plaintext: bytes, end: End, state: MoveState) -> bool:
    try:
        kind, _ = decode_move_record(plaintext)
    except PeerError:
        return False
    return kind is MoveKind.BUSY or kind in HEARS.get((end, state), ())


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0\0\0",
        b"\0\0\0\0\0\0\1\0\2\0\4\0\6\0",  # old, was dialled: have, ready, opened
        b"\0\1\0\0\0\0\1\0\4\0\6\0",
        b"\1\0\0\0\0\0\0\0\3\0\3\0",  # new: an offer, data
        b"\1\1\0\0\0\0\0\0\3\0\5\0",
        b"\1\0\3\3" + bytes(40),
    ),
)
