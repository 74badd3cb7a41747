"""A room whose members are never online together: all of it goes through mailboxes."""

from loom.api.commands import ImportToken
from loom.api.events import RoomJoined, RoomLeft
from loom.api.room_commands import RemoveMember
from tests.node.harness import World
from tests.node.test_mail_cases import each_an_anchor
from tests.node.test_rooms import ROOM, invite, make, posts, say, stored


async def test_members_join_talk_and_are_removed_through_mailboxes(world: World) -> None:
    alice, bob, _, _ = await each_an_anchor(world)
    await make(alice)
    await say(alice, "before")
    await bob.do(ImportToken(token=await invite(alice)))
    await world.until(lambda: bool(bob.told(RoomJoined)), within_s=3_000.0)
    await world.until(lambda: len(stored(bob)) == 1, within_s=3_000.0)
    await bob.stop()
    await say(alice, "while bob is off")
    await world.pass_time(60.0)
    await alice.stop()
    await bob.start()
    await world.until(lambda: len(stored(bob)) == 2, within_s=3_000.0)
    assert [one.body for one in await posts(bob)] == ["before", "while bob is off"]
    await say(bob, "while alice is off")
    await world.pass_time(60.0)
    await bob.stop()
    await alice.start()
    await world.until(lambda: len(stored(alice)) == 3, within_s=3_000.0)
    await alice.do(RemoveMember(room=ROOM, member="Bob"))
    await world.pass_time(60.0)
    await alice.stop()
    await bob.start()
    await world.until(lambda: bool(bob.told(RoomLeft)), within_s=3_000.0)
