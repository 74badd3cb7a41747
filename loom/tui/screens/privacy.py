"""What everybody gets to know, and what the terminal tells while one looks elsewhere."""

from loom.api.commands import ListPreferences, SetPreferences
from loom.api.views import Preference
from loom.tui.notices import Level
from loom.tui.screens.sheet import GAP, Item, Sheet, button, paragraph

_TELLS = {
    Level.FULL: "who wrote, and what",
    Level.SENDER: "who wrote",
    Level.NOTHING: "nothing",
}


class PrivacySheet(Sheet):
    """The switches for everybody; those of one contact stand with the contact."""

    _everybody: Preference | None = None

    @property
    def heading(self) -> str:
        """See `Sheet.heading`."""
        return "Privacy and notifications"

    async def load(self) -> None:
        """See `Sheet.load`."""
        self._everybody = (await self.desk.send(ListPreferences())).everybody

    def items(self, width: int) -> list[Item]:
        """See `Sheet.items`."""
        now = self._everybody
        if now is None:
            return []
        level = self.desk.notices.level
        return [
            *paragraph("What contacts get to know; one of them can be kept from more:", width),
            _switch("receipts", "Read receipts", now.read_receipts, "that you saw a message"),
            _switch("typing", "Typing sign", now.typing, "that you are writing"),
            GAP,
            *paragraph("What is told of a message while you look elsewhere:", width),
            *(
                button(f"notify:{one}", one, f"{words}{' (now)' if one is level else ''}")
                for one, words in _TELLS.items()
            ),
        ]

    def do_receipts(self, to: str) -> None:
        self.begin(self._allow(SetPreferences(read_receipts=to == "on")))

    def do_typing(self, to: str) -> None:
        self.begin(self._allow(SetPreferences(typing=to == "on")))

    def do_notify(self, level: str) -> None:
        self.desk.use_notices(level)
        self.look_again()

    async def _allow(self, change: SetPreferences) -> None:
        chosen = self.body.chosen.partition(":")[0]
        await self.desk.send(change)
        await self.load()
        self.look_again()
        self.body.chosen = next(
            (one.name for one in self.body.items if one.name.startswith(f"{chosen}:")), ""
        )


def _switch(name: str, label: str, on: bool, what: str) -> Item:
    word, to = ("on", "off") if on else ("off", "on")
    return button(f"{name}:{to}", f"{label}: {word}", what)
