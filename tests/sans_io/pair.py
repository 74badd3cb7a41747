"""Two sides and the little that a node does around them, without a node.

`Node` plays docs/PROTOCOL.md 9: prekeys, outbox rows that are resent as the same bytes or sealed
again, receipts, refused handshakes, remembered envelopes. `Pair` is the link: it loses, doubles,
delays and reorders.
"""

from dataclasses import dataclass, field

from loom.core import choice
from loom.core import sessions as core
from loom.core.choice import Counters
from loom.core.handshake import PREFIX_BYTES
from loom.core.identity import Identity
from loom.core.prekeys import Prekey, present, presentable, read_bundle
from loom.core.session import Awaited, may_seal
from loom.core.sessions import Sessions, decode_sessions, encode_sessions
from loom.core.skipped import SkippedMessageKeys
from loom.crypto.kdf import hash_
from loom.errors import PeerError
from loom.model import ContactToken
from loom.wire.content import KnownPayload, Receipt, Text, decode_payload, encode_payload
from tests.people import ALICE, BOB, NOW_MS, Source

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass
class Row:
    """An outbox row: what was written, and what gives the envelope it was last sealed in."""

    message_id: bytes
    payload: bytes
    recipe: bytes = b""
    session_id: bytes = b""
    chain: int = 0
    ordinal: int = 0


@dataclass
class Node:
    """One side."""

    identity: Identity
    contact: ContactToken
    source: Source
    clock_ms: int = 0
    """How wrong its clock is."""
    sessions: Sessions = field(default_factory=Sessions)
    skipped: dict[bytes, SkippedMessageKeys] = field(default_factory=dict)
    prekeys: dict[bytes, Prekey] = field(default_factory=dict)
    refused: set[bytes] = field(default_factory=set)
    remembered: dict[bytes, bytes] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    owed: list[bytes] = field(default_factory=list)
    answer: bool = False
    seen: set[bytes] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)
    commitments: set[bytes] = field(default_factory=set)
    begun_ms: int = 0
    starts: int = 0
    notices: int = 0
    failures: list[str] = field(default_factory=list)

    def write(self, body: str) -> None:
        """A text enters the outbox."""
        message_id = self.source.take(16)
        self.rows.append(Row(message_id, encode_payload(Text(message_id, 0, body))))

    # --- prekeys and starts ---

    def bundle(self, now_ms: int) -> bytes:
        """The unused live prekey, or a new one."""
        now_s = self._now(now_ms) // 1000
        live = [one for one in self.prekeys.values() if one.expires_at_s in presentable(now_s)]
        prekey = live[0] if live else self.source.prekey(self.identity, now_s)
        self.prekeys[prekey.bundle_id] = prekey
        return present(self.identity, prekey, self.sessions.counters)

    def start_due(self, now_ms: int) -> bool:
        """What `choice.should_start` says of this moment."""
        return choice.should_start(
            self.sessions.live,
            something_to_send=bool(self.rows or self.owed),
            start_wanted=self.sessions.start_wanted,
            wanted_starts_s=self.sessions.wanted_starts_s,
            link_time_s=(now_ms - self.begun_ms) / 1000,
            now_s=self._now(now_ms) // 1000,
        )

    def begin(self, bundle: bytes, now_ms: int) -> None:
        """Start a session on the other's bundle; one that does not read is as good as lost."""
        try:
            remote = read_bundle(bundle, self.contact, self._now(now_ms) // 1000)
        except PeerError as error:
            self.failures.append(str(error))
            return
        started = core.start(
            self.sessions,
            self.identity,
            self.contact,
            remote,
            ephemeral_seed=self.source.take(32),
            local=self.source.key(),
            now_ms=self._now(now_ms),
        )
        self._commit(started)
        self.begun_ms = now_ms
        self.starts += 1

    # --- sending ---

    def outgoing(self) -> list[bytes]:
        """Every row's envelope, sealed again if the best session changed, then what is owed."""
        best = self.sessions.best
        if best is None:
            return []
        for row in self.rows:
            if row.session_id != best.session_id:
                session = self.sessions.best
                if session is None or not may_seal(session, self._awaited(), text=True):
                    break
                self._seal(row)
        envelopes = [
            core.sealed_again(row.recipe, row.payload)
            for row in self.rows
            if row.session_id == best.session_id
        ]
        lonely = choice.unconfirmed(best) and not envelopes
        if self.owed or self.answer or lonely:
            receipt = Receipt(self.source.take(16), 0, tuple(self.owed[:1_000]), ())
            session = self.sessions.best
            if session is not None and may_seal(session, self._awaited(), text=False):
                envelopes.append(self.seal(receipt))
                self.owed, self.answer = self.owed[1_000:], False
        return envelopes

    def seal(self, payload: KnownPayload) -> bytes:
        """One payload that has no row."""
        return self._seal(Row(payload.message_id, encode_payload(payload)))

    def _seal(self, row: Row) -> bytes:
        row.session_id = b""
        sealed = core.seal(
            self.sessions,
            row.payload,
            entropy=self.source.entropy(),
            fresh_key=self.source.key,
            awaited=self._awaited(),
        )
        self._commit(sealed.sessions)
        row.recipe = sealed.recipe
        row.session_id, row.chain, row.ordinal = sealed.session_id, sealed.chain, sealed.ordinal
        commitment = commitment_of(sealed.envelope)
        if commitment in self.commitments:
            raise RuntimeError("a message key served twice")
        self.commitments.add(commitment)
        return sealed.envelope

    def _awaited(self) -> Awaited | None:
        best = self.sessions.best
        places = [
            (row.ordinal, row.chain)
            for row in self.rows
            if best is not None and row.session_id == best.session_id
        ]
        if not places:
            return None
        ordinal, chain = min(places)
        return Awaited(chain, ordinal)

    # --- receiving ---

    def receive(self, envelope: bytes, now_ms: int) -> bool:
        """Open one envelope and do what follows; False: nothing was opened."""
        before = encode_sessions(self.sessions)
        digest = hash_(envelope)
        try:
            unknown = core.unknown_handshake(self.sessions, envelope)
            opened = core.open_(
                self.sessions,
                self.identity,
                self.contact,
                envelope,
                skipped=self.skipped,
                prekey=self.prekeys.get(unknown.bundle_id) if unknown else None,
                refused=unknown is not None and unknown.handshake_id in self.refused,
                now_ms=self._now(now_ms),
            )
        except PeerError as error:
            if encode_sessions(self.sessions) != before:
                raise RuntimeError("a refused envelope changed the state") from error
            if digest in self.remembered:
                self._owe(self.remembered[digest])
            else:
                self.failures.append(str(error))
                self._commit(core.want_start(self.sessions))
            return False
        self._commit(opened.sessions)
        keys = self.skipped.setdefault(opened.session_id, SkippedMessageKeys())
        keys.apply(opened.skipped, self._now(now_ms) // 1000)
        if opened.accepted:
            if unknown is None:
                raise RuntimeError("a known handshake was accepted again")
            del self.prekeys[unknown.bundle_id]
            self.answer = True
        self.notices += opened.renewed
        self._take(opened.payload, digest)
        return True

    def _take(self, data: bytes, digest: bytes) -> None:
        payload = decode_payload(data)
        self.remembered[digest] = b""
        match payload:
            case Text(message_id=message_id, body=body):
                if message_id not in self.seen:
                    self.seen.add(message_id)
                    self.shown.append(body)
                self.remembered[digest] = message_id
                self._owe(message_id)
            case Receipt(delivered=delivered):
                for row in [one for one in self.rows if one.message_id in delivered]:
                    self.rows.remove(row)
                    self._commit(core.receipted(self.sessions, row.session_id, row.ordinal))

    def _owe(self, message_id: bytes) -> None:
        if message_id and message_id not in self.owed:
            self.owed.append(message_id)

    # --- keeping and losing ---

    def tidy(self, now_ms: int) -> None:
        """Delete superseded sessions; their handshakes are refused from then on."""
        gone = choice.superseded(self.sessions.live, self._now(now_ms) // 1000)
        self.refused |= {one.handshake_id for one in gone}
        self._commit(core.without(self.sessions, gone))

    def restore(self, *, keep_counters: bool) -> None:
        """Back from a backup: no session, no prekey; seen ids and the outbox are there."""
        counters = self.sessions.counters if keep_counters else Counters()
        self.sessions = Sessions(counters)
        self.skipped, self.prekeys, self.refused = {}, {}, set()
        self.remembered, self.owed, self.answer = {}, [], False
        for row in self.rows:
            row.session_id = b""

    def _now(self, now_ms: int) -> int:
        return now_ms + self.clock_ms

    def _commit(self, sessions: Sessions) -> None:
        """As the store: nothing but the encoded state survives."""
        self.sessions = decode_sessions(encode_sessions(sessions))
        live = {one.session_id for one in sessions.live}
        self.skipped = {name: keys for name, keys in self.skipped.items() if name in live}


def commitment_of(envelope: bytes) -> bytes:
    """The key commitment of an envelope's message."""
    start = 1 + 2_385 + (PREFIX_BYTES if envelope[0] == core.FIRST else 0)
    return envelope[start : start + 32]


class Pair:
    """Alice and Bob on a link that misbehaves as told."""

    def __init__(self, seed: int = 0) -> None:
        self.source = Source(seed)
        self.chance = self.source.random
        self.now_ms = NOW_MS
        self.alice = Node(ALICE, BOB.token, self.source)
        self.bob = Node(BOB, ALICE.token, self.source)
        self.nodes = (self.alice, self.bob)
        self.flying: list[tuple[Node, bytes]] = []

    def other(self, node: Node) -> Node:
        """The one at the far end."""
        return self.bob if node is self.alice else self.alice

    def starts(self, *, lose: float = 0.0) -> None:
        """Each node that is due asks for a bundle and starts; both ask before either starts."""
        due = [node for node in self.nodes if node.start_due(self.now_ms)]
        bundles = [(node, self.other(node).bundle(self.now_ms)) for node in due]
        for node, bundle in bundles:
            if self.chance.random() >= lose:
                node.begin(bundle, self.now_ms)

    def round(
        self, *, lose: float = 0.0, double: float = 0.0, delay: float = 0.0, minutes: int = 1
    ) -> None:
        """Some minutes of link: starts, everything written, and what follows from it."""
        self.now_ms += minutes * MINUTE_MS
        self.starts(lose=lose)
        for _ in range(3):
            self._exchange(lose, double, delay)
        for node in self.nodes:
            node.tidy(self.now_ms)
        self.check()

    def _exchange(self, lose: float, double: float, delay: float) -> None:
        for node in self.nodes:
            self.flying += [(self.other(node), envelope) for envelope in node.outgoing()]
        if delay:
            self.chance.shuffle(self.flying)
        flying, self.flying = self.flying, []
        for receiver, envelope in flying:
            if self.chance.random() < lose:
                continue
            if self.chance.random() < delay:
                self.flying.append((receiver, envelope))
                continue
            receiver.receive(envelope, self.now_ms)
            if self.chance.random() < double:
                self.flying.append((receiver, envelope))

    def check(self) -> None:
        """A session that both hold is the same for both (PROTOCOL 16.7)."""
        for one in self.alice.sessions.live:
            two = self.bob.sessions.session(one.session_id)
            if two is None:
                continue
            same = (
                one.ratchet.associated_data == two.ratchet.associated_data,
                one.initiator == two.initiator,
                one.reset_counter == two.reset_counter,
                one.handshake_id == two.handshake_id,
                one.own is not two.own,
            )
            if not all(same):
                raise RuntimeError("two views of one session")

    @property
    def settled(self) -> bool:
        """Nothing is left to say, and both would say it on one confirmed session."""
        bests = [node.sessions.best for node in self.nodes]
        if bests[0] is None or bests[1] is None:
            return False
        return (
            not any(node.rows or node.owed for node in self.nodes)
            and bests[0].session_id == bests[1].session_id
            and not any(choice.unconfirmed(best) for best in bests if best is not None)
        )

    def settle(self, rounds: int = 40) -> int:
        """A link without fault, until nothing is left; how many rounds that took."""
        for count in range(rounds):
            if self.settled and not self.flying:
                return count
            self.round(minutes=11)
        raise RuntimeError(f"never settled: {[node.failures[-3:] for node in self.nodes]}")
