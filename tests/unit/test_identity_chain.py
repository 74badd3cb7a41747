"""Which identity follows which (docs/PROTOCOL.md 1.5)."""

from collections.abc import Callable, Sequence
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loom.core.gate import EarlierEntry, Gate, pair_credentials
from loom.core.identity import (
    Identity,
    fingerprint,
    phrase_from_entropy,
    recovery_key,
    seeds_from_phrase,
)
from loom.core.identity_chain import (
    Followed,
    Outcome,
    Standing,
    Statement,
    StatementKind,
    chain_envelopes,
    follow,
    identities,
    judge,
    make_revocation,
    make_rotation,
    read_chain_envelope,
    read_statement,
)
from loom.core.pair_keys import derive_pair_keys
from loom.crypto.signatures import SigningKey
from loom.errors import AuthenticationError, CardMismatch, InvalidInput, MalformedMessage
from loom.model import ContactToken, PersonId
from loom.wire.chain_envelope import decode_chain_envelope, encode_chain_envelope
from loom.wire.encoding import decode_items, enc, u8, u32
from loom.wire.limits import CHAIN_ENVELOPE_STATEMENTS_MAX, IDENTITY_ROTATIONS_MAX
from tests.people import BOB

PHRASE = phrase_from_entropy(bytes(range(32)))
OTHER_PHRASE = phrase_from_entropy(bytes(range(1, 33)))
RECOVERY = recovery_key(PHRASE)


@cache
def own(number: int) -> Identity:
    """Ada's identity of that number."""
    return Identity(seeds_from_phrase(PHRASE, number))


@cache
def rotation(old: int, new: int, number: int = 0, *, again: int = 0) -> Statement:
    """From one of Ada's identities to another; `again`: signed once more."""
    del again
    return make_rotation(RECOVERY, own(old).card, own(new).card, number or new)


@cache
def revocation(number: int) -> Statement:
    return make_revocation(RECOVERY, own(number).card, number + 1)


@cache
def of_other(number: int) -> Statement:
    """The same of somebody else."""
    cards = [Identity(seeds_from_phrase(OTHER_PHRASE, one)).card for one in (number - 1, number)]
    return make_rotation(recovery_key(OTHER_PHRASE), cards[0], cards[1], number)


def chain(last: int) -> list[Statement]:
    return [rotation(number - 1, number) for number in range(1, last + 1)]


def test_a_statement_has_the_specified_bytes() -> None:
    one = rotation(0, 1)
    body, signature = decode_items(one.raw, (6_216, 3_373), "statement")
    recovery = RECOVERY.ed25519_public + RECOVERY.mldsa_public
    assert body == enc(b"\x01", b"\x01", own(0).card, u32(1), own(1).card, recovery)
    assert len(one.raw) == 9_597
    assert read_statement(one.raw) == one
    assert len(revocation(0).raw) == 7_496
    assert signature != decode_items(rotation(0, 1, again=1).raw, (None, None), "")[1]


def test_a_contact_that_knows_only_the_fingerprint_follows() -> None:
    followed = follow(own(0).token, (), [rotation(0, 1)])
    assert followed == Followed(Outcome(Standing.MOVED, own(1).token, 1), (rotation(0, 1),))
    stays = follow(own(1).token, followed.added, [rotation(0, 1, again=1)])
    assert stays == Followed(Outcome(Standing.CURRENT, own(1).token, 1), ())


def test_the_largest_number_counts_from_whichever_identity_one_knows() -> None:
    for known in range(4):
        outcome = follow(own(known).token, (), chain(3)).outcome
        assert outcome.token == own(3).token
        assert outcome.number == 3
        assert outcome.standing is (Standing.MOVED if known < 3 else Standing.CURRENT)
    stale = follow(own(3).token, chain(3), [rotation(0, 2)]).outcome
    assert stale.standing is Standing.FORKED  # 0 to 2 and 1 to 2
    assert follow(own(3).token, chain(3), [rotation(0, 4)]).outcome.token == own(4).token


def test_statements_of_others_change_nothing_and_are_not_verified() -> None:
    unsigned = msgspec.structs.replace(of_other(1), raw=of_other(1).raw[:-1] + b"\0")
    nothing = Outcome(Standing.CURRENT, own(0).token, 0)
    assert follow(own(0).token, (), [unsigned]) == Followed(nothing, ())
    assert follow(own(0).token, (), []) == Followed(nothing, ())
    held = chain(1)
    assert follow(own(1).token, held, [unsigned]).added == ()
    with pytest.raises(MalformedMessage):
        follow(own(0).token, (), [rotation(0, 1), of_other(1)])


def test_a_wrong_signature_takes_in_nothing() -> None:
    raw = bytearray(rotation(1, 2).raw)
    for at in (6_224, 6_300, len(raw) - 1):
        forged = bytearray(raw)
        forged[at] ^= 1
        with pytest.raises(AuthenticationError):
            follow(own(0).token, (), [rotation(0, 1), read_statement(bytes(forged))])


def test_nobody_else_can_say_what_follows() -> None:
    thief = recovery_key(OTHER_PHRASE)
    theirs = Identity(seeds_from_phrase(OTHER_PHRASE)).card
    with pytest.raises(InvalidInput):  # not the recovery key of the old card
        make_rotation(thief, own(0).card, theirs, 1)
    with pytest.raises(InvalidInput):  # nor of the new one
        make_rotation(RECOVERY, own(0).card, theirs, 1)
    recovery = RECOVERY.ed25519_public + RECOVERY.mldsa_public
    body = enc(b"\x01", b"\x01", own(0).card, u32(1), own(1).card, recovery)
    signed = read_statement(enc(body, thief.sign("rotation", body)))
    with pytest.raises(AuthenticationError):
        follow(own(0).token, (), [signed])
    with pytest.raises(AuthenticationError):  # nor signed as something else
        follow(own(0).token, (), [read_statement(enc(body, RECOVERY.sign("init", body)))])


def test_a_card_with_another_key_than_the_pinned_one_is_refused() -> None:
    known = ContactToken(own(0).token.peer_id, BOB.token.x25519_public)
    with pytest.raises(CardMismatch):
        follow(known, (), [rotation(0, 1)])


def test_two_rotations_to_one_number_are_followed_by_nobody() -> None:
    for known, held, heard in (
        (0, [], [rotation(0, 1), rotation(0, 3, 1)]),
        (1, [rotation(0, 1)], [rotation(0, 3, 1)]),
        (1, [rotation(0, 1)], [rotation(0, 3, 1), rotation(3, 4)]),
    ):
        followed = follow(own(known).token, held, heard)
        assert followed.outcome.standing is Standing.FORKED
        assert followed.outcome.token == own(known).token
        after = follow(own(known).token, [*held, *followed.added], [rotation(4, 5)])
        assert (after.outcome.standing, after.added) == (Standing.FORKED, ())


def test_a_revocation_wins_over_everything() -> None:
    forked = [rotation(0, 1), rotation(0, 3, 1)]
    followed = follow(own(1).token, forked, [revocation(0)])
    assert followed.outcome == Outcome(Standing.REVOKED, own(1).token, 1)
    after = follow(own(1).token, [*forked, *followed.added], [rotation(1, 2), revocation(1)])
    assert (after.outcome.standing, after.added) == (Standing.REVOKED, ())
    assert follow(own(0).token, (), [revocation(0)]).outcome.standing is Standing.REVOKED


def test_more_rotations_than_a_chain_holds_are_followed_by_nobody() -> None:
    whole = chain(IDENTITY_ROTATIONS_MAX)
    assert follow(own(0).token, (), whole).outcome.number == IDENTITY_ROTATIONS_MAX
    beyond = rotation(IDENTITY_ROTATIONS_MAX, IDENTITY_ROTATIONS_MAX + 1)
    assert follow(own(15).token, whole, [beyond]).outcome.standing is Standing.FORKED


@pytest.mark.parametrize(
    "change",
    [
        lambda items: [b"\x02", *items[1:]],
        lambda items: [items[0], b"\x03", *items[2:]],
        lambda items: [items[0], b"\x00", *items[2:]],
        lambda items: [items[0], b"\x02", *items[2:]],  # a revocation with a new card
        lambda items: [*items[:4], b"", items[5]],  # a rotation without one
        lambda items: [*items[:4], items[2], items[5]],  # to itself
        lambda items: [*items[:3], u32(0), *items[4:]],
        lambda items: [*items[:3], u8(1), *items[4:]],
        lambda items: [*items[:5], items[5][:-1] + b"\0"],  # another recovery key
        lambda items: [*items[:4], BOB.card, items[5]],
        lambda items: [*items, b""],
    ],
)
def test_a_statement_of_another_form_is_malformed(
    change: Callable[[list[bytes]], list[bytes]],
) -> None:
    sizes = (1, 1, 2_101, 4, 2_101, 1_984)
    body = enc(*change(decode_items(rotation(0, 1).body, sizes, "")))
    with pytest.raises(MalformedMessage):
        read_statement(enc(body, RECOVERY.sign("rotation", body)))


def test_a_key_that_agrees_on_zero_never_becomes_a_contacts() -> None:
    sizes = (1, 32, 1_952, 32, 64)
    items = decode_items(own(1).card, sizes, "")
    card = enc(*items[:3], bytes(32), items[4])
    with pytest.raises(InvalidInput):
        make_rotation(RECOVERY, own(0).card, card, 1)


@pytest.mark.parametrize("number", [0, 1 << 32])
def test_a_number_out_of_bounds_is_refused(number: int) -> None:
    with pytest.raises(InvalidInput):
        make_rotation(RECOVERY, own(0).card, own(1).card, number)


# --- how they travel ---


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [16_384]), (6, [61_440]), (7, [61_440, 16_384]), (15, [61_440] * 3)]
)
def test_each_envelope_of_a_chain_is_of_use_alone(count: int, sizes: list[int]) -> None:
    whole = chain(count)
    known = own(0).token
    envelopes = chain_envelopes(whole, known.peer_id)
    assert [len(one) for one in envelopes] == [*sizes[:-1], len(envelopes[-1])]
    came = [read_chain_envelope(one) for one in envelopes]
    assert {one.body for each in came for one in each} == {one.body for one in whole}
    assert follow(known, (), came[0]).outcome.number == count  # the newest first
    for each in came:
        assert follow(known, (), each).added == each
    assert chain_envelopes(whole, BOB.peer_id) == []


def test_a_revocation_travels_first() -> None:
    envelopes = chain_envelopes([*chain(8), revocation(8)], own(0).peer_id)
    heard = read_chain_envelope(envelopes[0])
    assert follow(own(0).token, (), heard).outcome.standing is Standing.REVOKED


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one[:-1],
        lambda one: one + bytes(61_440 - 16_384),
        lambda one: b"\x01" + one[1:],
        lambda one: one[:-1] + b"\x01",
        lambda one: one[:1] + u32(0) + one[5:],
        lambda one: one[:1] + u32(2**32 - 1) + one[5:],
        lambda one: one[:1] + u32(9_600) + one[5:],
        lambda one: one[:5] + u32(9_596) + one[9:],
        lambda one: b"",
        lambda one: b"\x02",
    ],
)
def test_an_envelope_of_another_form_is_malformed(change: Callable[[bytes], bytes]) -> None:
    envelope = encode_chain_envelope([rotation(0, 1).raw])
    assert decode_chain_envelope(envelope) == (rotation(0, 1).raw,)
    with pytest.raises(MalformedMessage):
        decode_chain_envelope(change(envelope))


def test_an_envelope_holds_so_many_statements_and_none_twice() -> None:
    with pytest.raises(InvalidInput):
        encode_chain_envelope([])
    with pytest.raises(InvalidInput):
        encode_chain_envelope([rotation(0, 1).raw] * (CHAIN_ENVELOPE_STATEMENTS_MAX + 1))
    with pytest.raises(MalformedMessage):
        decode_chain_envelope(encode_chain_envelope([rotation(0, 1).raw] * 2))


def test_who_knows_an_earlier_identity_is_told_apart_at_the_gate() -> None:
    entry = EarlierEntry(
        PersonId(7),
        derive_pair_keys(
            own(0).agreement, own(0).peer_id, BOB.peer_id, BOB.token.x25519_public
        ).receiving,
    )
    at_bob = derive_pair_keys(BOB.agreement, BOB.peer_id, own(0).peer_id, own(0).agreement.public)
    clear = pair_credentials(at_bob.sending, bytes(16), 20_000).clear
    admission = Gate((entry,), 20_000, lambda one, rand: False).admit(clear)
    assert admission is not None
    assert admission.entry is entry


# --- any order ---

_RANGE = [
    *(rotation(old, new) for old in range(4) for new in range(old + 1, 5)),
    *(rotation(0, 5, number) for number in (2, 6)),
    revocation(0),
    revocation(2),
]


def reference(heard: Sequence[Statement]) -> tuple[Standing, bytes]:
    """What the text of 1.5 says, of all that came; the identity that is followed, if any is."""
    if any(one.kind is StatementKind.REVOCATION for one in heard):
        return Standing.REVOKED, b""
    numbers: dict[int, set[bytes]] = {}
    for one in heard:
        numbers.setdefault(one.number, set()).add(one.body)
    if any(len(bodies) > 1 for bodies in numbers.values()) or len(numbers) > 15:
        return Standing.FORKED, b""
    newest = max(heard, key=lambda one: one.number)
    assert newest.new is not None
    return Standing.CURRENT, fingerprint(newest.new.raw)


@given(
    st.lists(
        st.lists(st.sampled_from(_RANGE), min_size=1, max_size=6, unique_by=lambda one: one.body),
        min_size=1,
        max_size=5,
    ),
)
def test_promise_19_the_order_of_statements_does_not_matter(
    pieces: list[list[Statement]],
) -> None:
    """Each piece begins with a statement that names what the reader knew first."""
    pieces = [
        one
        if own(0).peer_id in {each.peer_id for each in identities(one)}
        else [rotation(0, 1), *one]
        for one in pieces
    ]
    everything = [one for piece in pieces for one in piece]
    standing, followed = reference(everything)
    for order in (
        pieces,
        pieces[::-1],
        [[one] for one in everything if _names_first(one)] + pieces,
    ):
        known, held = own(0).token, list[Statement]()
        for piece in order:
            result = follow(known, held, piece)
            held += result.added
            if result.outcome.standing is Standing.MOVED:
                known = result.outcome.token
        outcome = judge(known, held)
        assert outcome.standing is standing
        if standing is Standing.CURRENT:
            assert outcome.token.peer_id == followed
        assert len(held) <= IDENTITY_ROTATIONS_MAX + CHAIN_ENVELOPE_STATEMENTS_MAX + 1


def _names_first(one: Statement) -> bool:
    return own(0).peer_id in {each.peer_id for each in identities([one])}


def test_what_prints_of_a_statement_is_short() -> None:
    assert repr(rotation(0, 1)) == "Statement(ROTATION, 1)"
    assert isinstance(RECOVERY, SigningKey)
