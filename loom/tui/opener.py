"""The app before a profile is open, as its screens know it."""

from pathlib import Path
from typing import NamedTuple

from loom.api.client import Client
from loom.api.move_views import MoveSent
from loom.api.moving import Front, Where
from loom.api.profiles import Asking, Profiles
from loom.tui.drawing import DrawnApp


class Opened(NamedTuple):
    """A profile that can be shown."""

    profile: str
    client: Client


class Opener(DrawnApp[Opened]):
    """What the screens use; `loom.tui.door.DoorApp` does it."""

    profiles: Profiles
    config: Path
    held: Client | None
    """Open, and not handed out yet."""

    async def choose(self, *, again: bool = False) -> None:
        """The profile that was meant, else whatever there is to choose from."""
        raise NotImplementedError

    async def open_(self, profile: str) -> None:
        """Straight in where its node runs, else ask for the passphrase."""
        raise NotImplementedError

    async def unlock(self, profile: str, passphrase: str) -> Client:
        """Unlock; while another command has its turn, wait a little or attach to it."""
        raise NotImplementedError

    def ways(self, profile: str) -> list[str]:
        """By what else than its passphrase a profile is unlocked."""
        raise NotImplementedError

    async def unlock_by(self, profile: str, way: str, ask: Asking) -> Client:
        """`unlock` by one of them."""
        raise NotImplementedError

    async def move_away(
        self,
        profile: str,
        passphrase: str,
        where: Where,
        front: Front,
        *,
        has_files: bool,
        start_over: bool,
    ) -> MoveSent:
        """Send a profile to another machine; a node that runs for it is stopped first."""
        raise NotImplementedError

    def show_moving(self, profile: str | None) -> None:
        """Where a profile is moved to another machine; None: where one comes from another."""
        raise NotImplementedError

    def show_restoring(self) -> None:
        """Where a profile is made of a backup."""
        raise NotImplementedError

    def hand_out(self, profile: str, client: Client) -> None:
        """It is open: go on to the app."""
        raise NotImplementedError

    async def name_for(self, name: str) -> str:
        """A folder's name that nothing else here has."""
        raise NotImplementedError

    def new_profile(self, *, restore: bool = False) -> None:
        """Make one, or bring one back."""
        raise NotImplementedError

    def words(self, profile: str, phrase: str) -> None:
        """Show the words of a new profile."""
        raise NotImplementedError

    def introduce(self, profile: str) -> None:
        """One's token and others'; where it could not be opened, ask for the passphrase."""
        raise NotImplementedError
