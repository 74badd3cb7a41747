"""Two ratchets under every order, loss, doubling, forgery, rollback and reload (PROTOCOL 16)."""

import os
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from loom.core import ratchet
from loom.core.sessions import decode_sessions
from loom.errors import PeerError
from loom.wire.limits import HOLD_CHAINS, MAX_SKIPPED_STORED, STORED_CHAINS_MAX
from tests.ends import End, fresh_ends, stored_bytes

if TYPE_CHECKING:
    from loom.core.ratchet import Ratchet

LONG = os.environ.get("LOOM_TEST_LONG") == "1"
SIDES = st.integers(0, 1)
PLACES = st.integers(0, 10**6)
COMMITMENT = slice(2_373, 2_405)


class Sent(NamedTuple):
    """A message on its way to `receiver`; `chain` as its sender counts."""

    receiver: int
    message: bytes
    payload: bytes
    chain: int


class RatchetMachine(RuleBasedStateMachine):
    """Whatever happens in between, each message opens exactly once and no key serves twice."""

    @initialize(seed=st.integers(0, 1_000))
    def begin(self, seed: int) -> None:
        """A handshake, and Alice's first message on its way."""
        self.ends = fresh_ends(seed)
        self.waiting: list[Sent] = []
        self.opened: list[Sent] = []
        self.old_states: list[tuple[int, Ratchet]] = []
        self.commitments: set[bytes] = set()
        self.count = 0
        self._send(0)

    def _may_step(self, side: int) -> bool:
        """The hold rule, with receipts that arrive at once: as loose as it ever gets."""
        sending = self.ends[side].state.sending_chain
        awaited = [sent.chain for sent in self.waiting if sent.receiver != side]
        return sending is None or not awaited or sending.index - min(awaited) < HOLD_CHAINS

    def _note(self, message: bytes) -> None:
        assert message[COMMITMENT] not in self.commitments
        self.commitments.add(message[COMMITMENT])

    def _send(self, side: int) -> None:
        end = self.ends[side]
        self.old_states.append((side, end.state))
        payload = b"%d of %d" % (self.count, side)
        self.count += 1
        message = end.seal(payload, may_step=self._may_step(side))
        self._note(message)
        chain = end.state.sending_chain
        assert chain is not None
        self.waiting.append(Sent(1 - side, message, payload, chain.index))

    def _can_send(self, side: int) -> bool:
        return self.ends[side].may_send

    @rule(side=SIDES, count=st.integers(1, 4) | st.just(40))
    def send(self, side: int, count: int) -> None:
        """One or some messages."""
        if self._can_send(side):
            for _ in range(count):
                self._send(side)

    @precondition(lambda self: self.waiting)
    @rule(place=PLACES)
    def deliver(self, place: int) -> None:
        """Any waiting message opens, and says what was written."""
        sent = self.waiting.pop(place % len(self.waiting))
        assert self.ends[sent.receiver].open_(sent.message) == sent.payload
        self.opened.append(sent)

    @precondition(lambda self: self.waiting)
    @rule(side=SIDES)
    def deliver_in_order(self, side: int) -> None:
        """All that waits for one side."""
        for sent in [one for one in self.waiting if one.receiver == side]:
            assert self.ends[side].open_(sent.message) == sent.payload
            self.waiting.remove(sent)
            self.opened.append(sent)

    @rule(side=SIDES, count=st.integers(1, 12), late=st.booleans())
    def talk(self, side: int, count: int, *, late: bool) -> None:
        """Turn by turn, past all that waits: each turn is a step, unless the hold rule forbids."""
        for turn in range(count):
            author = (side + turn) % 2
            if self._can_send(author):
                if late:
                    self._send(author)
                self._send(author)
                self.deliver(len(self.waiting) - 1)

    def _refused(self, end: End, message: bytes) -> None:
        before, keys = stored_bytes(end.state), dict(end.keys._keys)
        with pytest.raises(PeerError):
            end.open_(message)
        assert stored_bytes(end.state) == before
        assert end.keys._keys == keys

    @precondition(lambda self: self.opened)
    @rule(place=PLACES)
    def deliver_again(self, place: int) -> None:
        """What was opened never opens again, and changes nothing."""
        sent = self.opened[place % len(self.opened)]
        self._refused(self.ends[sent.receiver], sent.message)

    @precondition(lambda self: self.waiting)
    @rule(place=PLACES, byte=PLACES, bit=st.integers(0, 7))
    def forge(self, place: int, byte: int, bit: int) -> None:
        """A flipped bit is refused and changes nothing."""
        sent = self.waiting[place % len(self.waiting)]
        forged = bytearray(sent.message)
        forged[byte % len(forged)] ^= 1 << bit
        self._refused(self.ends[sent.receiver], bytes(forged))

    @precondition(lambda self: self.waiting)
    @rule(place=PLACES)
    def reflect(self, place: int) -> None:
        """A message never opens for its author."""
        sent = self.waiting[place % len(self.waiting)]
        self._refused(self.ends[1 - sent.receiver], sent.message)

    @rule(place=PLACES)
    def roll_back(self, place: int) -> None:
        """A state from the past seals under keys that were never used and never will be."""
        side, state = self.old_states[place % len(self.old_states)]
        source = self.ends[side].source
        sealed = ratchet.seal(
            state, b"again", prefix_bytes=0, entropy=source.entropy(), fresh_key=source.key
        )
        self._note(sealed.message)

    @rule(side=SIDES)
    def reload(self, side: int) -> None:
        """The stored form is the state."""
        end = self.ends[side]
        stored = stored_bytes(end.state)
        end.state = decode_sessions(stored).live[0].ratchet
        assert stored_bytes(end.state) == stored

    @invariant()
    def limits_hold(self) -> None:
        """Chains and skipped keys stay bounded; each key kept is of a chain that is kept."""
        for end in getattr(self, "ends", ()):
            state = end.state
            assert len(state.stored) <= STORED_CHAINS_MAX
            assert len(end.keys) <= MAX_SKIPPED_STORED
            chains = {chain.index for chain in state.stored}
            if state.receiving is not None:
                chains.add(state.receiving.index)
            assert {place.chain for place in end.keys._keys} <= chains

    def teardown(self) -> None:
        """Late is never too late: all that still waits opens."""
        for sent in reversed(getattr(self, "waiting", [])):
            assert self.ends[sent.receiver].open_(sent.message) == sent.payload
        for end in getattr(self, "ends", ()):
            assert len(end.keys) == 0


TestRatchetMachine = RatchetMachine.TestCase
TestRatchetMachine.settings = settings(
    max_examples=2_000 if LONG else 150,
    stateful_step_count=100 if LONG else 40,
    deadline=None,
    derandomize=not LONG,
)
