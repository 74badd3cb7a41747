"""Files in rooms: offered to all members, fetched by who wants them, gone with their posts."""

from collections import Counter
from pathlib import Path

import pytest

from loom.api.events import FileChanged, FileProgress, MessageReceived, RoomLeft, RoomPosted
from loom.api.file_commands import (
    AcceptFile,
    CancelFile,
    DeclineFile,
    ListFiles,
    PauseFile,
    ReadFile,
    RemoveFile,
    ResumeFile,
    SendFile,
    SetFileRules,
    ShowFile,
)
from loom.api.file_views import FileView
from loom.api.message_views import MessageView
from loom.api.room_commands import (
    DeletePost,
    LeaveRoom,
    MakeRoom,
    PostFile,
    ReactToPost,
    RemoveMember,
    RoomHistory,
    SearchPosts,
    SendPost,
    SetRoomChannel,
)
from loom.api.room_views import PostView
from loom.cli.forwarding import forward
from loom.core.file.keys import FileKeys
from loom.core.link_events import RecordReceived
from loom.errors import FileNotHere, FileNotKnown, InvalidInput
from loom.links.direct import DirectLink
from loom.node.files.device_files import DeviceFiles
from loom.storage import files
from loom.storage.file_store import FileStore
from loom.storage.files import Served
from loom.wire.content import File
from loom.wire.file_records import Piece, What, encode_request
from loom.wire.framing import RecordKind
from tests.node.by_hand import take_in
from tests.node.harness import Person, World
from tests.node.test_files import CHUNK, content_of, kept, plain_file, whole
from tests.node.test_rooms import ROOM, alike, join, make, state

SIZE = 3 * CHUNK + 1_000


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[Path, bytes, int]]:
    """How often each chunk was written, over all machines and starts."""
    count: Counter[tuple[Path, bytes, int]] = Counter()
    write = FileStore.write

    def counted(store: FileStore, blob_id: bytes, index: int, sealed: bytes) -> None:
        count[store._folder, blob_id, index] += 1
        write(store, blob_id, index, sealed)

    monkeypatch.setattr(FileStore, "write", counted)
    return count


@pytest.fixture
async def three(world: World) -> list[Person]:
    """Ada made a room; Bob and Cyd are in it, and everybody knows everybody."""
    people = await world.friends("Ada", "Bob", "Cyd")
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    return people


@pytest.fixture
async def chain(world: World) -> list[Person]:
    """The same, but Bob and Cyd know nobody but Ada."""
    people = [await world.person(name) for name in ("Ada", "Bob", "Cyd")]
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    return people


async def post(person: Person, path: str, caption: str = "", channel: str = "general") -> FileView:
    """A file that somebody offers in the room."""
    posted = await person.do(PostFile(room=ROOM, path=path, caption=caption, channel=channel))
    assert posted.file is not None
    return posted.file


async def seen(person: Person) -> list[PostView]:
    """The posts with files."""
    page = await person.do(RoomHistory(room=ROOM, limit=1_000))
    return [one for one in page.posts if one.kind == "file"]


async def is_state(person: Person, file: FileView, state: str) -> bool:
    return (await person.do(ShowFile(file_id=file.file_id))).state == state


def done(person: Person, file: FileView) -> bool:
    """Whether somebody was told that it is whole."""
    told = person.told(FileChanged)
    return any(one.file_id == file.file_id and one.state == "done" for one in told)


async def fetched(world: World, person: Person, file: FileView) -> bytes:
    """What somebody has who accepts a file."""
    await person.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: done(person, file))
    return await whole(person, file)


async def test_a_file_in_a_channel_is_fetched_by_the_members_who_want_it(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    await ada.do(SetRoomChannel(room=ROOM, channel="plans"))
    await world.until(lambda: state(ada) == state(bob) == state(cyd))
    content = content_of(SIZE)
    path = plain_file(tmp_path, "plan.pdf", content)
    file = await post(ada, path, caption="the @Bob plan", channel="plans")
    assert (file.direction, file.state, file.room, file.contact) == ("out", "offered", ROOM, "")
    await alike(world, *three, count=1)
    [came] = await seen(bob)
    assert (came.body, came.channel, came.author, came.mention) == (
        "the @Bob plan",
        "plans",
        "Ada",
        True,
    )
    assert came.file is not None
    assert (came.file.name, came.file.size_bytes, came.file.state) == ("plan.pdf", SIZE, "offered")
    assert (came.file.contact, came.file.post_id) == ("Ada", came.post_id)
    assert [one.file is not None for one in bob.told(RoomPosted) if one.kind == "file"] == [True]
    assert await fetched(world, bob, came.file) == content
    assert bob.told(FileProgress)
    assert await is_state(cyd, file, "offered")
    assert kept(cyd) == []
    [own] = (await ada.do(ListFiles(room=ROOM))).files
    assert (own.state, own.served_to) == ("offered", 1)
    with pytest.raises(FileNotHere):
        await cyd.do(ReadFile(file_id=file.file_id, index=0))
    found = await cyd.do(SearchPosts(text="plan.pdf", room=ROOM))
    assert [one.post_id for one in found.posts] == [came.post_id]


async def test_who_has_it_whole_gives_it_where_its_author_is_not_linked(
    world: World, chain: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = chain
    content = content_of(SIZE)
    file = await post(bob, plain_file(tmp_path, "plan.pdf", content))
    await alike(world, *chain, count=1)
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(30.0)
    assert await is_state(cyd, file, "accepted")  # Ada does not have it
    assert await fetched(world, ada, file) == content
    await bob.crash()
    await world.until(lambda: done(cyd, file), within_s=1_000.0)
    assert await whole(cyd, file) == content


async def test_another_member_goes_on_where_the_author_went_away(
    world: World,
    three: list[Person],
    tmp_path: Path,
    written: Counter[tuple[Path, bytes, int]],
) -> None:
    """And no chunk comes twice."""
    ada, bob, cyd = three
    content = content_of(40 * CHUNK)
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content))
    await alike(world, *three, count=1)
    assert await fetched(world, bob, file) == content
    written.clear()
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: len(written) >= 5)
    await ada.crash()
    await world.until(lambda: done(cyd, file), within_s=1_000.0)
    assert await whole(cyd, file) == content
    assert set(written.values()) == {1}
    assert len(written) == 40


async def test_a_crash_in_the_middle_loses_nothing_and_fetches_nothing_twice(
    world: World,
    three: list[Person],
    tmp_path: Path,
    written: Counter[tuple[Path, bytes, int]],
) -> None:
    ada, _, cyd = three
    content = content_of(40 * CHUNK)
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content))
    await alike(world, *three, count=1)
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: len(written) >= 5)
    await cyd.crash()
    await cyd.start()
    await world.until(lambda: done(cyd, file))
    assert await whole(cyd, file) == content
    assert set(written.values()) == {1}


async def test_who_was_removed_gets_nothing_more_of_it(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content_of(40 * CHUNK)))
    await alike(world, *three, count=1)
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: bool(kept(cyd)))
    await ada.do(RemoveMember(room=ROOM, member="Cyd"))
    await world.until(lambda: bool(cyd.told(RoomLeft)))
    await world.until(lambda: kept(cyd) == [])
    assert await is_state(cyd, file, "cancelled")
    with pytest.raises(InvalidInput):
        await cyd.do(AcceptFile(file_id=file.file_id))
    served = ada.database.look(lambda db: files.served(db, 1, ada.peer(cyd).number).pieces)
    assert served < 40
    await fetched(world, bob, file)


async def test_who_left_keeps_what_is_whole_and_fetches_no_more(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    first = await post(ada, plain_file(tmp_path, "first", content_of(SIZE, 1)))
    second = await post(cyd, plain_file(tmp_path, "second", content_of(SIZE, 2)))
    await alike(world, *three, count=2)
    await fetched(world, cyd, first)
    await cyd.do(LeaveRoom(room=ROOM))
    await world.until(lambda: state(ada) == state(bob))
    assert await whole(cyd, first) == content_of(SIZE, 1)
    await bob.do(AcceptFile(file_id=second.file_id))
    await world.pass_time(700.0)
    assert await is_state(bob, second, "accepted")  # who left gives nothing


@pytest.mark.parametrize("by", ["author", "moderator"])
async def test_a_deleted_post_takes_its_content_along(
    world: World, three: list[Person], tmp_path: Path, by: str
) -> None:
    ada, bob, cyd = three
    file = await post(bob, plain_file(tmp_path, "plan.pdf", content_of(SIZE)))
    await alike(world, *three, count=1)
    await fetched(world, cyd, file)
    assert len(kept(cyd)) == 1
    [there] = await seen(bob)
    await (bob if by == "author" else ada).do(DeletePost(room=ROOM, post_id=there.post_id))
    await world.until(lambda: kept(cyd) == [])
    [gone] = await seen(cyd)
    assert gone.deleted
    assert gone.file is None
    assert (await cyd.do(ListFiles())).files == []
    assert (await bob.do(ListFiles())).files == []
    for person in three:
        with pytest.raises(FileNotKnown):
            await person.do(AcceptFile(file_id=file.file_id))


async def test_what_a_room_keeps_so_long_is_gone_then(world: World, tmp_path: Path) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    await make(ada, retention_s=3_600)
    await join(world, ada, bob)
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content_of(SIZE)))
    await alike(world, ada, bob, count=1)
    await fetched(world, bob, file)
    await world.pass_time(3_700.0)
    assert kept(bob) == []
    assert (await bob.do(ListFiles())).files == (await ada.do(ListFiles())).files == []


async def test_a_member_decides_again_and_nobody_is_told(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, _ = three
    content = content_of(SIZE)
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content))
    await alike(world, *three, count=1)
    assert (await bob.do(DeclineFile(file_id=file.file_id))).state == "declined"
    assert await fetched(world, bob, file) == content
    removed = await bob.do(RemoveFile(file_id=file.file_id))
    assert (removed.state, removed.is_here) == ("done", False)
    assert kept(bob) == []
    assert (await bob.do(AcceptFile(file_id=file.file_id))).state == "accepted"
    await bob.do(PauseFile(file_id=file.file_id))
    await world.pass_time(30.0)
    assert await is_state(bob, file, "paused")
    await bob.do(ResumeFile(file_id=file.file_id))
    told = len(bob.told(FileChanged))
    await world.until(lambda: any(one.state == "done" for one in bob.told(FileChanged)[told:]))
    assert await whole(bob, file) == content
    assert (await bob.do(AcceptFile(file_id=file.file_id))).state == "done"  # a script asks again


async def test_the_author_pauses_it_and_serves_it_no_more(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content_of(SIZE)))
    await alike(world, *three, count=1)
    assert (await ada.do(PauseFile(file_id=file.file_id))).state == "paused"
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(30.0)
    assert await is_state(bob, file, "accepted")
    await ada.do(ResumeFile(file_id=file.file_id))
    await world.until(lambda: done(bob, file))
    assert (await ada.do(CancelFile(file_id=file.file_id))).state == "cancelled"
    # Bob has it, and gives it on.
    assert await fetched(world, cyd, file) == content_of(SIZE)


async def test_small_files_are_fetched_without_asking_where_the_owner_wants_that(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    await bob.do(SetFileRules(accept_in_rooms=True))
    small = await post(ada, plain_file(tmp_path, "small", content_of(1_000)))
    large = await post(ada, plain_file(tmp_path, "large", content_of(5 * CHUNK)))
    empty = await post(ada, plain_file(tmp_path, "empty", b""))
    await alike(world, *three, count=3)
    await world.until(lambda: done(bob, small) and done(bob, empty))
    assert await is_state(bob, large, "offered")
    assert await is_state(cyd, small, "offered")


async def test_a_file_is_answered_and_reacted_to_and_begins_a_thread(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, _ = three
    await post(ada, plain_file(tmp_path, "plan.pdf", content_of(10)))
    await alike(world, *three, count=1)
    [there] = await seen(bob)
    await bob.do(ReactToPost(room=ROOM, post_id=there.post_id, emoji="👍"))
    answer = await bob.do(
        SendPost(room=ROOM, body="nice", reply_to=there.post_id, thread=there.post_id)
    )
    assert answer.quote is not None
    assert answer.quote.body == "plan.pdf"
    within = await bob.do(
        PostFile(room=ROOM, path=plain_file(tmp_path, "other.pdf", b"x"), thread=there.post_id)
    )
    assert within.thread == there.post_id
    [there, _] = await seen(bob)
    assert there.answers == 2
    assert [one.emoji for one in there.reactions] == ["👍"]


async def test_a_contact_cannot_take_the_id_of_a_post(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    """Somebody who saw the post first offers another file under its id."""
    ada, bob, cyd = three
    await bob.crash()
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content_of(SIZE)))
    await bob.start()
    squatter = File(bytes.fromhex(file.file_id), 5, "virus", 0, "", bytes(32), bytes(32))
    await take_in(bob, cyd, [squatter])
    await alike(world, *three, count=1)
    assert await fetched(world, bob, file) == content_of(SIZE)
    [there] = (await bob.do(ListFiles())).files
    assert (there.name, there.room) == ("plan.pdf", ROOM)


async def test_who_is_not_in_the_room_gets_no_piece_whatever_they_ask(
    world: World, three: list[Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor who was removed, nor anybody of a post that was deleted, nor with a made up id."""
    ada, bob, cyd = three
    await ada.do(MakeRoom(name="Cellar"))
    secret = await ada.do(PostFile(room="Cellar", path=plain_file(tmp_path, "s", content_of(9))))
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content_of(9)))
    await alike(world, bob, cyd, count=1)
    came: list[RecordReceived] = []
    cyds, received = cyd.peer(ada).files, DeviceFiles.received

    def noted(one: DeviceFiles, link: DirectLink, record: RecordReceived) -> None:
        if one is cyds:
            came.append(record)
        else:
            received(one, link, record)

    monkeypatch.setattr(DeviceFiles, "received", noted)
    assert secret.file is not None

    async def asked(file_id: str, what: What = What.LIST) -> RecordKind:
        link = cyd.peer(ada).connection
        assert link is not None
        before = len(came)
        piece = Piece(bytes.fromhex(file_id), what, 0)
        link.send_record(RecordKind.FILE_REQUEST, encode_request(piece))
        await world.until(lambda: len(came) > before)
        return came[-1].kind

    assert await asked(file.file_id) is RecordKind.FILE_PART
    for file_id in (secret.file.file_id, "11" * 16):
        assert await asked(file_id) is RecordKind.FILE_REFUSAL
    [there] = await seen(ada)
    await ada.do(DeletePost(room=ROOM, post_id=there.post_id))
    assert await asked(file.file_id) is RecordKind.FILE_REFUSAL
    other = await post(ada, plain_file(tmp_path, "b", content_of(9)))
    assert await asked(other.file_id) is RecordKind.FILE_PART
    for _ in range(2):  # it is open now, and lies in the system's memory
        assert await asked(other.file_id, What.DATA) is RecordKind.FILE_PART
    await ada.do(RemoveMember(room=ROOM, member="Cyd"))
    assert await asked(other.file_id, What.DATA) is RecordKind.FILE_REFUSAL
    assert await asked(other.file_id) is RecordKind.FILE_REFUSAL


async def test_a_member_who_gives_something_else_is_not_asked_again_and_others_are(
    world: World, three: list[Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the keys of the post anybody can seal anything; only the author's word ends it."""
    ada, bob, cyd = three
    content = content_of(SIZE)
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content))
    await alike(world, *three, count=1)
    await fetched(world, bob, file)
    await ada.crash()
    lies = False

    def seal(keys: FileKeys, piece: Piece, plaintext: bytes, hashes: bytes) -> bytes:
        told = bytes(len(plaintext)) if lies else plaintext
        return keys._keys[What.DATA].seal(piece.index.to_bytes(12, "big"), told, b"")

    monkeypatch.setattr(FileKeys, "seal_chunk", seal)
    lies = True
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(60.0)
    assert await is_state(cyd, file, "receiving")
    lies = False
    await ada.start()
    await world.until(lambda: done(cyd, file), within_s=1_000.0)
    assert await whole(cyd, file) == content
    lies = True
    second = await post(ada, plain_file(tmp_path, "b", content_of(SIZE, 2)))
    await alike(world, *three, count=2)
    await cyd.do(AcceptFile(file_id=second.file_id))
    await world.until(lambda: any(one.state == "failed" for one in cyd.told(FileChanged)))
    failed = await cyd.do(ShowFile(file_id=second.file_id))
    assert (failed.why, failed.is_here) == ("file_differs", False)
    await world.until(lambda: len(kept(cyd)) == 1)


async def test_a_member_who_asks_for_ever_is_served_about_three_times(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content_of(SIZE)))
    await alike(world, *three, count=1)
    number = ada.peer(cyd).number
    await ada.database.write(lambda db: files.put_served(db, 1, number, Served(10_000, b"\0")))
    await cyd.do(AcceptFile(file_id=file.file_id))
    await fetched(world, bob, file)
    await ada.crash()
    await world.until(lambda: done(cyd, file), within_s=1_000.0)  # from Bob


async def test_files_of_a_room_and_of_a_conversation_do_not_meet(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    """A contact who is no member, or asks in the wrong place, gets nothing."""
    ada, bob, cyd = three
    private = await ada.do(SendFile(contact="Bob", path=plain_file(tmp_path, "a", b"private")))
    shared = await post(ada, plain_file(tmp_path, "b", b"shared"))
    await alike(world, *three, count=1)
    assert private.file is not None
    assert {one.name for one in (await ada.do(ListFiles())).files} == {"a", "b"}
    assert [one.name for one in (await ada.do(ListFiles(room=ROOM))).files] == ["b"]
    assert [one.name for one in (await ada.do(ListFiles(contact="Bob"))).files] == ["a"]
    with pytest.raises(FileNotKnown):
        await cyd.do(AcceptFile(file_id=private.file.file_id))
    await fetched(world, bob, shared)


async def test_a_file_of_a_room_is_forwarded_to_a_contact_and_into_another_room(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    """A new offer of one's own copy: other keys, and nothing says whose it was."""
    ada, bob, cyd = three
    content = content_of(SIZE)
    await bob.do(MakeRoom(name="Cellar"))
    file = await post(ada, plain_file(tmp_path, "plan.pdf", content), caption="the plan")
    await alike(world, *three, count=1)
    [came] = await seen(bob)
    with pytest.raises(FileNotHere):
        await forward(bob.do, ROOM, [came], ["Cyd", "Cellar"])
    assert not cyd.told(MessageReceived)
    await fetched(world, bob, file)
    [came] = await seen(bob)
    queued = await forward(bob.do, ROOM, [came], ["Cyd", "Cellar"])
    assert [type(one) for one in queued] == [MessageView, PostView]
    await world.until(lambda: bool(cyd.told(MessageReceived)))
    told = cyd.told(MessageReceived)[-1]
    onward = told.file
    assert onward is not None
    assert (told.body, told.contact, onward.name) == ("the plan", "Bob", "plan.pdf")
    assert onward.file_id != file.file_id
    await ada.crash()
    assert await fetched(world, cyd, onward) == content
    cellar = queued[1].file
    assert cellar is not None
    assert (cellar.room, cellar.direction, cellar.state) == ("Cellar", "out", "offered")
    secrets = bob.database.look(lambda db: db.execute("SELECT secret FROM files").fetchall())
    assert len(set(secrets)) == 3
    assert len(kept(bob)) == 3
    there = await bob.do(ReadFile(file_id=cellar.file_id, index=0))
    assert there.data == content[:CHUNK]


async def test_a_file_of_a_conversation_is_posted_in_a_room(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    content = content_of(SIZE)
    sent = await ada.do(
        SendFile(contact="Bob", path=plain_file(tmp_path, "a.bin", content), caption="for you")
    )
    [posted] = await forward(ada.do, "Bob", [sent], [ROOM])
    await alike(world, *three, count=1)
    [came] = await seen(cyd)
    assert came.file is not None
    assert (came.body, came.file.name, came.file.contact) == ("for you", "a.bin", "Ada")
    assert await fetched(world, cyd, came.file) == content
    with pytest.raises(InvalidInput):
        await ada.do(PostFile(room=ROOM, file_id=came.file.file_id, path="/also"))
    with pytest.raises(FileNotKnown):
        await ada.do(PostFile(room=ROOM, file_id="11" * 16))
    assert posted.file is not None
    await bob.do(ShowFile(file_id=posted.file.file_id))
