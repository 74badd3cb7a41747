"""Statements about identities, from a contact who may hold a recovery key of their own."""

from collections.abc import Sequence

from fuzz.draw import Draw
from fuzz.target import Target
from loom.core.identity import Identity, phrase_from_entropy, recovery_key, seeds_from_phrase
from loom.core.identity_chain import (
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
from loom.crypto.signatures import SIGNATURE_BYTES
from loom.errors import AuthenticationError, CardMismatch, MalformedMessage
from loom.wire.chain_envelope import encode_chain_envelope
from loom.wire.encoding import decode_items, enc, u32
from loom.wire.limits import CHAIN_ENVELOPE_STATEMENTS_MAX, IDENTITY_ROTATIONS_MAX

_SIZES = (1, 1, 2_101, 4, None, 1_984)
_DOCUMENTED = (MalformedMessage, AuthenticationError, CardMismatch)
_MOST = IDENTITY_ROTATIONS_MAX + CHAIN_ENVELOPE_STATEMENTS_MAX + 1


def _statements(entropy: bytes) -> tuple[list[Identity], list[Statement]]:
    phrase = phrase_from_entropy(entropy)
    key = recovery_key(phrase)
    own = [Identity(seeds_from_phrase(phrase, number)) for number in range(4)]
    pairs = [(old, new) for old in range(4) for new in range(old + 1, 4)]
    made = [make_rotation(key, own[old].card, own[new].card, new) for old, new in pairs]
    made += [make_rotation(key, own[0].card, own[3].card, number) for number in range(4, 24)]
    return own, [*made, make_revocation(key, own[1].card, 2)]


_OWN, _THEIRS = _statements(b"\1" * 32)
_, _OTHERS = _statements(b"\2" * 32)
_SIGNED = {one.body for one in _THEIRS}
_KEY = recovery_key(phrase_from_entropy(b"\2" * 32))


def run(data: bytes) -> None:
    """Only what the holder of the words signed is taken in; it means the same in any order."""
    draw = Draw(data)
    known = _OWN[draw.number(4)].token
    held: list[Statement] = []
    while not draw.is_over and len(held) < _MOST:
        try:
            heard = read_chain_envelope(_envelope(draw))
            followed = follow(known, held, heard)
        except _DOCUMENTED:
            continue
        assert {one.body for one in followed.added} <= _SIGNED
        held += followed.added
        assert len(held) <= _MOST
        if followed.outcome.standing is Standing.MOVED:
            assert followed.outcome.token in identities(held)
            known = followed.outcome.token
    _check_order(held)
    for one in chain_envelopes(held, known.peer_id):
        assert set(read_chain_envelope(one)) <= set(held)


def _check_order(held: Sequence[Statement]) -> None:
    known = _OWN[0].token
    outcome = judge(known, held)
    assert judge(known, held[::-1]) == outcome
    if any(one.kind is StatementKind.REVOCATION for one in held):
        assert outcome.standing is Standing.REVOKED


def _envelope(draw: Draw) -> bytes:
    match draw.number(6):
        case 0:
            return draw.edited(encode_chain_envelope(_some(draw)))
        case 1:
            return b"\x02" + draw.rest()
        case 2:
            return encode_chain_envelope([_changed(draw)]) if draw.flag() else _changed(draw)
        case _:
            return encode_chain_envelope(_some(draw))


def _some(draw: Draw) -> list[bytes]:
    among = _OTHERS if draw.number(8) == 1 else _THEIRS
    count = 1 + draw.number(CHAIN_ENVELOPE_STATEMENTS_MAX)
    return list(dict.fromkeys(draw.choice(among).raw for _ in range(count)))


def _changed(draw: Draw) -> bytes:
    """A statement with changed fields, as somebody with another recovery key may sign it."""
    items = decode_items(draw.choice(_THEIRS).body, _SIZES, "statement")
    while draw.flag():
        place = draw.number(len(items))
        items[place] = draw.choice((b"", u32(draw.number(5)), draw.edited(items[place])))
    if draw.flag():
        items[5] = _KEY.ed25519_public + _KEY.mldsa_public
    body = enc(*items)
    signature = _KEY.sign("rotation", body) if draw.flag() else bytes(SIGNATURE_BYTES)
    raw = enc(body, signature)
    try:
        read_statement(raw)
    except MalformedMessage:
        return _OTHERS[0].raw
    return raw


TARGET = Target(
    run=run,
    seeds=(
        b"\0\3\0\0\0",
        b"\0\3\0\1\0\1\3\0\0\2",
        b"\0\3\0\5\0\1\2\3\4\5",
        b"\0\0\0\0\0\2\1\7",
        b"\1\2\1\0\1\3\0\0\1",
        b"\2\1\0\0\0\5",
        b"\0\3\0\0\x1a\3\0\0\0",
    ),
    max_bytes=96,
    executions=150,
)
