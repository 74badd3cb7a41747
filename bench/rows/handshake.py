"""Session and link handshakes, in units of one post-quantum signature."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.peers import primitives

if TYPE_CHECKING:
    from loom.core.handshake import Accepted, Started
    from loom.core.identity import Identity
    from loom.core.prekeys import Prekey

NOW_S = 1_800_000_000
RECOVERY_PUBLIC = bytes(32 + 1_952)


def new_identity() -> "Identity":
    """Somebody, from fresh seeds."""
    from loom.core.identity import Identity, IdentitySeeds

    seeds = IdentitySeeds(os.urandom(32), os.urandom(32), os.urandom(32), RECOVERY_PUBLIC)
    return Identity(seeds)


def session_handshake(
    ada: "Identity", bob: "Identity"
) -> "tuple[Started, Accepted, Prekey, bytes]":
    """Everything from a new bundle of B's to both sides' keys, and the signed prekey."""
    from loom.core import handshake, prekeys
    from loom.core.choice import Counters
    from loom.crypto.kem import KemKey
    from loom.crypto.keys import X25519Key

    prekey = prekeys.issue(
        bob, X25519Key(os.urandom(32)), KemKey.from_seed(os.urandom(64)), os.urandom(8), NOW_S
    )
    bundle = prekeys.read_bundle(prekeys.present(bob, prekey, Counters()), bob.token, NOW_S)
    now_ms = NOW_S * 1_000
    started = handshake.start(ada, bundle, bob.peer_id, os.urandom(32), now_ms)
    accepted = handshake.accept(
        bob, prekey, ada.token, started.prefix, counters=Counters(), now_ms=now_ms
    )
    return started, accepted, prekey, bundle.signed_prekey


def link_handshake(ada: "Identity", bob: "Identity") -> Callable[[], None]:
    """One whole link, opened and confirmed at both ends, at every call."""
    from loom.core.gate import ContactEntry, Gate, pair_credentials
    from loom.core.link_ends import LinkInitiator, LinkResponder
    from loom.core.pair_keys import derive_pair_keys
    from loom.model import PersonId

    day = NOW_S // 86_400
    local = derive_pair_keys(
        ada.agreement, ada.peer_id, bob.peer_id, bob.token.x25519_public
    ).sending
    remote = derive_pair_keys(
        bob.agreement, bob.peer_id, ada.peer_id, ada.token.x25519_public
    ).receiving
    gate = Gate((ContactEntry(PersonId(1), remote),), day, lambda contact_id, rand: False)

    def handshake() -> None:
        initiator = LinkInitiator(
            pair_credentials(local, os.urandom(16), day),
            ephemeral_seed=os.urandom(32),
            kem_seed=os.urandom(64),
            now_s=0.0,
        )
        responder = LinkResponder(gate, ephemeral_seed=os.urandom(32), now_s=0.0)
        responder.receive_data(initiator.data_to_send(), 0.0)
        responder.accept()
        initiator.receive_data(responder.data_to_send(), 0.0)
        responder.receive_data(initiator.data_to_send(), 0.0)
        if not (initiator.is_open and responder.is_open):
            raise RuntimeError("the link did not open")

    return handshake


@contextmanager
def session(settings: Settings) -> Iterator[Sample]:
    """Processor seconds of a whole session handshake, both sides, the bundle's making included."""
    ada, bob = new_identity(), new_identity()
    count = settings.amount(100, 5)

    def sample() -> float:
        start = time.process_time()
        for _ in range(count):
            started, accepted, _, _ = session_handshake(ada, bob)
            if started.keys != accepted.keys:
                raise RuntimeError("the two sides disagree")
        return (time.process_time() - start) / count

    yield sample


@contextmanager
def link(settings: Settings) -> Iterator[Sample]:
    """Processor seconds of a whole link handshake, both sides, confirmation included."""
    handshake = link_handshake(new_identity(), new_identity())
    count = settings.amount(500, 20)

    def sample() -> float:
        start = time.process_time()
        for _ in range(count):
            handshake()
        return (time.process_time() - start) / count

    yield sample


SIGNATURE = Contender("ML-DSA-65 sign + verify", primitives.mldsa_sign_verify)

ROWS = (
    Row(
        "session-handshake",
        "whole session handshake, both sides' CPU",
        Unit.SECONDS,
        (Contender("loom", session), SIGNATURE),
        (Target(SIGNATURE.name, at_most=4),),
    ),
    Row(
        "link-handshake",
        "whole link handshake, both sides' CPU",
        Unit.SECONDS,
        (Contender("loom", link), SIGNATURE),
        (Target(SIGNATURE.name, at_most=0.6),),
    ),
)
