"""The app as the screens of an open profile know it."""

from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from loom.api.command import Command
from loom.api.profile_views import OwnProfileView
from loom.api.profiles import Profiles
from loom.tui.drawing import DrawnApp
from loom.tui.graphics import Way
from loom.tui.idle import Idle
from loom.tui.model import Model
from loom.tui.notices import Notices
from loom.tui.typing_signs import TypingSigns

if TYPE_CHECKING:  # the first paint waits for imports, and shows no panel
    from loom.tui.kit.panel import Panel

R = TypeVar("R")


class Owner(DrawnApp[None]):
    """What the screens use; `loom.tui.app.LoomApp` does it.

    Many methods, because it is everything that any screen may ask of the app.
    """

    profile: str
    config: Path
    profiles: Profiles | None
    """None: the profile ends with the demo."""
    greeting: str
    """Shown in an empty conversation."""
    model: Model
    notices: Notices
    typing: TypingSigns
    idle: Idle
    has_focus: bool | None
    """Whether the terminal has the focus; None: it has not said so yet."""

    picture_way: Way
    """How this terminal draws a picture; blocks until it answered."""

    def ask_picture_way(self) -> None:
        """Ask the terminal how it draws pictures, once, where the settings want to know."""
        raise NotImplementedError

    def cell_size(self) -> tuple[int, int]:
        """Width and height of a cell in pixels."""
        raise NotImplementedError

    def begin(self) -> None:
        """The conversations can be drawn."""
        raise NotImplementedError

    async def send(self, command: Command[R]) -> R:
        """Ask the node, whichever serves the profile now."""
        raise NotImplementedError

    def work(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Do something beside the screen; an error becomes a sentence in the status line."""
        raise NotImplementedError

    def say(self, text: str, *shorter: str, bad: bool = False) -> None:
        """Show a sentence in the status line, or the first shorter wording that has room."""
        raise NotImplementedError

    def lock(self) -> None:
        """Keep what was begun and end, or hide what cannot be locked."""
        raise NotImplementedError

    def lock_to_move(self) -> None:
        """Lock, and go on where the profile is moved to another machine."""
        raise NotImplementedError

    def ask_to_destroy(self) -> None:
        """Ask whether the profile shall be destroyed; asked already, destroy it."""
        raise NotImplementedError

    async def destroy(self) -> None:
        """Destroy the profile, and end."""
        raise NotImplementedError

    async def note_leaving(self) -> None:
        """Nobody looks any more: what comes from now on is told of next time."""
        raise NotImplementedError

    async def look_up_previews(self, numbers: list[int]) -> None:
        """Ask for the last message of conversations that come on the screen."""
        raise NotImplementedError

    async def load_members(self, room_id: str) -> None:
        """Ask who is in a room that is open."""
        raise NotImplementedError

    # --- from screen to screen ---

    def open_panel(self, panel: "Panel") -> None:
        """Show a panel; one of the same kind on top gives way to it."""
        raise NotImplementedError

    def close_panels(self) -> None:
        """Back to the conversations."""
        raise NotImplementedError

    def open_conversation(self, number: int) -> None:
        """Show the conversation with a contact."""
        raise NotImplementedError

    def show_message(self, number: int, row_id: int) -> None:
        """Show a message of the conversation with a contact, and select it."""
        raise NotImplementedError

    def show_post(self, room: str, row_id: int) -> None:
        """Show a post of a room, and select it."""
        raise NotImplementedError

    def show_add(self, token: str = "") -> None:
        """Show where a contact is added, with an invite or a token."""
        raise NotImplementedError

    def show_anchors(self, text: str) -> None:
        """Show the anchors, with a pairing text to take one into use."""
        raise NotImplementedError

    def use_profile(self, own: OwnProfileView) -> None:
        """This is what contacts are told now."""
        raise NotImplementedError

    # --- settings, now and next time ---

    def themes(self) -> list[str]:
        """The names of all themes."""
        raise NotImplementedError

    def use_theme(self, name: str) -> None:
        """Change the colours."""
        raise NotImplementedError

    def use_keys(self, profile: str) -> None:
        """Change the keys."""
        raise NotImplementedError

    def use_formatting(self, on: bool) -> None:
        """Change whether the marks in texts change how they look."""
        raise NotImplementedError

    def use_pictures(self, how: str) -> None:
        """Change how pictures are shown: see `AppSettings.pictures`."""
        raise NotImplementedError

    def use_notices(self, level: str) -> None:
        """Change what a notification shows."""
        raise NotImplementedError

    def use_bell(self, on: bool) -> None:
        """Change whether the bell rings with a notification."""
        raise NotImplementedError

    def use_lock_time(self, minutes: int) -> None:
        """Change after how long without a key it locks; 0: never."""
        raise NotImplementedError
