"""A file through a real anchor: whole, although no link stands; and what a network sees of it."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from loom.api.file_commands import AcceptFile, ListFiles, ReadFile, SendFile
from loom.api.profile_commands import Status
from loom.wire.framing import RECORD_FRAME_SIZES
from loom.wire.limits import RECORD_BUCKETS
from tests.e2e.processes import Home
from tests.e2e.relay import HOST, Relay
from tests.e2e.test_anchor_traffic import WINDOW_BYTES, Capture, record_sizes, until
from tests.e2e.test_chaos import Person, Place

SIZE = 300_000
PARCELS = 1 + 5 + 1
TAG_BYTES = 16


@pytest.mark.long
async def test_a_file_goes_through_an_anchor_in_records_of_one_length(
    home: Home, tmp_path: Path
) -> None:
    """Whoever watches sees no other lengths than those of mail, and no bytes twice."""
    capture = Capture()
    place = Place(tmp_path / "box", "box")
    place.way = Relay(capture.passed)
    alice, bob = people = Person(home, "alice"), Person(home, "bob")
    content = random.Random(1).randbytes(SIZE)
    path = tmp_path / "plan.bin"
    path.write_bytes(content)

    async def state(one: Person) -> str:
        found = (await one.client.send(ListFiles())).files
        return found[0].state if found else ""

    async def is_there(one: Person, wanted: str) -> None:
        async def holds() -> bool:
            return await state(one) == wanted

        await until(holds)

    async def confirmed() -> bool:
        return not any([(await one.client.send(Status())).queued for one in people])

    try:
        for one in (place, *people):
            await one.way.start()
            await one.up()
        await place.serve(home, "alice")
        met = await asyncio.to_thread(
            home.run, "-p", "alice", "connect", "bob", f"{HOST}:{bob.way.port}"
        )
        met.ok()
        await alice.say("bob", ["met"])
        await until(confirmed)
        for one in people:
            one.way.is_open = False
            one.way.cut()
        await bob.client.send(SendFile(contact="alice", path=str(path)))
        await is_there(alice, "offered")
        [file] = (await alice.client.send(ListFiles())).files
        await alice.client.send(AcceptFile(file_id=file.file_id))
        await is_there(alice, "done")
        pieces = [
            (await alice.client.send(ReadFile(file_id=file.file_id, index=index))).data
            for index in range(2)
        ]
        assert b"".join(pieces) == content
        await is_there(bob, "done")
        [sent] = (await bob.client.send(ListFiles())).files
        assert sent.way == "anchor"
    finally:
        for one in people:
            await one.down(signal.SIGTERM)
        await place.kill()
        for one in (place, *people):
            await one.way.stop()

    large = RECORD_BUCKETS[-1] + TAG_BYTES
    seen: set[bytes] = set()
    put = pushed = 0
    for (_, from_dialler), stream in capture.streams.items():
        sizes = record_sizes(bytes(stream), from_dialler=from_dialler)
        assert set(sizes) <= RECORD_FRAME_SIZES
        if from_dialler:
            put += sizes.count(large)
        else:
            pushed += sizes.count(large)
        windows = {
            bytes(stream[at : at + WINDOW_BYTES]) for at in range(len(stream) - WINDOW_BYTES + 1)
        }
        assert not seen & windows
        seen |= windows
    assert put >= PARCELS
    assert pushed >= PARCELS
    assert content[:WINDOW_BYTES] not in seen
