"""The power fails: what was not synced is gone, torn, or there in part; also a log cut anywhere."""

import asyncio
import logging
import random
import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import msgspec
import pytest
from sqlcipher3.dbapi2 import Connection

from loom.model import ConversationId, DeviceId
from loom.storage import maintenance, messages, sessions
from loom.storage.database import Database
from loom.storage.sessions import Save
from tests.crash.conftest import ROUNDS, NewPair
from tests.crash.pair import Pair
from tests.crash.recorded_disk import Call, Loss, RecordedDisk, calls_of, in_flight, recorded
from tests.crash.victims import Nursery, needs_strace, spread
from tests.new_database import KEY
from tests.storage.given import add_contact, find, saying

log = logging.getLogger(__name__)

ADA = DeviceId(1)
WITH_ADA = ConversationId(1)
LOG_HEADER_BYTES = 32
FRAME_BYTES = 24 + 4_096


# --- two nodes on a disk that forgets what was not synced ---


def answers(call: Call) -> list[str]:
    """The texts whose sending this call acknowledges to a front end."""
    found = []
    for line in call.strings[0].splitlines() if call.name == "sendto" else ():
        if line.startswith(b'{"id":') and line.endswith(b"}"):
            result = msgspec.json.decode(line).get("result") or {}
            if result.get("type") == "message":
                found.append(result["body"])
    return found


def files(folder: Path) -> dict[str, bytes]:
    """What stays over a restart."""
    found = (one for one in folder.rglob("*") if one.is_file() and one.suffix != ".db-shm")
    return {str(one.relative_to(folder)): one.read_bytes() for one in found}


@needs_strace
@pytest.mark.timeout(7_200)
async def test_power_that_fails_at_any_call_loses_and_doubles_nothing(
    new_pair: NewPair, nursery: Nursery, tmp_path: Path
) -> None:
    """Everything an answer or a byte on the wire told of is there, whatever was not synced."""
    chance = random.Random(20261120)
    pair, written = new_pair(), tmp_path / "calls"
    disk = RecordedDisk(pair.home)
    async with recorded(nursery, written):
        await pair.start()
        await pair.talk(4)
        await pair.finish()
        await pair.stop()  # which moves the log into the file
        await pair.start()
        await pair.talk(2)
        await pair.kill()
    calls = [one for one in calls_of(written) if one.name == "sendto" or disk.concerns(one)]
    moments = set(spread(range(len(calls)), ROUNDS // 4))
    losses = list(Loss)
    accepted: list[str] = []
    for number, call in enumerate(calls):
        disk.apply(call)
        accepted += answers(call)
        if number in moments:
            home = tmp_path / "after"
            loss = losses[number % len(losses)]
            log.info("after call %d of %d, %s: %s", number, len(calls), call.name, loss)
            disk.write_to(home, loss, chance)
            after = Pair(nursery, home)
            for side in after.sides:
                side.accepted = [one for one in accepted if one.startswith(side.profile)]
            await after.finish()
            await after.stop()
            shutil.rmtree(home)
    assert accepted
    # The record is of everything, but for what was on its way when the nodes were killed.
    unsure = in_flight(written)
    ends = [tmp_path / f"end-{number}" for number in range(2 ** len(unsure))]
    for number, end in enumerate(ends):
        at_end = deepcopy(disk)
        for place, call in enumerate(unsure):
            if number >> place & 1:
                at_end.apply(call)
        at_end.write_to(end, Loss.NONE, chance)
    assert files(pair.home) in [files(end) for end in ends]


# --- the log, cut ---


def saving(number: int) -> tuple[Callable[[Connection], object], Save]:
    """A message and the state that goes with it."""
    return saying(number, f"word{number}"), Save(ADA, number - 1, lambda: b"%d" % number)


async def fill(path: Path, commits: int) -> list[int]:
    """Commit messages one by one; how long the log is after each."""
    database = Database.open(path, KEY, create=True)
    wal, lengths = path.with_name(path.name + "-wal"), []
    await database.write(add_contact)
    for number in range(1, commits + 1):
        await database.submit(*saving(number))
        lengths.append(wal.stat().st_size)
    shutil.copytree(path.parent, path.parent.with_name("copy"))
    database.close()
    return lengths


@pytest.mark.timeout(7_200)
def test_a_log_cut_anywhere_keeps_whole_commits_and_goes_on(tmp_path: Path) -> None:
    """Cut after each frame and within it: after its header, in its page, at its last byte."""
    path = tmp_path / "made" / "loom.db"
    path.parent.mkdir()
    lengths = asyncio.run(fill(path, max(4, ROUNDS // 40)))
    copy = path.parent.with_name("copy")
    file, wal = (copy / name for name in ("loom.db", "loom.db-wal"))
    whole, base = wal.read_bytes(), file.read_bytes()
    frames = range(LOG_HEADER_BYTES, len(whole), FRAME_BYTES)
    assert (len(whole) - LOG_HEADER_BYTES) % FRAME_BYTES == 0
    begins = lengths[0]
    cuts = {at + torn for at in frames for torn in (0, 24, 2_000, FRAME_BYTES - 1)}
    for cut in sorted(one for one in cuts if one >= begins):
        file.write_bytes(base)
        wal.write_bytes(whole[:cut])
        (copy / "loom.db-shm").unlink(missing_ok=True)
        kept = sum(length <= cut for length in lengths)
        asyncio.run(_check(file, kept))


async def _check(path: Path, kept: int) -> None:
    database = Database.open(path, KEY)
    try:
        stored = database.read_now(lambda db: messages.page(db, WITH_ADA, 100))
        assert [one.body for one in stored] == [f"word{n + 1}" for n in range(kept)]
        assert database.read_now(lambda db: sessions.load(db, ADA)) == (kept, b"%d" % kept)
        found = database.read_now(lambda db: find(db, "word", limit=100))
        assert found == stored[::-1]
        assert database.read_now(maintenance.integrity) == []
        await database.submit(*saving(kept + 1))
    finally:
        database.close()
    database = Database.open(path, KEY)
    try:
        assert len(database.read_now(lambda db: messages.page(db, WITH_ADA, 100))) == kept + 1
    finally:
        database.close()
