"""One file: everything that is known of it, and what can be done with it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from loom.api.command import Command
from loom.api.events import AnyEvent, FileChanged, FileProgress
from loom.api.file_commands import (
    AcceptFile,
    CancelFile,
    DeclineFile,
    PauseFile,
    RemoveFile,
    ResumeFile,
    ShowFile,
)
from loom.api.file_views import FileView
from loom.api.message_commands import FindMessage
from loom.api.room_commands import FindPost
from loom.errors import FileNotKnown
from loom.front.file_words import (
    MOVES,
    can_take,
    kind_words,
    left_words,
    rate_words,
    size_words,
    state_words,
    way_words,
)
from loom.media.kinds import is_picture, is_voice
from loom.printable import printable
from loom.tui.kit.items import GAP, Button, Fact, Item, Text
from loom.tui.kit.live import LivePanel
from loom.tui.owner import Owner
from loom.tui.screens.saving import PROGRAM, SavePanel
from loom.tui.times import clock_of, day_words

BACK: Final = "Back"


class FilePanel(LivePanel):
    """Follows it while it moves. What cannot be undone is asked a second time."""

    heading = "File"

    def __init__(self, loom: Owner, file: FileView) -> None:
        super().__init__(loom)
        self.loom = loom
        self._file = file
        self._rate = 0
        self._sure = ""
        """The button that was pressed once and cannot be undone."""

    async def load(self) -> None:
        """See `LivePanel.load`."""
        try:
            self._file = await self.loom.send(ShowFile(file_id=self._file.file_id))
        except FileNotKnown:
            self.leave()

    def concerns(self, event: AnyEvent) -> bool:
        """See `LivePanel.concerns`."""
        return isinstance(event, FileChanged) and event.file_id == self._file.file_id

    def show_events(self, happened: Sequence[AnyEvent]) -> None:
        """See `LivePanel.show_events`; progress is drawn without asking again."""
        for event in happened:
            if isinstance(event, FileProgress) and event.file_id == self._file.file_id:
                self._rate = event.rate_bytes_per_s
                received = event.received_bytes
                self._file = msgspec.structs.replace(self._file, received_bytes=received)
                self.show()
        super().show_events(happened)

    def items(self) -> list[Item]:
        """See `Panel.items`."""
        file = self._file
        items: list[Item] = [
            Fact("Name", file.name, "title"),
            Fact("Size", f"{size_words(file.size_bytes)} ({file.size_bytes:,} bytes)"),
            Fact("Kind", f"{kind_words(file)}{f', {file.media_type}' if file.media_type else ''}"),
            *whose(file),
        ]
        if at_ms := file.offered_at_ms:
            items.append(Fact("Offered", f"{day_words(at_ms)}, {clock_of(at_ms)}"))
        items.append(Fact("State", self._state(), "bad" if file.state == "failed" else "text"))
        if way := way_words(file):
            items.append(Fact("Way", way))
        if file.path:
            items.append(Fact("Read from", file.path))
        if file.caption:
            items.append(Fact("Caption", " ".join(file.caption.split())))
        if file.is_executable:
            items.append(Text(PROGRAM, "warn"))
        return [*items, GAP, *self._buttons(), Button(BACK, self.leave)]

    def _state(self) -> str:
        file = self._file
        facts = [state_words(file)]
        if file.state == "receiving":
            facts += [rate_words(self._rate), left_words(file, self._rate)]
        return ", ".join(filter(None, facts))

    def _buttons(self) -> list[Item]:
        file = self._file
        own, moves = file.direction == "out", file.state in MOVES
        found: list[Item] = []
        if file.is_here:
            if can_show(file):
                found.append(Button("Show it", partial(show_file, self.loom, file)))
            found.append(Button("Save it", self._save))
        told = "nobody is told" if file.room else "they are told"
        if can_take(file):
            found.append(Button("Take it", self._after(AcceptFile(file_id=file.file_id))))
        if file.state == "offered" and not own:
            found += self._final("Decline it", DeclineFile(file_id=file.file_id), told)
        serves = own and bool(file.room) and file.state == "offered"
        if (moves or serves) and file.state != "paused":
            found.append(Button("Pause it", self._after(PauseFile(file_id=file.file_id))))
        if file.state == "paused":
            found.append(Button("Go on", self._after(ResumeFile(file_id=file.file_id))))
        if moves or (own and file.state == "offered"):
            hint = "then nobody can fetch it from here" if own and file.room else told
            found += self._final("Cancel it", CancelFile(file_id=file.file_id), hint)
        if file.is_here and not file.path:
            hint = "from this machine; the message stays"
            found += self._final("Remove it", RemoveFile(file_id=file.file_id), hint)
        found.append(Button(f"Go to the {'post' if file.room else 'message'}", self._go_to))
        return found

    def _final(self, label: str, command: Command[Any], hint: str) -> list[Item]:
        """A button that asks once more before it does what cannot be undone."""
        if self._sure != label:
            return [Button(label, partial(self._be_sure, label), hint)]
        sure = f"{label}, really"
        return [Button(sure, self._after(command), hint), Button("No", partial(self._be_sure, ""))]

    def _be_sure(self, label: str) -> None:
        self._sure = label
        if label:
            self.body.at = "No"

    def _after(self, command: Command[Any]) -> Callable[[], None]:
        async def do() -> None:
            self._sure = ""
            await self.loom.send(command)
            await self.load()

        return lambda: self.work(do())

    def _save(self) -> None:
        self.loom.push_screen(SavePanel(self.loom, self._file))

    def _go_to(self) -> None:
        async def go() -> None:
            file = self._file
            if file.room:
                post = await self.loom.send(FindPost(room=file.room_id, name=file.post_id))
                self.loom.close_panels()
                self.loom.show_post(file.room_id, post.row_id)
                return
            command = FindMessage(contact=f"#{file.contact_id}", name=file.message_id)
            found = await self.loom.send(command)
            self.loom.close_panels()
            self.loom.show_message(file.contact_id, found.row_id)

        self.work(go())


def whose(file: FileView) -> list[Fact]:
    """To whom or from whom it is, and in which room."""
    facts = [Fact("Room", printable(file.room))] if file.room else []
    if file.contact:
        facts.append(Fact("To" if file.direction == "out" else "From", printable(file.contact)))
    return facts


def can_show(file: FileView) -> bool:
    """Whether it can be looked at or listened to here; never because of its name alone."""
    return file.is_here and (is_picture(file.media_type) or is_voice(file.media_type))


def show_file(loom: Owner, file: FileView) -> None:
    """Show what can be shown here; of anything else what is known of it."""
    if not can_show(file):
        loom.push_screen(FilePanel(loom, file))
        return
    if is_voice(file.media_type):
        from loom.tui.screens.voice import VoicePanel

        loom.push_screen(VoicePanel(loom, file))
        return
    from loom.tui.screens.picture import PicturePanel

    loom.push_screen(PicturePanel(loom, file))
