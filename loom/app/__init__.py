"""The composition root: finds profiles, attaches to a node or opens one, hands out a `Client`."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from loom.api.backup_views import BackupRestored, BackupVerified
from loom.api.client import Client
from loom.api.move_views import MoveReceived, MoveSent
from loom.api.moving import Front, Where
from loom.api.profile_views import Destroyed
from loom.api.profiles import (
    Asking,
    Moved,
    NodeOptions,
    ProfileInfo,
    Profiles,
    nothing_moved,
)
from loom.config import (
    WAYS,
    Paths,
    Settings,
    choose_profile,
    configured_proxy,
    home_of,
    is_profile_name,
    paths_of,
    read_settings,
)
from loom.control.client import attach
from loom.control.endpoint import is_served
from loom.errors import NodeNotRunning, ProfileNotFound, StoreUnavailable


class LocalProfiles:
    """The profiles of one home folder.

    Many methods, because it is everything that front ends ask of profiles that are not open.
    """

    def __init__(self, chosen: Settings) -> None:
        self._settings = chosen
        self._home = home_of(chosen)

    def list_profiles(self) -> list[ProfileInfo]:
        """See `Profiles.list_profiles`."""
        try:
            folders = sorted(self._home.profiles.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreUnavailable(what=f"{self._home.profiles}: {error.strerror}") from error
        found = [paths_of(self._home, one.name) for one in folders if _is_profile(one)]
        return [
            ProfileInfo(profile=one.profile, path=one.folder, running=is_served(one.socket))
            for one in found
        ]

    async def create(
        self, profile: str, name: str, passphrase: str, *, argon2_memory_mib: int | None = None
    ) -> str:
        """See `Profiles.create`."""
        from loom.app import assembly

        phrase, paths = assembly.new_phrase(), paths_of(self._home, profile)
        await asyncio.to_thread(
            assembly.create_profile, paths, name, passphrase, phrase, argon2_memory_mib
        )
        return phrase

    async def restore(
        self,
        profile: str,
        name: str,
        passphrase: str,
        phrase: str,
        *,
        number: int = 0,
        argon2_memory_mib: int | None = None,
    ) -> None:
        """See `Profiles.restore`."""
        from loom.app import assembly

        paths = paths_of(self._home, profile)
        await asyncio.to_thread(
            partial(assembly.create_profile, is_restored=True),
            *(paths, name, passphrase, phrase, argon2_memory_mib, number),
        )

    async def change_passphrase(self, profile: str, old: str, new: str) -> None:
        """See `Profiles.change_passphrase`."""
        from loom.app import passphrases

        await asyncio.to_thread(passphrases.change, self._existing(profile), old, new)

    async def set_duress(self, profile: str, passphrase: str, duress: str | None) -> None:
        """See `Profiles.set_duress`."""
        from loom.app import passphrases

        paths = self._existing(profile)
        await asyncio.to_thread(passphrases.set_duress, paths, passphrase, duress)

    async def unlock(self, profile: str, passphrase: str, options: NodeOptions) -> Client:
        """See `Profiles.unlock`."""
        from loom.app.unlocking import open_profile as open_

        paths = self._existing(profile)
        return await open_(paths, passphrase, self._through_the_proxy(options))

    async def unlock_by(self, profile: str, way: str, ask: Asking, options: NodeOptions) -> Client:
        """See `Profiles.unlock_by`."""
        from loom.app import unlocks
        from loom.app.unlocking import open_with

        paths = self._existing(profile)
        key = partial(unlocks.unlock, paths, way, ask)
        return await open_with(paths, key, self._through_the_proxy(options))

    def unlocks(self, profile: str) -> list[str]:
        """See `Profiles.unlocks`."""
        folder = self._existing(profile).folder
        return [way for way in WAYS if (folder / f"unlock.{way}").exists()]

    async def add_unlock(self, profile: str, passphrase: str, way: str, ask: Asking) -> None:
        """See `Profiles.add_unlock`."""
        from loom.app import unlocks

        await asyncio.to_thread(unlocks.add, self._existing(profile), passphrase, way, ask)

    async def remove_unlock(self, profile: str, way: str) -> None:
        """See `Profiles.remove_unlock`."""
        from loom.app import unlocks

        await asyncio.to_thread(unlocks.remove, self._existing(profile), way)

    async def panic(self, profile: str, *, farewell: bool = True) -> Destroyed:
        """See `Profiles.panic`."""
        from loom.app.panic import panic

        paths = paths_of(self._home, profile)
        if not (is_profile_name(profile) and (paths.moving.exists() or paths.buildings())):
            self._existing(profile)
        return await panic(paths, farewell=farewell)

    def is_move_begun(self, profile: str) -> bool:
        """See `Profiles.is_move_begun`."""
        from loom.app import moving

        return moving.is_begun(paths_of(self._home, profile))

    async def move_away(
        self,
        profile: str,
        passphrase: str,
        where: Where,
        front: Front,
        *,
        has_files: bool = True,
        start_over: bool = False,
    ) -> MoveSent:
        """See `Profiles.move_away`."""
        from loom.app import moving

        paths = self._existing(profile)
        return await moving.send(
            paths, passphrase, where, front, has_files=has_files, start_over=start_over
        )

    async def move_here(
        self,
        profile: str,
        passphrase: str,
        where: Where,
        front: Front,
        *,
        start_over: bool = False,
        argon2_memory_mib: int | None = None,
    ) -> MoveReceived:
        """See `Profiles.move_here`."""
        from loom.app import moving

        paths = paths_of(self._home, profile)
        return await moving.receive(
            paths,
            passphrase,
            where,
            front,
            argon2_memory_mib=argon2_memory_mib,
            start_over=start_over,
        )

    async def wipe_moved(self, profile: str, passphrase: str) -> None:
        """See `Profiles.wipe_moved`."""
        from loom.app import moving

        await moving.wipe(self._existing(profile), passphrase)

    async def backup_opens_with(self, path: Path) -> str:
        """See `Profiles.backup_opens_with`."""
        from loom.app import backups

        return await asyncio.to_thread(backups.opens_with, path)

    async def verify_backup(
        self, path: Path, secret: str, moved: Moved = nothing_moved
    ) -> BackupVerified:
        """See `Profiles.verify_backup`."""
        from loom.app import backups

        return await asyncio.to_thread(backups.verify, path, secret, moved)

    async def restore_backup(
        self,
        profile: str,
        path: Path,
        secret: str,
        passphrase: str,
        moved: Moved = nothing_moved,
        *,
        argon2_memory_mib: int | None = None,
    ) -> BackupRestored:
        """See `Profiles.restore_backup`."""
        from loom.app import backups

        paths = paths_of(self._home, profile)
        return await asyncio.to_thread(
            backups.restore, path, secret, paths, passphrase, argon2_memory_mib, moved
        )

    async def attach(self, profile: str) -> Client:
        """See `Profiles.attach`."""
        return await attach(self._existing(profile).socket)

    def _through_the_proxy(self, options: NodeOptions) -> NodeOptions:
        """Here, so that whatever opens a profile goes online through the proxy."""
        if not options.online or options.proxy is not None:
            return options
        proxy = configured_proxy(self._settings, self._home)
        return msgspec.structs.replace(options, proxy=proxy)

    def _existing(self, profile: str) -> Paths:
        paths = paths_of(self._home, profile)
        if not _is_profile(paths.folder):
            raise ProfileNotFound(profile=profile)
        return paths


def open_profiles(chosen: Settings) -> Profiles:
    """The profiles that these settings name."""
    return LocalProfiles(chosen)


@asynccontextmanager
async def open_profile(
    profile: str | None = None,
    *,
    passphrase: str | None = None,
    home: Path | str | None = None,
    options: NodeOptions | None = None,
) -> AsyncIterator[Client]:
    """A client of a profile: the running node's, else one opened here for the time being.

    Args:
        profile: its folder's name; None: LOOM_PROFILE, or the only one there is.
        passphrase: needed only where no node runs.
        home: None: LOOM_HOME, or the user's own folders.
        options: how an own node meets the network.

    Raises:
        ProfileNotFound, ProfileNotChosen, WrongPassphrase, ProfileInUse.
        NodeNotRunning: and no passphrase was given.
    """
    chosen = read_settings(os.environ, home=None if home is None else Path(home), profile=profile)
    profiles = open_profiles(chosen)
    name = choose_profile(chosen, [one.profile for one in profiles.list_profiles()])
    try:
        client = await profiles.attach(name)
    except NodeNotRunning:
        if passphrase is None:
            raise
        client = await profiles.unlock(name, passphrase, options or NodeOptions())
    try:
        yield client
    finally:
        await client.close()


def _is_profile(folder: Path) -> bool:
    """Whether this is a profile's folder, and not what a killed `init` left behind."""
    files = (folder / "vault.key", folder / "loom.db")
    return is_profile_name(folder.name) and any(one.exists() for one in files)
