"""Selecting messages, and what can be done with them."""

import os
import sys
import webbrowser
from asyncio import to_thread
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from textual.events import Key
from textual.timer import Timer

from loom.api.commands import DeleteMessages, RetryMessage
from loom.api.views import MessageView
from loom.tui import clipboard, content

if TYPE_CHECKING:
    from loom.tui.screens.conversation import ConversationScreen

UNDO_S: Final = 8.0
"""So long deleted messages can be brought back; only then is the node told."""


class Selecting:
    """Active while the composer is not."""

    def __init__(self, room: "ConversationScreen") -> None:
        self._room = room
        self.active = False
        self._asked: list[MessageView] = []
        """The messages of which the next key says whether they are deleted."""
        self._deleted: DeleteMessages | None = None
        self._undo_timer: Timer | None = None
        self._hits: Sequence[MessageView] = ()
        """What a search found, newest first, and the words it looked for."""
        self._words: Sequence[str] = ()

    # --- selecting ---

    @property
    def actions(self) -> dict[str, Callable[[], None]]:
        """What its keys do, by the names in `loom/tui/keys.py`."""
        return {
            "select": self.do_select,
            "select_newer": self.do_select_newer,
            "select_older": self.do_select_older,
            "mark": self.do_mark,
            "write": self.do_write,
            "copy": self.do_copy,
            "copy_link": self.do_copy_link,
            "open_link": self.do_open_link,
            "next_hit": self.do_next_hit,
            "previous_hit": self.do_previous_hit,
            "retry": self.do_retry,
            "delete_message": self.do_delete_message,
            "undo_delete": self.do_undo_delete,
        }

    def point_at(self, row_id: int) -> None:
        """Select a message; the selected one, clicked again: back to writing."""
        window = self._room.reader.window
        if window is None:
            return
        if self.active and window.selected == row_id:
            self.stop()
            return
        self.start()
        window.point_at(row_id)
        self._room.show_all()

    def start(self) -> None:
        """From writing to selecting."""
        self.active = True
        self._asked = []
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

    def do_mark(self) -> None:
        if self._room.reader.window is not None:
            self._room.reader.window.mark()
            self._room.show_reading()

    def do_write(self) -> None:
        self.stop()

    def _select(self, by: int) -> None:
        if self._room.reader.window is not None:
            self._room.reader.window.select(by, self._room.timeline.size.height)
            self._room.show_reading()

    def _chosen(self) -> list[MessageView]:
        window = self._room.reader.window
        return [] if window is None else window.chosen()

    def can(self, action: str) -> bool:
        """Whether an action has something to act on; a letter that has not is text."""
        match action:
            case "undo_delete":
                return self._deleted is not None
            case "retry":
                return any(one.state == "failed" for one in self._chosen())
            case "open_link" | "copy_link":
                return bool(self._links())
            case "next_hit" | "previous_hit":
                return self._hit() is not None
        return True

    # --- copying and links ---

    def do_copy(self) -> None:
        if chosen := self._chosen():
            self.copy(content.plain(chosen))

    def copy(self, text: str) -> None:
        """Put a text on the clipboard and say so."""

        async def copy() -> None:
            self._room.say(await clipboard.copy(text, self._room.desk.write_terminal))

        self._room.desk.work(copy(), "copy")

    def do_copy_link(self) -> None:
        self._with_link(self.copy)

    def do_open_link(self) -> None:
        self._with_link(self._open_link)

    def _with_link(self, use: Callable[[str], None]) -> None:
        """Use the link of the selected messages; of several, the one that is picked."""
        found = self._links()
        if not found:
            self._room.say("There is no link in it.")
        elif len(found) == 1:
            use(found[0])
        else:
            self._room.choosing.names("Which link?", found, use)

    def _links(self) -> list[str]:
        found = [link for one in self._chosen() for link in content.kind_of(one).links(one)]
        return list(dict.fromkeys(found))

    def _open_link(self, address: str) -> None:
        async def open_() -> None:
            if await to_thread(webbrowser.open, address):
                self._room.say(f"Opening {address}")
            else:
                self.copy(address)

        if _has_desktop():
            self._room.desk.work(open_(), "open link")
        else:  # a browser for terminals would take this one
            self.copy(address)

    # --- hits of a search ---

    def found(self, hit: MessageView, hits: Sequence[MessageView], words: Sequence[str]) -> None:
        """Show a hit, and go from it to the others."""
        self._room.reading.open_(hit.contact_id, hit.row_id, words)
        self._hits, self._words = hits, words

    def do_next_hit(self) -> None:
        self._go_to_hit(1)

    def do_previous_hit(self) -> None:
        self._go_to_hit(-1)

    def _hit(self) -> int | None:
        """Which of the hits is selected."""
        window = self._room.reader.window
        selected = None if window is None else window.selected
        rows = [one.row_id for one in self._hits]
        return rows.index(selected) if selected in rows else None

    def _go_to_hit(self, by: int) -> None:
        at = self._hit()
        if at is None:
            self._room.say("Search first.")
        elif 0 <= at + by < len(self._hits):
            hits, words = self._hits, self._words
            self.found(hits[at + by], hits, words)
        else:
            self._room.say("That was the oldest hit." if by > 0 else "That was the newest hit.")

    # --- sending again ---

    def do_retry(self) -> None:
        failed = [one for one in self._chosen() if one.state == "failed"]
        if not failed:
            self._room.say("Only a failed message can be sent again.")
            return
        for one in failed:
            command = RetryMessage(contact=f"#{one.contact_id}", message_id=one.message_id)
            self._room.desk.work(self._room.desk.send(command), "retry")
        self.stop()

    # --- deleting ---

    def do_delete_message(self) -> None:
        self._asked = self._chosen()
        if self._asked:
            many = len(self._asked)
            which = "this message" if many == 1 else f"these {many} messages"
            self._room.say(f"Delete {which} here, on this machine only? y or n")

    def answer(self, key: Key) -> bool:
        """Take a key as the answer to whether to delete; False: it is none and means itself."""
        chosen, self._asked = self._asked, []
        if not chosen:
            return False
        if key.character == "y":
            self._delete(chosen)
        elif key.character != "n" and key.key != "escape":
            return False
        return True

    def do_undo_delete(self) -> None:
        if self._take_deleted() is None:
            self._room.say("There is nothing to bring back.")
            return
        self._room.reader.bring_back()
        self._room.say("It is back.")

    def _delete(self, chosen: list[MessageView]) -> None:
        self.finish_deleting()
        ids = [one.message_id for one in chosen]
        self._deleted = DeleteMessages(contact=f"#{chosen[0].contact_id}", message_ids=ids)
        self._undo_timer = self._room.set_timer(UNDO_S, self.finish_deleting)
        self._room.reader.hide(chosen)
        undo = self._room.desk.keys.words("undo_delete")
        back = "it" if len(ids) == 1 else "them"
        self._room.say(f"Deleted. {undo} brings {back} back." if undo else "Deleted.")

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

    # --- what is said about it ---

    def help(self) -> list[str]:
        """What can be done with the selected messages."""
        keys, chosen = self._room.desk.keys, self._chosen()
        names = [("copy", "copy"), ("delete_message", "delete"), ("mark", "mark")]
        if self.can("retry"):
            names.insert(0, ("retry", "send again"))
        if self.can("open_link"):
            names.insert(0, ("open_link", "open link"))
        words = []
        if (at := self._hit()) is not None:
            words.append(f"hit {at + 1} of {len(self._hits)}")
            names = [("next_hit", "older"), ("previous_hit", "newer"), *names[:1]]
        if len(chosen) > 1:
            words.append(f"{len(chosen)} messages")
        names.append(("write", "back"))
        return words + [f"{keys.words(name)} {does}" for name, does in names if keys.words(name)]


def _has_desktop() -> bool:
    return sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
