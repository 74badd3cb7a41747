"""Writing: the composer's keys, what completes, what is sent, what is kept as a draft."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from textual.timer import Timer

from loom.api.commands import SendText, SetDraft
from loom.errors import LoomError
from loom.front.sentences import in_app
from loom.front.slash import Refused, Run, Say, read_line
from loom.tui.commands import COMMANDS, Completion, complete_command
from loom.tui.editor import EDITS, Editor
from loom.tui.emoji import complete_emoji
from loom.wire.limits import DRAFT_MAX_BYTES, TEXT_MAX_BYTES

if TYPE_CHECKING:
    from loom.tui.screens.conversation import ConversationScreen

DRAFT_S: Final = 1.0
"""A draft is kept when nothing was typed for so long."""


class Writing:
    """Changes the editor and sends what it holds."""

    def __init__(self, room: "ConversationScreen") -> None:
        self._room = room
        self.editor = Editor()
        self._draft_timer: Timer | None = None
        self._cycle: list[Completion] = []

    @property
    def actions(self) -> dict[str, Callable[[], None]]:
        """What its keys do, by the names in `loom/tui/keys.py`."""
        return {
            **{name: partial(self.edit, name) for name in EDITS},
            "send": self.do_send,
            "newline": self.do_newline,
            "complete": self.do_complete,
            "up": self.do_up,
            "down": self.do_down,
            "older_text": self.do_older_text,
            "newer_text": self.do_newer_text,
        }

    def edit(self, action: str) -> None:
        """Do one of `EDITS`."""
        EDITS[action](self.editor)
        self.edited()

    def insert(self, text: str) -> None:
        """Typed or pasted."""
        size = self.editor.size_bytes + len(text.encode(errors="replace"))
        if size > DRAFT_MAX_BYTES:
            limit = f"{DRAFT_MAX_BYTES // 1024:,} KiB"
            self._room.say(f"Not inserted: more than {limit} do not fit here.", bad=True)
            return
        self.editor.insert(text)
        self.edited()

    def end_cycle(self) -> None:
        """Another key than the completing one was pressed."""
        self._cycle = []

    def do_send(self) -> None:
        text = self.editor.text
        if not text.strip():
            return
        read = read_line(text, COMMANDS)
        match read:
            case Refused(why):
                self._room.say(why, bad=True)
            case Run():
                self.editor.take()
                self.edited()
                self._room.desk.work(self._run(read, text), "command")
            case Say(words):
                self._send(words)

    def do_newline(self) -> None:
        self.editor.insert("\n")
        self.edited()

    def do_complete(self) -> None:
        offered = self._cycle or self._ways_on()
        if not offered:
            return
        again = bool(self._cycle) and self._room.completions.chosen is not None
        chosen = ((self._room.completions.chosen or 0) + 1) % len(offered) if again else 0
        one = offered[chosen]
        self.editor.replace(one.start, one.text)
        self.edited(offer=False)
        self._cycle = offered if len(offered) > 1 else []
        self._room.completions.show(self._cycle, chosen if self._cycle else None)

    def do_up(self) -> None:
        self.editor.vertical(-1, self._room.composer.text_width)
        self.edited(offer=False)

    def do_down(self) -> None:
        self.editor.vertical(1, self._room.composer.text_width)
        self.edited(offer=False)

    def do_older_text(self) -> None:
        self.editor.recall(-1)
        self.edited()

    def do_newer_text(self) -> None:
        self.editor.recall(1)
        self.edited()

    def edited(self, *, offer: bool = True) -> None:
        """The text changed: grow, offer ways on, keep it soon."""
        self._room.completions.show(self._ways_on() if offer else [])
        self._room.composer.fit()
        size = self.editor.size_bytes
        if size != self._room.status.size_bytes:
            before, self._room.status.size_bytes = self._room.status.size_bytes, size
            if max(size, before) * 2 > TEXT_MAX_BYTES:
                self._room.status.refresh()
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self._room.set_timer(DRAFT_S, self._keep_draft)

    def _ways_on(self) -> list[Completion]:
        text, cursor = self.editor.text, self.editor.cursor
        found = complete_command(text, cursor, self._room.slash.values)
        return found or (complete_emoji(text, cursor) if self._room.desk.look.signs.unicode else [])

    async def _run(self, run: Run, typed: str) -> None:
        try:
            await self._room.slash.run(run)
        except LoomError:
            if not self.editor.text:
                self.editor.set(typed)
                self.edited(offer=False)
            raise

    def _send(self, text: str) -> None:
        current = self._room.desk.model.current
        if current is None:
            self._room.say("Open a conversation first.", bad=True)
            return
        if self._room.obstacle.words:
            self._room.say("Nothing was sent; your text stays here.", bad=True)
            return
        size = len(text.encode())
        if size > TEXT_MAX_BYTES:
            self._room.say(
                f"Too long by {size - TEXT_MAX_BYTES} bytes; nothing was sent.", bad=True
            )
            return
        self._room.desk.typing.sent()
        written = self.editor.take()
        self.edited()

        async def send() -> None:
            try:
                await self._room.desk.send(SendText(contact=f"#{current}", body=text))
            except LoomError as error:
                if not self.editor.text and self._room.desk.model.current == current:
                    self.editor.set(written)
                    self.edited()
                self._room.say(in_app(error), bad=True)
            else:
                await self._room.reader.to_newest()

        self._room.desk.work(send(), "send")

    def _keep_draft(self) -> None:
        self._room.desk.work(self.store_draft(), "draft")

    async def store_draft(self) -> None:
        """Keep what was begun in the open conversation."""
        current = self._room.desk.model.open_
        if self._draft_timer is not None:
            self._draft_timer.stop()
            self._draft_timer = None
        text = self.editor.text
        if current is None or current.draft == text:
            return
        self._room.desk.model.change(current.number, draft=text)
        await self._room.desk.send(SetDraft(contact=f"#{current.number}", body=text))
