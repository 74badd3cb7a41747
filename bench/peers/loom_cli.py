"""Profiles for `python -m loom`, made through the API, and its daemon as a process."""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.harness import NotMeasured
from bench.processes import LineProcess
from loom.api.contact_commands import ExportToken, ImportToken
from loom.api.events import NodeReady
from loom.api.profiles import NodeOptions
from loom.app import open_profiles
from loom.config import Settings
from loom.model import PeerId
from loom.wire.limits import X25519_KEY_BYTES

PASSPHRASE = "bench peer"
ARGON2_MIB = 64
OFFLINE = NodeOptions(online=False, serve=False)
LOOM = (sys.executable, "-m", "loom")


def environment(home: Path) -> dict[str, str]:
    """What makes a command find its only profile, and stay on loopback."""
    passphrase = home / "passphrase"
    passphrase.write_text(PASSPHRASE)
    return os.environ | {
        "LOOM_HOME": str(home),
        "LOOM_PASSPHRASE_FILE": str(passphrase),
        "LOOM_MDNS_INTERFACE": "127.0.0.1",
    }


def create(home: Path, profile: str) -> str:
    """A new profile's token."""

    async def work() -> str:
        profiles = open_profiles(Settings(home=home))
        await profiles.create(profile, profile, PASSPHRASE, argon2_memory_mib=ARGON2_MIB)
        client = await profiles.unlock(profile, PASSPHRASE, OFFLINE)
        try:
            return (await client.send(ExportToken())).token
        finally:
            await client.close()

    return asyncio.run(work())


def add_contact(home: Path, profile: str, token: str, name: str) -> None:
    """Import a token."""

    async def work() -> None:
        client = await open_profiles(Settings(home=home)).unlock(profile, PASSPHRASE, OFFLINE)
        try:
            await client.send(ImportToken(token=token, name=name))
        finally:
            await client.close()

    asyncio.run(work())


def add_strangers(home: Path, profile: str, count: int) -> None:
    """Contacts that nobody answers for, straight into the store."""
    from loom.config import home_of, paths_of
    from loom.crypto.keys import X25519Key
    from loom.storage import persons, vault
    from loom.storage.connection import Db
    from loom.storage.database import Database

    paths = paths_of(home_of(Settings(home=home)), profile)
    key = vault.unlock(paths.keyslot, PASSPHRASE)
    database = Database.open(paths.database, key.database_key())

    def add(db: Db) -> None:
        for number in range(count):
            persons.insert(
                db,
                name=f"stranger {number}",
                peer_id=PeerId(os.urandom(32)),
                x25519_public=X25519Key(os.urandom(X25519_KEY_BYTES)).public,
                created_at_ms=0,
            )

    try:
        database.write_now(add)
    finally:
        database.close()


@contextmanager
def daemon(
    environment: Mapping[str, str], deadline_s: float, *options: str
) -> Iterator[tuple[LineProcess, int]]:
    """A running daemon and its port."""
    command = [*LOOM, "--json", "daemon", "--listen", "127.0.0.1:0", *options]
    with LineProcess(command, deadline_s, environment) as process:
        line = process.read_line()
        try:
            ready = msgspec.json.decode(line, type=NodeReady)
        except msgspec.ValidationError as error:
            raise NotMeasured(f"the daemon says {line}") from error
        yield process, ready.port
