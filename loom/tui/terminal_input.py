"""What a terminal sends, as Textual's events: keys, the mouse, and each paste as a whole.

Textual's own parser looks for escape sequences inside a paste, too, so an ESC in pasted text hides
the paste's end or begins a key. Here pastes are cut out before it sees anything.
"""

from collections.abc import Iterable
from string import ascii_lowercase
from time import monotonic
from typing import Final

from textual._xterm_parser import XTermParser
from textual.events import Key, Paste
from textual.message import Message

from loom.tui.graphics import ANSWER, BEGUN, Answered

START: Final = "\x1b[200~"
END: Final = "\x1b[201~"
HOLD_MAX_S: Final = 1.0
"""What comes after a paste's end without a pause is held back no longer than this."""
ALT_UNDERSCORE: Final = "\x1b_"
"""A key, and the beginning of an answer."""
STALLED_TURNS: Final = 20
"""After so many quiet turns without the paste's end, what came of it is shown."""


# ESC b and ESC f are in Textual's table, as Ctrl-Left and Ctrl-Right.
_WITH_ALT: Final = {f"\x1b{one}": f"alt+{one}" for one in ascii_lowercase if one not in "bf"} | {
    "\x1b\r": "alt+enter",
    "\x1b\n": "alt+enter",
    "\x1b<": "alt+less_than_sign",
    "\x1b>": "alt+greater_than_sign",
}


class _Parser(XTermParser):
    """Finds Alt and a key at once in what the terminal sends, not by waiting for more.

    Else ESC CR is Esc and Enter, and Enter sends; a held Alt-P writes `^p^p`, and Alt-< a `<`.
    """

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        if sequence in _WITH_ALT:
            return [Key(_WITH_ALT[sequence], None)]
        return super()._sequence_to_key_events(sequence, alt)


class TerminalInput:
    """`feed` what was read; call `quiet` when nothing came for a tenth of a second.

    A paste ends at the last end marker before a pause, because a terminal may pass on a marker
    that the text itself holds. Nothing in a paste is a key. Only where the end does not come, a
    control key alone ends it.
    """

    def __init__(self, *, debug: bool = False) -> None:
        self._parser = _Parser(debug)
        self._held = ""
        """Perhaps the beginning of a start marker."""
        self._given = ""
        """The beginning of a start marker that came so slowly that it was taken for keys."""
        self._answer = ""
        """The beginning of an answer of the terminal."""
        self._answer_turns = 0
        self._paste: list[str] | None = None
        self._tail = ""
        """The paste's last characters, where its end marker may have begun."""
        self._ended_s: float | None = None
        """When the first end marker came."""
        self._quiet_turns = 0
        self._leaves = False
        """Whether a control key alone came to a stalled paste."""

    def feed(self, text: str) -> list[Message]:
        """What was read."""
        found: list[Message] = []
        if self._paste is None:
            before, started, text = self._split(text)
            found += self._without_answers(before)
            if not started:
                return found
            self._paste, self._tail, self._ended_s, self._quiet_turns = [], "", None, 0
        self._paste.append(text)
        self._tail += text
        if self._ended_s is None and END in self._tail:
            self._ended_s = monotonic()
        self._tail = self._tail[1 - len(END) :]
        if self._is_stalled:
            self._leaves = len(text) == 1 and text < " " and text not in "\t\n\r"
        else:
            self._quiet_turns = 0
        if self._ended_s is not None and monotonic() - self._ended_s > HOLD_MAX_S:
            found += self._end_paste()
        return found

    def quiet(self) -> list[Message]:
        """Nothing came for a while, so that what could go on as something else does not."""
        found = self._wait_for_answer()
        found += self._parser.tick()
        if self._paste is None:
            return found + self._give_up_marker()
        if self._ended_s is not None:
            return found + self._end_paste()
        self._quiet_turns += 1
        return found + self._show_stalled() if self._is_stalled else found

    def _without_answers(self, text: str) -> list[Message]:
        """Keys, and what the terminal answered to `graphics.QUERY`."""
        text, self._answer, self._answer_turns = self._answer + text, "", 0
        found: list[Message] = [Answered(one) for one in ANSWER.findall(text)]
        if found:
            text = ANSWER.sub("", text)
        if (begun := BEGUN.search(text)) is not None:
            text, self._answer = text[: begun.start()], begun[0]
        return found + self._keys(text)

    def _wait_for_answer(self) -> list[Message]:
        """What began like an answer was a key, or its rest does not come."""
        begun, self._answer_turns = self._answer, self._answer_turns + 1
        if begun == ALT_UNDERSCORE:
            self._answer = ""
            return self._keys(begun)
        if self._answer_turns >= STALLED_TURNS:
            self._answer = ""
        return []

    def _keys(self, text: str) -> list[Message]:
        return list(self._parser.feed(text)) if text else []

    # --- the beginning ---

    def _split(self, text: str) -> tuple[str, bool, str]:
        """What comes before a paste, whether one begins, and what it begins with."""
        slow = self._given + self._held + text
        if self._given and slow.startswith(START):
            self._given = self._held = ""
            return "", True, slow[len(START) :]
        if self._given and START.startswith(slow):
            self._held += text
            return "", False, ""
        text, self._given, self._held = self._held + text, "", ""
        before, marker, after = text.partition(START)
        if marker:
            return before, True, after
        before, self._held = _cut_beginning(text, START)
        return before, False, ""

    def _give_up_marker(self) -> list[Message]:
        held, self._held = self._held, ""
        self._given += held
        return [Key("escape", held)] if held == "\x1b" else self._keys(held)

    # --- the end ---

    def _end_paste(self) -> list[Message]:
        pasted, _, rest = "".join(self._paste or []).rpartition(END)
        self._paste, self._quiet_turns = None, 0
        return [*_paste_of(pasted), *(self.feed(rest) if rest else [])]

    @property
    def _is_stalled(self) -> bool:
        return self._quiet_turns >= STALLED_TURNS

    def _show_stalled(self) -> list[Message]:
        if self._leaves:
            self._paste, self._leaves, self._quiet_turns = None, False, 0
            return []
        text, self._tail = _cut_beginning("".join(self._paste or []), END)
        self._paste = [self._tail]
        return _paste_of(text)


def _cut_beginning(text: str, marker: str) -> tuple[str, str]:
    """The text, and what it ends with if that is the beginning of the marker."""
    size = next(n for n in range(len(marker) - 1, -1, -1) if text.endswith(marker[:n]))
    return text[: len(text) - size], text[len(text) - size :]


def _paste_of(text: str) -> list[Message]:
    text = text.replace(START, "").replace(END, "").replace("\x00", "")
    return [Paste(text)] if text else []
