"""A file in a room of real processes: posted, taken by two, through kill -9 of one of them."""

import asyncio
import hashlib
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from loom.api.file_commands import ListFiles
from tests.e2e.processes import Home
from tests.e2e.test_file_kill import COUNTING, MIB, Side, done, moved
from tests.e2e.test_rooms import room, until_in


@pytest.mark.long
async def test_a_file_in_a_room_survives_kill_9_of_a_receiver(home: Home, tmp_path: Path) -> None:
    chance, size = random.Random(20261128), 48 * MIB
    log, path = tmp_path / "written", tmp_path / "large"
    home.prefix = (sys.executable, str(COUNTING), str(log))
    path.write_bytes(chance.randbytes(size))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    sides = [Side(home, name) for name in ("alice", "bob", "eve")]
    _, bob, eve = sides
    try:
        async with asyncio.timeout(400.0):
            for side in sides:
                await asyncio.to_thread(side.start)
            await asyncio.to_thread(_joined, home)
            posted = await asyncio.to_thread(
                home.run, "-p", "alice", "--json", "send-file", "Garden", str(path)
            )
            [offered] = posted.ok().objects
            assert (offered["type"], offered["room"], offered["state"]) == (
                *("file", "Garden", "offered"),
            )
            for side in (bob, eve):
                await _has_one(side)
                taken = home.run("-p", side.profile, "--json", "files", "accept", *_id(offered))
                assert taken.ok().objects[0]["contact"] == "Alice"
            for number in range(3):
                await moved(eve, size * (number + 1) // 5)
                await asyncio.sleep(chance.uniform(0, 0.2))
                await eve.restart()
            assert await done(eve) == await done(bob) == digest
        [post] = room(home, "eve", "history", "Garden", "-n", "1").objects
        assert (post["kind"], post["file"]["is_here"]) == ("file", True)
        words = home.run("-p", "eve", "room", "history", "Garden").ok().stdout
        assert f"(file {_id(offered)[0]}, large, 50 MB)" in words

        deleted = room(home, "alice", "delete", "Garden", posted.objects[0]["post_id"])
        assert deleted.objects[0]["deleted"]
        async with asyncio.timeout(60.0):
            while (await _files(eve)) or (await _files(bob)):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        folder = home.loom
        assert not [one for one in folder.rglob("files/*") if one.is_file()]
    finally:
        for side in sides:
            side.kill()
    stored = Counter(log.read_text().split())
    assert set(stored.values()) == {1}
    # A kill between the two writes loses the note, of one thread at a time.
    assert 2 * size // (256 * 1024) - len(stored) <= 3


def _joined(home: Home) -> None:
    room(home, "alice", "new", "Garden")
    for profile in ("bob", "eve"):
        text = home.run("-p", "alice", "room", "invite", "Garden").ok().stdout.strip()
        home.run("-p", profile, "token", "import", text).ok()
        until_in(home, profile, {"Alice", *(["Bob"] if profile == "eve" else []), profile.title()})


def _id(offered: dict[str, str]) -> list[str]:
    return [offered["file_id"][-8:]]


async def _files(side: Side) -> int:
    async with side.client() as client:
        return len((await client.send(ListFiles(room="Garden"))).files)


async def _has_one(side: Side) -> None:
    while not await _files(side):  # noqa: ASYNC110
        await asyncio.sleep(0.1)
