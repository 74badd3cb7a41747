"""What front ends ask about rooms: pages, threads, mentions, pins, drafts, and what is unread."""

import pytest

from loom.api.conversation_commands import ListArrivals, NoteLeaving
from loom.api.events import RoomPostChanged, RoomPosted, RoomRead, RoomStateChanged, RoomUnread
from loom.api.message_commands import FindMessage, SendText
from loom.api.profile_commands import SetProfile
from loom.api.room_commands import (
    BookmarkPost,
    DeletePost,
    EditPost,
    FindPost,
    LeaveRoom,
    ListMembers,
    ListRoomBookmarks,
    ListRoomDrafts,
    ListRoomMentions,
    ListRoomPins,
    ListThreads,
    MakeRoom,
    MarkRoomRead,
    MarkRoomUnread,
    PinPost,
    RoomHistory,
    SearchPosts,
    SendPost,
    SetRoomChannel,
    SetRoomDraft,
    SetRoomPreferences,
    ShowPostEdits,
    ShowRoom,
)
from loom.api.room_views import ChannelView, Posts, PostView, PostWordings
from loom.cli.forwarding import forward
from loom.errors import InvalidInput, MemberNotFound, NoMessageYet, NotFound, PostNotFound
from loom.storage import arrivals, room_posts, rooms
from loom.storage.connection import Db
from loom.wire.content import RoomEvents
from tests.node.harness import Person, World
from tests.node.test_rooms import ROOM, alike, join, make, posts, say


@pytest.fixture
async def two(world: World) -> list[Person]:
    """Ada made a room, and Bob joined it."""
    people = [await world.person(name) for name in ("Ada", "Bob")]
    await make(people[0])
    await join(world, *people)
    await alike(world, *people, count=0)
    return people


async def answer(person: Person, root: PostView, body: str) -> PostView:
    """A post in a thread."""
    return await person.do(SendPost(room=ROOM, body=body, thread=root.post_id))


async def asked(person: Person, **fields: object) -> Posts:
    """A page of the history, without lines."""
    return await person.do(RoomHistory(room=ROOM, **fields))  # type: ignore[arg-type]


def bodies(page: Posts) -> list[str]:
    """What is said on it."""
    return [one.body for one in page.posts if one.kind == "text"]


async def channel(person: Person, name: str = "general") -> ChannelView:
    """What the list says of a channel."""
    [found] = [
        one for one in (await person.do(ShowRoom(room=ROOM))).channels if one.channel == name
    ]
    return found


async def test_a_thread_is_apart_from_its_channel_and_counted_on_its_first_post(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    root = await say(ada, "apples?")
    await alike(world, *two, count=1)
    first = await answer(bob, root, "ripe")
    second = await answer(bob, first, "very")  # an answer within a thread is in the same one
    await say(bob, "elsewhere")
    await alike(world, *two, count=4)
    assert second.thread == root.post_id
    assert bodies(await asked(ada, channel="general", roots_only=True)) == ["apples?", "elsewhere"]
    assert bodies(await asked(ada, thread=root.post_id)) == ["apples?", "ripe", "very"]
    assert bodies(await asked(ada)) == ["apples?", "ripe", "very", "elsewhere"]
    [shown] = (await ada.do(ListThreads(room=ROOM))).posts
    assert (shown.body, shown.answers, shown.unread_answers) == ("apples?", 2, 2)
    found = await channel(ada)
    assert (found.unread, found.unread_in_threads) == (1, 2)
    await ada.do(MarkRoomRead(room=ROOM, thread=root.post_id))
    found = await channel(ada)
    assert (found.unread, found.unread_in_threads) == (1, 0)
    assert [one.thread for one in ada.told(RoomPosted) if one.body == "ripe"] == [root.post_id]


async def test_pages_of_a_thread_begin_with_its_first_post_once(
    world: World, two: list[Person]
) -> None:
    ada, _ = two
    root = await say(ada, "root")
    for n in range(5):
        await answer(ada, root, f"{n}")
    newest = await asked(ada, thread=root.post_id, limit=3)
    assert (bodies(newest), newest.older, newest.newer) == (["2", "3", "4"], True, False)
    before = await asked(ada, thread=root.post_id, limit=3, before=newest.posts[0].post_id)
    assert bodies(before) == ["root", "0", "1"]
    assert bodies(await asked(ada, thread=root.post_id, before=root.post_id)) == []
    after = await asked(ada, thread=root.post_id, limit=2, after=root.post_id)
    assert (bodies(after), after.newer) == (["0", "1"], True)


async def test_pages_go_on_before_after_and_around_a_post(world: World, two: list[Person]) -> None:
    ada, _ = two
    said = [await say(ada, f"{n}") for n in range(10)]
    page = await asked(ada, channel="general", limit=4, around=said[5].post_id)
    assert (bodies(page), page.older, page.newer) == (["3", "4", "5", "6"], True, True)
    page = await asked(ada, limit=4, around=said[9].post_id)
    assert (bodies(page), page.older, page.newer) == (["6", "7", "8", "9"], True, False)
    page = await asked(ada, limit=3, after=said[6].post_id)
    assert (bodies(page), page.newer) == (["7", "8", "9"], False)
    page = await asked(ada, limit=3, before=said[6].post_id)
    assert (bodies(page), page.older) == (["3", "4", "5"], True)
    everything = await asked(ada, limit=100, oldest=True)
    assert bodies(everything) == [f"{n}" for n in range(10)]
    assert not everything.newer
    late = await asked(ada, since_ms=said[8].sent_at_ms, before_ms=said[9].sent_at_ms + 1)
    assert set(bodies(late)) >= {"8", "9"}
    with pytest.raises(InvalidInput):
        await asked(ada, before=said[0].post_id, after=said[1].post_id)


async def test_the_page_of_what_is_unread_begins_there(world: World, two: list[Person]) -> None:
    ada, bob = two
    assert bodies(await asked(ada, unread=True)) == []
    await say(ada, "mine")
    await alike(world, *two, count=1)
    for n in range(3):
        await say(bob, f"{n}")
    await alike(world, *two, count=4)
    page = await asked(ada, unread=True)
    assert (bodies(page), page.older) == (["0", "1", "2"], True)


async def test_posts_are_read_and_unread_one_by_one(world: World, two: list[Person]) -> None:
    ada, bob = two
    for n in range(4):
        await say(bob, f"{n}")
    await alike(world, *two, count=4)
    rows = [one.row_id for one in await posts(ada)]
    await ada.do(MarkRoomRead(room=ROOM, channel="general", from_row=rows[1], row_id=rows[2]))
    assert [one.unread for one in await posts(ada)] == [True, False, False, True]
    [told] = ada.told(RoomRead)
    assert (told.channel, told.row_id, told.unread) == ("general", rows[2], 2)
    await ada.do(MarkRoomRead(room=ROOM))
    assert (await channel(ada)).unread == 0
    await ada.do(MarkRoomUnread(room=ROOM))
    assert [one.unread for one in await posts(ada)] == [False, False, False, True]
    await ada.do(MarkRoomUnread(room=ROOM, channel="general", row_id=rows[1]))
    assert (await channel(ada)).unread == 3
    assert ada.told(RoomUnread)[-1].unread == 3
    await ada.do(MarkRoomRead(room=ROOM))
    await bob.do(MarkRoomUnread(room=ROOM))  # one's own are never unread
    assert (await channel(bob)).unread == 0


async def test_what_is_deleted_is_not_unread_and_mentions_nobody(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    post = await say(bob, "@Ada look")
    other = await say(bob, "@Ada and there")
    await alike(world, *two, count=2)
    assert (await channel(ada)).mentions == 2
    await bob.do(DeletePost(room=ROOM, post_id=post.post_id))
    await ada.do(DeletePost(room=ROOM, post_id=other.post_id))
    await world.until(lambda: bool(ada.told(RoomPosted)))
    await world.pass_time(5.0)
    found = await channel(ada)
    assert (found.unread, found.mentions) == (0, 0)
    assert (await ada.do(ListRoomMentions())).posts == []


async def test_a_mention_means_the_member_whom_its_author_chose(world: World) -> None:
    ada, bob, cyd = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await cyd.do(SetProfile(name="Bob"))
    await make(ada)
    await join(world, ada, bob)
    await join(world, ada, cyd)
    await alike(world, ada, bob, cyd, count=0)
    both = await ada.do(SendPost(room=ROOM, body="@Bob, either of you"))
    assert len(both.mentions) == 2
    [own] = [one for one in (await cyd.do(ListMembers(room=ROOM))).members if one.own]
    one = await ada.do(SendPost(room=ROOM, body="@Bob, you", mentions=[own.author_id]))
    assert [m.author_id for m in one.mentions] == [own.author_id]
    await alike(world, ada, bob, cyd, count=2)
    assert [p.body for p in (await bob.do(ListRoomMentions())).posts] == ["@Bob, either of you"]
    assert [p.body for p in (await cyd.do(ListRoomMentions(room=ROOM))).posts] == [
        "@Bob, you",
        "@Bob, either of you",
    ]
    # Who calls themselves otherwise later is still the member who was meant.
    await cyd.do(SetProfile(name="Carol"))
    await ada.do(SendPost(room=ROOM, body="@Bob, once more", mentions=[own.author_id]))
    await alike(world, ada, bob, cyd, count=3)
    assert (await cyd.do(ListRoomMentions(limit=1))).posts[0].body == "@Bob, once more"


async def test_pins_are_listed_by_channel(world: World, two: list[Person]) -> None:
    ada, _ = two
    await ada.do(SetRoomChannel(room=ROOM, channel="fruit"))
    here, there = await say(ada, "here"), await say(ada, "there", channel="fruit")
    for one in (here, there):
        await ada.do(PinPost(room=ROOM, post_id=one.post_id))
    assert bodies(await ada.do(ListRoomPins(room=ROOM))) == ["there", "here"]
    assert bodies(await ada.do(ListRoomPins(room=ROOM, channel="fruit"))) == ["there"]
    await ada.do(PinPost(room=ROOM, post_id=here.post_id, on=False))
    assert bodies(await ada.do(ListRoomPins(room=ROOM))) == ["there"]


async def test_bookmarks_of_posts_stay_here_and_are_listed_over_all_rooms(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    first, second = await say(ada, "first"), await say(ada, "second")
    other = await bob.do(MakeRoom(name="Another"))
    elsewhere = await bob.do(SendPost(room=other.room, body="elsewhere"))
    await alike(world, ada, bob, count=2)
    for room, one in ((ROOM, second), (other.room, elsewhere), (ROOM, first)):
        kept = await bob.do(BookmarkPost(room=room, post_id=one.post_id, on=True))
        assert kept.bookmarked
    changed = [one for one in bob.told(RoomPostChanged) if one.bookmarked]
    assert [one.body for one in changed] == ["second", "elsewhere", "first"]
    found = (await bob.do(ListRoomBookmarks())).posts
    assert sorted(one.body for one in found) == ["elsewhere", "first", "second"]
    assert [one.row_id for one in found] == sorted((one.row_id for one in found), reverse=True)
    assert all(one.bookmarked for one in found)
    assert bodies(await bob.do(ListRoomBookmarks(room=ROOM))) == ["second", "first"]
    page = await bob.do(ListRoomBookmarks(limit=2))
    assert page.older
    rest = await bob.do(ListRoomBookmarks(limit=2, before_row=page.posts[-1].row_id))
    assert [one.post_id for one in (*page.posts, *rest.posts)] == [one.post_id for one in found]
    await bob.do(BookmarkPost(room=ROOM, post_id=second.post_id, on=False))
    assert bodies(await bob.do(ListRoomBookmarks(room=ROOM))) == ["first"]
    assert (await ada.do(ListRoomBookmarks())).posts == []  # nobody is told


async def test_nothing_is_left_of_the_bookmark_of_a_post_that_is_deleted(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    own, moderated = await say(bob, "mine"), await say(bob, "theirs")
    await alike(world, ada, bob, count=2)
    for one in (own, moderated):
        await bob.do(BookmarkPost(room=ROOM, post_id=one.post_id, on=True))
    await bob.do(DeletePost(room=ROOM, post_id=own.post_id))
    await ada.do(DeletePost(room=ROOM, post_id=moderated.post_id))
    await world.until(lambda: sum(one.deleted for one in bob.told(RoomPostChanged)) == 2)
    assert (await bob.do(ListRoomBookmarks())).posts == []
    with pytest.raises(InvalidInput):
        await bob.do(BookmarkPost(room=ROOM, post_id=own.post_id, on=True))


async def test_a_post_is_found_as_people_name_it(world: World, two: list[Person]) -> None:
    ada, bob = two
    with pytest.raises(NoMessageYet):
        await ada.do(FindPost(room=ROOM, name="theirs"))
    mine, theirs = await say(ada, "mine"), await say(bob, "theirs")
    await alike(world, *two, count=2)
    for name, wanted in (
        ("last", mine),
        ("theirs", theirs),
        (mine.post_id[:8], mine),
        (f"#{mine.row_id}", mine),
    ):
        assert (await ada.do(FindPost(room=ROOM, name=name))).post_id == wanted.post_id
    with pytest.raises(PostNotFound):
        await ada.do(FindPost(room=ROOM, name="#99999"))


async def test_a_room_and_a_channel_are_muted_and_have_a_level(
    world: World, two: list[Person]
) -> None:
    ada, _ = two
    view = await ada.do(SetRoomPreferences(room=ROOM, muted=True, level="mentions"))
    assert (view.muted, view.mute_until_ms, view.level) == (True, None, "mentions")
    later_ms = ada.clock.now_ms() + 60_000
    view = await ada.do(SetRoomPreferences(room=ROOM, mute_until_ms=later_ms))
    assert (view.muted, view.mute_until_ms, view.level) == (True, later_ms, "mentions")
    view = await ada.do(SetRoomPreferences(room=ROOM, channel="general", level="nothing"))
    [general] = view.channels
    assert (general.muted, general.level) == (False, "nothing")
    view = await ada.do(SetRoomPreferences(room=ROOM, channel="general", muted=True, level=""))
    [general] = view.channels
    assert (general.muted, general.level) == (True, "")
    assert ada.told(RoomStateChanged)
    await world.pass_time(100.0)
    assert not (await ada.do(ShowRoom(room=ROOM))).muted
    for wrong in (
        SetRoomPreferences(room=ROOM, level="loud"),
        SetRoomPreferences(room=ROOM, level=""),
        SetRoomPreferences(room=ROOM, channel="nowhere", muted=True),
    ):
        with pytest.raises(InvalidInput):
            await ada.do(wrong)


async def test_drafts_are_kept_for_each_channel_and_thread(world: World, two: list[Person]) -> None:
    ada, _ = two
    root = await say(ada, "root")
    await ada.do(SetRoomDraft(room=ROOM, body="begun", reply_to=root.post_id))
    await ada.do(SetRoomDraft(room=ROOM, thread=root.post_id, body="begun in a thread"))
    found = (await ada.do(ListRoomDrafts())).drafts
    assert [(one.channel, one.thread, one.body, one.reply_to) for one in found] == [
        ("general", None, "begun", root.post_id),
        ("general", root.post_id, "begun in a thread", None),
    ]
    await ada.do(SetRoomDraft(room=ROOM, body=""))
    await ada.do(
        SetRoomDraft(room=ROOM, thread=root.post_id, body="", edits=root.post_id, wording="another")
    )
    await ada.do(DeletePost(room=ROOM, post_id=root.post_id))
    [left] = (await ada.do(ListRoomDrafts())).drafts
    assert (left.edits, left.wording) == (root.post_id, "")
    assert (await ada.do(ListRoomDrafts(after=left.number))).drafts == []


async def test_a_list_of_rooms_says_what_came_last(world: World, two: list[Person]) -> None:
    ada, bob = two
    await ada.do(SetRoomChannel(room=ROOM, channel="fruit"))
    await say(ada, "apples", channel="fruit")
    await say(ada, "x" * 300)
    await alike(world, *two, count=2)
    view = await bob.do(ShowRoom(room=ROOM))
    assert view.last is not None
    assert (view.last.author, view.last.own, view.last.body) == ("Ada", False, "x" * 200)
    fruit = await channel(bob, "fruit")
    assert fruit.last is not None
    assert fruit.last.body == "apples"


async def test_an_edited_post_mentions_whom_it_addresses_now(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    post = await say(bob, "hello")
    await alike(world, *two, count=1)
    await bob.do(EditPost(room=ROOM, post_id=post.post_id, body="hello @Ada"))
    await world.until(lambda: bool(ada.told(RoomPostChanged)))
    assert bodies(await ada.do(ListRoomMentions())) == ["hello @Ada"]


async def test_posts_are_found_by_words_author_and_room(world: World, two: list[Person]) -> None:
    ada, bob = two
    first = await say(ada, "red apples")
    await say(bob, "green apples, see https://apples.example")
    await ada.do(PinPost(room=ROOM, post_id=first.post_id))
    await alike(world, *two, count=2)

    async def found(**fields: object) -> list[str]:
        given = {"text": "", **fields}
        return bodies(await ada.do(SearchPosts(**given)))  # type: ignore[arg-type]

    assert len(await found(text="apple")) == 2
    assert await found(text="apple", author="me") == ["red apples"]
    assert await found(author="Bob", room=ROOM) == ["green apples, see https://apples.example"]
    assert await found(has_link=True) == ["green apples, see https://apples.example"]
    assert await found(is_pinned=True) == ["red apples"]
    page = await ada.do(SearchPosts(text="apples", limit=1))
    assert (bodies(page)[0][:5], page.older) == ("green", True)
    rest = await ada.do(SearchPosts(text="apples", before_row=page.posts[-1].row_id))
    assert (bodies(rest), rest.older) == (["red apples"], False)
    with pytest.raises(MemberNotFound):
        await found(author="Nobody")
    await ada.do(DeletePost(room=ROOM, post_id=first.post_id))
    assert await found(text="red") == []


async def test_what_a_moderator_deletes_is_not_found_until_that_is_taken_back(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    post = await say(bob, "rotten apples")
    await alike(world, *two, count=1)
    await ada.do(DeletePost(room=ROOM, post_id=post.post_id))
    await world.until(lambda: bool(bob.told(RoomPostChanged)))
    for person in two:
        assert (await person.do(SearchPosts(text="rotten"))).posts == []


async def test_a_post_with_a_timer_of_its_own_ends_when_it_says_with_all_its_wordings(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    post = await ada.do(SendPost(room=ROOM, body="zanzibar", expires_s=60))
    assert (post.expires_s, post.expires_at_ms) == (60, post.sent_at_ms + 60_000)
    await ada.do(EditPost(room=ROOM, post_id=post.post_id, body="marzipan"))
    await world.until(lambda: [one.body for one in bob.told(RoomPostChanged)] == ["marzipan"])
    await world.pass_time(50.0)
    assert [one.body for one in await posts(bob)] == ["marzipan"]
    await world.pass_time(15.0)
    for person in two:
        [gone] = await posts(person)
        assert (gone.body, gone.deleted, gone.expires_at_ms) == ("", True, None)
        assert person.told(RoomPostChanged)[-1].deleted
        kept = person.database.look(
            lambda db: db.execute("SELECT body, data FROM room_posts").fetchall()
        )
        assert not any("marzipan" in body or b"zanzibar" in (data or b"") for body, data in kept)
    with pytest.raises(InvalidInput):
        await ada.do(SendPost(room=ROOM, body="too short", expires_s=1))


async def test_an_edit_that_comes_after_its_post_was_taken_back_leaves_nothing(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    post = await say(ada, "one")
    await alike(world, *two, count=1)
    await bob.crash()
    await ada.do(EditPost(room=ROOM, post_id=post.post_id, body="marzipan"))
    edit = ada.database.look(
        lambda db: db.execute("SELECT data FROM room_posts WHERE kind = 2").fetchone()[0]
    )
    await ada.do(DeletePost(room=ROOM, post_id=post.post_id))
    await bob.start()
    await world.until(lambda: bool(bob.told(RoomPostChanged)))
    assert b"marzipan" in edit
    # A member who kept the edit passes it on.
    room_id = bob.database.look(lambda db: rooms.every(db)[0].room_id)
    message_id = ada.node.parts.new_id()
    payload = RoomEvents(message_id, ada.clock.now_ms(), room_id, (edit,), ())
    await ada.peer(bob).delivery.outbox.add(message_id, payload, lambda db, happened: None)
    await world.until(lambda: ada.queued(bob) == 0)
    kept = bob.database.look(lambda db: db.execute("SELECT body, data FROM room_posts").fetchall())
    assert not any("marzipan" in body or b"marzipan" in (data or b"") for body, data in kept)


async def test_pages_go_on_from_a_line_as_from_a_post(world: World, two: list[Person]) -> None:
    ada, _ = two
    await ada.do(SetRoomChannel(room=ROOM, channel="fruit"))
    await say(ada, "last")
    everything = (await ada.do(RoomHistory(room=ROOM, limit=100))).posts
    assert [one.kind for one in everything].count("line") > 1
    back: list[PostView] = []
    before = None
    while page := (await ada.do(RoomHistory(room=ROOM, limit=1, before=before))).posts:
        back[:0] = page
        before = page[0].post_id
    assert [one.post_id for one in back] == [one.post_id for one in everything]
    after = (await ada.do(RoomHistory(room=ROOM, limit=1, after=everything[0].post_id))).posts
    assert [one.post_id for one in after] == [everything[1].post_id]


async def test_what_came_to_a_room_while_nobody_looked_is_counted(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    await ada.do(SetRoomChannel(room=ROOM, channel="plans"))
    await say(ada, "before")
    await alike(world, *two, count=1)
    room_id = (await bob.do(ShowRoom(room=ROOM))).room_id
    assert (await bob.do(ListArrivals())).rooms == []
    await bob.do(NoteLeaving(room_id=room_id, channel="plans"))
    root = await say(ada, "one @Bob")
    await answer(ada, root, "two")
    await ada.do(SendPost(room=ROOM, channel="plans", body="three"))
    await alike(world, *two, count=4)
    await bob.restart()
    found = await bob.do(ListArrivals())
    [came] = found.rooms
    assert (came.room, came.room_id, came.posts, came.mentions) == (ROOM, room_id, 3, 1)
    assert (found.last_room_id, found.last_channel) == (room_id, "plans")
    await bob.do(SetRoomPreferences(room=ROOM, channel="plans", muted=True))
    assert [one.posts for one in (await bob.do(ListArrivals())).rooms] == [2]
    await bob.do(MarkRoomRead(room=ROOM, channel="general"))
    assert [one.posts for one in (await bob.do(ListArrivals())).rooms] == [1]
    await bob.do(SetRoomPreferences(room=ROOM, muted=True))
    assert (await bob.do(ListArrivals())).rooms == []
    await bob.do(NoteLeaving(contact="Ada"))
    assert (await bob.do(ListArrivals())).last_room_id is None
    await bob.do(NoteLeaving(room_id=room_id, channel="plans"))
    await bob.do(LeaveRoom(room=ROOM, delete=True))
    assert (await bob.do(ListArrivals())).last_room_id is None
    assert bob.database.look(arrivals.left_open_channel) is None
    with pytest.raises(InvalidInput):
        await bob.do(NoteLeaving(room_id="no hexadecimal"))


async def test_what_a_post_said_before_it_was_edited_is_shown(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    post = await say(ada, "one")

    def wording(db: Db) -> str:
        found = room_posts.by_id(db, rooms.every(db)[0].room, bytes.fromhex(post.post_id))
        return "" if found is None else found.body

    assert [one.body for one in (await edits(ada, post)).wordings] == ["one"]
    for body in ("two", "three"):
        await ada.do(EditPost(room=ROOM, post_id=post.post_id, body=body))
    await alike(world, *two, count=1)
    await world.until(lambda: bob.database.look(wording) == "three")
    for person in two:
        assert [one.body for one in (await edits(person, post)).wordings] == ["one", "two", "three"]
    await ada.do(DeletePost(room=ROOM, post_id=post.post_id))
    assert (await edits(ada, post)).wordings == []


async def edits(person: Person, post: PostView) -> PostWordings:
    """Of a post."""
    return await person.do(ShowPostEdits(room=ROOM, post_id=post.post_id))


async def test_when_a_room_was_made_is_not_claimed_by_who_joined_it(two: list[Person]) -> None:
    def lines(page: Posts) -> dict[str, bool]:
        return {one.line.what: one.line.earlier for one in page.posts if one.line is not None}

    ada, bob = [lines(await asked(person)) for person in two]
    assert ada == {"made": False, "admitted": False}
    assert bob == {"made": True, "admitted": False}


async def test_a_text_is_forwarded_into_a_room_and_nothing_before_all_are_known(
    world: World, two: list[Person]
) -> None:
    ada, bob = two
    await ada.do(SendText(contact="Bob", body="ripe apples"))
    text = await ada.do(FindMessage(contact="Bob", name="last"))
    with pytest.raises(NotFound):
        await forward(ada.do, "Bob", [text], [ROOM, "Nobody"])
    assert await posts(ada) == []
    with pytest.raises(InvalidInput):
        await forward(ada.do, "Bob", [text], ["Bob", ROOM], "attic")
    queued = await forward(ada.do, "Bob", [text], [ROOM, "Bob"])
    assert [one.body for one in queued] == ["ripe apples"] * 2
    await alike(world, ada, bob, count=1)
    assert [one.body for one in await posts(bob)] == ["ripe apples"]
