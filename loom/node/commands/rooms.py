"""Commands about rooms."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from loom.api import invite_views as views
from loom.api import room_commands, room_views
from loom.api.view import Done
from loom.core.invites import room_claim
from loom.core.room.state import Channel, Officer
from loom.core.room.statement import (
    Admit,
    Capability,
    Genesis,
    Leave,
    sign_genesis,
)
from loom.core.room.statement import role_of as role_name
from loom.errors import InvalidInput, PostNotFound
from loom.model import PeerId, PersonId
from loom.node.commands.handlers import Handlers
from loom.node.commands.invites import InviteCommands
from loom.node.journal import Happened
from loom.node.names import check_name
from loom.node.parts import Parts
from loom.node.room_states import RoomNow, draw_pair, name_of
from loom.node.room_view import last_post, post_views
from loom.node.rooms import changes, continuing, deciding, introducing, troubles
from loom.node.rooms.naming import find_room
from loom.node.rooms.posting import place_of
from loom.node.rooms.stating import check_policy, posts_below, require, require_member
from loom.node.rooms.work import RoomWork
from loom.node.roster import Roster
from loom.printable import printable
from loom.storage import (
    events,
    outbox,
    persons,
    room_peers,
    room_places,
    room_posts,
    room_reading,
    rooms,
)
from loom.storage.connection import Db
from loom.storage.preferences import FOR_EVER_MS
from loom.storage.room_places import Habit
from loom.storage.room_posts import Within
from loom.storage.room_reading import Unread
from loom.storage.rooms import Standing
from loom.wire.invite import InviteText, RoomDoor
from loom.wire.limits import (
    NAME_MAX_CHARACTERS,
    ROOM_INVITE_NAME_MAX_BYTES,
)

T = TypeVar("T")


class RoomCommands:
    """Make, join, show, remove, leave."""

    def __init__(self, parts: Parts, roster: Roster, invites: InviteCommands) -> None:
        self._parts = parts
        self._roster = roster
        self._invites = invites
        self.handlers: Handlers = {
            room_commands.MakeRoom: self._make,
            room_commands.ListRooms: self._list,
            room_commands.ShowRoom: self._show,
            room_commands.InviteToRoom: self._invite,
            room_commands.LeaveRoom: self._leave,
            room_commands.ContinueRoom: self._continue,
            room_commands.JoinRoom: self._join_offered,
            room_commands.ListMembers: self._list_members,
        }

    # --- making and joining ---

    async def _make(self, command: room_commands.MakeRoom) -> room_views.RoomView:
        name = check_name(command.name)
        check_policy(command.history, command.retention_s)

        def make(work: RoomWork) -> room_views.RoomView:
            now = self._new_room(work, name, command.history, command.retention_s)
            return room_view(work.db, now, work.now_ms)

        return await self.do(make)

    async def _continue(self, command: room_commands.ContinueRoom) -> room_views.RoomView:
        def go_on(work: RoomWork) -> room_views.RoomView:
            old = self.now(work.db, command.room)
            require_member(old)
            name = check_name(command.name or _continued(old.row.name))
            state = old.state
            new = self._new_room(work, name, state.history, state.retention_s)
            return room_view(work.db, continuing.offer(work, old, new), work.now_ms)

        return await self.do(go_on)

    async def _join_offered(self, command: room_commands.JoinRoom) -> room_views.RoomView:
        def join(work: RoomWork) -> room_views.RoomView:
            now = self.now(work.db, command.room)
            continuing.accept(work, now)
            return room_view(work.db, work.now(now.row.room) or now, work.now_ms)

        return await self.do(join)

    def _new_room(self, work: RoomWork, name: str, history: int, retention_s: int) -> RoomNow:
        """A room of one's own."""
        key, signer = draw_pair(self._parts.random)
        identity = self._parts.identity
        genesis = sign_genesis(
            signer,
            Genesis(
                keys=signer.keys,
                token=(identity.peer_id, identity.token.x25519_public),
                member_name=self._parts.profile.name,
                name=name,
                history=history,
                retention_s=retention_s,
                nonce=self._parts.random(16),
            ),
        )
        row = rooms.add(
            work.db,
            room_id=genesis.id,
            name=name,
            standing=Standing.JOINING,
            version=work.parts.nonces.take(changes.VERSION_BYTES),
            created_at_ms=work.now_ms,
        )
        rooms.add_key(work.db, row.room, key)
        now, _ = changes.store(work, work.parts.room_states.of(work.db, row), [genesis])
        return now

    async def _invite(self, command: room_commands.InviteToRoom) -> views.InviteView:
        now = await self._parts.database.read(lambda db: self.now(db, command.room))
        if not deciding.own_councils(now, Capability.INVITE):
            require(now, now.own, Capability.INVITE, "invite others")
        require_member(now)
        name = now.row.name.encode()[:ROOM_INVITE_NAME_MAX_BYTES].decode(errors="ignore")
        return await self._invites.make_for(
            RoomDoor(now.row.room_id, name), command.lifetime_s, direct=command.direct
        )

    async def join(self, invite: InviteText, person_id: PersonId) -> None:
        """Use an invite into a room that a contact made.

        Raises:
            InvalidInput: one is in the room.
        """
        door = invite.room
        if door is None:
            return
        key, _ = draw_pair(self._parts.random)
        claim = room_claim(invite.secret, door.room_id)

        def join(work: RoomWork) -> None:
            row = rooms.by_id(work.db, door.room_id)
            person = persons.by_id(work.db, person_id)
            if person is None:
                return
            if row is None:
                row = rooms.add(
                    work.db,
                    room_id=door.room_id,
                    name=door.name,
                    standing=Standing.JOINING,
                    version=work.parts.nonces.take(changes.VERSION_BYTES),
                    created_at_ms=work.now_ms,
                    door=person_id,
                    claim=claim,
                )
                rooms.add_key(work.db, row.room, key)
            elif row.standing is Standing.MEMBER:
                raise InvalidInput(what=f"You are in the room {row.name} already")
            else:
                rooms.use_door(work.db, row.room, person_id, claim, Standing.JOINING)
                rooms.add_key(work.db, row.room, key)
            now = work.now(row.room)
            if now is not None:
                introducing.tell_key(work, now, person, claim)

        await self.do(join)

    # --- showing ---

    async def _list(self, command: room_commands.ListRooms) -> room_views.Rooms:
        def read(db: Db) -> list[room_views.RoomView]:
            states, now_ms = self._parts.room_states, self._parts.clock.now_ms()
            return [room_view(db, states.of(db, row), now_ms) for row in rooms.every(db)]

        return room_views.Rooms(rooms=await self._parts.database.long_read(read))

    async def _show(self, command: room_commands.ShowRoom) -> room_views.RoomView:
        now_ms = self._parts.clock.now_ms()
        return await self._parts.database.long_read(
            lambda db: room_view(db, self.now(db, command.room), now_ms)
        )

    async def _list_members(self, command: room_commands.ListMembers) -> room_views.Members:
        reach = {
            one.peer_id: "linked" if one.is_linked() else "anchor" if one.mailer.anchors else ""
            for one in self._roster.in_rooms()
        }

        def read(db: Db) -> room_views.Members:
            now = self.now(db, command.room)
            said = {one.peer_id: one.said for one in room_peers.of_room(db, now.row.room)}
            others = {author for author, _ in troubles.other_keys(db, now)}
            members = [
                self._member_view(db, now, author, said, reach, is_other=author in others)
                for author, member in now.state.members.items()
            ]
            return room_views.Members(members=members, banned=_banned(now))

        return await self._parts.database.long_read(read)

    def _member_view(
        self,
        db: Db,
        now: RoomNow,
        author: bytes,
        all_said: Mapping[PeerId, bytes | None],
        reach: Mapping[PeerId, str],
        *,
        is_other: bool,
    ) -> room_views.MemberView:
        member, own = now.state.members[author], author == now.own
        peer_id = PeerId(member.peer_id)
        person, said = None if own else persons.by_peer_id(db, peer_id), all_said.get(peer_id)
        keys = "other" if is_other else "same" if said == author else "unsaid"
        return room_views.MemberView(
            room=now.row.name,
            room_id=now.row.room_id.hex(),
            author_id=author.hex(),
            name=name_of(now, author),
            role=role_of(member.rank, member.capabilities),
            rank="-" if member.rank is None else ".".join(map(str, member.rank)),
            verified=own or (person is not None and person.verified),
            own=own,
            contact=person.name if person is not None and person.is_contact else None,
            keys="same" if own else keys,
            reach=(reach.get(peer_id) or "members") if said == author else "members",
            may=[] if own else what_may_be_done(now, author),
            forks=[number for who, number in now.state.forks if who == author],
        )

    # --- who is in it ---

    async def _leave(self, command: room_commands.LeaveRoom) -> Done:
        def leave(work: RoomWork) -> None:
            now = self.now(work.db, command.room)
            if now.is_member and now.row.copied_order is None:
                posts = posts_below(work, now, now.own)
                now = changes.state(work, now, Leave(posts))
            elif now.is_member or now.row.standing in (Standing.JOINING, Standing.OFFERED):
                rooms.move(work.db, now.row.room, Standing.LEFT)
            if command.delete:
                rooms.delete(work.db, now.row.room)
                events.forget(work.db, place_of(now.row.room))
                work.happened.later.append(work.parts.deadlines.note_deleted)
                work.parts.room_states.forget(now.row.room)

        await self.do(leave)
        return Done()

    # --- inside ---

    def now(self, db: Db, reference: str) -> RoomNow:
        return self._parts.room_states.of(db, find_room(db, reference))

    async def read(self, read: Callable[[Db], T]) -> T:
        """What is committed, beside other work."""
        return await self._parts.database.long_read(read)

    def post_view(self, work: RoomWork, now: RoomNow, post_id: bytes) -> room_views.PostView:
        """A post as it is now. Raises PostNotFound."""
        stored = room_posts.by_id(work.db, now.row.room, post_id)
        if stored is None:
            raise PostNotFound(post_id=post_id.hex())
        return post_views(work.db, now, [stored])[0]

    async def do(self, do: Callable[[RoomWork], T]) -> T:
        """Work in a transaction; then the devices write what was queued for them."""
        now_ms = self._parts.clock.now_ms()
        works: list[RoomWork] = []
        reached = self._roster.reached()

        def transaction(db: Db, happened: Happened) -> T:
            works[:] = [RoomWork(db, happened, self._parts, now_ms, reached)]
            return do(works[0])

        result = await self._parts.journal.write(transaction)
        self._roster.rows_added(works[0].queued_for)
        if works[0].changed:
            self._roster.rooms_changed()
        return result


def role_of(rank: tuple[int, ...] | None, capabilities: int) -> str:
    """The name of a preset, or what somebody may do."""
    if rank is None:
        return "member"
    return "owner" if rank == () else role_name(capabilities) or "officer"


def _continued(name: str) -> str:
    """A name that differs from the old one, and is no longer than a name may be."""
    suffix = " (continued)"
    return f"{name[: NAME_MAX_CHARACTERS - len(suffix)]}{suffix}"


def require_channel(now: RoomNow, channel: str) -> None:
    """Raises InvalidInput: one is not in the room, or may not post there."""
    require_member(now)
    if channel not in now.state.channels:
        raise InvalidInput(what=f"The room has no channel {printable(channel)}")
    if not now.state.may_post(now.own, channel):
        raise InvalidInput(what=f"You may not post in #{channel}")


def what_may_be_done(now: RoomNow, author: bytes) -> list[str]:
    """What one may do with a member: remove those below, give a role to whom nobody above did."""
    state, me = now.state, now.state.officers.get(now.own)
    if me is None or not now.is_member:
        return []
    them = state.officers.get(author)
    above = state.officers.get(them.by) if them is not None else None
    is_below = them is None or _height(me) < _height(them)
    is_mine = above is None or _height(me) <= _height(above)
    may = {"remove": Capability.REMOVE, "appoint": Capability.ROLES}
    counts = {"remove": is_below, "appoint": is_below and is_mine}
    return [one for one, needs in may.items() if counts[one] and state.may(now.own, needs)]


def _height(officer: Officer) -> tuple[int, tuple[int, ...]]:
    """Smaller is above."""
    return len(officer.rank), officer.rank


def _banned(now: RoomNow) -> list[room_views.BannedView]:
    state, statements = now.state, now.held.statements
    names = {
        one.body.token[0]: printable(one.body.name).strip()
        for one in statements.values()
        if isinstance(one.body, Admit)
    }
    me = state.officers.get(now.own)
    lifts = now.is_member and state.may(now.own, Capability.REMOVE)
    found = []
    for peer_id, statement_id in state.banned.items():
        by = statements[statement_id].author
        view = room_views.BannedView(
            room=now.row.name,
            room_id=now.row.room_id.hex(),
            fingerprint=peer_id.hex(),
            name=names.get(peer_id, ""),
            by=name_of(now, by),
            may=lifts and me is not None and _height(me) <= _height(state.officers[by]),
        )
        found.append(view)
    return found


def room_view(db: Db, now: RoomNow, now_ms: int) -> room_views.RoomView:
    row, state = now.row, now.state
    unread, habits = room_reading.counts(db, row.room), room_places.habits(db, row.room)
    own, last = state.members.get(now.own), _last(db, now, room_posts.ALL)
    return room_views.RoomView(
        room=row.name,
        room_id=row.room_id.hex(),
        number=row.room,
        standing=row.standing.name.lower(),
        role="" if own is None else role_of(own.rank, own.capabilities),
        members=len(state.members),
        channels=[
            _channel_view(
                db, now, one, unread.get(one.name, Unread()), habits.get(one.name, Habit()), now_ms
            )
            for one in state.channels.values()
        ],
        unread=sum(one.outside + one.in_threads for one in unread.values()),
        mentions=sum(one.mentions for one in unread.values()),
        history=state.history,
        retention_s=state.retention_s,
        muted=now_ms < row.mute_until_ms,
        direct=row.is_direct,
        mute_until_ms=_until(row.mute_until_ms, now_ms),
        level=row.level.value,
        created_at_ms=row.created_at_ms,
        may=_may(now),
        through=_through(db, now),
        last_post_at_ms=room_posts.newest_sent_at_ms(db, row.room),
        last=last,
        troubles=troubles.troubles(db, now),
        offered=sum(troubles.may_confirm(now, one) for one in troubles.offered(db, now)),
        councils=_councils(now),
        heard=_is_heard(db, now),
    )


def _councils(now: RoomNow) -> list[room_views.CouncilView]:
    return [
        room_views.CouncilView(
            council_id=author.hex(),
            name=name_of(now, author),
            threshold=officer.council.threshold,
            members=[name_of(now, one) for one in officer.council.authors],
            role=role_name(officer.capabilities) or "officer",
            rank=".".join(map(str, officer.rank)),
            own=now.own in officer.council.authors,
        )
        for author, officer in now.state.officers.items()
        if officer.council is not None and officer.is_in_office
    ]


def _channel_view(
    db: Db, now: RoomNow, channel: Channel, unread: Unread, habit: Habit, now_ms: int
) -> room_views.ChannelView:
    room, name = now.row.room, channel.name
    return room_views.ChannelView(
        channel=name,
        unread=unread.outside,
        unread_in_threads=unread.in_threads,
        mentions=unread.mentions,
        read_row=room_reading.read_row(db, room, name),
        topic=channel.topic,
        restricted=channel.is_restricted,
        may_post=now.state.may_post(now.own, name),
        muted=now_ms < habit.mute_until_ms,
        mute_until_ms=_until(habit.mute_until_ms, now_ms),
        level="" if habit.level is None else habit.level.value,
        last=_last(db, now, Within(channel=name)),
    )


def _last(db: Db, now: RoomNow, within: Within) -> room_views.LastPost | None:
    found = room_posts.page(db, now.row.room, 1, within)
    return last_post(now, found[0]) if found else None


def _until(until_ms: int, now_ms: int) -> int | None:
    """As front ends are told it: None where it is over, or never."""
    return until_ms if now_ms < until_ms < FOR_EVER_MS else None


def _may(now: RoomNow) -> list[str]:
    if not now.is_member:
        return []
    return [str(one.name).lower() for one in Capability if now.state.may(now.own, one)]


def _is_heard(db: Db, now: RoomNow) -> bool:
    """Nobody says that one is not let in: the request was receipted, and nothing came of it."""
    row = now.row
    if row.standing is not Standing.JOINING or row.door is None or not row.claim:
        return False
    peer = room_peers.of(db, row.room, row.door)
    return peer is not None and not outbox.waits_about(db, peer.device_id, row.room_id)


def _through(db: Db, now: RoomNow) -> str | None:
    is_asked = now.row.standing in (Standing.JOINING, Standing.OFFERED)
    if not is_asked or now.row.door is None:
        return None
    person = persons.by_id(db, now.row.door)
    return person.name if person is not None and person.is_contact else None
