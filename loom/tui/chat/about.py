"""What the text in the composer will be: an answer, another wording; and how long it lasts."""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from textual import events
from textual.message import Message

from loom.api.command import Command
from loom.api.message_views import MessageView
from loom.front.lasting import lasting_words, left_words
from loom.printable import printable
from loom.tui.cells import cut, width_of
from loom.tui.chat.asking import reword, say
from loom.tui.content import kind_of
from loom.tui.lines import Lines, Look
from loom.tui.model import Listed, Model
from loom.tui.themes import Line, Piece

HINT_FROM: Final = 40
"""Cells of a row that has room for the key, too."""


class About(Lines):
    """A row above the composer; none while the text is a message like any other."""

    class Clicked(Message):
        """Somebody wants to see the message."""

        def __init__(self, message: MessageView) -> None:
            super().__init__()
            self.about = message

    class Left(Message):
        """Somebody clicked what leaves the message, or changes the timer."""

    def __init__(self, look: Look, model: Model) -> None:
        super().__init__(look)
        self._model = model
        self._answered: dict[int, MessageView] = {}
        """By conversation."""
        self._once_s: dict[int, int] = {}
        """The timers of the next messages, likewise."""
        self.edited: MessageView | None = None
        self.draft = ""
        """What stood in the composer before an edit."""
        self.key = ""
        """What leaves the message."""
        self.timer_key = ""
        """What changes the timer."""

    @property
    def answered(self) -> MessageView | None:
        """The message of the open conversation that is being answered."""
        return self._answered.get(self._model.current or 0)

    @property
    def message(self) -> MessageView | None:
        """The message."""
        return self.edited or self.answered

    @property
    def once_s(self) -> int | None:
        """The timer of the next message of the open conversation; None: the conversation's."""
        return self._once_s.get(self._model.current or 0)

    def last(self, number: int, expires_s: int | None) -> None:
        """The next message of a conversation has this timer, 0: none; None: the conversation's."""
        if expires_s is None:
            self._once_s.pop(number, None)
        else:
            self._once_s[number] = expires_s
        self.fit()

    def take_once_s(self) -> int | None:
        """The timer of the next message, which is sent now."""
        once_s = self._once_s.pop(self._model.current or 0, None)
        self.fit()
        return once_s

    def answer(self, message: MessageView) -> None:
        """The next text answers it."""
        self._answered[message.contact_id] = message
        self.fit()

    def answers(self, number: int) -> bool:
        """Whether the next text of a conversation is an answer."""
        return number in self._answered

    def edit(self, message: MessageView, draft: str) -> None:
        """The next text is its new wording; `draft` waits meanwhile."""
        self.edited, self.draft = message, draft
        self.fit()

    def end(self) -> str:
        """The next text is about no message; returns what the composer holds then."""
        draft, self.draft = self.draft, ""
        if self.edited is None:
            self._answered.pop(self._model.current or 0, None)
        self.edited = None
        self.fit()
        return draft

    def reword(self, message_id: str, body: str) -> None:
        """A message that is answered has another wording."""
        for number, one in self._answered.items():
            if one.message_id == message_id:
                self._answered[number] = msgspec.structs.replace(one, body=body)
        self.refresh()

    def forget(
        self, number: int, message_ids: Collection[str] | None, direction: str | None
    ) -> str | None:
        """Messages of a conversation are gone, None: all: the text is about none of them.

        Returns what waited while one of them was edited; None: none was.
        """

        def is_gone(one: MessageView | None) -> bool:
            return (
                one is not None
                and one.contact_id == number
                and (message_ids is None or one.message_id in message_ids)
                and direction in (None, one.direction)
            )

        if is_gone(self._answered.get(number)):
            del self._answered[number]
        draft = None
        if is_gone(self.edited):
            draft, self.edited, self.draft = self.draft, None, ""
        self.fit()
        return draft

    def command(self, here: Listed, text: str) -> Command[Any]:
        """What sends a text to what is open there, `here`."""
        if self.edited is not None:
            return reword(self.edited, text)
        answered = self.answered
        reply_to = None if answered is None else answered.message_id
        return say(here, text, reply_to=reply_to, expires_s=self.once_s)

    def fit(self) -> None:
        """A row, or none."""
        height = int(self.message is not None or self.once_s is not None)
        if self.styles.height is None or self.styles.height.value != height:
            self.styles.height = height
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """See `Lines.line`."""
        message, once_s = self.message, self.once_s if self.edited is None else None
        if message is None and once_s is None:
            return []
        signs, dots = self.look.signs, self.look.signs["ellipsis"]
        back = self._back(width)
        room = max(width - 1 - width_of(back), 0)
        lasts = ""
        if once_s is not None and message is None:
            lasts = f"{signs['timer']} {_once_words(once_s)}"
        elif once_s is not None:
            lasts = f"{signs['timer']} {left_words(once_s) if once_s else 'off'} "
        lasts = cut(lasts, room, dots)
        room -= width_of(lasts)
        words = ""
        if message is not None:
            whose = "yourself" if message.direction == "out" else printable(message.contact)
            does = "Editing" if self.edited is not None else f"Answering {cut(whose, 16, dots)}"
            preview = kind_of(message).preview(message)
            words = cut(f"{signs['quote']} {does}: {preview}", room, dots)
        gap = " " * (room - width_of(words))
        return [
            Piece(" "),
            Piece(lasts, "warn"),
            Piece(words, "quote"),
            Piece(gap),
            Piece(back, "hint"),
        ]

    def on_click(self, event: events.Click) -> None:
        """Go to the message, or leave it."""
        if event.x >= self.size.width - width_of(self._back(self.size.width)):
            self.post_message(self.Left())
        elif self.message is not None:
            self.post_message(self.Clicked(self.message))

    def _back(self, width: int) -> str:
        if self.message is None:
            key, does = self.timer_key, "changes it"
        else:
            key, does = self.key, "leaves it"
        return f"  {key} {does} " if key and width >= HINT_FROM else ""


def _once_words(once_s: int) -> str:
    """How long the next message lasts."""
    if not once_s:
        return "Does not disappear"
    return f"Disappears {lasting_words(once_s)} after reading"
