"""One link of pairing nearby, either end, without I/O (docs/PROTOCOL.md 12.2 to 12.4).

A, who dialled             B
message 1, number     ->
                      <-   message 2, number
(chosen) commit       ->
                      <-   n_B (chosen)
n_A                   ->
         both compare three words and say "same"
token and name        <->  token and name
proof                 <->  proof
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Final, Generic, TypeVar

import msgspec

from loom.core.identity import Identity
from loom.core.noise import CipherState, Handshake
from loom.core.pair_keys import PairKeys, derive_pair_keys
from loom.core.pairing_states import HEARS, PairingState, PairingStep, after
from loom.core.words import WORD_BITS, words_of
from loom.crypto.kdf import equal, hash_, mac
from loom.errors import (
    AuthenticationError,
    LoomError,
    OwnAddress,
    OwnToken,
    PairingLeft,
    PairingTimedOut,
    ProtocolViolation,
    UsageError,
    WordsDiffer,
)
from loom.model import ContactToken
from loom.wire.encoding import enc
from loom.wire.framing import FRAME_HEADER_BYTES, encode_frame, frame_size
from loom.wire.limits import (
    KEM_SEED_BYTES,
    PAIR_ANSWER_TIMEOUT_S,
    PAIR_HANDSHAKE_TIMEOUT_S,
    PAIR_NONCE_BYTES,
    PAIR_PROOF_BYTES,
    PAIR_WORDS,
    PAIR_WORDS_TIMEOUT_S,
)
from loom.wire.nearby import (
    MESSAGE_1_BYTES,
    MESSAGE_2_BYTES,
    SEALED_RECORD_BYTES,
    Introduction,
    PairingKind,
    decode_introduction,
    decode_record,
    encode_introduction,
    encode_record,
)

PROTOCOL_NAME: Final = "Noise_NNhfs_25519+MLKEM768_ChaChaPoly_SHA512"
PROLOGUE: Final = b"LOOM/1 pair link"
SEED_BYTES: Final = 32
LINK_RANDOM_BYTES: Final = SEED_BYTES + KEM_SEED_BYTES + PAIR_NONCE_BYTES

R = TypeVar("R")

_S, _P = PairingState, PairingStep
_BEGINNING: Final = (_S.MESSAGE_1, _S.MESSAGE_2)
_BEFORE_WORDS: Final = (_S.GREETED, _S.COMMIT, _S.COMMITTED, _S.NONCE)


class OwnSide(msgspec.Struct, frozen=True):
    """What this side brings into each of its links.

    Args:
        number: 16 random bytes, the same for all links of one pairing.
        port: where this node takes links; 0: nowhere.
        check: raises the LoomError that forbids to keep this token.
    """

    number: bytes
    identity: Identity
    name: str
    port: int
    check: Callable[[ContactToken], None]

    def __repr__(self) -> str:
        return "OwnSide(redacted)"


class MeetingLink(ABC, Generic[R]):
    """Bytes in, bytes out; `Pairing` gives it its turn. What follows the words is a subclass's.

    Args:
        number: 16 random bytes, the same for all links of one pairing.
        random: `LINK_RANDOM_BYTES`, never used before.
    """

    PROLOGUE: ClassVar[bytes]

    def __init__(self, number: bytes, *, dialled: bool, random: bytes, now_s: float) -> None:
        self.dialled = dialled
        self.state = _S.MESSAGE_2 if dialled else _S.MESSAGE_1
        self.remote_number = b""
        """Of the other side; empty before its handshake message."""
        self.words: tuple[str, ...] = ()
        self.remote: R | None = None
        """What is known of the other side; to be kept only in `PAIRED`."""
        self.error: LoomError | None = None
        """Why it ended; None while it goes on, when it led to the end, and when it was dropped."""
        self._number = number
        self._is_connected = not dialled
        self._started_s = self._words_at_s = now_s
        self._incoming = bytearray()
        self._outgoing: list[bytes] = []
        self._nonce = random[SEED_BYTES + KEM_SEED_BYTES :]
        self._commit = b""
        self._ciphers: tuple[CipherState, CipherState] | None = None
        self.handshake_hash = b""
        """Of the finished handshake."""
        self._handshake: Handshake | None = Handshake(
            PROTOCOL_NAME,
            is_initiator=dialled,
            prologue=self.PROLOGUE,
            ephemeral_seed=random[:SEED_BYTES],
            kem_seed=random[SEED_BYTES : SEED_BYTES + KEM_SEED_BYTES],
        )
        if dialled:
            self._outgoing.append(encode_frame(self._handshake.write_message(number)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.state.name})"

    # --- what follows the words ---

    @abstractmethod
    def _introduction(self) -> bytes:
        """The body of the own introduction."""

    @abstractmethod
    def _introduced(self, body: bytes) -> R:
        """What the other side's says; raises the LoomError that forbids to go on."""

    @abstractmethod
    def _proof(self, *, is_own: bool) -> bytes:
        """Of either side, once both introductions are there."""

    @property
    def is_over(self) -> bool:
        """Nothing comes in any more; what is still to be sent goes out, then the stream ends."""
        return self.state in (_S.PAIRED, _S.CLOSED)

    def data_to_send(self) -> bytes:
        """Everything to write now."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    def receive_data(self, data: bytes, now_s: float) -> None:
        """Take in bytes as they came, cut anywhere."""
        if self.is_over:
            return
        self._incoming += data
        try:
            while frame := self._take_frame():
                self._receive_frame(frame, now_s)
        except LoomError as error:
            self.close(error)

    def connected(self, now_s: float) -> None:
        """The stream of a link that this side dialled stands: its time begins."""
        self._is_connected = True
        self._started_s = now_s

    def choose(self) -> None:
        """This link is the one to go on with: commit, or answer the commit.

        Raises:
            UsageError: it is not waiting for that.
        """
        self._move(_P.CHOSEN)
        if self.dialled:
            self._send(PairingKind.COMMIT, self._commitment(self._nonce))
        else:
            self._send(PairingKind.NONCE, self._nonce)

    def answer(self, *, same: bool) -> None:
        """What this side's person said of the words.

        Raises:
            UsageError: there are no words, or they were answered.
        """
        if self.state not in (_S.WORDS, _S.HEARD):
            raise UsageError
        if not same:
            self._send(PairingKind.DIFFER, b"")
            self._end(WordsDiffer())
            return
        self._move(_P.SAME)
        self._send(PairingKind.INTRODUCTION, self._introduction())
        self._prove()

    def lost(self) -> None:
        """The stream is gone."""
        if not self.is_over:
            self.close(PairingLeft())

    def close(self, error: LoomError | None = None) -> None:
        """End it now, saying nothing; without an error it is dropped in favour of another."""
        if not self.is_over:
            self._outgoing.clear()
            self._end(error)

    def deadline_s(self) -> float | None:
        """When it ends if nothing else happens; None: it is over, or not connected yet."""
        if self.is_over or not self._is_connected:
            return None
        if self.state in _BEGINNING:
            return self._started_s + PAIR_HANDSHAKE_TIMEOUT_S
        if self.state in _BEFORE_WORDS:
            return self._started_s + PAIR_WORDS_TIMEOUT_S
        return self._words_at_s + PAIR_ANSWER_TIMEOUT_S

    def handle_timeout(self, now_s: float) -> None:
        """End it where it is late."""
        deadline_s = self.deadline_s()
        if deadline_s is not None and now_s >= deadline_s:
            self.close(PairingTimedOut())

    # --- inside ---

    def _move(self, step: PairingStep) -> None:
        self.state = after(self.state, step)

    def _end(self, error: LoomError | None) -> None:
        self._move(_P.ENDED)
        self.error = error
        self._incoming.clear()
        self._handshake = self._ciphers = None
        self.remote = None

    def _take_frame(self) -> bytes:
        """The next whole frame, which must have the length that this state waits for."""
        if self.is_over or len(self._incoming) < FRAME_HEADER_BYTES:
            return b""
        match self.state:
            case _S.MESSAGE_1:
                size = MESSAGE_1_BYTES
            case _S.MESSAGE_2:
                size = MESSAGE_2_BYTES
            case _:
                size = SEALED_RECORD_BYTES
        if frame_size(self._incoming, 0) != size:
            raise ProtocolViolation(what="length of a pairing frame")
        end = FRAME_HEADER_BYTES + size
        if len(self._incoming) < end:
            return b""
        frame = bytes(self._incoming[FRAME_HEADER_BYTES:end])
        del self._incoming[:end]
        return frame

    def _receive_frame(self, frame: bytes, now_s: float) -> None:
        if self._ciphers is None:
            self._receive_message(frame)
            return
        kind, body = decode_record(self._ciphers[1].decrypt(frame))
        if kind not in HEARS.get(self.state, ()):
            raise ProtocolViolation(what="pairing record out of turn")
        match kind:
            case PairingKind.COMMIT:
                self._commit = body
                self._move(_P.COMMITTED)
            case PairingKind.NONCE:
                self._receive_nonce(body, now_s)
            case PairingKind.DIFFER:
                raise WordsDiffer
            case PairingKind.INTRODUCTION:
                self.remote = self._introduced(body)
                self._move(_P.INTRODUCED)
                self._prove()
            case PairingKind.PROOF:
                self._receive_proof(body)

    def _receive_message(self, message: bytes) -> None:
        handshake = self._handshake
        if handshake is None:
            raise UsageError
        number = handshake.read_message(message)
        if not self.dialled:
            self._outgoing.append(encode_frame(handshake.write_message(self._number)))
        if equal(number, self._number):
            self._end(OwnAddress())  # the answer goes out: the other end tells the person
            return
        self.remote_number = number
        self.handshake_hash = handshake.handshake_hash
        self._ciphers = handshake.split()
        self._handshake = None  # its secrets go with it: recorded traffic stays closed
        self._move(_P.GREETED)

    def _receive_nonce(self, nonce: bytes, now_s: float) -> None:
        if not self.dialled and not equal(self._commitment(nonce), self._commit):
            raise AuthenticationError(what="commitment")
        nonces = (self._nonce, nonce) if self.dialled else (nonce, self._nonce)
        digest = hash_(enc(b"LOOM/1 pair words", self.handshake_hash, *nonces))
        bits = PAIR_WORDS * WORD_BITS
        self.words = words_of(int.from_bytes(digest, "big") >> 8 * len(digest) - bits, PAIR_WORDS)
        self._words_at_s = now_s
        self._move(_P.REVEALED)
        if self.dialled:
            self._send(PairingKind.NONCE, self._nonce)

    def _prove(self) -> None:
        if self.state is _S.PROOF:
            self._send(PairingKind.PROOF, self._proof(is_own=True))

    def _receive_proof(self, proof: bytes) -> None:
        if not equal(self._proof(is_own=False), proof):
            raise AuthenticationError(what="pairing proof")
        self._move(_P.PROVED)

    def _commitment(self, nonce: bytes) -> bytes:
        return hash_(enc(b"LOOM/1 pair commit", self.handshake_hash, nonce))

    def _send(self, kind: PairingKind, body: bytes) -> None:
        if self._ciphers is None:
            raise UsageError
        self._outgoing.append(encode_frame(self._ciphers[0].encrypt(encode_record(kind, body))))


class PairingLink(MeetingLink[Introduction]):
    """Of two people: each becomes a contact of the other."""

    PROLOGUE = PROLOGUE

    def __init__(self, own: OwnSide, *, dialled: bool, random: bytes, now_s: float) -> None:
        super().__init__(own.number, dialled=dialled, random=random, now_s=now_s)
        self._own = own
        self._keys: PairKeys | None = None

    def _introduction(self) -> bytes:
        own = self._own
        return encode_introduction(Introduction(own.identity.token, own.port, own.name))

    def _introduced(self, body: bytes) -> Introduction:
        introduction = decode_introduction(body)
        token, own = introduction.token, self._own.identity
        if equal(token.peer_id, own.peer_id):
            raise OwnToken
        self._own.check(token)
        self._keys = derive_pair_keys(
            own.agreement, own.peer_id, token.peer_id, token.x25519_public
        )
        return introduction

    def _proof(self, *, is_own: bool) -> bytes:
        if self._keys is None:
            raise UsageError
        keys = self._keys.sending if is_own else self._keys.receiving
        return mac(keys.tag, enc(b"LOOM/1 pair proof", self.handshake_hash))[:PAIR_PROOF_BYTES]
