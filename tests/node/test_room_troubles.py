"""What nobody can miss in a room: forks, other keys, and what a removed officer did meanwhile."""

import pytest

from loom.api.contact_commands import ImportToken
from loom.api.events import RoomForked, RoomJoined, RoomKeyDiffers, RoomOffered
from loom.api.room_commands import (
    AppointMember,
    ConfirmOffered,
    DismissOffered,
    ListOffered,
    RemoveMember,
    RoomHistory,
    SetRoomChannel,
    ShowRoom,
)
from loom.api.room_views import RoomLine
from loom.core.room.keys import RoomSigner
from loom.core.room.statement import Body, SetChannel, sign_statement
from loom.errors import InvalidInput
from loom.storage import rooms
from loom.wire.content import RoomEvents, RoomKey
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, invite, join, make, members, state


@pytest.fixture
async def three(world: World) -> list[Person]:
    """Ada made a room; Bob is a moderator there; he and Cyd know each other, too."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    ada, bob, cyd = people
    await make(ada)
    for joiner in people[1:]:
        await join(world, ada, joiner)
    await bob.add(cyd)
    await cyd.add(bob)
    await bob.call(cyd)
    await ada.do(AppointMember(room=ROOM, member="Bob", role="moderator"))
    await settled(world, *people)
    await world.until(lambda: _has_said(bob, cyd) and _has_said(cyd, bob))
    return people


def _has_said(one: Person, other: Person) -> bool:
    number = one.peer(other).number
    rows = one.database.look(
        lambda db: db.execute(
            "SELECT 1 FROM room_peers WHERE person_id = ? AND said IS NOT NULL", (number,)
        ).fetchall()
    )
    return bool(rows)


async def settled(world: World, *people: Person) -> None:
    """All of them have the same statements."""
    await world.until(lambda: all(state(one) == state(people[0]) for one in people), 1_000.0)


async def lines(person: Person) -> list[RoomLine]:
    """What the timeline says was changed."""
    page = await person.do(RoomHistory(room=ROOM, limit=1_000))
    return [one.line for one in page.posts if one.line is not None]


async def sign(person: Person, number: int, body: Body, *readers: Person) -> bytes:
    """Under a number that may be used already, told to some and not kept; its id."""
    row, seeds = person.database.look(
        lambda db: (rooms.every(db)[0], rooms.keys(db, rooms.every(db)[0].room)[0].seeds)
    )
    signed = sign_statement(RoomSigner(seeds[:32], seeds[32:]), row.room_id, number, body)
    for reader in readers:
        message_id = person.node.parts.new_id()
        payload = RoomEvents(message_id, person.clock.now_ms(), row.room_id, (signed.data,), ())
        outbox = person.peer(reader).delivery.outbox
        await outbox.add(message_id, payload, lambda db, happened: None)
    return signed.id


async def test_two_statements_under_one_number_are_shown_to_everybody(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    ids = {
        await sign(bob, 1, SetChannel("one", "", restricted=False, on=True), ada),
        await sign(bob, 1, SetChannel("two", "", restricted=False, on=True), cyd),
    }
    for person in (ada, cyd):
        await world.until(lambda one=person: bool(one.told(RoomForked)), 1_000.0)  # type: ignore[misc]
    for person in (ada, cyd):
        [event] = person.told(RoomForked)
        assert (event.author, event.number) == ("Bob", 1)
        room = await person.do(ShowRoom(room=ROOM))
        [trouble] = room.troubles
        assert (trouble.what, trouble.whom, trouble.whom_id) == ("forked", "Bob", event.author_id)
        assert {one.statement_id for one in trouble.statements} == {one.hex() for one in ids}
        assert [one.counts for one in trouble.statements] == [True, False]
        assert trouble.statements[0].line.value in {one.channel for one in room.channels}
        assert (await members(person))["Bob"].forks == [1]
        assert [one.value for one in await lines(person) if one.what == "forked"] == ["1"]
    # Who appoints above it has settled it.
    await ada.do(AppointMember(room=ROOM, member="Bob", role="moderator"))
    assert (await ada.do(ShowRoom(room=ROOM))).troubles == []


async def test_other_keys_than_those_admitted_are_a_trouble_of_the_room(
    world: World, three: list[Person]
) -> None:
    ada, bob, _ = three
    signer = RoomSigner(bytes(range(32)), bytes(range(32, 64)))
    row = bob.database.look(lambda db: rooms.every(db)[0])
    room_id = row.room_id
    # Who pretends to be him does not say his own keys again, as his node would.
    best = bob.peer(ada).sessions.best
    assert best is not None
    bob.node.parts.room_states.key_told[row.room, bob.peer(ada).number] = best.reset_counter
    proof = signer.prove_join(room_id, bob.identity.token)
    message_id, keys = bob.node.parts.new_id(), signer.keys
    payload = RoomKey(message_id, bob.clock.now_ms(), room_id, keys.ed25519, keys.mldsa, proof, b"")
    await bob.peer(ada).delivery.outbox.add(message_id, payload, lambda db, happened: None)
    await world.until(lambda: bool(ada.told(RoomKeyDiffers)))
    await world.pass_time(600.0)
    assert [one.contact for one in ada.told(RoomKeyDiffers)] == ["Bob"]
    [trouble] = (await ada.do(ShowRoom(room=ROOM))).troubles
    assert (trouble.what, trouble.whom) == ("other keys", "Bob")
    assert (await members(ada))["Bob"].keys == "other"
    assert [one.what for one in await lines(ada)].count("other keys") == 1


async def test_who_joins_again_with_their_identity_and_new_keys_worries_nobody(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    await bob.stop()
    again = await world.person("Bob", bob.identity)
    await again.add(ada)
    await again.call(ada)
    await again.do(ImportToken(token=await invite(ada)))
    await world.until(lambda: bool(again.told(RoomJoined)), 1_000.0)
    await again.add(cyd)
    await again.call(cyd)
    await settled(world, ada, cyd, again)
    await world.pass_time(600.0)
    for person in (ada, cyd):
        assert not person.told(RoomKeyDiffers)
        assert (await person.do(ShowRoom(room=ROOM))).troubles == []


async def apart(world: World, three: list[Person]) -> None:
    """Bob opens two channels, which only Cyd sees; meanwhile Ada removes him."""
    ada, bob, cyd = three
    world.network.partition({ada.host}, {bob.host, cyd.host})
    await bob.do(SetRoomChannel(room=ROOM, channel="plans"))
    await bob.do(SetRoomChannel(room=ROOM, channel="rubbish"))
    await world.until(lambda: state(cyd) == state(bob))
    await ada.do(RemoveMember(room=ROOM, member="Bob"))
    world.network.heal()
    await world.until(lambda: state(ada) == state(cyd), 1_000.0)


async def test_what_a_removed_officer_did_is_offered_and_kept_by_who_removed_them(
    world: World, three: list[Person]
) -> None:
    ada, _, cyd = three
    await apart(world, three)
    offers = (await ada.do(ListOffered(room=ROOM))).statements
    assert [(one.author, one.line.value, one.counts) for one in offers] == [
        *(("Bob", "plans", False), ("Bob", "rubbish", False))
    ]
    assert all(one.confirmable for one in offers)
    assert [one.statement_id for one in ada.told(RoomOffered)] == [
        one.statement_id for one in offers
    ]
    assert [one.offered for one in await lines(ada)].count(True) == 2
    assert (await ada.do(ShowRoom(room=ROOM))).offered == 2
    assert (await cyd.do(ShowRoom(room=ROOM))).offered == 0
    assert not cyd.told(RoomOffered)
    assert not any(one.confirmable for one in (await cyd.do(ListOffered(room=ROOM))).statements)
    with pytest.raises(InvalidInput):
        await cyd.do(ConfirmOffered(room=ROOM, statement_ids=[offers[0].statement_id]))
    with pytest.raises(InvalidInput):
        await ada.do(ConfirmOffered(room=ROOM, statement_ids=["00000000"]))
    shown = await ada.do(ConfirmOffered(room=ROOM, statement_ids=[offers[0].statement_id[:8]]))
    assert shown.offered == 1
    assert [one.channel for one in shown.channels] == ["general", "plans"]
    shown = await ada.do(DismissOffered(room=ROOM, statement_ids=[offers[1].statement_id]))
    assert shown.offered == 0
    assert (await ada.do(ListOffered(room=ROOM))).statements == []
    await world.until(lambda: state(ada) == state(cyd))
    room = await cyd.do(ShowRoom(room=ROOM))
    assert [one.channel for one in room.channels] == ["general", "plans"]
    assert set(await members(cyd)) == {"Ada", "Cyd"}
    assert [one.what for one in await lines(ada)][-2:] == ["kept", "channel"]
    assert [one.what for one in await lines(cyd)][-1] == "kept"
    assert [one.what for one in await lines(cyd)][:2] == ["made", "admitted"]


async def test_another_officer_confirms_by_doing_it_again(
    world: World, three: list[Person]
) -> None:
    ada, _, cyd = three
    await apart(world, three)
    offers = (await cyd.do(ListOffered(room=ROOM))).statements
    with pytest.raises(InvalidInput):
        await cyd.do(ConfirmOffered(room=ROOM, statement_ids=[offers[0].statement_id]))
    await ada.do(AppointMember(room=ROOM, member="Cyd", role="moderator"))
    await settled(world, ada, cyd)
    assert (await cyd.do(ShowRoom(room=ROOM))).offered == 2
    shown = await cyd.do(ConfirmOffered(room=ROOM, statement_ids=[offers[0].statement_id]))
    assert [one.channel for one in shown.channels] == ["general", "plans"]
    await settled(world, ada, cyd)
    room = await ada.do(ShowRoom(room=ROOM))
    assert room.offered == 1
    assert [one.channel for one in room.channels] == ["general", "plans"]
