"""Votes that are stored: verified with their proposal, and shown in it (docs/PROTOCOL.md 14.4)."""

from loom.core.room.council import verify_vote
from loom.core.room.post import ProposalContent, SignedPost, VoteContent, decode_post
from loom.core.room.statement import SignedStatement, decode_head
from loom.errors import PeerError
from loom.node.room_proposals import NO, WRONG, YES
from loom.node.room_states import RoomNow
from loom.node.room_view import content_of
from loom.node.rooms.work import RoomWork
from loom.storage import room_posts
from loom.storage.connection import Db
from loom.storage.room_posts import RoomPost

LOOKED_AT_MAX = 256
"""So many of the newest proposals of a room may still be open."""


def head_of(db: Db, proposal: RoomPost) -> SignedStatement | None:
    """What is proposed; None if it is gone, or no proposal."""
    content = content_of(db, proposal)
    return decode_head(content.head) if isinstance(content, ProposalContent) else None


def verify(work: RoomWork, now: RoomNow, vote: RoomPost, proposal: RoomPost) -> bool:
    """Keep what a vote says of a proposal that is here; whether it says anything."""
    head, content = head_of(work.db, proposal), _content(work.db, vote)
    if head is None or content is None:
        return False
    said = NO
    if content.signature:
        try:
            verify_vote(vote.author, head.head, content.signature, now.state.keys)
            said = YES
        except PeerError:
            said = WRONG
    room_posts.put_body(work.db, vote.row_id, said)
    return said != WRONG


def signatures(db: Db, now: RoomNow, proposal: RoomPost) -> dict[bytes, bytes]:
    """Of those who said yes, by author."""
    found = {}
    for _, one in room_posts.about(db, now.row.room, [proposal.id]):
        if one.kind == VoteContent.kind and one.body == YES and not one.is_gone:
            content = _content(db, one)
            if content is not None:
                found[one.author] = content.signature
    return found


def proposals_touched(posts: list[SignedPost]) -> list[bytes]:
    """The proposals among these posts, and those that votes among them are about."""
    found = {one.id for one in posts if isinstance(one.content, ProposalContent)}
    found |= {one.content.post_id for one in posts if isinstance(one.content, VoteContent)}
    return sorted(found)


def _content(db: Db, vote: RoomPost) -> VoteContent | None:
    data = room_posts.data_of_row(db, vote.row_id)
    content = decode_post(data).content if data else None
    return content if isinstance(content, VoteContent) else None
