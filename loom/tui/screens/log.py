"""The end of the profile's log, the newest first."""

from loom.api.commands import ReadLog
from loom.tui.screens.sheet import GAP, Item, Sheet, button, paragraph


class LogSheet(Sheet):
    """What happened and where; the log holds no text, no name and no key."""

    _lines: list[str] | None = None

    @property
    def heading(self) -> str:
        """See `Sheet.heading`."""
        return "Log"

    async def load(self) -> None:
        """See `Sheet.load`."""
        self._lines = (await self.desk.send(ReadLog())).lines

    def items(self, width: int) -> list[Item]:
        """See `Sheet.items`."""
        if self._lines is None:
            return []
        items = [button("look", "Look again"), GAP]
        if not self._lines:
            return [*items, *paragraph("Nothing was logged.", width, "hint")]
        for entry in reversed(_entries(self._lines)):
            is_bad = " ERROR " in entry[0] or " WARNING " in entry[0]
            for line in entry:
                items += paragraph(line, width, "warn" if is_bad else "hint")
        return items

    def do_look(self) -> None:
        self.begin(self.load(), "load")


def _entries(lines: list[str]) -> list[list[str]]:
    """The lines that belong together: an entry begins with its date."""
    entries: list[list[str]] = []
    for line in lines:
        if entries and not line[:4].isdecimal():
            entries[-1].append(line)
        else:
            entries.append([line])
    return entries
