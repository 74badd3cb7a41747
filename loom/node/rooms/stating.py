"""What a command states in a room: the same whether an officer signs it or a council votes."""

from collections.abc import Sequence
from typing import Final

from loom.api import room_commands
from loom.api.room_commands import RoomChange
from loom.core.room.keys import Council
from loom.core.room.materialize import GENERAL
from loom.core.room.post import ProposalContent
from loom.core.room.state import Channel, RoomState
from loom.core.room.statement import (
    HISTORY_ALL,
    ROLES,
    Appoint,
    Ban,
    Body,
    Capability,
    DeletePosts,
    Remove,
    SetChannel,
    SetName,
    SetPin,
    SetPolicy,
)
from loom.errors import InvalidInput
from loom.node.names import check_name
from loom.node.room_states import RoomNow
from loom.node.rooms import changes
from loom.node.rooms.keeping import SHOWN
from loom.node.rooms.naming import find_member, find_post
from loom.node.rooms.work import RoomWork
from loom.printable import printable
from loom.storage import room_posts
from loom.wire.limits import (
    ROOM_CHANNELS_MAX,
    ROOM_COUNCIL_MAX,
    ROOM_COUNCIL_THRESHOLD_MAX,
    ROOM_HISTORY_MAX,
    ROOM_RETENTION_MAX_S,
    ROOM_RETENTION_MIN_S,
)

CHANNEL_MAX_CHARACTERS: Final = 32
LAST_NUMBER: Final = 2**32 - 1
"""Of a post; somebody may have used it to say that none is above."""


def bodies(work: RoomWork, now: RoomNow, actor: bytes, change: RoomChange) -> Sequence[Body]:
    """One or more statements that do it in the name of an officer or a council.

    Raises:
        InvalidInput: it may not, or it makes no sense.
        MemberNotFound, PostNotFound.
    """
    match change:
        case room_commands.RemoveMember():
            return _remove(work, now, actor, change)
        case room_commands.LiftBan(fingerprint=fingerprint):
            require(now, actor, Capability.REMOVE, "lift bans")
            return [_lift(now, fingerprint)]
        case room_commands.AppointMember():
            return [_appoint(now, actor, change)]
        case room_commands.AppointCouncil():
            return [_appoint_council(now, actor, change)]
        case room_commands.RenameRoom(name=name):
            require(now, actor, Capability.NAME, "rename it")
            return [SetName(check_name(name))]
        case room_commands.SetRoomPolicy():
            return [_policy(now, actor, change)]
        case room_commands.SetRoomChannel():
            return [_channel(now, actor, change)]
        case room_commands.PinPost(post_id=post_id, on=on):
            require(now, actor, Capability.PIN, "pin posts")
            return [SetPin(find_post(work.db, now, post_id).id, on)]
        case room_commands.DeletePost(post_id=post_id):
            return [_delete(work, now, actor, post_id)]


def state(work: RoomWork, now: RoomNow, change: RoomChange) -> RoomNow:
    """Sign and tell what a change says and is not so already.

    Raises:
        InvalidInput: it may not be done, or somebody above decided otherwise.
        MemberNotFound, PostNotFound.
        RoomWaits: this profile is an older copy.
    """
    for body in bodies(work, now, now.own, change):
        if _is_so(now.state, now.own, body):
            continue
        signed = changes.sign(work, now, body)
        if not _is_so(now.held.ledger.after(signed), now.own, body):
            raise InvalidInput(
                what="That would change nothing: somebody above you in the room decided it"
            )
        if not (isinstance(change, room_commands.RemoveMember) and change.only_check):
            now = changes.add(work, now, signed)
    return now


def _is_so(state: RoomState, actor: bytes, body: Body) -> bool:
    """Whether what an officer says holds in the room."""
    match body:
        case Appoint(capabilities=capabilities, since=since):
            officer, own = state.officers.get(body.signers.author), state.officers.get(actor)
            return (
                own is not None
                and officer is not None
                and (officer.by, officer.since) == (actor, since)
                and officer.capabilities == capabilities & own.capabilities
            )
        case Remove(author=author):
            return author in state.removed
        case Ban(peer_id=peer_id, on=on):
            return (peer_id in state.banned) == on
        case SetName(name=name):
            return state.name == name
        case SetPolicy(history=history, retention_s=retention_s):
            return (state.history, state.retention_s) == (history, retention_s)
        case SetChannel(channel=name, topic=topic, restricted=restricted, on=on):
            wanted = Channel(name, topic, restricted)
            there = state.channels.get(name)
            return there == wanted if on or name == GENERAL else there is None
        case SetPin(post_id=post_id, on=on):
            return (post_id in state.pins) == on
        case DeletePosts(post_ids=post_ids, on=on):
            return all((one in state.deleted) == on for one in post_ids)
    return False


def require(now: RoomNow, actor: bytes, capability: Capability, what: str) -> None:
    """Raises InvalidInput: one is not in the room, or the actor may not do this there."""
    require_member(now)
    if not now.state.may(actor, capability):
        who = "you" if actor == now.own else "this council"
        raise InvalidInput(what=f"In the room {now.row.name} {who} may not {what}")


def require_member(now: RoomNow) -> None:
    """Raises InvalidInput: one is not in the room."""
    if not now.is_member:
        raise InvalidInput(what=f"You are not in the room {now.row.name}")


def check_policy(history: int, retention_s: int) -> None:
    """Raises InvalidInput for what no room may have."""
    if not HISTORY_ALL <= history <= ROOM_HISTORY_MAX:
        raise InvalidInput(what="How many posts who joins is sent is a number, or all")
    if retention_s and not ROOM_RETENTION_MIN_S <= retention_s <= ROOM_RETENTION_MAX_S:
        raise InvalidInput(what="Posts of a room end after an hour to 30 days, or never")


def _remove(
    work: RoomWork, now: RoomNow, actor: bytes, change: room_commands.RemoveMember
) -> list[Body]:
    require(now, actor, Capability.REMOVE, "remove others")
    author = find_member(now, change.member)
    if author == actor:
        raise InvalidInput(what="That is you: leave the room instead")
    removal = removal_of(work, now, author)
    if not change.ban:
        return [removal]
    return [removal, Ban(peer_id=now.held.state.members[author].peer_id, on=True)]


def removal_of(work: RoomWork, now: RoomNow, author: bytes) -> Remove:
    """What removes a member, and keeps all of theirs that counts now."""
    ledger = now.held.ledger
    return Remove(
        author=author,
        keep=ledger.keep_of(author),
        posts=posts_below(work, now, author),
        seen=ledger.next_number(author),
    )


def posts_below(work: RoomWork, now: RoomNow, author: bytes) -> int:
    """The number below which posts of an author stay; at most what a statement may say."""
    largest = room_posts.largest_number(work.db, now.row.room, author)
    return min(largest + 1, LAST_NUMBER)


def _lift(now: RoomNow, fingerprint: str) -> Ban:
    beginning = fingerprint.lower()
    found = [one for one in now.state.banned if one.hex().startswith(beginning)]
    if len(found) != 1 or not beginning:
        raise InvalidInput(what="Write the beginning of the fingerprint that is banned")
    return Ban(found[0], False)


def _appoint(now: RoomNow, actor: bytes, change: room_commands.AppointMember) -> Appoint:
    capabilities = _role(change.role)
    require(now, actor, Capability.ROLES, "give roles")
    author = find_member(now, change.member)
    keys = now.state.keys[author]
    if author == actor or isinstance(keys, Council):
        raise InvalidInput(what="Nobody gives a role to themselves")
    ledger = now.held.ledger
    return Appoint(
        keys=keys,
        council=None,
        capabilities=int(capabilities),
        keep=ledger.keep_of(author),
        since=ledger.next_number(author),
    )


def _appoint_council(now: RoomNow, actor: bytes, change: room_commands.AppointCouncil) -> Appoint:
    capabilities = _role(change.role)
    require(now, actor, Capability.ROLES, "give roles")
    authors = {find_member(now, one) for one in change.members}
    council = Council(change.threshold, tuple(sorted(authors)))
    if len(authors) > ROOM_COUNCIL_MAX:
        raise InvalidInput(what=f"A council has at most {ROOM_COUNCIL_MAX} members")
    if not council.is_in_bounds():
        raise InvalidInput(
            what=f"Of {len(authors)} members more than half must agree, "
            f"at most {min(len(authors), ROOM_COUNCIL_THRESHOLD_MAX)}"
        )
    if council.author == actor:
        raise InvalidInput(what="Nobody gives a role to themselves")
    ledger = now.held.ledger
    return Appoint(
        keys=None,
        council=council,
        capabilities=int(capabilities),
        keep=ledger.keep_of(council.author),
        since=ledger.next_number(council.author),
    )


def _role(role: str) -> Capability:
    capabilities = ROLES.get(role)
    if role == "member":
        raise InvalidInput(
            what="Nobody who had a role becomes a plain member again: a guest may only post"
        )
    if capabilities is None:
        known = ", ".join(ROLES)
        raise InvalidInput(what=f"There is no role {printable(role)}: write {known}")
    return capabilities


def _policy(now: RoomNow, actor: bytes, change: room_commands.SetRoomPolicy) -> SetPolicy:
    require(now, actor, Capability.NAME, "change how long posts last")
    state = now.state
    history = state.history if change.history is None else change.history
    kept_s = state.retention_s if change.retention_s is None else change.retention_s
    check_policy(history, kept_s)
    return SetPolicy(history, kept_s)


def _channel(now: RoomNow, actor: bytes, change: room_commands.SetRoomChannel) -> SetChannel:
    channel = check_name(change.channel).lower()
    if len(channel) > CHANNEL_MAX_CHARACTERS or any(one.isspace() for one in channel):
        raise InvalidInput(what="A channel's name has at most 32 characters and no spaces")
    require(now, actor, Capability.CHANNELS, "change channels")
    channels = now.state.channels
    if not change.on and channel == GENERAL:
        raise InvalidInput(what=f"#{GENERAL} cannot be closed, only made one where officers post")
    if not change.on and channel not in channels:
        raise InvalidInput(what=f"The room has no channel {channel}")
    if change.on and channel not in channels and len(channels) >= ROOM_CHANNELS_MAX:
        raise InvalidInput(what=f"A room has at most {ROOM_CHANNELS_MAX} channels: close one first")
    return SetChannel(channel, change.topic, change.restricted, change.on)


def _delete(work: RoomWork, now: RoomNow, actor: bytes, post_id: str) -> DeletePosts:
    require(now, actor, Capability.DELETE, "delete the posts of others")
    post = find_post(work.db, now, post_id)
    if post.kind not in SHOWN or post.kind == ProposalContent.kind:
        raise InvalidInput(what="Only a text or a poll of somebody else can be deleted")
    return DeletePosts((post.id,), True)
