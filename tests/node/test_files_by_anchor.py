"""Files between two who are not online together: through an anchor, partly or whole."""

import random
from pathlib import Path

import pytest

from loom.anchor.limits import AnchorLimits
from loom.api.anchor_commands import ListAnchors
from loom.api.events import FileChanged, MessageReceived, Warned
from loom.api.file_commands import (
    AcceptFile,
    CancelFile,
    ListFiles,
    PauseFile,
    ReadFile,
    ResumeFile,
    SendFile,
)
from loom.api.file_views import FileView
from loom.wire.limits import BULK_BLOB_BYTES
from loom.wire.requests import QueueUse
from tests.node.anchor_machine import AnchorMachine
from tests.node.harness import Person, World
from tests.node.test_mail import apart, wall

CHUNK = 256 * 1024
DAY_S = 86_400
SIZE = 6 * CHUNK + 1_000
PARCELS = 1 + 6 * 5 + 1


async def offered(
    world: World, sender: Person, receiver: Person, folder: Path, size: int = SIZE
) -> tuple[bytes, FileView]:
    """A file that came as an offer."""
    content = random.Random(size).randbytes(size)
    path = folder / "plan.bin"
    path.write_bytes(content)
    await sender.do(SendFile(contact=receiver.name, path=str(path)))
    await world.until(lambda: bool(files_told(receiver)), within_s=60)
    [file] = files_told(receiver)
    return content, file


def files_told(person: Person) -> list[FileView]:
    return [one.file for one in person.told(MessageReceived) if one.file is not None]


async def only_file(person: Person) -> FileView:
    [file] = (await person.do(ListFiles())).files
    return file


async def whole(person: Person) -> bytes:
    file = await only_file(person)
    count = max(1, -(-file.size_bytes // CHUNK))
    pieces = [await person.do(ReadFile(file_id=file.file_id, index=n)) for n in range(count)]
    return b"".join(one.data for one in pieces)


def is_done(person: Person) -> bool:
    return any(one.state == "done" for one in person.told(FileChanged))


def bulk(anchor: AnchorMachine) -> list[int]:
    """How many parcels lie in each queue for them."""
    assert anchor._anchor is not None
    queues = anchor._anchor._service.queues.values()
    return [one.blobs for one in queues if one.use is QueueUse.BULK]


async def test_a_file_arrives_by_an_anchor_and_the_sender_sees_it(
    world: World, tmp_path: Path
) -> None:
    alice, bob, anchor = await apart(world)
    content, file = await offered(world, bob, alice, tmp_path)
    assert bulk(anchor) == []
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: is_done(bob), within_s=120)
    assert await whole(alice) == content
    assert ((await only_file(alice)).way, (await only_file(bob)).way) == ("anchor", "anchor")
    await world.until(lambda: bulk(anchor) == [], within_s=60)


async def test_the_holder_needs_the_anchor_so_its_guest_gets_no_file_by_it(
    world: World, tmp_path: Path
) -> None:
    """Only who has an account can hold a window; the file waits for a link."""
    alice, bob, anchor = await apart(world)
    content, file = await offered(world, alice, bob, tmp_path)
    await bob.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(3_600)
    assert bulk(anchor) == []
    world.network.heal()
    await alice.call(bob)
    await world.until(lambda: is_done(alice), within_s=60)
    assert await whole(bob) == content


async def test_two_who_are_never_online_together(world: World, tmp_path: Path) -> None:
    alice, bob, anchor = await apart(world)
    content, file = await offered(world, bob, alice, tmp_path)
    await bob.stop()
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(60)
    await alice.stop()
    await bob.start()
    await world.until(lambda: bulk(anchor) == [PARCELS], within_s=120)
    await bob.stop()
    await world.pass_time(DAY_S)
    await alice.start()
    await world.until(lambda: is_done(alice), within_s=120)
    assert await whole(alice) == content
    await world.pass_time(30)
    await alice.stop()
    await bob.start()
    await world.until(lambda: is_done(bob), within_s=120)


async def test_a_window_is_filled_again_once_it_was_read(world: World, tmp_path: Path) -> None:
    """The file is larger than what the anchor keeps of it at a time."""
    alice, bob, anchor = await apart(world)
    anchor._anchor._service.limits = AnchorLimits(bulk_queue_bytes=8 * BULK_BLOB_BYTES)  # type: ignore[union-attr]
    content, file = await offered(world, bob, alice, tmp_path)
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: is_done(bob), within_s=1_200)
    assert await whole(alice) == content


async def test_part_over_a_link_and_part_by_the_anchor(world: World, tmp_path: Path) -> None:
    alice, bob, _ = await apart(world)
    content, file = await offered(world, bob, alice, tmp_path, 40 * CHUNK)
    world.network.heal()
    await alice.call(bob)
    await alice.do(AcceptFile(file_id=file.file_id))

    def moved() -> int:
        return sum(one.moved for one in alice.peer(bob).files.fetching._files.values())

    await world.until(lambda: moved() > 0, within_s=60)
    wall(world, alice, bob)
    assert moved() < len(content)
    await world.until(lambda: is_done(bob), within_s=600)
    assert await whole(alice) == content
    assert (await only_file(alice)).way == "anchor"


@pytest.mark.parametrize("happens", ["all", "some", "none"])
async def test_an_anchor_that_loses_parcels_loses_nothing(
    world: World, tmp_path: Path, happens: str
) -> None:
    alice, bob, anchor = await apart(world)
    content, file = await offered(world, bob, alice, tmp_path)
    await bob.stop()
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(60)
    await alice.stop()
    before = await anchor.copy()
    await bob.start()
    await world.until(lambda: bulk(anchor) == [PARCELS], within_s=120)
    match happens:
        case "all":
            await anchor.put_back(before)
        case "some":
            await anchor.forget_some(random.Random(1))
        case "none":
            await anchor.crash()
            await anchor.start()
    await alice.start()
    await world.until(lambda: is_done(bob), within_s=3 * 3_600)
    assert await whole(alice) == content


async def test_what_is_cancelled_leaves_nothing_at_the_anchor(world: World, tmp_path: Path) -> None:
    alice, bob, anchor = await apart(world)
    _, file = await offered(world, bob, alice, tmp_path)
    await bob.stop()
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(60)
    await alice.stop()
    await bob.start()
    await world.until(lambda: bulk(anchor) == [PARCELS], within_s=120)
    [own] = (await bob.do(ListFiles())).files
    await bob.do(CancelFile(file_id=own.file_id))
    await world.pass_time(10)
    await alice.start()
    await world.until(lambda: bulk(anchor) == [], within_s=120)
    assert (await only_file(alice)).state == "cancelled"


async def test_a_pause_of_either_side_holds_it_and_nothing_is_lost(
    world: World, tmp_path: Path
) -> None:
    alice, bob, anchor = await apart(world)
    content, file = await offered(world, bob, alice, tmp_path)
    await alice.do(AcceptFile(file_id=file.file_id))
    await alice.do(PauseFile(file_id=file.file_id))
    await world.pass_time(600)
    assert bulk(anchor) == []
    await bob.do(PauseFile(file_id=file.file_id))
    await alice.do(ResumeFile(file_id=file.file_id))
    await world.until(lambda: bulk(anchor) == [0], within_s=60)
    await world.pass_time(600)
    assert bulk(anchor) == [0]
    await bob.do(ResumeFile(file_id=file.file_id))
    await world.until(lambda: is_done(bob), within_s=120)
    assert await whole(alice) == content


async def test_parcels_that_lay_there_too_long_are_put_again(world: World, tmp_path: Path) -> None:
    """They are kept for 7 days; who comes back after 20 still gets the file."""
    alice, bob, anchor = await apart(world)
    content, file = await offered(world, bob, alice, tmp_path)
    await bob.stop()
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(60)
    await alice.stop()
    await bob.start()
    await world.until(lambda: bulk(anchor) == [PARCELS], within_s=120)
    await bob.stop()
    await world.pass_time(20 * DAY_S)
    assert bulk(anchor) == [0]
    await alice.start()
    await world.pass_time(120)
    await bob.start()
    await world.until(lambda: is_done(bob), within_s=7_200)
    assert await whole(alice) == content


async def test_an_anchor_that_takes_no_files_is_no_way_and_mail_goes_on(
    world: World, tmp_path: Path
) -> None:
    alice, bob, anchor = await apart(world)
    anchor.anchor._service.limits = AnchorLimits(bulk_account_bytes=0)
    content, file = await offered(world, bob, alice, tmp_path)
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(7_200)
    assert bulk(anchor) == []
    await bob.say(alice, "it waits")
    await world.until(lambda: alice.received(bob)[-1] == "it waits", within_s=60)
    world.network.heal()
    await alice.call(bob)
    await world.until(lambda: is_done(bob), within_s=60)
    assert await whole(alice) == content


async def test_an_anchor_that_is_down_is_said_once_and_waited_for(
    world: World, tmp_path: Path
) -> None:
    alice, bob, anchor = await apart(world)
    content, file = await offered(world, bob, alice, tmp_path)
    await bob.stop()
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(60)
    await bob.start()

    def knows_where() -> bool:
        [(place,)] = bob.database.look(lambda db: db.execute("SELECT place FROM files").fetchall())
        return place is not None

    await world.until(knows_where, within_s=120)
    await anchor.stop()
    await world.pass_time(3_600)
    [said] = [one for one in bob.told(Warned) if one.code == "file_waits"]
    assert said.facts["contact"] == "Alice"
    await anchor.start()
    await world.until(lambda: is_done(bob), within_s=3_600)
    assert await whole(alice) == content


@pytest.mark.parametrize("turns", range(0, 60, 6))
async def test_a_crash_of_either_at_any_step_loses_nothing(
    world: World, tmp_path: Path, turns: int
) -> None:
    alice, bob, _ = await apart(world)
    content, file = await offered(world, bob, alice, tmp_path)
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(11 + turns / 20)
    for one in (alice, bob):
        await one.crash()
        await one.start()
        await world.pass_time(6 + turns / 20)
    await world.until(lambda: is_done(bob), within_s=2 * 3_600)
    assert await whole(alice) == content


async def test_the_list_of_anchors_tells_files_from_mail(world: World, tmp_path: Path) -> None:
    alice, bob, _ = await apart(world)
    await offered(world, bob, alice, tmp_path)
    [file] = (await alice.do(ListFiles())).files
    await alice.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: bool(bob.told(FileChanged)), within_s=30)
    await bob.do(PauseFile(file_id=file.file_id))
    await world.pass_time(30)
    held = alice.node.network.anchors._windows._held
    [window] = held.values()
    service = world.anchors[0].anchor._service
    service.queues[window.row.queue_id].count(2, 2 * BULK_BLOB_BYTES)
    await world.pass_time(3)
    [anchor] = (await alice.do(ListAnchors())).anchors
    assert (anchor.blobs, anchor.size_bytes, anchor.bulk_bytes) == (0, 0, 2 * BULK_BLOB_BYTES)
    assert anchor.bulk_limit_bytes == AnchorLimits().bulk_account_bytes
