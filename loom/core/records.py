"""What travels on a link once its handshake is done: sealed records of few lengths."""

from loom.core.noise import CipherState
from loom.wire.framing import RecordKind, encode_frame, pad_record, unpad_record


class Records:
    """Both directions of one link; each takes a new key after every `rekey_after` records."""

    __slots__ = ("_receiving", "_rekey_after", "_sending")

    def __init__(self, sending: CipherState, receiving: CipherState, rekey_after: int) -> None:
        self._sending, self._receiving = sending, receiving
        self._rekey_after = rekey_after

    def seal(self, kind: int, body: bytes) -> bytes:
        """The frame of one record.

        Raises:
            InvalidInput: the body is too long.
        """
        frame = encode_frame(self._sending.encrypt(pad_record(kind, body)))
        if self._sending.nonce % self._rekey_after == 0:
            self._sending.rekey()
        return frame

    def open_(self, ciphertext: bytes | memoryview) -> tuple[RecordKind, bytes]:
        """Kind and body of one record.

        Raises:
            AuthenticationError: forged, repeated, reordered.
            MalformedMessage, ProtocolViolation: authentic, but not allowed.
        """
        plaintext = self._receiving.decrypt(ciphertext)
        if self._receiving.nonce % self._rekey_after == 0:
            self._receiving.rekey()
        return unpad_record(plaintext)
