"""A room whose members are never online together: all of it goes through mailboxes."""

from loom.api.contact_commands import ImportToken
from loom.api.events import RoomJoined, RoomLeft
from loom.api.room_commands import (
    AppointCouncil,
    ChooseInPoll,
    ProposeChange,
    RemoveMember,
    RenameRoom,
    ShowRoom,
    VoteOnProposal,
)
from loom.storage import rooms
from tests.node.harness import Person, World
from tests.node.test_mail_cases import each_an_anchor
from tests.node.test_room_polls import ask, counted
from tests.node.test_rooms import ROOM, invite, make, posts, say, state, stored


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


async def test_a_council_votes_and_a_poll_is_answered_through_mailboxes(world: World) -> None:
    alice, bob, _, _ = await each_an_anchor(world)
    await make(alice)
    await bob.do(ImportToken(token=await invite(alice)))
    await world.until(lambda: bool(bob.told(RoomJoined)), within_s=3_000.0)
    council = AppointCouncil(room=ROOM, threshold=2, members=["Alice", "Bob"], role="owner")
    await alice.do(council)
    await world.until(lambda: state(bob) == state(alice), within_s=3_000.0)
    await bob.stop()
    change = RenameRoom(room=ROOM, name="Orchard")
    [proposal] = (await alice.do(ProposeChange(room=ROOM, change=change))).posts
    asked = await ask(alice)
    await world.pass_time(60.0)
    await alice.stop()

    await bob.start()
    await world.until(lambda: len(stored(bob)) == 2, within_s=3_000.0)
    await bob.do(VoteOnProposal(room=ROOM, post_id=proposal.post_id, yes=True))
    assert (await bob.do(ShowRoom(room="Orchard"))).room == "Orchard"
    await bob.do(ChooseInPoll(room="Orchard", post_id=asked.post_id, options=["Friday"]))
    await world.pass_time(60.0)
    await bob.stop()

    await alice.start()
    await world.until(lambda: state(alice) == state(bob), within_s=3_000.0)
    await world.until(lambda: name_of_room(alice) == "Orchard", within_s=3_000.0)
    assert await counted(alice, "Orchard") == {"Friday": ["Bob"]}


def name_of_room(person: Person) -> str:
    """As it is stored."""
    return person.database.look(lambda db: rooms.every(db)[0].name)
