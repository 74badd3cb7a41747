"""Selecting a message, and what can be done with it."""

from typing import TYPE_CHECKING, Final

from textual.events import Key
from textual.timer import Timer

from loom.api.commands import DeleteMessages, RetryMessage
from loom.api.views import MessageView
from loom.tui import clipboard

if TYPE_CHECKING:
    from loom.tui.screens.conversation import ConversationScreen


UNDO_S: Final = 8.0
"""So long a deleted message can be brought back; only then is the node told."""


class Selecting:
    """Active while the composer is not."""

    def __init__(self, room: "ConversationScreen") -> None:
        self._room = room
        self.active = False
        self._asked: MessageView | None = None
        """The message of which the next key says whether it is deleted."""
        self._deleted: DeleteMessages | None = None
        self._undo_timer: Timer | None = None

    def point_at(self, row_id: int) -> None:
        """Select the message that was clicked; the selected one: back to writing."""
        window = self._room.reader.window
        if window is None:
            return
        if self.active and window.selected == row_id:
            self.stop()
            return
        self.start()
        window.unselect()
        window.selected = row_id
        self._room.show_all()

    def answer(self, key: Key) -> bool:
        """Take a key as the answer to whether to delete; False: it is none and means itself."""
        chosen, self._asked = self._asked, None
        if chosen is None:
            return False
        if key.character == "y":
            self._delete(chosen)
        elif key.character != "n" and key.key != "escape":
            return False
        return True

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
        self._asked = self._message()
        if self._asked is not None:
            self._room.say("Delete this message here, on this machine only? y or n")

    def do_undo_delete(self) -> None:
        if self._take_deleted() is None:
            self._room.say("There is nothing to bring back.")
            return
        self._room.reader.bring_back()
        self._room.say("It is back.")

    def _delete(self, chosen: MessageView) -> None:
        self.finish_deleting()
        self._deleted = DeleteMessages(
            contact=f"#{chosen.contact_id}", message_ids=[chosen.message_id]
        )
        self._undo_timer = self._room.set_timer(UNDO_S, self.finish_deleting)
        self._room.reader.hide([chosen])
        undo = self._room.desk.keys.words("undo_delete")
        self._room.say(f"Deleted. {undo} brings it back." if undo else "Deleted.")

    def finish_deleting(self) -> None:
        """What was deleted cannot be brought back any more."""
        if (command := self._take_deleted()) is not None:
            self._room.desk.work(self._room.desk.send(command), "delete")

    async def delete_now(self) -> None:
        """The same, done when it returns."""
        if (command := self._take_deleted()) is not None:
            await self._room.desk.send(command)

    def _take_deleted(self) -> DeleteMessages | None:
        command, self._deleted = self._deleted, None
        if self._undo_timer is not None:
            self._undo_timer.stop()
        return command

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
        self._asked = None
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
