"""The first events are shown as they come; only a flood is gathered."""

from collections import deque

import pytest

from loom.tui import app as app_module
from loom.tui.app import AT_ONCE
from tests.tui.conftest import Opened, until, until_shown
from tests.tui.talking import TalkingNode


async def test_a_few_events_wait_for_nothing_and_a_flood_is_gathered(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(node) as (app, pilot):
        monkeypatch.setattr(app_module, "GATHER_S", 3_600.0)
        app._shown_s = deque([-1e9] * AT_ONCE, maxlen=AT_ONCE)

        for number in range(AT_ONCE):
            node.receive("Ada", f"single {number}")
            await until_shown(pilot, f"single {number}")
        node.receive("Ada", "one too many")
        await until(pilot, lambda: app._pending)
        assert len(app._pending) == 1
        app._show_pending()
        await until_shown(pilot, "one too many")
