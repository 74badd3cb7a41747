"""Rooms between nodes: joined, talked in, caught up with, and what nobody can do there."""

import msgspec
import pytest
from sqlcipher3.dbapi2 import Connection

from loom.api.contact_commands import ImportToken, ListContacts, RenameContact
from loom.api.events import ContactChanged, RoomJoined, RoomKeyDiffers, RoomLeft, RoomPosted
from loom.api.invite_commands import ListInvites
from loom.api.profile_commands import SetProfile, ShowProfile
from loom.api.room_commands import (
    AppointMember,
    DeletePost,
    EditPost,
    InviteToRoom,
    LeaveRoom,
    ListMembers,
    ListRooms,
    MakeRoom,
    MarkRoomRead,
    PinPost,
    ReactToPost,
    RemoveMember,
    RenameRoom,
    RoomHistory,
    SendPost,
    SetRoomChannel,
    SetRoomPolicy,
    ShowRoom,
)
from loom.api.room_views import MemberView, PostView, RoomView
from loom.core.room.keys import RoomSigner
from loom.errors import InvalidInput, MemberNotFound, RoomNotFound
from loom.model import DeviceId
from loom.storage import outbox, room_peers, room_posts, room_statements, rooms
from loom.storage.outbox import OutboxRow
from loom.wire.content import RoomKey
from loom.wire.limits import ROOM_CHANNELS_MAX
from tests.node.harness import Person, World

ROOM = "Garden"


async def make(owner: Person, history: int = -1, retention_s: int = 0) -> RoomView:
    """A new room."""
    return await owner.do(MakeRoom(name=ROOM, history=history, retention_s=retention_s))


async def invite(owner: Person) -> str:
    """The text of an invite into it."""
    return (await owner.do(InviteToRoom(room=ROOM))).text


async def join(world: World, owner: Person, joiner: Person) -> None:
    """Use an invite, and be let in."""
    await joiner.do(ImportToken(token=await invite(owner)))
    await world.until(lambda: bool(joiner.told(RoomJoined)))


async def say(person: Person, body: str, channel: str = "general") -> PostView:
    """A post."""
    return await person.do(SendPost(room=ROOM, body=body, channel=channel))


async def posts(person: Person) -> list[PostView]:
    """The timeline without lines."""
    page = await person.do(RoomHistory(room=ROOM, limit=10_000))
    return [one for one in page.posts if one.kind == "text"]


async def members(person: Person) -> dict[str, MemberView]:
    """Everybody in the room, by name."""
    return {one.name: one for one in (await person.do(ListMembers(room=ROOM))).members}


def kept(db: Connection) -> list[tuple[bytes, int, bytes]]:
    """Author, number and id of every post that is not out, also of what is gone."""
    sql = "SELECT author, number, id FROM room_posts WHERE number IS NOT NULL AND is_held < 2"
    return sorted(db.execute(sql))


def stored(person: Person) -> list[tuple[int, bytes]]:
    """What is committed: order and id of each post."""
    return person.database.look(
        lambda db: sorted(
            (one.ordinal, one.id)
            for one in room_posts.page(db, rooms.every(db)[0].room, 10_000)
            if one.number is not None
        )
    )


def state(person: Person) -> set[bytes]:
    """The ids of the statements that are committed."""
    return person.database.look(
        lambda db: {one.id for one in room_statements.every(db, rooms.every(db)[0].room)}
    )


async def alike(world: World, *people: Person, count: int) -> None:
    """All of them have the same so many posts and the same statements."""
    await world.until(
        lambda: all(
            stored(one) == stored(people[0])
            and state(one) == state(people[0])
            and len(stored(one)) == count
            for one in people
        ),
        within_s=1_000.0,
    )


@pytest.fixture
async def three(world: World) -> list[Person]:
    """Ada made a room; Bob and Cyd joined it, and know nobody but Ada."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    return people


async def test_who_joins_by_an_invite_is_a_member_for_everybody(
    world: World, three: list[Person]
) -> None:
    for person in three:
        assert set(await members(person)) == {"Ada", "Bob", "Cyd"}
        [room] = (await person.do(ListRooms())).rooms
        assert (room.standing, room.members) == ("member", 3)
    assert (await members(three[1]))["Ada"].role == "owner"
    assert (await members(three[1]))["Bob"].own
    assert (await members(three[0]))["Bob"].keys == "same"
    assert (await members(three[1]))["Cyd"].keys == "unsaid"


async def test_who_was_named_after_a_room_has_the_name_that_they_tell(
    world: World, three: list[Person]
) -> None:
    alice, bob, _ = three
    own = (await alice.do(ShowProfile())).name

    async def named() -> list[str]:
        return [one.contact for one in (await bob.do(ListContacts())).contacts]

    assert await named() == [own]
    await bob.do(RenameContact(contact=own, name="Garden host"))
    told = len(bob.told(ContactChanged))
    await alice.do(SetProfile(name="Somebody else"))
    await world.until(lambda: len(bob.told(ContactChanged)) > told)
    assert await named() == ["Garden host"]


async def test_those_who_have_no_contact_in_common_but_one_talk_through_them(
    world: World, three: list[Person]
) -> None:
    for person in three:
        await say(person, f"hello from {person}")
    await alike(world, *three, count=3)
    expected = [(one.author_id, one.body) for one in await posts(three[0])]
    for person in three:
        seen = [(one.author_id, one.body) for one in await posts(person)]
        assert seen == expected
        assert [one.own for one in await posts(person)].count(True) == 1
        assert len(person.told(RoomPosted)) >= 3


async def test_who_was_away_is_told_by_whoever_is_there(world: World, three: list[Person]) -> None:
    ada, bob, cyd = three
    await bob.crash()
    for n in range(50):
        await say(cyd, f"post {n}")
    await alike(world, ada, cyd, count=50)
    await cyd.crash()  # the author is not there any more
    await bob.start()
    await alike(world, ada, bob, count=50)
    assert [one.body for one in await posts(bob)] == [f"post {n}" for n in range(50)]


async def test_who_joins_later_is_sent_as_much_of_the_past_as_the_room_says(world: World) -> None:
    ada, bob = [await world.person(name) for name in ("Ada", "Bob")]
    await make(ada, history=2)
    for n in range(5):
        await say(ada, f"post {n}")
    await join(world, ada, bob)
    await say(ada, "now")
    await world.until(lambda: len(stored(bob)) == 3)
    assert [one.body for one in await posts(bob)] == ["post 3", "post 4", "now"]


async def test_who_is_removed_knows_it_and_receives_nothing_more(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    await say(cyd, "before")
    await alike(world, *three, count=1)
    await ada.do(RemoveMember(room=ROOM, member="Cyd"))
    await world.until(lambda: bool(cyd.told(RoomLeft)))
    await world.until(lambda: state(bob) == state(ada))
    await say(bob, "after")
    await alike(world, ada, bob, count=2)
    await world.pass_time(4_000.0)  # also what is compared later
    assert [one.body for one in await posts(cyd)] == ["before"]
    assert cyd.told(RoomLeft)[0].by == "Ada"
    with pytest.raises(InvalidInput):
        await say(cyd, "still here")


async def test_one_removed_while_away_who_goes_on_writing_is_not_heard(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    cyd.lose_power()
    await cyd.bury()
    await ada.do(RemoveMember(room=ROOM, member="Cyd"))
    await world.until(lambda: state(bob) == state(ada))
    await cyd.start()
    await say(cyd, "nobody tells me anything")
    await world.pass_time(4_000.0)
    assert stored(ada) == stored(bob) == []


async def test_who_left_is_no_member_and_comes_back_by_another_invite(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    await cyd.do(LeaveRoom(room=ROOM))
    await world.until(lambda: state(ada) == state(bob) == state(cyd))
    assert set(await members(bob)) == {"Ada", "Bob"}
    await cyd.do(ImportToken(token=await invite(ada)))
    await world.until(lambda: len(cyd.told(RoomJoined)) == 2)
    await world.until(lambda: state(ada) == state(bob) == state(cyd))
    await say(cyd, "back")
    await alike(world, *three, count=1)


async def test_who_left_while_nobody_was_there_is_heard_of_later(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    for one in (ada, bob):
        await one.stop()
    await world.pass_time(600.0)
    await cyd.do(LeaveRoom(room=ROOM))
    await cyd.stop()
    for one in three:
        await one.start()
    await world.until(lambda: state(ada) == state(bob) == state(cyd))
    assert set(await members(bob)) == {"Ada", "Bob"}


async def test_nothing_that_a_joiner_is_sent_comes_before_what_verifies_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Admit came before the genesis, and counted as something forged."""
    refused: list[int] = []
    monkeypatch.setattr(
        room_peers, "count_refused", lambda db, room, person, more: refused.append(more)
    )
    ada, bob, cyd = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(ada)
    await say(ada, "before")
    for joiner in (bob, cyd):
        await join(world, ada, joiner)
    await alike(world, ada, bob, cyd, count=1)
    assert refused == []


async def test_an_invite_of_who_may_not_invite_any_more_is_not_spent(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    eve = await world.person("Eve")
    await ada.do(AppointMember(room=ROOM, member="Bob", role="helper"))
    await world.until(lambda: state(bob) == state(ada))
    first, second = await invite(bob), await invite(bob)
    await ada.do(AppointMember(room=ROOM, member="Bob", role="guest"))
    await world.until(lambda: state(bob) == state(ada) == state(cyd))
    await eve.do(ImportToken(token=first))
    await world.pass_time(120.0)
    assert [one.state for one in (await bob.do(ListInvites())).invites] == ["open", "open"]
    assert {one.contact for one in (await bob.do(ListContacts())).contacts} == {"Ada"}
    await ada.do(AppointMember(room=ROOM, member="Bob", role="helper"))
    await world.until(lambda: state(bob) == state(ada))
    await eve.do(ImportToken(token=second))
    await world.until(lambda: bool(eve.told(RoomJoined)))


async def test_a_known_contact_spends_no_invite_of_who_may_not_invite_any_more(
    world: World,
) -> None:
    bob, eve = await world.friends("Bob", "Eve")
    ada = await world.person("Ada")
    await make(ada)
    await join(world, ada, bob)
    await ada.do(AppointMember(room=ROOM, member="Bob", role="helper"))
    await world.until(lambda: state(bob) == state(ada))
    text = await invite(bob)
    await ada.do(AppointMember(room=ROOM, member="Bob", role="guest"))
    await world.until(lambda: state(bob) == state(ada))
    await eve.do(ImportToken(token=text))
    await world.pass_time(120.0)
    [kept] = (await bob.do(ListInvites())).invites
    assert kept.state == "open"
    assert set(await members(bob)) == {"Ada", "Bob"}


async def test_nobody_is_told_that_they_removed_somebody_above_them(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    await ada.do(AppointMember(room=ROOM, member="Bob", role="moderator"))
    await ada.do(RenameRoom(room=ROOM, name=ROOM))
    await world.until(lambda: state(bob) == state(ada))
    before = state(bob)
    with pytest.raises(InvalidInput, match="above you"):
        await bob.do(RemoveMember(room=ROOM, member="Ada"))
    with pytest.raises(InvalidInput, match="may not remove"):
        await cyd.do(RemoveMember(room=ROOM, member="Bob", only_check=True))
    await bob.do(RemoveMember(room=ROOM, member="Cyd", only_check=True))
    assert state(bob) == before
    assert set(await members(bob)) == {"Ada", "Bob", "Cyd"}


async def test_what_is_so_already_takes_no_number(world: World) -> None:
    ada = await world.person("Ada")
    await make(ada)
    post = await say(ada, "keep this")
    for _ in range(3):
        await ada.do(PinPost(room=ROOM, post_id=post.post_id))
        await ada.do(SetRoomChannel(room=ROOM, channel="talk", topic="of it"))
        await ada.do(SetRoomPolicy(room=ROOM, history=5))
    assert len(state(ada)) == 1 + 3


async def test_a_room_has_no_more_channels_than_it_shows(world: World) -> None:
    ada = await world.person("Ada")
    await make(ada)
    for n in range(ROOM_CHANNELS_MAX - 1):
        await ada.do(SetRoomChannel(room=ROOM, channel=f"c{n}"))
    with pytest.raises(InvalidInput, match="at most 64"):
        await ada.do(SetRoomChannel(room=ROOM, channel="one-more"))
    assert len((await ada.do(ShowRoom(room=ROOM))).channels) == ROOM_CHANNELS_MAX


async def test_an_invite_lets_one_person_in(world: World) -> None:
    ada, bob, eve = [await world.person(name) for name in ("Ada", "Bob", "Eve")]
    await make(ada)
    text = await invite(ada)
    await bob.do(ImportToken(token=text))
    await world.until(lambda: bool(bob.told(RoomJoined)))
    await eve.do(ImportToken(token=text))
    await world.pass_time(300.0)
    assert not eve.told(RoomJoined)
    assert set(await members(ada)) == {"Ada", "Bob"}


async def test_a_contact_joins_by_an_invite_too(world: World) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    await make(ada)
    await join(world, ada, bob)
    await say(bob, "hello")
    await alike(world, ada, bob, count=1)
    again = await ada.do(ShowRoom(room=ROOM))
    assert again.members == 2


async def test_what_is_unread_is_counted_and_marked(world: World, three: list[Person]) -> None:
    ada, bob, _ = three
    for n in range(3):
        await say(bob, f"@Ada {n}")
    await alike(world, *three, count=3)
    room = await ada.do(ShowRoom(room=ROOM))
    assert (room.unread, room.mentions) == (3, 3)
    assert (await bob.do(ShowRoom(room=ROOM))).unread == 0
    newest = max(one.row_id for one in await posts(ada))
    await ada.do(MarkRoomRead(room=ROOM, row_id=newest))
    assert (await ada.do(ShowRoom(room=ROOM))).unread == 0


async def test_a_flood_is_shown_an_hour_later(world: World, three: list[Person]) -> None:
    ada, bob, _ = three
    for n in range(70):
        await say(bob, f"post {n}")
    await world.until(lambda: _count(ada) == 70)
    assert len(await posts(ada)) == 60
    await world.pass_time(3_800.0)
    assert [one.body for one in await posts(ada)] == [f"post {n}" for n in range(70)]


async def test_what_was_posted_while_one_was_away_does_not_hold_what_comes_next(
    world: World, three: list[Person]
) -> None:
    ada, bob, _ = three
    await ada.crash()
    for n in range(65):
        await say(bob, f"post {n}")
    await world.pass_time(7_200.0)
    await ada.start()
    await world.until(lambda: _count(ada) == 65, within_s=1_000.0)
    await say(bob, "now")
    await world.until(lambda: _count(ada) == 66, within_s=1_000.0)
    assert [one.body for one in await posts(ada)] == [f"post {n}" for n in range(65)] + ["now"]


async def test_a_text_that_comes_with_what_is_about_it_is_told_once(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    await bob.crash()
    [said, gone] = [await say(cyd, one) for one in ("before", "a slip")]
    await cyd.do(EditPost(room=ROOM, post_id=said.post_id, body="after"))
    await cyd.do(ReactToPost(room=ROOM, post_id=said.post_id, emoji="+"))
    await cyd.do(DeletePost(room=ROOM, post_id=gone.post_id))
    await alike(world, ada, cyd, count=2)
    await bob.start()
    await alike(world, ada, bob, count=2)
    await world.until(lambda: len(_told_texts(bob)) == 2)
    told = _told_texts(bob)
    assert [(one.body, one.edited, one.deleted) for one in told] == [
        ("after", True, False),
        ("", False, True),
    ]
    assert [one.emoji for one in told[0].reactions] == ["+"]
    assert [one.body for one in await posts(bob)] == ["after", ""]


def _told_texts(person: Person) -> list[RoomPosted]:
    return [one for one in person.told(RoomPosted) if one.kind == "text"]


def _count(person: Person) -> int:
    return len(person.database.look(kept))


async def test_posts_of_a_room_that_forgets_end_everywhere(world: World) -> None:
    ada, bob = [await world.person(name) for name in ("Ada", "Bob")]
    await make(ada, retention_s=3_600)
    await join(world, ada, bob)
    await say(ada, "for an hour")
    await alike(world, ada, bob, count=1)
    await world.pass_time(3_700.0)
    for person in (ada, bob):
        [post] = await posts(person)
        assert (post.body, post.deleted, post.expired) == ("", True, True)
        kept = person.database.look(
            lambda db: [one for (one,) in db.execute("SELECT data FROM room_posts")]
        )
        assert not any(b"for an hour" in one for one in kept if one is not None)


async def test_nothing_that_was_said_of_a_deleted_post_is_shown(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    said = await say(bob, "helo")
    await bob.do(EditPost(room=ROOM, post_id=said.post_id, body="hello"))
    await alike(world, *three, count=1)
    await ada.do(ReactToPost(room=ROOM, post_id=said.post_id, emoji="\N{SNOWMAN}"))
    await world.pass_time(20.0)
    [before] = await posts(cyd)
    assert (before.edited, len(before.reactions)) == (True, 1)
    await bob.do(DeletePost(room=ROOM, post_id=said.post_id))
    await world.pass_time(20.0)
    for person in three:
        [post] = await posts(person)
        assert (post.deleted, post.expired) == (True, False)
        assert (post.edited, post.reactions) == (False, [])


async def test_events_of_a_room_are_replayed_as_it_is_shown_now(
    world: World, three: list[Person]
) -> None:
    ada, bob, _ = three
    await say(bob, "hello")
    await alike(world, *three, count=1)
    replayed = []
    async for event in ada.node.events(after=0):
        if isinstance(event, RoomPosted) and event.kind == "text":
            replayed.append(event)
            break
    [live] = [one for one in ada.told(RoomPosted) if one.kind == "text"]
    assert msgspec.structs.replace(replayed[0], seq=0) == msgspec.structs.replace(live, seq=0)
    kept = ada.database.look(lambda db: [b for (b,) in db.execute("SELECT body FROM events")])
    assert not any(b"hello" in one for one in kept)


async def test_other_keys_than_those_admitted_are_told(world: World, three: list[Person]) -> None:
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
    assert (await members(ada))["Bob"].keys == "other"


async def test_a_contact_who_is_no_member_is_told_nothing(world: World) -> None:
    ada, eve = await world.friends("Ada", "Eve")
    await make(ada)
    await say(ada, "for members")
    room_id = bytes.fromhex((await ada.do(ShowRoom(room=ROOM))).room_id)
    signer = RoomSigner(bytes(32), bytes(32))
    message_id, keys = eve.node.parts.new_id(), signer.keys
    proof = signer.prove_join(room_id, eve.identity.token)
    payload = RoomKey(
        message_id, eve.clock.now_ms(), room_id, keys.ed25519, keys.mldsa, proof, bytes(32)
    )
    await eve.peer(ada).delivery.outbox.add(message_id, payload, lambda db, happened: None)
    await world.until(lambda: eve.queued(ada) == 0)
    await say(ada, "more for members")
    await world.pass_time(4_000.0)
    assert ada.queued(eve) == 0
    assert set(await members(ada)) == {"Ada"}
    told = ada.database.look(lambda db: db.execute("SELECT told FROM room_peers").fetchall())
    assert told == [(None,)]


async def test_what_is_not_there_is_said(world: World) -> None:
    ada = await world.person("Ada")
    with pytest.raises(RoomNotFound):
        await ada.do(ShowRoom(room="Nowhere"))
    await make(ada)
    with pytest.raises(MemberNotFound):
        await ada.do(RemoveMember(room=ROOM, member="Nobody"))
    with pytest.raises(InvalidInput):
        await ada.do(RemoveMember(room=ROOM, member="Ada"))
    with pytest.raises(InvalidInput):
        await say(ada, "hello", channel="nowhere")
    await make(ada)
    with pytest.raises(InvalidInput):
        await ada.do(ShowRoom(room=ROOM))
    assert (await ada.do(ShowRoom(room="#2"))).number == 2


async def test_a_post_to_many_looks_for_rows_once_for_each(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await world.person("Owner")
    await make(owner)
    others = [await world.person(name) for name in ("Ada", "Bob", "Eve")]
    for other in others:
        await join(world, owner, other)
    await world.pass_time(200.0)
    looks: list[int] = []
    page = outbox.page

    def counted(db: Connection, device_id: DeviceId, after: int, limit: int) -> list[OutboxRow]:
        found = page(db, device_id, after, limit)
        looks.append(len(found))
        return found

    monkeypatch.setattr(outbox, "page", counted)
    await say(owner, "to all")
    await world.until(lambda: all(one.told(RoomPosted) for one in others))
    await world.pass_time(20.0)
    assert looks == [1, 1, 1]
    await say(others[0], "back")
    await world.pass_time(20.0)
    await say(owner, "and again")
    await world.pass_time(20.0)
    for other in others:
        assert [one.body for one in await posts(other)] == ["to all", "back", "and again"]
