"""All files: newest or largest first, what they take on the disk, and what frees some of it."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec.structs import replace

from loom.api.events import (
    AnyEvent,
    FileChanged,
    FileProgress,
    MessageQueued,
    MessageReceived,
    RoomPosted,
)
from loom.api.file_commands import ListFiles, RemoveFile, SetFileRules
from loom.api.file_views import FileRules, Files, FileView
from loom.front.file_pages import after, at_most, each
from loom.front.file_words import brief_words, short_name, size_words
from loom.printable import printable
from loom.tui.cells import pad
from loom.tui.kit.items import GAP, Button, Fact, Item, Option, Row, Text, Toggle
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.screens.file import FilePanel
from loom.tui.themes import Line, Piece
from loom.tui.times import now_ms, when_words

NAME_WIDTH: Final = 28
WHO_WIDTH: Final = 12
OLD_DAYS: Final = 30
DAY_MS: Final = 86_400_000
PAGE: Final = 200
NEAR: Final = 20
"""Rows from the end of a page at which the next one is asked for."""
NONE: Final = Files(files=[])
NEWEST, LARGEST = "Newest first", "Largest first"
FROM: Final = {
    "nobody": "Nobody",
    "verified": "Verified contacts",
    "contacts": "All contacts",
}
UP_TO: Final = (256_000, 1 << 20, 10_000_000, 100_000_000)
"""Bytes up to which a file is taken by itself."""


class FilesPanel(LivePanel):
    """Each row leads to its file."""

    heading = "Files"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._found: Files | None = None
        self._old = NONE
        """What is kept here of transfers that ended long ago."""
        self._is_all = False
        """The last page was loaded."""
        self._is_adding = False
        self._order = NEWEST
        self._is_sure = False
        """Whether removing the old ones was pressed once."""

    async def load(self) -> None:
        """See `LivePanel.load`."""
        most = PAGE if self._found is None else max(PAGE, len(self._found.files))
        found = await at_most(self.loom.send, self._wanted(), most)
        self._old = await self.loom.send(replace(self._wanted_old(), limit=1))
        self._found, self._is_all = found, len(found.files) < most

    def _wanted(self) -> ListFiles:
        return ListFiles(largest=self._order == LARGEST, limit=PAGE)

    def _wanted_old(self) -> ListFiles:
        return ListFiles(kept=True, state="ended", before_ms=now_ms() - OLD_DAYS * DAY_MS)

    def _near_end(self) -> None:
        """Load the next page if the last rows of those that are here are looked at."""
        found = self._found
        if found is None or self._is_all or self._is_adding:
            return
        last = {f"file {one.file_id}" for one in found.files[-NEAR:]}
        if not any(one.name in last for one in self.body.stops_in_view):
            return
        self._is_adding = True
        self.work(self._add(found), name="next page")

    async def _add(self, found: Files) -> None:
        try:
            page = await self.loom.send(after(self._wanted(), found.files[-1]))
        finally:
            self._is_adding = False
        if self._found is found:
            self._found = replace(page, files=found.files + page.files)
            self._is_all = len(page.files) < PAGE

    def show(self) -> None:
        """See `Panel.show`."""
        super().show()
        self._near_end()

    def on_mouse_scroll_down(self) -> None:
        """The body was scrolled."""
        self._near_end()

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        if isinstance(event, MessageQueued | MessageReceived | RoomPosted):
            return event.file is not None
        return isinstance(event, FileChanged)

    def show_events(self, happened: Sequence[AnyEvent]) -> None:
        """See `LivePanel.show_events`; progress is drawn without asking again."""
        received = {
            event.file_id: event.received_bytes
            for event in happened
            if isinstance(event, FileProgress)
        }
        if received and self._found is not None:
            files = [
                replace(one, received_bytes=received[one.file_id])
                if one.file_id in received
                else one
                for one in self._found.files
            ]
            self._found = replace(self._found, files=files)
            self.show()
        super().show_events(happened)

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        found = self._found
        if found is None:
            return []
        many = "1 file" if found.total == 1 else f"{found.total:,} files"
        kept = size_words(found.kept_bytes)
        of = f" of {size_words(found.quota_bytes)}" if found.quota_bytes else ""
        items: list[Item] = [Fact(many, f"{kept}{of} on this disk, encrypted")]
        if found.files:
            items += [
                Option("order", one, self._order == one, partial(self._sort, one))
                for one in (NEWEST, LARGEST)
            ]
        items += [*self._housekeeping(), Button("What is taken by itself", self._rules), GAP]
        if not found.files:
            return [*items, Text("No files yet: /attach sends one.", "hint")]
        return [*items, *(self._row(one) for one in found.files)]

    def _row(self, file: FileView) -> Row:
        signs = self.loom.look.signs
        dots = signs["ellipsis"]
        way = signs["to"] if file.direction == "out" else signs["from"]
        name = pad(short_name(file.name, NAME_WIDTH, dots), NAME_WIDTH, dots)
        role = {"failed": "bad", "done": "good"}.get(file.state, "status")
        line: Line = [
            Piece(name),
            Piece(
                f" {size_words(file.size_bytes):>9} {when_words(file.offered_at_ms):>6} ", "hint"
            ),
            Piece(f"{way} {pad(printable(file.room or file.contact), WHO_WIDTH, dots)} ", "them"),
            Piece(brief_words(file), role),
        ]
        return Row(f"file {file.file_id}", line, partial(self._open, file))

    def _open(self, file: FileView) -> None:
        self.loom.push_screen(FilePanel(self.loom, file))

    def on_screen_resume(self) -> None:
        """One of them may have been removed."""
        super().on_screen_resume()
        self.work(self.load(), name="load")

    def _sort(self, order: str) -> None:
        if order != self._order:
            self._order, self._found = order, None
            self.work(self.load(), name="load")

    def _rules(self) -> None:
        self.loom.push_screen(FileRulesPanel(self.loom))

    # --- housekeeping ---

    def _housekeeping(self) -> list[Item]:
        old = self._old
        if not old.total:
            return []
        many = "1 file" if old.total == 1 else f"{old.total:,} files"
        hint = f"{many}, {size_words(old.total_bytes)}; the messages stay"
        label = f"Remove what is older than {OLD_DAYS} days"
        if not self._is_sure:
            return [Button(label, self._be_sure, hint)]
        return [Button(f"{label}, really", self._remove_old, hint), Button("No", self._be_unsure)]

    def _be_sure(self) -> None:
        self._is_sure = True
        self.body.at = "No"

    def _be_unsure(self) -> None:
        self._is_sure = False

    def _remove_old(self) -> None:
        async def remove() -> None:
            self._is_sure = False
            for one in [one async for one in each(self.loom.send, self._wanted_old())]:
                await self.loom.send(RemoveFile(file_id=one.file_id))
            await self.load()

        self.work(remove(), "Removing")


class FileRulesPanel(LivePanel):
    """What is taken without asking."""

    heading = "What is taken by itself"

    def __init__(self, loom: Owner) -> None:
        super().__init__(loom)
        self.loom = loom
        self._now: FileRules | None = None

    async def load(self) -> None:
        """See `LivePanel.load`."""
        self._now = await self.loom.send(SetFileRules())

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        now = self._now
        if now is None:
            return []
        sizes = sorted({*UP_TO, now.accept_max_bytes})
        return [
            Text("Files from", "title"),
            *(
                Option("from", words, now.accept_from == one, partial(self._whose, one))
                for one, words in FROM.items()
            ),
            GAP,
            Text("up to", "title"),
            *(
                Option(
                    "size", size_words(one), now.accept_max_bytes == one, partial(self._up_to, one)
                )
                for one in sizes
            ),
            GAP,
            Text("come without a question. All others wait until you take them.", "hint"),
            Toggle("Of rooms, too", now.accept_in_rooms, self._in_rooms, "files of that size"),
            Text("A file that came is only kept, encrypted: nothing opens it by itself.", "hint"),
            GAP,
            Button("Back", self.leave),
        ]

    def _whose(self, whom: str) -> None:
        self._change(SetFileRules(accept_from=whom))

    def _up_to(self, size_bytes: int) -> None:
        self._change(SetFileRules(accept_max_bytes=size_bytes))

    def _in_rooms(self, on: bool) -> None:
        self._change(SetFileRules(accept_in_rooms=on))

    def _change(self, command: SetFileRules) -> None:
        async def change() -> None:
            self._now = await self.loom.send(command)

        self.work(change())
