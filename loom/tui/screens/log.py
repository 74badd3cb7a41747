"""The end of the profile's log, the newest first."""

from loom.api.profile_commands import ReadLog
from loom.tui.kit.items import GAP, Button, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner


class LogPanel(LivePanel):
    """What happened and where; the log holds no text, no name and no key."""

    heading = "Log"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._lines: list[str] | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._lines = (await self.loom.send(ReadLog())).lines

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if self._lines is None:
            return []
        items: list[Item] = [Button("Refresh", self._do_refresh), GAP]
        if not self._lines:
            return [*items, Text("The log is empty.", "hint")]
        for entry in reversed(_entries(self._lines)):
            is_bad = " ERROR " in entry[0] or " WARNING " in entry[0]
            items += [Text(line, "warn" if is_bad else "hint") for line in entry]
        return items

    def _do_refresh(self) -> None:
        self.work(self.load(), name="load")


def _entries(lines: list[str]) -> list[list[str]]:
    """The lines that belong together: an entry begins with its date."""
    entries: list[list[str]] = []
    for line in lines:
        if entries and not line[:4].isdecimal():
            entries[-1].append(line)
        else:
            entries.append([line])
    return entries
