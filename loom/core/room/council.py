"""Councils: from a proposal and votes to a statement (docs/PROTOCOL.md 14.4)."""

from collections.abc import Mapping

from loom.core.room.keys import Council, Keys, MemberKeys, verify_head
from loom.errors import AuthenticationError, PeerError
from loom.wire.encoding import enc, u8


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
