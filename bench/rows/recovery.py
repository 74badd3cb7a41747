"""From `kill -9` to the last message, with 100,000 of them in the store."""

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from bench.harness import Contender, NotMeasured, Row, Sample, Settings, Target, Unit
from bench.processes import deadline_s

if TYPE_CHECKING:
    from loom.config import Paths

PROFILE = "ada"
CONTACT = "stranger 0"
LAST = 320
"""Texts whose commits are still in the log when the node dies."""
IN_FLIGHT = 32


@contextmanager
def killed(settings: Settings) -> Iterator[Sample]:
    """Seconds of `loom history CONTACT -n 1` after the daemon was killed among its commits."""
    with _recovery(settings, signal.SIGKILL) as sample:
        yield sample


@contextmanager
def ended(settings: Settings) -> Iterator[Sample]:
    """The same after the daemon ended in an orderly way."""
    with _recovery(settings, signal.SIGTERM) as sample:
        yield sample


@contextmanager
def _recovery(settings: Settings, end: signal.Signals) -> Iterator[Sample]:
    """Argon2id apart, which is measured before each run. Each run finds the files as they were."""
    from bench.peers import loom_cli
    from loom.config import Settings as LoomSettings
    from loom.config import home_of, paths_of
    from loom.storage import vault

    with TemporaryDirectory() as folder:
        home, copy = Path(folder) / "home", Path(folder) / "copy"
        home.mkdir(mode=0o700)
        loom_cli.create(home, PROFILE)
        loom_cli.add_strangers(home, PROFILE, 1)
        paths = paths_of(home_of(LoomSettings(home=home)), PROFILE)
        _fill(paths, settings.amount(100_000, 1_000))
        environment = loom_cli.environment(home)
        with loom_cli.daemon(environment, deadline_s(settings.rounds), "--no-mdns") as (process, _):
            asyncio.run(_send(paths))
            os.kill(process.pid, end)
        has_log = paths.database.with_name(paths.database.name + "-wal").exists()
        if has_log is not (end is signal.SIGKILL):
            raise NotMeasured("the daemon did not end as wanted")
        shutil.copytree(paths.folder, copy, ignore=shutil.ignore_patterns("*.sock"))
        command = [*loom_cli.LOOM, "history", CONTACT, "-n", "1", "--json"]

        def sample() -> float:
            shutil.rmtree(paths.folder)
            shutil.copytree(copy, paths.folder)
            start = time.perf_counter()
            vault.unlock(paths.keyslot, loom_cli.PASSPHRASE).wipe()
            unlocked = time.perf_counter()
            done = subprocess.run(
                command, check=True, capture_output=True, text=True, timeout=30, env=environment
            )
            elapsed = time.perf_counter() - unlocked - (unlocked - start)
            if f'"text {LAST - 1}"' not in done.stdout:
                raise NotMeasured(f"the last message is not there: {done.stdout}")
            return elapsed

        yield sample


def _fill(paths: "Paths", count: int) -> None:
    """Messages into history and full-text index."""
    from bench.peers import loom_cli
    from bench.rows.store import _insert
    from loom.model import ConversationId
    from loom.storage import vault
    from loom.storage.database import Database

    async def fill(database: Database) -> None:
        for start in range(1, count + 1, 1_000):
            numbers = range(start, min(start + 1_000, count + 1))
            works = [_insert(ConversationId(1), number) for number in numbers]
            await asyncio.gather(*(database.submit(work) for work in works))

    key = vault.unlock(paths.keyslot, loom_cli.PASSPHRASE).database_key()
    with closing(Database.open(paths.database, key)) as database:
        asyncio.run(fill(database))


async def _send(paths: "Paths") -> None:
    """Each is acknowledged: it must be there afterwards."""
    from loom.api.message_commands import SendText
    from loom.control.client import attach

    client = await attach(paths.socket)
    for start in range(0, LAST, IN_FLIGHT):
        texts = [f"text {number}" for number in range(start, start + IN_FLIGHT)]
        await asyncio.gather(*(client.send(SendText(contact=CONTACT, body=one)) for one in texts))
    await client.close()


ROWS = (
    Row(
        "recovery",
        "kill -9 to the last of 100,000 messages, from a cold start",
        Unit.SECONDS,
        (Contender("loom", killed), Contender("loom, ended in order", ended)),
        (Target(at_most=1.0), Target("loom, ended in order", at_most=1.5)),
    ),
)
