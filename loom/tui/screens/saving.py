"""Where a file is saved: it never overwrites one that is there."""

from pathlib import Path
from typing import Final

from loom.api.file_views import FileView
from loom.front.file_words import FOLDER, kind_words, size_words
from loom.front.received_files import free_place, save
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Field, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner

WHERE: Final = "Save it as"
PROGRAM: Final = "Opening it can run a program. Save it only if you expected it from them."


class SavePanel(LivePanel):
    """Asks for a place, with one that is free written already."""

    heading = "Save a file"

    def __init__(self, loom: Owner, file: FileView) -> None:
        super().__init__(loom, WHERE)
        self.loom = loom
        self._file = file
        self._where = Field(WHERE, self._do_save)
        self._where.put(_short(free_place(_downloads(), file.name)))

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        file = self._file
        items: list[Item] = [
            Fact("File", f"{file.name} ({size_words(file.size_bytes)}, {kind_words(file)})")
        ]
        if file.is_executable:
            items.append(Text(PROGRAM, "warn"))
        if kind_words(file) == FOLDER:
            items.append(Text("It becomes a folder of that name.", "hint"))
        items += [
            Text("The copy is not encrypted; only you can read it.", "hint"),
            GAP,
            self._where,
            GAP,
            Button("Save", self._do_save),
            Button("Back", self.leave),
        ]
        return items

    def _do_save(self) -> None:
        given = self._where.text.strip()
        try:
            path = Path(given).expanduser()
            if given and path.is_dir():
                path /= self._file.name
        except (RuntimeError, ValueError, OSError):
            self.refuse(self._where, "That is not a file name.")
            return
        if not given:
            self.refuse(self._where, "Write the name of a file.")
        elif path.exists() or path.is_symlink():
            self.refuse(self._where, f"There is {path.name} already: write another name.")
        else:
            self.work(self._save(path), "Saving", field=self._where)

    async def _save(self, path: Path) -> None:
        saved = await save(self.loom.send, self._file, path, moved=self._moved)
        risk = " Opening it can run a program." if saved.programs else ""
        name = printable(saved.path.name)
        self.loom.say(f"Saved as {printable(str(saved.path))}.{risk}", f"Saved: {name}.{risk}")
        self.leave()

    def _moved(self, done_bytes: int, size_bytes: int) -> None:
        """So much of it is written."""
        self._working = f"Saving: {size_words(done_bytes)} of {size_words(size_bytes)}"


def _downloads() -> Path:
    """Where people look for what came: the folder of downloads, else their own."""
    try:
        home = Path.home()
    except RuntimeError:
        return Path.cwd()
    found = home / "Downloads"
    return found if found.is_dir() else home


def _short(path: Path) -> str:
    """With ~ for one's own folder."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except (RuntimeError, ValueError):
        return str(path)
