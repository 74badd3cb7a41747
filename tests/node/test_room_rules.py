"""Who may do what in a room: roles, bans, channels, pins, deleting; and that others may not."""

import pytest

from loom.api.contact_commands import ImportToken
from loom.api.events import RoomJoined, RoomPostChanged, RoomPosted
from loom.api.room_commands import (
    AppointMember,
    DeletePost,
    EditPost,
    LiftBan,
    ListMembers,
    MarkRoomRead,
    PinPost,
    ReactToPost,
    RemoveMember,
    RenameRoom,
    SendPost,
    SetRoomChannel,
    SetRoomPolicy,
    ShowRoom,
)
from loom.errors import InvalidInput, PostNotFound
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, alike, invite, join, make, members, posts, say, state


@pytest.fixture
async def three(world: World) -> list[Person]:
    """Ada made a room; Bob and Cyd joined it, and know nobody but Ada."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    return people


async def settled(world: World, *people: Person) -> None:
    """All of them have the same statements."""
    await world.until(lambda: all(state(one) == state(people[0]) for one in people))


async def test_a_helper_lets_others_in_and_a_member_does_not(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    with pytest.raises(InvalidInput):
        await invite(bob)
    await ada.do(AppointMember(room=ROOM, member="Bob", role="helper"))
    await settled(world, *three)
    dan = await world.person("Dan")
    await dan.do(ImportToken(token=await invite(bob)))
    await world.until(lambda: bool(dan.told(RoomJoined)))
    await settled(world, *three, dan)
    assert set(await members(cyd)) == {"Ada", "Bob", "Cyd", "Dan"}
    assert (await members(cyd))["Bob"].role == "helper"
    await say(dan, "hello")  # by Bob and Ada to Cyd
    await alike(world, *three, dan, count=1)
    await ada.do(AppointMember(room=ROOM, member="Bob", role="guest"))
    await settled(world, *three, dan)
    with pytest.raises(InvalidInput):
        await invite(bob)
    assert set(await members(cyd)) == {"Ada", "Bob", "Cyd", "Dan"}


async def test_a_moderator_removes_a_member_and_not_the_owner(
    world: World, three: list[Person]
) -> None:
    ada, bob, _ = three
    with pytest.raises(InvalidInput):
        await bob.do(RemoveMember(room=ROOM, member="Cyd"))
    await ada.do(AppointMember(room=ROOM, member="Bob", role="moderator"))
    await settled(world, *three)
    await bob.do(RemoveMember(room=ROOM, member="Cyd"))
    await settled(world, ada, bob)
    assert set(await members(ada)) == {"Ada", "Bob"}
    with pytest.raises(InvalidInput):
        await bob.do(RemoveMember(room=ROOM, member="Ada"))
    assert set(await members(ada)) == set(await members(bob)) == {"Ada", "Bob"}


async def test_a_banned_identity_does_not_come_back_until_the_ban_is_lifted(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    await ada.do(RemoveMember(room=ROOM, member="Cyd", ban=True))
    await settled(world, ada, bob)
    await world.until(lambda: "Cyd" not in str(ada.told(RoomPostChanged)))
    await cyd.do(ImportToken(token=await invite(ada)))  # with a new key
    asked = await cyd.do(ShowRoom(room=ROOM))
    assert (asked.standing, asked.heard) == ("joining", False)
    await world.pass_time(300.0)
    asked = await cyd.do(ShowRoom(room=ROOM))
    assert (asked.standing, asked.heard) == ("joining", True)
    assert set(await members(ada)) == {"Ada", "Bob"}
    await ada.do(LiftBan(room=ROOM, fingerprint=cyd.identity.peer_id.hex()[:16]))
    await cyd.do(ImportToken(token=await invite(ada)))
    await world.until(lambda: len(cyd.told(RoomJoined)) == 2)
    await settled(world, *three)
    assert set(await members(bob)) == {"Ada", "Bob", "Cyd"}
    assert not (await cyd.do(ShowRoom(room=ROOM))).heard


async def test_channels_names_and_rules_are_the_same_for_all(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    with pytest.raises(InvalidInput):
        await bob.do(SetRoomChannel(room=ROOM, channel="plans"))
    await ada.do(SetRoomChannel(room=ROOM, channel="plans", topic="what to plant"))
    await ada.do(SetRoomChannel(room=ROOM, channel="news", restricted=True))
    await ada.do(SetRoomPolicy(room=ROOM, history=5))
    await ada.do(RenameRoom(room=ROOM, name="Orchard"))
    await settled(world, *three)
    room = await bob.do(ShowRoom(room="Orchard"))
    assert {one.channel for one in room.channels} == {"general", "plans", "news"}
    assert (room.history, room.retention_s) == (5, 0)
    await cyd.do(SendPost(room="Orchard", body="apples", channel="plans"))
    with pytest.raises(InvalidInput):
        await cyd.do(SendPost(room="Orchard", body="hear hear", channel="news"))
    await ada.do(SetRoomChannel(room="Orchard", channel="plans", on=False))
    await settled(world, *three)
    with pytest.raises(InvalidInput):
        await cyd.do(SendPost(room="Orchard", body="pears", channel="plans"))


async def test_the_first_channel_and_one_that_is_not_there_cannot_be_closed(
    three: list[Person],
) -> None:
    for channel, why in (("general", "cannot be closed"), ("tools", "has no channel tools")):
        with pytest.raises(InvalidInput, match=why):
            await three[0].do(SetRoomChannel(room=ROOM, channel=channel, on=False))


async def test_what_one_may_do_is_told(world: World, three: list[Person]) -> None:
    ada, bob, cyd = three
    await ada.do(AppointMember(room=ROOM, member="Bob", role="moderator"))
    await ada.do(SetRoomChannel(room=ROOM, channel="news", topic="what is new", restricted=True))
    await settled(world, *three)
    assert (await ada.do(ShowRoom(room=ROOM))).may == [
        *("invite", "remove", "delete", "pin", "channels", "roles", "post", "name")
    ]
    assert (await cyd.do(ShowRoom(room=ROOM))).may == []
    assert {name: one.may for name, one in (await members(ada)).items()} == {
        "Ada": [],
        "Bob": ["remove", "appoint"],
        "Cyd": ["remove", "appoint"],
    }
    assert {name: one.may for name, one in (await members(bob)).items()} == {
        "Ada": [],
        "Bob": [],
        "Cyd": ["remove"],
    }
    [_, news] = (await cyd.do(ShowRoom(room=ROOM))).channels
    assert (news.topic, news.restricted, news.may_post) == ("what is new", True, False)
    await ada.do(RemoveMember(room=ROOM, member="Cyd", ban=True))
    await settled(world, ada, bob)
    [mine] = (await ada.do(ListMembers(room=ROOM))).banned
    [theirs] = (await bob.do(ListMembers(room=ROOM))).banned
    assert (mine.name, mine.by, mine.may) == ("Cyd", "Ada", True)
    assert mine.fingerprint == cyd.identity.peer_id.hex()
    assert not theirs.may  # the ban is of somebody above


async def test_an_author_edits_and_takes_back_and_others_react(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    post = await say(bob, "helo")
    await alike(world, *three, count=1)
    await bob.do(EditPost(room=ROOM, post_id=post.post_id[:8], body="hello"))
    await cyd.do(ReactToPost(room=ROOM, post_id=post.post_id, emoji="\N{THUMBS UP SIGN}"))
    with pytest.raises(InvalidInput):
        await cyd.do(EditPost(room=ROOM, post_id=post.post_id, body="I am Bob"))
    with pytest.raises(PostNotFound):
        await cyd.do(EditPost(room=ROOM, post_id="00000000", body="I am Bob"))
    await world.until(lambda: len(ada.told(RoomPostChanged)) == 2)
    [seen] = await posts(ada)
    assert (seen.body, seen.edited) == ("hello", True)
    assert [(one.author, one.emoji) for one in seen.reactions] == [("Cyd", "\N{THUMBS UP SIGN}")]
    await bob.do(DeletePost(room=ROOM, post_id=post.post_id))
    await world.until(lambda: len(cyd.told(RoomPostChanged)) >= 3)
    for person in three:
        [seen] = await posts(person)
        assert (seen.body, seen.deleted, seen.reactions) == ("", True, [])
        kept = person.database.look(
            lambda db: [one for (one,) in db.execute("SELECT data FROM room_posts")]
        )
        assert not any(b"hel" in one for one in kept if one is not None)


async def test_an_answer_quotes_and_what_is_known_of_a_post_is_told(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    asked = await say(bob, "which apples?")
    await alike(world, *three, count=1)
    await cyd.do(SendPost(room=ROOM, body="the red ones", reply_to=asked.post_id))
    await alike(world, *three, count=2)
    await cyd.do(ReactToPost(room=ROOM, post_id=asked.post_id, emoji="\N{THUMBS UP SIGN}"))
    await ada.do(PinPost(room=ROOM, post_id=asked.post_id))
    await settled(world, *three)
    await world.until(lambda: len(bob.told(RoomPostChanged)) == 2)
    [question, answer] = await posts(bob)
    quote = answer.quote
    assert quote is not None
    assert (quote.author, quote.own, quote.body) == ("Bob", True, "which apples?")
    assert quote.row_id == question.row_id
    assert question.pinned
    assert [one.own for one in question.reactions] == [False]
    [told] = [one for one in bob.told(RoomPosted) if one.post_id == answer.post_id]
    assert told.quote == quote
    [general] = (await bob.do(ShowRoom(room=ROOM))).channels
    assert (general.unread, general.read_row) == (1, answer.row_id - 1)
    await bob.do(MarkRoomRead(room=ROOM, row_id=answer.row_id))
    room = await bob.do(ShowRoom(room=ROOM))
    assert room.channels[0].unread == 0
    assert room.channels[0].read_row >= answer.row_id
    assert room.last_post_at_ms == answer.sent_at_ms
    await bob.do(DeletePost(room=ROOM, post_id=asked.post_id))
    await world.until(lambda: cyd.told(RoomPostChanged)[-1].deleted)
    [_, answer] = await posts(cyd)
    assert answer.quote is not None
    assert (answer.quote.gone, answer.quote.body) == (True, "")


async def test_a_moderator_deletes_and_pins_what_others_wrote(
    world: World, three: list[Person]
) -> None:
    ada, bob, cyd = three
    post = await say(cyd, "rubbish")
    await alike(world, *three, count=1)
    with pytest.raises(InvalidInput):
        await bob.do(DeletePost(room=ROOM, post_id=post.post_id))
    with pytest.raises(InvalidInput):
        await bob.do(PinPost(room=ROOM, post_id=post.post_id))
    await ada.do(PinPost(room=ROOM, post_id=post.post_id))
    deleted = await ada.do(DeletePost(room=ROOM, post_id=post.post_id))
    assert (deleted.body, deleted.deleted) == ("", True)
    await settled(world, *three)
    for person in three:
        assert [(one.body, one.deleted) for one in await posts(person)] == [("", True)]


async def test_what_was_forgotten_with_a_removed_officer_makes_nobody_a_forker(
    world: World,
) -> None:
    bob, cyd, dan = await world.friends("Bob", "Cyd", "Dan")
    ada = await world.person("Ada")
    await make(ada)
    for joiner in (bob, cyd, dan):
        await join(world, ada, joiner)
    await ada.do(AppointMember(room=ROOM, member="Bob", role="owner"))
    await settled(world, ada, bob, cyd, dan)
    world.network.partition({ada.host}, {bob.host, cyd.host, dan.host})
    await bob.do(AppointMember(room=ROOM, member="Cyd", role="moderator"))
    await settled(world, bob, cyd, dan)
    await cyd.do(SetRoomChannel(room=ROOM, channel="talk"))
    await settled(world, bob, cyd, dan)
    await dan.crash()
    await ada.do(RemoveMember(room=ROOM, member="Bob"))
    world.network.heal()
    await world.until(lambda: state(cyd) == state(ada), within_s=1_000.0)
    # Nobody but Dan, who is away, has what Cyd signed as long as only Bob had appointed her.
    await ada.do(AppointMember(room=ROOM, member="Cyd", role="moderator"))
    await settled(world, ada, cyd)
    await cyd.do(SetRoomChannel(room=ROOM, channel="walk"))
    await dan.start()
    await world.until(lambda: state(ada) == state(cyd) == state(dan), within_s=1_000.0)
    for one in (ada, cyd, dan):
        assert (await members(one))["Cyd"].forks == []
        channels = (await one.do(ShowRoom(room=ROOM))).channels
        assert {"walk"} <= {each.channel for each in channels}
