"""Deleting messages: asked for, done, and undone for a while."""

from collections.abc import Sequence
from typing import Final

from textual.events import Key
from textual.timer import Timer

from loom.api.commands import DeleteMessages
from loom.api.views import MessageView
from loom.tui.chat.reader import Reader
from loom.tui.chat.timeline import Timeline
from loom.tui.keys import is_text
from loom.tui.owner import Owner

UNDO_S: Final = 8.0
"""So long deleted messages can be brought back; only then is the node told."""
DELETES: Final = "D"
"""The answer that deletes: no word begins with the question's key and this one."""


class Deletion:
    """One at a time: the next one makes the last one final."""

    def __init__(self, owner: Owner, reader: Reader, timeline: Timeline) -> None:
        self._owner = owner
        self._reader = reader
        self._timeline = timeline
        self._asked: Sequence[MessageView] = ()
        """The messages of which the next key says whether they are deleted."""
        self._deleted: DeleteMessages | None = None
        self._timer: Timer | None = None

    @property
    def can_undo(self) -> bool:
        """Whether something can be brought back."""
        return self._deleted is not None

    def ask(self, messages: Sequence[MessageView]) -> None:
        """The next key says whether these are deleted; none: nothing is asked any more."""
        self._asked = messages
        if messages:
            many, keep = len(messages), self._owner.keys.words("write")
            which = "this message" if many == 1 else f"these {many} messages"
            self._owner.say(
                f"Delete {which} here, on this machine only? {DELETES} deletes, {keep} does not."
            )

    def answer(self, key: Key) -> bool:
        """Take a key as the answer: D, or any other for no.

        False: it means something else; nothing was asked, or somebody types.
        """
        asked, self._asked = self._asked, ()
        if asked and key.character == DELETES:
            self._delete(asked)
            return True
        return bool(asked) and not is_text(key)

    def undo(self) -> None:
        """Bring back what was deleted last."""
        if self._take() is None:
            self._owner.say("There is nothing to bring back.")
            return
        self._reader.bring_back()
        self._owner.say("It is back.")

    def finish(self) -> None:
        """What was deleted cannot be brought back any more."""
        if (command := self._take()) is not None:
            self._owner.work(self._owner.send(command), "delete")

    async def finish_now(self) -> None:
        """The same, done when it returns."""
        if (command := self._take()) is not None:
            await self._owner.send(command)

    def _delete(self, messages: Sequence[MessageView]) -> None:
        self.finish()
        ids = [one.message_id for one in messages]
        self._deleted = DeleteMessages(contact=f"#{messages[0].contact_id}", message_ids=ids)
        self._timer = self._timeline.set_timer(UNDO_S, self.finish)
        self._reader.hide(messages)
        undo = self._owner.keys.words("undo_delete")
        back = "it" if len(ids) == 1 else "them"
        self._owner.say(f"Deleted. {undo} brings {back} back." if undo else "Deleted.")

    def _take(self) -> DeleteMessages | None:
        command, self._deleted = self._deleted, None
        if self._timer is not None:
            self._timer.stop()
        return command
