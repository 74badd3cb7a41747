"""One session: a ratchet with the handshake that began it (docs/PROTOCOL.md 4)."""

import msgspec

from loom.core.choice import unconfirmed
from loom.core.ratchet import Ratchet
from loom.wire.limits import (
    HOLD_CHAINS,
    SEALED_BEYOND_OLDEST_MAX,
    SEALED_BEYOND_RECEIVED_MAX,
    TEXTS_BEYOND_RECEIVED_MAX,
)


class Awaited(msgspec.Struct, frozen=True):
    """The oldest message on a session that still awaits its receipt."""

    chain: int
    ordinal: int


class Session(msgspec.Struct, frozen=True, array_like=True):
    """A value, like its ratchet. `prefix` is kept by the initiator until the peer answers."""

    handshake_id: bytes
    prefix_hash: bytes
    prefix: bytes
    own: bool
    initiator: bytes
    reset_counter: int
    bundle_expires_at_s: int
    confirmed_at_s: int | None
    ratchet: Ratchet
    known_received: int = 0
    """All ordinals below are not awaited by flow control: the peer has got one at least as late."""
    epoch: int = 0
    """The profile's (see `node.machine`) when this side began it."""

    def __repr__(self) -> str:
        return f"Session({self.ratchet.session_id.hex()[:16]})"

    @property
    def session_id(self) -> bytes:
        """32 bytes that both sides share."""
        return self.ratchet.session_id

    @property
    def clear_prefix(self) -> bytes:
        """What goes in front of each ratchet message: the handshake, until confirmed."""
        return self.prefix if unconfirmed(self) else b""


def may_step(session: Session, awaited: Awaited | None) -> bool:
    """The hold rule: no new chain while a message of four or more chains ago is awaited."""
    chain = session.ratchet.sending_chain
    return awaited is None or chain is None or chain.index - awaited.chain < HOLD_CHAINS


def may_seal(session: Session, awaited: Awaited | None, *, text: bool) -> bool:
    """Whether flow control lets one more message be sealed; texts stop before receipts do."""
    ordinal = session.ratchet.sealed
    beyond = TEXTS_BEYOND_RECEIVED_MAX if text else SEALED_BEYOND_RECEIVED_MAX
    if ordinal >= session.known_received + beyond:
        return False
    return awaited is None or ordinal < awaited.ordinal + SEALED_BEYOND_OLDEST_MAX


def known_received(session: Session, ordinal: int) -> Session:
    """The peer has message `ordinal`."""
    if ordinal < session.known_received:
        return session
    return msgspec.structs.replace(session, known_received=ordinal + 1)
