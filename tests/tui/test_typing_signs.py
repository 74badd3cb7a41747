"""Typing is told now and then, ends by itself, and is forgotten where nobody says so."""

from collections.abc import Callable

import msgspec
import pytest

from loom.api.events import ContactTyping
from loom.tui.model import TYPING_S, Conversation, Model
from loom.tui.typing_signs import AGAIN_S, PAUSE_S, TypingSigns
from tests.tui.test_notices import ADA, BOB, contact


class Alarm:
    def __init__(self, at_s: float, act: Callable[[], None]) -> None:
        self.at_s, self.act, self.is_on = at_s, act, True

    def cancel(self) -> None:
        self.is_on = False


class Desk:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.alarms: list[Alarm] = []
        self.sent: list[tuple[int, bool]] = []
        self.drawn = 0
        self.model = Model()
        for number in (ADA, BOB):
            view = msgspec.structs.replace(contact(number), online=True)
            self.model.conversations[number] = Conversation(contact=view)
        self.model.current = ADA
        self.signs = TypingSigns(
            self.model,
            self.later,
            lambda: self.now_s,
            lambda number, on: self.sent.append((number, on)),
            self.changed,
        )

    def later(self, seconds: float, act: Callable[[], None]) -> Alarm:
        self.alarms.append(Alarm(self.now_s + seconds, act))
        return self.alarms[-1]

    def changed(self) -> None:
        self.drawn += 1

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        for alarm in self.alarms:
            if alarm.is_on and alarm.at_s <= self.now_s:
                alarm.is_on = False
                alarm.act()

    def hear(self, on: bool) -> None:
        event = ContactTyping(contact="Ada", contact_id=ADA, on=on)
        self.model.apply([event])
        self.signs.heard([event])


def test_going_on_is_told_seldom_and_a_pause_once() -> None:
    desk = Desk()
    for n in range(40):
        desk.signs.typed("x" * (n + 1))
        desk.wait(0.25)
    assert desk.sent == [(ADA, True)] * 2
    desk.wait(PAUSE_S)
    desk.wait(60)
    assert desk.sent == [(ADA, True)] * 2 + [(ADA, False)]


def test_the_other_side_never_forgets_who_goes_on() -> None:
    assert AGAIN_S < TYPING_S


def test_a_sent_message_needs_no_word_more_and_an_emptied_one_does() -> None:
    desk = Desk()
    desk.signs.typed("hi")
    desk.signs.sent()
    desk.wait(60)
    assert desk.sent == [(ADA, True)]
    desk.signs.typed("hi")
    desk.signs.typed("")
    assert desk.sent[1:] == [(ADA, True), (ADA, False)]


def test_another_conversation_is_another_reader() -> None:
    desk = Desk()
    desk.signs.typed("to Ada")
    desk.model.current = BOB
    desk.signs.typed("to Bob")
    assert desk.sent == [(ADA, True), (ADA, False), (BOB, True)]


@pytest.mark.parametrize("text", ["/mute", "/", "   "])
def test_a_command_is_nobodys_business(text: str) -> None:
    desk = Desk()
    desk.signs.typed(text)
    assert desk.sent == []


def test_nobody_is_told_who_is_not_there() -> None:
    desk = Desk()
    desk.model.current = None
    desk.signs.typed("hi")
    desk.model.current = ADA
    desk.model.change(ADA, contact=contact(ADA))
    desk.signs.typed("hi")
    assert desk.sent == []


def test_a_contact_that_falls_silent_has_stopped_typing() -> None:
    desk = Desk()
    desk.hear(True)
    desk.wait(TYPING_S - 1)
    desk.hear(True)
    desk.wait(TYPING_S - 1)
    assert desk.model.conversations[ADA].typing
    desk.wait(1)
    assert not desk.model.conversations[ADA].typing
    assert desk.drawn == 1
    desk.hear(True)
    desk.hear(False)
    assert not desk.model.conversations[ADA].typing
    desk.signs.end()
    assert not any(one.is_on for one in desk.alarms)
