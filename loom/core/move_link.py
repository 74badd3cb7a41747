"""One link of a move, either end, without I/O (docs/PROTOCOL.md 8.2).

old machine            new machine
offer               ->
                    <-  have, again and again
data                ->
                    <-  ready: all of it is a profile, on disk
closed: durably     ->
                    <-  opened: durably in its place
end: noted          ->

A link that ends in between is followed by another one, on which either end says how far it is.
"""

from enum import Enum, auto
from typing import Final

import msgspec

from loom.core.move_pairing import MoveKey
from loom.core.noise import CipherState, Handshake
from loom.crypto.kdf import hkdf
from loom.errors import LoomError, MoveLost, ProtocolViolation, UsageError
from loom.wire.encoding import u8, u64
from loom.wire.framing import (
    FRAME_HEADER_BYTES,
    MESSAGE_1_BYTES,
    MESSAGE_2_BYTES,
    encode_frame,
    frame_size,
)
from loom.wire.limits import (
    KEM_SEED_BYTES,
    MOVE_BUSY_S,
    MOVE_DATA_MAX_BYTES,
    MOVE_HANDSHAKE_TIMEOUT_S,
    MOVE_SILENCE_MAX_S,
    MOVE_UNTOLD_MAX_BYTES,
)
from loom.wire.moving import (
    RECORD_MAX_BYTES,
    RECORD_MIN_BYTES,
    End,
    MoveKind,
    Reason,
    decode_move_record,
    decode_offer,
    decode_reason,
    encode_move_record,
    encode_offer,
)

PROTOCOL_NAME: Final = "Noise_NNhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA512"
PROLOGUE: Final = b"LOOM/1 move link"
SEED_BYTES: Final = 32
LINK_RANDOM_BYTES: Final = SEED_BYTES + KEM_SEED_BYTES


class MoveState(Enum):
    """What a link of a move waits for."""

    MESSAGE_1 = auto()
    MESSAGE_2 = auto()
    TELLING = auto()  # old: to make its offer
    SENDING = auto()  # old: what the new machine has, or that it is ready or opened
    CLOSING = auto()  # old: to be closed by its driver
    OFFERED = auto()  # new: the offer
    RECEIVING = auto()  # new: data, or its own driver
    READY = auto()  # new: closed
    OPENING = auto()  # new: to be opened by its driver
    WAITING = auto()  # old: opened; new: end
    OVER = auto()
    CLOSED = auto()


class Opened(msgspec.Struct, frozen=True):
    """The link stands: the old machine makes its offer, which only who has the key can read."""


class Offered(msgspec.Struct, frozen=True):
    """The new machine says what it has, or how far it is."""

    size: int
    header: bytes

    def __repr__(self) -> str:
        return f"Offered({self.size})"


class Asked(msgspec.Struct, frozen=True):
    """The new machine has so much: the old one may send more."""

    offset: int


class Came(msgspec.Struct, frozen=True):
    """The next bytes."""

    data: bytes

    def __repr__(self) -> str:
        return f"Came({len(self.data)} bytes)"


class Readied(msgspec.Struct, frozen=True):
    """All is there, as a profile on disk: the old machine closes, then says so."""


class ClosedThere(msgspec.Struct, frozen=True):
    """The old profile never runs again: the new one opens, then says so."""


class OpenedThere(msgspec.Struct, frozen=True):
    """The new profile is in its place: noted, the old machine ends the move."""


class Ended(msgspec.Struct, frozen=True):
    """Both ends know of each other that it is done."""


class Refused(msgspec.Struct, frozen=True):
    """The new machine does not go on now."""

    reason: Reason


MoveEvent = Opened | Offered | Asked | Came | Readied | ClosedThere | OpenedThere | Ended | Refused

_S, _K = MoveState, MoveKind

HEARS: Final = {
    (End.OLD, _S.SENDING): {_K.HAVE, _K.READY, _K.OPENED, _K.REFUSAL},
    (End.OLD, _S.WAITING): {_K.OPENED, _K.REFUSAL},
    (End.NEW, _S.OFFERED): {_K.OFFER},
    (End.NEW, _S.RECEIVING): {_K.DATA},
    (End.NEW, _S.READY): {_K.CLOSED},
    (End.NEW, _S.WAITING): {_K.END},
}
"""The records that are allowed beside busy; in a state that is not named, none."""


class MoveLink:
    """Bytes in, bytes out.

    Many methods, because each is a step that only one of the two machines takes.

    Args:
        random: `LINK_RANDOM_BYTES`, never used before.
    """

    def __init__(
        self, key: MoveKey, end: End, *, dialled: bool, random: bytes, now_s: float
    ) -> None:
        self.end = end
        self.dialled = dialled
        self.state = _S.MESSAGE_2 if dialled else _S.MESSAGE_1
        self.error: LoomError | None = None
        self.is_shown = False
        """Whether the other end has shown the key: a first message may be a copy of one."""
        self._started_s = self._heard_s = self._sent_s = now_s
        self._incoming = bytearray()
        self._outgoing: list[bytes] = []
        self._ciphers: tuple[CipherState, CipherState] | None = None
        self._size = 0
        self._at = 0
        """Old: how much was sent. New: how much came."""
        self._told = 0
        """How much the new machine said that it has."""
        self._is_asked = False
        self._handshake: Handshake | None = Handshake(
            PROTOCOL_NAME,
            is_initiator=dialled,
            prologue=PROLOGUE + u8(end if dialled else 1 - end),
            ephemeral_seed=random[:SEED_BYTES],
            kem_seed=random[SEED_BYTES:LINK_RANDOM_BYTES],
            psk=hkdf(b"", key.secret, b"LOOM/1 move link", 32),
        )
        if dialled:
            self._outgoing.append(encode_frame(self._handshake.write_message()))

    def __repr__(self) -> str:
        return f"MoveLink({self.end.name}, {self.state.name})"

    @property
    def is_over(self) -> bool:
        """Nothing comes in any more; what is still to be sent goes out, then the stream ends."""
        return self.state in (_S.OVER, _S.CLOSED)

    @property
    def is_up(self) -> bool:
        """The other end has shown that it has the key, and may say more."""
        return self.is_shown and not self.is_over

    @property
    def wanted(self) -> int:
        """Old: how many bytes may be sent now."""
        if self.state is not _S.SENDING or not self._is_asked:
            return 0
        return min(self._size, self._told + MOVE_UNTOLD_MAX_BYTES) - self._at

    @property
    def position(self) -> int:
        """Old: where the next bytes are."""
        return self._at

    def data_to_send(self) -> bytes:
        """Everything to write now."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    def receive_data(self, data: bytes, now_s: float) -> list[MoveEvent]:
        """Take in bytes as they came, cut anywhere."""
        if self.is_over:
            return []
        self._incoming += data
        self._heard_s = now_s
        events: list[MoveEvent] = []
        try:
            while frame := self._take_frame():
                event = self._receive_frame(frame, now_s)
                events += [] if event is None else [event]
        except LoomError as error:
            self.close(error)
        return events

    # --- what the drivers say ---

    def offer(self, size: int, header: bytes, now_s: float) -> None:
        """Old: this backup is to go over."""
        self._expect(End.OLD, _S.TELLING)
        self._size = size
        self._send(_K.OFFER, encode_offer(size, header), now_s)
        self.state = _S.SENDING

    def send(self, data: bytes, now_s: float) -> None:
        """Old: the next bytes, at most `wanted`."""
        self._expect(End.OLD, _S.SENDING)
        if not 0 < len(data) <= self.wanted:
            raise UsageError
        for at in range(0, len(data), MOVE_DATA_MAX_BYTES):
            self._send(_K.DATA, data[at : at + MOVE_DATA_MAX_BYTES], now_s)
        self._at += len(data)

    def have(self, offset: int, now_s: float) -> None:
        """New: so much of it is here."""
        if self.state is _S.OFFERED:
            self._at = offset
            self.state = _S.RECEIVING
        self._expect(End.NEW, _S.RECEIVING)
        self._send(_K.HAVE, u64(offset), now_s)

    def ready(self, now_s: float) -> None:
        """New: all of it is a profile, durable, and may not be opened yet."""
        self._expect(End.NEW, _S.OFFERED, _S.RECEIVING)
        self._send(_K.READY, b"", now_s)
        self.state = _S.READY

    def closed(self, now_s: float) -> None:
        """Old: it never runs again, durably."""
        self._expect(End.OLD, _S.CLOSING)
        self._send(_K.CLOSED, b"", now_s)
        self.state = _S.WAITING

    def opened(self, now_s: float) -> None:
        """New: it is in its place, durably."""
        self._expect(End.NEW, _S.OFFERED, _S.OPENING)
        self._send(_K.OPENED, b"", now_s)
        self.state = _S.WAITING

    def end_move(self, now_s: float) -> None:
        """Old: it is noted that the new one was opened."""
        self._expect(End.OLD, _S.OVER)
        self._send(_K.END, b"", now_s)

    def refuse(self, reason: Reason, now_s: float) -> None:
        """New: it does not go on now; the link ends."""
        if self.is_up:
            self._send(_K.REFUSAL, u8(reason), now_s)
        self.state = _S.CLOSED

    # --- time, and the stream ---

    def connected(self, now_s: float) -> None:
        """The stream stands: its time begins."""
        self._started_s = self._heard_s = self._sent_s = now_s

    def lost(self) -> None:
        """The stream is gone."""
        self.close(MoveLost())

    def close(self, error: LoomError | None = None) -> None:
        """End it now, saying nothing."""
        if not self.is_over:
            self._outgoing.clear()
            self.state, self.error = _S.CLOSED, error
            self._incoming.clear()
            self._handshake = None

    def deadline_s(self) -> float | None:
        """When `handle_timeout` is due; None: it is over."""
        if self.is_over:
            return None
        if self._ciphers is None:
            return self._started_s + MOVE_HANDSHAKE_TIMEOUT_S
        return min(self._sent_s + MOVE_BUSY_S, self._heard_s + MOVE_SILENCE_MAX_S)

    def handle_timeout(self, now_s: float) -> None:
        """Say that one is there still, or end what is silent."""
        deadline_s = self.deadline_s()
        if deadline_s is None or now_s < deadline_s:
            return
        if self._ciphers is None or now_s >= self._heard_s + MOVE_SILENCE_MAX_S:
            self.close(MoveLost())
        else:
            self._send(_K.BUSY, b"", now_s)

    # --- inside ---

    def _expect(self, end: End, *states: MoveState) -> None:
        if self.end is not end or self.state not in states:
            raise UsageError

    def _take_frame(self) -> bytes:
        """The next whole frame, whose length is checked before it is waited for."""
        if self.is_over or len(self._incoming) < FRAME_HEADER_BYTES:
            return b""
        size = frame_size(self._incoming, 0)
        match self.state:
            case _S.MESSAGE_1:
                is_allowed = size == MESSAGE_1_BYTES
            case _S.MESSAGE_2:
                is_allowed = size == MESSAGE_2_BYTES
            case _:
                is_allowed = RECORD_MIN_BYTES <= size <= RECORD_MAX_BYTES
        if not is_allowed:
            raise ProtocolViolation(what="length of a frame of a move")
        end = FRAME_HEADER_BYTES + size
        if len(self._incoming) < end:
            return b""
        frame = bytes(memoryview(self._incoming)[FRAME_HEADER_BYTES:end])
        del self._incoming[:end]
        return frame

    def _receive_frame(self, frame: bytes, now_s: float) -> MoveEvent | None:
        if self._ciphers is None:
            return self._receive_message(frame)
        kind, body = decode_move_record(self._ciphers[1].decrypt(frame))
        self.is_shown = True
        if kind is _K.BUSY:
            return None
        if kind not in HEARS.get((self.end, self.state), ()):
            raise ProtocolViolation(what="record of a move out of turn")
        return self._receive_record(kind, body, now_s)

    def _receive_message(self, message: bytes) -> MoveEvent | None:
        handshake = self._handshake
        if handshake is None:
            raise UsageError
        handshake.read_message(message)
        if not self.dialled:
            self._outgoing.append(encode_frame(handshake.write_message()))
        self._ciphers = handshake.split()
        self._handshake = None
        self.is_shown = self.dialled
        if self.end is End.NEW:
            self.state = _S.OFFERED
            return None
        self.state = _S.TELLING
        return Opened()

    def _receive_record(self, kind: MoveKind, body: bytes, now_s: float) -> MoveEvent:
        match kind:
            case MoveKind.OFFER:
                self._size, header = decode_offer(body)
                return Offered(self._size, header)
            case MoveKind.HAVE:
                return self._receive_have(int.from_bytes(body, "big"))
            case MoveKind.DATA:
                self._at += len(body)
                if self._at > self._size:
                    raise ProtocolViolation(what="more than was offered")
                return Came(body)
            case MoveKind.READY:
                self.state = _S.CLOSING
                return Readied()
            case MoveKind.CLOSED:
                self.state = _S.OPENING
                return ClosedThere()
            case MoveKind.OPENED:
                self.state = _S.OVER
                return OpenedThere()
            case MoveKind.END:
                self.state = _S.OVER
                return Ended()
            case _:
                self.state = _S.CLOSED
                return Refused(decode_reason(body))

    def _receive_have(self, offset: int) -> MoveEvent:
        if not self._is_asked:
            self._at, self._is_asked = offset, True  # what is there from an earlier link
        if not self._told <= offset <= self._at or offset > self._size:
            raise ProtocolViolation(what="more than was sent")
        self._told = offset
        return Asked(offset)

    def _send(self, kind: MoveKind, body: bytes, now_s: float) -> None:
        if self._ciphers is None:
            raise UsageError
        self._sent_s = now_s
        self._outgoing.append(
            encode_frame(self._ciphers[0].encrypt(encode_move_record(kind, body)))
        )
