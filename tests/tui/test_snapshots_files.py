"""Files, as they looked when somebody looked at them (see `test_snapshots`)."""

from datetime import date
from pathlib import Path

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from loom.media.pictures import Picture
from loom.tui import times
from loom.tui.app import LoomApp
from loom.tui.screens import files as files_screen
from loom.tui.screens import picture
from tests.fakes import NOW_MS
from tests.tui.conftest import Opened, settle
from tests.tui.pictures import compare
from tests.tui.sharing import SharingNode, gradient

DAY = date(2026, 11, 18)
SIZES = {"80x24": (80, 24), "120x40": (120, 40)}


@pytest.fixture
def node() -> SharingNode:
    """Every state that one sees at once, hostile names among them."""
    node = SharingNode()
    node.add("Ada", verified=True, session="established")
    node.say("Ada", "look at this")
    node.offer_file("Ada", "hut.png", "the *hut*, at noon", thumbnail=gradient(64, 48))
    node.offer_file(
        "Ada",
        "minutes of the whole year.pdf",
        media_type="application/pdf",
        state="receiving",
        way="direct",
        received_bytes=900_000,
    )
    node.offer_file("Ada", "letter.txt", direction="out", media_type="text/plain", state="declined")
    node.offer_file(
        "Ada",
        "\x1b[31mx\u202egnp" * 30 + ".exe",
        "[red]run me[/x]",
        is_executable=True,
        state="paused",
        why="disk_full",
        received_bytes=1_000_000,
    )
    node.keep("Ada", "bells.png", b"x" * 40_000, way="anchor")
    node.offer_file(
        "Ada", "late.zip", media_type="application/zip", state="failed", why="file_changed"
    )
    return node


def decoded(data: bytes, width: int, height: int, *, is_unconfined: bool = False) -> Picture:
    found = gradient(60, 40)
    return Picture(found.width, found.height, found.rgb, 3_000, 2_000, 1)


@pytest.fixture(autouse=True)
def always_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A day on which everything was sent, one's own folder, and no decoder."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "hut.png").write_bytes(b"x" * 2_100_000)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(times, "today", lambda: DAY)
    monkeypatch.setattr(files_screen, "now_ms", lambda: NOW_MS)
    monkeypatch.setattr(picture, "pixels", decoded)


async def drop(app: LoomApp, pilot: Pilot[None]) -> None:
    app.screen.post_message(Paste("~/hut.png"))
    await settle(pilot)
    await pilot.press(*"from the hut")


ACTS: dict[str, tuple[str, ...]] = {
    "timeline": (),
    "selected": ("escape", *("up",) * 5),
    "declining": ("escape", *("up",) * 5, "x"),
    "files": (*"/files", "enter"),
    "file": ("escape", *("up",) * 4, "v", "enter"),
    "saving": ("escape", "up", "s"),
    "looking": ("escape", "up", "enter"),
    "looking-closer": ("escape", "up", "enter", "plus", "plus"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", [*ACTS, "sending"])
async def test_files_look_as_they_did(
    node: SharingNode, opened: Opened, name: str, size: str
) -> None:
    async with opened(node, SIZES[size]) as (app, pilot):
        node.move(list(node.files.values())[1], 1_200_000, 310_000)
        await settle(pilot)
        for key in ACTS.get(name, ()):
            await pilot.press(key)
            await settle(pilot)
        if name == "sending":
            await drop(app, pilot)
            await settle(pilot)
        shown = app.export_screenshot(title="Loom")
    compare(f"files-{name}-{size}", shown)


async def test_files_look_as_they_did_in_ascii(node: SharingNode, opened: Opened) -> None:
    async with opened(node, SIZES["80x24"], unicode=False) as (app, pilot):
        await settle(pilot)
        shown = app.export_screenshot(title="Loom")
    compare("files-timeline-ascii", shown)
