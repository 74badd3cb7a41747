"""The screens about paths, log and settings; see tests/tui/test_snapshots.py."""

import pytest

from tests.tui.conftest import Opened, settle
from tests.tui.pictures import compare
from tests.tui.talking import TalkingNode
from tests.tui.test_connectivity import paths
from tests.tui.test_snapshots import SIZES


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", ["connectivity", "log", "settings"])
async def test_it_looks_as_it_did(
    node: TalkingNode, opened: Opened, screen: str, size: str
) -> None:
    node.paths = paths()
    node.log = [
        "2026-11-20 12:00:03,120 WARNING loom.node.inbox: contact 1: not taken in: disk_full",
        "2026-11-20 12:00:04,001 ERROR loom.node.peer: inbox of contact 1 failed: ValueError",
        "ValueError at loom/node/inbox.py:120 in _run <- loom/node/peer.py:71 in spawn",
    ]
    async with opened(node, SIZES[size]) as (app, pilot):
        await pilot.press(*f"/{screen}", "enter")
        await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare(f"{screen}-{size}", picture)


async def test_connectivity_without_utf_8(node: TalkingNode, opened: Opened) -> None:
    node.paths = paths()
    async with opened(node, unicode=False) as (app, pilot):
        await pilot.press("ctrl+t")
        await settle(pilot)
        picture = app.export_screenshot(title="Loom")
    compare("connectivity-ascii", picture)
