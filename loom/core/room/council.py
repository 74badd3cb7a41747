"""Councils: what they may be asked, and from votes to a statement (docs/PROTOCOL.md 14.4)."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from loom.core.room.keys import Council, Keys, MemberKeys, verify_head, verify_join
from loom.core.room.materialize import Ledger
from loom.core.room.state import Officer
from loom.core.room.statement import Admit, Genesis, Leave, SignedStatement, token_of
from loom.errors import AuthenticationError, PeerError
from loom.wire.encoding import enc, u8
from loom.wire.limits import ROOM_PROPOSALS_AHEAD, ROOM_STATEMENTS_MAX

NEVER: Final = (Genesis, Leave)
"""What no council signs: the one is of a person, the other would end it for good."""


class Standing(StrEnum):
    """What has become of a proposal."""

    OPEN = "open"
    ACCEPTED = "accepted"
    FAILED = "failed"
    OVERTAKEN = "overtaken"
    """The council stated something else under its number."""


class Obstacle(StrEnum):
    """Why a proposal failed."""

    NONE = ""
    ROOM = "room"
    """It is of another room."""
    OFFICE = "office"
    """Its author is no council that is in office."""
    KIND = "kind"
    """No council signs that."""
    RIGHT = "right"
    """The council may not do it."""
    NUMBER = "number"
    """The council's statements do not count under it, or it is far ahead of them."""
    PROOF = "proof"
    """Who is to be let in did not sign it."""
    VOTES = "votes"
    """So many said no that the others are too few."""


class Outcome(NamedTuple):
    """What has become of a proposal, and why it failed."""

    standing: Standing
    obstacle: Obstacle = Obstacle.NONE


def council_of(ledger: Ledger, author: bytes) -> tuple[Officer, Council] | None:
    """The council that is in office and has this author, or None."""
    officer = ledger.state.officers.get(author)
    if officer is None or officer.council is None or not officer.is_in_office:
        return None
    return officer, officer.council


def outcome(
    room_id: bytes,
    ledger: Ledger,
    head: SignedStatement,
    yes: Collection[bytes],
    no: Collection[bytes],
) -> Outcome:
    """What has become of a proposal of this statement.

    Args:
        yes: authors whose signature was verified; `no`: who said no. Others than those of the
            council are left out.
    """
    is_council = isinstance(ledger.state.keys.get(head.author), Council)
    if is_council and head.room_id == room_id and head.id in ledger.state.counting:
        return Outcome(Standing.ACCEPTED)
    if (obstacle := obstacle_of(room_id, ledger, head)) is not Obstacle.NONE:
        return Outcome(Standing.FAILED, obstacle)
    if ledger.under(head.author, head.number):
        return Outcome(Standing.OVERTAKEN)
    found = council_of(ledger, head.author)
    if found is None:
        return Outcome(Standing.FAILED, Obstacle.OFFICE)
    _, council = found
    refused = set(no) & set(council.authors) - set(yes)
    if len(council.authors) - len(refused) < council.threshold:
        return Outcome(Standing.FAILED, Obstacle.VOTES)
    return Outcome(Standing.OPEN)


def obstacle_of(room_id: bytes, ledger: Ledger, head: SignedStatement) -> Obstacle:
    """Why members sign no such statement; nothing if they may."""
    if head.room_id != room_id:
        return Obstacle.ROOM
    found = council_of(ledger, head.author)
    if found is None:
        return Obstacle.OFFICE
    officer, _ = found
    if isinstance(head.body, NEVER):
        return Obstacle.KIND
    if officer.capabilities & head.body.needs != head.body.needs:
        return Obstacle.RIGHT
    end = min(ledger.next_number(head.author) + ROOM_PROPOSALS_AHEAD, ROOM_STATEMENTS_MAX)
    if not officer.since <= head.number < end:
        return Obstacle.NUMBER
    if isinstance(head.body, Admit):
        try:
            verify_join(room_id, token_of(head.body), head.body.keys, head.body.proof)
        except PeerError:
            return Obstacle.PROOF
    return Obstacle.NONE


def verify_vote(author: bytes, head: bytes, signature: bytes, keys: Keys) -> None:
    """That a yes is its author's signature over the statement.

    Raises:
        AuthenticationError: it is not, or the keys are not here.
    """
    one = keys.get(author)
    if not isinstance(one, MemberKeys):
        raise AuthenticationError(what="room council signatures")
    verify_head(one, head, signature, keys)


def assemble(
    council: Council, head: bytes, votes: Mapping[bytes, bytes], keys: Keys
) -> bytes | None:
    """The event of a council's statement once enough of its authors said yes; None before.

    Args:
        votes: signatures by author, unverified; wrong ones and those of others are left out.
    """
    shares = []
    for place, author in enumerate(council.authors):
        if author not in votes:
            continue
        try:
            verify_vote(author, head, votes[author], keys)
        except PeerError:
            continue
        shares.append(u8(place) + votes[author])
    if len(shares) < council.threshold:
        return None
    return enc(head, b"".join(shares[: council.threshold]))
