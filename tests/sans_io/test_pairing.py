"""Two people pair, and people who mean harm dial, without a network (docs/PROTOCOL.md 12)."""

import random
from itertools import product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loom.core.pairing import Paired, PairingEnded, WordsReady
from loom.core.pairing_link import LINK_RANDOM_BYTES, MeetingLink, OwnSide, PairingLink
from loom.core.pairing_states import TRANSITIONS, PairingState
from loom.core.words import word_list
from loom.errors import (
    AuthenticationError,
    ContactBlocked,
    MalformedMessage,
    OwnAddress,
    OwnToken,
    PairingLeft,
    PairingTimedOut,
    PeerError,
    ProtocolViolation,
    TooManyTries,
    UsageError,
    WordsDiffer,
)
from loom.model import ContactToken
from loom.wire.encoding import enc
from loom.wire.limits import (
    PAIR_ANSWER_TIMEOUT_S,
    PAIR_HANDSHAKE_TIMEOUT_S,
    PAIR_INCOMING_MAX,
    PAIR_INCOMING_PER_SOURCE_MAX,
    PAIR_TRIES_MAX,
    PAIR_WINDOW_S,
    PAIR_WORDS_TIMEOUT_S,
)
from loom.wire.nearby import Introduction, PairingKind, encode_record
from tests.people import ALICE, BOB, EVE
from tests.sans_io.pairing_pair import Side, Stream, alice, bob, let_everybody, pump

Link = MeetingLink[Introduction]


def say(side: Side, *, same: bool, now_s: float = 0.0) -> None:
    """What a person answers."""
    side.events += side.pairing.answer(same=same, now_s=now_s)


def met(one: Side, other: Side, cut: int = 1 << 20) -> Stream:
    """Both see words; nobody answered."""
    stream = Stream(one, other)
    pump(stream, cut=cut)
    assert one.words == other.words != ()
    return stream


def paired(side: Side) -> list[str]:
    """Who was kept."""
    return [event.remote.name for event in side.events if isinstance(event, Paired)]


# --- what two honest people see ---


@pytest.mark.parametrize("cut", [1, 2, 341, 1 << 20])
@pytest.mark.parametrize("first", ["near", "far"])
def test_both_see_the_same_words_and_become_contacts_whatever_the_cut(cut: int, first: str) -> None:
    near, far = alice(), bob()
    stream = met(near, far, cut)
    assert all(word in word_list() for word in near.words)
    order = (near, far) if first == "near" else (far, near)
    for side in order:
        say(side, same=True)
        pump(stream, cut=cut)
    assert (paired(near), paired(far)) == (["Bob"], ["Alice"])
    assert near.events[-1].remote.token == BOB.token  # type: ignore[union-attr]
    assert near.errors == far.errors == []
    assert near.pairing.links == far.pairing.links == []


def test_both_say_same_in_one_moment() -> None:
    near, far = alice(), bob()
    stream = met(near, far)
    say(near, same=True)
    say(far, same=True)
    pump(stream)
    assert (paired(near), paired(far)) == (["Bob"], ["Alice"])


def test_two_meetings_show_other_words() -> None:
    words = set()
    for _ in range(3):
        near, far = alice(), bob()
        met(near, far)
        words.add(near.words)
    assert len(words) == 3


@pytest.mark.parametrize("says", ["near", "far"])
def test_who_says_different_ends_it_and_the_other_is_told(says: str) -> None:
    near, far = alice(), bob()
    stream = met(near, far)
    sayer, other = (near, far) if says == "near" else (far, near)
    say(other, same=True)
    say(sayer, same=False)
    pump(stream)
    for side in (near, far):
        assert [type(error) for error in side.errors] == [WordsDiffer]
        assert paired(side) == []


def test_a_link_lost_between_the_two_answers_keeps_nothing_on_either_side() -> None:
    near, far = alice(), bob()
    stream = met(near, far)
    say(near, same=True)
    stream.collect()
    near.events += near.pairing.lost(stream.near_link, 0.0)
    assert stream.far_link is not None
    far.events += far.pairing.lost(stream.far_link, 0.0)
    for side in (near, far):
        assert [type(error) for error in side.errors] == [PairingLeft]
        assert paired(side) == []
    with pytest.raises(UsageError):
        say(far, same=True)


def test_words_are_answered_once() -> None:
    near, far = alice(), bob()
    met(near, far)
    say(near, same=True)
    with pytest.raises(UsageError):
        say(near, same=True)
    with pytest.raises(UsageError):
        say(near, same=False)


def test_there_is_nothing_to_answer_before_there_are_words() -> None:
    with pytest.raises(UsageError):
        say(alice(), same=True)


# --- which link stays ---


@pytest.mark.parametrize("alice_is_smaller", [True, False])
def test_every_order_of_two_crossing_handshakes_ends_in_one_link(alice_is_smaller: bool) -> None:
    """All orders of the first five arrivals, then whatever is left."""
    numbers = (b"a" * 16, b"b" * 16) if alice_is_smaller else (b"b" * 16, b"a" * 16)
    for order in product(range(4), repeat=5):
        near, far = alice(numbers[0]), bob(numbers[1])
        streams = Stream(near, far), Stream(far, near)
        for stream in streams:
            stream.accept()
            stream.collect()
        for what in order:
            stream = streams[what // 2]
            (stream.forth if what % 2 else stream.back)(1 << 20)
            for one in streams:
                one.collect()
        pump(*streams)
        assert near.words == far.words != (), order
        assert len(near.events) == len(far.events) == 1, order
        stays = streams[0 if alice_is_smaller else 1]
        assert near.pairing.links[0] in (stays.near_link, stays.far_link), order


_PIECES = (1, 40, 400, 1 << 20)


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from(_PIECES)), max_size=60),
    st.booleans(),
    st.integers(0, 20),
)
@settings(max_examples=150, deadline=None)
def test_any_schedule_of_crossing_dials_ends_in_one_link_with_the_same_words(
    schedule: list[tuple[bool, bool, int]], alice_is_smaller: bool, picks_back_at: int
) -> None:
    """Both pick each other, one perhaps later; every order in which pieces arrive."""
    numbers = (b"a" * 16, b"b" * 16) if alice_is_smaller else (b"b" * 16, b"a" * 16)
    near, far = alice(numbers[0]), bob(numbers[1])
    streams = [Stream(near, far)]
    for step, (is_last, is_forth, size) in enumerate(schedule):
        # A person whose screen shows words picks nobody.
        if step == picks_back_at and not far.pairing.is_meeting:
            streams.append(Stream(far, near))
        stream = streams[-1 if is_last else 0]
        (stream.forth if is_forth else stream.back)(size)
        for one in streams:
            one.collect()
    pump(*streams)
    assert near.words == far.words != ()
    assert [type(event) for event in near.events] == [WordsReady]
    assert [type(event) for event in far.events] == [WordsReady]
    assert len(near.pairing.links) == len(far.pairing.links) == 1


@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(_PIECES)), max_size=80),
    st.integers(0, 30),
)
@settings(max_examples=100, deadline=None)
def test_with_a_stranger_among_them_each_shows_one_meeting_and_both_ends_of_it_agree(
    schedule: list[tuple[int, int]], picks_back_at: int
) -> None:
    """Whom one meets depends on the order; what the two ends of a link show does not."""
    near, far, eve = alice(), bob(), Side("Eve", EVE, b"c" * 16)
    streams = [Stream(near, far), Stream(eve, far)]
    for step, (which, size) in enumerate(schedule):
        if step == picks_back_at and not far.pairing.is_meeting:
            streams.append(Stream(far, near))
        stream = streams[which // 2 % len(streams)]
        (stream.forth if which % 2 else stream.back)(size)
        for one in streams:
            one.collect()
    pump(*streams)
    for side in (near, far, eve):
        shown = [event for event in side.events if isinstance(event, WordsReady)]
        assert len(shown) <= 1
        assert len(side.pairing.links) <= 1
        assert bool(shown) is bool(side.pairing.links)
    assert far.words in (near.words, eve.words)
    assert far.words != ()
    assert () in (near.words, eve.words)


def test_who_dials_himself_is_told_so() -> None:
    near = alice()
    stream = Stream(near, near)
    pump(stream)
    assert [type(error) for error in near.errors] == [OwnAddress]
    assert near.words == ()
    assert near.pairing.links == []


def test_a_person_who_picked_somebody_meets_them_and_not_the_stranger_who_dials() -> None:
    near, far = alice(), bob()
    eve = Side("Eve", EVE, b"e" * 16)
    picked, stranger = Stream(near, far), Stream(eve, near)
    stranger.accept()
    while not stranger.is_quiet:
        stranger.forth(1 << 20)
        stranger.collect()
        stranger.back(1 << 20)
    assert eve.words == near.words == ()
    pump(picked, stranger)
    assert near.words == far.words != ()
    assert eve.words == ()
    assert [type(error) for error in eve.errors] == [PairingLeft]


def test_a_dial_that_fails_lets_those_go_on_who_came_in() -> None:
    near, far = alice(), bob()
    away, coming = near.pairing.dial(near.seeds(), 0.0), Stream(far, near)
    pump(coming)
    assert far.words == ()
    near.events += near.pairing.not_reached(away, PairingLeft(), 1.0)
    pump(coming)
    assert near.words == far.words != ()
    assert near.errors == []  # somebody is being met: the failure no longer matters


def test_during_a_meeting_nobody_else_is_dialled_or_taken() -> None:
    near, far = alice(), bob()
    met(near, far)
    with pytest.raises(UsageError):
        near.pairing.dial(near.seeds(), 0.0)
    assert far.pairing.accept("elsewhere", far.seeds(), 0.0) is None


def test_connections_that_say_nothing_make_room_for_newer_ones() -> None:
    side = alice()
    taken = [side.pairing.accept(f"10.0.0.{n % 3}", side.seeds(), float(n)) for n in range(9)]
    assert len(side.pairing.links) <= PAIR_INCOMING_MAX
    same = [side.pairing.accept("10.0.0.9", side.seeds(), 9.0) for _ in range(5)]
    standing = side.pairing.links
    assert [one for one in same if one in standing] == same[-PAIR_INCOMING_PER_SOURCE_MAX:]
    assert all(one is not None for one in taken)


# --- tries and times ---


def test_a_try_counts_once_the_words_can_be_known_and_the_fourth_has_to_wait() -> None:
    """The dialler learns the words from n_B, before it shows anything itself."""
    far = bob()
    for number in range(PAIR_TRIES_MAX):
        near = alice()
        stream = Stream(near, far, float(number))
        stream.accept(float(number))
        for _ in range(3):
            stream.forth(1 << 20, float(number))
            stream.collect()
            stream.back(1 << 20, float(number))
            stream.collect()
        assert near.words != ()
        assert far.words == ()  # n_A has not come
        assert stream.far_link is not None
        far.events += far.pairing.lost(stream.far_link, float(number))
    assert far.events == []
    assert far.pairing.accept("anywhere", far.seeds(), 10.0) is None
    with pytest.raises(TooManyTries) as refused:
        far.pairing.dial(far.seeds(), 10.0)
    assert refused.value.facts == {"wait_s": PAIR_WINDOW_S - 10 + 1}
    assert far.pairing.accept("anywhere", far.seeds(), PAIR_WINDOW_S) is not None


def test_a_meeting_that_made_two_contacts_is_no_try() -> None:
    """Somebody can pair with a whole room."""
    host = bob()
    for number in range(2 * PAIR_TRIES_MAX):
        guest = alice()
        stream = Stream(guest, host, float(number))
        pump(stream, now_s=float(number))
        for side in (guest, host):
            say(side, same=True, now_s=float(number))
        pump(stream, now_s=float(number))
        assert paired(guest) == ["Bob"]
    assert host.tries.wait_s(10.0) == 0.0


def test_handshakes_without_words_are_no_tries() -> None:
    far = bob()
    for _ in range(10):
        link = far.pairing.accept("anywhere", far.seeds(), 0.0)
        assert link is not None
        near = PairingLink(own(ALICE), dialled=True, random=seeds(), now_s=0.0)
        far.pairing.receive_data(link, near.data_to_send(), 0.0)
        far.pairing.lost(link, 0.0)
    met(alice(), far)


def test_a_dial_that_nobody_answers_ends_after_five_seconds() -> None:
    near = alice()
    link = near.pairing.dial(near.seeds(), 0.0)
    assert near.pairing.next_timeout_s() is None  # the driver gives up connecting
    link.connected(7.0)
    ends(near, 7.0 + PAIR_HANDSHAKE_TIMEOUT_S)
    assert [type(error) for error in near.errors] == [PairingTimedOut]


def test_who_comes_in_and_says_nothing_or_stops_halfway_is_not_shown() -> None:
    side = bob()
    link = side.pairing.accept("eve", side.seeds(), 0.0)
    assert link is not None
    ends(side, PAIR_HANDSHAKE_TIMEOUT_S)
    theirs = PairingLink(own(), dialled=True, random=seeds(), now_s=0.0)
    link = side.pairing.accept("eve", side.seeds(), 0.0)
    assert link is not None
    give(side, link, theirs)
    ends(side, PAIR_WORDS_TIMEOUT_S)
    assert side.events == []


def test_words_wait_two_minutes_for_both_answers() -> None:
    near, far = alice(), bob()
    met(near, far)
    say(near, same=True)
    for side in (near, far):
        ends(side, PAIR_ANSWER_TIMEOUT_S)
        assert [type(error) for error in side.errors] == [PairingTimedOut]


def ends(side: Side, limit_s: float) -> None:
    """The one link of a side goes on until then, and no longer."""
    assert side.pairing.next_timeout_s() == limit_s
    side.events += side.pairing.handle_timeout(limit_s - 0.01)
    assert len(side.pairing.links) == 1
    side.events += side.pairing.handle_timeout(limit_s)
    assert side.pairing.links == []
    assert side.pairing.next_timeout_s() is None


# --- people who mean harm ---


def own(identity: object = EVE, name: str = "Eve", number: bytes = b"e" * 16) -> OwnSide:
    """What a hostile end brings."""
    return OwnSide(number, identity, name, 1, let_everybody)  # type: ignore[arg-type]


def seeds(label: str = "") -> bytes:
    """For one link."""
    return random.Random(label).randbytes(LINK_RANDOM_BYTES)


def hostile(side: Side) -> tuple[PairingLink, Link]:
    """Somebody who dialled a person and has words with them: their end and the person's."""
    theirs = PairingLink(own(), dialled=True, random=seeds(), now_s=0.0)
    link = side.pairing.accept("eve", side.seeds(), 0.0)
    assert link is not None
    give(side, link, theirs)
    theirs.choose()
    give(side, link, theirs)
    give(side, link, theirs)
    assert theirs.words == side.words != ()
    return theirs, link


def give(side: Side, link: Link, theirs: PairingLink) -> None:
    """One exchange."""
    side.events += side.pairing.receive_data(link, theirs.data_to_send(), 0.0)
    theirs.receive_data(link.data_to_send(), 0.0)


def send(side: Side, link: Link, theirs: PairingLink, plaintext: bytes) -> None:
    """A record of any content, sealed with the right key."""
    assert theirs._ciphers is not None
    sealed = theirs._ciphers[0].encrypt(plaintext)
    side.events += side.pairing.receive_data(link, len(sealed).to_bytes(2, "big") + sealed, 0.0)


def test_a_man_in_the_middle_shows_two_people_other_words() -> None:
    """Real links on both sides, everything forwarded that can be."""
    near, far = alice(), bob()
    towards_near = PairingLink(own(), dialled=False, random=seeds("1"), now_s=0.0)
    towards_far = PairingLink(own(), dialled=True, random=seeds("2"), now_s=0.0)
    near_link = near.pairing.dial(near.seeds(), 0.0)
    far_link = far.pairing.accept("eve", far.seeds(), 0.0)
    assert far_link is not None
    for _ in range(4):
        towards_near.receive_data(near_link.data_to_send(), 0.0)
        if towards_near.state is PairingState.COMMITTED:
            towards_near.choose()
        near.events += near.pairing.receive_data(near_link, towards_near.data_to_send(), 0.0)
        far.events += far.pairing.receive_data(far_link, towards_far.data_to_send(), 0.0)
        towards_far.receive_data(far_link.data_to_send(), 0.0)
        if towards_far.state is PairingState.GREETED:
            towards_far.choose()
    assert near.words != ()
    assert far.words != ()
    assert near.words != far.words


def test_who_dials_gets_no_token_and_no_name_before_the_person_said_same() -> None:
    side = bob()
    theirs, link = hostile(side)
    theirs.answer(same=True)
    give(side, link, theirs)
    assert theirs.remote is None
    assert theirs.state is PairingState.SAID
    say(side, same=False)
    theirs.receive_data(link.data_to_send(), 0.0)
    assert theirs.remote is None
    assert isinstance(theirs.error, WordsDiffer)


def test_another_nonce_than_the_committed_one_shows_no_words() -> None:
    side = bob()
    theirs = PairingLink(own(), dialled=True, random=seeds(), now_s=0.0)
    link = side.pairing.accept("eve", side.seeds(), 0.0)
    assert link is not None
    give(side, link, theirs)
    theirs.choose()
    side.events += side.pairing.receive_data(link, theirs.data_to_send(), 0.0)
    send(side, link, theirs, encode_record(PairingKind.NONCE, bytes(32)))
    assert isinstance(link.error, AuthenticationError)
    assert side.events == []


@pytest.mark.parametrize("is_known", [False, True])
def test_somebody_elses_token_is_not_kept(is_known: bool) -> None:
    """Eve sends Alice's token as her own; she has not the key of it."""
    side = bob()
    theirs, link = hostile(side)
    thief = msgspec.structs.replace(theirs._own, identity=_Borrowed(ALICE.token))
    theirs._own = thief
    theirs.answer(same=True)
    give(side, link, theirs)
    say(side, same=True)
    theirs._outgoing.clear()
    assert side.pairing.links == [link]
    assert theirs._ciphers is not None
    send(side, link, theirs, encode_record(PairingKind.PROOF, bytes(32)))
    assert [type(error) for error in side.errors] == [AuthenticationError]
    assert paired(side) == []


class _Borrowed:
    """An identity of which only the token is known."""

    def __init__(self, token: ContactToken) -> None:
        self.token = token
        self.peer_id = token.peer_id
        self.agreement = EVE.agreement


def test_a_proof_cannot_be_sent_back() -> None:
    side = bob()
    theirs, link = hostile(side)
    theirs.answer(same=True)
    give(side, link, theirs)
    say(side, same=True)
    reflected = link._proof(is_own=True)
    theirs.receive_data(link.data_to_send(), 0.0)
    send(side, link, theirs, encode_record(PairingKind.PROOF, reflected))
    assert [type(error) for error in side.errors] == [AuthenticationError]


def test_the_own_token_is_refused() -> None:
    near, far = alice(), Side("Twin", ALICE, b"t" * 16)
    stream = met(near, far)
    say(near, same=True)
    say(far, same=True)
    pump(stream)
    assert OwnToken in [type(error) for error in near.errors + far.errors]
    assert paired(near) == paired(far) == []


def test_a_token_that_may_not_be_kept_leaves_nothing_on_either_side() -> None:
    def refuse(_: ContactToken) -> None:
        raise ContactBlocked(name="Bob")

    near, far = alice(), bob()
    near.own = msgspec.structs.replace(near.own, check=refuse)
    stream = met(near, far)
    say(near, same=True)
    say(far, same=True)
    pump(stream)
    assert [type(error) for error in near.errors] == [ContactBlocked]
    assert [type(error) for error in far.errors] == [PairingLeft]
    assert paired(near) == paired(far) == []


_GOOD = encode_record(PairingKind.INTRODUCTION, b"\1" + BOB.token.peer_id + BOB.token.x25519_public)


@pytest.mark.parametrize(
    "plaintext",
    [
        encode_record(PairingKind.COMMIT, bytes(64)),
        encode_record(PairingKind.NONCE, bytes(32)),
        encode_record(PairingKind.PROOF, bytes(32)),
        b"\0".ljust(326, b"\0"),
        b"\6".ljust(326, b"\0"),
        b"\5".ljust(325, b"\0") + b"\1",
        b"\5".ljust(325, b"\0"),
        b"\5".ljust(327, b"\0"),
        b"",
        _GOOD,  # no name
    ],
    ids=range(10),
)
def test_what_may_not_come_now_ends_the_link(plaintext: bytes) -> None:
    side = bob()
    theirs, link = hostile(side)
    send(side, link, theirs, plaintext)
    assert isinstance(link.error, ProtocolViolation | MalformedMessage)
    assert side.pairing.links == []
    assert [type(error) for error in side.errors] == [type(link.error)]


def test_any_flipped_bit_ends_the_link_and_shows_nothing() -> None:
    """Of every frame that A sends before the words; of the first one any bit changes the words."""
    for place in (0, 1, 2, 40, 1_230, 1_233):
        side = bob()
        theirs = PairingLink(own(), dialled=True, random=seeds(), now_s=0.0)
        link = side.pairing.accept("eve", side.seeds(), 0.0)
        assert link is not None
        opening = bytearray(theirs.data_to_send())
        opening[place] ^= 1
        side.events += side.pairing.receive_data(link, bytes(opening), 0.0)
        theirs.receive_data(link.data_to_send(), 0.0)
        assert theirs.remote_number == b""  # message 2 does not verify
        assert side.events == []


@given(st.binary(max_size=3_000))
@settings(max_examples=60, deadline=None)
def test_bytes_of_strangers_never_show_anything(data: bytes) -> None:
    side = bob()
    link = side.pairing.accept("eve", side.seeds(), 0.0)
    assert link is not None
    assert side.pairing.receive_data(link, data, 0.0) == []
    assert link.error is None or isinstance(link.error, PeerError)
    assert len(link._incoming) <= 3_000


def test_before_message_1_is_whole_not_a_byte_goes_out() -> None:
    side = bob()
    theirs = PairingLink(own(), dialled=True, random=seeds(), now_s=0.0)
    link = side.pairing.accept("eve", side.seeds(), 0.0)
    assert link is not None
    opening = theirs.data_to_send()
    for at in range(len(opening) - 1):
        side.pairing.receive_data(link, opening[at : at + 1], 0.0)
        assert link.data_to_send() == b""
    side.pairing.receive_data(link, opening[-1:], 0.0)
    assert len(link.data_to_send()) == 2 + 1_168


def test_all_records_have_one_length() -> None:
    near, far = alice(), bob()
    stream = Stream(near, far)
    seen: list[int] = []
    stream.accept()
    for side in (None, near, far):
        if side is not None:
            say(side, same=True)
        for _ in range(6):
            for carry in (stream.forth, stream.back):
                for link in (stream.near_link, stream.far_link):
                    assert link is not None
                    seen += [len(data) for data in link._outgoing]
                stream.collect()
                carry(1 << 20)
    assert (paired(near), paired(far)) == (["Bob"], ["Alice"])
    assert set(seen) == {2 + 1_232, 2 + 1_168, 2 + 342}


def test_every_state_but_the_last_can_end_and_leads_somewhere() -> None:
    ends = {PairingState.PAIRED, PairingState.CLOSED}
    assert set(TRANSITIONS) == set(PairingState)
    for state, steps in TRANSITIONS.items():
        assert bool(steps) is (state not in ends)
        if steps:
            assert PairingState.CLOSED in steps.values()
    reached = {state for steps in TRANSITIONS.values() for state in steps.values()}
    assert reached == set(PairingState) - {PairingState.MESSAGE_1, PairingState.MESSAGE_2}


def test_nothing_that_shows_a_secret_is_printed() -> None:
    near, far = alice(), bob()
    stream = met(near, far)
    assert isinstance(stream.near_link, PairingLink)
    shown = repr((stream.near_link, near.own, stream.near_link._keys))
    assert near.words[0] not in shown
    assert ALICE.token.peer_id.hex() not in shown
    assert enc(b"a")[:1].hex() not in repr(stream.near_link)


def test_an_ended_link_keeps_neither_keys_nor_bytes_nor_a_name() -> None:
    near, far = alice(), bob()
    stream = met(near, far)
    say(near, same=True)
    pump(stream)
    link = stream.far_link
    assert link is not None
    assert link.remote is not None
    far.pairing.receive_data(link, b"\1", 0.0)
    far.pairing.stop()
    kept: list[object] = [link._ciphers, link._handshake, link.remote]
    assert kept == [None, None, None]
    assert not link._incoming


def test_what_a_dropped_link_had_to_say_is_not_said() -> None:
    near, far = alice(), bob()
    stream = met(near, far)
    near.pairing.answer(same=True, now_s=0.0)  # token and name wait to be written
    near.pairing.stop()
    assert stream.near_link.data_to_send() == b""


def test_a_stopped_pairing_ends_every_link_silently() -> None:
    near, far = alice(), bob()
    stream = met(near, far)
    near.pairing.stop()
    assert stream.near_link.is_over
    assert near.pairing.links == []
    pump(stream)
    assert [type(error) for error in far.errors] == [PairingLeft]
    assert near.errors == []
    assert isinstance(far.events[-1], PairingEnded)
