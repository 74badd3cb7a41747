"""Pictures as large as the screen: what is written for pixels, and what the terminal answers."""

import re
from base64 import b64decode
from pathlib import Path
from zlib import decompress

import pytest
from textual.events import Key
from textual.message import Message
from textual.pilot import Pilot

from loom.errors import MediaUnreadable
from loom.media.pictures import Picture
from loom.tui import graphics
from loom.tui.app import LoomApp
from loom.tui.graphics import Answered, Way, can_draw_pixels, drawn, gone, resized, way_of
from loom.tui.screens import picture
from loom.tui.screens.picture import PicturePanel
from loom.tui.terminal_input import STALLED_TURNS, TerminalInput
from tests.tui.conftest import Opened, settle, text_of
from tests.tui.sharing import SharingNode, gradient

OK = "\x1b_Gi=31;OK\x1b\\"
VT340 = "\x1b[?64;1;2;4;22c"
PLAIN = "\x1b[?62;22c"


# --- what the terminal says ---


@pytest.mark.parametrize(
    ("answers", "way"),
    [
        (OK + PLAIN, Way.KITTY),
        (OK, Way.KITTY),
        (VT340, Way.SIXEL),
        (PLAIN, Way.BLOCKS),
        ("\x1b[?4c", Way.BLOCKS),  # a terminal of class 4 says nothing of Sixel by that
        ("\x1b_Gi=31;EINVAL\x1b\\" + PLAIN, Way.BLOCKS),
        ("", None),
    ],
)
def test_the_terminal_says_what_it_can(answers: str, way: Way | None) -> None:
    assert way_of(answers) is way


def pressed(messages: list[Message]) -> str:
    return "".join(one.character or "" for one in messages if isinstance(one, Key))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
def test_answers_are_cut_out_of_what_is_typed_however_they_arrive(size: int) -> None:
    stream = f"he{OK}ll{VT340}o"
    typed = TerminalInput()
    found: list[Message] = []
    for start in range(0, len(stream), size):
        found += typed.feed(stream[start : start + size])
    found += typed.quiet()
    assert [one.answer for one in found if isinstance(one, Answered)] == [OK, VT340]
    assert pressed(found) == "hello"


def test_an_answer_that_never_ends_holds_back_no_key() -> None:
    typed = TerminalInput()
    assert not typed.feed("\x1b[?62")
    found = [one for _ in range(STALLED_TURNS) for one in typed.quiet()]
    found += typed.feed("x") + typed.feed("\x1b_") + typed.quiet()
    assert pressed(found) == "x"


def test_an_answer_inside_a_paste_is_text() -> None:
    typed = TerminalInput()
    found = typed.feed(f"\x1b[200~{OK}\x1b[201~") + typed.quiet()
    assert not any(isinstance(one, Answered) for one in found)


@pytest.mark.parametrize(
    ("pictures", "environ", "asks"),
    [
        ("auto", {}, True),
        ("auto", {"SSH_TTY": "/dev/pts/1"}, False),
        ("sharp", {"SSH_TTY": "/dev/pts/1"}, True),
        ("blocks", {}, False),
        ("off", {}, False),
    ],
)
def test_over_ssh_pixels_come_only_where_the_setting_says_so(
    pictures: str, environ: dict[str, str], asks: bool
) -> None:
    assert can_draw_pixels(pictures, environ) is asks


# --- what is written ---


def test_kittys_protocol_carries_the_pixels_and_leaves_the_cursor() -> None:
    pixels = bytes(range(256)) * 3 * 40
    written = drawn(Way.KITTY, pixels, 64, 160, 3, 1)
    assert written.startswith("\x1b7\x1b[2;4H")
    assert written.endswith("\x1b8")
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", written)
    head = dict(one.split("=") for one in parts[0][0].split(","))
    assert (head["s"], head["v"], head["f"], head["q"], head["C"]) == ("64", "160", "24", "2", "1")
    assert [one[0][-3:] for one in parts[:-1]] == ["m=1"] * (len(parts) - 1)
    assert parts[-1][0].endswith("m=0")
    assert all(len(one[1]) <= graphics.CHUNK for one in parts)
    assert decompress(b64decode("".join(one[1] for one in parts))) == pixels
    assert "a=d" in gone(Way.KITTY)


def test_sixel_is_one_sequence() -> None:
    small = gradient(16, 12)
    written = drawn(Way.SIXEL, small.rgb, 16, 12, 0, 0)
    body = written.removeprefix("\x1b7\x1b[1;1H").removesuffix("\x1b8")
    assert body.startswith("\x1bP")
    assert body.endswith("\x1b\\")
    assert body.count("\x1b") == 2
    assert gone(Way.SIXEL) == ""


def test_a_part_of_a_picture_is_made_smaller() -> None:
    red_and_blue = (b"\xff\0\0" * 4 + b"\0\0\xff" * 4) * 8
    assert resized((red_and_blue, 8, 8), (0, 0, 2, 8), 1, 2) == b"\xff\0\0" * 2


# --- the screen ---


@pytest.fixture
def node() -> SharingNode:
    """Two pictures of Ada's that are here."""
    node = SharingNode()
    node.add("Ada")
    node.keep("Ada", "first.png", b"1")
    node.keep("Ada", "second.png", b"2")
    return node


def decoded(data: bytes, width: int, height: int, *, is_unconfined: bool = False) -> Picture:
    assert (width, height) == picture.DECODED
    if data == b"bad":
        raise MediaUnreadable(reason="it is damaged")
    found = gradient(40, 20)
    return Picture(40, 20, found.rgb, 400, 200, 1)


@pytest.fixture(autouse=True)
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "pixels", decoded)


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


async def test_enter_shows_a_picture_and_n_and_p_the_others(
    node: SharingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "enter")
        assert isinstance(app.screen, PicturePanel)
        assert "second.png · 1 byte · 400 x 200 · 2 of 2" in screen(app)
        assert "▀" * 40 in screen(app)
        await press(pilot, "p")
        assert "first.png" in screen(app)
        await press(pilot, "p", "plus")
        assert "1.5x" in screen(app)
        await press(pilot, "escape")
        assert "first.png  1 byte  picture" in screen(app)


@pytest.mark.parametrize("size", [(20, 5), (3, 3), (1, 1)])
@pytest.mark.parametrize("way", [Way.BLOCKS, Way.SIXEL, Way.KITTY])
async def test_the_smallest_screens_show_something(
    node: SharingNode, opened: Opened, size: tuple[int, int], way: Way
) -> None:
    async with opened(node, size) as (app, pilot):
        app.picture_way, app._answers = way, ""
        app.open_panel(PicturePanel(app, next(iter(node.files.values()))))
        await settle(pilot)
        await press(pilot, "plus", "left", "up", "n", "minus", "0")
        assert len(text_of(app)) == size[1]
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "second.png" in screen(app)


async def test_a_picture_that_cannot_be_decoded_says_why(node: SharingNode, opened: Opened) -> None:
    node.keep("Ada", "bad.png", b"bad")
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "enter")
        assert "it is damaged" in screen(app)
        await press(pilot, "p")
        assert "damaged" not in screen(app)


async def test_a_name_alone_makes_no_picture(node: SharingNode, opened: Opened) -> None:
    node.keep("Ada", "not.png", b"x", media_type="application/octet-stream")
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "enter")
        assert not isinstance(app.screen, PicturePanel)


async def test_a_picture_that_is_removed_is_shown_no_longer(
    node: SharingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "enter")
        shown = app.screen
        assert isinstance(shown, PicturePanel)
        node.become(list(node.files.values())[1], "done", is_here=False)
        await settle(pilot)
        await settle(pilot)
        assert "second.png · 1 byte · 400" not in screen(app)


async def test_pixels_are_drawn_over_blank_cells_and_taken_away_again(
    node: SharingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    async with opened(node) as (app, pilot):
        monkeypatch.setattr(app, "write_terminal", written.append)
        monkeypatch.setattr(app, "cell_size", lambda: (10, 20))
        await press(pilot, "escape", "enter")
        shown = app.screen
        assert isinstance(shown, PicturePanel)
        assert written[0] == graphics.QUERY
        assert shown.over() == ""
        app.post_message(Answered(OK))
        await settle(pilot)
        assert "\x1b_G" in shown.over()
        assert "▀" not in screen(app)
        app.lock()
        await pilot.pause()
        assert written[-1] == gone(Way.KITTY)


async def test_a_terminal_that_answers_without_end_is_not_listened_to(
    node: SharingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        app.post_message(Answered(OK))  # nobody asked
        await settle(pilot)
        assert app.picture_way is Way.BLOCKS
        app.ask_picture_way()
        for _ in range(100):
            app.post_message(Answered("\x1b_Gi=7;" + "x" * 60 + "\x1b\\"))
        await settle(pilot)
        assert app.picture_way is Way.BLOCKS
        assert len(app._answers or "") < graphics.ANSWERS_MAX + 100


def test_the_config_takes_the_four_ways_only(tmp_path: Path) -> None:
    from loom.tui.settings import read_or_default

    (tmp_path / "config.toml").write_text('pictures = "sharp"\n')
    assert read_or_default(tmp_path)[0].pictures == "sharp"
    (tmp_path / "config.toml").write_text('pictures = "huge"\n')
    settings, why = read_or_default(tmp_path)
    assert settings.pictures == "auto"
    assert 'pictures must be "auto"' in why
