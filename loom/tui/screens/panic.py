"""Destroys the open profile, once the last key of the chord is pressed again."""

from typing import Final

from textual import events

from loom.errors import LoomError
from loom.front.sentences import in_app
from loom.tui.keys import key_words
from loom.tui.kit.items import GAP, Button, Item, Text
from loom.tui.kit.panel import Panel
from loom.tui.owner import Owner

WORKS: Final = "Destroying"


class PanicPanel(Panel):
    """It covers the whole screen; every other key leads back."""

    foot = ()

    def __init__(self, app: Owner) -> None:
        super().__init__(app)
        self._loom = app
        self._again = app.keys.of("panic")[0].split()[-1] if app.keys.of("panic") else ""
        self._has_begun = False

    @property
    def heading(self) -> str:
        """What it is about."""
        return f"Destroy {self._loom.profile}?"

    @property
    def can_go_back(self) -> bool:
        """Until it began."""
        return not self._has_begun

    def back(self) -> None:
        """Nothing was destroyed."""
        if not self._has_begun:
            self._loom.pop_screen()

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        how = f"{key_words(self._again)} again, or held," if self._again else "The button below"
        return [
            Text(
                f"{how} destroys keys, history and files of this profile on this machine, and asks"
                " contacts to delete their side, for 5 seconds. It cannot be undone."
            ),
            GAP,
            Button("Back", self.back),
            Button("Destroy it", self.destroy),
        ]

    def on_key(self, event: events.Key) -> None:
        """The last key of the chord again destroys it."""
        if event.key == self._again:
            event.stop()
            event.prevent_default()
            self.destroy()
        else:
            super().on_key(event)

    def destroy(self) -> None:
        """Begin, once."""
        if self._has_begun:
            return
        self._has_begun = True
        self.work(self._destroy(), WORKS, instead_of_quitting="Destroying; it ends by itself")

    async def _destroy(self) -> None:
        try:
            await self._loom.destroy()
        except LoomError as error:
            self._loom.exit(message=in_app(error))
