"""Several profiles: which one?"""

from collections.abc import Callable, Sequence

from loom.api.profiles import ProfileInfo
from loom.tui.kit.items import GAP, Button, Item
from loom.tui.kit.panel import Panel
from loom.tui.opener import Opener


class WhichProfile(Panel):
    """A button for each, with a mark where its node runs."""

    heading = "Which profile?"

    def __init__(self, door: Opener, profiles: Sequence[ProfileInfo]) -> None:
        super().__init__(door)
        self._door = door
        self._profiles = profiles

    def items(self) -> list[Item]:
        """Those there are, then the ways to another."""
        signs = self._door.look.signs
        found: list[Item] = []
        for one in self._profiles:
            hint = f"{signs['online']} running" if one.running else f"{signs['offline']} locked"
            found.append(Button(one.profile, self._opens(one.profile), hint))
        return [
            *found,
            GAP,
            Button("New profile", self._door.new_profile),
            Button("Restore a profile from 24 words", self._restore),
            Button("Restore a backup", self._door.show_restoring, "from a file that Loom made"),
            Button("Move a profile here", self._move, "from another machine"),
            Button("Quit", self._door.leave),
        ]

    def _opens(self, profile: str) -> Callable[[], None]:
        return lambda: self.work(self._door.open_(profile), "One moment ...")

    def _restore(self) -> None:
        self._door.new_profile(restore=True)

    def _move(self) -> None:
        self._door.show_moving(None)
