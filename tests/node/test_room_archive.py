"""A member on an always-on machine, with the role archive: a room lives as long as it runs."""

from loom.api.room_commands import AppointMember
from tests.node.anchor_machine import AnchorMachine
from tests.node.harness import Person, World
from tests.node.test_mail import wall
from tests.node.test_rooms import ROOM, alike, join, make, members, posts, say, stored


async def kept_by_an_archive(world: World) -> list[Person]:
    """Ada's room with Bob and an archive; these two know each other."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Attic")]
    ada, bob, attic = people
    await make(ada)
    for joiner in (bob, attic):
        await join(world, ada, joiner)
    await ada.do(AppointMember(room=ROOM, member="Attic", role="archive"))
    await bob.add(attic)
    await attic.add(bob)
    await bob.note_address(attic)
    await alike(world, *people, count=0)
    await world.until(lambda: bob.is_online(attic))
    return people


async def test_who_was_away_catches_up_from_it_with_all_authors_offline(world: World) -> None:
    ada, bob, attic = await kept_by_an_archive(world)
    assert (await members(bob))["Attic"].role == "archive"
    await say(bob, "before")
    await alike(world, ada, bob, attic, count=1)
    await bob.stop()
    for n in range(30):
        await say(ada, f"while Bob is away {n}")
    await world.until(lambda: len(stored(attic)) == 31)
    await ada.stop()
    await bob.start()
    await world.until(lambda: len(stored(bob)) == 31, within_s=1_000.0)
    assert [one.body for one in await posts(bob)][-1] == "while Bob is away 29"


async def test_who_joined_catches_up_from_it_with_the_inviter_offline(world: World) -> None:
    ada, bob, attic = await kept_by_an_archive(world)
    await say(bob, "long ago")
    await alike(world, ada, bob, attic, count=1)
    await say(ada, "and then")
    await alike(world, ada, bob, attic, count=2)
    await bob.stop()
    cyd = await world.person("Cyd")
    await cyd.add(attic)
    await attic.add(cyd)
    await join(world, ada, cyd)
    await ada.stop()
    await cyd.note_address(attic)
    await world.until(lambda: len(stored(cyd)) == 2, within_s=1_000.0)
    await say(cyd, "thank you")
    await world.until(lambda: len(stored(attic)) == 3)
    await cyd.stop()
    await ada.start()
    await bob.start()
    await world.until(lambda: len(stored(bob)) == 3, within_s=1_000.0)
    assert [one.body for one in await posts(bob)] == ["long ago", "and then", "thank you"]


async def test_who_was_away_catches_up_from_it_by_mailbox(world: World) -> None:
    ada, bob, attic = await kept_by_an_archive(world)
    anchor = AnchorMachine(world, "anchor")
    await anchor.start()
    for person in (bob, attic):
        await anchor.serve(person)
    await world.pass_time(60.0)
    await bob.stop()
    await say(ada, "while Bob is away")
    await world.until(lambda: len(stored(attic)) == 1)
    await ada.stop()
    wall(world, bob, attic)
    await bob.start()
    await world.until(lambda: len(stored(bob)) == 1, within_s=2 * 86_400.0)
    assert not bob.is_online(attic)
