"""What a line of the timeline says of a statement, as facts; front ends make the words."""

from loom.api.room_views import RoomLine
from loom.core.room.statement import (
    Admit,
    Appoint,
    Ban,
    DeletePosts,
    Genesis,
    Leave,
    Remove,
    SetChannel,
    SetName,
    SetPin,
    SetPolicy,
    SignedStatement,
    role_of,
)
from loom.node.room_states import RoomNow, council_name


def line_of(before: RoomNow, now: RoomNow, statement: SignedStatement) -> RoomLine:
    """`before`: the room without it."""
    names, body = now.held.names, statement.body
    match body:
        case Genesis():
            return RoomLine(what="made", value=body.name)
        case Admit():
            what = "renewed" if _is_in(now, body.author, before) else "admitted"
            return RoomLine(what=what, whom=names.get(body.author, body.name))
        case Appoint():
            role = role_of(body.capabilities) or "officer"
            return RoomLine(what="appointed", whom=_whom(now, body), value=role)
        case Remove():
            held = before.state.removed.get(body.author)
            is_again = (
                held is not None
                and held.by == statement.author
                and held.statement_id != statement.id
            )
            whom = names.get(body.author, body.author.hex()[:16])
            what = "replaced" if _is_in(before, body.author, now) else "removed"
            return RoomLine(what="kept" if is_again else what, whom=whom)
        case Ban():
            what = "banned" if body.on else "unbanned"
            return RoomLine(what=what, whom=body.peer_id.hex()[:16])
        case SetName():
            return RoomLine(what="renamed", value=body.name)
        case SetPolicy():
            return RoomLine(what="policy", value=f"{body.history} {body.retention_s}")
        case SetChannel():
            return RoomLine(what="channel" if body.on else "no channel", value=body.channel)
        case SetPin():
            return RoomLine(what="pinned" if body.on else "unpinned", value=body.post_id.hex())
        case DeletePosts():
            what = "deleted" if body.on else "undeleted"
            return RoomLine(what=what, value=f"{len(body.post_ids)}")
        case Leave():
            return RoomLine(what="left")


def _is_in(at: RoomNow, author: bytes, then: RoomNow) -> bool:
    """Whether who was in the room `at` a moment is in it `then` by keys of another identity."""
    member = at.state.members.get(author)
    return member is not None and any(
        (one.peer_id == member.peer_id or {author, other} <= {*then.own_authors})
        and then.held.state.members[other].peer_id != at.held.state.members[author].peer_id
        for other, one in then.state.members.items()
    )


def _whom(now: RoomNow, body: Appoint) -> str:
    names = now.held.names
    if body.council is not None:
        return council_name(names, body.council)
    return names.get(body.author, body.author.hex()[:16])
