"""Double Ratchet with header encryption, hybrid at every step (docs/PROTOCOL.md 5).

State is a value: `seal` and `open_` return the next one and leave theirs untouched.
After "The Double Ratchet Algorithm" (Signal, revision 1), section 4; each ratchet key is a pair
of an X25519 key and an ML-KEM-768 key.
"""

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

import msgspec

from loom.core.chains import RatchetKey, ReceivingChain, SendingChain, StoredChain
from loom.core.handshake import HandshakeKeys
from loom.core.skipped import NO_CHANGE, KeyPlace, SkippedChange, SkippedMessageKeys
from loom.crypto.aead import SIV_OVERHEAD_BYTES, SivKey, open_once, seal_once
from loom.crypto.kdf import equal, hash_, hkdf, mac
from loom.crypto.kem import check_encapsulation_key, encapsulate
from loom.crypto.keys import X25519Key
from loom.errors import AuthenticationError, KeyUnavailable, MalformedMessage, ProtocolViolation
from loom.wire.encoding import check_x25519_public, enc
from loom.wire.limits import (
    AEAD_TAG_BYTES,
    ENVELOPE_BUCKETS,
    KEM_CIPHERTEXT_BYTES,
    KEM_KEY_BYTES,
    MAX_SKIP,
    STORED_CHAINS_MAX,
)

_HEADER: Final = Struct(">BII32s")
_NO_FLAGS: Final = 0
HEADER_BYTES: Final = _HEADER.size + SIV_OVERHEAD_BYTES
BLOCK_BYTES: Final = KEM_KEY_BYTES + KEM_CIPHERTEXT_BYTES + SIV_OVERHEAD_BYTES
SALT_BYTES: Final = 16
COMMITMENT_BYTES: Final = 32
ENTROPY_BYTES: Final = 12 + 12 + SALT_BYTES
"""What `seal` consumes: header nonce, block nonce, salt."""
_BLOCK_END: Final = HEADER_BYTES + BLOCK_BYTES
_SALT_END: Final = _BLOCK_END + SALT_BYTES
_BODY_START: Final = _SALT_END + COMMITMENT_BYTES
OVERHEAD_BYTES: Final = _BODY_START + 4 + AEAD_TAG_BYTES
_NO_CIPHERTEXT: Final = bytes(KEM_CIPHERTEXT_BYTES)
_ZEROS: Final = bytes(ENVELOPE_BUCKETS[-1])


class Ratchet(msgspec.Struct, frozen=True, array_like=True):
    """One session's ratchet. `direction` is 0 for A's state, 1 for B's."""

    session_id: bytes
    associated_data: bytes
    direction: int
    root_key: bytes
    local: RatchetKey
    remote_dh: bytes
    remote_kem: bytes
    next_sending_header_key: SivKey
    next_receiving_header_key: SivKey
    sending: SendingChain | None
    receiving: ReceivingChain | None
    previous_n: int = 0
    stored: tuple[StoredChain, ...] = ()
    step_due: bool = False

    def __repr__(self) -> str:
        return f"Ratchet({self.session_id.hex()[:16]})"

    @property
    def sealed(self) -> int:
        """How many messages were sealed so far; the next one's ordinal."""
        return 0 if self.sending is None else self.sending.first_ordinal + self.sending.n


class Opened(NamedTuple):
    """A message that verified, and the state after it."""

    ratchet: Ratchet
    payload: bytes
    skipped: SkippedChange

    def __repr__(self) -> str:
        return f"Opened({len(self.payload)} bytes)"


def initiate(
    keys: HandshakeKeys, initiator: bytes, responder: bytes, local: RatchetKey, signed_prekey: bytes
) -> Ratchet:
    """A's state, ready to send; `local` is fresh, `signed_prekey` the bundle's."""
    ratchet = Ratchet(
        session_id=keys.session_id,
        associated_data=enc(b"LOOM/1 AD", initiator, responder, keys.transcript_hash),
        direction=0,
        root_key=keys.root_key,
        local=local,
        remote_dh=signed_prekey,
        remote_kem=b"",
        next_sending_header_key=SivKey(keys.header_key_a),
        next_receiving_header_key=SivKey(keys.next_header_key_b),
        sending=None,
        receiving=None,
    )
    return _step_sending(ratchet, local)


def respond(
    keys: HandshakeKeys, initiator: bytes, responder: bytes, signed_prekey: X25519Key
) -> Ratchet:
    """B's state; it must receive before it can send."""
    return Ratchet(
        session_id=keys.session_id,
        associated_data=enc(b"LOOM/1 AD", initiator, responder, keys.transcript_hash),
        direction=1,
        root_key=keys.root_key,
        local=RatchetKey(signed_prekey, None),
        remote_dh=b"",
        remote_kem=b"",
        next_sending_header_key=SivKey(keys.next_header_key_b),
        next_receiving_header_key=SivKey(keys.header_key_a),
        sending=None,
        receiving=None,
    )


def seal(
    ratchet: Ratchet,
    payload: bytes,
    *,
    prefix_bytes: int,
    entropy: bytes,
    fresh_key: Callable[[], RatchetKey],
    may_step: bool = True,
) -> tuple[Ratchet, bytes]:
    """Encrypt one payload; the ratchet message is padded so that its envelope fills a bucket.

    Args:
        prefix_bytes: what the envelope carries besides its type byte and this message.
        entropy: 40 random bytes, used once.
        fresh_key: gives a new ratchet key; called only when a step is due and allowed.
        may_step: False while the hold rule forbids a new sending chain.

    Raises:
        ProtocolViolation: B before its first step, or a payload that fits no envelope.
    """
    if ratchet.step_due and (may_step or ratchet.sending is None):
        ratchet = _step_sending(ratchet, fresh_key())
    chain = ratchet.sending
    if chain is None:
        raise ProtocolViolation(what="a responder cannot send first")
    needed = 1 + prefix_bytes + OVERHEAD_BYTES + len(payload)
    for bucket in ENVELOPE_BUCKETS:
        if needed <= bucket:
            break
    else:
        raise ProtocolViolation(what="payload too long")
    derived = mac(chain.chain_key, b"\x01")
    header = chain.header_key.seal(
        entropy[:12],
        _HEADER.pack(_NO_FLAGS, chain.n, ratchet.previous_n, ratchet.local.dh.public),
    )
    block = chain.header_key.seal(entropy[12:24], chain.block, header)
    salt = entropy[24:ENTROPY_BYTES]
    key = mac(derived[:32], salt + _message_label(ratchet.session_id, ratchet.direction))
    clear = header + block + salt + key[32:]
    body = seal_once(
        key[:32],
        len(payload).to_bytes(4, "big") + payload + bytes(bucket - needed),
        ratchet.associated_data + clear,
    )
    advanced = msgspec.structs.replace(chain, chain_key=derived[32:], n=chain.n + 1)
    return msgspec.structs.replace(ratchet, sending=advanced), clear + body


def open_(ratchet: Ratchet, message: bytes, skipped: SkippedMessageKeys, now_s: int) -> Opened:
    """Decrypt one ratchet message.

    Args:
        message: untrusted.
        skipped: this session's skipped keys; not changed here.

    Raises:
        AuthenticationError: no header key of this session opens it, or the body is forged.
        KeyUnavailable: an authentic header whose key is gone, or a gap above MAX_SKIP.
        ProtocolViolation, MalformedMessage: authentic and still not allowed.
    """
    if len(message) < OVERHEAD_BYTES:
        raise MalformedMessage(what="ratchet message")
    header = message[:HEADER_BYTES]
    if ratchet.receiving is not None:
        try:
            plain = ratchet.receiving.header_key.open_(header)
        except AuthenticationError:
            pass
        else:
            return _open_current(ratchet, ratchet.receiving, plain, message, skipped, now_s)
    try:
        plain = ratchet.next_receiving_header_key.open_(header)
    except AuthenticationError:
        return _open_stored(ratchet, message, skipped, now_s)
    return _open_next(ratchet, plain, message, skipped)


def _read_header(plain: bytes) -> tuple[int, int, bytes]:
    flags, n, previous_n, remote_dh = _HEADER.unpack(plain)
    if flags != _NO_FLAGS:
        raise ProtocolViolation(what="header flags")
    return n, previous_n, remote_dh


def _open_current(
    ratchet: Ratchet,
    chain: ReceivingChain,
    plain: bytes,
    message: bytes,
    skipped: SkippedMessageKeys,
    now_s: int,
) -> Opened:
    n, _, remote_dh = _read_header(plain)
    if remote_dh != chain.remote_dh:
        raise ProtocolViolation(what="ratchet key of another chain")
    if n < chain.n:
        return _open_with_skipped(ratchet, KeyPlace(chain.index, n), message, skipped, now_s)
    return _open_ahead(ratchet, chain, n, message, skipped, (), ())


def _open_stored(
    ratchet: Ratchet, message: bytes, skipped: SkippedMessageKeys, now_s: int
) -> Opened:
    for chain in reversed(ratchet.stored):
        try:
            plain = chain.header_key.open_(message[:HEADER_BYTES])
        except AuthenticationError:
            continue
        n, _, remote_dh = _read_header(plain)
        if remote_dh != chain.remote_dh:
            raise ProtocolViolation(what="ratchet key of another chain")
        return _open_with_skipped(ratchet, KeyPlace(chain.index, n), message, skipped, now_s)
    raise AuthenticationError(what="header")


def _open_with_skipped(
    ratchet: Ratchet, place: KeyPlace, message: bytes, skipped: SkippedMessageKeys, now_s: int
) -> Opened:
    message_key = skipped.find(place, now_s)
    if message_key is None:
        raise KeyUnavailable(what="used before, or too old")
    payload = _open_body(ratchet, message_key, message)
    return Opened(ratchet, payload, SkippedChange(removed=(place,)))


def _open_next(
    ratchet: Ratchet, plain: bytes, message: bytes, skipped: SkippedMessageKeys
) -> Opened:
    """The remote stepped: the receiving half of our step, then as in a known chain."""
    n, previous_n, remote_dh = _read_header(plain)
    if ratchet.step_due:
        raise ProtocolViolation(what="a step before the last one was answered")
    previous = ratchet.receiving
    known = {chain.remote_dh for chain in ratchet.stored} | {ratchet.local.dh.public}
    if remote_dh in known or (previous is not None and remote_dh == previous.remote_dh):
        raise ProtocolViolation(what="ratchet key used before")
    check_x25519_public(remote_dh)
    block = ratchet.next_receiving_header_key.open_(
        message[HEADER_BYTES:_BLOCK_END], message[:HEADER_BYTES]
    )
    remote_kem, ciphertext = block[:KEM_KEY_BYTES], block[KEM_KEY_BYTES:]
    check_encapsulation_key(remote_kem)
    added: tuple[tuple[KeyPlace, bytes], ...] = ()
    removed: tuple[KeyPlace, ...] = ()
    stored = ratchet.stored
    if previous is not None:
        if previous_n < previous.n:
            raise ProtocolViolation(what="previous chain shorter than received")
        _, added = _skip(previous, previous_n)
        if added or skipped.of_chain(previous.index):
            left = StoredChain(previous.header_key, previous.remote_dh, previous.index)
            stored = (*stored, left)
            for dropped in stored[:-STORED_CHAINS_MAX]:
                removed += skipped.of_chain(dropped.index)
            stored = stored[-STORED_CHAINS_MAX:]
    root_key, chain_key, next_header_key = _receive_step(ratchet, remote_dh, remote_kem, ciphertext)
    chain = ReceivingChain(
        ratchet.next_receiving_header_key,
        remote_dh,
        chain_key,
        0,
        0 if previous is None else previous.index + 1,
    )
    stepped = msgspec.structs.replace(
        ratchet,
        root_key=root_key,
        remote_dh=remote_dh,
        remote_kem=remote_kem,
        next_receiving_header_key=next_header_key,
        receiving=chain,
        stored=stored,
        step_due=True,
    )
    return _open_ahead(stepped, chain, n, message, skipped, added, removed)


def _open_ahead(
    ratchet: Ratchet,
    chain: ReceivingChain,
    n: int,
    message: bytes,
    skipped: SkippedMessageKeys,
    added: tuple[tuple[KeyPlace, bytes], ...],
    removed: tuple[KeyPlace, ...],
) -> Opened:
    change = NO_CHANGE
    if n != chain.n:
        chain, more = _skip(chain, n)
        added += more
    derived = mac(chain.chain_key, b"\x01")
    payload = _open_body(ratchet, derived[:32], message)
    advanced = msgspec.structs.replace(chain, chain_key=derived[32:], n=n + 1)
    if added or removed:
        beyond = skipped.oldest_beyond_limit(len(added), removed)
        change = SkippedChange(added, removed + beyond)
    return Opened(msgspec.structs.replace(ratchet, receiving=advanced), payload, change)


def _skip(
    chain: ReceivingChain, until: int
) -> tuple[ReceivingChain, tuple[tuple[KeyPlace, bytes], ...]]:
    if until - chain.n > MAX_SKIP:
        raise KeyUnavailable(what="too many messages are missing before it")
    keys = []
    chain_key = chain.chain_key
    for n in range(chain.n, until):
        derived = mac(chain_key, b"\x01")
        keys.append((KeyPlace(chain.index, n), derived[:32]))
        chain_key = derived[32:]
    return msgspec.structs.replace(chain, chain_key=chain_key, n=until), tuple(keys)


@lru_cache(maxsize=2048)
def _message_label(session_id: bytes, direction: int) -> bytes:
    """What follows the salt in the expansion of a message key (RFC 5869, first block)."""
    return enc(b"LOOM/1 msg", session_id, bytes([direction])) + b"\x01"


def _open_body(ratchet: Ratchet, message_key: bytes, message: bytes) -> bytes:
    label = _message_label(ratchet.session_id, 1 - ratchet.direction)
    key = mac(message_key, message[_BLOCK_END:_SALT_END] + label)
    if not equal(key[32:], message[_SALT_END:_BODY_START]):
        raise AuthenticationError(what="key commitment")
    padded = open_once(
        key[:32], message[_BODY_START:], ratchet.associated_data + message[:_BODY_START]
    )
    end = 4 + int.from_bytes(padded[:4], "big")
    if end > len(padded) or padded[end:] != _ZEROS[end : len(padded)]:
        raise MalformedMessage(what="padding")
    return padded[4:end]


def _root_step(
    ratchet: Ratchet,
    dh: bytes,
    shared_secret: bytes,
    public: tuple[bytes, bytes, bytes, bytes, bytes],
) -> tuple[bytes, bytes, SivKey]:
    """(root key, chain key, next header key); `public`: dh_s, dh_r, ek_r, ct, ek_s."""
    info = enc(b"LOOM/1 rk", ratchet.session_id, hash_(enc(*public)))
    derived = hkdf(ratchet.root_key, enc(dh, shared_secret), info, 96)
    return derived[:32], derived[32:64], SivKey(derived[64:])


def _receive_step(
    ratchet: Ratchet, remote_dh: bytes, remote_kem: bytes, ciphertext: bytes
) -> tuple[bytes, bytes, SivKey]:
    local = ratchet.local
    if local.kem is None:
        if ciphertext != _NO_CIPHERTEXT:
            raise ProtocolViolation(what="ciphertext in a first chain")
        local_kem, shared_secret = b"", b""
    else:
        local_kem, shared_secret = local.kem.public, local.kem.decapsulate(ciphertext)
    public = (remote_dh, local.dh.public, local_kem, ciphertext, remote_kem)
    return _root_step(ratchet, local.dh.agree(remote_dh), shared_secret, public)


def _step_sending(ratchet: Ratchet, local: RatchetKey) -> Ratchet:
    """A new sending chain under a fresh local key."""
    if local.kem is None:
        raise ProtocolViolation(what="ratchet key without a KEM half")
    if ratchet.remote_kem:
        shared_secret, ciphertext = encapsulate(ratchet.remote_kem)
    else:
        shared_secret, ciphertext = b"", _NO_CIPHERTEXT
    public = (local.dh.public, ratchet.remote_dh, ratchet.remote_kem, ciphertext, local.kem.public)
    dh = local.dh.agree(ratchet.remote_dh)
    root_key, chain_key, next_header_key = _root_step(ratchet, dh, shared_secret, public)
    before = ratchet.sending
    chain = SendingChain(
        header_key=ratchet.next_sending_header_key,
        chain_key=chain_key,
        n=0,
        index=0 if before is None else before.index + 1,
        first_ordinal=ratchet.sealed,
        block=local.kem.public + ciphertext,
    )
    return msgspec.structs.replace(
        ratchet,
        root_key=root_key,
        local=local,
        next_sending_header_key=next_header_key,
        sending=chain,
        previous_n=0 if before is None else before.n,
        step_due=False,
    )
