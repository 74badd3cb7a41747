"""The app over a fake node, in a terminal of any size that is not there."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import _wait
from textual.app import App
from textual.pilot import Pilot

from loom.front.signs import Signs
from loom.tui.app import LoomApp
from tests.fakes import FakeNode
from tests.tui.talking import TalkingNode

LIMIT_S = 60.0
# A key counts as handled once the process was idle for so long, or did so little.
_wait.SLEEP_GRANULARITY = 0.01
_wait.SLEEP_IDLE = 0.000_5

HOLD_S = 0.005
"""A letter of the selection waits no longer than this for another one, unless a test says so."""
Opened = Callable[..., AbstractAsyncContextManager[tuple[LoomApp, Pilot[None]]]]


@contextmanager
def in_utc() -> Iterator[None]:
    """Times are shown in the reader's zone: here always the same one."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


@pytest.fixture(autouse=True)
def utc() -> Iterator[None]:
    """For every test here."""
    with in_utc():
        yield


@pytest.fixture
def node() -> TalkingNode:
    """Ada, Bob and what was said."""
    node = TalkingNode()
    node.add("Bob", online=False, session="none")
    node.add("Ada", verified=True, session="established")
    node.say("Bob", "call me when you are back")
    node.say("Ada", "see you at noon")
    node.say("Ada", "will do", direction="out", state="read")
    return node


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Opens the app over a node; everything is settled when it is handed out."""

    @asynccontextmanager
    async def open_(
        node: TalkingNode,
        size: tuple[int, int] = (80, 24),
        *,
        unicode: bool = True,
        hold_s: float = HOLD_S,
    ) -> AsyncIterator[tuple[LoomApp, Pilot[None]]]:
        app = LoomApp(node, profile="work", config=tmp_path, signs=Signs(unicode))
        app.chat.selection.hold_s = hold_s
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            yield app, pilot
        await node.close()

    return open_


async def settle(pilot: Pilot[None]) -> None:
    """Until nothing is under way any more but following the events."""
    app = pilot.app
    assert isinstance(app, LoomApp)
    clock = asyncio.get_running_loop()
    deadline = clock.time() + LIMIT_S
    while clock.time() < deadline:
        await pilot.pause(0.005)
        busy = [one for one in app.workers if one.is_running and one.name != "events"]
        begun = app.model.status is not None and app.model.connected
        heard = not isinstance(app.client, FakeNode) or app._seq >= len(app.client.stored)
        shown = not app._pending and app._flushing is None and not app._stale
        shown = shown and not app.chat.selection.holds
        if begun and heard and shown and not busy:
            await pilot.pause()
            return
    raise AssertionError("the app does not come to rest")


async def until(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Once it holds, however long that takes."""
    async with asyncio.timeout(LIMIT_S):
        while not holds():
            await pilot.pause(0.005)


async def until_shown(pilot: Pilot[Any], words: str) -> None:
    """Once the words are on the screen."""
    await until(pilot, lambda: words in "\n".join(text_of(pilot.app)))


def text_of(app: App[Any]) -> list[str]:
    """The rows of the screen."""
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip).rstrip() for strip in strips]


def prose_of(app: App[Any]) -> str:
    """What the screen says, without frames and line breaks."""
    strips = app.screen._compositor.render_strips()
    rows = ["".join(segment.text for segment in strip) for strip in strips]
    text = re.sub(r"[│█▀▄]", " ", " ".join(rows))
    return " ".join(text.split())
