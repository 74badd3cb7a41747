"""Going on in a new room: offered to the members of the old one, accepted or not."""

import pytest

from loom.api.events import RoomJoined
from loom.api.room_commands import (
    ContinueRoom,
    JoinRoom,
    LeaveRoom,
    ListMembers,
    ListRooms,
    RemoveMember,
    RoomHistory,
    SendPost,
    SetRoomChannel,
    ShowRoom,
)
from loom.api.room_views import RoomView
from loom.core.room.post import ContinueContent
from loom.errors import InvalidInput, RoomNotFound
from loom.node.rooms import speaking
from loom.storage import rooms
from tests.node.harness import Person, World
from tests.node.test_room_councils import _now, _work, settled
from tests.node.test_rooms import ROOM, alike, join, make

NEW = "Orchard"


@pytest.fixture
async def three(world: World) -> list[Person]:
    """Ada made a room and is gone; Bob and Cyd joined it, and have each other as contacts."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(people[0], history=7)
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await people[0].do(SetRoomChannel(room=ROOM, channel="plans", topic="what to plant"))
    await alike(world, *people, count=0)
    await world.introduce(people[1:])
    await settled(world, *people)
    return people


async def standing(person: Person, name: str = NEW) -> RoomView | None:
    """The room as they list it."""
    found = (await person.do(ListRooms())).rooms
    return next((one for one in found if one.room == name), None)


async def until_offered(world: World, person: Person) -> None:
    """They were told."""
    await world.until(
        lambda: person.database.look(lambda db: len(rooms.every(db)) == 2), within_s=1_000.0
    )


async def members(person: Person) -> set[str]:
    """Of the new room."""
    return {one.name for one in (await person.do(ListMembers(room=NEW))).members}


async def test_members_accept_the_new_room_and_talk_there_without_the_creator(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    await ada.crash()
    made = await bob.do(ContinueRoom(room=ROOM, name=NEW))
    assert (made.standing, made.history) == ("member", 7)
    assert {(one.channel, one.topic) for one in made.channels} == {
        *(("general", ""), ("plans", "what to plant"))
    }
    await until_offered(world, cyd)
    offered = await standing(cyd)
    assert offered is not None
    assert (offered.standing, offered.through) == ("offered", "Bob")
    page = await cyd.do(RoomHistory(room=ROOM, limit=100))
    [said] = [one for one in page.posts if one.line and one.line.what == "continued"]
    assert said.line is not None
    assert (said.author, said.line.value) == ("Bob", NEW)
    assert await members(bob) == {"Bob"}
    await cyd.do(JoinRoom(room=NEW))
    await world.until(lambda: len(cyd.told(RoomJoined)) == 2, within_s=1_000.0)
    assert await members(cyd) == {"Bob", "Cyd"}
    await cyd.do(SendPost(room=NEW, body="here we are"))
    await world.until(lambda: _has(bob, "here we are"))
    await ada.start()  # who comes back is offered it, too
    await until_offered(world, ada)
    await ada.do(JoinRoom(room=NEW))
    await world.until(lambda: len(ada.told(RoomJoined)) == 2, within_s=1_000.0)


def _has(person: Person, body: str) -> bool:
    return person.database.look(
        lambda db: bool(db.execute("SELECT 1 FROM room_posts WHERE body = ?", (body,)).fetchone())
    )


async def test_who_does_not_want_it_lets_it_be_forgotten(world: World, three: list[Person]) -> None:
    _, bob, cyd = three
    await bob.do(ContinueRoom(room=ROOM, name=NEW))
    await until_offered(world, cyd)
    await cyd.do(LeaveRoom(room=NEW, delete=True))
    with pytest.raises(RoomNotFound):
        await cyd.do(ShowRoom(room=NEW))
    assert await members(bob) == {"Bob"}
    with pytest.raises(InvalidInput):
        await cyd.do(JoinRoom(room=ROOM))


async def test_a_later_offer_of_the_same_member_takes_the_earlier_one_back(
    world: World, three: list[Person]
) -> None:
    _, bob, cyd = three
    await bob.do(ContinueRoom(room=ROOM, name="Mistake"))
    await bob.do(ContinueRoom(room=ROOM, name=NEW))
    await settled(world, bob, cyd)
    found = (await cyd.do(ListRooms())).rooms
    assert [(one.room, one.standing) for one in found] == [(ROOM, "member"), (NEW, "offered")]


async def test_who_was_removed_from_the_new_room_is_not_let_in_by_the_offer_again(
    world: World, three: list[Person]
) -> None:
    _, bob, cyd = three
    await bob.do(ContinueRoom(room=ROOM, name=NEW))
    await until_offered(world, cyd)
    await cyd.do(JoinRoom(room=NEW))
    await world.until(lambda: len(cyd.told(RoomJoined)) == 2, within_s=1_000.0)
    await bob.do(RemoveMember(room=NEW, member="Cyd"))
    await world.until(lambda: _standing(cyd) == "REMOVED", within_s=1_000.0)
    await cyd.do(LeaveRoom(room=NEW, delete=True))
    await bob.do(ContinueRoom(room=ROOM, name="Other"))
    await settled(world, bob, cyd)

    def forget(db: object, happened: object) -> None:
        """As if the first offer had never been followed."""
        work = _work(cyd, db, happened)
        old = _now(work)
        new = bytes.fromhex(view.room_id)
        speaking.post(work, old, ContinueContent(new, NEW, (bytes(cyd.identity.peer_id),)))

    view = await bob.do(ShowRoom(room=NEW))
    await cyd.node.parts.journal.write(forget)
    await settled(world, bob, cyd)
    # What Cyd says of Bob's room opens nothing there.
    assert await members(bob) == {"Bob"}


def _standing(person: Person) -> str:
    return person.database.look(lambda db: rooms.every(db)[-1].standing.name)
