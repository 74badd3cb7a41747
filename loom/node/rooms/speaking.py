"""One's own posts: signed, stored, and told to everybody who is reached."""

from loom.core.room.post import Content, SignedPost, sign_post
from loom.errors import OwnIdentityRevoked
from loom.node.room_states import RoomNow, signer_of
from loom.node.rooms import copies, posting, telling
from loom.node.rooms.offering import KeptContent
from loom.node.rooms.work import RoomWork
from loom.storage import identity_statements, room_posts
from loom.wire.limits import NUMBER_END


def post(
    work: RoomWork, now: RoomNow, content: Content, kept: KeptContent | None = None
) -> SignedPost:
    """Say something in one's own name.

    Args:
        kept: where the content of a file lies that it offers.

    Raises:
        RoomWaits: this profile is an older copy.
        OwnIdentityRevoked: no member would take it.
    """
    copies.check(now)
    if identity_statements.is_owner_revoked(work.db):
        raise OwnIdentityRevoked
    largest = room_posts.largest_number(work.db, now.row.room, now.own)
    signed = sign_post(
        signer_of(work.db, now.row.room, now.own),
        now.row.room_id,
        max(largest + 1, now.row.post_floor),
        min(now.row.largest_order + 1, NUMBER_END - 1),
        work.now_ms,
        content,
    )
    posting.store(work, now, [signed], kept)
    peers = telling.reached(work, telling.hearing(work, now))
    told = {one.said or b"" for one in peers}
    telling.tell(work, now, peers, [signed.data], {now.own, *told})
    return signed
