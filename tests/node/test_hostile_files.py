"""Files of a contact whose program is not ours: early, forged and endless."""

from pathlib import Path

from loom.api.events import FileChanged, MessageReceived
from loom.api.file_commands import AcceptFile, ListFiles, SendFile, SetFileRules
from loom.core.file.chunk_list import root_of
from loom.storage import files
from loom.wire.content import File, FileState, State
from tests.node.by_hand import take_in
from tests.node.harness import World
from tests.node.test_files import CHUNK, content_of, only_file, plain_file

FILE_ID = b"f" * 16
OFFER = File(FILE_ID, 5, "plan.pdf", 0, "", root_of(0, "", b""), bytes(32))


async def test_what_the_sender_says_of_a_file_before_it_comes_holds_when_it_comes(
    world: World,
) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    cancelled = FileState(b"1" * 16, 7, FILE_ID, 7, State.CANCEL)
    await take_in(alice, bob, [cancelled])
    await take_in(alice, bob, [OFFER])
    assert (await only_file(alice)).state == "cancelled"


async def test_what_nobody_may_state_changes_nothing(world: World) -> None:
    """The sender accepts its own offer, and says that the receiver has it."""
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    wrong = [FileState(bytes([one]) * 16, 7, FILE_ID, 7, one) for one in (1, 2, 4)]
    await take_in(alice, bob, [OFFER, *wrong])
    assert (await only_file(alice)).state == "offered"


async def test_an_offer_that_was_served_too_often_is_cancelled(
    world: World, tmp_path: Path
) -> None:
    ada, bob = await world.friends("Ada", "Bob")
    path = plain_file(tmp_path, "plan.pdf", content_of(CHUNK))
    sent = await ada.do(SendFile(contact="Bob", path=path))
    assert sent.file is not None
    await ada.database.write(
        lambda db: files.set_progress(db, 1, bytes(1), 0, served=10_000, way=1)
    )
    await world.until(lambda: bool(bob.told(MessageReceived)))
    await bob.do(AcceptFile(file_id=sent.file.file_id))
    await world.until(lambda: any(one.state == "cancelled" for one in bob.told(FileChanged)))
    assert (await only_file(ada)).state == "cancelled"


async def test_many_small_files_are_not_all_accepted_without_asking(world: World) -> None:
    """Of one contact 64 times the largest one; then the owner is asked."""
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await alice.do(SetFileRules(accept_from="contacts", accept_max_bytes=CHUNK))
    offers = [
        File(bytes([at]) * 16, 5, "a", CHUNK, "", bytes(32), bytes([at]) * 32) for at in range(70)
    ]
    await take_in(alice, bob, offers)
    there = (await alice.do(ListFiles(limit=100))).files
    waiting = [one for one in there if one.state == "offered"]
    assert (len(waiting), len(there)) == (6, 70)
    assert {one.why for one in waiting} == {"unasked_full"}
    assert {one.why for one in there if one not in waiting} == {""}


async def test_what_the_quota_has_no_room_for_says_so_and_is_accepted_later(world: World) -> None:
    alice, bob = await world.person("Alice"), await world.person("Bob")
    await alice.add(bob)
    await alice.do(
        SetFileRules(accept_from="contacts", accept_max_bytes=CHUNK, quota_bytes=CHUNK - 1)
    )
    await take_in(alice, bob, [File(bytes(16), 5, "a", CHUNK, "", bytes(32), bytes(32))])
    waiting = await only_file(alice)
    assert (waiting.state, waiting.why) == ("offered", "files_full")
    await alice.do(SetFileRules(quota_bytes=10 * CHUNK))
    accepted = await alice.do(AcceptFile(file_id=waiting.file_id))
    assert (accepted.state, accepted.why) == ("accepted", "")
