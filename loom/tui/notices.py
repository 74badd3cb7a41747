"""Notifications of new messages: bell, OSC 9, OSC 777."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final

from loom.api.events import AnyEvent, MessageReceived, RoomPosted
from loom.printable import printable
from loom.tui.content.file import said
from loom.tui.model import Model

AGAIN_S: Final = 5.0
"""Seconds between two notifications about one contact."""
SENDERS_MAX: Final = 3
"""From so many at once on, they are only counted."""
TEXT_MAX: Final = 120
BELL: Final = "\a"


class Level(StrEnum):
    """What a notification says."""

    FULL = "full"
    SENDER = "sender"
    NOTHING = "nothing"


class Way(StrEnum):
    """How the terminal shows a notification."""

    AUTO = "auto"
    OSC_9 = "osc9"
    OSC_777 = "osc777"
    BELL = "bell"


def way_of_terminal(environment: Mapping[str, str]) -> Way:
    """What this terminal most likely understands; OSC 9 by default."""
    term = environment.get("TERM", "")
    if term in ("linux", "dumb", ""):
        return Way.BELL
    knows_777 = term.startswith(("foot", "rxvt")) or "VTE_VERSION" in environment
    return Way.OSC_777 if knows_777 else Way.OSC_9


class Notices:
    """Decides whether and what. `write` puts a sequence on the terminal."""

    def __init__(
        self,
        write: Callable[[str], None],
        now_s: Callable[[], float],
        environment: Mapping[str, str],
        *,
        level: Level = Level.SENDER,
        way: Way = Way.AUTO,
        bell: bool = True,
    ) -> None:
        self.level = level
        self._write = write
        self._now_s = now_s
        self._way = way_of_terminal(environment) if way is Way.AUTO else way
        self._in_tmux = bool(environment.get("TMUX"))
        self.bell = bell
        self._told_s: dict[int, float] = {}

    def tell(
        self,
        events: Iterable[AnyEvent],
        model: Model,
        *,
        focus: bool | None,
        shown: int | None,
        hidden: bool = False,
    ) -> None:
        """Messages came.

        Args:
            focus: whether the terminal has it; None: it never said.
            shown: the conversation, channel or thread that nothing covers.
            hidden: the app is locked: no name leaves it.
        """
        if focus or self.level is Level.NOTHING:
            return
        now_s = self._now_s()
        came: dict[int, MessageReceived | RoomPosted] = {}
        for event in events:
            if isinstance(event, RoomPosted) and event.unread:
                number = model.rooms.number_of(event.room_id, event.channel)
                place = model.rooms.number_of(event.room_id, event.channel, event.thread)
            elif isinstance(event, MessageReceived):
                number = place = event.contact_id
            else:
                continue
            known = model.listed(number)
            is_shown = focus is None and place == shown
            is_told = now_s - self._told_s.get(number, -AGAIN_S) < AGAIN_S
            if not is_shown and not is_told and (known is None or known.tells_of(event)):
                came[number] = event
        if not came:
            return
        self._told_s.update(dict.fromkeys(came, now_s))
        if self.bell or self._way is Way.BELL:
            self._write(BELL)
        if hidden:
            self._say("New message", "")
            return
        if len(came) > SENDERS_MAX:
            what = "contacts" if all(number > 0 for number in came) else "conversations"
            self._say(f"Messages from {len(came)} {what}", "")
            return
        for event in came.values():
            body = event.body if isinstance(event, RoomPosted) else said(event)
            text = " ".join(body[: 4 * TEXT_MAX].split())
            who = (
                f"{event.author} in {event.room}"
                if isinstance(event, RoomPosted)
                else event.contact
            )
            self._say(who, text if self.level is Level.FULL else "")

    def _say(self, who: str, text: str) -> None:
        # A semicolon would end a field of OSC 777.
        who, text = (printable(one).replace(";", ",")[:TEXT_MAX] for one in (who, text))
        if self._way is Way.BELL:
            return
        if self._way is Way.OSC_777:
            sequence = f"\x1b]777;notify;Loom: {who};{text or 'New message'}\a"
        else:
            # "Loom" comes first: OSC 9 with a digit at the beginning means something else.
            sequence = f"\x1b]9;Loom: {who}{': ' if text else ''}{text}\a"
        if self._in_tmux:
            # tmux passes on only what it is told to (its option allow-passthrough).
            sequence = f"\x1bPtmux;{sequence.replace(chr(27), chr(27) * 2)}\x1b\\"
        self._write(sequence)
