"""People with fixed keys, and repeatable randomness, for every test of the core."""

import random

from loom.core import handshake, ratchet
from loom.core.chains import RatchetKey
from loom.core.choice import Counters
from loom.core.identity import Identity, phrase_from_entropy, seeds_from_phrase
from loom.core.prekeys import Prekey, RemoteBundle, issue, present, read_bundle
from loom.core.ratchet import Ratchet
from loom.crypto.kem import KemKey
from loom.crypto.keys import X25519Key

NOW_S = 1_800_000_000
NOW_MS = NOW_S * 1000


def person(number: int) -> Identity:
    """Somebody, the same at every call."""
    return Identity(seeds_from_phrase(phrase_from_entropy(bytes([number]) * 32)))


ALICE, BOB, EVE = person(1), person(2), person(3)


class Source:
    """Random bytes and ratchet keys that repeat with the seed."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)

    def take(self, size: int) -> bytes:
        """As `os.urandom`."""
        return self.random.randbytes(size)

    def entropy(self) -> bytes:
        """What one `seal` consumes."""
        return self.take(ratchet.ENTROPY_BYTES)

    def key(self) -> RatchetKey:
        """A new ratchet key."""
        return RatchetKey.from_seeds(self.take(32), self.take(64))

    def prekey(self, owner: Identity, now_s: int = NOW_S) -> Prekey:
        """A new one-time prekey."""
        kem = KemKey.from_seed(self.take(64))
        return issue(owner, X25519Key(self.take(32)), kem, self.take(8), now_s)


def bundle_of(owner: Identity, prekey: Prekey, sent: int = 0, now_s: int = NOW_S) -> RemoteBundle:
    """The owner's bundle as a contact reads it."""
    return read_bundle(present(owner, prekey, Counters(sent)), owner.token, now_s)


def ratchets(source: Source) -> tuple[Ratchet, Ratchet]:
    """Alice's and Bob's ratchet after a handshake that Alice began; Bob heard nothing yet."""
    prekey = source.prekey(BOB)
    bundle = bundle_of(BOB, prekey)
    started = handshake.start(ALICE, bundle, BOB.peer_id, source.take(32), NOW_MS)
    accepted = handshake.accept(
        BOB, prekey, ALICE.token, started.prefix, counters=Counters(), now_ms=NOW_MS
    )
    ids = (ALICE.peer_id, BOB.peer_id)
    return (
        ratchet.initiate(started.keys, *ids, source.key(), bundle.signed_prekey),
        ratchet._listening(accepted.keys, *ids, prekey.signed_prekey),
    )
