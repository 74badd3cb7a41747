"""What a line of the timeline says of a statement, as facts; front ends make the words."""

import msgspec

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
from loom.node.room_states import RoomNow


def facts(now: RoomNow, statement: SignedStatement) -> str:
    """As it is stored."""
    names, body = now.held.names, statement.body
    line = RoomLine(what="")
    match body:
        case Genesis():
            line = RoomLine(what="made", value=body.name)
        case Admit():
            line = RoomLine(what="admitted", whom=names.get(body.author, ""))
        case Appoint():
            role = role_of(body.capabilities) or "officer"
            line = RoomLine(what="appointed", whom=names.get(body.author, ""), value=role)
        case Remove():
            line = RoomLine(what="removed", whom=names.get(body.author, ""))
        case Ban():
            line = RoomLine(what="banned" if body.on else "unbanned", whom=body.peer_id.hex()[:16])
        case SetName():
            line = RoomLine(what="renamed", value=body.name)
        case SetPolicy():
            line = RoomLine(what="policy", value=f"{body.history} {body.retention_s}")
        case SetChannel():
            line = RoomLine(what="channel" if body.on else "no channel", value=body.channel)
        case SetPin():
            line = RoomLine(what="pinned" if body.on else "unpinned", value=body.post_id.hex())
        case DeletePosts():
            line = RoomLine(
                what="deleted" if body.on else "undeleted", value=f"{len(body.post_ids)}"
            )
        case Leave():
            line = RoomLine(what="left")
    return msgspec.json.encode(line).decode()
