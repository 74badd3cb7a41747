"""A panel about an open profile: the node is asked for what it shows, and events change it."""

from collections.abc import Sequence

from loom.api.events import AnyEvent
from loom.tui import clipboard
from loom.tui.kit.panel import Panel


class LivePanel(Panel):
    """Loads when it opens, and again when an event concerns it."""

    async def load(self) -> None:
        """Ask the node for what is shown."""

    def concerns(self, event: AnyEvent) -> bool:
        """Whether an event changes what is shown."""
        return False

    can_go_back = True
    _leaves = False
    """Whether it goes as soon as nothing lies over it."""

    def back(self) -> None:
        """See `Panel.back`."""
        self.leave()

    def leave(self) -> None:
        """Back to where one came from."""
        if self.is_active:
            self.dismiss(None)
        else:
            self._leaves = True

    def on_mount(self) -> None:
        """See `Panel.on_mount`."""
        self.work(self.load(), name="load")

    def on_screen_resume(self) -> None:
        """What lay over it is gone."""
        if self._leaves:
            self.call_later(self.leave)

    def show_events(self, happened: Sequence[AnyEvent]) -> None:
        """Events came."""
        if any(self.concerns(event) for event in happened):
            self.work(self.load(), name="load")

    def copy(self, text: str) -> None:
        """Put a text on the clipboard and say so."""

        async def copy() -> None:
            self.say(await clipboard.copy(text, self.owner.write_terminal))

        self.work(copy(), name="copy")
