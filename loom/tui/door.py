"""What comes before a profile is open, and after it was locked."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from textual.screen import Screen

from loom.api.client import Client
from loom.api.move_views import MoveSent
from loom.api.moving import Front, Where
from loom.api.profile_commands import Stop
from loom.api.profiles import Asking, NodeOptions, Profiles
from loom.config import profile_name_for
from loom.errors import NodeNotRunning, ProfileInUse
from loom.front.signs import Signs, signs_of_terminal
from loom.tui.editor import EDITS
from loom.tui.keys import FORMS, Keys, key_words
from loom.tui.kit.chooser import Choice, Chooser, narrowed
from loom.tui.kit.items import Button, Item
from loom.tui.kit.panel import Panel
from loom.tui.lines import Look
from loom.tui.opener import Opened, Opener
from loom.tui.screens.hidden import ELSEWHERE, Hidden
from loom.tui.screens.introduction import Introduction
from loom.tui.screens.moving import MoveAway, MoveHere
from loom.tui.screens.new_profile import NewProfile
from loom.tui.screens.restoring import RestoreBackup
from loom.tui.screens.unlock import Unlock
from loom.tui.screens.which_profile import WhichProfile
from loom.tui.screens.words import Words
from loom.tui.settings import THEMES, read_or_default
from loom.tui.themes import load_theme

TURNS: Final = 50
TURN_PAUSE_S: Final = 0.1
"""Another short command may have the profile for a moment."""


class DoorApp(Opener):
    """Its result is the profile that was opened; None: none was.

    Many methods, because it is everything that the screens before a profile ask.
    """

    def __init__(
        self,
        profiles: Profiles,
        options: NodeOptions,
        *,
        config: Path,
        chosen: str | None = None,
        locked: str | None = None,
        moves: bool = False,
        signs: Signs | None = None,
    ) -> None:
        """`locked` was on the screen, and is closed by now; `moves`: to go to another machine."""
        super().__init__()
        self.profiles = profiles
        self.options = options
        self.config = config
        self.held: Client | None = None
        """Open, and not handed out yet."""
        self._chosen = locked or chosen
        self._locked = locked
        self._moves = moves
        settings, _ = read_or_default(config)
        self.look = Look(load_theme(settings.theme, config / THEMES), signs or signs_of_terminal())
        self.keys = Keys(settings.keys, settings.bind)

    def get_default_screen(self) -> Screen[Any]:
        """Where it begins."""
        return _Start(self)

    async def begin(self) -> None:
        """Find out what there is to open."""
        if self._moves and self._chosen is not None:
            self.show_moving(self._chosen)
            return
        if self._locked is not None and await self._runs(self._locked):
            self._go(Hidden(self, self._locked, ELSEWHERE, self._resume))
            return
        await self.choose()

    async def choose(self, *, again: bool = False) -> None:
        """The profile that was meant, else whatever there is to choose from."""
        names = [one.profile for one in await self._list()]
        if not names:
            self._go(NewProfile(self, restore=False, has_others=False))
        elif not again and self._chosen in names:
            await self.open_(self._chosen or "")
        elif not again and len(names) == 1:
            await self.open_(names[0])
        else:
            self._go(WhichProfile(self, await self._list()))

    async def open_(self, profile: str) -> None:
        """Straight in where its node runs, else ask for the passphrase."""
        try:
            client = await self.profiles.attach(profile)
        except NodeNotRunning:
            self._go(Unlock(self, profile))
        else:
            self.hand_out(profile, client)

    async def unlock(self, profile: str, passphrase: str) -> Client:
        """Unlock; while another command has its turn, wait a little or attach to it."""
        return await self._in_turn(
            profile, lambda: self.profiles.unlock(profile, passphrase, self.options)
        )

    def ways(self, profile: str) -> list[str]:
        """See `Opener.ways`."""
        return self.profiles.unlocks(profile)

    async def unlock_by(self, profile: str, way: str, ask: Asking) -> Client:
        """See `Opener.unlock_by`."""
        return await self._in_turn(
            profile, lambda: self.profiles.unlock_by(profile, way, ask, self.options)
        )

    async def _in_turn(self, profile: str, unlock: Callable[[], Awaitable[Client]]) -> Client:
        for turn in range(TURNS):
            try:
                return await unlock()
            except ProfileInUse:
                with contextlib.suppress(NodeNotRunning):
                    return await self.profiles.attach(profile)
                if turn == TURNS - 1:
                    raise
            await asyncio.sleep(TURN_PAUSE_S)
        raise ProfileInUse(profile=profile)

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
        """See `Opener.move_away`."""
        with contextlib.suppress(NodeNotRunning):
            client = await self.profiles.attach(profile)
            try:
                await client.send(Stop())
            finally:
                await client.close()
        for _ in range(TURNS):
            try:
                return await self.profiles.move_away(
                    *(profile, passphrase, where, front),
                    has_files=has_files,
                    start_over=start_over,
                )
            except ProfileInUse:  # it is refused before anything else
                await asyncio.sleep(TURN_PAUSE_S)
        raise ProfileInUse(profile=profile)

    def show_moving(self, profile: str | None) -> None:
        """See `Opener.show_moving`."""
        self._go(MoveHere(self) if profile is None else MoveAway(self, profile))

    def show_restoring(self) -> None:
        """See `Opener.show_restoring`."""
        self._go(RestoreBackup(self))

    def hand_out(self, profile: str, client: Client) -> None:
        """It is open: the door has done its part."""
        self.held = None
        self.exit(Opened(profile, client))

    async def name_for(self, name: str) -> str:
        """A folder's name that nothing else here has."""
        taken = {one.profile for one in await self._list()}
        plain = profile_name_for(name)
        tries = [plain, *(f"{plain[:60]}-{n}" for n in range(2, len(taken) + 3))]
        return next(one for one in tries if one not in taken)

    # --- from one screen to the next ---

    foot = (("help", "keys"), ("quit", "quit"))

    def everywhere(self, action: str) -> None:
        """See `DrawnApp.everywhere`; help lists the keys that count here."""
        if action != "help":
            super().everywhere(action)
            return
        rows = [
            Choice(one.does, "  ".join(map(key_words, keys)))
            for one, keys in self.keys.bindings()
            if one.where == FORMS or one.name in (*EDITS, "help", "redraw", "quit")
        ]
        self.push_screen(Chooser(self, "Keys", narrowed(rows)))

    def new_profile(self, *, restore: bool = False) -> None:
        """Make one, or bring one back."""
        self._go(NewProfile(self, restore=restore, has_others=True))

    def words(self, profile: str, phrase: str) -> None:
        """Show the words of a new profile."""
        self._go(Words(self, profile, phrase))

    def introduce(self, profile: str) -> None:
        """One's token and others'; where it could not be opened, ask for the passphrase."""
        if self.held is None:
            self._go(Unlock(self, profile))
        else:
            self._go(Introduction(self, profile, self.held))

    def _resume(self, hidden: Hidden) -> None:
        hidden.work(self.open_(self._chosen or ""), "One moment ...")

    def _go(self, screen: Panel) -> None:
        if len(self.screen_stack) > 1:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    async def _list(self) -> list[Any]:
        return await asyncio.to_thread(self.profiles.list_profiles)

    async def _runs(self, profile: str) -> bool:
        try:
            client = await self.profiles.attach(profile)
        except NodeNotRunning:
            return False
        await client.close()
        return True


class _Start(Panel):
    """Nothing yet; what went wrong, if anything did."""

    heading = "Loom"

    def __init__(self, door: DoorApp) -> None:
        super().__init__(door)
        self._door = door

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        return [Button("Try again", self._begin), Button("Quit", self._door.leave)]

    def on_mount(self) -> None:
        """Begin."""
        self._begin()

    def _begin(self) -> None:
        self.work(self._door.begin(), "One moment ...")
