"""What members see of a room: a value (docs/PROTOCOL.md 14.4)."""

import msgspec

from loom.core.room.keys import Council, Signers
from loom.core.room.statement import Capability, Kept, SignedStatement

Rank = tuple[int, ...]
"""Of the creator (); shorter ones are above longer ones, then the smaller one."""


class Member(msgspec.Struct, frozen=True):
    """Somebody in the room.

    Args:
        peer_id: 32 bytes.
        rank: None of who is no officer.
        by: the author whose Admit holds; of the creator itself.
    """

    author: bytes
    peer_id: bytes
    x25519_public: bytes
    name: str
    rank: Rank | None
    capabilities: int
    from_order: int
    by: bytes

    def __repr__(self) -> str:
        return f"Member({self.author.hex()[:8]})"


class Officer(msgspec.Struct, frozen=True):
    """Somebody who was appointed, and may be removed again.

    Args:
        by: who appointed it; of the creator itself.
        is_in_office: its new statements count.
    """

    author: bytes
    rank: Rank
    capabilities: int
    by: bytes
    since: int
    is_in_office: bool
    council: Council | None


class Removal(msgspec.Struct, frozen=True):
    """What ended a membership. `posts`: theirs below this number stay."""

    by: bytes
    statement_id: bytes
    keep: tuple[Kept, ...]
    posts: int
    seen: int


class Channel(msgspec.Struct, frozen=True):
    """A channel that is shown."""

    name: str
    topic: str = ""
    is_restricted: bool = False


class RoomState(msgspec.Struct, frozen=True):
    """A pure function of a set of statements; without a genesis all of it is empty.

    Args:
        channels: `general` first, then by who made them.
        members: officers by rank, then the others by who admitted them; at most 128. An officer
            whom nobody admitted, or whose identity is banned, is none.
        officers: by rank; at most 64, and removed ones too.
        left: who left, and how many of their posts stay.
        banned: fingerprints, with the statement that holds.
        counting: the statements that count now.
        offered: what removed officers did that their remover had not seen, that falls, and
            that nobody said again.
        forks: the ids of officers' statements that share a number.
        keys: whose statements and posts can be verified, by author.
    """

    name: str = ""
    history: int = -1
    retention_s: int = 0
    channels: dict[str, Channel] = {}
    members: dict[bytes, Member] = {}
    officers: dict[bytes, Officer] = {}
    removed: dict[bytes, Removal] = {}
    left: dict[bytes, int] = {}
    banned: dict[bytes, bytes] = {}
    pins: tuple[bytes, ...] = ()
    deleted: frozenset[bytes] = frozenset()
    counting: frozenset[bytes] = frozenset()
    offered: tuple[SignedStatement, ...] = ()
    forks: dict[tuple[bytes, int], tuple[bytes, ...]] = {}
    keys: dict[bytes, Signers] = {}

    def __repr__(self) -> str:
        return f"RoomState({len(self.members)} members)"

    def may(self, author: bytes, capability: Capability) -> bool:
        """Whether a statement of this author that needs it would count now."""
        officer = self.officers.get(author)
        return (
            officer is not None
            and officer.is_in_office
            and officer.capabilities & capability == capability
        )

    def may_post(self, author: bytes, channel: str) -> bool:
        """Whether a member writes in a channel: an officer needs POST, others an open channel."""
        if author not in self.members or channel not in self.channels:
            return False
        if author in self.officers:
            return self.may(author, Capability.POST)
        return not self.channels[channel].is_restricted

    def takes_post(self, author: bytes, number: int) -> bool:
        """Whether a post of this author is kept and passed on."""
        end = self.posts_end(author)
        return end is None or number < end

    def posts_end(self, author: bytes) -> int | None:
        """From which number on posts of this author are not taken; None: all are."""
        ends = [one for one in (self._removed_at(author), self.left.get(author)) if one is not None]
        if ends:
            return min(ends)
        return None if author in self.members else 0

    def _removed_at(self, author: bytes) -> int | None:
        removal = self.removed.get(author)
        return None if removal is None else removal.posts
