"""What hostile members, wrong clocks and lost links do in a room, and what they do not."""

from collections.abc import Sequence

import pytest

from loom.api.contact_commands import ImportToken
from loom.api.events import RoomPosted
from loom.api.room_commands import MarkRoomRead
from loom.core.room.keys import RoomSigner
from loom.core.room.post import SignedPost, TextContent, sign_post
from loom.node.rooms import telling
from loom.node.rooms.work import RoomWork
from loom.storage import room_peers, rooms
from loom.storage.room_peers import RoomPeer
from loom.wire.content import KnownPayload, RoomEvents
from loom.wire.limits import ROOM_UNVERIFIED_MAX
from tests.memory_network import Faults
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, alike, invite, join, make, posts, say, state, stored

DAY_S = 86_400.0


@pytest.fixture
async def three(world: World) -> list[Person]:
    """Ada made a room; Bob and Cyd joined it, and know nobody but Ada."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    return people


def room_of(person: Person) -> tuple[bytes, RoomSigner]:
    """The room's id, and one's own keys there."""
    row, seeds = person.database.look(
        lambda db: (rooms.every(db)[0], rooms.keys(db, rooms.every(db)[0].room)[0].seeds)
    )
    return row.room_id, RoomSigner(seeds[:32], seeds[32:])


def signed(person: Person, body: str, number: int, order: int, sent_at_ms: int) -> SignedPost:
    """A post as a hostile program signs it; nothing keeps it."""
    room_id, signer = room_of(person)
    return sign_post(signer, room_id, number, order, sent_at_ms, TextContent("general", body))


async def pass_on(
    person: Person, reader: Person, events: Sequence[bytes], told: Sequence[bytes] = ()
) -> None:
    """One RoomEvents, whatever is in it."""
    message_id, (room_id, _) = person.node.parts.new_id(), room_of(person)
    now_ms = person.clock.now_ms()
    payload: KnownPayload = RoomEvents(message_id, now_ms, room_id, tuple(events), tuple(told))
    await person.peer(reader).delivery.outbox.add(message_id, payload, lambda db, happened: None)


def stored_in_rooms(person: Person) -> int:
    """How many posts, also while there is no room."""
    return person.database.look(
        lambda db: int(db.execute("SELECT count(data) FROM room_posts").fetchone()[0])
    )


def refused(person: Person, other: Person) -> int:
    """How many events of a contact could not be verified since the last comparison."""
    number = person.peer(other).number
    peer = person.database.look(lambda db: room_peers.of(db, rooms.every(db)[0].room, number))
    assert peer is not None
    return peer.refused


async def test_of_a_flood_of_unverifiable_events_a_hundred_are_looked_at(
    world: World, three: list[Person]
) -> None:
    ada, bob, _ = three
    now_ms = bob.clock.now_ms()
    good = signed(bob, "good", 0, 1, now_ms)
    # Another signature or text each: none of them verifies.
    junk = [good.data[:-90] + bytes([good.data[-90] ^ n]) + good.data[-89:] for n in range(1, 80)]
    for _ in range(4):
        await pass_on(bob, ada, junk)
    await pass_on(bob, ada, [good.data])
    await world.until(lambda: bob.queued(ada) == 0)
    assert refused(ada, bob) == ROOM_UNVERIFIED_MAX
    assert await posts(ada) == []
    # After they have compared it is taken again.
    await say(ada, "something new")
    await world.pass_time(700.0)
    await pass_on(bob, ada, [good.data])
    await world.until(lambda: any(one.body == "good" for one in ada.told(RoomPosted)))


async def test_a_lie_in_told_costs_the_time_until_the_next_comparison(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    await world.pass_time(100.0)  # what the joiners began is over
    post = signed(bob, "cyd has this already", 0, 1, bob.clock.now_ms())
    await pass_on(bob, ada, [post.data], told=[room_of(cyd)[1].author])
    await world.until(lambda: len(stored(ada)) == 1)
    await world.pass_time(30.0)
    assert stored(cyd) == []
    await world.until(lambda: len(stored(cyd)) == 1, within_s=700.0)


async def test_of_posts_under_one_number_two_are_shown_and_marked(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    now_ms = bob.clock.now_ms()
    same = sorted(
        (signed(bob, f"wording {n}", 0, 1, now_ms) for n in range(3)), key=lambda one: one.id
    )
    for post in reversed(same):
        await pass_on(bob, ada, [post.data])
    await world.until(lambda: bob.queued(ada) == 0)
    await world.until(lambda: len(stored(cyd)) == 2 and stored(cyd) == stored(ada), within_s=700.0)
    for person in (ada, cyd):
        seen = await posts(person)
        assert {one.post_id for one in seen} == {one.id.hex() for one in same[:2]}
        assert all(one.doubled for one in seen)


async def test_a_back_dated_post_has_a_place_among_the_old_ones_and_is_unread_all_the_same(
    world: World, three: list[Person]
) -> None:
    """Nobody slips something in where the others have read, without their being told."""
    ada, bob, cyd = three
    for n in range(3):
        await say(ada, f"old {n}")
    await alike(world, *three, count=3)
    await world.pass_time(3_600.0)
    for one in (ada, cyd):
        await one.do(MarkRoomRead(room=ROOM))
    [(order, _), *_] = stored(ada)
    dated = signed(bob, "as if said before", 0, order, bob.clock.now_ms() - 1_800_000)
    await pass_on(bob, ada, [dated.data])
    await world.until(lambda: len(stored(ada)) == len(stored(cyd)) == 4, within_s=1_000.0)
    assert stored(ada) == stored(cyd)
    for one in (ada, cyd):
        there = await posts(one)
        assert "as if said before" in [post.body for post in there[:2]]
        assert [post.body for post in there if post.unread] == ["as if said before"]
        [told] = [post for post in one.told(RoomPosted) if post.body == "as if said before"]
        assert told.unread


@pytest.mark.parametrize("ahead_s", [DAY_S, -DAY_S], ids=["ahead", "behind"])
async def test_who_has_a_clock_off_by_a_day_is_read_as_anybody(
    world: World, three: list[Person], ahead_s: float
) -> None:
    ada, bob, _ = three
    bob.clock.jumped_s = ahead_s
    for n in range(70):
        await say(bob, f"post {n}")
        await world.pass_time(61.0)
    await alike(world, *three, count=70)
    assert [one.body for one in await posts(ada)] == [f"post {n}" for n in range(70)]
    await say(ada, "an answer")
    await alike(world, *three, count=71)
    assert (await posts(bob))[-1].body == "an answer"


async def test_what_is_caught_up_with_holds_back_nothing_that_is_new(world: World) -> None:
    ada, bob = [await world.person(name) for name in ("Ada", "Bob")]
    await make(ada)
    for n in range(70):
        await say(ada, f"old {n}")
    await world.pass_time(4_000.0)
    await join(world, ada, bob)
    await alike(world, ada, bob, count=70)
    await say(ada, "new")
    await alike(world, ada, bob, count=71)
    assert (await posts(bob))[-1].body == "new"
    assert len(await posts(bob)) == 71


async def test_posts_of_before_somebodys_time_are_not_passed_on_to_them(world: World) -> None:
    ada, bob, cyd, dan = [await world.person(name) for name in ("Ada", "Bob", "Cyd", "Dan")]
    await make(ada, history=0)
    for joiner in (bob, cyd):
        await join(world, ada, joiner)
    await alike(world, ada, bob, cyd, count=0)
    world.network.partition({cyd.host}, {ada.host, bob.host, dan.host})
    await say(cyd, "written before dan came")
    for n in range(5):
        await say(ada, f"post {n}")
    await alike(world, ada, bob, count=5)
    await join(world, ada, dan)
    world.network.heal()
    await alike(world, ada, bob, cyd, count=6)
    await world.pass_time(700.0)
    assert stored(dan) == []
    await say(cyd, "hello dan")
    await world.until(lambda: len(stored(dan)) == 1)


async def test_a_joiner_who_lost_the_link_half_way_gets_the_rest(world: World) -> None:
    ada, bob = [await world.person(name) for name in ("Ada", "Bob")]
    await make(ada)
    for n in range(300):
        await say(ada, f"{n} {'x' * 2_000}")
    await world.pass_time(4_000.0)  # of the last hour 60 would be shown
    world.network.faults = Faults(cut_after_bytes=300_000)
    text = await invite(ada)
    await bob.do(ImportToken(token=text))
    await world.until(lambda: not bob.is_online(ada) and bool(stored_in_rooms(bob)))
    assert 0 < len(stored(bob)) < 300
    world.network.faults = Faults()
    await bob.restart()
    await alike(world, ada, bob, count=300)


@pytest.mark.parametrize("is_owner_first", [True, False], ids=["owner begins", "joiner begins"])
@pytest.mark.parametrize("cut_after_bytes", [300_000, 100_000])
async def test_a_joiner_whose_every_link_is_cut_gets_all_of_it_and_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, cut_after_bytes: int, is_owner_first: bool
) -> None:
    """Each link carries what the one before did not; who has the smaller fingerprint compares."""
    people = [await world.person(name) for name in ("Ada", "Bob")]
    people.sort(key=lambda one: one.node.parts.identity.peer_id, reverse=not is_owner_first)
    owner, joiner = people
    await make(owner)
    for n in range(400):
        await say(owner, f"{n} {'x' * 2_000}")
    await world.pass_time(4_000.0)
    sent: list[bytes] = []
    queue = telling.queue

    def note(work: RoomWork, peer: RoomPeer, payload: KnownPayload) -> None:
        if isinstance(payload, RoomEvents):
            sent.extend(payload.events)
        queue(work, peer, payload)

    monkeypatch.setattr(telling, "queue", note)
    text = await invite(owner)
    world.network.faults = Faults(cut_after_bytes=cut_after_bytes)
    await joiner.do(ImportToken(token=text))
    await world.until(
        lambda: bool(stored_in_rooms(joiner)) and stored(joiner) == stored(owner), within_s=400.0
    )
    assert len(world.network.streams) > 2 * 3
    assert len(stored(joiner)) == 400
    assert len(sent) == len(set(sent))


async def test_a_joiner_of_a_room_whose_posts_have_ended_gets_what_is_left_of_them(
    world: World,
) -> None:
    ada, bob = [await world.person(name) for name in ("Ada", "Bob")]
    await make(ada, retention_s=3_600)
    for n in range(3):
        await say(ada, f"gone {n}")
    await world.pass_time(3_700.0)
    await join(world, ada, bob)
    await alike(world, ada, bob, count=3)
    assert [(one.body, one.deleted) for one in await posts(bob)] == [("", True)] * 3
    post = await say(bob, "now")
    assert post.order == 4
    await alike(world, ada, bob, count=4)
    assert state(ada) == state(bob)


async def test_what_one_posts_reaches_another_through_a_common_contact_at_once(
    world: World, three: list[Person]
) -> None:
    """Bob and Cyd know nobody but Ada."""
    _, bob, cyd = three
    for n in range(20):
        await say(bob, f"post {n}")
    await world.until(lambda: len(stored(cyd)) == 20, within_s=10.0)
    assert [one.body for one in await posts(cyd)] == [f"post {n}" for n in range(20)]
