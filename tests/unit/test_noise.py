"""The Noise engine against public vectors, against another implementation, and with ML-KEM."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loom.core.noise import CipherState, Handshake
from loom.crypto.aead import ChaChaKey
from loom.crypto.keys import X25519Key
from loom.errors import AuthenticationError, MalformedMessage, PeerError, UsageError

LOOM = "Noise_NNhfs+psk0_25519+MLKEM768_ChaChaPoly_SHA512"
PUBLIC_VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "noise-cacophony.json"


def seed(number: int, size: int = 32) -> bytes:
    """Fixed bytes that differ per number."""
    return bytes([number]) * size


def public_vectors() -> list[Any]:
    """The published vectors, or one parameter that skips loudly."""
    if not PUBLIC_VECTORS.exists():
        reason = (
            f"no {PUBLIC_VECTORS.name} in ../shared/vectors: take the 25519_ChaChaPoly_SHA512 "
            "entries of cacophony's vectors/cacophony.txt"
        )
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(vector, id=vector["protocol_name"])
        for vector in json.loads(PUBLIC_VECTORS.read_text())["vectors"]
    ]


def side(vector: dict[str, Any], which: str) -> Handshake:
    """One side of a published vector."""
    return Handshake(
        vector["protocol_name"],
        is_initiator=which == "init",
        prologue=bytes.fromhex(vector[f"{which}_prologue"]),
        ephemeral_seed=bytes.fromhex(vector[f"{which}_ephemeral"]),
        psk=bytes.fromhex(vector.get(f"{which}_psks", [""])[0]),
    )


@pytest.mark.parametrize("vector", public_vectors())
def test_published_vectors(vector: dict[str, Any]) -> None:
    """Every ciphertext byte, the handshake hash, and the transport messages both ways."""
    initiator, responder = side(vector, "init"), side(vector, "resp")
    messages = [
        (bytes.fromhex(message["payload"]), bytes.fromhex(message["ciphertext"]))
        for message in vector["messages"]
    ]
    writer, reader = initiator, responder
    while not initiator.is_finished:
        payload, ciphertext = messages.pop(0)
        assert writer.write_message(payload) == ciphertext
        assert reader.read_message(ciphertext) == payload
        writer, reader = reader, writer
    assert initiator.handshake_hash == responder.handshake_hash
    assert initiator.handshake_hash.hex() == vector["handshake_hash"]

    sending, _ = initiator.split()
    answering, receiving = responder.split()
    for number, (payload, ciphertext) in enumerate(messages):
        assert (answering if number % 2 else sending).encrypt(payload) == ciphertext
        if number % 2 == 0:
            assert receiving.decrypt(ciphertext) == payload


# --- against another implementation -----------------------------------------------------------


def other_implementation(name: str, *, initiator: bool, psk: bytes, static: bytes) -> Any:
    """A `noiseprotocol` connection, ready to begin."""
    connection = pytest.importorskip(
        "noise.connection", reason="install the package noiseprotocol to compare with it"
    )
    other = connection.NoiseConnection.from_name(name.encode())
    other.set_as_initiator() if initiator else other.set_as_responder()
    other.set_prologue(b"prologue")
    if psk:
        other.set_psks(psk)
    if static:
        other.set_keypair_from_private_bytes(connection.Keypair.STATIC, static)
    return other


@pytest.mark.parametrize("we_initiate", [True, False])
@pytest.mark.parametrize("pattern", ["NN", "NNpsk0", "XX", "IK"])
def test_talks_to_noiseprotocol(pattern: str, we_initiate: bool) -> None:
    """The other package and this engine agree, in both roles, payloads and transport included."""
    name = f"Noise_{pattern}_25519_ChaChaPoly_SHA512"
    psk = seed(9) if pattern.endswith("psk0") else b""
    has_statics = pattern in ("XX", "IK")
    ours, theirs = X25519Key.from_seed(seed(3)), X25519Key.from_seed(seed(4))
    other = other_implementation(
        name, initiator=not we_initiate, psk=psk, static=theirs.seed if has_statics else b""
    )
    if pattern == "IK" and not we_initiate:
        from noise.connection import Keypair

        other.set_keypair_from_public_bytes(Keypair.REMOTE_STATIC, ours.public)
    other.start_handshake()
    handshake = Handshake(
        name,
        is_initiator=we_initiate,
        prologue=b"prologue",
        ephemeral_seed=seed(5),
        psk=psk,
        local_static=ours if has_statics else None,
        remote_static=theirs.public if pattern == "IK" and we_initiate else b"",
    )
    our_turn = we_initiate
    while not handshake.is_finished:
        if our_turn:
            assert other.read_message(handshake.write_message(b"to them")) == b"to them"
        else:
            assert handshake.read_message(bytes(other.write_message(b"to us"))) == b"to us"
        our_turn = not our_turn
    assert other.get_handshake_hash() == handshake.handshake_hash
    if has_statics:
        assert handshake.remote_static == theirs.public
    sending, receiving = handshake.split()
    for _ in range(3):
        assert other.decrypt(sending.encrypt(b"one")) == b"one"
        assert receiving.decrypt(bytes(other.encrypt(b"two"))) == b"two"
    other.noise_protocol.cipher_state_encrypt.rekey()
    receiving.rekey()
    assert receiving.decrypt(bytes(other.encrypt(b"three"))) == b"three"


# --- with ML-KEM ------------------------------------------------------------------------------


def loom_pair(
    initiator_psk: bytes = seed(1), responder_psk: bytes = seed(1), prologue: bytes = b"p"
) -> tuple[Handshake, Handshake]:
    """Both sides of the link's own handshake."""
    return (
        Handshake(
            LOOM,
            is_initiator=True,
            prologue=b"p",
            ephemeral_seed=seed(2),
            kem_seed=seed(3, 64),
            psk=initiator_psk,
        ),
        Handshake(
            LOOM, is_initiator=False, prologue=prologue, ephemeral_seed=seed(4), psk=responder_psk
        ),
    )


def test_hybrid_handshake_has_the_lengths_of_the_protocol() -> None:
    """e || sealed key || tag, then e || sealed ciphertext || tag; both sides hold equal keys."""
    initiator, responder = loom_pair()
    first = initiator.write_message()
    assert len(first) == 32 + 1_200 + 16
    assert responder.read_message(first) == b""
    second = responder.write_message()
    assert len(second) == 32 + 1_104 + 16
    assert initiator.read_message(second) == b""
    assert initiator.handshake_hash == responder.handshake_hash
    sending, receiving = initiator.split()
    answering, taking = responder.split()
    assert taking.decrypt(sending.encrypt(b"there")) == b"there"
    assert receiving.decrypt(answering.encrypt(b"back")) == b"back"


@pytest.mark.parametrize(
    ("psk", "prologue"), [(seed(8), b"p"), (seed(1), b"another")], ids=["psk", "prologue"]
)
def test_another_psk_or_prologue_is_refused_in_message_1(psk: bytes, prologue: bytes) -> None:
    """A stranger's first message does not verify."""
    initiator, responder = loom_pair(responder_psk=psk, prologue=prologue)
    with pytest.raises(AuthenticationError):
        responder.read_message(initiator.write_message())


@pytest.mark.parametrize("which", [1, 2])
def test_every_flipped_byte_of_the_handshake_is_refused(which: int) -> None:
    """No byte of either message is unauthenticated."""
    initiator, responder = loom_pair()
    first = initiator.write_message()
    responder.read_message(first)
    second = responder.write_message()
    message = first if which == 1 else second
    for at in range(0, len(message), 7):
        forged = bytearray(message)
        forged[at] ^= 1 << (at % 8)
        initiator, responder = loom_pair()
        initiator.write_message()
        reader = responder if which == 1 else initiator
        with pytest.raises(PeerError):
            reader.read_message(bytes(forged))


def test_short_and_non_canonical_messages_are_malformed() -> None:
    """Truncation and keys outside the field are named as what they are."""
    _, responder = loom_pair()
    with pytest.raises(MalformedMessage):
        responder.read_message(bytes(31))
    _, responder = loom_pair()
    with pytest.raises(MalformedMessage):
        responder.read_message(b"\xff" * 1_248)


def test_an_unreduced_encapsulation_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """FIPS 203, 7.2, for a peer who knows the psk and lies about the key."""
    initiator, responder = loom_pair()
    liar = SimpleNamespace(public=b"\xff" * 1_184)
    monkeypatch.setattr("loom.core.noise.KemKey", SimpleNamespace(from_seed=lambda _: liar))
    responder.read_message(initiator.write_message())
    with pytest.raises(MalformedMessage):
        responder.write_message()


def test_a_low_order_ephemeral_is_refused() -> None:
    """An all-zero agreement never becomes a key."""
    initiator, responder = loom_pair()
    initiator.write_message()
    with pytest.raises(AuthenticationError):
        initiator.read_message(bytes(32) + bytes(1_120))
    assert not responder.is_finished


def test_messages_come_in_turn_and_split_comes_last() -> None:
    """Misuse by the caller is the caller's error."""
    initiator, responder = loom_pair()
    with pytest.raises(UsageError):
        responder.write_message()
    with pytest.raises(UsageError):
        initiator.read_message(b"")
    with pytest.raises(UsageError):
        initiator.split()


def test_rekey_keeps_the_counter_and_changes_the_key() -> None:
    """Section 11.3: the key comes from the old one under the last nonce."""
    old = seed(7)
    cipher = CipherState(old)
    cipher.encrypt(b"first")
    cipher.rekey()
    new = ChaChaKey(old).seal(bytes(4) + b"\xff" * 8, bytes(32), b"")[:32]
    nonce = bytes(4) + (1).to_bytes(8, "little")
    assert cipher.encrypt(b"second") == ChaChaKey(new).seal(nonce, b"second", b"")
    assert cipher.nonce == 2


def test_a_refused_ciphertext_leaves_the_counter() -> None:
    """A forgery can't desynchronise the two sides."""
    cipher = CipherState(seed(7))
    with pytest.raises(AuthenticationError):
        cipher.decrypt(bytes(64))
    assert cipher.nonce == 0


def test_nothing_secret_is_printed() -> None:
    """Keys never reach a log through a repr."""
    initiator, _ = loom_pair()
    assert repr(initiator) == "Handshake(message=0)"
    assert repr(CipherState(seed(7))) == "CipherState(nonce=0)"


def test_an_empty_first_message_is_the_bare_key() -> None:
    """Without a pre-shared key nothing is sealed yet; and nobody's static key is known."""

    def one(*, is_initiator: bool) -> Handshake:
        return Handshake(
            "Noise_NN_25519_ChaChaPoly_SHA512",
            is_initiator=is_initiator,
            prologue=b"",
            ephemeral_seed=seed(1 + is_initiator),
        )

    initiator, responder = one(is_initiator=True), one(is_initiator=False)
    first = initiator.write_message()
    assert len(first) == 32
    assert responder.read_message(first) == b""
    assert initiator.read_message(responder.write_message()) == b""
    assert initiator.remote_static == responder.remote_static == b""
