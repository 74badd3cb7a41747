"""Whether files are sent: which, how large, to whom, and with which words."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from loom.front.file_words import short_name, size_words
from loom.front.outgoing_files import InRoom, Measured, measure, offer
from loom.tui.channels import Channel
from loom.tui.kit.items import GAP, Button, Field, Item, Text, Toggle
from loom.tui.kit.live import LivePanel
from loom.tui.model import Listed
from loom.tui.owner import Owner
from loom.tui.settings import read_or_default

CAPTION: Final = "Caption"
SEND: Final = "Send"
NAMED_MAX: Final = 6
"""So many files are listed by name."""
NAME_MAX: Final = 48


def destination(here: Listed) -> str | InRoom:
    """Where a file goes that is sent here."""
    if isinstance(here, Channel):
        return InRoom(here.reference, here.view.channel, here.thread)
    return here.reference


def kinds_words(files: int, folders: int) -> str:
    """How many of each: 1 file and 2 folders."""
    counted = ((files, "file"), (folders, "folder"))
    return " and ".join(f"{many} {one}" + "s" * (many > 1) for many, one in counted if many)


class SendPanel(LivePanel):
    """Nothing is sent before somebody says so."""

    heading = "Send a file"

    def __init__(
        self,
        loom: Owner,
        to: Listed,
        paths: Sequence[Path],
        *,
        reply_to: str | None = None,
        expires_s: int | None = None,
        write: Callable[[], None] | None = None,
        sent: Callable[[], None] = lambda: None,
    ) -> None:
        """Ask about these.

        Args:
            reply_to: the message that the first one answers.
            expires_s: their timer; None: that of the conversation.
            write: writes what was pasted as a text instead.
            sent: called when all are offered.
        """
        super().__init__(loom, CAPTION)
        self.loom = loom
        self._to = to
        self._paths = list(paths)
        self._reply_to = reply_to
        self._expires_s = expires_s
        self._write = write
        self._sent = sent
        self._found: list[Measured] = []
        self._keeps_metadata = False
        self._caption = Field(CAPTION, self._go_on, form="may stay empty")

    async def load(self) -> None:
        """See `LivePanel.load`."""
        if not self._found:
            self._found = [await asyncio.to_thread(measure, one) for one in self._paths]

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        if not self._found:
            return [Text("Looking at the files ...", "hint")]
        items: list[Item] = [Text(f"Send {self._what} to {self._to.name}?", "title")]
        if len(self._found) > 1:
            items += [Text(f"  {self._words(one)}") for one in self._found[:NAMED_MAX]]
            if more := len(self._found) - NAMED_MAX:
                items += [Text(f"  and {more} more", "hint")] if more > 0 else []
        if left_out := sum(one.left_out for one in self._found):
            what = "1 link or device is" if left_out == 1 else f"{left_out:,} links and devices are"
            items.append(Text(f"{what} left out.", "warn"))
        items += [
            Text(self._who_decides, "hint"),
            GAP,
            self._caption,
            GAP,
            Button(SEND, self._do_send),
            *self._about_metadata(),
        ]
        if self._write is not None:
            items.append(Button("Write it as text instead", self._do_write))
        return [*items, Button("Back", self.leave)]

    @property
    def _who_decides(self) -> str:
        if isinstance(self._to, Channel):
            return "Each member decides whether to take it. Nothing moves before that."
        return "They decide whether to take it. Nothing moves before that."

    @property
    def _what(self) -> str:
        if len(self._found) == 1:
            return self._words(self._found[0])
        total = sum(one.size_bytes for one in self._found)
        folders = sum(one.is_folder for one in self._found)
        return f"{kinds_words(len(self._found) - folders, folders)} ({size_words(total)})"

    def _words(self, one: Measured) -> str:
        name = short_name(one.name, NAME_MAX, self.loom.look.signs["ellipsis"])
        if not one.is_folder:
            return f"{name} ({size_words(one.size_bytes)})"
        files = "1 file" if one.files == 1 else f"{one.files:,} files"
        return f"the folder {name} ({files}, {size_words(one.size_bytes)})"

    def _about_metadata(self) -> list[Item]:
        """Of a folder nothing is cut out."""
        if all(one.is_folder for one in self._found):
            return []
        hint = "place, time, camera; cut out otherwise"
        return [Toggle("Keep hidden data", self._keeps_metadata, self._keep_metadata, hint)]

    def _keep_metadata(self, on: bool) -> None:
        self._keeps_metadata = on

    def _go_on(self) -> None:
        """Enter in the caption only goes on: what pasted a path may have ended in one."""
        self.body.at = SEND
        self.show()

    def _do_write(self) -> None:
        if self._write is not None:
            self._write()
            self.leave()

    def _do_send(self) -> None:
        if self._found:
            self.work(self._send(), "Preparing")

    async def _send(self) -> None:
        """Offer one after the other; what is offered is not offered again after a failure."""
        settings, _ = read_or_default(self.loom.config)
        while self._paths:
            await offer(
                self.loom.send,
                destination(self._to),
                self._paths[0],
                caption=self._caption.text,
                reply_to=self._reply_to,
                expires_s=self._expires_s,
                is_remote=bool(self.loom.model.host),
                keep_metadata=self._keeps_metadata,
                is_unconfined=settings.media.unconfined,
                moved=self._moved,
            )
            del self._paths[0], self._found[0]
            self._caption.clear()
            self._reply_to = None
        self._sent()
        self.leave()

    def _moved(self, done_bytes: int, size_bytes: int) -> None:
        """So much was handed over to a node on another machine."""
        self._working = f"Handing it over: {size_words(done_bytes)} of {size_words(size_bytes)}"
