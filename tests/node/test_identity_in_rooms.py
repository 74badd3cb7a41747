"""Members of rooms who go over to another identity (docs/PROTOCOL.md 1.5 and 14)."""

import pytest

from loom.api.contact_commands import ImportToken, RemoveContact
from loom.api.conversation_commands import SetPreferences
from loom.api.events import RoomJoined, RoomLeft
from loom.api.identity_commands import RevokeIdentity, ShowIdentity
from loom.api.room_commands import LeaveRoom, RemoveMember, ShowRoom
from loom.core.identity_chain import Statement
from loom.errors import OwnIdentityRevoked
from loom.storage import identity_statements, outbox
from tests.node.harness import Person, World
from tests.node.test_acquaintances import acquaintance, acquainted, is_acquainted
from tests.node.test_identity import knows, rotate, words_of
from tests.node.test_rooms import ROOM, alike, invite, join, make, members, posts, say, stored


async def three(world: World) -> list[Person]:
    """Ada made a room; Bob and Cyd joined it, and know nobody but Ada."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    return people


@pytest.mark.parametrize("who", ["the creator", "a member"])
async def test_a_room_goes_on_when_somebody_has_another_identity(world: World, who: str) -> None:
    people = ada, bob, cyd = await three(world)
    await say(ada, "one")
    await alike(world, *people, count=1)
    mover, other = (ada, bob) if who == "the creator" else (bob, ada)
    await rotate(mover)
    await world.until(lambda: knows(other, mover), 600)
    for number, person in enumerate((ada, bob, cyd), 2):
        await say(person, f"{number}")
        await alike(world, *people, count=number)
    seen = (await members(other))[mover.name]
    assert (seen.contact, seen.keys) == (mover.name, "same")
    own = (await members(mover))[mover.name]
    assert own.own
    assert [one.body for one in await posts(cyd)] == ["one", "2", "3", "4"]


async def test_who_is_revoked_says_nothing_in_a_room(world: World) -> None:
    _, bob, _ = await three(world)
    await bob.do(RevokeIdentity(phrase=words_of(bob)))
    with pytest.raises(OwnIdentityRevoked):
        await say(bob, "still here")
    assert stored(bob) == []
    await bob.do(LeaveRoom(room=ROOM))


@pytest.mark.parametrize("waits", [False, True])
async def test_an_acquaintance_follows(world: World, waits: bool) -> None:
    """Also of who waits until contacts are verified: nobody verifies an acquaintance."""
    ada, bob, cyd = await acquainted(world)
    await cyd.do(SetPreferences(verify_first=waits))
    await rotate(bob)
    await world.until(lambda: is_acquainted(cyd, bob), 6_000)
    untold = "SELECT person_id FROM untold"
    await world.until(
        lambda: not bob.database.look(lambda db: db.execute(untold).fetchall()), 6_000
    )
    assert bob.node.former.sought == []
    await ada.stop()
    await say(bob, "is anybody there?")
    await world.until(lambda: len(stored(cyd)) == 1, within_s=6_000)
    await say(cyd, "I am")
    await world.until(lambda: len(stored(bob)) == 2, within_s=6_000)


async def test_who_was_added_under_the_identity_of_now_is_the_member(world: World) -> None:
    """Cyd meets Bob before anybody tells her that the member whom she knows has gone over."""
    _, bob, cyd = await acquainted(world)
    await cyd.stop()
    await rotate(bob)
    await cyd.start()
    await cyd.add(bob)
    await bob.add(cyd)
    await world.until(lambda: bool(statements_of(cyd, bob)), 6_000)
    assert (await members(cyd))["Bob"].contact == "Bob"


async def test_a_contact_who_is_removed_is_no_member_of_before(world: World) -> None:
    """Somebody else may have the identity with which they were admitted."""
    ada, bob, _ = await acquainted(world)
    await rotate(bob)
    await world.until(lambda: knows(ada, bob), 600)
    await ada.do(RemoveContact(contact="Bob"))
    await world.pass_time(1_200)
    for _ in range(2):
        known = [one.peer_id for one in ada.node.roster.acquaintances.values()]
        assert known == [bob.identity.peer_id]
        await ada.restart()


def statements_of(person: Person, other: Person) -> tuple[Statement, ...]:
    number = person.peer(other).number
    return person.database.look(lambda db: identity_statements.of(db, number))


def is_revoked(person: Person, other: Person) -> bool:
    return is_acquainted(person, other) and acquaintance(person, other).person.revoked


async def test_another_identity_does_not_bring_a_banned_member_back(world: World) -> None:
    ada, bob, _ = await three(world)
    await ada.do(RemoveMember(room=ROOM, member="Bob", ban=True))

    await rotate(bob)
    await world.until(lambda: knows(ada, bob), 600)
    await bob.do(LeaveRoom(room=ROOM))
    joined = len(bob.told(RoomJoined))
    await bob.do(ImportToken(token=await invite(ada)))
    await world.pass_time(300)
    assert len(bob.told(RoomJoined)) == joined
    assert "Bob" not in await members(ada)
    assert (await ada.do(ShowRoom(room=ROOM))).members == 2


async def test_nothing_of_a_room_is_sent_to_an_acquaintance_who_is_revoked(world: World) -> None:
    _, bob, cyd = await acquainted(world)
    await bob.do(RevokeIdentity(phrase=words_of(bob)))
    await world.until(lambda: is_revoked(cyd, bob), 6_000)

    await say(cyd, "without Bob")
    await world.pass_time(120)
    device = acquaintance(cyd, bob)
    assert cyd.database.look(lambda db: outbox.count(db, device.device_id)) == 0
    assert device not in cyd.node.roster.admitted()
    assert device.dialer is None
    await cyd.restart()
    assert acquaintance(cyd, bob).dialer is None


async def test_rooms_where_the_old_key_still_counts_are_named(world: World) -> None:
    """Who had the keys of before may have those in rooms: another member can end them."""
    ada, bob, _ = await three(world)
    assert (await bob.do(ShowIdentity())).old_room_keys == []
    await rotate(bob)
    [old] = (await bob.do(ShowIdentity())).old_room_keys
    assert (old.room, old.removers) == (ROOM, ["Ada"])
    await world.until(lambda: knows(ada, bob), 600)
    await ada.do(RemoveMember(room=ROOM, member="Bob"))
    await world.until(lambda: bool(bob.told(RoomLeft)), 600)
    await bob.do(ImportToken(token=await invite(ada)))
    joined = len(bob.told(RoomJoined))
    await world.until(lambda: len(bob.told(RoomJoined)) > joined, 600)
    assert (await bob.do(ShowIdentity())).old_room_keys == []
    await say(bob, "with another key")


async def test_nobody_removes_the_key_of_who_made_the_room(world: World) -> None:
    ada, _, _ = await three(world)
    await rotate(ada)
    [old] = (await ada.do(ShowIdentity())).old_room_keys
    assert (old.room, old.removers) == (ROOM, [])


async def test_two_acquaintances_have_other_identities(world: World) -> None:
    """Neither has a name here: the second one was not stored beside the first."""
    people = ada, bob, cyd = await acquainted(world)
    dan = await world.person("Dan")
    await join(world, ada, dan)
    await alike(world, *people, dan, count=0)
    await world.until(lambda: is_acquainted(cyd, dan), 6_000)
    for one in (bob, dan):
        await rotate(one)
        await world.until(lambda one=one: is_acquainted(cyd, one), 6_000)  # type: ignore[misc]
