"""A room as large as one may be: 128 members, 64 channels, between nodes in one network."""

import pytest

from loom.api.contact_commands import ImportToken
from loom.api.events import RoomJoined
from loom.api.room_commands import (
    AppointMember,
    ListMembers,
    RemoveMember,
    SendPost,
    SetRoomChannel,
    ShowRoom,
)
from loom.core.room.keys import RoomSigner
from loom.core.room.statement import Admit
from loom.errors import InvalidInput
from loom.node.rooms import changes
from loom.node.rooms.work import RoomWork
from loom.storage import rooms
from loom.wire.limits import ROOM_CHANNELS_MAX, ROOM_MEMBERS_MAX
from tests.node.harness import Person, World, identity_of
from tests.node.test_rooms import ROOM, alike, invite, join, make, say, state, stored

NODES = 6
"""So many of the members are nodes here; the others were let in, and are away."""


async def let_in(owner: Person, count: int) -> None:
    """Members who said their keys and were never seen again."""

    def admit(db: object, happened: object) -> None:
        work = RoomWork(db, happened, owner.node.parts, owner.clock.now_ms())  # type: ignore[arg-type]
        now = work.now(rooms.every(work.db)[0].room)
        assert now is not None
        for n in range(count):
            signer = RoomSigner(bytes([n]) * 32, bytes([n]) * 32)
            token = identity_of(f"away {n}").token
            proof = signer.prove_join(now.row.room_id, token)
            who = token.peer_id, token.x25519_public
            now = changes.state(work, now, Admit(signer.keys, who, f"away {n}", proof, 0))

    await owner.node.parts.journal.write(admit)


@pytest.mark.long
async def test_a_room_of_128_members_and_64_channels_is_joined_read_and_ruled(
    world: World,
) -> None:
    people = [await world.person(f"P{n}") for n in range(NODES)]
    ada, last = people[0], people[-1]
    await make(ada)
    await let_in(ada, ROOM_MEMBERS_MAX - NODES)
    for n in range(ROOM_CHANNELS_MAX - 1):
        await ada.do(SetRoomChannel(room=ROOM, channel=f"c{n}", topic=f"about {n}"))
    for n in range(40):
        await say(ada, f"post {n}", channel=f"c{n}")
    await world.pass_time(4_000.0)
    for joiner in people[1:]:
        await join(world, ada, joiner)
    await alike(world, *people, count=40)
    for person in people:
        room = await person.do(ShowRoom(room=ROOM))
        assert (room.members, len(room.channels)) == (ROOM_MEMBERS_MAX, ROOM_CHANNELS_MAX)
        assert len((await person.do(ListMembers(room=ROOM))).members) == ROOM_MEMBERS_MAX

    # One more is let in, and stands behind the 128.
    late = await world.person("Late")
    await late.do(ImportToken(token=await invite(ada)))
    await world.pass_time(300.0)
    assert not late.told(RoomJoined)
    await ada.do(RemoveMember(room=ROOM, member="away 0"))
    await world.until(lambda: bool(late.told(RoomJoined)), within_s=1_000.0)

    await ada.do(AppointMember(room=ROOM, member="P1", role="moderator"))
    await world.until(lambda: state(people[1]) == state(ada), within_s=1_000.0)
    with pytest.raises(InvalidInput, match="above you"):
        await people[1].do(SetRoomChannel(room=ROOM, channel="c0", on=False))
    await ada.do(SetRoomChannel(room=ROOM, channel="c0", on=False))
    await world.until(lambda: state(people[1]) == state(ada), within_s=1_000.0)
    await people[1].do(SetRoomChannel(room=ROOM, channel="new"))
    await last.do(SendPost(room=ROOM, body="from the last one", channel="c5"))
    with pytest.raises(InvalidInput):
        await ada.do(SendPost(room=ROOM, body="x", channel="nowhere"))
    await alike(world, *people, late, count=41)
    assert stored(late) == stored(ada)
    names = {one.channel for one in (await late.do(ShowRoom(room=ROOM))).channels}
    assert "new" in names
    assert "c0" not in names
