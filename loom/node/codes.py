"""Whether a code that was read from a contact's screen is of the identity that is known here."""

from collections.abc import Iterable
from typing import Final

from loom.core.safety_number import GROUP_DIGITS, GROUPS, WORDS, safety_number, safety_words
from loom.errors import CodeDiffers, InvalidInput, OwnToken
from loom.model import PeerId, Person, Verification
from loom.wire.armour import PREFIX
from loom.wire.invite import decode_invite, is_invite
from loom.wire.token import decode_token

CODE_MAX: Final = 1_024
"""Characters; the longest is an invite."""


def compare(code: str, owner: PeerId, person: Person, others: Iterable[Person]) -> Verification:
    """By which way this shows that a person has the identity that is known here.

    Args:
        code: a safety number (60 digits), its twelve words, a token or an invite.
        others: contacts; of a code of theirs it is said whose it is.

    Raises:
        CodeDiffers: they have another identity, or know another one of the owner.
        OwnToken, InvalidToken, InvalidInput: it is not of this person at all, or damaged.
    """
    joined = "".join(code[: CODE_MAX + 1].split())
    if len(code) <= CODE_MAX and joined.upper().startswith(PREFIX):
        return _compare_token(joined, owner, person, others)
    words = code[: CODE_MAX + 1].lower().split()
    if joined.isascii() and joined.isdecimal() and len(joined) == GROUPS * GROUP_DIGITS:
        by, read = Verification.QR, joined
    elif len(words) == WORDS:
        by, read = Verification.WORDS, " ".join(words)
    else:
        raise InvalidInput(
            what="This is no safety number (60 digits, or twelve words), no token and no invite"
        )
    for one in (person, *others):
        groups = safety_number(owner, one.peer_id)
        shown = "".join(groups) if by is Verification.QR else " ".join(safety_words(groups))
        if shown == read:
            _require_same(one, person)
            return by
    raise CodeDiffers(name=person.name)


def _compare_token(
    text: str, owner: PeerId, person: Person, others: Iterable[Person]
) -> Verification:
    token = decode_invite(text).token if is_invite(text) else decode_token(text)
    if token.peer_id == owner:
        raise OwnToken
    for one in others:
        if token.peer_id == one.peer_id:
            _require_same(one, person)
    if (token.peer_id, token.x25519_public) != (person.peer_id, person.x25519_public):
        raise CodeDiffers(name=person.name)
    return Verification.QR


def _require_same(one: Person, person: Person) -> None:
    if one.person_id != person.person_id:
        raise InvalidInput(what=f"This is the code of {one.name}, not of {person.name}")
