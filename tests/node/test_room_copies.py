"""A member whose profile is an older copy asks what it signed since, and uses no number twice."""

import shutil
from pathlib import Path

import pytest

from loom.api.contact_commands import ImportToken
from loom.api.events import RoomCopied, RoomJoined
from loom.api.room_commands import AppointMember, LeaveRoom, RenameRoom, SetRoomChannel, ShowRoom
from loom.errors import RoomWaits
from loom.storage import rooms
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, alike, invite, join, make, members, posts, say, state


@pytest.fixture
async def three(world: World) -> list[Person]:
    """Ada made a room; Bob is a moderator in it, and Cyd a member who knows Ada alone."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await people[0].do(AppointMember(room=ROOM, member="Bob", role="moderator"))
    await world.until(lambda: all(state(one) == state(people[0]) for one in people))
    return people


async def save(person: Person) -> Path:
    """A backup: the folder of the profile, while it is closed."""
    await person.stop()
    backup = person.path.parent.with_suffix(".backup")
    shutil.copytree(person.path.parent, backup)
    await person.start()
    return backup


async def restore(person: Person, backup: Path, *, database_alone: bool = False) -> None:
    """Put it back, and start."""
    if person.is_running:
        await person.stop()
    if database_alone:
        for file in person.path.parent.glob("loom.db*"):
            file.unlink()
        shutil.copy2(backup / "loom.db", person.path)
    else:
        shutil.rmtree(person.path.parent)
        shutil.copytree(backup, person.path.parent)
    await person.start()


def waits(person: Person) -> bool:
    """As committed."""
    return person.database.look(lambda db: rooms.every(db)[0].copied_order is not None)


def numbers(person: Person) -> list[tuple[str, bytes, int]]:
    """Family, author and number of every post and every statement."""
    return person.database.look(
        lambda db: [
            *db.execute("SELECT 'post', author, number FROM room_posts WHERE number IS NOT NULL"),
            *db.execute("SELECT 'statement', author, number FROM room_statements"),
        ]
    )


@pytest.mark.parametrize("database_alone", [False, True], ids=["folder", "database"])
async def test_a_restored_member_asks_before_it_signs_and_uses_no_number_twice(
    world: World, three: list[Person], database_alone: bool
) -> None:
    ada, bob, cyd = three
    await say(bob, "before")
    await alike(world, *three, count=1)
    backup = await save(bob)
    await world.until(lambda: bob.is_online(ada))
    for n in range(3):
        await say(bob, f"lost {n}")
    await bob.do(SetRoomChannel(room=ROOM, channel="lost"))
    await alike(world, *three, count=4)
    world.network.partition({bob.host}, {ada.host, cyd.host})
    await restore(bob, backup, database_alone=database_alone)
    await world.until(lambda: [one.waits for one in bob.told(RoomCopied)] == [True])
    room = await bob.do(ShowRoom(room=ROOM))
    assert [one.what for one in room.troubles] == ["copied"]
    with pytest.raises(RoomWaits):
        await say(bob, "too soon")
    with pytest.raises(RoomWaits):
        await bob.do(SetRoomChannel(room=ROOM, channel="soon"))
    world.network.heal()
    await world.until(
        lambda: [one.waits for one in bob.told(RoomCopied)] == [True, False], within_s=1_000.0
    )
    await say(bob, "after")
    await bob.do(SetRoomChannel(room=ROOM, channel="after"))
    await alike(world, *three, count=5)
    for person in three:
        assert len(set(numbers(person))) == len(numbers(person))
        assert not any(one.doubled for one in await posts(person))
        room = await person.do(ShowRoom(room=ROOM))
        assert [one.channel for one in room.channels] == ["general", "lost", "after"]
        assert room.troubles == []


async def test_a_member_who_is_behind_lets_no_number_be_used_twice(
    world: World, three: list[Person]
) -> None:
    """Ada was restored and hears only Cyd, who has less of hers than Bob."""
    ada, bob, cyd = three
    backup = await save(ada)
    await world.until(lambda: ada.is_online(bob) and ada.is_online(cyd))
    await cyd.crash()
    await say(ada, "only bob has this")
    await ada.do(SetRoomChannel(room=ROOM, channel="lost"))
    await alike(world, ada, bob, count=1)
    await bob.crash()
    await restore(ada, backup)
    await cyd.start()
    await world.until(lambda: not waits(ada), within_s=1_000.0)
    await say(ada, "after")
    await ada.do(SetRoomChannel(room=ROOM, channel="after"))
    await alike(world, ada, cyd, count=1)
    await bob.start()
    await alike(world, *three, count=2)
    for person in three:
        assert len(set(numbers(person))) == len(numbers(person))
        assert (await person.do(ShowRoom(room=ROOM))).troubles == []


async def test_who_asks_to_be_let_in_meanwhile_is_let_in_later(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    backup = await save(ada)
    await world.until(lambda: ada.is_online(bob) and ada.is_online(cyd))
    text = await invite(ada)
    await ada.stop()
    shutil.copy2(ada.path, backup / "loom.db")  # it knows the invite, and is another file
    await bob.crash()
    await cyd.crash()
    await restore(ada, backup)
    dan = await world.person("Dan")
    await dan.do(ImportToken(token=text))
    await world.pass_time(300.0)
    assert waits(ada)
    assert not dan.told(RoomJoined)
    await bob.start()
    await world.until(lambda: bool(dan.told(RoomJoined)), within_s=1_000.0)
    assert "Dan" in await members(ada)


async def test_events_of_ones_own_that_are_not_here_show_a_copy_that_nothing_else_shows(
    world: World, three: list[Person]
) -> None:
    """As after the disk of a virtual machine was set back: its files are the very same."""
    ada, bob, _ = three
    await say(bob, "lost")
    await alike(world, *three, count=1)
    await bob.database.write(lambda db: db.execute("DELETE FROM room_posts WHERE number = 0"))
    await bob.restart()
    await world.until(
        lambda: [one.waits for one in bob.told(RoomCopied)] == [True, False], within_s=2_000.0
    )
    await say(bob, "after")
    await alike(world, *three, count=2)
    assert not any(one.doubled for one in await posts(ada))


async def test_starting_again_is_no_copy_and_who_is_alone_waits_for_nobody(world: World) -> None:
    ada = await world.person("Ada")
    await make(ada)
    backup = await save(ada)
    for _ in range(3):
        await ada.restart()
        await ada.do(RenameRoom(room=ROOM, name=ROOM))
    assert not ada.told(RoomCopied)
    await restore(ada, backup)
    await say(ada, "nobody else could know more")
    assert not ada.told(RoomCopied)


async def test_a_room_that_waits_can_be_left(world: World, three: list[Person]) -> None:
    ada, bob, _ = three
    backup = await save(bob)
    world.network.partition({bob.host}, {ada.host})
    await restore(bob, backup)
    await bob.do(LeaveRoom(room=ROOM))
    assert (await bob.do(ShowRoom(room=ROOM))).standing == "left"
