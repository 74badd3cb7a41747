"""Files in the app: how an offer looks, what keys and clicks do, sending, saving, housekeeping."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual.events import Paste
from textual.pilot import Pilot

from loom.api.events import FileChanged
from loom.api.file_commands import (
    AcceptFile,
    CancelFile,
    DeclineFile,
    PauseFile,
    RemoveFile,
    ResumeFile,
    SendFile,
)
from loom.api.file_views import FileView
from loom.errors import NoSoundDevice
from loom.front.export import facts
from loom.front.file_words import percent, short_name, size_words
from loom.front.signs import Signs
from loom.media.kinds import OPUS
from loom.media.sound import Samples, Waveform
from loom.tui.app import LoomApp
from loom.tui.cells import width_of
from loom.tui.chat import layout, window
from loom.tui.content.file import BAR_CELLS
from loom.tui.content.half_blocks import half_blocks
from loom.tui.keys import DELETES_FOR_BOTH
from loom.tui.paths import complete_path, pasted_paths
from loom.tui.screens import saving, sending, voice
from loom.tui.screens.file import FilePanel
from loom.tui.screens.files import FilesPanel
from loom.tui.screens.saving import SavePanel
from loom.tui.screens.sending import SendPanel
from loom.tui.screens.voice import VoicePanel
from loom.tui.times import now_ms
from tests.tui.conftest import Opened, prose_of, settle, text_of
from tests.tui.looks import look
from tests.tui.sharing import SharingNode, gradient


@pytest.fixture
def node() -> SharingNode:
    """Ada, and one text of hers."""
    node = SharingNode()
    node.add("Ada", verified=True, session="established")
    node.say("Ada", "look at this")
    return node


def screen(app: LoomApp) -> str:
    return "\n".join(text_of(app))


def told(node: SharingNode, kind: type) -> list[object]:
    return [one for one in node.sent if isinstance(one, kind)]


def is_in_chat(app: LoomApp) -> bool:
    return app.screen is app.chat


async def press(pilot: Pilot[None], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


# --- how it looks ---


async def test_an_offer_says_what_it_is_and_which_key_takes_it(
    node: SharingNode, opened: Opened
) -> None:
    node.offer_file("Ada", "hut.png", "the *hut*", thumbnail=gradient(16, 8))
    async with opened(node) as (app, _):
        shown = screen(app)
        assert "hut.png  2.1 MB  picture" in shown
        assert "the *hut*" in shown
        assert "offered; Enter takes it" in shown
        assert "▀" * 16 in shown


@pytest.mark.parametrize(
    ("state", "facts", "direction", "words"),
    [
        ("offered", {"why": "files_full"}, "in", "offered, not taken by itself: no room left"),
        ("accepted", {}, "in", "accepted; waiting for Ada"),
        ("paused", {"received_bytes": 1_050_000}, "in", "paused at 50%; p goes on"),
        ("paused", {"why": "disk_full"}, "in", "paused at 0%: no room on the disk; p goes on"),
        ("done", {"is_here": True, "way": "anchor"}, "in", "here; Enter opens it · by anchor"),
        ("done", {}, "in", "removed from this machine"),
        ("done", {"way": "direct"}, "out", "Ada has it · direct"),
        ("declined", {}, "out", "Ada declined it"),
        ("cancelled", {}, "in", "cancelled"),
        ("failed", {"why": "file_changed"}, "in", "failed: the sender's file changed"),
        ("failed", {"why": "store_unavailable"}, "in", "failed: "),
    ],
)
async def test_every_state_is_said_in_words(
    node: SharingNode,
    opened: Opened,
    state: str,
    facts: dict[str, Any],
    direction: str,
    words: str,
) -> None:
    node.offer_file("Ada", "a.bin", direction=direction, state=state, **facts)
    async with opened(node, (100, 24)) as (app, _):
        assert words in prose_of(app)


async def test_a_file_on_its_way_has_a_bar_with_time_left_and_rate(
    node: SharingNode, opened: Opened
) -> None:
    file = node.offer_file("Ada", "a.iso", size_bytes=1_000_000, state="accepted")
    async with opened(node, (100, 24)) as (app, pilot):
        before = text_of(app)
        node.move(file, 250_000, 50_000)
        await settle(pilot)
        [row] = [one for one in text_of(app) if "%" in one]
        assert row.rstrip().endswith("25%  0:15 left  50 kB/s")
        assert row.count("█") == BAR_CELLS // 4
        now = text_of(app)
        assert sum(a != b for a, b in zip(before, now, strict=True)) == 1  # only its own row
        node.become(file, "done", is_here=True, received_bytes=1_000_000)
        await settle(pilot)
        assert "here; Enter opens it" in screen(app)
        assert "a.iso from Ada is here." in screen(app)


async def test_a_progress_that_only_repeats_itself_lays_nothing_out_again(
    node: SharingNode, opened: Opened
) -> None:
    file = node.offer_file("Ada", "a.iso", size_bytes=1_000_000, state="receiving")
    async with opened(node) as (app, pilot):
        node.move(file, 250_000, 50_000)
        await settle(pilot)
        shown = app.chat.reader.window
        assert shown is not None
        assert not shown.move(file.file_id, 250_000, 50_000)
        assert shown.move(file.file_id, 250_001, 50_000)


async def test_a_rate_is_not_shown_when_nothing_came_for_a_while(
    node: SharingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = node.offer_file("Ada", "a.iso", size_bytes=1_000_000, state="receiving")
    async with opened(node, (100, 24)) as (app, pilot):
        node.move(file, 250_000, 50_000)
        await settle(pilot)
        assert "50 kB/s" in screen(app)
        then_ms = now_ms()
        monkeypatch.setattr(window, "now_ms", lambda: then_ms + 4_000)
        app.chat.timeline.look_again()
        await settle(pilot)
        assert "25%" in screen(app)
        assert "kB/s" not in screen(app)


HOSTILE = [
    "\x1b[31m\x1b]2;owned\x07.png",
    "../../.bashrc",
    "invoice\u202egnp.exe",
    "[red]bold[/red] [/x].txt",
    "a" * 255,
    "日本語" * 40 + ".pdf",
    "👨‍👩‍👧" * 30,
    "e\u0301\u0301\u0301\u0301\u0301\u0301.txt",
    "line\nbreak\ttab.txt",
]


@pytest.mark.parametrize("width", [20, 38, 60, 100])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_and_caption_stay_in_their_cells(name: str, width: int) -> None:
    node = SharingNode()
    node.add("Ada")
    for state in ("offered", "receiving", "failed", "paused"):
        node.offer_file(
            "Ada", name, name * 3, state=state, way="direct", thumbnail=gradient(64, 48)
        )
    for message in node.messages:
        block = layout.lay_out(
            message, None, width=width, look=look(Signs(True)), rate_bytes_per_s=999_999
        )
        for line in block:
            assert layout.width_of_line(line) <= width
            assert "\x1b" not in "".join(piece.text for piece in line if piece.role != "text")


async def test_a_hostile_file_leaves_the_rest_of_the_screen_alone(
    node: SharingNode, opened: Opened
) -> None:
    for name in HOSTILE:
        node.offer_file("Ada", name, f"{name} [/x] \x1b[2J", state="failed", why="\x1b[31m")
    async with opened(node) as (app, pilot):
        shown = screen(app)
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert text_of(app)[0].startswith(" ● Ada")
        await press(pilot, *"/files", "enter")
        assert isinstance(app.screen, FilesPanel)
        assert "\u202e" not in screen(app)


def test_the_ending_of_a_long_name_is_always_shown() -> None:
    assert short_name("a" * 300 + ".exe", 20, "…").endswith(".exe")
    assert len(short_name("a" * 300 + ".exe", 20, "…")) == 20


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (9_999, "10 kB"),
        (999_499, "999 kB"),
        (999_600, "1.0 MB"),
        (2_100_000, "2.1 MB"),
        (17_179_869_184, "17 GB"),
    ],
)
def test_sizes_are_short(size: int, words: str) -> None:
    assert size_words(size) == words


def test_not_all_of_it_is_not_a_hundred_percent() -> None:
    file = SharingNode()
    file.add("Ada")
    view = file.offer_file("Ada", "a", size_bytes=10_000, received_bytes=9_999)
    assert percent(view) == 99
    assert percent(msgspec.structs.replace(view, size_bytes=0, received_bytes=0)) == 100


@pytest.mark.parametrize(("width", "height", "size"), [(2, 2, 11), (0, 4, 0), (-1, -1, 3)])
def test_pixels_that_are_not_what_they_say_are_not_drawn(
    width: int, height: int, size: int
) -> None:
    assert half_blocks(bytes(size), width, height, 24, 6) == ()


def test_half_blocks_keep_the_shape_and_stay_in_their_cells() -> None:
    small = gradient(64, 48)
    lines = half_blocks(small.rgb, 64, 48, 24, 6)
    assert len(lines) == 6
    assert {sum(width_of(piece.text) for piece in line) for line in lines} == {16}
    assert half_blocks(b"\xff\0\0", 1, 1, 24, 6)[0][0].role == "icon: #f80000"


async def test_without_colours_or_pictures_there_is_no_thumbnail(
    node: SharingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.offer_file("Ada", "hut.png", thumbnail=gradient(16, 8))
    async with opened(node) as (app, pilot):
        app.use_pictures("off")
        await settle(pilot)
        assert "▀▀▀" not in screen(app)
    monkeypatch.setenv("NO_COLOR", "1")
    node.reopen()
    async with opened(node) as (app, _):
        app.look.pictures = "auto"
        assert "▀▀▀" not in screen(app)


# --- keys and the mouse ---


async def test_enter_takes_an_offer(node: SharingNode, opened: Opened) -> None:
    file = node.offer_file("Ada", "hut.png")
    async with opened(node) as (app, pilot):
        await press(pilot, "escape")
        assert "Enter take" in screen(app)
        assert "x decline" in screen(app)
        await press(pilot, "enter")
        assert told(node, AcceptFile) == [AcceptFile(file_id=file.file_id)]
        assert "accepted; waiting for Ada" in screen(app)


async def test_a_click_on_its_words_takes_it(node: SharingNode, opened: Opened) -> None:
    node.offer_file("Ada", "hut.png")
    async with opened(node) as (app, pilot):
        rows = text_of(app)
        [y] = [number for number, row in enumerate(rows) if "offered;" in row]
        await pilot.click(offset=(rows[y].index("offered"), y))
        await settle(pilot)
        assert told(node, AcceptFile)


async def test_declining_and_cancelling_ask_first(node: SharingNode, opened: Opened) -> None:
    node.offer_file("Ada", "mine.png", direction="out", state="receiving")
    node.offer_file("Ada", "hut.png")
    async with opened(node, (100, 24)) as (app, pilot):
        await press(pilot, "escape", "x")
        assert "Decline hut.png?" in screen(app)
        await press(pilot, "escape")
        assert not told(node, DeclineFile)
        await press(pilot, "x", DELETES_FOR_BOTH)
        assert told(node, DeclineFile)
        await press(pilot, "k", "x", DELETES_FOR_BOTH)
        assert told(node, CancelFile)
        assert "cancelled" in screen(app)


async def test_typing_a_word_with_x_and_capital_x_declines_nothing(
    node: SharingNode, opened: Opened
) -> None:
    node.offer_file("Ada", "hut.png")
    async with opened(node, hold_s=5.0) as (app, pilot):
        await pilot.press("escape")
        for key in "xenon":
            await pilot.press(key)
        await settle(pilot)
        assert not told(node, DeclineFile)
        assert app.chat.composer.editor.text == "xenon"


async def test_p_pauses_and_goes_on_and_pins_what_is_done(
    node: SharingNode, opened: Opened
) -> None:
    file = node.offer_file("Ada", "hut.png", state="receiving")
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "p")
        assert told(node, PauseFile)
        await press(pilot, "p")
        assert told(node, ResumeFile)
        node.become(file, "done", is_here=True)
        await settle(pilot)
        await press(pilot, "p")
        assert app.chat.reader.window is not None
        assert node.messages[-1].pinned


async def test_nothing_of_a_message_that_is_gone_can_be_taken(
    node: SharingNode, opened: Opened
) -> None:
    node.offer_file("Ada", "hut.png")
    async with opened(node) as (app, pilot):
        node.delete_for_both(node.messages[-1])
        await settle(pilot)
        await press(pilot, "escape", "enter")
        assert not told(node, AcceptFile)
        assert "hut.png" not in screen(app)


async def test_searching_and_copying_know_a_file_by_name_and_caption(
    node: SharingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.offer_file("Ada", "hut.png", "the view")
    copied: list[str] = []

    async def copy(text: str, _: object) -> str:
        copied.append(text)
        return "Copied."

    monkeypatch.setattr("loom.tui.clipboard.copy", copy)
    async with opened(node) as (app, pilot):
        await press(pilot, "ctrl+f", *"view")
        assert "Ada: hut.png: the view" in screen(app)
        await press(pilot, "escape", "escape", "y")
        assert copied == ["hut.png: the view"]
        assert app.model.open_ is not None


def test_an_export_names_a_file_with_its_caption(node: SharingNode) -> None:
    node.offer_file("Ada", "hut\x1b[2J.png", "the view")
    node.offer_file("Ada", "bare.png")
    with_caption, bare = node.messages[-2:]
    assert facts.is_said(bare)
    assert facts.body(bare) == "[bare.png, 2.1 MB]"
    assert facts.body(with_caption) == "[hut\N{REPLACEMENT CHARACTER}[2J.png, 2.1 MB]\nthe view"


# --- sending ---


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One's own folder with some files."""
    home = tmp_path / "home"
    (home / "my pictures").mkdir(parents=True)
    (home / "my pictures" / "a b.png").write_bytes(b"x" * 2_100_000)
    (home / "notes.txt").write_bytes(b"hello")
    (home / ".hidden").write_bytes(b"")
    monkeypatch.setenv("HOME", str(home))
    return home


def quoted(path: Path) -> str:
    return f"'{path}' "


def escaped(path: Path) -> str:
    return str(path).replace(" ", "\\ ")


def url(path: Path) -> str:
    return path.as_uri() + "\n"


async def test_hidden_data_is_cut_out_unless_one_says_otherwise(
    node: SharingNode, opened: Opened, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[object] = []

    async def offer(*_: object, **told: object) -> None:
        kept.append(told["keep_metadata"])

    monkeypatch.setattr(sending, "offer", offer)
    async with opened(node) as (app, pilot):
        for keys in (("enter", "enter"), ("enter", "down", "space", "up", "enter")):
            await press(pilot, *"/attach ~/notes.txt", "enter")
            await press(pilot, *keys)
            assert is_in_chat(app)
        assert kept == [False, True]
        await press(pilot, *"/attach ~/my\\ pictures", "enter")
        assert "hidden data" not in screen(app)


@pytest.mark.parametrize("form", [quoted, escaped, url, str])
async def test_a_dropped_file_is_asked_about_and_never_sent_unasked(
    node: SharingNode, opened: Opened, folder: Path, form: object
) -> None:
    assert callable(form)
    path = folder / "my pictures" / "a b.png"
    async with opened(node) as (app, pilot):
        app.screen.post_message(Paste(form(path)))
        await settle(pilot)
        assert isinstance(app.screen, SendPanel)
        assert "Send a b.png (2.1 MB) to Ada?" in screen(app)
        await press(pilot, *"hi", "enter")
        assert not told(node, SendFile)
        await press(pilot, "enter")
        [sent] = told(node, SendFile)
        assert isinstance(sent, SendFile)
        assert (sent.contact, sent.caption) == ("#1", "hi")
        assert is_in_chat(app)
        assert "a b.png  2.1 MB" in screen(app)


async def test_a_pasted_path_can_be_written_as_text(
    node: SharingNode, opened: Opened, folder: Path
) -> None:
    path = str(folder / "notes.txt")
    async with opened(node) as (app, pilot):
        app.screen.post_message(Paste(path))
        await settle(pilot)
        panel = app.screen
        assert isinstance(panel, SendPanel)
        panel.body.at = "Write it as text instead"
        panel.show()
        await press(pilot, "enter")
        assert is_in_chat(app)
        assert app.chat.composer.editor.text == path
        assert not told(node, SendFile)


def test_a_text_that_holds_more_than_paths_is_a_text(folder: Path) -> None:
    there = str(folder / "notes.txt")
    assert pasted_paths(there) == [folder / "notes.txt"]
    assert pasted_paths(f"see {there}") == []
    assert pasted_paths("notes.txt") == []
    assert pasted_paths(f"{there}.gone") == []
    assert pasted_paths("/dev/null") == []
    assert pasted_paths("file://elsewhere.example/etc/passwd") == []
    assert pasted_paths(f"'{there}") == []
    assert pasted_paths("~/notes.txt") == [folder / "notes.txt"]
    assert pasted_paths(f"{there}\n'{folder / 'my pictures'}'") == [
        folder / "notes.txt",
        folder / "my pictures",
    ]
    assert pasted_paths("\n".join([there] * 40)) == []


async def test_attach_completes_paths_with_blanks(
    node: SharingNode, opened: Opened, folder: Path
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"/attach ~/my", "tab")
        assert app.chat.composer.editor.text == "/attach ~/my\\ pictures/"
        await press(pilot, "tab")
        assert app.chat.composer.editor.text == "/attach ~/my\\ pictures/a\\ b.png "
        await press(pilot, "enter")
        assert isinstance(app.screen, SendPanel)
        assert "Send a b.png (2.1 MB) to Ada?" in screen(app)


def test_completing_offers_no_hidden_file_unless_one_asks(folder: Path) -> None:
    def offered(text: str) -> list[str]:
        return [one.label for one in complete_path(text, len(text))]

    assert offered("/attach ~/") == ["my pictures", "notes.txt"]
    assert offered("/attach ~/.h") == [".hidden"]
    assert offered("/attach '~/n") == ["notes.txt"]
    assert offered(f"/attach '{folder}/n") == ["notes.txt"]
    assert offered("/attach /does/not/exist/") == []
    assert offered("/attach\u0000/") == []
    assert offered("hello ~/") == []


async def test_a_folder_says_how_many_files_and_how_large(
    node: SharingNode, opened: Opened, folder: Path
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"/attach ~/my\\ pictures", "enter")
        assert "Send the folder my pictures (1 file, 2.1 MB) to Ada?" in prose_of(app)


async def test_several_files_go_one_after_the_other_and_the_first_has_the_caption(
    node: SharingNode, opened: Opened, folder: Path
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"/attach ~/notes.txt ~/my\\ pictures/a\\ b.png", "enter")
        assert "Send 2 files (2.1 MB) to Ada?" in screen(app)
        await press(pilot, *"both", "enter", "enter")
        sent = [one for one in node.sent if isinstance(one, SendFile)]
        assert [one.caption for one in sent] == ["both", ""]


async def test_files_and_folders_together_are_called_what_they_are(
    node: SharingNode, opened: Opened, folder: Path
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"/attach ~/notes.txt ~/my\\ pictures", "enter")
        assert "Send 1 file and 1 folder (" in screen(app)


async def test_a_path_that_is_not_there_is_said(
    node: SharingNode, opened: Opened, folder: Path
) -> None:
    async with opened(node) as (app, pilot):
        await press(pilot, *"/attach ~/gone.txt", "enter")
        assert "There is no file or folder gone.txt" in screen(app)
        assert app.chat.composer.editor.text == "/attach ~/gone.txt"
        assert not told(node, SendFile)


# --- saving ---


async def test_saving_asks_where_and_overwrites_nothing(
    node: SharingNode, opened: Opened, folder: Path
) -> None:
    node.keep("Ada", "notes.txt", b"theirs", media_type="text/plain")
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "s")
        assert isinstance(app.screen, SavePanel)
        assert "~/notes (2).txt" in screen(app)
        await press(pilot, "ctrl+u", *"~/notes.txt", "enter")
        assert "There is notes.txt already" in screen(app)
        assert (folder / "notes.txt").read_bytes() == b"hello"
        await press(pilot, "ctrl+u", *"~/theirs.txt", "enter")
        assert (folder / "theirs.txt").read_bytes() == b"theirs"
        assert "Saved as" in screen(app)


async def test_a_program_is_saved_with_a_warning_and_never_opened(
    node: SharingNode, opened: Opened, folder: Path
) -> None:
    node.keep("Ada", "setup.exe", b"MZ", media_type="image/x", is_executable=True)
    async with opened(node) as (app, pilot):
        assert "program" in screen(app)
        await press(pilot, "escape", "enter")
        assert isinstance(app.screen, FilePanel)
        assert saving.PROGRAM in prose_of(app)


# --- all files ---


async def test_all_files_are_listed_by_time_or_size_with_what_they_take(
    node: SharingNode, opened: Opened
) -> None:
    node.keep("Ada", "small.txt", b"x" * 10)
    node.keep("Ada", "large.txt", b"x" * 5_000)
    node.keep("Ada", "middle.txt", b"x" * 100)
    async with opened(node, (120, 40)) as (app, pilot):
        await press(pilot, *"/files", "enter")
        shown = screen(app)
        assert "3 files" in shown
        assert "5.1 kB of 10 GB on this disk, encrypted" in prose_of(app)
        assert shown.index("middle.txt") < shown.index("large.txt") < shown.index("small.txt")
        await press(pilot, "down", "enter")
        shown = screen(app)
        assert shown.index("large.txt") < shown.index("middle.txt") < shown.index("small.txt")


async def test_more_files_are_loaded_as_one_scrolls(node: SharingNode, opened: Opened) -> None:
    for number in range(450):
        node.offer_file("Ada", f"{number}.txt", state="done")
    async with opened(node, (120, 40)) as (app, pilot):
        await press(pilot, *"/files", "enter")
        panel = app.screen
        assert isinstance(panel, FilesPanel)
        assert "450 files" in screen(app)

        def rows() -> list[str]:
            return [one.name for one in panel.body.stops if one.name.startswith("file ")]

        assert len(rows()) == 200
        await press(pilot, "up")  # around to the last one
        assert len(rows()) == 400
        assert "250.txt" in screen(app)
        for _ in range(20):
            await press(pilot, "pagedown")
        await settle(pilot)
        assert rows() == [f"file {one}" for one in reversed(node.files)]
        assert "0.txt" in screen(app)
        node.say("Ada", "not a file")
        await settle(pilot)
        assert len(rows()) == 450


async def test_a_file_is_removed_here_after_a_second_press(
    node: SharingNode, opened: Opened
) -> None:
    file = node.keep("Ada", "large.txt", b"x" * 5_000, media_type="text/plain")
    async with opened(node, (100, 30)) as (app, pilot):
        await press(pilot, "escape", "enter")
        panel = app.screen
        assert isinstance(panel, FilePanel)
        panel.body.at = "Remove it"
        panel.show()
        await press(pilot, "enter")
        assert not told(node, RemoveFile)
        panel.body.at = "Remove it, really"
        panel.show()
        await press(pilot, "enter")
        assert told(node, RemoveFile) == [RemoveFile(file_id=file.file_id)]
        assert "removed from this machine" in screen(app)


async def test_old_files_are_removed_together_after_a_second_press(
    node: SharingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.txt", "b.txt"):
        node.keep("Ada", name, b"x" * 500, offered_at_ms=1_000)
    node.offer_file("Ada", "waits.txt", offered_at_ms=1_000)
    async with opened(node, (120, 40)) as (app, pilot):
        await press(pilot, *"/files", "enter")
        panel = app.screen
        assert isinstance(panel, FilesPanel)
        assert "2 files, 1.0 kB; the messages stay" in screen(app)
        for label in (
            "Remove what is older than 30 days",
            "Remove what is older than 30 days, really",
        ):
            assert not told(node, RemoveFile)
            panel.body.at = label
            panel.show()
            await press(pilot, "enter")
        assert len(told(node, RemoveFile)) == 2


async def test_what_is_taken_by_itself_is_set(node: SharingNode, opened: Opened) -> None:
    async with opened(node, (100, 30)) as (app, pilot):
        await press(pilot, *"/files", "enter")
        panel = app.screen
        assert isinstance(panel, FilesPanel)
        panel.body.at = "What is taken by itself"
        panel.show()
        await press(pilot, "enter")
        assert "Verified contacts" in screen(app)
        await press(pilot, "enter")  # the first choice
        assert node.rules.accept_from == "nobody"
        for _ in range(6):
            await press(pilot, "down")
        await press(pilot, "enter")
        assert node.rules.accept_max_bytes == 100_000_000


async def test_a_file_that_is_gone_closes_its_screen(node: SharingNode, opened: Opened) -> None:
    file = node.keep("Ada", "large.txt", b"x", media_type="text/plain")
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "enter")
        assert isinstance(app.screen, FilePanel)
        del node.files[file.file_id]
        node.tell(
            FileChanged(file_id=file.file_id, contact="Ada", contact_id=1, state="done", file=None)
        )
        await settle(pilot)
        await settle(pilot)
        assert is_in_chat(app)


# --- voice notes ---


class Heard:
    """A loudspeaker that is not there."""

    def __init__(self, sound: Samples) -> None:
        self.sound = sound
        self.position_s = 0.0
        self.is_over = False
        self.events: list[str] = []
        heard.append(self)

    def start(self) -> None:
        self.events.append("start")

    def pause(self) -> None:
        self.events.append("pause")

    def resume(self) -> None:
        self.events.append("resume")

    def stop(self) -> None:
        self.events.append("stop")


heard: list[Heard] = []


@pytest.fixture
def spoken(node: SharingNode, monkeypatch: pytest.MonkeyPatch) -> FileView:
    """A voice note of Ada's of 8 s."""

    def samples(data: bytes, speed: float, *, is_unconfined: bool = False) -> Samples:
        return Samples(1_000, bytes(round(2 * 1_000 * 8 / speed)))

    heard.clear()
    monkeypatch.setattr(voice, "Player", Heard)
    monkeypatch.setattr(voice, "samples", samples)
    monkeypatch.setattr(
        voice, "waveform", lambda *_, **__: Waveform(8_000, bytes(range(0, 256, 4)))
    )
    return node.keep("Ada", "note.opus", b"OggS", media_type=OPUS)


async def test_a_voice_note_is_played_paused_and_played_faster(
    node: SharingNode, opened: Opened, spoken: FileView
) -> None:
    async with opened(node) as (app, pilot):
        assert "♪ note.opus  4 bytes  voice note" in screen(app)
        await press(pilot, "escape", "enter")
        panel = app.screen
        assert isinstance(panel, VoicePanel)
        assert "▁▁▁▁▁▁▁▁▂" in screen(app)
        assert "0:00 of 0:08" in screen(app)
        assert not heard
        await press(pilot, "enter")
        heard[0].position_s = 4.0
        await press(pilot, "enter")
        assert heard[0].events == ["start", "pause"]
        assert "0:04 of 0:08" in screen(app)
        await press(pilot, "enter")
        assert heard[0].events == ["start", "pause", "resume"]
        panel.body.at = "speed: 2x"
        panel.show()
        await press(pilot, "enter")
        assert heard[0].events[-1] == "stop"
        assert heard[1].sound.seconds == 2.0  # four seconds of it are left, at twice the speed
        heard[1].position_s = 1.0
        panel.show()
        assert "0:06 of 0:08" in screen(app)
        await press(pilot, "escape")
        assert heard[1].events == ["start", "stop"]


async def test_without_a_loudspeaker_one_sentence_says_so(
    node: SharingNode, opened: Opened, spoken: FileView, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: Heard) -> None:
        raise NoSoundDevice(reason="there is none")

    monkeypatch.setattr(Heard, "start", start)
    async with opened(node) as (app, pilot):
        await press(pilot, "escape", "enter", "enter")
        assert "there is none" in prose_of(app)
        assert "Play" in screen(app)


class Microphone:
    """A microphone that hears two levels."""

    def __init__(self, on_level: Callable[[float], None]) -> None:
        self._on_level = on_level
        self.seconds = 12.0
        self.ended = threading.Event()

    def start(self) -> None:
        self._on_level(0.0)
        self._on_level(7.0)

    def stop(self, *, is_unconfined: bool = False) -> bytes:
        return b"OggS" * 100

    def cancel(self) -> None:
        pass


async def test_a_voice_note_is_recorded_and_sent_only_when_one_says_so(
    node: SharingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice, "Recorder", Microphone)
    async with opened(node) as (app, pilot):
        await press(pilot, *"/voice", "enter", "enter")
        assert "▁█  recording 0:12" in screen(app)
        await press(pilot, "enter")
        assert "0:12 (400 bytes)" in screen(app)
        assert not told(node, SendFile)
        await press(pilot, "enter")
        [sent] = told(node, SendFile)
        assert isinstance(sent, SendFile)
        assert (sent.media_type, sent.upload_id) == (OPUS, "1")
        assert node.uploaded == b"OggS" * 100
        assert is_in_chat(app)
        await press(pilot, *"/voice", "enter", "enter", "enter", "escape")
        assert len(told(node, SendFile)) == 1


async def test_a_file_that_is_here_is_forwarded_to_contacts(
    node: SharingNode, opened: Opened
) -> None:
    file = node.offer_file("Ada", "a.iso")
    async with opened(node, (100, 24)) as (app, pilot):
        node.become(file, "done", is_here=True)
        await settle(pilot)
        await pilot.press("escape", "f")
        await settle(pilot)
        assert "Forward this message to" in screen(app)
