"""A node on another machine that answers as it likes: the app draws it or says what is wrong."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar, get_args

import pytest

from fuzz.answers import hostile_struct
from fuzz.draw import Draw
from loom.api.command import Command, result_type
from loom.api.events import AnyEvent, Event, NodeStopped
from loom.api.profile_commands import Status
from loom.control.cleaning import Cleaner
from loom.control.lines import decode_event, decode_result, packed
from loom.errors import ControlError, LoomError, RemoteError
from loom.front.signs import Signs
from loom.printable import printable
from loom.tui.app import LoomApp

R = TypeVar("R")
EVENTS: tuple[type[Event], ...] = tuple(
    kind for kind in get_args(AnyEvent) if kind is not NodeStopped
)
TRIES = 20
KEYS = (
    *("pageup", "pagedown", "up", "down", "home", "end", "escape", "tab", "enter", "space"),
    *("f1", "ctrl+p", "ctrl+f", "alt+up", "alt+down", "alt+u", "x", "y", "o", "d"),
    *("r", "e", "plus", "v", "f", "p", "b", "X", "D", "u"),
)
COMMANDS = (
    *("/contact", "/verify", "/peers", "/connectivity", "/token", "/log", "/settings", "/report"),
    *("/search x", "/add", "/open Bob", "/rename Eve", "/block", "/unblock", "/mute", "/retry"),
    *("/reply x", "/edit x", "/react", "/react tada", "/message", "/forward", "/forward Bob"),
    *("/pin", "/unpin", "/pins", "/bookmark", "/bookmarks", "/delete", "/unsend"),
)


class HostileNode:
    """A Client whose answers a fuzzer drew, made harmless as those of a pipe are."""

    def __init__(self, seed: int) -> None:
        self.bytes = random.Random(seed)
        self.cleaner = Cleaner()

    @property
    def draw(self) -> Draw:
        return Draw(self.bytes.randbytes(2_000))

    async def send(self, command: Command[R]) -> R:
        await asyncio.sleep(0)
        kind = result_type(type(command))
        for _ in range(TRIES if isinstance(command, Status) else 3):
            made = json.dumps(hostile_struct(kind, self.draw))  # type: ignore[arg-type]
            try:
                return self.cleaner.answer(
                    decode_result(packed(json.loads(made)), command), command
                )
            except LoomError:
                continue
        raise RemoteError(host="far", what="\x1b[2J it is what it is")

    async def events(self, after: int | None = None) -> AsyncIterator[AnyEvent]:
        while True:
            made = hostile_struct(self.bytes.choice(EVENTS), self.draw)
            try:
                event = self.cleaner.clean(decode_event(packed(made)))
            except (ControlError, UnicodeEncodeError):
                continue
            yield event
            await asyncio.sleep(0.2)

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("seed", range(6))
async def test_it_is_drawn_or_told_and_never_ends_the_app(seed: int, tmp_path: Path) -> None:
    node, keys = HostileNode(seed), random.Random(seed)
    app = LoomApp(node, profile="work", config=tmp_path, signs=Signs(unicode=True), host="far")
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(25):
            if keys.random() < 0.4:
                await pilot.press("escape", "escape")
                app.chat.composer.set(keys.choice(COMMANDS))
                await pilot.press("enter")
            else:
                await pilot.press(keys.choice(KEYS))
            for strip in app.screen._compositor.render_strips():
                text = "".join(segment.text for segment in strip)
                assert printable(text) == text
        assert app.is_running
