"""All sessions with one device as one value: start, accept, seal, open (docs/PROTOCOL.md 4, 9)."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec

from loom.core import choice, earlier_states, elsewhere, handshake, ratchet
from loom.core.chains import RatchetKey
from loom.core.choice import Counters
from loom.core.handshake import PREFIX_BYTES
from loom.core.identity import Identity
from loom.core.prekeys import Prekey, RemoteBundle
from loom.core.session import Awaited, Session, known_received, may_step
from loom.core.skipped import SkippedChange, SkippedMessageKeys
from loom.crypto.aead import SivKey
from loom.crypto.kdf import equal, hash_
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key
from loom.errors import (
    AuthenticationError,
    MalformedMessage,
    PeerError,
    ProtocolViolation,
    StaleHandshake,
    UnknownBundle,
)
from loom.model import ContactToken
from loom.wire.limits import (
    DESYNC_RESTARTS_MAX,
    ENVELOPE_BUCKETS,
    SESSION_NOTICE_INTERVAL_S,
    SESSIONS_MAX,
)

FIRST: Final = 0x00
"""Envelope with the handshake in front; ORDINARY: without."""
ORDINARY: Final = 0x01
STATE_VERSION: Final = b"\x04"


class Sessions(msgspec.Struct, frozen=True, array_like=True):
    """Everything the protocol keeps of one device, apart from skipped keys and prekeys."""

    counters: Counters = Counters()
    live: tuple[Session, ...] = ()
    start_wanted: bool = False
    wanted_starts_s: tuple[int, ...] = ()
    """When a desync last made this side start: at most `DESYNC_RESTARTS_MAX`."""
    had_session: bool = False
    last_notice_s: int = 0
    is_halted: bool = False
    """Another machine uses this identity: nothing is sealed before the owner decides."""
    epoch: int = 0
    """Of the latest own session that the peer answered: what it accepts later is counted here."""

    @property
    def best(self) -> Session | None:
        """The session to send on."""
        return choice.best(self.live)

    def session(self, session_id: bytes) -> Session | None:
        """The session of that id."""
        return next((one for one in self.live if one.session_id == session_id), None)


class SealedEnvelope(NamedTuple):
    """An envelope and where it stands in its session."""

    sessions: Sessions
    envelope: bytes
    recipe: bytes
    """With the payload it gives the envelope again, in little more than half the bytes."""
    session_id: bytes
    chain: int
    ordinal: int


class OpenedEnvelope(NamedTuple):
    """A verified payload, and the state after it."""

    sessions: Sessions
    payload: bytes
    session_id: bytes
    skipped: SkippedChange
    accepted: bool
    """This envelope began a session: its prekey is spent."""
    renewed: bool
    """Tell the user that a new session was begun."""
    confirmed: bool = False
    """The peer answered a session that this side began, for the first time."""

    def __repr__(self) -> str:
        return f"OpenedEnvelope({len(self.payload)} bytes)"


class UnknownHandshake(NamedTuple):
    """A handshake that no live session knows."""

    handshake_id: bytes
    bundle_id: bytes


def start(
    sessions: Sessions,
    identity: Identity,
    contact: ContactToken,
    bundle: RemoteBundle,
    *,
    ephemeral_seed: bytes,
    local: RatchetKey,
    now_ms: int,
    epoch: int = 0,
) -> Sessions:
    """Begin a session on a verified bundle; an unanswered own one that was the best is dropped."""
    counters = choice.believe_told(sessions.counters, bundle.last_counter, now_ms)
    counter = choice.next_reset_counter(counters, now_ms, bundle.last_counter)
    started = handshake.start(identity, bundle, contact.peer_id, ephemeral_seed, counter)
    session = Session(
        handshake_id=handshake.handshake_id(started.prefix),
        prefix_hash=hash_(started.prefix),
        prefix=started.prefix,
        own=True,
        initiator=identity.peer_id,
        reset_counter=counter,
        bundle_expires_at_s=bundle.answered_until_s,
        confirmed_at_s=None,
        ratchet=ratchet.initiate(
            started.keys, identity.peer_id, contact.peer_id, local, bundle.signed_prekey
        ),
        epoch=epoch,
    )
    best = sessions.best
    kept = tuple(one for one in sessions.live if not (one is best and choice.unconfirmed(one)))
    wanted_starts_s = sessions.wanted_starts_s
    if sessions.start_wanted:
        wanted_starts_s = (*wanted_starts_s, now_ms // 1000)[-DESYNC_RESTARTS_MAX:]
    return msgspec.structs.replace(
        sessions,
        counters=msgspec.structs.replace(counters, sent=max(counters.sent, counter)),
        live=_limited((*kept, session)),
        start_wanted=False,
        wanted_starts_s=wanted_starts_s,
    )


def heard(sessions: Sessions, last_accepted: int, epoch: int) -> Sessions:
    """Before a session is begun on a bundle: halted, if it shows another machine.

    Args:
        epoch: in another one than now, others may have begun sessions that were not counted here.
    """
    if sessions.epoch != epoch or not elsewhere.is_shown(sessions.counters, last_accepted):
        return sessions
    return halt(sessions)


def halt(sessions: Sessions) -> Sessions:
    """Another machine uses the identity: seal nothing before the owner decides."""
    return msgspec.structs.replace(sessions, is_halted=True)


def stay(sessions: Sessions) -> Sessions:
    """The owner said that this machine stays: a session is begun whatever was begun before."""
    if not sessions.is_halted:
        return sessions
    return msgspec.structs.replace(sessions, is_halted=False, start_wanted=True, wanted_starts_s=())


def seal(
    sessions: Sessions,
    payload: bytes,
    *,
    entropy: bytes,
    fresh_key: Callable[[], RatchetKey],
    awaited: Awaited | None,
) -> SealedEnvelope:
    """Encrypt one payload on the best session (flow control is the caller's: `may_seal`).

    Raises:
        ProtocolViolation: there is no session, or the payload is too long.
    """
    session = sessions.best
    if session is None:
        raise ProtocolViolation(what="no session")
    prefix = session.clear_prefix
    sealed = ratchet.seal(
        session.ratchet,
        payload,
        prefix_bytes=len(prefix),
        entropy=entropy,
        fresh_key=fresh_key,
        may_step=may_step(session, awaited),
    )
    head = b"".join((bytes((FIRST if prefix else ORDINARY,)), prefix, sealed.clear))
    return SealedEnvelope(
        _replaced(sessions, session, msgspec.structs.replace(session, ratchet=sealed.ratchet)),
        head + sealed.body,
        sealed.body_key + session.ratchet.associated_data + head,
        session.session_id,
        sealed.chain.index,
        sealed.ratchet.sealed - 1,
    )


def sealed_again(recipe: bytes, payload: bytes) -> bytes:
    """The same envelope as before.

    Args:
        recipe: `SealedEnvelope.recipe`, or an envelope, as earlier versions kept it.
        payload: what was sealed, and no other: the key serves one plaintext.
    """
    if len(recipe) in ENVELOPE_BUCKETS:
        return recipe
    key, rest = recipe[: ratchet.BODY_KEY_BYTES], recipe[ratchet.BODY_KEY_BYTES :]
    associated_data, head = rest[: ratchet.ASSOCIATED_BYTES], rest[ratchet.ASSOCIATED_BYTES :]
    clear = head[-ratchet.CLEAR_BYTES :]
    prefix_bytes = len(head) - 1 - len(clear)
    return head + ratchet.seal_body(key, associated_data, clear, payload, prefix_bytes)


def unknown_handshake(sessions: Sessions, envelope: bytes) -> UnknownHandshake | None:
    """What must be looked up before `open_`: the handshake of a session that is not live.

    Raises:
        MalformedMessage: a length or type that no envelope has.
    """
    if len(envelope) not in ENVELOPE_BUCKETS or envelope[0] not in (FIRST, ORDINARY):
        raise MalformedMessage(what="envelope length or type")
    if envelope[0] == ORDINARY:
        return None
    if len(envelope) <= PREFIX_BYTES:
        raise MalformedMessage(what="envelope shorter than its handshake")
    prefix = envelope[1 : 1 + PREFIX_BYTES]
    handshake_id = handshake.handshake_id(prefix)
    if any(one.handshake_id == handshake_id for one in sessions.live):
        return None
    return UnknownHandshake(handshake_id, handshake.bundle_id_of(prefix))


def open_(
    sessions: Sessions,
    identity: Identity,
    contact: ContactToken,
    envelope: bytes,
    *,
    skipped: Mapping[bytes, SkippedMessageKeys],
    prekey: Prekey | None,
    refused: bool,
    now_ms: int,
) -> OpenedEnvelope:
    """Open one envelope of the contact.

    Args:
        skipped: by session id.
        prekey: the live prekey that `unknown_handshake` named, if there is one.
        refused: whether the handshake is that of a deleted session.

    Raises:
        PeerError: nothing opens it; the state is as before.
    """
    unknown = unknown_handshake(sessions, envelope)
    if unknown is not None:
        if refused:
            raise StaleHandshake(what="handshake of a deleted session")
        if prekey is None or prekey.bundle_id != unknown.bundle_id:
            raise UnknownBundle(what="handshake without a live prekey")
        return _accept(sessions, identity, contact, prekey, envelope, now_ms)
    message, candidates = _candidates(sessions, envelope)
    failure: PeerError = AuthenticationError(what="envelope")
    for session in candidates:
        keys = skipped.get(session.session_id) or SkippedMessageKeys()
        try:
            opened = ratchet.open_(session.ratchet, message, keys, now_ms // 1000)
        except AuthenticationError as error:
            failure = error
            continue
        return _received(sessions, session, opened, now_ms // 1000)
    raise failure


def _candidates(sessions: Sessions, envelope: bytes) -> tuple[bytes, list[Session]]:
    """The ratchet message and the sessions that may open it, the best first."""
    if envelope[0] == ORDINARY:
        best = sessions.best
        others = [one for one in sessions.live if one is not best]
        return envelope[1:], others if best is None else [best, *others]
    prefix = envelope[1 : 1 + PREFIX_BYTES]
    handshake_id = handshake.handshake_id(prefix)
    for session in sessions.live:
        if session.handshake_id == handshake_id:
            if session.own or not equal(hash_(prefix), session.prefix_hash):
                raise ProtocolViolation(what="another handshake under a known id")
            return envelope[1 + PREFIX_BYTES :], [session]
    raise ProtocolViolation(what="unknown handshake")


def _received(
    sessions: Sessions, session: Session, opened: ratchet.Opened, now_s: int
) -> OpenedEnvelope:
    after = opened.ratchet
    changed = msgspec.structs.replace(session, ratchet=after)
    first_answer = choice.unconfirmed(session)
    if first_answer:
        changed = msgspec.structs.replace(changed, prefix=b"", confirmed_at_s=now_s)
    if after.step_due and not session.ratchet.step_due and after.sending_chain is not None:
        # The peer stepped, so it has at least one message of the chain we send in.
        changed = known_received(changed, after.sending_chain.first_ordinal)
    is_best = session is sessions.best
    result = _replaced(sessions, session, changed)
    if is_best and sessions.start_wanted:
        result = msgspec.structs.replace(result, start_wanted=False)
    if first_answer and session.epoch > sessions.epoch:
        result = msgspec.structs.replace(result, epoch=session.epoch)
    result, renewed = _noticed(result, first_answer, now_s)
    return OpenedEnvelope(
        result, opened.payload, session.session_id, opened.skipped, False, renewed, first_answer
    )


def _accept(
    sessions: Sessions,
    identity: Identity,
    contact: ContactToken,
    prekey: Prekey,
    envelope: bytes,
    now_ms: int,
) -> OpenedEnvelope:
    prefix = envelope[1 : 1 + PREFIX_BYTES]
    accepted = handshake.accept(
        identity,
        prekey,
        contact,
        prefix,
        counters=sessions.counters,
        now_ms=now_ms,
    )
    now_s = now_ms // 1000
    opened = ratchet.respond(
        accepted.keys,
        contact.peer_id,
        identity.peer_id,
        prekey.signed_prekey,
        envelope[1 + PREFIX_BYTES :],
        now_s,
    )
    session = Session(
        handshake_id=handshake.handshake_id(prefix),
        prefix_hash=hash_(prefix),
        prefix=b"",
        own=False,
        initiator=contact.peer_id,
        reset_counter=accepted.reset_counter,
        bundle_expires_at_s=prekey.answered_until_s,
        confirmed_at_s=now_s,
        ratchet=opened.ratchet,
    )
    result = msgspec.structs.replace(
        sessions,
        counters=msgspec.structs.replace(sessions.counters, accepted=accepted.reset_counter),
        live=_limited((*sessions.live, session)),
    )
    if result.best is session:
        result = msgspec.structs.replace(result, start_wanted=False)
    result, renewed = _noticed(result, True, now_s)
    return OpenedEnvelope(result, opened.payload, session.session_id, opened.skipped, True, renewed)


def receipted(sessions: Sessions, session_id: bytes, ordinal: int) -> Sessions:
    """The peer receipted message `ordinal` of a session."""
    session = sessions.session(session_id)
    if session is None:
        return sessions
    return _replaced(sessions, session, known_received(session, ordinal))


def want_start(sessions: Sessions, *, also_unanswered: bool = False) -> Sessions:
    """A desync was seen: start a new session when the rules allow.

    Args:
        also_unanswered: even if the best is an own one that the peer may still answer.
    """
    best = sessions.best
    is_waited_for = best is not None and choice.unconfirmed(best) and not also_unanswered
    if sessions.start_wanted or is_waited_for:
        return sessions
    return msgspec.structs.replace(sessions, start_wanted=True)


def without(sessions: Sessions, gone: list[Session]) -> Sessions:
    """What is left without `gone` (see `choice.superseded`)."""
    ids = {one.session_id for one in gone}
    kept = tuple(one for one in sessions.live if one.session_id not in ids)
    return msgspec.structs.replace(sessions, live=kept)


def _replaced(sessions: Sessions, old: Session, new: Session) -> Sessions:
    if old is new:
        return sessions
    live = tuple(new if one is old else one for one in sessions.live)
    return msgspec.structs.replace(sessions, live=live)


def _limited(live: tuple[Session, ...]) -> tuple[Session, ...]:
    """At most `SESSIONS_MAX`: the worst go first."""
    ordered = sorted(live, key=lambda one: (one.reset_counter, one.initiator))
    return tuple(ordered[-SESSIONS_MAX:])


def _noticed(sessions: Sessions, began: bool, now_s: int) -> tuple[Sessions, bool]:
    """A session began: whether to tell the user. The first of all counts as told."""
    if not began:
        return sessions, False
    due = not 0 <= now_s - sessions.last_notice_s < SESSION_NOTICE_INTERVAL_S
    renewed = sessions.had_session and due
    return (
        msgspec.structs.replace(
            sessions,
            had_session=True,
            last_notice_s=now_s if renewed or not sessions.had_session else sessions.last_notice_s,
        ),
        renewed,
    )


def _to_builtin(value: object) -> bytes:
    match value:
        case SivKey(raw=raw):
            return raw
        case X25519Key(seed=seed) | KemKey(seed=seed):
            return seed
        case _:
            raise TypeError(type(value).__name__)


def _from_builtin(kind: type, value: bytes) -> object:
    if kind is KemKey:
        return KemKey.from_seed(value)
    return kind(value)


_encoder = msgspec.msgpack.Encoder(enc_hook=_to_builtin)
_decoder = msgspec.msgpack.Decoder(Sessions, dec_hook=_from_builtin)


def encode_sessions(sessions: Sessions) -> bytes:
    """For the store: version byte, then MessagePack. Holds secrets."""
    return STATE_VERSION + _encoder.encode(sessions)


def decode_sessions(data: bytes) -> Sessions:
    """Undo `encode_sessions`.

    Raises:
        MalformedMessage: written by a version that is not known, or damaged.
    """
    version, state = data[:1], data[1:]
    try:
        if version != STATE_VERSION:
            state = earlier_states.upgraded(version, state)
        return _decoder.decode(state)
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError) as error:
        raise MalformedMessage(what="state") from error
