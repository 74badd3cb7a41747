"""What of somebody's posts stays once they are removed: the same for all, whatever came before."""

from loom.api.room_commands import (
    AppointMember,
    EditPost,
    ReactToPost,
    RemoveMember,
    RoomHistory,
)
from loom.storage import room_posts, rooms
from loom.storage.room_posts import RoomPost
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, alike, join, kept, make, members, posts, say, stored


async def bodies(person: Person) -> list[tuple[str, bool, bool]]:
    """What is shown, whether it was edited, and whether it is gone."""
    return [(one.body, one.edited, one.deleted) for one in await posts(person)]


async def test_what_the_remover_had_not_seen_is_shown_by_nobody(world: World) -> None:
    ada, bob, cyd = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(ada)
    for joiner in (bob, cyd):
        await join(world, ada, joiner)
    await alike(world, ada, bob, cyd, count=0)
    await ada.do(AppointMember(room=ROOM, member="Bob", role="moderator"))
    adas = await say(ada, "of Ada")
    await alike(world, ada, bob, cyd, count=1)
    seen = await say(cyd, "seen by all")
    await alike(world, ada, bob, cyd, count=2)
    world.network.partition({ada.host, cyd.host}, {bob.host})
    await say(cyd, "unseen by Bob")
    await cyd.do(EditPost(room=ROOM, post_id=seen.post_id, body="edited unseen"))
    await cyd.do(ReactToPost(room=ROOM, post_id=adas.post_id, emoji="\N{SNOWMAN}"))
    await world.until(lambda: len(stored(ada)) == 3)
    await bob.do(RemoveMember(room=ROOM, member="Cyd"))
    await world.pass_time(30.0)
    assert len(await bodies(ada)) == 3
    assert (await bodies(ada))[1][:2] == ("edited unseen", True)
    world.network.heal()
    await world.pass_time(2_000.0)
    assert set(await members(ada)) == {"Ada", "Bob"}
    wanted = [("of Ada", False, False), ("seen by all", False, False)]
    for person in (ada, bob):
        assert await bodies(person) == wanted
        assert not (await posts(person))[0].reactions
        assert not await unequal(ada, bob)


async def unequal(one: Person, other: Person) -> set[bytes]:
    """The ids that are compared of one and not of the other."""
    ids = [
        person.database.look(lambda db: {each[2] for each in kept(db)}) for person in (one, other)
    ]
    return ids[0] ^ ids[1]


async def test_what_was_kept_aside_comes_back_as_it_was(world: World) -> None:
    ada = await world.person("Ada")
    await make(ada)
    texts = [await say(ada, f"{n}") for n in range(3)]
    await ada.do(EditPost(room=ROOM, post_id=texts[0].post_id, body="edited"))
    author = bytes.fromhex(texts[0].author_id)
    before = await ada.do(RoomHistory(room=ROOM))

    async def end(at: int | None) -> list[RoomPost]:
        return await ada.database.write(
            lambda db: room_posts.take_out(db, rooms.every(db)[0].room, author, at)
        )

    assert [one.number for one in await end(2)] == [2, 3]
    assert len(await posts(ada)) == 2
    assert await end(2) == []
    assert [one.number for one in await end(0)] == [0, 1]
    assert await posts(ada) == []
    assert [one.number for one in await end(None)] == [0, 1, 2, 3]
    assert [one.body for one in (await ada.do(RoomHistory(room=ROOM))).posts] == [
        one.body for one in before.posts
    ]
