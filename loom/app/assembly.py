"""Makes a profile, and wires the parts of one that is opened here.

Apart from the rest of the root because a command that attaches to a running node needs none of it.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from loom.api.command import Command
from loom.api.events import AnyEvent
from loom.api.profiles import NodeOptions
from loom.config import Paths, private_folder
from loom.control.server import ControlServer
from loom.core.identity import Identity, IdentitySeeds, phrase_from_entropy, seeds_from_phrase
from loom.durable import in_our_words, sync_folder
from loom.errors import ProfileDamaged, ProfileExists, ProfileMoved
from loom.model import OwnProfile
from loom.node.journal import Journal
from loom.node.key_pool import KeyPool
from loom.node.names import check_name
from loom.node.node import Node
from loom.node.own_profile import OwnProfileNow
from loom.node.parts import Parts
from loom.passphrases import check_new_passphrase
from loom.ports import Discovery, Transport
from loom.storage import events, machine, moving, own_profile, settings, vault
from loom.storage.connection import Db
from loom.storage.database import Database
from loom.storage.file_store import FileStore
from loom.storage.locked_memory import refuse_dumps
from loom.storage.moving import Move
from loom.storage.profile_lock import ProfileLock
from loom.transport.tcp import TcpTransport

R = TypeVar("R")


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Seconds since some start."""
        return time.monotonic()


class OpenProfile:
    """The `Client` of a profile that this process holds: node, control socket and lock."""

    def __init__(self, node: Node, server: ControlServer | None, lock: ProfileLock) -> None:
        self._node = node
        self._server = server
        self._lock = lock
        self._ending: asyncio.Task[None] | None = None
        self._watch = asyncio.create_task(self._until_stopped(), name="stop")

    async def send(self, command: Command[R]) -> R:
        """See `Client.send`."""
        return await self._node.send(command)

    def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        """See `Client.events`."""
        return self._node.events(after)

    async def close(self) -> None:
        """End the node after what was submitted is committed, then let others have the profile."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end(), name="end of the profile")
        # Whoever asked may go away; two processes at one profile would fork the ratchet.
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        try:
            if self._server is not None:
                await self._server.close()
        finally:
            try:
                await self._node.close()
            finally:
                self._lock.release()
                self._watch.cancel()

    async def _until_stopped(self) -> None:
        await self._node.wants_stop.wait()
        await self.close()


def new_phrase() -> str:
    """24 recovery words that nobody had before."""
    return phrase_from_entropy(secrets.token_bytes(32))


def create_profile(
    paths: Paths,
    name: str,
    passphrase: str,
    phrase: str,
    argon2_memory_mib: int | None,
    number: int = 0,
    *,
    is_restored: bool = False,
) -> None:
    """Build the profile beside its place, then move it there: half a profile never stands.

    Returns once it outlasts a power cut.

    Args:
        is_restored: the identity was used before, perhaps on another machine.

    Raises:
        InvalidPhrase, InvalidName, InvalidInput, ProfileExists.
        StoreUnavailable, DiskFull: there is none.
    """
    refuse_dumps()
    seeds = seeds_from_phrase(phrase, number)
    name = check_name(name)
    check_new_passphrase(passphrase)
    memory_kib = vault.MEMORY_DEFAULT_KIB
    if argon2_memory_mib is not None:
        memory_kib = argon2_memory_mib * 1024
    with build_folder(paths) as building:
        key = vault.create(building / paths.keyslot.name, passphrase, memory_kib)
        try:
            fill_empty(building / paths.database.name, key, name, seeds, is_restored=is_restored)
        finally:
            key.wipe()


def fill_empty(
    path: Path,
    key: vault.VaultKey,
    name: str,
    seeds: IdentitySeeds | None = None,
    *,
    is_restored: bool = False,
) -> None:
    """Make the database of a profile without contacts; of an identity that nobody knows, else.

    Raises:
        StoreUnavailable, DiskFull: part of it may be there.
    """
    own = seeds or seeds_from_phrase(new_phrase())
    database = Database.open(path, key.database_key(), create=True)
    try:
        database.write_now(lambda db: _store_identity(db, name, own, is_restored=is_restored))
    finally:
        database.close()


@contextlib.contextmanager
def build_folder(paths: Paths) -> Iterator[Path]:
    """A folder to build in, moved to its place at the end; returns once it outlasts a power cut.

    What a killed process left of one is removed first.

    Raises:
        ProfileExists.
        StoreUnavailable, DiskFull: nothing is at its place.
    """
    new = [one for one in (paths.folder, *paths.folder.parents) if not os.access(one, os.F_OK)]
    private_folder(paths.folder.parent)
    if paths.folder.exists():
        raise ProfileExists(profile=paths.profile)
    for one in paths.buildings():
        _remove_left(one)
    building, descriptor = _locked_folder(paths)
    try:
        yield building
        _move(building, paths, new)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        os.close(descriptor)


def _locked_folder(paths: Paths) -> tuple[Path, int]:
    """A new one, locked as long as it is open."""
    while True:
        building = private_folder(paths.building(secrets.token_hex(4)))
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(building, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            with contextlib.suppress(OSError):  # without locks nothing is removed either
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if building.exists():
                return building, descriptor
            os.close(descriptor)  # it was removed before it was locked


def _remove_left(building: Path) -> None:
    """Remove a folder that no process has locked."""
    with contextlib.suppress(OSError):
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(building, flags)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(building, ignore_errors=True)
        finally:
            os.close(descriptor)


def _move(building: Path, paths: Paths, new: list[Path]) -> None:
    try:
        building.rename(paths.folder)
    except OSError as error:
        if paths.folder.exists():
            raise ProfileExists(profile=paths.profile) from error
        raise in_our_words(error, "the profile cannot be put in its place") from error
    try:
        for one in new:
            with contextlib.suppress(PermissionError):  # a folder of others, which none may list
                sync_folder(one.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            paths.folder.rename(building)  # nobody will see its recovery words
        raise in_our_words(error, "the profile cannot be made durable") from error


def _store_identity(db: Db, name: str, seeds: IdentitySeeds, *, is_restored: bool) -> None:
    if is_restored:
        machine.begin_epoch(db)
    settings.put(db, "identity", msgspec.msgpack.encode(seeds))
    # A restored identity goes on with a larger number than its profile of before had.
    now_ms = SystemClock().now_ms()
    own_profile.put(db, OwnProfile(name=name, number=now_ms, told=now_ms))


async def assemble(
    paths: Paths,
    key: vault.VaultKey,
    discovery: Discovery,
    options: NodeOptions,
    lock: ProfileLock,
) -> OpenProfile:
    """Wire and start an unlocked profile; its key is wiped as soon as the database is open.

    Raises:
        ProfileDamaged, ProfileTooNew, PortInUse: the lock is still held.
    """

    async def remove_traces(keyring_name: str) -> None:
        from loom.app import traces  # which needs this module

        await traces.remove(paths, keyring_name)

    try:
        database = await asyncio.to_thread(Database.open, paths.database, key.database_key())
    finally:
        key.wipe()
    try:
        if (move := database.read_now(moving.load)) is not None:
            _stay(database, paths, move)
        identity, profile, last_seq = database.read_now(load_identity)
        clock = SystemClock()
        parts = Parts(
            database=database,
            identity=identity,
            clock=clock,
            journal=Journal(database, clock, last_seq),
            profile=OwnProfileNow(profile),
            keys=KeyPool(),
            files=FileStore(paths.files),
            random=secrets.token_bytes,
        )
        node = Node(
            parts,
            paths=paths,
            remove_traces=remove_traces,
            transport=transport_of(options),
            discovery=discovery,
            pairing_discovery=pairing_discovery_of(options),
            options=options,
        )
    except BaseException:
        database.close()
        raise
    server = ControlServer(node, paths.socket, paths.profile) if options.serve else None
    try:
        await node.start()
        if server is not None:
            await server.start()
    except BaseException:
        with contextlib.suppress(Exception):
            await node.close()
        raise
    return OpenProfile(node, server, lock)


def _stay(database: Database, paths: Paths, move: Move) -> None:
    """A profile that was moved does not run here; one that is used is not being moved any more."""
    if move.is_closed:
        raise ProfileMoved(profile=paths.profile)
    database.write_now(moving.forget)
    with contextlib.suppress(OSError):
        (paths.folder / moving.STREAM).unlink(missing_ok=True)


def load_identity(db: Db) -> tuple[Identity, OwnProfile, int]:
    """Who this is, what contacts are told, and the number of the last event.

    Raises:
        ProfileDamaged: there is none.
    """
    stored, profile = settings.get(db, "identity"), own_profile.load(db)
    if stored is None or profile is None:
        raise ProfileDamaged(what="the identity is missing")
    seeds = msgspec.msgpack.decode(stored, type=IdentitySeeds)
    return Identity(seeds), profile, events.last_seq(db)


def transport_of(options: NodeOptions) -> Transport:
    """How a node of these options dials."""
    if options.proxy is None:
        return TcpTransport()
    from loom.transport.socks import ProxiedTransport

    return ProxiedTransport(TcpTransport(), options.proxy)


def discovery_of(options: NodeOptions) -> Discovery:
    """How a node of these options finds others."""
    if not options.online:
        from loom.discovery.static import StaticDiscovery

        return StaticDiscovery()
    if not options.mdns:
        from loom.discovery.silent import SilentDiscovery

        return SilentDiscovery()
    from loom.discovery.mdns import MdnsDiscovery

    pinned = options.mdns_interface
    return MdnsDiscovery(None if pinned is None else [pinned])


def pairing_discovery_of(options: NodeOptions) -> Discovery:
    """How a node of these options finds others who pair; nothing is opened before it starts."""
    if not options.online or not options.mdns:
        from loom.discovery.static import StaticDiscovery

        return StaticDiscovery()
    from loom.discovery.browser import PAIRING_TYPE
    from loom.discovery.mdns import MdnsDiscovery

    pinned = options.mdns_interface
    return MdnsDiscovery(None if pinned is None else [pinned], PAIRING_TYPE)
