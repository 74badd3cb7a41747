"""The Noise engine: one table of patterns, one loop over its tokens.

Noise Protocol Framework, revision 34: 25519, ChaChaPoly and SHA512; patterns NN, XX and IK, the
psk0 modifier (section 9), and the hybrid forward secrecy extension with ML-KEM-768, whose tokens
are e1 (an encapsulation key) and ekem1 (a ciphertext for it). The engine keeps the framework's
own names for its operations.
"""

from typing import Final

import msgspec

from loom.crypto.aead import ChaChaKey
from loom.crypto.kdf import HASH_BYTES, hash_, hkdf
from loom.crypto.kem import KemKey, encapsulate
from loom.crypto.keys import X25519Key
from loom.errors import MalformedMessage, UsageError
from loom.wire.encoding import check_x25519_public
from loom.wire.limits import (
    AEAD_TAG_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_KEY_BYTES,
    X25519_KEY_BYTES,
)

PSK: Final = "psk"
KEY_BYTES: Final = 32
REKEY_NONCE: Final = 2**64 - 1


class Pattern(msgspec.Struct, frozen=True):
    """The tokens of each message, the initiator's first; and the one pre-message there is."""

    messages: tuple[tuple[str, ...], ...]
    responder_static_is_known: bool = False


PATTERNS: Final = {
    "NN": Pattern((("e",), ("e", "ee"))),
    "NNhfs": Pattern((("e", "e1"), ("e", "ee", "ekem1"))),
    "XX": Pattern((("e",), ("e", "ee", "s", "es"), ("s", "se"))),
    "IK": Pattern((("e", "es", "s", "ss"), ("e", "ee", "se")), responder_static_is_known=True),
}

# Bytes on the wire, and whether a tag follows once there is a key; a token not named here has none.
TOKEN_SIZES: Final = {
    "e": (X25519_KEY_BYTES, False),
    "s": (X25519_KEY_BYTES, True),
    "e1": (KEM_KEY_BYTES, True),
    "ekem1": (KEM_CIPHERTEXT_BYTES, True),
}


class CipherState:
    """A key and its counter (section 5.1); the counter moves only when a call succeeds."""

    __slots__ = ("_key", "nonce")

    def __init__(self, key: bytes) -> None:
        self._key = ChaChaKey(key)
        self.nonce = 0

    def __repr__(self) -> str:
        return f"CipherState(nonce={self.nonce})"

    def encrypt(self, plaintext: bytes, associated_data: bytes = b"") -> bytes:
        """Ciphertext || 16-byte tag."""
        ciphertext = self._key.seal(_nonce(self.nonce), plaintext, associated_data)
        self.nonce += 1
        return ciphertext

    def decrypt(self, ciphertext: bytes | memoryview, associated_data: bytes = b"") -> bytes:
        """The plaintext.

        Raises:
            AuthenticationError: the tag does not verify.
        """
        plaintext = self._key.open_(_nonce(self.nonce), ciphertext, associated_data)
        self.nonce += 1
        return plaintext

    def rekey(self) -> None:
        """A new key from the old one (sections 4.2 and 11.3); the counter goes on."""
        key = self._key.seal(_nonce(REKEY_NONCE), bytes(KEY_BYTES), b"")[:KEY_BYTES]
        self._key = ChaChaKey(key)


def _nonce(counter: int) -> bytes:
    return b"\0\0\0\0" + counter.to_bytes(8, "little")


class Handshake:
    """One side of a handshake (sections 5.2 and 5.3). After any error it is of no more use.

    Args:
        protocol_name: `Noise_<pattern>_<dh>_ChaChaPoly_SHA512`, the pattern one of the table's,
            with or without `psk0`.
        ephemeral_seed: 32 random bytes, never used for another handshake.
        kem_seed: 64 random bytes, never used for another handshake; hfs initiators only.
        psk: 32 bytes where the name says psk0, else empty.
        local_static: where the pattern has an s of ours.
        remote_static: 32 bytes where the pattern knows the responder's beforehand.
    """

    def __init__(
        self,
        protocol_name: str,
        *,
        is_initiator: bool,
        prologue: bytes,
        ephemeral_seed: bytes,
        kem_seed: bytes = b"",
        psk: bytes = b"",
        local_static: X25519Key | None = None,
        remote_static: bytes = b"",
    ) -> None:
        field = protocol_name.split("_")[1]
        pattern = PATTERNS[field.removesuffix("psk0").removesuffix("+")]
        self._has_psk = field.endswith("psk0")
        first, *others = pattern.messages
        self._messages = [(PSK, *first) if self._has_psk else first, *others]
        self._is_initiator = is_initiator
        self._message_number = 0
        self._ephemeral_seed, self._kem_seed, self._psk = ephemeral_seed, kem_seed, psk
        self._local: dict[str, X25519Key] = {"s": local_static} if local_static else {}
        self._remote: dict[str, bytes] = {"s": remote_static} if remote_static else {}
        self._local_kem: KemKey | None = None
        self._remote_kem = b""

        # Section 5.2 hashes a name of more than 64 bytes; the table's patterns make none.
        self.handshake_hash = protocol_name.encode("ascii").ljust(HASH_BYTES, b"\0")
        self._chaining_key = self.handshake_hash
        self._cipher: CipherState | None = None
        self._mix_hash(prologue)
        if pattern.responder_static_is_known:
            self._mix_hash(remote_static if is_initiator else self._local["s"].public)

    def __repr__(self) -> str:
        return f"Handshake(message={self._message_number})"

    @property
    def is_finished(self) -> bool:
        """All messages are written and read; `split` is next."""
        return self._message_number == len(self._messages)

    @property
    def remote_static(self) -> bytes:
        """The other side's static key; empty while unknown."""
        return self._remote.get("s", b"")

    def write_message(self, payload: bytes = b"") -> bytes:
        """The next message of ours.

        Raises:
            MalformedMessage, AuthenticationError: a public key of the other side is of no use.
        """
        parts = [self._write_token(token) for token in self._next_tokens(ours=True)]
        parts.append(self._encrypt_and_hash(payload))
        return b"".join(parts)

    def read_message(self, message: bytes) -> bytes:
        """The payload of the other side's next message.

        Raises:
            MalformedMessage: too short, or a public key that is not canonical.
            AuthenticationError: it was not made for this handshake.
        """
        rest = message
        for token in self._next_tokens(ours=False):
            size = self._size_bytes(token)
            if len(rest) < size:
                raise MalformedMessage(what="handshake message")
            self._read_token(token, rest[:size])
            rest = rest[size:]
        return self._decrypt_and_hash(rest)

    def split(self) -> tuple[CipherState, CipherState]:
        """The ciphers for what we send and what we receive (section 5.2, Split)."""
        if not self.is_finished:
            raise UsageError
        first, second = self._hkdf(b"", 2)
        initiator, responder = CipherState(first[:KEY_BYTES]), CipherState(second[:KEY_BYTES])
        return (initiator, responder) if self._is_initiator else (responder, initiator)

    # --- tokens (section 5.3) ---

    def _next_tokens(self, *, ours: bool) -> tuple[str, ...]:
        turn_is_ours = (self._message_number % 2 == 0) is self._is_initiator
        if self.is_finished or turn_is_ours is not ours:
            raise UsageError
        self._message_number += 1
        return self._messages[self._message_number - 1]

    def _size_bytes(self, token: str) -> int:
        size, is_sealed = TOKEN_SIZES.get(token, (0, False))
        return size + AEAD_TAG_BYTES if is_sealed and self._cipher else size

    def _write_token(self, token: str) -> bytes:
        match token:
            case "e":
                self._local["e"] = key = X25519Key.from_seed(self._ephemeral_seed)
                self._mix_ephemeral(key.public)
                return key.public
            case "s":
                return self._encrypt_and_hash(self._local["s"].public)
            case "e1":
                self._local_kem = KemKey.from_seed(self._kem_seed)
                return self._encrypt_and_hash(self._local_kem.public)
            case "ekem1":
                shared_secret, ciphertext = encapsulate(self._remote_kem)
                sealed = self._encrypt_and_hash(ciphertext)
                self._mix_key(shared_secret)
                return sealed
            case _:
                self._mix_secret(token)
                return b""

    def _read_token(self, token: str, data: bytes) -> None:
        match token:
            case "e":
                check_x25519_public(data)
                self._remote["e"] = data
                self._mix_ephemeral(data)
            case "s":
                static = self._decrypt_and_hash(data)
                check_x25519_public(static)
                self._remote["s"] = static
            case "e1":
                # Encapsulating checks it (FIPS 203, 7.2); reading costs no public-key work.
                self._remote_kem = self._decrypt_and_hash(data)
            case "ekem1":
                ciphertext = self._decrypt_and_hash(data)
                if self._local_kem is None:
                    raise UsageError
                self._mix_key(self._local_kem.decapsulate(ciphertext))
            case _:
                self._mix_secret(token)

    def _mix_ephemeral(self, public_key: bytes) -> None:
        self._mix_hash(public_key)
        if self._has_psk:
            self._mix_key(public_key)

    def _mix_secret(self, token: str) -> None:
        if token == PSK:
            self._mix_key_and_hash(self._psk)
            return
        # A DH token names the initiator's key first.
        local, remote = (token[0], token[1]) if self._is_initiator else (token[1], token[0])
        self._mix_key(self._local[local].agree(self._remote[remote]))

    # --- symmetric state (section 5.2) ---

    def _mix_hash(self, data: bytes) -> None:
        self.handshake_hash = hash_(self.handshake_hash + data)

    def _mix_key(self, input_key: bytes) -> None:
        self._chaining_key, key = self._hkdf(input_key, 2)
        self._cipher = CipherState(key[:KEY_BYTES])

    def _mix_key_and_hash(self, input_key: bytes) -> None:
        self._chaining_key, data, key = self._hkdf(input_key, 3)
        self._mix_hash(data)
        self._cipher = CipherState(key[:KEY_BYTES])

    def _encrypt_and_hash(self, plaintext: bytes) -> bytes:
        sealed = self._cipher.encrypt(plaintext, self.handshake_hash) if self._cipher else plaintext
        self._mix_hash(sealed)
        return sealed

    def _decrypt_and_hash(self, sealed: bytes) -> bytes:
        opened = self._cipher.decrypt(sealed, self.handshake_hash) if self._cipher else sealed
        self._mix_hash(sealed)
        return opened

    def _hkdf(self, input_key: bytes, outputs: int) -> list[bytes]:
        """Section 4.3: `outputs` times 64 bytes. Noise's HKDF is RFC 5869's with no info."""
        block = hkdf(self._chaining_key, input_key, b"", outputs * HASH_BYTES)
        return [block[at : at + HASH_BYTES] for at in range(0, len(block), HASH_BYTES)]
