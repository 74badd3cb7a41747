"""Files of rooms through anchors: asked for by mail, given by a member that has them."""

from pathlib import Path

import msgspec
import pytest

from loom.api.file_commands import AcceptFile, PauseFile, ResumeFile, ShowFile
from loom.api.file_views import FileView
from loom.api.room_commands import RemoveMember
from loom.core.queues import derive_queue_keys
from loom.model import DeviceId
from loom.node.anchors.parcels import Parcels
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.line import Line
from loom.storage import files
from loom.storage.files import Served
from loom.wire.content import FileState, Place, State, decode_payload
from loom.wire.file_records import Piece, What
from loom.wire.parcel import PARCEL_CONTENT_BYTES, Parcel
from tests.node.anchor_machine import AnchorMachine
from tests.node.by_hand import take_in
from tests.node.harness import Person, World
from tests.node.test_acquaintances import acquainted
from tests.node.test_files import content_of, plain_file, whole
from tests.node.test_files_by_anchor import bulk
from tests.node.test_room_files import SIZE, done, fetched, is_state, post
from tests.node.test_rooms import ROOM, alike, join, make

DAY_S = 86_400
PARCELS = 1 + 3 * 5 + 1


@pytest.fixture
async def three(world: World) -> list[Person]:
    """Ada made a room that Bob and Cyd are in; each has an anchor."""
    people = await world.friends("Ada", "Bob", "Cyd")
    for person in people:
        anchor = AnchorMachine(world, f"of {person}")
        await anchor.start()
        await anchor.serve(person)
    await make(people[0])
    for joiner in people[1:]:
        await join(world, people[0], joiner)
    await alike(world, *people, count=0)
    return people


def anchor_of(world: World, person: Person) -> AnchorMachine:
    found: list[AnchorMachine] = world.anchors
    return next(one for one in found if one.name == f"of {person}")


def apart(world: World, *people: Person) -> None:
    """No link stands between any two of them from now on."""
    world.network.partition(*({one.host} for one in people))
    for one in people:
        world.network.cut(one.host)


async def posted(
    world: World, folder: Path, author: Person, people: list[Person], size: int = SIZE
) -> tuple[bytes, FileView]:
    content = content_of(size)
    file = await post(author, plain_file(folder, "plan.pdf", content))
    await alike(world, *people, count=1)
    return content, file


def asked(person: Person) -> list[tuple[int, int, int]]:
    """Device, how often it was asked, and whether that stands."""
    sql = "SELECT device_id, times, stands FROM file_requests_made ORDER BY device_id"
    return [tuple(row) for row in person.database.look(lambda db: db.execute(sql).fetchall())]


def places(person: Person) -> list[bytes | None]:
    """Where members read what they ask of somebody; None: one that was taken back."""
    sql = "SELECT place FROM file_requests_taken"
    return [place for (place,) in person.database.look(lambda db: db.execute(sql).fetchall())]


def standing(person: Person, other: Person) -> bool:
    device = person.peer(other).device_id
    return any(number == device and stands for number, _, stands in asked(person))


async def test_a_member_that_has_it_and_one_that_wants_it_are_never_online_together(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    """The author is away for good; the other one is asked once the author does not answer."""
    ada, bob, cyd = three
    content, file = await posted(world, tmp_path, ada, three)
    assert await fetched(world, bob, file) == content
    apart(world, *three)
    await ada.stop()
    await bob.stop()
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: standing(cyd, ada), within_s=60)
    await world.until(lambda: standing(cyd, bob), within_s=200)
    assert not standing(cyd, ada)
    await world.pass_time(30)
    await cyd.stop()
    await bob.start()
    anchor = anchor_of(world, cyd)
    await world.until(lambda: bulk(anchor) == [PARCELS], within_s=200)
    await bob.stop()
    await world.pass_time(DAY_S)
    await cyd.start()
    await world.until(lambda: done(cyd, file), within_s=200)
    assert await whole(cyd, file) == content
    await world.until(lambda: bulk(anchor) == [], within_s=60)
    assert (await cyd.do(ShowFile(file_id=file.file_id))).way == "anchor"


async def test_the_author_gives_it_by_an_anchor_and_knows_how_many_have_it(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    content, file = await posted(world, tmp_path, ada, three)
    apart(world, *three)
    assert await fetched(world, cyd, file) == content
    assert (await ada.do(ShowFile(file_id=file.file_id))).served_to == 1
    assert len(asked(cyd)) == 1
    assert await is_state(bob, file, "offered")
    # Who gave it is told that no more of it is wanted.
    await world.until(lambda: places(ada) == [None], within_s=200)


async def test_a_member_without_it_says_so_and_the_next_one_is_asked_at_once(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    content, file = await posted(world, tmp_path, ada, three)
    await ada.stop()
    apart(world, *three)
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: standing(cyd, bob), within_s=200)
    await world.until(lambda: not standing(cyd, bob), within_s=30)
    await ada.start()
    await world.until(lambda: done(cyd, file), within_s=1_000)
    assert await whole(cyd, file) == content
    await world.until(lambda: bulk(anchor_of(world, cyd)) == [], within_s=60)


async def test_nobody_is_asked_again_and_again(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    """Two who are away are asked in turn, each time for twice as long."""
    ada, bob, cyd = three
    _, file = await posted(world, tmp_path, ada, three)
    await ada.stop()
    await bob.stop()
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(3 * DAY_S)
    times = [number for _, number, _ in asked(cyd)]
    assert len(times) == 2
    assert 8 <= sum(times) <= 24
    assert sum(stands for _, _, stands in asked(cyd)) == 1


async def test_part_over_a_link_and_part_by_an_anchor(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    content, file = await posted(world, tmp_path, ada, three, 40 * 256 * 1024)
    await bob.stop()
    await cyd.do(AcceptFile(file_id=file.file_id))

    def moved() -> int:
        return sum(one.moved for one in cyd.peer(ada).files.fetching._files.values())

    await world.until(lambda: moved() > 0, within_s=60)
    apart(world, *three)
    assert moved() < len(content)
    await world.until(lambda: done(cyd, file), within_s=1_200)
    assert await whole(cyd, file) == content
    assert (await cyd.do(ShowFile(file_id=file.file_id))).way == "anchor"


async def test_a_link_goes_on_with_what_came_by_an_anchor(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    """And the one that was asked by mail is told that it need not give it."""
    ada, bob, cyd = three
    content, file = await posted(world, tmp_path, ada, three, 40 * 256 * 1024)
    assert await fetched(world, bob, file) == content
    await bob.stop()
    apart(world, *three)
    await cyd.do(AcceptFile(file_id=file.file_id))

    def moved() -> int:
        return sum(one.moved for one in cyd.peer(ada).files.fetching._files.values())

    await world.until(lambda: moved() > 0, within_s=200)
    await ada.stop()
    world.network.heal()
    await bob.start()
    await world.until(lambda: done(cyd, file), within_s=1_200)
    assert await whole(cyd, file) == content
    assert (await cyd.do(ShowFile(file_id=file.file_id))).way == "direct"
    assert not any(stands for _, _, stands in asked(cyd))


async def test_who_is_asked_by_mail_spoils_nothing_that_others_give(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    """Parcels that open to nothing, while a link gives the same pieces."""
    ada, bob, cyd = three
    content, file = await posted(world, tmp_path, ada, three, 40 * 256 * 1024)
    assert await fetched(world, bob, file) == content
    await bob.stop()
    apart(world, *three)
    await ada.stop()
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: standing(cyd, ada), within_s=60)
    world.network.heal()
    await bob.start()

    def moved() -> int:
        return sum(one.moved for one in cyd.peer(bob).files.fetching._files.values())

    parcels = Parcels(cyd.peer(ada), derive_queue_keys(bytes(32)))
    file_id = bytes.fromhex(file.file_id)
    spoilt = [
        Parcel(Piece(file_id, What.DATA, index), 0, bytes(PARCEL_CONTENT_BYTES))
        for index in range(40)
    ]
    await world.until(lambda: moved() > 0, within_s=200)
    await parcels._store(spoilt[-1:])
    await world.until(lambda: moved() > len(content) // 2 or done(cyd, file), within_s=200)
    assert standing(cyd, ada)
    await parcels._store(spoilt)
    await world.until(lambda: done(cyd, file), within_s=1_200)
    assert await whole(cyd, file) == content


async def test_who_pauses_takes_the_request_back_and_asks_again_later(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    content, file = await posted(world, tmp_path, ada, three)
    await ada.stop()
    await bob.stop()
    apart(world, *three)
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: standing(cyd, ada), within_s=60)
    await world.pass_time(20)
    await cyd.do(PauseFile(file_id=file.file_id))
    await world.pass_time(20)
    assert not standing(cyd, ada)
    await ada.start()
    await world.pass_time(60)
    assert places(ada) == [None]
    assert bulk(anchor_of(world, cyd)) == []
    await cyd.do(ResumeFile(file_id=file.file_id))
    await world.until(lambda: done(cyd, file), within_s=1_200)
    assert await whole(cyd, file) == content


@pytest.mark.parametrize("happens", ["removed", "used up"])
async def test_who_may_not_have_it_is_given_nothing(
    world: World, three: list[Person], tmp_path: Path, happens: str
) -> None:
    ada, bob, cyd = three
    _, file = await posted(world, tmp_path, ada, three)
    await bob.stop()
    apart(world, *three)
    await cyd.stop()
    if happens == "removed":
        await ada.do(RemoveMember(room=ROOM, member="Cyd"))
    else:
        number = ada.peer(cyd).number
        await ada.database.write(lambda db: files.put_served(db, 1, number, Served(10_000, b"")))
    place = Place((("anchor.example", 443),), bytes(16), bytes(32))
    ask = FileState(b"a" * 16, 5, bytes.fromhex(file.file_id), 7, State.ACCEPT, place)
    await take_in(ada, cyd, [ask])
    await world.pass_time(60)
    assert places(ada) == ([] if happens == "removed" else [None])
    said = [one.state for one in queued(ada, cyd) if isinstance(one, FileState)]
    assert said == ([] if happens == "removed" else [State.CANCEL])


async def test_a_removal_in_the_middle_ends_what_is_put(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    ada, bob, cyd = three
    _, file = await posted(world, tmp_path, ada, three)
    await ada.stop()
    await bob.stop()
    apart(world, *three)
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: standing(cyd, ada), within_s=60)
    await world.pass_time(20)
    await anchor_of(world, cyd).stop()
    await cyd.stop()
    await ada.start()
    await world.pass_time(2)
    await ada.do(RemoveMember(room=ROOM, member="Cyd"))
    await anchor_of(world, cyd).start()
    await world.pass_time(1_200)
    assert bulk(anchor_of(world, cyd)) in ([], [0])


async def test_an_older_request_changes_nothing_and_one_taken_back_stays_so(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    """Mail of two queues may come in another order than it was sent."""
    ada, _, cyd = three
    _, file = await posted(world, tmp_path, ada, three)
    await cyd.stop()
    place = Place((("anchor.example", 443),), bytes(16), bytes(32))

    def said(number: int, state: State, place: Place | None = None) -> FileState:
        name = bytes([number]) * 16
        return FileState(name, 5, bytes.fromhex(file.file_id), number, int(state), place)

    await take_in(ada, cyd, [said(9, State.CANCEL), said(8, State.ACCEPT, place)])
    await take_in(ada, cyd, [said(10, State.ACCEPT, place)])
    assert places(ada) == [msgspec.msgpack.encode(place)]
    await take_in(ada, cyd, [said(12, State.CANCEL), said(11, State.ACCEPT, place)])
    assert places(ada) == [None]


async def test_who_asks_on_and_on_for_what_is_not_here_gets_one_answer(
    world: World, three: list[Person], tmp_path: Path
) -> None:
    """And once more when they ask a minute later."""
    ada, bob, cyd = three
    _, file = await posted(world, tmp_path, ada, three)
    await cyd.stop()
    place = Place((("anchor.example", 443),), bytes(16), bytes(32))

    def ask(number: int) -> FileState:
        name = number.to_bytes(16, "big")
        return FileState(name, 5, bytes.fromhex(file.file_id), number, State.ACCEPT, place)

    await take_in(bob, cyd, [ask(number) for number in range(1, 20)])
    await take_in(bob, cyd, [ask(number) for number in range(20, 40)])
    assert len([one for one in queued(bob, cyd) if isinstance(one, FileState)]) == 1
    await world.pass_time(61)
    await take_in(bob, cyd, [ask(50)])
    assert len([one for one in queued(bob, cyd) if isinstance(one, FileState)]) == 2


async def test_who_names_one_place_after_another_has_few_of_them_dialled(
    world: World, three: list[Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, _, cyd = three
    _, file = await posted(world, tmp_path, ada, three)
    await cyd.stop()
    await world.pass_time(10)
    tried: list[str] = []
    reach = Line.reach

    async def counted(line: Line) -> AnchorLink:
        tried.extend(str(one) for one in line.addresses if one.port == 7_777)
        return await reach(line)

    monkeypatch.setattr(Line, "reach", counted)
    for number in range(1, 61):
        place = Place((("10.9.9.9", 7_777),), bytes(16), bytes([number]) * 32)
        name = number.to_bytes(16, "big")
        ask = FileState(name, 5, bytes.fromhex(file.file_id), number, State.ACCEPT, place)
        await take_in(ada, cyd, [ask])
        await world.pass_time(1)
    assert 0 < len(tried) <= 11


async def test_a_member_who_is_no_contact_gives_it_by_an_anchor(
    world: World, tmp_path: Path
) -> None:
    """Bob and Cyd know each other by the room alone; both have told an anchor there."""
    ada, bob, cyd = people = await acquainted(world)
    content, file = await posted(world, tmp_path, bob, people)
    await ada.stop()
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.until(lambda: done(cyd, file), within_s=1_200)
    assert await whole(cyd, file) == content
    assert (await cyd.do(ShowFile(file_id=file.file_id))).way == "anchor"


async def test_without_an_anchor_of_ones_own_nobody_is_asked(world: World, tmp_path: Path) -> None:
    ada, bob, cyd = people = await acquainted(world, anchors=("Bob",))
    _, file = await posted(world, tmp_path, bob, people)
    await ada.stop()
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(3_600)
    assert asked(cyd) == []
    assert await is_state(cyd, file, "accepted")


@pytest.mark.parametrize("turns", range(0, 60, 12))
async def test_a_crash_of_either_at_any_step_loses_nothing(
    world: World, three: list[Person], tmp_path: Path, turns: int
) -> None:
    ada, bob, cyd = three
    content, file = await posted(world, tmp_path, ada, three)
    await bob.stop()
    apart(world, *three)
    await cyd.do(AcceptFile(file_id=file.file_id))
    await world.pass_time(16 + turns / 20)
    for one in (ada, cyd):
        await one.crash()
        await one.start()
        await world.pass_time(6 + turns / 20)
    await world.until(lambda: done(cyd, file), within_s=2 * 3_600)
    assert await whole(cyd, file) == content


def queued(person: Person, other: Person) -> list[object]:
    """What waits to be sent."""
    device: DeviceId = person.peer(other).device_id
    sql = "SELECT payload FROM outbox WHERE device_id = ?"
    rows = person.database.look(lambda db: db.execute(sql, (device,)).fetchall())
    return [decode_payload(row[0]) for row in rows]
