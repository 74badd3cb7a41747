"""Double Ratchet with header encryption, hybrid at every step (docs/PROTOCOL.md 5).

State is a value: `seal` and `open_` return the next one and leave theirs untouched.
After "The Double Ratchet Algorithm" (Signal, revision 1), section 4; each ratchet key is a pair
of an X25519 key and an ML-KEM-768 key.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final

import msgspec

from loom.core.chains import (
    SALT_BYTES,
    ChainKey,
    HeaderKey,
    MessageKey,
    RatchetKey,
    ReceivingChain,
    RootKey,
    SendingChain,
    StepDue,
    StoredChain,
    advance,
    body_context,
    body_keys,
)
from loom.core.handshake import HandshakeKeys
from loom.core.skipped import NO_CHANGE, KeyPlace, SkippedChange, SkippedMessageKeys
from loom.crypto.aead import SIV_OVERHEAD_BYTES, open_once, seal_once
from loom.crypto.kdf import HASH_BYTES, equal, hash_, hkdf
from loom.crypto.kem import check_encapsulation_key, encapsulate
from loom.crypto.keys import X25519Key
from loom.errors import AuthenticationError, KeyUnavailable, MalformedMessage, ProtocolViolation
from loom.wire.encoding import check_x25519_public, enc
from loom.wire.limits import (
    AEAD_NONCE_BYTES,
    AEAD_TAG_BYTES,
    ENVELOPE_BUCKETS,
    FINGERPRINT_BYTES,
    KEM_CIPHERTEXT_BYTES,
    KEM_KEY_BYTES,
    MAX_SKIP,
    STORED_CHAINS_MAX,
)

_HEADER: Final = Struct(">BII32s")
_NO_FLAGS: Final = 0
HEADER_BYTES: Final = _HEADER.size + SIV_OVERHEAD_BYTES
BLOCK_BYTES: Final = KEM_KEY_BYTES + KEM_CIPHERTEXT_BYTES + AEAD_TAG_BYTES
COMMITMENT_BYTES: Final = 32
ENTROPY_BYTES: Final = AEAD_NONCE_BYTES + SALT_BYTES
"""What `seal` consumes: nonce, salt."""
_BLOCK_END: Final = HEADER_BYTES + BLOCK_BYTES
_SALT_END: Final = _BLOCK_END + SALT_BYTES
BODY_KEY_BYTES: Final = 32
ASSOCIATED_BYTES: Final = len(
    enc(b"LOOM/1 AD", bytes(FINGERPRINT_BYTES), bytes(FINGERPRINT_BYTES), bytes(HASH_BYTES))
)
CLEAR_BYTES: Final = _SALT_END + COMMITMENT_BYTES
"""What stands before the body: header, key block, salt, commitment."""
OVERHEAD_BYTES: Final = CLEAR_BYTES + 4 + AEAD_TAG_BYTES
_NO_CIPHERTEXT: Final = bytes(KEM_CIPHERTEXT_BYTES)
_ZEROS: Final = bytes(ENVELOPE_BUCKETS[-1])


class Ratchet(msgspec.Struct, frozen=True, array_like=True):
    """One session's ratchet. `direction` is 0 for A's state, 1 for B's."""

    session_id: bytes
    associated_data: bytes
    direction: int
    root_key: RootKey
    local: RatchetKey
    remote_dh: bytes
    remote_kem: bytes
    next_sending_header_key: HeaderKey
    next_receiving_header_key: HeaderKey
    sending: SendingChain | StepDue
    receiving: ReceivingChain | None
    """None until the initiator's first answer."""
    previous_n: int = 0
    stored: tuple[StoredChain, ...] = ()

    def __repr__(self) -> str:
        return f"Ratchet({self.session_id.hex()[:16]})"

    @property
    def step_due(self) -> bool:
        """Whether the next message begins a new chain, unless the hold rule forbids it."""
        return isinstance(self.sending, StepDue)

    @property
    def sending_chain(self) -> SendingChain | None:
        """The chain of the last message sealed; None: there was none."""
        sending = self.sending
        return sending.held if isinstance(sending, StepDue) else sending

    @property
    def sealed(self) -> int:
        """How many messages were sealed so far; the next one's ordinal."""
        chain = self.sending_chain
        return 0 if chain is None else chain.first_ordinal + chain.n


class Sealed(msgspec.Struct, frozen=True):
    """A message in two parts, the state after it, and the chain it was sealed in."""

    ratchet: Ratchet
    clear: bytes
    body: bytes
    body_key: bytes
    """With the payload and `clear` it gives the body again (`seal_body`)."""
    chain: SendingChain

    @property
    def message(self) -> bytes:
        """What travels."""
        return self.clear + self.body

    def __repr__(self) -> str:
        return f"Sealed({len(self.body)} bytes)"


class Opened(msgspec.Struct, frozen=True):
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
        root_key=RootKey(keys.root_key),
        local=local,
        remote_dh=signed_prekey,
        remote_kem=b"",
        next_sending_header_key=HeaderKey(keys.header_key_a),
        next_receiving_header_key=HeaderKey(keys.next_header_key_b),
        sending=StepDue(None),
        receiving=None,
    )
    return _step_sending(ratchet, local)[0]


def respond(
    keys: HandshakeKeys,
    initiator: bytes,
    responder: bytes,
    signed_prekey: X25519Key,
    message: bytes,
    now_s: int,
) -> Opened:
    """B's state, which begins with a message of A's.

    Raises:
        PeerError: as `open_`.
    """
    listening = _listening(keys, initiator, responder, signed_prekey)
    return open_(listening, message, SkippedMessageKeys(), now_s)


def _listening(
    keys: HandshakeKeys, initiator: bytes, responder: bytes, signed_prekey: X25519Key
) -> Ratchet:
    """B before A's first message: there is no remote key yet, so it cannot seal."""
    return Ratchet(
        session_id=keys.session_id,
        associated_data=enc(b"LOOM/1 AD", initiator, responder, keys.transcript_hash),
        direction=1,
        root_key=RootKey(keys.root_key),
        local=RatchetKey(signed_prekey, None),
        remote_dh=b"",
        remote_kem=b"",
        next_sending_header_key=HeaderKey(keys.next_header_key_b),
        next_receiving_header_key=HeaderKey(keys.header_key_a),
        sending=StepDue(None),
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
) -> Sealed:
    """Encrypt one payload; the ratchet message is padded so that its envelope fills a bucket.

    Args:
        prefix_bytes: what the envelope carries besides its type byte and this message.
        entropy: 28 random bytes, used once.
        fresh_key: gives a new ratchet key; called only when a step is due and allowed.
        may_step: False while the hold rule forbids a new sending chain.

    Raises:
        ProtocolViolation: a payload that fits no envelope.
    """
    padded = _padded(payload, prefix_bytes)
    sending = ratchet.sending
    is_held = False
    if isinstance(sending, SendingChain):
        chain = sending
    elif sending.held is None or may_step:
        ratchet, chain = _step_sending(ratchet, fresh_key())
    else:
        chain, is_held = sending.held, True
    message_key, chain_key = advance(chain.chain_key)
    header = chain.header_key.seal(
        entropy[:AEAD_NONCE_BYTES],
        _HEADER.pack(_NO_FLAGS, chain.n, ratchet.previous_n, ratchet.local.dh.public),
    )
    # The chain began with the local key: what the remote's next step needs of both.
    key_block = ratchet.local.encapsulation_key + chain.ciphertext
    block = chain.header_key.seal_block(header, key_block)
    salt = entropy[AEAD_NONCE_BYTES:ENTROPY_BYTES]
    context = body_context(ratchet.session_id, ratchet.direction)
    key, commitment = body_keys(message_key, context, salt)
    clear = b"".join((header, block, salt, commitment))
    body = seal_once(key, padded, ratchet.associated_data + clear)
    after = msgspec.structs.replace(chain, chain_key=chain_key, n=chain.n + 1)
    advanced = msgspec.structs.replace(ratchet, sending=StepDue(after) if is_held else after)
    return Sealed(advanced, clear, body, key, after)


def seal_body(
    key: bytes, associated_data: bytes, clear: bytes, payload: bytes, prefix_bytes: int
) -> bytes:
    """The body that `seal` made of this payload; everything else is that message's, too."""
    return seal_once(key, _padded(payload, prefix_bytes), associated_data + clear)


def _padded(payload: bytes, prefix_bytes: int) -> bytes:
    needed = 1 + prefix_bytes + OVERHEAD_BYTES + len(payload)
    for bucket in ENVELOPE_BUCKETS:
        if needed <= bucket:
            return b"".join((len(payload).to_bytes(4, "big"), payload, _ZEROS[: bucket - needed]))
    raise ProtocolViolation(what="payload too long")


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
    previous = ratchet.receiving
    if previous is not None and ratchet.step_due:
        raise ProtocolViolation(what="a step before the last one was answered")
    known = {chain.remote_dh for chain in ratchet.stored} | {ratchet.local.dh.public}
    if remote_dh in known or (previous is not None and remote_dh == previous.remote_dh):
        raise ProtocolViolation(what="ratchet key used before")
    check_x25519_public(remote_dh)
    block = ratchet.next_receiving_header_key.open_block(
        message[:HEADER_BYTES], message[HEADER_BYTES:_BLOCK_END]
    )
    remote_kem, ciphertext = block[:KEM_KEY_BYTES], block[KEM_KEY_BYTES:]
    check_encapsulation_key(remote_kem)
    added: tuple[tuple[KeyPlace, MessageKey], ...] = ()
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
        sending=StepDue(ratchet.sending_chain),
    )
    return _open_ahead(stepped, chain, n, message, skipped, added, removed)


def _open_ahead(
    ratchet: Ratchet,
    chain: ReceivingChain,
    n: int,
    message: bytes,
    skipped: SkippedMessageKeys,
    added: tuple[tuple[KeyPlace, MessageKey], ...],
    removed: tuple[KeyPlace, ...],
) -> Opened:
    change = NO_CHANGE
    if n != chain.n:
        chain, more = _skip(chain, n)
        added += more
    message_key, chain_key = advance(chain.chain_key)
    payload = _open_body(ratchet, message_key, message)
    advanced = msgspec.structs.replace(chain, chain_key=chain_key, n=n + 1)
    if added or removed:
        beyond = skipped.oldest_beyond_limit(len(added), removed)
        change = SkippedChange(added, removed + beyond)
    return Opened(msgspec.structs.replace(ratchet, receiving=advanced), payload, change)


def _skip(
    chain: ReceivingChain, until: int
) -> tuple[ReceivingChain, tuple[tuple[KeyPlace, MessageKey], ...]]:
    if until - chain.n > MAX_SKIP:
        raise KeyUnavailable(what="too many messages are missing before it")
    keys = []
    chain_key = chain.chain_key
    for n in range(chain.n, until):
        message_key, chain_key = advance(chain_key)
        keys.append((KeyPlace(chain.index, n), message_key))
    return msgspec.structs.replace(chain, chain_key=chain_key, n=until), tuple(keys)


def _open_body(ratchet: Ratchet, message_key: MessageKey, message: bytes) -> bytes:
    context = body_context(ratchet.session_id, 1 - ratchet.direction)
    key, commitment = body_keys(message_key, context, message[_BLOCK_END:_SALT_END])
    if not equal(commitment, message[_SALT_END:CLEAR_BYTES]):
        raise AuthenticationError(what="key commitment")
    padded = open_once(key, message[CLEAR_BYTES:], ratchet.associated_data + message[:CLEAR_BYTES])
    end = 4 + int.from_bytes(padded[:4], "big")
    if end > len(padded) or padded[end:] != _ZEROS[end : len(padded)]:
        raise MalformedMessage(what="padding")
    return padded[4:end]


def _root_step(
    ratchet: Ratchet,
    dh: bytes,
    shared_secret: bytes,
    public: tuple[bytes, bytes, bytes, bytes, bytes],
) -> tuple[RootKey, ChainKey, HeaderKey]:
    """(root key, chain key, next header key); `public`: dh_s, dh_r, ek_r, ct, ek_s."""
    info = enc(b"LOOM/1 rk", ratchet.session_id, hash_(enc(*public)))
    derived = hkdf(ratchet.root_key, enc(dh, shared_secret), info, 96)
    return RootKey(derived[:32]), ChainKey(derived[32:64]), HeaderKey(derived[64:])


def _receive_step(
    ratchet: Ratchet, remote_dh: bytes, remote_kem: bytes, ciphertext: bytes
) -> tuple[RootKey, ChainKey, HeaderKey]:
    local = ratchet.local
    if local.kem is None:
        if ciphertext != _NO_CIPHERTEXT:
            raise ProtocolViolation(what="ciphertext in a first chain")
        shared_secret = b""
    else:
        shared_secret = local.kem.decapsulate(ciphertext)
    public = (remote_dh, local.dh.public, local.encapsulation_key, ciphertext, remote_kem)
    return _root_step(ratchet, local.dh.agree(remote_dh), shared_secret, public)


def _step_sending(ratchet: Ratchet, local: RatchetKey) -> tuple[Ratchet, SendingChain]:
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
    before = ratchet.sending_chain
    chain = SendingChain(
        header_key=ratchet.next_sending_header_key,
        chain_key=chain_key,
        n=0,
        index=0 if before is None else before.index + 1,
        first_ordinal=ratchet.sealed,
        ciphertext=ciphertext,
    )
    stepped = msgspec.structs.replace(
        ratchet,
        root_key=root_key,
        local=local,
        next_sending_header_key=next_header_key,
        sending=chain,
        previous_n=0 if before is None else before.n,
    )
    return stepped, chain
