"""New room keys after another identity: who lets them in, who loses the old ones (14.1)."""

import asyncio
import contextlib

import pytest

from loom.api.contact_commands import BlockContact, VerifyContact
from loom.api.conversation_commands import SetPreferences
from loom.api.events import RoomKeyDiffers, RoomLeft
from loom.api.identity_commands import ShowIdentity
from loom.api.room_commands import (
    AppointMember,
    DeletePost,
    EditPost,
    RemoveMember,
    ShowRoom,
)
from loom.core.room.keys import RoomSigner
from loom.core.room.post import TextContent, sign_post
from loom.errors import InvalidInput, LoomError
from loom.node.room_states import RoomNow
from loom.storage import room_renewals, rooms
from tests.node.harness import Person, World
from tests.node.test_identity import knows, reopen, rotate
from tests.node.test_identity_in_rooms import three
from tests.node.test_room_crashes import doom
from tests.node.test_room_troubles import lines
from tests.node.test_rooms import ROOM, alike, join, members, posts, say


def now_of(person: Person) -> RoomNow:
    states = person.node.parts.room_states
    return person.database.look(lambda db: states.of(db, rooms.every(db)[0]))


def pairs(person: Person) -> list[bytes]:
    """One's own, the newest first."""
    return list(now_of(person).own_authors)


async def gone_over(world: World, mover: Person, *others: Person, within_s: float = 900) -> None:
    """The newest pair is the only one of theirs, for everybody."""

    def is_done() -> bool:
        new, *old = pairs(mover)
        room = now_of(mover).row.room
        is_drawn = not mover.database.look(lambda db: room_renewals.is_older(db, room, new))
        return is_drawn and all(
            new in now_of(one).state.members and not set(old) & now_of(one).state.members.keys()
            for one in (mover, *others)
        )

    await world.until(is_done, within_s)


async def test_a_member_gets_another_key_by_itself(world: World) -> None:
    people = ada, bob, cyd = await three(world)
    await say(bob, "before")
    await alike(world, *people, count=1)
    [old] = pairs(bob)
    await rotate(bob)
    [waits] = (await bob.do(ShowIdentity())).old_room_keys
    assert (waits.room, waits.renewers, waits.removers) == (ROOM, ["Ada"], ["Ada"])
    await gone_over(world, bob, ada, cyd)
    assert len(pairs(bob)) == 2
    assert (await bob.do(ShowIdentity())).old_room_keys == []
    await say(bob, "after")
    await alike(world, *people, count=2)
    await world.pass_time(600)
    for person in people:
        now = now_of(person)
        assert old in now.state.left
        assert [one.name for one in now.state.members.values()].count("Bob") == 1
        assert not person.told(RoomKeyDiffers)
        assert (await person.do(ShowRoom(room=ROOM))).troubles == []
    assert [one.own for one in await posts(bob)] == [True, True]
    for person in (ada, bob):
        said = [one.what for one in await lines(person)]
        assert said[-1] == "renewed"
        assert "left" not in said
    assert not bob.told(RoomLeft)


async def test_who_has_the_old_key_is_out(world: World) -> None:
    """Also with a post that says to be earlier."""
    people = ada, bob, cyd = await three(world)
    await rotate(bob)
    await gone_over(world, bob, ada, cyd)
    old = bob.database.look(lambda db: rooms.keys(db, rooms.every(db)[0].room)[-1].seeds)
    now, thief = now_of(bob), RoomSigner(old[:32], old[32:])
    content = TextContent("general", "it is me", b"", b"", (), 0)
    post = sign_post(thief, now.row.room_id, 1, 1, bob.clock.now_ms(), content)
    assert not any(now_of(one).state.takes_post(post.author, post.number) for one in people)


async def test_an_officer_gets_the_same_place_again_from_who_gave_it(world: World) -> None:
    people = ada, bob, cyd = await three(world)
    await ada.do(AppointMember(room=ROOM, member="Bob", role="owner"))
    await ada.do(AppointMember(room=ROOM, member="Cyd", role="owner"))
    await alike(world, *people, count=0)
    dan = await world.person("Dan")
    await join(world, bob, dan)
    await bob.do(AppointMember(room=ROOM, member="Dan", role="moderator"))
    await alike(world, *people, dan, count=0)
    before = now_of(ada).state
    [old] = pairs(bob)
    await rotate(bob)
    await gone_over(world, bob, ada, cyd)
    after = now_of(ada).state
    new = pairs(bob)[0]
    assert after.officers[new].capabilities == before.officers[old].capabilities
    assert after.officers[new].by == before.officers[old].by
    assert len(after.officers[new].rank) == len(before.officers[old].rank)
    assert after.removed[old].by == pairs(ada)[0]
    # What he did before stays: Dan is in, and has his role.
    [dans] = (one for one in after.members.values() if one.name == "Dan")
    assert dans.capabilities
    assert "replaced" in [one.what for one in await lines(bob)]
    await bob.do(RemoveMember(room=ROOM, member="Dan"))
    await world.until(lambda: dans.author not in now_of(cyd).state.members, 600)


async def test_nobody_else_lets_an_officer_in_while_who_appointed_them_may(world: World) -> None:
    """Two pairs, of which the new one may do nothing, would be of no use."""
    people = ada, bob, cyd = await three(world)
    for name in ("Bob", "Cyd"):
        await ada.do(AppointMember(room=ROOM, member=name, role="owner"))
    await alike(world, *people, count=0)
    await ada.stop()
    await bob.add(cyd)
    await cyd.add(bob)
    await bob.call(cyd)
    await rotate(bob)
    await world.until(lambda: knows(cyd, bob), 600)
    await world.pass_time(300)
    assert now_of(bob).own == pairs(bob)[1]
    assert (await bob.do(ShowIdentity())).old_room_keys[0].renewers == ["Ada"]
    await ada.start()
    await gone_over(world, bob, ada, cyd)


async def test_an_officer_who_comes_days_later_lets_the_new_key_in(world: World) -> None:
    ada, bob, cyd = await three(world)
    await ada.stop()
    await rotate(bob)
    await world.pass_time(3 * 86_400)
    assert len(pairs(bob)) == 2
    await ada.start()
    await world.until(lambda: knows(ada, bob), 6_000)
    await gone_over(world, bob, ada, within_s=6_000)
    await say(bob, "hello")
    await world.until(lambda: pairs(bob)[0] in now_of(cyd).state.members, 900)


async def test_two_rotations_before_an_officer_comes(world: World) -> None:
    """The pair of the first one may be stolen, too: it is never let in."""
    ada, bob, cyd = await three(world)
    await ada.stop()
    for _ in range(2):
        await rotate(bob)
        await world.until(lambda: now_of(bob).drawn is not None, 600)
    await world.until(lambda: len(pairs(bob)) == 3, 600)
    await ada.start()
    await gone_over(world, bob, ada, cyd)
    assert pairs(bob)[1] not in now_of(ada).state.keys


async def test_a_second_rotation_draws_another_key(world: World) -> None:
    ada, bob, cyd = await three(world)
    for count in (2, 3):
        await rotate(bob)
        await world.until(lambda: knows(ada, bob), 600)
        await world.until(lambda count=count: len(pairs(bob)) == count, 600)  # type: ignore[misc]
        await gone_over(world, bob, ada, cyd)
    assert len([one for one in now_of(ada).state.members.values() if one.name == "Bob"]) == 1


@pytest.mark.parametrize("ban", [False, True])
async def test_who_was_removed_meanwhile_stays_out(world: World, ban: bool) -> None:
    ada, bob, cyd = await three(world)
    world.network.partition({ada.host}, {bob.host, cyd.host})
    await rotate(bob)
    await world.until(lambda: now_of(bob).drawn is not None, 600)
    await ada.do(RemoveMember(room=ROOM, member="Bob", ban=ban))
    world.network.heal()
    await world.until(lambda: bool(bob.told(RoomLeft)), 900)
    await world.pass_time(600)
    assert bob.told(RoomLeft)[-1].by == "Ada"
    assert "Bob" not in await members(ada)
    assert "Bob" not in await members(cyd)


async def test_who_banned_them_meanwhile_removes_the_new_key_too(world: World) -> None:
    """Cyd, who does not know of the ban yet, lets Bob's new key in."""
    people = ada, bob, cyd = await three(world)
    await ada.do(AppointMember(room=ROOM, member="Cyd", role="owner"))
    await alike(world, *people, count=0)
    await bob.add(cyd)
    await cyd.add(bob)
    await bob.call(cyd)
    world.network.partition({ada.host}, {bob.host, cyd.host})
    await ada.do(RemoveMember(room=ROOM, member="Bob", ban=True))
    await rotate(bob)
    await gone_over(world, bob, cyd)
    world.network.heal()
    await world.until(lambda: bool(bob.told(RoomLeft)), 1_800)
    await world.until(lambda: now_of(cyd).state.removed == now_of(ada).state.removed, 900)
    for person in (ada, cyd):
        assert "Bob" not in await members(person)


async def test_a_blocked_member_is_not_let_in(world: World) -> None:
    ada, bob, _ = await three(world)
    await rotate(bob)
    await ada.do(BlockContact(contact="Bob"))
    await world.pass_time(900)
    assert len([one for one in now_of(ada).state.members.values() if one.name == "Bob"]) == 1
    assert pairs(bob)[-1] in now_of(ada).state.members


async def test_who_made_the_room_keeps_the_key(world: World) -> None:
    ada, bob, _ = await three(world)
    await rotate(ada)
    await world.until(lambda: knows(bob, ada), 600)
    await world.pass_time(300)
    assert len(pairs(ada)) == 1
    [old] = (await ada.do(ShowIdentity())).old_room_keys
    assert (old.renewers, old.removers) == ([], [])


async def test_posts_under_the_old_key_can_be_deleted_and_not_changed(world: World) -> None:
    people = ada, bob, cyd = await three(world)
    await bob.add(cyd)
    await cyd.add(bob)
    await bob.call(cyd)
    await say(bob, "regretted")
    await alike(world, *people, count=1)
    await rotate(bob)
    await gone_over(world, bob, ada, cyd)
    [post] = await posts(bob)
    with pytest.raises(InvalidInput, match="key that you do not use any more"):
        await bob.do(EditPost(room=ROOM, post_id=post.post_id, body="better"))
    await bob.do(DeletePost(room=ROOM, post_id=post.post_id))

    def is_gone(person: Person) -> bool:
        sql = "SELECT is_gone FROM room_posts WHERE id = ?"
        wanted = bytes.fromhex(post.post_id)
        return bool(person.database.look(lambda db: db.execute(sql, (wanted,)).fetchone()[0]))

    await world.until(lambda: all(is_gone(one) for one in people), 900)


async def test_a_node_that_is_killed_goes_on_with_it(world: World) -> None:
    ada, bob, cyd = await three(world)
    await rotate(bob)
    for person in (bob, ada, bob, ada):
        await person.restart()
    await gone_over(world, bob, ada, cyd)


async def test_a_member_who_was_away_hears_from_another_whose_the_new_key_is(
    world: World,
) -> None:
    """Else somebody whom she blocked would be another person to her."""
    people = ada, bob, cyd = await three(world)
    await bob.add(cyd)
    await cyd.add(bob)
    await bob.call(cyd)
    await alike(world, *people, count=0)
    await cyd.do(BlockContact(contact="Bob"))
    await cyd.stop()
    await rotate(bob)
    await gone_over(world, bob, ada)
    await bob.stop()
    await cyd.start()
    await world.until(lambda: knows(cyd, bob), 6_000)
    assert cyd.peer(bob).person.blocked


async def test_who_was_away_follows_the_member(world: World) -> None:
    """Cyd comes when the old key is out already: she has a new member, and her contact Bob."""
    people = ada, bob, cyd = await three(world)
    await bob.add(cyd)
    await cyd.add(bob)
    await bob.call(cyd)
    await cyd.stop()
    await rotate(bob)
    await gone_over(world, bob, ada)
    await cyd.start()
    await world.until(lambda: knows(cyd, bob), 6_000)
    await say(bob, "welcome back")
    await alike(world, *people, count=1)
    assert (await members(cyd))["Bob"].contact == "Bob"

    async def keys() -> str:
        return (await members(cyd))["Bob"].keys

    for _ in range(30):
        if await keys() == "same":
            return
        await world.pass_time(60)
    raise AssertionError(await keys())


async def test_two_officers_who_let_one_key_in_do_no_harm(world: World) -> None:
    """Neither knows yet that the other did it, too."""
    people = ada, bob, cyd = await three(world)
    await ada.do(AppointMember(room=ROOM, member="Cyd", role="owner"))
    await alike(world, *people, count=0)
    await bob.add(cyd)
    await cyd.add(bob)
    await bob.call(cyd)
    world.network.partition({ada.host}, {cyd.host}, {bob.host})
    await rotate(bob)
    await world.until(lambda: now_of(bob).drawn is not None, 600)
    new = pairs(bob)[0]
    for officer, other in ((ada, cyd), (cyd, ada)):
        world.network.partition({officer.host, bob.host}, {other.host})
        await world.until(lambda officer=officer: new in now_of(officer).state.members, 6_000)  # type: ignore[misc]
    world.network.heal()
    await gone_over(world, bob, ada, cyd, within_s=6_000)
    await say(bob, "once")
    await alike(world, *people, count=1)
    assert len([one for one in now_of(cyd).state.members.values() if one.name == "Bob"]) == 1


async def test_who_waits_until_they_verify_lets_the_key_in_afterwards(world: World) -> None:
    ada, bob, cyd = await three(world)
    await ada.do(SetPreferences(verify_first=True))
    await rotate(bob)
    await world.until(lambda: knows(ada, bob), 600)
    await world.pass_time(900)
    assert pairs(bob)[0] not in now_of(ada).state.members
    await ada.do(VerifyContact(contact="Bob", confirm=True))
    await gone_over(world, bob, ada, cyd, within_s=6_000)


async def test_who_copied_the_profile_before_gets_no_key_in(world: World) -> None:
    """The old identity says nothing in a room any more, and no key follows it."""
    ada, bob, cyd = await three(world)
    copied = bob.identity
    await rotate(bob)
    await gone_over(world, bob, ada, cyd)
    before = now_of(ada).state.members.keys()
    thief = await world.person("Bob", copied)
    await thief.add(ada)
    await thief.call(ada)
    await world.pass_time(1_200)
    assert now_of(ada).state.members.keys() == before
    waiting = "SELECT count(*) FROM room_renewals"
    assert ada.database.look(lambda db: db.execute(waiting).fetchone()) == (0,)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("who", ["Ada", "Bob"])
async def test_power_that_fails_at_a_commit_leaves_one_key(
    world: World, who: str, after: bool
) -> None:
    people = ada, bob, cyd = await three(world)
    victim = ada if who == "Ada" else bob
    died = 0
    for nth in range(1, 8):
        doom(victim, nth, after=after)
        asked = asyncio.create_task(rotate(bob))
        with contextlib.suppress(AssertionError):
            await world.until(lambda: not victim.is_running, 120)
        died += not victim.is_running
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError, LoomError):
            await asked
        victim.heal()
        if not victim.is_running:
            await victim.bury()
            reopen(victim)
            await victim.start()
        reopen(bob, running=True)
        await gone_over(world, bob, ada, cyd, within_s=6_000)
        assert len([one for one in now_of(cyd).state.members.values() if one.name == "Bob"]) == 1
    assert died > 3
    await say(bob, "still here")
    await alike(world, *people, count=1)
    assert not any(person.told(RoomKeyDiffers) for person in people)
