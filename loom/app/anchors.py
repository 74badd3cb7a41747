"""The anchors that run on this machine: made, opened, moved to another one."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import msgspec

from loom.anchor import moving
from loom.anchor.anchor import Anchor, AnchorParts, prepare
from loom.anchor.limits import read_limits
from loom.anchor.store import SCHEMA
from loom.api.client import Client
from loom.api.command import Command
from loom.api.events import AnyEvent
from loom.api.profiles import ProfileInfo
from loom.app.assembly import SystemClock, build_folder
from loom.config import (
    Home,
    Paths,
    Settings,
    anchor_limits_of,
    anchor_paths_of,
    home_of,
    is_profile_name,
    private_folder,
)
from loom.control.client import attach
from loom.control.endpoint import is_served
from loom.control.server import ControlServer
from loom.durable import replace_durably
from loom.errors import AnchorNotRunning, NoAnchor, NodeNotRunning, ProfileNotChosen
from loom.model import Address
from loom.passphrases import check_new_passphrase
from loom.storage import vault
from loom.storage.connection import connect, snapshot
from loom.storage.database import Database
from loom.storage.locked_memory import refuse_dumps
from loom.storage.profile_lock import ProfileLock
from loom.transport.tcp import TcpTransport
from loom.wire.limits import ANCHOR_MASK_KEY_BYTES

R = TypeVar("R")


class AnchorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How an opened anchor meets the network; `is_online=False`: for one command only."""

    listen: Address | None = None
    is_online: bool = True


class OpenAnchor:
    """The `Client` of an anchor that this process holds: service, control socket and lock."""

    def __init__(self, anchor: Anchor, server: ControlServer | None, lock: ProfileLock) -> None:
        self.anchor = anchor
        self._server = server
        self._lock = lock

    async def send(self, command: Command[R]) -> R:
        """See `Client.send`."""
        return await self.anchor.send(command)

    def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        """See `Client.events`."""
        return self.anchor.events(after)

    async def close(self) -> None:
        """End it after what was submitted is committed, then let others have it."""
        try:
            if self._server is not None:
                await self._server.close()
        finally:
            try:
                await self.anchor.close()
            finally:
                self._lock.release()


class LocalAnchors:
    """The anchors of one home folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._home: Home = home_of(settings)

    def list_anchors(self) -> list[ProfileInfo]:
        """All of them, by name."""
        try:
            folders = sorted(self._home.anchors.iterdir())
        except FileNotFoundError:
            return []
        found = [
            anchor_paths_of(self._home, one.name)
            for one in folders
            if is_profile_name(one.name) and (one / "vault.key").exists()
        ]
        return [
            ProfileInfo(profile=one.profile, path=one.folder, running=is_served(one.socket))
            for one in found
        ]

    def choose(self, named: str | None) -> Paths:
        """The anchor that was named, or that the environment names, or the only one.

        Raises:
            NoAnchor: none of that name, or none at all.
            ProfileNotChosen: several, and none was named.
        """
        existing = [one.profile for one in self.list_anchors()]
        if named is None and self._settings.profile in existing:
            named = self._settings.profile
        if named is None and len(existing) > 1:
            raise ProfileNotChosen(profiles=", ".join(existing))
        chosen = named if named is not None else next(iter(existing), "")
        if chosen not in existing:
            raise NoAnchor(anchor=chosen)
        return anchor_paths_of(self._home, chosen)

    def create(self, anchor: str, passphrase: str, argon2_memory_mib: int | None) -> None:
        """Make an anchor.

        Raises:
            InvalidName, InvalidInput, ProfileExists, StoreUnavailable, DiskFull: there is none.
        """
        refuse_dumps()
        check_new_passphrase(passphrase)
        memory_kib = vault.MEMORY_DEFAULT_KIB
        if argon2_memory_mib is not None:
            memory_kib = argon2_memory_mib * 1024
        paths = anchor_paths_of(self._home, anchor)
        mask_key = secrets.token_bytes(ANCHOR_MASK_KEY_BYTES)
        with build_folder(paths) as building:
            key = vault.create(building / paths.keyslot.name, passphrase, memory_kib)
            _fill(building / paths.database.name, key, lambda db: prepare(db, mask_key, anchor))

    async def open_anchor(
        self, paths: Paths, passphrase: str, options: AnchorOptions
    ) -> OpenAnchor:
        """Lock, unlock, wire, start.

        Raises:
            ProfileInUse, WrongPassphrase, ProfileDamaged, ProfileTooNew, PortInUse, InvalidInput.
        """
        refuse_dumps()
        limits = read_limits(anchor_limits_of(self._home, paths.profile))
        lock = ProfileLock.acquire(paths.lock, paths.profile)
        try:
            private_folder(paths.folder)
            key = await asyncio.to_thread(vault.unlock, paths.keyslot, passphrase)
            try:
                database = await asyncio.to_thread(
                    Database.open, paths.database, key.database_key(), kind=SCHEMA
                )
            finally:
                key.wipe()
            anchor = Anchor(
                AnchorParts(
                    name=paths.profile,
                    folder=paths.folder,
                    database=database,
                    limits=limits,
                    clock=SystemClock(),
                    random=secrets.token_bytes,
                    transport=TcpTransport(),
                    local_addresses=_local_addresses,
                )
            )
            server = (
                ControlServer(anchor, paths.socket, paths.profile) if options.is_online else None
            )
            try:
                await anchor.start(options.listen, is_online=options.is_online)
                if server is not None:
                    await server.start()
            except BaseException:
                with contextlib.suppress(Exception):
                    await anchor.close()
                raise
        except BaseException:
            lock.release()
            raise
        return OpenAnchor(anchor, server, lock)

    async def attach(self, paths: Paths) -> Client:
        """The client of the process that serves an anchor.

        Raises:
            AnchorNotRunning.
        """
        try:
            return await attach(paths.socket)
        except NodeNotRunning as error:
            raise AnchorNotRunning(anchor=paths.profile) from error

    def export(self, paths: Paths, passphrase: str) -> bytes:
        """The anchor's accounts and queues without their blobs, sealed; it may be running.

        Raises:
            WrongPassphrase, ProfileDamaged, StoreUnavailable.
        """
        refuse_dumps()
        key = vault.unlock(paths.keyslot, passphrase)
        try:
            db = connect(paths.database, key.database_key(), read_only=True)
            try:
                with snapshot(db):
                    moved = moving.read(db)
            finally:
                db.close()
            keyslot = paths.keyslot.read_bytes()
            return moving.seal(keyslot, key.export_key(), moved, secrets.token_bytes(12))
        finally:
            key.wipe()

    def import_(self, anchor: str, data: bytes, passphrase: str) -> None:
        """Make an anchor of what `export` gave, with its passphrase.

        Raises:
            InvalidInput: it is not such a file.
            WrongPassphrase: the passphrase is not that of the anchor it came from.
            InvalidName, ProfileExists, StoreUnavailable, DiskFull: there is none.
        """
        refuse_dumps()
        keyslot = moving.keyslot_of(data)
        paths = anchor_paths_of(self._home, anchor)
        with build_folder(paths) as building:
            file = building / paths.keyslot.name
            replace_durably(file, keyslot)
            key = vault.unlock(file, passphrase)
            moved = moving.open_(data, key.export_key())
            _fill(building / paths.database.name, key, lambda db: moving.write(db, moved, anchor))


def _fill(file: Path, key: vault.VaultKey, work: moving.Work) -> None:
    database = Database.open(file, key.database_key(), create=True, kind=SCHEMA)
    try:
        database.write_now(work)
    finally:
        database.close()
        key.wipe()


def _local_addresses() -> list[str]:
    """This machine's addresses that others may reach, those of everywhere first."""
    from loom.discovery.interfaces import Interfaces

    own = [
        one
        for one in Interfaces.here().own
        if not one.is_loopback and not one.is_link_local and not one.is_unspecified
    ]
    own.sort(key=lambda one: (one.is_private, one.version, one))
    return [str(one) for one in own[:4]]
