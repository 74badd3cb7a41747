"""Envelopes as an enemy makes them: on the wire, and with a contact's own keys (PROTOCOL 16)."""

import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from loom.core import handshake, ratchet
from loom.core import sessions as core
from loom.core.choice import Counters
from loom.core.handshake import PREFIX_BYTES
from loom.core.prekeys import Prekey
from loom.core.sessions import (
    FIRST,
    ORDINARY,
    Sessions,
    decode_sessions,
    encode_sessions,
)
from loom.core.skipped import SkippedMessageKeys
from loom.errors import (
    AuthenticationError,
    KeyUnavailable,
    LoomError,
    MalformedMessage,
    PeerError,
)
from loom.model import ContactToken
from loom.wire.limits import (
    COUNTER_FUTURE_MS,
    ENVELOPE_BUCKETS,
    SESSIONS_MAX,
    SKIPPED_LIFETIME_S,
)
from tests.people import ALICE, BOB, EVE, NOW_MS, NOW_S, Source, bundle_of
from tests.sans_io.pair import MINUTE_MS, Pair


def opened_by(
    conversation: Sessions,
    envelope: bytes,
    *,
    prekey: Prekey | None = None,
    refused: bool = False,
    contact: ContactToken = ALICE.token,
    now_ms: int = NOW_MS,
) -> core.OpenedEnvelope:
    """Bob opens an envelope, with no skipped keys."""
    return core.open_(
        conversation,
        BOB,
        contact,
        envelope,
        skipped={},
        prekey=prekey,
        refused=refused,
        now_ms=now_ms,
    )


class First:
    """Alice's first envelope on its way to Bob, who has not seen it."""

    def __init__(self, seed: int = 1, counter_from: Sessions | None = None) -> None:
        self.source = Source(seed)
        self.prekey = self.source.prekey(BOB)
        self.alice = self.begin(counter_from or Sessions())
        self.envelope = self.seal(b"first")

    def begin(self, before: Sessions, now_ms: int = NOW_MS) -> Sessions:
        """A start on Bob's prekey."""
        return core.start(
            before,
            ALICE,
            BOB.token,
            bundle_of(BOB, self.prekey),
            ephemeral_seed=self.source.take(32),
            local=self.source.key(),
            now_ms=now_ms,
        )

    def entropy(self) -> Any:
        """What `core.seal` is given besides sessions and payload."""
        return {
            "entropy": self.source.entropy(),
            "fresh_key": self.source.key,
            "awaited": None,
        }

    def seal(self, payload: bytes) -> bytes:
        """One more envelope of Alice."""
        sealed = core.seal(self.alice, payload, **self.entropy())
        self.alice = sealed.sessions
        return sealed.envelope


@pytest.fixture
def first() -> First:
    return First()


def test_the_first_envelope_makes_a_session(first: First) -> None:
    opened = opened_by(Sessions(), first.envelope, prekey=first.prekey)
    assert opened.payload == b"first"
    assert opened.accepted
    assert not opened.renewed
    assert opened.sessions.counters.accepted == NOW_MS
    theirs, ours = first.alice.best, opened.sessions.best
    assert theirs is not None
    assert ours is not None
    assert theirs.session_id == ours.session_id
    assert (theirs.confirmed_at_s, ours.confirmed_at_s) == (None, NOW_S)


def test_what_has_to_be_looked_up_is_the_handshake_and_its_bundle(first: First) -> None:
    """By these the node finds the prekey, and what it refused for good."""
    unknown = core.unknown_handshake(Sessions(), first.envelope)
    prefix = first.envelope[1 : 1 + PREFIX_BYTES]
    assert unknown == (handshake.handshake_id(prefix), first.prekey.bundle_id)


def test_later_envelopes_skip_the_known_handshake(first: First) -> None:
    bob = opened_by(Sessions(), first.envelope, prekey=first.prekey).sessions
    second = first.seal(b"second")
    assert second[: 1 + PREFIX_BYTES] == first.envelope[: 1 + PREFIX_BYTES]
    assert core.unknown_handshake(bob, second) is None
    opened = opened_by(bob, second)
    assert opened.payload == b"second"
    assert not opened.accepted


def test_the_second_envelope_may_come_first(first: First) -> None:
    second = first.seal(b"second")
    opened = opened_by(Sessions(), second, prekey=first.prekey)
    assert opened.payload == b"second"
    assert len(opened.skipped.added) == 1


def test_promise_06_a_replayed_handshake_makes_no_second_session(first: First) -> None:
    accepted = opened_by(Sessions(), first.envelope, prekey=first.prekey).sessions
    forgetful = msgspec.structs.replace(accepted, counters=Counters())
    for bob in (accepted, forgetful):
        with pytest.raises(PeerError):
            opened_by(bob, first.envelope, prekey=first.prekey)
    session_gone = msgspec.structs.replace(accepted, live=())
    with pytest.raises(PeerError):
        opened_by(session_gone, first.envelope, prekey=None)
    with pytest.raises(PeerError):
        opened_by(session_gone, first.envelope, prekey=first.prekey)
    with pytest.raises(PeerError):
        opened_by(Sessions(), first.envelope, prekey=first.prekey, refused=True)


def test_promise_06_one_prekey_serves_one_start(first: First) -> None:
    """Two flights on one bundle: whichever comes second finds the prekey gone."""
    other = first.begin(Sessions(), NOW_MS + 5)
    sealed = core.seal(
        other, b"x", entropy=first.source.entropy(), fresh_key=first.source.key, awaited=None
    )
    bob = opened_by(Sessions(), first.envelope, prekey=first.prekey).sessions
    with pytest.raises(PeerError):
        opened_by(bob, sealed.envelope, prekey=None)


def mutations(envelope: bytes, count: int, seed: int) -> Iterator[bytes]:
    """The type byte and handshake edges bit by bit, and bits anywhere."""
    chance = random.Random(seed)
    size = 8 * len(envelope)
    edges = [*range(80), *range(8 * 39, 8 * 43), *range(8 * PREFIX_BYTES, 8 * PREFIX_BYTES + 32)]
    for place in {*(edge % size for edge in edges), *chance.sample(range(size), count)}:
        flipped = bytearray(envelope)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)


def test_promise_05_no_flipped_bit_of_a_first_envelope_passes(first: First) -> None:
    """Before the session lives, and after; nothing is left behind."""
    empty = Sessions()
    for flipped in mutations(first.envelope, 250, 1):
        with pytest.raises(PeerError):
            opened_by(empty, flipped, prekey=first.prekey)
    assert empty == Sessions()
    bob = opened_by(empty, first.envelope, prekey=first.prekey).sessions
    before = encode_sessions(bob)
    second = first.seal(b"second")
    for flipped in mutations(second, 600, 2):
        with pytest.raises(PeerError):
            opened_by(bob, flipped)
    assert encode_sessions(bob) == before
    assert opened_by(bob, second).payload == b"second"


def test_promise_05_no_flipped_bit_of_an_ordinary_envelope_passes() -> None:
    pair = Pair(5)
    pair.alice.write("one")
    pair.settle()
    pair.alice.write("two")
    envelope = pair.alice.outgoing()[0]
    assert envelope[0] == ORDINARY
    before = encode_sessions(pair.bob.sessions)
    for flipped in mutations(envelope, 600, 3):
        with pytest.raises(PeerError):
            opened_by(pair.bob.sessions, flipped, now_ms=pair.now_ms)
    assert encode_sessions(pair.bob.sessions) == before
    assert pair.bob.receive(envelope, pair.now_ms)


def test_promise_02_a_refused_envelope_leaves_the_same_bytes(first: First) -> None:
    bob = opened_by(Sessions(), first.envelope, prekey=first.prekey).sessions
    before = encode_sessions(bob)
    chance = random.Random(4)
    for size in ENVELOPE_BUCKETS:
        for kind in (FIRST, ORDINARY):
            for body in (bytes(size - 1), chance.randbytes(size - 1)):
                with pytest.raises(PeerError):
                    opened_by(bob, bytes([kind]) + body, prekey=first.prekey)
    assert encode_sessions(bob) == before


def test_another_handshake_under_a_known_id_is_refused(first: First) -> None:
    """Bundle id and e1 are not in the id; the hash of the whole prefix covers them."""
    bob = opened_by(Sessions(), first.envelope, prekey=first.prekey).sessions
    second = first.seal(b"second")
    for place in (1, 8, 1 + 40 + 1_088, PREFIX_BYTES):
        changed = bytearray(second)
        changed[place] ^= 1
        assert core.unknown_handshake(bob, bytes(changed)) is None
        with pytest.raises(PeerError):
            opened_by(bob, bytes(changed), prekey=first.prekey)


def test_an_envelope_given_back_to_its_author_is_refused() -> None:
    pair = Pair(6)
    pair.alice.write("one")
    pair.starts()
    envelope = pair.alice.outgoing()[0]
    before = encode_sessions(pair.alice.sessions)
    assert not pair.alice.receive(envelope, pair.now_ms)
    pair.settle()
    pair.alice.write("two")
    later = pair.alice.outgoing()[0]
    assert not pair.alice.receive(later, pair.now_ms)
    assert before != encode_sessions(pair.alice.sessions)
    assert pair.alice.shown == []


def test_a_prefix_cannot_be_taken_off_or_put_on(first: First) -> None:
    bob = opened_by(Sessions(), first.envelope, prekey=first.prekey).sessions
    second = first.seal(b"second")
    bare = bytes([ORDINARY]) + second[1 + PREFIX_BYTES :]
    with pytest.raises(MalformedMessage):
        opened_by(bob, bare)
    for size in ENVELOPE_BUCKETS:
        for body in (bare[1:], second[1:]):
            with pytest.raises(PeerError):
                opened_by(bob, bytes([ORDINARY]) + body.ljust(size - 1, b"\0")[: size - 1])


def test_promise_15_only_the_pinned_contact_begins_a_session(first: First) -> None:
    for contact in (
        EVE.token,
        ContactToken(ALICE.peer_id, EVE.agreement.public),
        ContactToken(EVE.peer_id, ALICE.agreement.public),
    ):
        with pytest.raises(AuthenticationError):
            opened_by(Sessions(), first.envelope, prekey=first.prekey, contact=contact)


@pytest.mark.parametrize("size", [0, 1, 4_095, 4_097, 16_383, 61_441, 10**6])
def test_promise_13_other_lengths_are_no_envelopes(size: int) -> None:
    for kind in (FIRST, ORDINARY):
        with pytest.raises(MalformedMessage):
            opened_by(Sessions(), bytes([kind] * size))


@pytest.mark.parametrize("kind", [2, 3, 0x80, 0xFF])
def test_other_types_are_no_envelopes(kind: int) -> None:
    with pytest.raises(MalformedMessage):
        opened_by(Sessions(), bytes([kind]) + bytes(4_095))


def test_a_first_envelope_has_room_for_its_handshake() -> None:
    with pytest.raises(MalformedMessage):
        opened_by(Sessions(), bytes(ENVELOPE_BUCKETS[0]))


def test_a_good_handshake_with_a_bad_message_makes_no_session(first: First) -> None:
    """And the prekey still serves the real one."""
    forged = first.envelope[:-1] + bytes([first.envelope[-1] ^ 1])
    with pytest.raises(AuthenticationError):
        opened_by(Sessions(), forged, prekey=first.prekey)
    assert opened_by(Sessions(), first.envelope, prekey=first.prekey).payload == b"first"


def test_promise_10_a_contact_that_starts_without_end_keeps_eight_sessions() -> None:
    """Each with a counter a day later than the last, as far as it may go."""
    bob = Sessions()
    source = Source(9)
    counter = NOW_MS
    for _ in range(SESSIONS_MAX + 4):
        prekey = source.prekey(BOB)
        counter += COUNTER_FUTURE_MS
        started = handshake.start(
            ALICE, bundle_of(BOB, prekey), BOB.peer_id, source.take(32), counter
        )
        state = ratchet.initiate(
            started.keys,
            ALICE.peer_id,
            BOB.peer_id,
            source.key(),
            prekey.signed_prekey.public,
        )
        sealed = ratchet.seal(
            state,
            b"",
            prefix_bytes=PREFIX_BYTES,
            entropy=source.entropy(),
            fresh_key=source.key,
        )
        envelope = bytes([FIRST]) + started.prefix + sealed.message
        bob = opened_by(bob, envelope, prekey=prekey).sessions
        assert len(bob.live) <= SESSIONS_MAX
        assert bob.best is not None
        assert bob.best.reset_counter == counter
    assert len(encode_sessions(bob)) < 100_000


def test_a_stolen_link_key_alone_only_makes_noise() -> None:
    """Junk that arrives as if from a contact: no state changes but that a start is wanted."""
    pair = Pair(7)
    pair.alice.write("one")
    pair.settle()
    before = pair.alice.sessions
    for _ in range(50):
        pair.alice.receive(bytes([ORDINARY]) + pair.source.take(4_095), pair.now_ms)
    after = pair.alice.sessions
    assert msgspec.structs.replace(after, start_wanted=False) == before
    pair.now_ms += MINUTE_MS
    pair.settle()


def test_a_bundle_that_tells_an_endless_counter_does_no_harm(first: First) -> None:
    bundle = bundle_of(BOB, first.prekey, sent=2**64 - 1)
    started = core.start(
        Sessions(),
        ALICE,
        BOB.token,
        bundle,
        ephemeral_seed=bytes(32),
        local=first.source.key(),
        now_ms=NOW_MS,
    )
    assert started.best is not None
    assert started.best.reset_counter == NOW_MS


def test_the_stored_form_is_the_value(first: First) -> None:
    bob = opened_by(Sessions(), first.envelope, prekey=first.prekey).sessions
    for one in (Sessions(), first.alice, bob):
        stored = encode_sessions(one)
        assert decode_sessions(stored) == one
        assert encode_sessions(decode_sessions(stored)) == stored


def test_a_damaged_stored_form_raises_nothing_but_the_tree(first: First) -> None:
    stored = encode_sessions(first.alice)
    chance = random.Random(5)
    with pytest.raises(MalformedMessage):
        decode_sessions(b"\x05" + stored[1:])
    for _ in range(3_000):
        damaged = bytearray(stored)
        place = chance.randrange(len(damaged))
        damaged[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        try:
            decode_sessions(bytes(damaged))
        except LoomError:
            continue
    for size in range(0, 200, 7):
        for version in (b"\x01", b"\x02", b"\x03", b"\x04"):
            with pytest.raises(LoomError):
                decode_sessions(version + chance.randbytes(size))


@pytest.mark.parametrize("size", [0, 1_000, 1_700, 5_000, 40_000])
def test_promise_01_a_retry_is_the_same_bytes_whatever_came_between(size: int) -> None:
    """One bit of difference would be a second plaintext under the same key."""
    answered, payload = Answered(), bytes(size)
    first = answered.first
    unanswered = core.seal(first.alice, payload, **first.entropy())
    first.alice = unanswered.sessions
    answered.heard_by_alice(answered.answer(b"hello"))
    for text in (b"a", b"b"):
        answered.bob = opened_by(answered.bob, first.seal(text)).sessions
        answered.heard_by_alice(answered.answer(text))
    ordinary = core.seal(first.alice, payload, **first.entropy())
    first.alice = ordinary.sessions
    first.seal(b"later")
    for sealed, kind in ((unanswered, core.FIRST), (ordinary, core.ORDINARY)):
        assert sealed.envelope[0] == kind
        assert core.sealed_again(sealed.recipe, payload) == sealed.envelope
        assert core.sealed_again(sealed.envelope, payload) == sealed.envelope
        assert len(sealed.recipe) not in ENVELOPE_BUCKETS


def test_what_is_kept_of_a_short_text_takes_one_page_with_it(first: First) -> None:
    """The envelope itself took a second page, written with each text and each receipt."""
    answered = Answered()
    answered.heard_by_alice(answered.answer(b"hello"))
    sealed = core.seal(answered.first.alice, b"short", **first.entropy())
    assert len(sealed.recipe) < 2_700


def test_no_secret_shows_in_a_repr(first: First) -> None:
    """Tracebacks and logs show values; none of these may say more than a name and a count."""
    first.seal(b"lost")
    opened = opened_by(Sessions(), first.seal(b"hello"), prekey=first.prekey)
    session = opened.sessions.best
    assert session is not None
    state = session.ratchet
    theirs = first.alice.best
    assert theirs is not None
    values = (opened, opened.skipped, opened.sessions, session, state, state.receiving, theirs)
    for one in (*values, theirs.ratchet.sending, state.local, first.prekey):
        assert "b'" not in repr(one)
        assert 'b"' not in repr(one)


def test_an_accepted_session_carries_no_handshake(first: First) -> None:
    """Only who began repeats it; what is stored is what the specification says."""
    session = opened_by(Sessions(), first.envelope, prekey=first.prekey).sessions.best
    assert session is not None
    assert (session.prefix, session.clear_prefix) == (b"", b"")


def test_a_receipt_moves_flow_control_of_its_session_only(first: First) -> None:
    before = first.alice
    best = before.best
    assert best is not None
    after = core.receipted(before, best.session_id, 6)
    assert after.best is not None
    assert after.best.known_received == 7
    assert msgspec.structs.replace(after.best, known_received=0) == best
    assert core.receipted(before, bytes(32), 6) is before
    assert core.receipted(after, best.session_id, 6) is after


class Answered:
    """Alice began, Bob read her first envelope; what he seals is on its way to her."""

    def __init__(self, alice: Sessions | None = None) -> None:
        self.first = First(counter_from=alice)
        first = self.first
        opened = opened_by(Sessions(), first.envelope, prekey=first.prekey)
        self.bob = opened.sessions

    def answer(self, payload: bytes) -> bytes:
        """One more envelope of Bob."""
        sealed = core.seal(
            self.bob,
            payload,
            entropy=self.first.source.entropy(),
            fresh_key=self.first.source.key,
            awaited=None,
        )
        self.bob = sealed.sessions
        return sealed.envelope

    def heard_by_alice(self, envelope: bytes, now_ms: int = NOW_MS) -> core.OpenedEnvelope:
        """Alice opens it."""
        opened = core.open_(
            self.first.alice,
            ALICE,
            BOB.token,
            envelope,
            skipped={},
            prekey=None,
            refused=False,
            now_ms=now_ms,
        )
        self.first.alice = opened.sessions
        return opened


@pytest.mark.parametrize(("since_s", "renewed"), [(3_599, False), (3_600, True), (-1, True)])
def test_the_user_hears_of_a_new_session_with_its_first_answer(since_s: int, renewed: bool) -> None:
    """At most once an hour; a clock that was set back does not hold it up."""
    talk = Answered(Sessions(had_session=True, last_notice_s=NOW_S - since_s))
    assert talk.heard_by_alice(talk.answer(b"1")).renewed is renewed
    assert talk.first.alice.last_notice_s == (NOW_S if renewed else NOW_S - since_s)
    assert not talk.heard_by_alice(talk.answer(b"2"), NOW_MS + 3_600_000).renewed


@pytest.mark.parametrize(("later_s", "renewed"), [(3_599, False), (3_600, True)])
def test_the_first_session_of_all_is_no_news_and_counts_as_told(
    later_s: int, renewed: bool
) -> None:
    """Two people who write to each other at once begin two sessions, and nothing was lost."""
    talk = Answered(Sessions())
    opened = talk.heard_by_alice(talk.answer(b"1"))
    assert not opened.renewed
    assert opened.sessions.had_session
    again = Answered(opened.sessions)
    now_ms = NOW_MS + later_s * 1_000
    assert again.heard_by_alice(again.answer(b"2"), now_ms).renewed is renewed


def test_what_was_sent_before_the_peer_stepped_proves_no_receipt() -> None:
    """Bob has a new chain under way that Alice never saw; her old chain says nothing of it."""
    talk = Answered()
    talk.answer(b"under way")
    before = talk.bob.best
    assert before is not None
    talk.bob = opened_by(talk.bob, talk.first.seal(b"same chain")).sessions
    after = talk.bob.best
    assert after is not None
    assert after.known_received == before.known_received == 0


@pytest.mark.parametrize(("wanted", "starts_s"), [(True, (4, 5, NOW_S)), (False, (3, 4, 5))])
def test_a_start_writes_down_its_counter_and_when_it_was_wanted(
    first: First, wanted: bool, starts_s: tuple[int, ...]
) -> None:
    before = Sessions(Counters(sent=NOW_MS + 7), start_wanted=wanted, wanted_starts_s=(3, 4, 5))
    after = first.begin(before, NOW_MS + 999)
    assert after.best is not None
    assert after.counters.sent == after.best.reset_counter == NOW_MS + 999
    assert not after.start_wanted
    assert after.wanted_starts_s == starts_s


def test_each_envelope_says_where_it_stands(first: First) -> None:
    """Flow control and receipts go by these numbers."""
    best = first.alice.best
    assert best is not None
    for ordinal in (1, 2):
        sealed = core.seal(
            first.alice,
            b"x",
            entropy=first.source.entropy(),
            fresh_key=first.source.key,
            awaited=None,
        )
        first.alice = sealed.sessions
        assert (sealed.session_id, sealed.chain, sealed.ordinal) == (best.session_id, 0, ordinal)


def test_without_a_session_nothing_opens() -> None:
    envelope = bytes([ORDINARY]) + Source(3).take(ENVELOPE_BUCKETS[0] - 1)
    with pytest.raises(AuthenticationError):
        opened_by(Sessions(), envelope)


@pytest.mark.parametrize(("late_ms", "opens"), [(999, True), (1_000, False)])
def test_a_skipped_key_lives_35_days_to_the_second(first: First, late_ms: int, opens: bool) -> None:
    opened = opened_by(Sessions(), first.seal(b"second"), prekey=first.prekey)
    keys = SkippedMessageKeys()
    keys.apply(opened.skipped, NOW_S)

    def late() -> bytes:
        return core.open_(
            opened.sessions,
            BOB,
            ALICE.token,
            first.envelope,
            skipped={opened.session_id: keys},
            prekey=None,
            refused=False,
            now_ms=NOW_MS + SKIPPED_LIFETIME_S * 1000 + late_ms,
        ).payload

    if opens:
        assert late() == b"first"
    else:
        with pytest.raises(KeyUnavailable):
            late()
