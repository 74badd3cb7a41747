"""Typing indicators: sent to the open contact, and shown for a while when one comes."""

from collections.abc import Callable, Iterable
from typing import Final, Protocol

from loom.api.events import AnyEvent, ContactTyping
from loom.tui.model import TYPING_S, Model

AGAIN_S: Final = 5.0
"""Seconds until it is sent again while typing goes on, before it expires at the other side."""
PAUSE_S: Final = 4.0
"""Seconds without a key after which typing has stopped."""


class Timer(Protocol):
    """Something that will happen."""

    def cancel(self) -> None:
        """Not any more."""
        ...


Later = Callable[[float, Callable[[], None]], Timer]
"""`loop.call_later`."""


class TypingSigns:
    """`send` tells a contact that one types, or no longer; `changed` draws what contacts tell."""

    def __init__(
        self,
        model: Model,
        later: Later,
        now_s: Callable[[], float],
        send: Callable[[int, bool], None],
        changed: Callable[[], None],
    ) -> None:
        self._model = model
        self._later = later
        self._now_s = now_s
        self._send = send
        self._changed = changed
        self._to: int | None = None
        """The contact that has an indicator from here."""
        self._told_s = 0.0
        self._pause: Timer | None = None
        self._heard: dict[int, Timer] = {}

    # --- out ---

    def typed(self, text: str) -> None:
        """The draft of the open conversation was edited."""
        current = self._model.open_
        is_message = bool(text.strip()) and (not text.startswith("/") or text.startswith("//"))
        if current is None or not is_message or not current.contact.online:
            self.stop()
            return
        if self._to not in (None, current.number):
            self.stop()
        now_s = self._now_s()
        if self._to is None or now_s - self._told_s >= AGAIN_S:
            self._to, self._told_s = current.number, now_s
            self._send(current.number, True)
        if self._pause is not None:
            self._pause.cancel()
        self._pause = self._later(PAUSE_S, self.stop)

    def stop(self) -> None:
        """Nothing is being written, or elsewhere."""
        if self._to is not None:
            self._send(self._to, False)
        self.sent()

    def sent(self) -> None:
        """The message itself ends the sign on the other side."""
        self._to = None
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None

    # --- in ---

    def heard(self, events: Iterable[AnyEvent]) -> None:
        """Events came; the model knows them already."""
        for event in events:
            if not isinstance(event, ContactTyping):
                continue
            number = event.contact_id
            if (before := self._heard.pop(number, None)) is not None:
                before.cancel()
            if event.on:
                self._heard[number] = self._later(TYPING_S, lambda one=number: self._forget(one))  # type: ignore[misc]

    def end(self) -> None:
        """Nothing happens any more."""
        for timer in (*self._heard.values(), *([self._pause] if self._pause else [])):
            timer.cancel()
        self._heard.clear()
        self._pause = None

    def _forget(self, number: int) -> None:
        del self._heard[number]
        self._model.change(number, typing=False)
        self._changed()
