"""An anchor: blobs through it against the same rows through plain SQLite, and strangers at it."""

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.harness import Contender, NotMeasured, Row, Sample, Settings, Target, Unit
from bench.processes import LineProcess, deadline_s
from bench.rows.handshake import NOW_S, link_handshake, new_identity
from bench.rows.memory import resident_mib

if TYPE_CHECKING:
    from bench.peers.anchor import Asker
    from loom.core.queues import QueueKeys

QUEUES = 1_000
TALKS = 4
"""Accounts whose holder and guest talk at the same time, as many as the peer gives texts."""
AT_ONCE = 32
"""As many as a reader may have unacknowledged."""

_commits_per_blob: list[float] = []
"""Of the anchor's last sample; plain SQLite makes as many."""
_resident: list[float] = []


class _Talk:
    """A holder with its queues, and one of their guests."""

    def __init__(self, holder: "Asker", writer: "Asker", queue: "QueueKeys") -> None:
        self.holder = holder
        self.writer = writer
        self.queue = queue

    async def through(self, blobs: list[bytes]) -> None:
        """Put, be pushed, acknowledge: so many at once."""
        from loom.wire.requests import Ack, Put

        for at in range(0, len(blobs), AT_ONCE):
            some = blobs[at : at + AT_ONCE]
            self.holder.pushes.clear()
            puts = [self.writer.send(Put(self.queue.queue_id, blob)) for blob in some]
            while len(self.holder.pushes) < len(some):
                self.holder.pushed.clear()
                await self.holder.pushed.wait()
            await asyncio.gather(*puts)
            await self.holder.send(Ack(self.queue.queue_id, tuple(one[:12] for one in some)))


async def _talk(port: int, text: str, queues: int) -> _Talk:
    """A new account with so many queues."""
    from bench.peers.anchor import Asker, new_account
    from loom.core.queues import derive_queue_keys
    from loom.wire.requests import Open, QueueUse, Subscribe

    holder, mask_key = await new_account(port, text)
    keys = [derive_queue_keys(os.urandom(32)) for _ in range(queues)]
    opens = [Open(one.queue_id, one.door.tag, one.door.link, QueueUse.INBOUND, 0) for one in keys]
    await asyncio.gather(*(holder.send(one) for one in opens))
    await holder.send(Subscribe())
    while len(holder.pushes) < queues:
        holder.pushed.clear()
        await holder.pushed.wait()
    writer = Asker(port, mask_key, keys[-1].door)
    await writer.dial()
    return _Talk(holder, writer, keys[-1])


@contextmanager
def blobs(settings: Settings) -> Iterator[Sample]:
    """Blobs per second that a process with 1,000 queues takes, pushes and deletes, all durable."""
    from bench.peers.anchor import blobs_of

    count = settings.amount(4_096, AT_ONCE * TALKS)
    with (
        TemporaryDirectory() as folder,
        asyncio.Runner() as runner,
        LineProcess(
            [sys.executable, "-m", "bench.peers.anchor", folder], deadline_s(settings.rounds)
        ) as child,
    ):
        _, port, *texts = child.read_line().split()
        each = settings.amount(QUEUES, 20) // TALKS
        talks = [runner.run(_talk(int(port), text, each)) for text in texts]

        def commits() -> int:
            child.write_line("COUNT")
            return int(child.read_line())

        def sample() -> float:
            some = [blobs_of(talk.queue, count // TALKS) for talk in talks]

            async def run() -> None:
                await asyncio.gather(
                    *(one.through(its) for one, its in zip(talks, some, strict=True))
                )

            before, start = commits(), time.perf_counter()
            runner.run(run())
            elapsed = time.perf_counter() - start
            _commits_per_blob[:] = [(commits() - before) / count]
            _resident[:] = [resident_mib(child.pid)]
            return count / elapsed

        yield sample


@contextmanager
def plain_sqlite(settings: Settings) -> Iterator[Sample]:
    """The same rows stored, read and deleted by the standard library, in as many commits."""
    from loom.anchor.store import SCHEMA

    count = settings.amount(4_096, AT_ONCE * TALKS)
    schema = (SCHEMA.folder / "0001_initial.sql").read_text()
    with (
        TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "plain.db", isolation_level=None)) as db,
    ):
        db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {schema}")
        db.execute("INSERT INTO accounts VALUES (1, ?, ?, 0)", (bytes(32), bytes(32)))
        for number in range(settings.amount(QUEUES, 10)):
            keys = (number, os.urandom(16), os.urandom(32), bytes(32))
            db.execute("INSERT INTO queues VALUES (?, ?, 1, ?, ?, 0, 0)", keys)

        def sample() -> float:
            if not _commits_per_blob:
                raise NotMeasured("the anchor made no commit")
            per_commit = max(1, round(2 / _commits_per_blob[0]))
            some = [os.urandom(4_132) for _ in range(count)]
            start = time.perf_counter()
            for at in range(0, count, per_commit):
                _through(db, at, some[at : at + per_commit])
            return count / (time.perf_counter() - start)

        yield sample


def _through(db: sqlite3.Connection, seq: int, some: list[bytes]) -> None:
    db.execute("BEGIN IMMEDIATE")
    for number, blob in enumerate(some, seq):
        db.execute("INSERT INTO blobs VALUES (?, 1, 0, ?, ?)", (number, blob[:12], blob))
    db.execute("COMMIT")
    found = db.execute("SELECT blob_id, blob FROM blobs WHERE queue = 1 ORDER BY seq").fetchall()
    db.execute("BEGIN IMMEDIATE")
    for blob_id, _ in found:
        db.execute("DELETE FROM blobs WHERE queue = 1 AND blob_id = ?", (blob_id,))
    db.execute("COMMIT")


@contextmanager
def resident(settings: Settings) -> Iterator[Sample]:
    """What that process keeps in memory afterwards."""
    with blobs(settings) as run:

        def sample() -> float:
            run()
            return _resident[0]

        yield sample


@contextmanager
def _refusing(settings: Settings, queues: int) -> Iterator[Sample]:
    from loom.core.anchor_gate import AnchorEntry, AnchorGate, anchor_credentials
    from loom.core.link_ends import LinkResponder
    from loom.core.queues import DoorKeys

    day, mask_key = NOW_S // 86_400, os.urandom(16)
    gate = AnchorGate(mask_key, day, lambda _entry, _rand: False)
    for number in range(queues):
        gate.add(AnchorEntry(number, DoorKeys(os.urandom(32), os.urandom(32))))
    stranger = DoorKeys(os.urandom(32), os.urandom(32))
    flight = anchor_credentials(stranger, mask_key, os.urandom(16), day).clear + os.urandom(1_250)
    count = settings.amount(200, 5)

    def refuse() -> float:
        start = time.process_time()
        for _ in range(count):
            responder = LinkResponder(gate, ephemeral_seed=bytes(32), now_s=0.0)
            responder.receive_data(flight, 0.0)
        return (time.process_time() - start) / count

    yield lambda: min(refuse() for _ in range(settings.amount(50, 1)))


@contextmanager
def stranger_at_10_000(settings: Settings) -> Iterator[Sample]:
    """Processor seconds for a stranger's whole first flight, with 10,000 queues."""
    with _refusing(settings, 10_000) as sample:
        yield sample


@contextmanager
def stranger_at_10(settings: Settings) -> Iterator[Sample]:
    """The same with 10."""
    with _refusing(settings, 10) as sample:
        yield sample


@contextmanager
def whole_link(settings: Settings) -> Iterator[Sample]:
    """Processor seconds of one whole handshake of a link, both ends."""
    handshake, count = link_handshake(new_identity(), new_identity()), settings.amount(200, 5)

    def sample() -> float:
        start = time.process_time()
        for _ in range(count):
            handshake()
        return (time.process_time() - start) / count

    yield sample


ROWS = (
    Row(
        "anchor-blobs",
        "4 KiB blobs through an anchor, durable, 1,000 queues open",
        Unit.RATE,
        (Contender("loom", blobs), Contender("plain SQLite", plain_sqlite)),
        (Target("plain SQLite", at_least=0.5),),
    ),
    Row(
        "anchor-memory",
        "that anchor, resident",
        Unit.MIB,
        (Contender("loom", resident),),
        (Target(at_most=120),),
    ),
    Row(
        "anchor-stranger",
        "refusing a stranger at an anchor with 10,000 queues",
        Unit.SECONDS,
        (
            Contender("loom", stranger_at_10_000),
            Contender("with 10 queues", stranger_at_10),
            Contender("a whole link", whole_link),
        ),
        (
            Target("with 10 queues", at_most=1.1),
            Target("a whole link", at_most=1 / 40),
        ),
    ),
)
