"""Selecting a message, and what can be done with it."""

from typing import TYPE_CHECKING

from loom.api.commands import DeleteMessages, RetryMessage
from loom.api.views import MessageView
from loom.tui import clipboard

if TYPE_CHECKING:
    from loom.tui.screens.conversation import ConversationScreen


class Selecting:
    """Active while the composer is not."""

    def __init__(self, room: "ConversationScreen") -> None:
        self._room = room
        self.active = False
        self._doomed: str | None = None
        """The message that Enter deletes."""

    def spare(self) -> None:
        """Another key than Enter was pressed."""
        self._doomed = None

    def point_at(self, row_id: int) -> None:
        """Select the message that was clicked."""
        window = self._room.reader.window
        if window is not None:
            self.start()
            window.unselect()
            window.selected = row_id
            self._room.show_all()

    def do_select(self) -> None:
        if self._room.completions.completions:
            self._room.completions.show([])
            return
        if self._room.reader.window is not None and self._room.reader.window.messages:
            self.start()
            self._select(0)

    def do_select_newer(self) -> None:
        self._select(1)

    def do_select_older(self) -> None:
        self._select(-1)

    def do_write(self) -> None:
        self.stop()

    def do_copy(self) -> None:
        chosen = self._message()
        if chosen is not None:
            self.copy(chosen.body)

    def do_retry(self) -> None:
        chosen = self._message()
        if chosen is None or chosen.state != "failed":
            self._room.say("Only a failed message can be sent again.")
            return
        command = RetryMessage(contact=f"#{chosen.contact_id}", message_id=chosen.message_id)
        self._room.desk.work(self._room.desk.send(command), "retry")
        self.stop()

    def do_delete_message(self) -> None:
        chosen = self._message()
        if chosen is not None:
            self._doomed = chosen.message_id
            self._room.say("Enter deletes it here, on this machine only.")

    def delete(self) -> bool:
        """Delete what was marked for it; False: nothing was."""
        chosen, doomed = self._message(), self._doomed
        self.spare()
        if chosen is None or chosen.message_id != doomed:
            return False
        command = DeleteMessages(contact=f"#{chosen.contact_id}", message_ids=[chosen.message_id])
        self._room.desk.work(self._room.desk.send(command), "delete")
        return True

    def copy(self, text: str) -> None:
        """Put a text on the clipboard and say so."""

        async def copy() -> None:
            self._room.say(await clipboard.copy(text, self._room.desk.write_terminal))

        self._room.desk.work(copy(), "copy")

    def _select(self, by: int) -> None:
        if self._room.reader.window is not None:
            self._room.reader.window.select(by, self._room.timeline.size.height)
            self._room.show_reading()

    def start(self) -> None:
        """From writing to selecting."""
        self.active = True
        self._room.composer.is_active = False
        self._room.composer.refresh()

    def stop(self) -> None:
        """Back to writing; the draft is as it was."""
        if not self.active:
            return
        self.active = False
        self._room.composer.is_active = True
        if self._room.reader.window is not None:
            self._room.reader.window.unselect()
        self._room.composer.refresh()
        self._room.show_reading()

    def _message(self) -> MessageView | None:
        window = self._room.reader.window
        return None if window is None else window.message(window.selected)

    def help(self) -> str:
        """What can be done with the selected message."""
        keys = self._room.desk.keys
        names = (("copy", "copy"), ("delete_message", "delete"), ("write", "back"))
        words = [f"{keys.words(name)} {does}" for name, does in names if keys.words(name)]
        chosen = self._message()
        if chosen is not None and chosen.state == "failed" and keys.words("retry"):
            words.insert(0, f"{keys.words('retry')} send again")
        return f" {self._room.desk.look.signs['dot']} ".join(words)
