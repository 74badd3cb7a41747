"""Who is told of a message, when, and with which bytes."""

from typing import Any

import msgspec
import pytest

from loom.api.contact_views import ContactView
from loom.api.events import MessageReceived
from loom.tui.model import Conversation, Model
from loom.tui.notices import AGAIN_S, Level, Notices, Way, way_of_terminal

ADA, BOB = 1, 2


class Desk:
    """A terminal that keeps what is written to it."""

    def __init__(self, *, environment: dict[str, str] | None = None, **options: Any) -> None:
        self.written: list[str] = []
        self.now_s = 100.0
        self.model = Model()
        for number in (ADA, BOB):
            self.model.conversations[number] = Conversation(contact=contact(number))
        self.notices = Notices(
            self.written.append, lambda: self.now_s, environment or {"TERM": "xterm"}, **options
        )

    def decide(self, number: int = ADA, **habits: Any) -> None:
        view = msgspec.structs.replace(contact(number), **habits)
        self.model.change(number, contact=view)

    def receive(
        self,
        *numbers: int,
        name: str = "Ada",
        body: str = "secret",
        focus: bool | None = False,
        shown: int | None = ADA,
        hidden: bool = False,
    ) -> list[str]:
        self.written.clear()
        events = [message(number, name, body) for number in numbers]
        self.notices.tell(events, self.model, focus=focus, shown=shown, hidden=hidden)
        return list(self.written)


def contact(number: int) -> ContactView:
    defaults: dict[type, Any] = {str: "", int: 0, bool: False}
    fields: dict[str, Any] = {
        one.name: defaults.get(one.type) for one in msgspec.structs.fields(ContactView)
    }
    return ContactView(**fields | {"contact_id": number, "level": "everything"})


def message(number: int, name: str, body: str) -> MessageReceived:
    return MessageReceived(
        message_id="0",
        contact=name,
        contact_id=number,
        direction="in",
        body=body,
        state="delivered",
        sent_at_ms=0,
        row_id=1,
    )


def test_who_looks_elsewhere_is_told_who_wrote_and_never_what() -> None:
    desk = Desk()
    assert desk.receive(ADA) == ["\a", "\x1b]9;Loom: Ada\a"]
    assert desk.receive(BOB, focus=True) == []


def test_without_focus_events_only_other_conversations_are_told_of() -> None:
    desk = Desk()
    assert desk.receive(ADA, focus=None) == []
    assert desk.receive(BOB, name="Bob", focus=None) == ["\a", "\x1b]9;Loom: Bob\a"]


def test_a_covered_conversation_is_told_of_too() -> None:
    assert len(Desk().receive(ADA, focus=None, shown=None)) == 2


def test_a_locked_app_tells_no_name() -> None:
    written = Desk(level=Level.FULL).receive(ADA, hidden=True)
    assert written == ["\a", "\x1b]9;Loom: New message\a"]


def test_a_muted_contact_is_not_told_of() -> None:
    desk = Desk()
    desk.decide(muted=True)
    assert desk.receive(ADA) == []


@pytest.mark.parametrize(
    ("level", "written"),
    [
        (Level.FULL, ["\a", "\x1b]9;Loom: Ada: secret\a"]),
        (Level.SENDER, ["\a", "\x1b]9;Loom: Ada\a"]),
        (Level.NOTHING, []),
    ],
)
def test_the_level_says_how_much(level: Level, written: list[str]) -> None:
    assert Desk(level=level).receive(ADA) == written


def test_a_flood_rings_once_and_is_counted() -> None:
    desk = Desk()
    assert len(desk.receive(ADA, ADA, ADA)) == 2
    assert desk.receive(ADA) == []
    desk.now_s += AGAIN_S
    assert len(desk.receive(ADA)) == 2
    desk.now_s += AGAIN_S
    assert desk.receive(*range(10, 20)) == ["\a", "\x1b]9;Loom: Messages from 10 contacts\a"]


@pytest.mark.parametrize("way", [Way.OSC_9, Way.OSC_777])
@pytest.mark.parametrize("tmux", ["", "socket"])
def test_no_remote_text_ends_the_sequence_or_begins_another(way: Way, tmux: str) -> None:
    desk = Desk(level=Level.FULL, way=way, bell=False, environment={"TERM": "x", "TMUX": tmux})
    evil = "a;b\a\x1b]0;title\x07\x1b\\\x9c\u202e\r\n" * 50
    [sequence] = desk.receive(ADA, name=evil, body=evil)
    if tmux:
        assert sequence.startswith("\x1bPtmux;\x1b\x1b]")
        assert sequence.endswith("\a\x1b\\")
        sequence = sequence.removeprefix("\x1bPtmux;\x1b").removesuffix("\x1b\\")
    inside = sequence[1:-1]
    assert sequence[0] == "\x1b"
    assert sequence[-1] == "\a"
    assert inside.isprintable()
    assert inside.count(";") == (1 if way is Way.OSC_9 else 3)
    assert len(inside) < 300


def test_each_terminal_is_told_as_it_understands() -> None:
    assert way_of_terminal({"TERM": "linux"}) is Way.BELL
    assert way_of_terminal({"TERM": "foot"}) is Way.OSC_777
    assert way_of_terminal({"TERM": "xterm-256color", "VTE_VERSION": "7000"}) is Way.OSC_777
    assert way_of_terminal({"TERM": "xterm-kitty"}) is Way.OSC_9
    assert Desk(way=Way.BELL, bell=False).receive(ADA) == ["\a"]
