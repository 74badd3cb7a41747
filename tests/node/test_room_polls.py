"""Polls in a room: asked, answered, counted the same everywhere."""

import pytest

from loom.api.events import RoomPostChanged
from loom.api.room_commands import ChooseInPoll, DeletePost, PostPoll, RoomHistory
from loom.api.room_views import PollView, PostView
from loom.core.room.post import ChoiceContent, sign_post
from loom.errors import InvalidInput
from loom.node.room_states import signer_of
from loom.node.rooms import posting
from loom.node.rooms.work import RoomWork
from loom.storage import rooms
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, alike, join, kept, make, say


@pytest.fixture
async def three(world: World) -> list[Person]:
    """Ada made a room; Bob and Cyd joined it, and know nobody but Ada."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    return people


def ids(person: Person) -> set[bytes]:
    """Of all posts that are committed, choices and votes, too."""
    return person.database.look(lambda db: {post_id for _, _, post_id in kept(db)})


async def same_posts(world: World, *people: Person, count: int) -> None:
    """All of them have the same so many posts."""
    await world.until(
        lambda: all(ids(one) == ids(people[0]) and len(ids(one)) == count for one in people),
        within_s=1_000.0,
    )


async def ask(person: Person, *, many: bool = False, closes_in_s: int = 0) -> PostView:
    """When to meet."""
    options = ["Monday", "Friday", "Sunday"]
    command = PostPoll(
        room=ROOM, question="When?", options=options, many=many, closes_in_s=closes_in_s
    )
    return await person.do(command)


async def poll(person: Person, room: str = ROOM) -> PollView:
    """As it stands for them."""
    page = await person.do(RoomHistory(room=room))
    [found] = [one.poll for one in page.posts if one.kind == "poll"]
    assert found is not None
    return found


async def counted(person: Person, room: str = ROOM) -> dict[str, list[str]]:
    """Who chose what."""
    found = await poll(person, room)
    assert [one.count for one in found.options] == [len(one.chosen_by) for one in found.options]
    return {one.text: sorted(one.chosen_by) for one in found.options if one.count}


async def test_all_see_who_chose_what_and_the_last_choice_counts(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    asked = await ask(ada)
    assert (asked.kind, asked.body) == ("poll", "When?")
    await same_posts(world, *three, count=1)
    for person, option in ((bob, "Monday"), (cyd, "2"), (bob, "Friday")):
        await person.do(ChooseInPoll(room=ROOM, post_id=asked.post_id, options=[option]))
    await same_posts(world, *three, count=1 + 3)
    for person in three:
        assert await counted(person) == {"Friday": ["Bob", "Cyd"]}
    assert [one.own for one in (await poll(bob)).options] == [False, True, False]
    changed = [one for one in ada.told(RoomPostChanged) if one.poll is not None]
    assert changed[-1].poll is not None
    assert changed[-1].poll.voters == 2
    await cyd.do(ChooseInPoll(room=ROOM, post_id=asked.post_id, options=[]))
    await same_posts(world, *three, count=1 + 4)
    assert await counted(ada) == {"Friday": ["Bob"]}


async def test_what_a_poll_does_not_allow_is_refused_and_not_counted(
    world: World, three: list[Person]
) -> None:
    ada, bob, _ = three
    asked = await ask(ada)
    said = await say(ada, "no poll")
    await same_posts(world, *three, count=2)
    for post_id, options in (
        (asked.post_id, ["Monday", "Friday"]),
        (asked.post_id, ["4"]),
        (asked.post_id, ["Tuesday"]),
        (said.post_id, ["Monday"]),
    ):
        with pytest.raises(InvalidInput):
            await bob.do(ChooseInPoll(room=ROOM, post_id=post_id, options=options))
    with pytest.raises(InvalidInput):
        await bob.do(PostPoll(room=ROOM, question="?", options=["one", "one"]))
    for places in ((0, 1), (5,)):
        await force(bob, asked.post_id, places)
        assert await counted(bob) == {}


async def force(person: Person, post_id: str, places: tuple[int, ...]) -> None:
    """A choice that no command makes."""
    parts = person.node.parts
    number = 100 + len(places)

    def work(db: object, happened: object) -> None:
        row = rooms.every(db)[0]  # type: ignore[arg-type]
        work = RoomWork(db, happened, parts, person.clock.now_ms())  # type: ignore[arg-type]
        now = work.now(row.room)
        assert now is not None
        content = ChoiceContent(bytes.fromhex(post_id), places)
        signer = signer_of(work.db, row.room, now.own)
        post = sign_post(signer, row.room_id, number, number, work.now_ms, content)
        assert posting.store(work, now, [post])

    await parts.journal.write(work)


async def test_after_its_end_nothing_counts_any_more(world: World, three: list[Person]) -> None:
    ada, bob, cyd = three
    asked = await ask(ada, many=True, closes_in_s=3_600)
    await same_posts(world, *three, count=1)
    await bob.do(ChooseInPoll(room=ROOM, post_id=asked.post_id, options=["3", "1"]))
    await same_posts(world, *three, count=2)
    await world.pass_time(3_700.0)
    with pytest.raises(InvalidInput):
        await cyd.do(ChooseInPoll(room=ROOM, post_id=asked.post_id, options=["1"]))
    await force(cyd, asked.post_id, (1,))
    for person in three:
        assert (await poll(person)).closed
        assert await counted(person) == {"Monday": ["Bob"], "Sunday": ["Bob"]}


async def test_who_asked_takes_the_poll_back(world: World, three: list[Person]) -> None:
    ada, bob, _ = three
    asked = await ask(ada)
    await same_posts(world, *three, count=1)
    await ada.do(DeletePost(room=ROOM, post_id=asked.post_id))
    await same_posts(world, *three, count=2)
    page = await bob.do(RoomHistory(room=ROOM))
    [gone] = [one for one in page.posts if one.kind == "poll"]
    assert (gone.deleted, gone.body, gone.poll) == (True, "", None)
    with pytest.raises(InvalidInput):
        await bob.do(ChooseInPoll(room=ROOM, post_id=asked.post_id, options=["1"]))


async def test_who_joins_later_sees_the_poll_as_the_others_and_chooses(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    asked = await ask(ada)
    await same_posts(world, *three, count=1)
    await bob.do(ChooseInPoll(room=ROOM, post_id=asked.post_id, options=["Monday"]))
    await cyd.do(ChooseInPoll(room=ROOM, post_id=asked.post_id, options=["Sunday"]))
    await same_posts(world, *three, count=3)
    dan = await world.person("Dan")
    await join(world, ada, dan)
    await same_posts(world, *three, dan, count=3)
    assert await counted(dan) == await counted(ada) == {"Monday": ["Bob"], "Sunday": ["Cyd"]}
    await dan.do(ChooseInPoll(room=ROOM, post_id=asked.post_id, options=["Monday"]))
    await same_posts(world, *three, dan, count=4)
    for person in (*three, dan):
        assert await counted(person) == {"Monday": ["Bob", "Dan"], "Sunday": ["Cyd"]}


async def test_choices_in_a_poll_of_before_ones_time_show_nothing(world: World) -> None:
    ada, bob, cyd = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(ada, history=0)
    await join(world, ada, bob)
    asked = await ask(ada)
    await same_posts(world, ada, bob, count=1)
    await join(world, ada, cyd)
    await bob.do(ChooseInPoll(room=ROOM, post_id=asked.post_id, options=["Friday"]))
    await say(cyd, "what do you choose?")
    await world.until(lambda: len(ids(ada)) == 3 and len(ids(cyd)) == 2, within_s=1_000.0)
    page = await cyd.do(RoomHistory(room=ROOM))
    assert [one.body for one in page.posts if one.kind != "line"] == ["what do you choose?"]
    assert await counted(ada) == {"Friday": ["Bob"]}
    [cyds] = [one for one in page.posts if one.kind == "text"]
    assert cyds.order > asked.order
