"""Files between two people: offered, accepted, fetched, and what goes wrong meanwhile."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from loom.api.contact_commands import (
    AnswerFarewell,
    BlockContact,
    RemoveContact,
    SayFarewell,
    VerifyContact,
)
from loom.api.conversation_commands import MarkRead, SetTimer
from loom.api.events import (
    FarewellAsked,
    FileChanged,
    FileProgress,
    MessageReceived,
    MessagesDeleted,
    Warned,
)
from loom.api.file_commands import (
    AcceptFile,
    BeginUpload,
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
    UploadPart,
)
from loom.api.file_views import FileView, ThumbnailView
from loom.api.message_commands import (
    DeleteMessages,
    FindMessage,
    Forward,
    Pin,
    React,
    RetryMessage,
    Search,
    SendText,
)
from loom.core.file.sender import Source
from loom.errors import DiskFull, FileNotHere, FileNotKnown, FileOver, FilesFull, InvalidInput
from loom.front.file_words import state_words
from loom.node.files.content import Measured
from loom.node.maintenance import INTERVAL_S
from loom.storage import files
from loom.storage.file_store import FileStore
from loom.wire.file_records import Reason
from tests.node.harness import Person, World

CHUNK = 256 * 1024


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[bytes, int]]:
    """How often each chunk was written, over all machines and starts."""
    count: Counter[tuple[bytes, int]] = Counter()
    write = FileStore.write

    def counted(store: FileStore, blob_id: bytes, index: int, sealed: bytes) -> None:
        count[blob_id, index] += 1
        write(store, blob_id, index, sealed)

    monkeypatch.setattr(FileStore, "write", counted)
    return count


def content_of(size: int, seed: int = 0) -> bytes:
    """Bytes that no other file has."""
    return random.Random(seed).randbytes(size)


def plain_file(folder: Path, name: str, content: bytes) -> str:
    """A file that is offered in place."""
    path = folder / name
    path.write_bytes(content)
    return str(path)


async def only_file(person: Person) -> FileView:
    """The one file that somebody has."""
    [file] = (await person.do(ListFiles())).files
    return file


async def whole(person: Person, file: FileView) -> bytes:
    """What is read of a file that is there."""
    data = b""
    for index in range(max(1, -(-file.size_bytes // CHUNK))):
        data += (await person.do(ReadFile(file_id=file.file_id, index=index))).data
    return data


def kept(person: Person) -> list[Path]:
    """What lies in somebody's folder of files."""
    folder = person.path.with_name("files")
    return sorted(folder.iterdir()) if folder.is_dir() else []


def is_in(person: Person, state: str) -> Callable[[], bool]:
    """Whether somebody was told that a file is in a state."""
    return lambda: any(one.state == state for one in person.told(FileChanged))


async def offered(world: World, ada: Person, bob: Person, path: str) -> FileView:
    """A file that Ada offers, as Bob sees it."""
    before = len(bob.told(MessageReceived))
    await ada.do(SendFile(contact="Bob", path=path))
    await world.until(lambda: len(bob.told(MessageReceived)) > before)
    file = bob.told(MessageReceived)[-1].file
    assert file is not None
    return file


async def upload(person: Person, name: str, content: bytes) -> str:
    """Hand over content."""
    begun = await person.do(BeginUpload(name=name, size_bytes=len(content)))
    for index in range(-(-len(content) // CHUNK)):
        piece = content[index * CHUNK : (index + 1) * CHUNK]
        await person.do(UploadPart(upload_id=begun.upload_id, index=index, data=piece))
    return begun.upload_id


async def test_a_file_is_offered_accepted_and_fetched(world: World, tmp_path: Path) -> None:
    """What arrives is what was sent, and both sides see that it is done."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(3 * CHUNK + 1_000)
    sent = await ada.do(
        SendFile(contact="Bob", path=plain_file(tmp_path, "plan.pdf", content), caption="the plan")
    )
    assert sent.kind == "file"
    assert sent.body == "the plan"
    assert sent.file is not None
    assert sent.file.state == "offered"
    await world.until(lambda: bool(bob.told(MessageReceived)))
    [came] = bob.told(MessageReceived)
    assert came.kind == "file"
    assert came.file is not None
    assert (came.file.name, came.file.size_bytes) == ("plan.pdf", len(content))
    await bob.do(AcceptFile(file_id=came.file.file_id))
    again = await bob.do(AcceptFile(file_id=came.file.file_id))  # by a script that was killed
    assert again.state in ("accepted", "receiving", "done")
    await world.until(lambda: any(one.state == "done" for one in ada.told(FileChanged)))
    assert (await bob.do(AcceptFile(file_id=came.file.file_id))).state == "done"
    assert await whole(bob, await only_file(bob)) == content
    assert (await only_file(ada)).state == "done"


@pytest.mark.parametrize("size", [0, 1, CHUNK, 2 * CHUNK + 1])
async def test_any_size_arrives_as_it_was(world: World, tmp_path: Path, size: int) -> None:
    """Also one of nothing, and one that ends with a chunk."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(size)
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"))
    assert await whole(bob, file) == content


async def test_what_a_front_end_hands_over_is_kept_sealed(world: World) -> None:
    """It is sent like a file, read at both ends, and lies nowhere as it is."""
    ada, bob = await world.friends("Ada", "Bob")
    content = b"a very plain secret" * 40_000
    upload_id = await upload(ada, "note.txt", content)
    with pytest.raises(InvalidInput):
        await ada.do(UploadPart(upload_id=upload_id, index=0, data=content[:CHUNK]))
    sent = await ada.do(SendFile(contact="Bob", upload_id=upload_id))
    assert sent.file is not None
    assert await whole(ada, sent.file) == content
    await world.until(lambda: bool(bob.told(MessageReceived)))
    await bob.do(AcceptFile(file_id=sent.file.file_id[:20]))
    await world.until(is_in(ada, "done"))
    assert await whole(bob, await only_file(bob)) == content
    for path in (*kept(ada), *kept(bob)):
        assert b"plain secret" not in path.read_bytes()
    assert len(kept(ada)) == len(kept(bob)) == 1


async def test_an_upload_that_nobody_sent_is_gone_after_a_restart(world: World) -> None:
    """Nothing of it stays on the disk."""
    ada, _ = await world.friends("Ada", "Bob")
    upload_id = await upload(ada, "note.txt", content_of(CHUNK + 5))
    await ada.restart()
    assert kept(ada) == []
    with pytest.raises(InvalidInput):
        await ada.do(SendFile(contact="Bob", upload_id=upload_id))


async def test_small_files_of_verified_contacts_are_accepted_without_asking(
    world: World, tmp_path: Path
) -> None:
    """Nobody else's are, and no large ones, until the owner says so."""
    ada, bob = await world.friends("Ada", "Bob")
    path = plain_file(tmp_path, "small", content_of(1_000))
    file = await offered(world, ada, bob, path)
    assert file.state == "offered"
    await bob.do(VerifyContact(contact="Ada", confirm=True))
    file = await offered(world, ada, bob, path)
    assert file.state == "accepted"
    large = await offered(world, ada, bob, plain_file(tmp_path, "large", content_of(5 * CHUNK)))
    assert large.state == "offered"
    await world.until(is_in(bob, "done"))
    await bob.do(SetFileRules(accept_from="nobody"))
    assert (await offered(world, ada, bob, path)).state == "offered"


async def test_a_file_that_is_declined_or_cancelled_is_over_on_both_sides(
    world: World, tmp_path: Path
) -> None:
    """Whoever says so; and nothing is kept of it."""
    ada, bob = await world.friends("Ada", "Bob")
    path = plain_file(tmp_path, "x", content_of(4 * CHUNK))
    declined = await offered(world, ada, bob, path)
    await bob.do(DeclineFile(file_id=declined.file_id))
    await world.until(is_in(ada, "declined"))
    with pytest.raises(FileOver):
        await bob.do(AcceptFile(file_id=declined.file_id))
    cancelled = await offered(world, ada, bob, path)
    await ada.do(CancelFile(file_id=cancelled.file_id))
    await world.until(is_in(bob, "cancelled"))
    large = plain_file(tmp_path, "large", content_of(60 * CHUNK))
    again = await offered(world, ada, bob, large)
    await bob.do(AcceptFile(file_id=again.file_id))
    await world.until(lambda: bool(bob.told(FileProgress)))
    await bob.do(CancelFile(file_id=again.file_id))
    await world.until(lambda: sum(one.state == "cancelled" for one in ada.told(FileChanged)) > 1)
    await world.pass_time(5.0)
    assert kept(bob) == []


async def test_a_pause_of_either_side_lasts_until_it_is_resumed(
    world: World, tmp_path: Path, written: Counter[tuple[bytes, int]]
) -> None:
    """Also over a restart; and then only what is missing is fetched."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(40 * CHUNK)
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: bool(bob.told(FileProgress)))
    paused = await bob.do(PauseFile(file_id=file.file_id))
    assert paused.state == "paused"
    await bob.restart()
    await ada.call(bob)
    await world.pass_time(30.0)
    assert (await bob.do(ShowFile(file_id=file.file_id))).state == "paused"
    await ada.do(PauseFile(file_id=file.file_id))
    await bob.do(ResumeFile(file_id=file.file_id))
    await world.pass_time(30.0)
    assert not is_in(bob, "done")()
    await ada.do(ResumeFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"))
    assert await whole(bob, file) == content
    assert set(written.values()) == {1}


async def test_a_file_that_is_asked_for_no_more_waits(world: World, tmp_path: Path) -> None:
    """Nothing is said of a pause of the other side, but it is not being sent any more."""
    ada, bob = await world.friends("Ada", "Bob")
    path = plain_file(tmp_path, "x", content_of(40 * CHUNK))
    file = await offered(world, ada, bob, path)
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: bool(bob.told(FileProgress)))
    await bob.do(PauseFile(file_id=file.file_id))
    await world.until(is_in(ada, "receiving"))
    await world.pass_time(5.0)
    assert (await only_file(ada)).state == "receiving"
    await world.pass_time(10.0)
    waiting = await only_file(ada)
    assert waiting.state == "accepted"
    assert 0 < waiting.received_bytes < waiting.size_bytes
    assert state_words(waiting).startswith("paused at ")
    assert ada.told(FileChanged)[-1].state == "accepted"
    told = len(ada.told(FileChanged))
    await bob.do(ResumeFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"))
    assert "done" in [one.state for one in ada.told(FileChanged)[told:]]


async def test_a_file_that_changed_ends_the_offer(world: World, tmp_path: Path) -> None:
    """No chunk of the new content leaves, and both sides say why it ended."""
    ada, bob = await world.friends("Ada", "Bob")
    path = plain_file(tmp_path, "x", content_of(4 * CHUNK))
    file = await offered(world, ada, bob, path)
    plain_file(tmp_path, "x", content_of(4 * CHUNK, seed=1))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(is_in(bob, "failed"))
    assert (await only_file(bob)).why == (await only_file(ada)).why == "file_changed"
    await world.pass_time(5.0)
    assert kept(bob) == []
    # The refusal of a piece that was under way comes later, and does not hide the reason.
    [row] = bob.database.look(lambda db: db.execute("SELECT row_id FROM files").fetchone())
    await bob.database.write(lambda db: files.set_paused(db, row, on=True, why="late"))
    assert (await only_file(bob)).why == "file_changed"
    gone = await offered(world, ada, bob, path)
    await asyncio.to_thread(Path(path).unlink)
    await bob.do(AcceptFile(file_id=gone.file_id))
    await world.until(lambda: sum(one.state == "failed" for one in bob.told(FileChanged)) > 1)


async def test_a_sender_that_lies_about_the_content_is_found_out(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list must be the one of the offer: nothing of it is kept, and the sender hears."""
    ada, bob = await world.friends("Ada", "Bob")
    monkeypatch.setattr(Measured, "root", lambda measured, media_type: bytes(32))
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content_of(2 * CHUNK)))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(is_in(bob, "failed"))
    assert (await only_file(bob)).why == "file_differs"
    await world.until(is_in(ada, "cancelled"))
    assert kept(bob) == []
    with pytest.raises(FileNotHere):
        await bob.do(ReadFile(file_id=file.file_id, index=0))


async def test_a_link_that_breaks_at_every_chunk_loses_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on the disk is not fetched again."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(12 * CHUNK)
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content))
    count: Counter[int] = Counter()
    write = FileStore.write

    def write_and_cut(store: FileStore, blob_id: bytes, index: int, sealed: bytes) -> None:
        count[index] += 1
        write(store, blob_id, index, sealed)
        world.network.cut()

    monkeypatch.setattr(FileStore, "write", write_and_cut)
    await ada.note_address(bob)
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"), within_s=3_600.0)
    assert await whole(bob, file) == content
    assert set(count.values()) == {1}


@pytest.mark.parametrize("who", [0, 1])
async def test_a_machine_that_dies_in_the_middle_goes_on(
    world: World, tmp_path: Path, written: Counter[tuple[bytes, int]], who: int
) -> None:
    """Either one, again and again; no chunk is stored twice."""
    people = ada, bob = await world.friends("Ada", "Bob")
    content = content_of(40 * CHUNK)
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content))
    await bob.do(AcceptFile(file_id=file.file_id))
    for reached in (5, 12, 25, 33):
        await world.until(lambda: len(written) >= reached)  # noqa: B023 - awaited here
        await people[who].restart()
        await ada.call(bob)
    await world.until(is_in(ada, "done"))
    assert await whole(bob, file) == content
    assert set(written.values()) == {1}


async def test_a_full_disk_pauses_and_loses_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says why, and goes on when it is resumed."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(20 * CHUNK)
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content))
    write = FileStore.write

    def full(store: FileStore, blob_id: bytes, index: int, sealed: bytes) -> None:
        if index > 4:
            raise DiskFull
        write(store, blob_id, index, sealed)

    with monkeypatch.context() as patched:
        patched.setattr(FileStore, "write", full)
        await bob.do(AcceptFile(file_id=file.file_id))
        await world.until(is_in(bob, "paused"))
        assert (await only_file(bob)).why == "disk_full"
        await bob.say(ada, "my disk is full")
    await bob.do(ResumeFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"))
    assert await whole(bob, file) == content


async def test_what_a_full_disk_paused_goes_on_by_itself_once_there_is_room(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person paused does not."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(20 * CHUNK)
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content))
    other = await offered(world, ada, bob, plain_file(tmp_path, "y", content))

    def full(store: FileStore, blob_id: bytes, index: int, sealed: bytes) -> None:
        raise DiskFull

    with monkeypatch.context() as patched:
        patched.setattr(FileStore, "write", full)
        await bob.do(AcceptFile(file_id=file.file_id))
        await world.until(is_in(bob, "paused"))
        await bob.do(AcceptFile(file_id=other.file_id))
        await bob.do(PauseFile(file_id=other.file_id))
        patched.setattr(FileStore, "has_room", lambda store, size: False)
        await world.pass_time(2 * INTERVAL_S)
        assert (await bob.do(ShowFile(file_id=file.file_id))).why == "disk_full"
    await world.pass_time(INTERVAL_S)
    await world.until(is_in(ada, "done"))
    assert await whole(bob, file) == content
    assert (await bob.do(ShowFile(file_id=other.file_id))).state == "paused"


async def test_a_full_disk_of_the_sender_holds_up_nothing_and_loses_nothing(
    world: World, tmp_path: Path
) -> None:
    """It is served on; what became of it is stored once there is room."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(20 * CHUNK)
    path = plain_file(tmp_path, "x", content)
    ada.disk.is_full = True
    with pytest.raises(DiskFull):
        await ada.do(SendFile(contact="Bob", path=path))
    ada.disk.heal()
    assert (await ada.do(ListFiles())).files == []
    file = await offered(world, ada, bob, path)
    changed = await offered(world, ada, bob, plain_file(tmp_path, "y", content))
    await bob.do(AcceptFile(file_id=file.file_id))
    await bob.do(AcceptFile(file_id=changed.file_id))
    await world.until(lambda: bool(bob.told(FileProgress)))
    ada.disk.is_full = True
    plain_file(tmp_path, "y", content_of(20 * CHUNK, seed=1))
    await world.until(is_in(bob, "done"))
    assert await whole(bob, file) == content
    await world.until(lambda: any(one.code == "disk_full" for one in ada.told(Warned)))
    ada.disk.heal()
    await world.until(is_in(ada, "done"))
    await world.until(is_in(ada, "failed"))
    await world.until(is_in(bob, "failed"))
    ended = await bob.do(ShowFile(file_id=changed.file_id))
    assert ended.why == "file_changed"
    assert not ended.is_here


async def test_what_is_handed_over_leaves_nothing_on_a_full_disk(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took the last of the room for a day; it is handed over again from the beginning."""
    ada, bob = await world.friends("Ada", "Bob")
    content, write = content_of(4 * CHUNK), FileStore.write

    def full(store: FileStore, blob_id: bytes, index: int, sealed: bytes) -> None:
        if index == 2:
            raise DiskFull
        write(store, blob_id, index, sealed)

    with monkeypatch.context() as patched:
        patched.setattr(FileStore, "write", full)
        with pytest.raises(DiskFull):
            await upload(ada, "x", content)
    assert kept(ada) == []
    upload_id = await upload(ada, "x", content)
    await ada.do(SendFile(contact="Bob", upload_id=upload_id))
    await world.until(lambda: bool(bob.told(MessageReceived)))


async def test_no_more_is_accepted_than_the_owner_allows(world: World, tmp_path: Path) -> None:
    """Nor than the disk has."""
    ada, bob = await world.friends("Ada", "Bob")
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content_of(2 * CHUNK)))
    await bob.do(SetFileRules(quota_bytes=CHUNK))
    with pytest.raises(FilesFull):
        await bob.do(AcceptFile(file_id=file.file_id))
    await bob.do(SetFileRules(quota_bytes=2 * CHUNK))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(is_in(bob, "done"))
    listed = await bob.do(ListFiles())
    assert (listed.kept_bytes, listed.quota_bytes) == (2 * CHUNK, 2 * CHUNK)
    removed = await bob.do(RemoveFile(file_id=file.file_id))
    assert not removed.is_here
    assert (await bob.do(ListFiles())).kept_bytes == 0
    assert kept(bob) == []


async def test_a_text_goes_between_the_parts_of_a_file(world: World, tmp_path: Path) -> None:
    """It arrives while the file is far from whole."""
    ada, bob = await world.friends("Ada", "Bob")
    size = 60 * CHUNK
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content_of(size)))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: bool(bob.told(FileProgress)))
    await ada.do(SendText(contact="Bob", body="and this now"))
    await world.until(lambda: any(one.body == "and this now" for one in bob.told(MessageReceived)))
    assert (await only_file(bob)).state == "receiving"
    moved = [one.received_bytes for one in bob.told(FileProgress)]
    assert moved[-1] < size
    await world.until(is_in(ada, "done"))


async def test_files_that_are_fetched_together_take_turns(
    world: World, tmp_path: Path, written: Counter[tuple[bytes, int]]
) -> None:
    """Neither of two is much later than the other."""
    ada, bob = await world.friends("Ada", "Bob")
    ids = []
    for name in ("one", "other"):
        path = plain_file(tmp_path, name, content_of(40 * CHUNK))
        ids.append((await offered(world, ada, bob, path)).file_id)
    await asyncio.gather(*(bob.do(AcceptFile(file_id=one)) for one in ids))
    await world.until(lambda: sum(one.state == "done" for one in ada.told(FileChanged)) == 2)
    halfway = [blob_id.hex() for blob_id, _ in written][:40]
    assert min(halfway.count(one) for one in ids) > 10


async def test_many_small_files_arrive_together(world: World, tmp_path: Path) -> None:
    """Beside a large one, each as it was."""
    ada, bob = await world.friends("Ada", "Bob")
    await bob.do(SetFileRules(accept_from="contacts", accept_max_bytes=1 << 40))
    paths = [plain_file(tmp_path, f"{n}", content_of(100 + n, seed=n)) for n in range(150)]
    large = plain_file(tmp_path, "large", content_of(40 * CHUNK))
    await ada.do(SendFile(contact="Bob", path=large))
    for path in paths:
        await ada.do(SendFile(contact="Bob", path=path))
    await world.until(lambda: sum(one.state == "done" for one in ada.told(FileChanged)) == 151)
    for file in (await bob.do(ListFiles())).files:
        if file.name != "large":
            assert await whole(bob, file) == content_of(100 + int(file.name), seed=int(file.name))


async def test_deleting_the_message_removes_the_content(world: World, tmp_path: Path) -> None:
    """For both, by a timer, with the conversation, and with the contact."""
    ada, bob = await world.friends("Ada", "Bob")
    path = plain_file(tmp_path, "x", content_of(2 * CHUNK))

    async def arrived() -> FileView:
        done = len([one for one in ada.told(FileChanged) if one.state == "done"])
        file = await offered(world, ada, bob, path)
        await bob.do(AcceptFile(file_id=file.file_id))
        await world.until(lambda: sum(one.state == "done" for one in ada.told(FileChanged)) > done)
        assert len(kept(bob)) == 1
        return file

    file = await arrived()
    await ada.do(DeleteMessages(contact="Bob", message_ids=[file.message_id], for_both=True))
    await world.until(lambda: kept(bob) == [])
    with pytest.raises(FileNotKnown):
        await bob.do(ShowFile(file_id=file.file_id))
    file = await arrived()
    await bob.do(DeleteMessages(contact="Ada", message_ids=[file.message_id]))
    assert kept(bob) == []
    await arrived()
    await ada.do(SayFarewell(contact="Bob"))
    await world.until(lambda: bool(bob.told(FarewellAsked)))
    await bob.do(AnswerFarewell(contact="Ada", accept=True))
    await world.until(lambda: kept(bob) == [])
    await bob.do(SetTimer(contact="Ada", expires_s=60))
    await world.pass_time(2.0)
    await arrived()
    await bob.do(MarkRead(contact="Ada", row_id=(await bob.history(ada))[-1].row_id))
    await world.until(lambda: kept(bob) == [])
    await bob.do(SetTimer(contact="Ada", expires_s=0))
    await world.pass_time(2.0)
    await arrived()
    await bob.do(RemoveContact(contact="Ada"))
    assert kept(bob) == []


async def test_deleting_while_it_is_fetched_leaves_nothing(world: World, tmp_path: Path) -> None:
    """What is on its way then is not written any more, or goes."""
    ada, bob = await world.friends("Ada", "Bob")
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content_of(60 * CHUNK)))
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: bool(bob.told(FileProgress)))
    await bob.do(DeleteMessages(contact="Ada", message_ids=[file.message_id]))
    await world.pass_time(10.0)
    assert kept(bob) == []
    assert (await bob.do(ListFiles())).files == []


async def test_content_that_no_file_names_is_swept_at_the_start(world: World) -> None:
    """As after a crash between the row and the file."""
    [ada] = await world.friends("Ada")
    folder = ada.path.with_name("files")
    await ada.crash()
    folder.mkdir(exist_ok=True)
    (folder / ("ab" * 16)).write_bytes(b"x")
    await ada.start()
    assert kept(ada) == []


async def test_a_file_is_a_message_like_others(world: World, tmp_path: Path) -> None:
    """It is found by its name and caption, answered, reacted to and pinned."""
    ada, bob = await world.friends("Ada", "Bob")
    sent = await ada.do(
        SendFile(
            contact="Bob",
            path=plain_file(tmp_path, "zanzibar.pdf", content_of(10)),
            caption="the marzipan",
        )
    )
    await world.until(lambda: bool(bob.told(MessageReceived)))
    for text in ("zanzibar", "marzipan"):
        [found] = (await bob.do(Search(text=text))).messages
        assert (found.message_id, found.body) == (sent.message_id, "the marzipan")
    await bob.do(React(contact="Ada", message_id=sent.message_id, emoji="\N{THUMBS UP SIGN}"))
    await bob.do(Pin(contact="Ada", message_id=sent.message_id))
    answer = await bob.do(SendText(contact="Ada", body="thanks", reply_to=sent.message_id))
    assert answer.quote is not None
    assert "zanzibar.pdf" in answer.quote.body
    await world.delivered(ada, bob)
    shown = await ada.do(FindMessage(contact="Bob", name=sent.message_id))
    assert (shown.pinned, len(shown.reactions)) == (True, 1)
    assert shown.file is not None


async def test_what_cannot_be_sent_is_refused(world: World, tmp_path: Path) -> None:
    """In a sentence, and nothing is stored."""
    ada, _ = await world.friends("Ada", "Bob")
    for path in (str(tmp_path), str(tmp_path / "nothing"), "relative", "/dev/null"):
        with pytest.raises(InvalidInput):
            await ada.do(SendFile(contact="Bob", path=path))
    with pytest.raises(InvalidInput):
        await ada.do(SendFile(contact="Bob"))
    assert (await ada.do(ListFiles())).files == []


async def test_a_pause_fetches_nothing_twice(
    world: World, tmp_path: Path, written: Counter[tuple[bytes, int]]
) -> None:
    """What was written just before it is found on the disk when it goes on."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(80 * CHUNK)
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content))
    await bob.do(AcceptFile(file_id=file.file_id))
    for reached in (3, 25):
        await world.until(lambda: len(written) >= reached)  # noqa: B023 - awaited here
        await bob.do(PauseFile(file_id=file.file_id))
        await bob.do(ResumeFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"))
    assert await whole(bob, file) == content
    assert set(written.values()) == {1}


async def test_what_is_refused_as_gone_is_asked_for_on_the_next_link(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what its sender states ends an offer (PROTOCOL 15.4); the receiver is told."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(3 * CHUNK)
    file = await offered(world, ada, bob, plain_file(tmp_path, "x", content))
    with monkeypatch.context() as patched:
        patched.setattr(Source, "refusal", lambda _source, _piece: Reason.GONE)
        await bob.do(AcceptFile(file_id=file.file_id))
        await world.until(lambda: bool(bob.told(Warned)))
        assert [one.code for one in bob.told(Warned)] == ["file_withdrawn"]
        assert (await only_file(bob)).state == "accepted"
    await ada.restart()
    await ada.call(bob)
    await world.until(is_in(ada, "done"))
    assert await whole(bob, file) == content


async def test_files_are_forwarded_as_files_of_ones_own(world: World, tmp_path: Path) -> None:
    """From its place or from the profile; other keys, and nothing says whose it was."""
    ada, bob, eve = await world.friends("Ada", "Bob", "Eve")
    content = content_of(2 * CHUNK + 5)
    path = plain_file(tmp_path, "plan.pdf", content)
    sent = await ada.do(
        SendFile(contact="Bob", path=path, caption="the plan", media_type="application/pdf")
    )
    await world.until(lambda: bool(bob.told(MessageReceived)))
    came = bob.told(MessageReceived)[-1].file
    assert came is not None
    forward = Forward(contact="Ada", message_ids=[came.message_id], to=["Eve"])
    with pytest.raises(FileNotHere):
        await bob.do(forward)
    await bob.do(AcceptFile(file_id=came.file_id))
    await world.until(is_in(bob, "done"))
    [onward] = (await bob.do(forward)).messages
    assert (onward.body, onward.contact) == ("the plan", "Eve")
    await ada.do(Forward(contact="Bob", message_ids=[sent.message_id], to=["Eve"]))
    await world.until(lambda: len(eve.told(MessageReceived)) == 2)
    for file in (await eve.do(ListFiles())).files:
        assert (file.name, file.media_type) == ("plan.pdf", "application/pdf")
        assert file.file_id != came.file_id
        await eve.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: sum(one.state == "done" for one in eve.told(FileChanged)) == 2)
    for file in (await eve.do(ListFiles())).files:
        assert await whole(eve, file) == content
    assert len(kept(bob)) == 2
    await bob.do(RemoveFile(file_id=came.file_id))
    assert len(kept(bob)) == 1


@pytest.mark.parametrize("is_kept", [False, True])
async def test_a_file_whose_message_failed_is_sent_again(
    world: World, tmp_path: Path, is_kept: bool
) -> None:
    """Under new keys, in place of the one that failed, whose content is the new one's."""
    ada, bob = await world.friends("Ada", "Bob")
    content = content_of(CHUNK + 1)
    await bob.crash()
    if is_kept:
        command = SendFile(contact="Bob", upload_id=await upload(ada, "x", content), caption="c")
    else:
        command = SendFile(contact="Bob", path=plain_file(tmp_path, "x", content), caption="c")
    failed = await ada.do(command)
    await ada.do(BlockContact(contact="Bob"))
    await ada.do(BlockContact(contact="Bob", blocked=False))
    again = await ada.do(RetryMessage(contact="Bob", message_id=failed.message_id))
    assert (again.body, again.kind) == ("c", "file")
    assert again.message_id != failed.message_id
    assert [one.message_ids for one in ada.told(MessagesDeleted)] == [[failed.message_id]]
    assert len((await ada.do(ListFiles())).files) == 1
    assert len(kept(ada)) == is_kept
    await bob.start()
    await ada.call(bob)
    await world.until(lambda: bool(bob.told(MessageReceived)), within_s=600)
    file = await only_file(bob)
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.until(is_in(ada, "done"))
    assert await whole(bob, file) == content


async def test_pieces_that_are_handed_over_together_are_kept_in_order(world: World) -> None:
    """A line that is far away has several under way."""
    ada, _ = await world.friends("Ada", "Bob")
    content = content_of(5 * CHUNK + 1)
    begun = await ada.do(BeginUpload(name="x", size_bytes=len(content)))
    parts = [
        UploadPart(upload_id=begun.upload_id, index=index, data=content[at : at + CHUNK])
        for index, at in enumerate(range(0, len(content), CHUNK))
    ]
    await asyncio.gather(*map(ada.do, parts))
    sent = await ada.do(SendFile(contact="Bob", upload_id=begun.upload_id))
    assert sent.file is not None
    assert await whole(ada, sent.file) == content


async def test_content_of_unknown_size_is_handed_over(world: World) -> None:
    """It ends with a short piece or with the offer, and room is looked for while it grows."""
    ada, _ = await world.friends("Ada", "Bob")
    for size in (0, CHUNK, CHUNK + 1):
        content = content_of(size)
        begun = await ada.do(BeginUpload(name="log", size_bytes=None))
        for index, at in enumerate(range(0, size, CHUNK)):
            piece = content[at : at + CHUNK]
            await ada.do(UploadPart(upload_id=begun.upload_id, index=index, data=piece))
        if size % CHUNK:
            with pytest.raises(InvalidInput):
                await ada.do(UploadPart(upload_id=begun.upload_id, index=index + 1, data=b"x"))
        sent = await ada.do(SendFile(contact="Bob", upload_id=begun.upload_id))
        assert sent.file is not None
        assert sent.file.size_bytes == size
        assert await whole(ada, sent.file) == content
    before = len(kept(ada))
    await ada.do(SetFileRules(quota_bytes=(await ada.do(ListFiles())).kept_bytes + 18 * CHUNK))
    begun = await ada.do(BeginUpload(name="log", size_bytes=None))
    piece = content_of(CHUNK)

    async def fill() -> None:
        for index in range(40):
            await ada.do(UploadPart(upload_id=begun.upload_id, index=index, data=piece))

    with pytest.raises(FilesFull):
        await fill()
    assert len(kept(ada)) == before


async def test_a_list_of_files_holds_no_pictures(world: World, tmp_path: Path) -> None:
    """There may be ten thousands, of 9 KB each."""
    ada, _ = await world.friends("Ada", "Bob")
    small = ThumbnailView(width=2, height=1, rgb=b"\xff\x80\0\0\x7f\xff")
    path = plain_file(tmp_path, "x.png", b"x")
    sent = await ada.do(SendFile(contact="Bob", path=path, thumbnail=small))
    assert (await only_file(ada)).thumbnail is None
    assert (await ada.do(ShowFile(file_id=sent.message_id))).thumbnail == small
