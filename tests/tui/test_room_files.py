"""Files in rooms as a person meets them: posted, taken, told apart from those of a contact."""

from pathlib import Path

import pytest
from textual.events import Paste

from loom.api.file_commands import AcceptFile, DeclineFile, SendFile
from loom.api.room_commands import PostFile
from loom.media.pictures import Picture
from loom.tui.screens import picture
from loom.tui.screens.file import FilePanel
from loom.tui.screens.picture import PicturePanel
from loom.tui.screens.sending import SendPanel
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.sharing import SharingNode, gradient
from tests.tui.test_files import press, screen, told

ROOM = "01" * 32


@pytest.fixture
def node() -> SharingNode:
    """Ada, a contact; the room Orchard with Bob and two channels, which is open."""
    node = SharingNode()
    node.add("Ada", verified=True, session="established")
    room = node.add_room("Orchard")
    node.enter(room, "Bob", "member", "-")
    node.open_channel(room, "plans")
    node.post(room, "Bob", "which apples?", unread=False)
    return node


async def test_a_dropped_file_is_posted_in_the_channel_after_a_question(
    node: SharingNode, opened: Opened, tmp_path: Path
) -> None:
    path = tmp_path / "apples.png"
    path.write_bytes(b"x" * 2_100_000)
    async with opened(node) as (app, pilot):
        await press(pilot, "alt+down")
        assert "#plans" in text_of(app)[0]
        app.screen.post_message(Paste(str(path)))
        await settle(pilot)
        assert isinstance(app.screen, SendPanel)
        assert "Send apples.png (2.1 MB) to Orchard #plans?" in screen(app)
        assert "Each member decides" in screen(app)
        await press(pilot, *"ripe", "enter", "enter")
        [sent] = told(node, PostFile)
        assert isinstance(sent, PostFile)
        assert (sent.room, sent.channel, sent.caption) == ("#1", "plans", "ripe")
        assert not told(node, SendFile)
        assert "apples.png  2.1 MB" in screen(app)
        assert "offered to the room" in screen(app)


async def test_a_file_of_a_member_is_taken_with_its_thumbnail_and_progress(
    node: SharingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        file = node.post_file(ROOM, "Bob", "apples.png", "ripe", thumbnail=gradient(24, 12))
        await settle(pilot)
        assert "apples.png  2.1 MB" in screen(app)
        assert "\N{UPPER HALF BLOCK}" in screen(app) or "\N{LOWER HALF BLOCK}" in screen(app)
        await press(pilot, "escape", "enter")
        assert [one.file_id for one in told(node, AcceptFile)] == [file.file_id]  # type: ignore[attr-defined]
        assert "accepted; waiting for Bob or" in screen(app)
        node.move(file, 1_050_000, 500_000)
        await settle(pilot)
        assert " 50%" in screen(app)
        node.become(file, "done", is_here=True)
        await settle(pilot)
        assert "here; " in screen(app)


async def test_one_may_decline_and_take_it_later(node: SharingNode, opened: Opened) -> None:
    async with opened(node) as (app, pilot):
        file = node.post_file(ROOM, "Bob", "apples.png")
        await settle(pilot)
        await press(pilot, "escape", "x")
        assert "Nobody is told." in screen(app)
        await press(pilot, "X")
        assert len(told(node, DeclineFile)) == 1
        assert "declined" in screen(app)
        await press(pilot, "escape", "escape", "enter")
        assert len(told(node, AcceptFile)) == 1
        app.push_screen(FilePanel(app, node.files[file.file_id]))
        await settle(pilot)
        assert "Orchard" in screen(app)
        assert "Go to the post" in screen(app)


async def test_pictures_of_a_room_are_shown_one_after_the_other(
    node: SharingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the room, not those of a contact."""
    small = gradient(4, 2)
    shown = Picture(small.width, small.height, small.rgb, 400, 200, 1)
    monkeypatch.setattr(picture, "pixels", lambda *_, **__: shown)
    node.keep("Ada", "hers.png", b"x")
    came = [
        node.post_file(ROOM, "Bob", name, state="done", is_here=True, size_bytes=1)
        for name in ("first.png", "second.png")
    ]
    node.contents |= {one.file_id: b"x" for one in came}
    async with opened(node) as (app, pilot):
        app.open_panel(PicturePanel(app, came[1]))
        await settle(pilot)
        await settle(pilot)
        assert "second.png · 1 byte · 400 x 200 · 2 of 2" in screen(app)
        await press(pilot, "p")
        assert "first.png · 1 byte · 400 x 200 · 1 of 2" in screen(app)


async def test_a_file_that_is_here_is_forwarded_to_contacts_and_into_channels(
    node: SharingNode, opened: Opened
) -> None:
    """By its id: the node offers its own copy, with the caption."""
    file = node.post_file(ROOM, "Bob", "apples.png", "ripe", state="done", is_here=True)
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "f")
        assert "Forward this message to" in screen(app)
        assert "Orchard #plans" in screen(app)
        await press(pilot, "escape")
        ada, plans = app.model.find("Ada"), app.model.find_channel("Orchard #plans")
        assert ada is not None
        assert plans is not None
        posts = app.chat.reader.window.messages  # type: ignore[union-attr]
        post = next(one for one in posts if one.file is not None)
        await app.chat.acts.send_on([post], [ada, plans])
        await settle(pilot)
        assert "Forwarded to Ada, Orchard #plans." in screen(app)
    [to_ada], [to_plans] = told(node, SendFile), told(node, PostFile)
    assert isinstance(to_ada, SendFile)
    assert isinstance(to_plans, PostFile)
    for sent in (to_ada, to_plans):
        assert (sent.file_id, sent.caption, sent.path, sent.upload_id) == (
            *(file.file_id, "ripe"),
            *("", ""),
        )
    assert to_plans.channel == "plans"
