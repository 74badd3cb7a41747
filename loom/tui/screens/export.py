"""Writing a conversation to a file, unencrypted: which format, which file."""

from functools import partial
from pathlib import Path

from loom.front.export.conversation import (
    FORMATS,
    Format,
    counted,
    file_name,
    put_into,
    written,
    written_room,
)
from loom.printable import printable
from loom.tui.channels import Channel
from loom.tui.kit.items import GAP, Button, Field, Item, Text
from loom.tui.kit.panel import Panel
from loom.tui.model import Listed
from loom.tui.owner import Owner
from loom.tui.times import now_ms

FILE = "File"
_LABELS = {
    "text": "Write it as plain text",
    "markdown": "Write it as Markdown",
    "jsonl": "Write it as JSON lines, for programs",
    "html": "Write it as a web page that needs no network",
}


class ExportPanel(Panel):
    """Says once that the copy is plain; each format is a button."""

    can_go_back = True

    def __init__(self, loom: Owner, of: Listed, chosen: str = "") -> None:
        """`chosen`: the format where the cursor begins."""
        super().__init__(loom, _LABELS.get(chosen, ""))
        self.loom = loom
        self._of = of
        self._called = printable(of.room.room) if isinstance(of, Channel) else of.name
        self._file = Field(FILE, form="its ending comes by itself")
        self._file.put(f"~/{file_name(self._called)}")

    @property
    def heading(self) -> str:
        """See `Panel.heading`."""
        if isinstance(self._of, Channel):
            return f"Export the room {self._called}, all its channels"
        return f"Export the conversation with {self._called}"

    def back(self) -> None:
        """See `Panel.back`."""
        self.dismiss(None)

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        return [
            Text(
                "The copy is not encrypted: anyone who can read the file can read the conversation."
            ),
            GAP,
            self._file,
            GAP,
            *(Button(_LABELS[name], partial(self._write, how)) for name, how in FORMATS.items()),
        ]

    def _write(self, how: Format) -> None:
        ending = f".{how.ending}"
        given = self._file.text.strip()
        if not given:
            self.refuse(self._file, "Write the name of a file.")
            return
        try:
            path = Path(given).expanduser()
            if path.suffix != ending:
                path = path.with_name(path.name + ending)
        except (RuntimeError, ValueError):  # nobody's home, or no name
            self.refuse(self._file, "That is not a file name.")
            return
        if path.exists():
            self.refuse(self._file, f"There is a file {path.name} already: write another name.")
            return
        self.work(self._put(path, how), "Writing", field=self._file)

    async def _put(self, path: Path, how: Format) -> None:
        writes = written_room if isinstance(self._of, Channel) else written
        parts = writes(self.loom.send, self._of.reference, how, now_ms=now_ms())
        messages = await put_into(path, parts)
        self.say(f"{counted(messages)} written to {printable(str(path))}.")
