"""Deleting messages: asked for, done, and undone for a while."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

from textual.events import Key
from textual.timer import Timer

from loom.api.command import Command
from loom.api.events import AnyEvent
from loom.api.message_commands import DeleteMessages
from loom.api.message_views import MessageView
from loom.api.room_commands import DeletePost
from loom.errors import LoomError
from loom.printable import printable
from loom.tui.chat.endings import after
from loom.tui.chat.reader import Reader
from loom.tui.chat.timeline import Timeline
from loom.tui.keys import DELETES, DELETES_FOR_BOTH, is_text
from loom.tui.owner import Owner
from loom.tui.posts import Post

UNDO_S: Final = 8.0
"""So long deleted messages can be brought back; only then is the node told."""


class Deletion:
    """One at a time: the next one makes the last one final.

    Args:
        unsay: says a sentence no longer, if it is still said.
    """

    def __init__(
        self, owner: Owner, reader: Reader, timeline: Timeline, unsay: Callable[[str], None]
    ) -> None:
        self._owner = owner
        self._unsay = unsay
        self._reader = reader
        self._timeline = timeline
        self._asked: Sequence[MessageView] = ()
        """The messages of which the next key says whether they are deleted."""
        self._for_both = False
        self._deleted: tuple[Sequence[MessageView], bool] | None = None
        """The messages that can be brought back, and whether they are deleted for all."""
        self._timer: Timer | None = None

    @property
    def can_undo(self) -> bool:
        """Whether something can be brought back."""
        return self._deleted is not None

    def ask(self, messages: Sequence[MessageView], *, for_both: bool = False) -> None:
        """The next key says whether these are deleted; none: nothing is asked any more."""
        self._asked, self._for_both = messages, for_both
        if not messages:
            return
        many, keep = len(messages), self._owner.keys.words("write")
        which = "this message" if many == 1 else f"these {many} messages"
        it = "it" if many == 1 else str(many)
        if not for_both:
            question = f"Delete {which} here, on this machine only? {DELETES} deletes"
            short = f"{DELETES} deletes {it} here"
        else:
            name, all_ = printable(messages[0].contact), _all_of(messages)
            if isinstance(messages[0], Post):
                name = "somebody"
            question = (
                f"Delete {which} for {all_}? What {name} has read or copied is not taken back. "
                f"{DELETES_FOR_BOTH} deletes for {all_}"
            )
            short = f"{DELETES_FOR_BOTH}: for {all_}"
        self._owner.say(f"{question}, {keep} does not.", f"{short}, {keep} does not.", f"{short}?")

    def answer(self, key: Key) -> bool:
        """Take a key as the answer: D or X, or any other for no.

        False: it means something else; nothing was asked, or somebody types.
        """
        asked, self._asked = self._asked, ()
        if asked and key.character == (DELETES_FOR_BOTH if self._for_both else DELETES):
            self._delete(asked)
            return True
        return bool(asked) and not is_text(key)

    def undo(self) -> None:
        """Bring back what was deleted last."""
        if (taken := self._take()) is None:
            self._owner.say("There is nothing to bring back.")
            return
        self._reader.bring_back(taken[0])
        self._owner.say("It is back.")

    def follow(self, happened: Iterable[AnyEvent]) -> None:
        """Bring nothing back that has ended meanwhile, or that its author deleted."""
        if self._deleted is None:
            return
        messages, for_both = self._deleted
        left = list(messages)
        for event in happened:
            left = [now for one in left if (now := after(event, one)) is not None]
        if left == list(messages):
            return
        self._deleted = (left, for_both) if left else None

    def finish(self) -> None:
        """What was deleted cannot be brought back any more."""
        if (taken := self._take()) is not None:
            self._owner.work(self._tell(*taken), "delete")

    async def finish_now(self) -> None:
        """The same, done when it returns."""
        if (taken := self._take()) is not None:
            await self._tell(*taken)

    async def _tell(self, messages: Sequence[MessageView], for_both: bool) -> None:
        try:
            for command in _commands(messages, for_both):
                await self._owner.send(command)
        except LoomError:
            if messages[0].contact_id == self._owner.model.current:
                self._reader.bring_back(messages)  # they are still there
            raise

    def _delete(self, messages: Sequence[MessageView]) -> None:
        self.finish()
        self._deleted = messages, self._for_both
        if self._for_both:
            self._reader.empty(messages)
        else:
            self._reader.hide(messages)
        undo = self._owner.keys.words("undo_delete")
        back = "it" if len(messages) == 1 else "them"
        done = f"Deleted for {_all_of(messages)}." if self._for_both else "Deleted."
        words = f"{done} {undo} brings {back} back." if undo else done
        self._owner.say(words, f"{undo} brings {back} back" if undo else done)
        self._timer = self._timeline.set_timer(UNDO_S, partial(self.time_is_up, words))

    def time_is_up(self, words: str) -> None:
        """It cannot be undone any more, and no longer says so."""
        self._unsay(words)
        self.finish()

    def _take(self) -> tuple[Sequence[MessageView], bool] | None:
        taken, self._deleted = self._deleted, None
        if self._timer is not None:
            self._timer.stop()
        return taken


def _all_of(messages: Sequence[MessageView]) -> str:
    return "everybody" if isinstance(messages[0], Post) else "both"


def _commands(messages: Sequence[MessageView], for_both: bool) -> list[Command[Any]]:
    """What deletes them."""
    posts = [one for one in messages if isinstance(one, Post)]
    if posts:
        return [DeletePost(room=one.room_id, post_id=one.message_id) for one in posts]
    return [
        DeleteMessages(
            contact=f"#{messages[0].contact_id}",
            message_ids=[one.message_id for one in messages],
            for_both=for_both,
        )
    ]
