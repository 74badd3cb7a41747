"""The power fails at each commit while posts are passed on, and while members of a room meet."""

import asyncio

import pytest

from loom.api.room_views import PostView
from tests.node.harness import Person, World
from tests.node.test_acquaintances import has_met, strangers
from tests.node.test_mail import wall
from tests.node.test_rooms import alike, join, make, posts, say, stored

FIRST = range(1, 8)
"""At least so many commits come between a post and the receipts of those who were passed it."""
ONCE = (
    "SELECT count(*) FROM events WHERE message_row < 0 AND json_extract(body, '$.type') ="
    " 'room.posted' GROUP BY message_row"
)
DOUBLED = "SELECT count(*) FROM room_posts WHERE is_doubled = 1"
WAITING = "SELECT count(*) FROM outbox"
TWICE_KNOWN = "SELECT count(*) FROM persons GROUP BY peer_id HAVING count(*) > 1"


def doom(person: Person, nth: int, *, after: bool) -> None:
    """Let the power fail before or after the commit that is so many away."""
    at = person.disk.commits + nth
    if after:
        person.disk.power_lost_after = at
    else:
        person.disk.power_lost_before = at


def rows(person: Person, sql: str) -> list[int]:
    """The numbers that a query finds in what is committed."""
    return person.database.look(lambda db: [int(one) for (one,) in db.execute(sql)])


async def said_or_dead(world: World, person: Person, body: str) -> bool:
    """Post; whether the answer came before the power failed."""
    asked: asyncio.Task[PostView] = asyncio.create_task(say(person, body))
    await world.until(lambda: asked.done() or not person.is_running)
    if not asked.done():
        asked.cancel()
        return False
    return asked.exception() is None


async def nothing_lost_nothing_doubled(
    world: World, people: list[Person], accepted: list[str]
) -> None:
    """Everybody has the same posts, each once, and each was told once."""
    await world.until(
        lambda: all(stored(one) == stored(people[0]) for one in people), within_s=10_000.0
    )
    for one in people:
        bodies = [post.body for post in await posts(one)]
        assert len(set(bodies)) == len(bodies)
        assert set(accepted) <= set(bodies), "what was answered is there"
        assert set(rows(one, ONCE)) <= {1}
        assert rows(one, DOUBLED) == [0], "two posts under one number"
        assert rows(one, TWICE_KNOWN) == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("who", ["Ada", "Bob", "Cyd"])
async def test_power_that_fails_at_a_commit_loses_and_doubles_no_post_that_is_passed_on(
    world: World, who: str, after: bool
) -> None:
    """Bob and Cyd are reached by Ada alone: she passes on what either says."""
    people = ada, bob, cyd = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(ada)
    for joiner in (bob, cyd):
        await join(world, ada, joiner)
    await alike(world, *people, count=0)
    wall(world, bob, cyd)
    [victim] = [one for one in people if one.name == who]
    accepted, died = list[str](), 0
    for nth in FIRST:
        for speaker in (bob, cyd):
            doom(victim, nth, after=after)
            body = f"{speaker} {nth}"
            if await said_or_dead(world, speaker, body):
                accepted.append(body)
            await world.pass_time(5.0)
            died += not victim.is_running
            victim.disk.heal()
            if not victim.is_running:
                await victim.restart()
            wall(world, bob, cyd)
            await nothing_lost_nothing_doubled(world, people, accepted)
    assert died >= len(FIRST), "the power failed while there was work"
    await world.until(lambda: all(rows(one, WAITING) == [0] for one in people), within_s=10_000.0)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("who", ["Bob", "Cyd"])
@pytest.mark.parametrize(
    "nth",
    [1, 2, 4, 7, 11, *(pytest.param(n, marks=pytest.mark.long) for n in (3, 5, 6, 8, 9, 10, 13))],
)
async def test_power_that_fails_at_a_commit_while_members_meet_changes_nothing(
    world: World, who: str, nth: int, after: bool
) -> None:
    people = ada, bob, cyd = await strangers(world, anchors=("Bob", "Cyd"))
    [victim] = [one for one in people if one.name == who]
    doom(victim, nth, after=after)
    await world.until(
        lambda: not victim.is_running or (has_met(bob, cyd) and has_met(cyd, bob)),
        within_s=6_000.0,
    )
    assert not victim.is_running, "fewer commits than that"
    victim.disk.heal()
    await victim.restart()
    wall(world, bob, cyd)
    await world.until(lambda: has_met(bob, cyd) and has_met(cyd, bob), within_s=10_000.0)
    await ada.stop()
    for speaker, other, number in ((bob, cyd, 1), (cyd, bob, 2)):
        await say(speaker, f"from {speaker}")
        await world.until(lambda o=other, n=number: len(stored(o)) == n, within_s=10_000.0)  # type: ignore[misc]
    await nothing_lost_nothing_doubled(world, [bob, cyd], ["from Bob", "from Cyd"])
    for one in (bob, cyd):
        assert len(one.node.roster.acquaintances) == 1
