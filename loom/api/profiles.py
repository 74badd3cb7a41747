"""What comes before a `Client`: finding, creating, unlocking profiles."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from loom.api.backup_views import BackupRestored, BackupVerified
from loom.api.client import Client
from loom.api.move_views import MoveReceived, MoveSent
from loom.api.moving import Front, Where
from loom.api.profile_views import Destroyed
from loom.model import Address

Moved = Callable[[int, int], None]
"""Told how many bytes of how many were read, from any thread."""


def nothing_moved(done_bytes: int, size_bytes: int) -> None:
    """Nobody is told."""


class ProfileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One profile under the home folder."""

    profile: str
    path: Path
    running: bool


class NodeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the node of an unlocked profile meets the network."""

    listen: Address | None = None
    """An explicit address fails when taken; None: the remembered port, or a free one."""
    online: bool = True
    """False: no listening, no dialling, no discovery (a command that only reads or queues)."""
    mdns: bool = True
    mdns_interface: str | None = None
    """None: the LAN's interfaces; tests and the demo give 127.0.0.1."""
    proxy: Address | None = None
    """Of SOCKS 5, for all that is not on this machine's own networks; None: what LOOM_PROXY or the
    config file says."""
    serve: bool = True
    """Serve the control socket for others while open."""


class Asking(Protocol):
    """How the owner is asked for what a security key wants; called from any thread."""

    def touch(self) -> None:
        """It waits to be touched."""
        ...

    def pin(self) -> str:
        """Its PIN; empty: none is given."""
        ...


class Profiles(Protocol):
    """Implemented by the composition root, handed to front ends.

    Many methods, because it is everything that front ends ask of profiles that are not open.
    """

    def list_profiles(self) -> list[ProfileInfo]:
        """Profiles under the home folder, by name."""
        ...

    async def create(
        self, profile: str, name: str, passphrase: str, *, argon2_memory_mib: int | None = None
    ) -> str:
        """Create a profile and return its 24 recovery words, which are stored nowhere."""
        ...

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
        """Create a profile with identity `number`, counted from 0, of 24 recovery words."""
        ...

    async def change_passphrase(self, profile: str, old: str, new: str) -> None:
        """Wrap the vault key under a new passphrase, whether or not a node runs."""
        ...

    async def set_duress(self, profile: str, passphrase: str, duress: str | None) -> None:
        """Let a second passphrase open an empty profile that takes this one's place; None: none."""
        ...

    async def unlock(self, profile: str, passphrase: str, options: NodeOptions) -> Client:
        """Open the profile in this process; raises ProfileInUse when another holds it."""
        ...

    async def unlock_by(self, profile: str, way: str, ask: Asking, options: NodeOptions) -> Client:
        """Open the profile by the keyring or a security key; raises CannotUnlock."""
        ...

    def unlocks(self, profile: str) -> list[str]:
        """By what it is unlocked besides the passphrase: keyring, fido2; in the order to try."""
        ...

    async def add_unlock(self, profile: str, passphrase: str, way: str, ask: Asking) -> None:
        """Let it be unlocked by that, too."""
        ...

    async def remove_unlock(self, profile: str, way: str) -> None:
        """Let it be unlocked by that no more."""
        ...

    async def panic(self, profile: str, *, farewell: bool = True) -> Destroyed:
        """Destroy the profile at once, open or not, its keyslot first; see `Panic`."""
        ...

    def is_move_begun(self, profile: str) -> bool:
        """Whether a move to this profile was begun here: its passphrase is chosen already."""
        ...

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
        """Send the profile to another machine, and close it here for good."""
        ...

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
        """Take a profile from another machine, under a passphrase of its own."""
        ...

    async def wipe_moved(self, profile: str, passphrase: str) -> None:
        """Delete what is left of a profile that was moved away."""
        ...

    async def backup_opens_with(self, path: Path) -> str:
        """What a backup asks for: phrase or passphrase."""
        ...

    async def verify_backup(
        self, path: Path, secret: str, moved: Moved = nothing_moved
    ) -> BackupVerified:
        """Read every byte of a backup; `secret` is what it asks for."""
        ...

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
        """Make a profile of a backup, under a passphrase of its own."""
        ...

    async def attach(self, profile: str) -> Client:
        """The client of the node that already holds the profile; raises NodeNotRunning."""
        ...
