"""What follows another identity, or that none is valid any more (docs/PROTOCOL.md 1.5).

The set of statements under one recovery key decides, and nothing else: not the order in which they
came, nor who brought them.
"""

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from loom.core.identity import CARD_BYTES, RECOVERY_PUBLIC_BYTES, Card, fingerprint, read_card
from loom.crypto.kdf import equal, hash_
from loom.crypto.signatures import SIGNATURE_BYTES, SigningKey, verify
from loom.errors import CardMismatch, InvalidInput, MalformedMessage
from loom.model import ContactToken, PeerId
from loom.wire.chain_envelope import decode_chain_envelope, encode_chain_envelope
from loom.wire.encoding import check_lasting_x25519_public, decode_items, enc, u8, u32
from loom.wire.limits import (
    CHAIN_ENVELOPE_STATEMENTS_MAX,
    ED25519_KEY_BYTES,
    IDENTITY_ROTATIONS_MAX,
)

NUMBER_MAX: Final = (1 << 32) - 1
_VERSION: Final = b"\x01"
_LABEL: Final = "rotation"


class StatementKind(IntEnum):
    """What the holder of the recovery phrase says about an identity."""

    ROTATION = 1
    """Another one follows it."""
    REVOCATION = 2
    """None does: nothing of this person is valid any more."""


class Statement(msgspec.Struct, frozen=True):
    """One, as it was read; its signature is verified by `follow`.

    Args:
        raw: as it travels, with the signature.
        body: what is signed, and compared.
        number: of the new identity; of a revocation 1 above that of the old one.
    """

    raw: bytes
    body: bytes
    kind: StatementKind
    number: int
    old: Card
    new: Card | None
    recovery_public: bytes

    def __repr__(self) -> str:
        return f"Statement({self.kind.name}, {self.number})"


class Standing(StrEnum):
    """What the statements make of the identity that one knows."""

    CURRENT = "current"
    MOVED = "moved"
    FORKED = "forked"
    """They contradict each other: none is followed."""
    REVOKED = "revoked"


class Outcome(msgspec.Struct, frozen=True):
    """What holds.

    Args:
        token: of the identity that is valid; of what is forked or revoked the known one.
        number: of it, as far as the statements say.
    """

    standing: Standing
    token: ContactToken
    number: int


class Followed(msgspec.Struct, frozen=True):
    """What holds now, and which statements are to be kept for it."""

    outcome: Outcome
    added: tuple[Statement, ...]


def make_rotation(recovery: SigningKey, old_card: bytes, new_card: bytes, number: int) -> Statement:
    """The identity of `new_card` follows that of `old_card`.

    Args:
        number: of the new identity, above that of the old one.

    Raises:
        InvalidInput: a card that the recovery key does not belong to, or a number out of bounds.
    """
    return _make(recovery, StatementKind.ROTATION, old_card, number, new_card)


def make_revocation(recovery: SigningKey, card: bytes, number: int) -> Statement:
    """No identity of this recovery key is valid any more; errors as above.

    Args:
        number: 1 above that of the identity, and `NUMBER_MAX` above that one.
    """
    return _make(recovery, StatementKind.REVOCATION, card, number, b"")


def read_statement(raw: bytes) -> Statement:
    """Read a statement; whether its signature is right is not looked at.

    Raises:
        MalformedMessage: another layout, or keys that do not belong together.
    """
    body, _ = decode_items(raw, (None, SIGNATURE_BYTES), "statement about an identity")
    version, kind, old_card, number, new_card, recovery = decode_items(
        body, (1, 1, CARD_BYTES, 4, None, RECOVERY_PUBLIC_BYTES), "statement about an identity"
    )
    statement = Statement(
        raw=raw,
        body=body,
        kind=_kind(version, kind),
        number=int.from_bytes(number, "big"),
        old=read_card(old_card),
        new=read_card(new_card) if new_card else None,
        recovery_public=recovery,
    )
    cards = [card for card in (statement.old, statement.new) if card is not None]
    for card in cards:
        check_lasting_x25519_public(card.x25519_public)
    are_its_own = all(equal(card.recovery_hash, hash_(recovery)) for card in cards)
    is_rotation = statement.kind is StatementKind.ROTATION
    fits = is_rotation == (statement.new is not None) and new_card != old_card
    if not are_its_own or not fits or statement.number == 0:
        raise MalformedMessage(what="statement about an identity")
    return statement


def judge(known: ContactToken, statements: Sequence[Statement]) -> Outcome:
    """What verified statements under one recovery key make of the identity that one knows.

    A revocation wins over everything. Two rotations to one number contradict each other.
    """
    rotations = _rotations(statements)
    own = (one.number for one in rotations if one.new and _token(one.new).peer_id == known.peer_id)
    of_known = Outcome(Standing.CURRENT, known, max(own, default=0))
    if any(one.kind is StatementKind.REVOCATION for one in statements):
        return msgspec.structs.replace(of_known, standing=Standing.REVOKED)
    if (
        len({one.number for one in rotations}) < len(rotations)
        or len(rotations) > IDENTITY_ROTATIONS_MAX
    ):
        return msgspec.structs.replace(of_known, standing=Standing.FORKED)
    newest = max(rotations, key=lambda one: one.number, default=None)
    if newest is None or newest.new is None:
        return of_known
    token = _token(newest.new)
    standing = Standing.CURRENT if token.peer_id == known.peer_id else Standing.MOVED
    return Outcome(standing, token, newest.number)


def follow(known: ContactToken, held: Sequence[Statement], heard: Sequence[Statement]) -> Followed:
    """Take statements in that somebody brought; those about others are ignored.

    Args:
        known: the identity that one has of the person.
        held: what `follow` added before.
        heard: from a contact, and not verified; all of it or nothing is taken in.

    Raises:
        MalformedMessage: statements under several recovery keys, or of keys that cannot be read.
        AuthenticationError: a wrong signature.
        CardMismatch: of the known identity, with another key than the pinned one.
    """
    before = judge(known, held)
    if len({one.recovery_public for one in heard}) > 1:
        raise MalformedMessage(what="statements under several recovery keys")
    if not _is_about(known, held, heard) or before.standing is Standing.REVOKED:
        return Followed(before, ())
    bodies = {one.body for one in held}
    added: list[Statement] = []
    for one in heard:
        counts = before.standing is not Standing.FORKED or one.kind is StatementKind.REVOCATION
        if one.body not in bodies and counts:
            _verify(one)
            bodies.add(one.body)
            added.append(one)
    return Followed(judge(known, [*held, *added]), tuple(added))


def identities(statements: Sequence[Statement]) -> tuple[ContactToken, ...]:
    """All that they name, by number: a contact may know any of them."""
    found: dict[PeerId, ContactToken] = {}
    for one in sorted(statements, key=lambda one: (one.number, one.body)):
        for card in (one.old, one.new):
            if card is not None:
                token = _token(card)
                found.setdefault(token.peer_id, token)
    return tuple(found.values())


def chain_envelopes(statements: Sequence[Statement], known: PeerId) -> list[bytes]:
    """The envelopes for a reader that knows one identity; none if no statement names it.

    Each is of use without the others: it begins with a statement that names what the reader knows.
    """
    named = [one for one in statements if known in {each.peer_id for each in identities([one])}]
    if not named:
        return []
    first = max(named, key=_newest)
    others = sorted((one for one in statements if one is not first), key=_newest, reverse=True)
    step = CHAIN_ENVELOPE_STATEMENTS_MAX - 1
    return [
        encode_chain_envelope([one.raw for one in (first, *others[at : at + step])])
        for at in range(0, max(len(others), 1), step)
    ]


def read_chain_envelope(envelope: bytes) -> tuple[Statement, ...]:
    """The statements of an envelope, not verified.

    Raises:
        MalformedMessage: another layout of it, or of one of them.
    """
    return tuple(read_statement(raw) for raw in decode_chain_envelope(envelope))


def _newest(statement: Statement) -> tuple[bool, int, bytes]:
    """Revocations first: they decide alone."""
    is_revocation = statement.kind is StatementKind.REVOCATION
    return is_revocation, statement.number, statement.body


def _make(
    recovery: SigningKey, kind: StatementKind, old_card: bytes, number: int, new_card: bytes
) -> Statement:
    recovery_public = recovery.ed25519_public + recovery.mldsa_public
    if not 0 < number <= NUMBER_MAX:
        raise InvalidInput(what="The number of an identity is 1 to 4,294,967,295")
    body = enc(_VERSION, u8(kind), old_card, u32(number), new_card, recovery_public)
    try:
        return read_statement(enc(body, recovery.sign(_LABEL, body)))
    except MalformedMessage as error:
        raise InvalidInput(what="These words did not make this identity") from error


def _kind(version: bytes, kind: bytes) -> StatementKind:
    try:
        if version == _VERSION:
            return StatementKind(kind[0])
    except ValueError as error:
        raise MalformedMessage(what="kind of a statement about an identity") from error
    raise MalformedMessage(what="version of a statement about an identity")


def _verify(statement: Statement) -> None:
    keys = statement.recovery_public
    ed25519, mldsa = keys[:ED25519_KEY_BYTES], keys[ED25519_KEY_BYTES:]
    verify(ed25519, mldsa, _LABEL, statement.body, statement.raw[-SIGNATURE_BYTES:])


def _rotations(statements: Sequence[Statement]) -> list[Statement]:
    """Each once: two signatures of one body are one statement."""
    rotations = (one for one in statements if one.kind is StatementKind.ROTATION)
    return list({one.body: one for one in rotations}.values())


def _is_about(known: ContactToken, held: Sequence[Statement], heard: Sequence[Statement]) -> bool:
    if held:
        return bool(heard) and held[0].recovery_public == heard[0].recovery_public
    named = {token.peer_id: token for token in identities(heard)}.get(known.peer_id)
    if named is not None and not equal(named.x25519_public, known.x25519_public):
        raise CardMismatch(what="statement about an identity")
    return named is not None


def _token(card: Card) -> ContactToken:
    return ContactToken(fingerprint(card.raw), card.x25519_public)
