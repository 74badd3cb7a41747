"""An editor of one's own: a private file in memory, which is wiped whatever ends first."""

import asyncio
import os
import stat
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from textual.pilot import Pilot

from loom.front import plain_copies
from loom.tui import private_text, wiping
from loom.tui.app import LoomApp
from loom.tui.private_text import PrivateText, editor_of, is_in_memory, memory_folder
from tests.tui.conftest import Opened, prose_of, settle, until
from tests.tui.talking import TalkingNode

SHARED = Path("/dev/shm")  # noqa: S108
needs_memory = pytest.mark.skipif(
    not (SHARED.is_dir() and is_in_memory(SHARED)), reason="this machine has no /dev/shm"
)


def test_the_file_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with PrivateText(tmp_path, "sécret") as file:
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
        assert file.read() == "sécret"
        (file.path.parent / "message.md~").write_text("a backup")
        (file.path.parent / "deeper").mkdir()
        (file.path.parent / "deeper" / "swap").symlink_to(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").write_text("not ours")
    assert [one.name for one in tmp_path.iterdir()] == ["elsewhere"]
    assert (tmp_path / "elsewhere").read_text() == "not ours"


def test_what_is_removed_was_overwritten(tmp_path: Path) -> None:
    with PrivateText(tmp_path, "secret") as file, file.path.open("rb") as kept:
        wiping._overwrite(str(file.path))
        assert kept.read() == bytes(6)


def test_a_link_or_a_pipe_in_its_place_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("not ours")
    with PrivateText(tmp_path, "secret") as file:
        file.path.unlink()
        assert file.read() is None
        file.path.symlink_to(tmp_path / "other")
        assert file.read() is None
        file.path.unlink()
        os.mkfifo(file.path)
        assert file.read() is None


DIES = """
import os, subprocess, sys
from pathlib import Path
from loom.tui.private_text import PrivateText
with PrivateText(Path(sys.argv[1]), "secret") as file:
    editor = subprocess.Popen(["sleep", "600"])
    file.belongs_to(editor.pid)
    print(editor.pid, flush=True)
    os.kill(os.getpid(), 9)
"""


def test_it_is_wiped_and_the_editor_ends_when_the_app_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DIES, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as app:
        assert app.stdout is not None
        editor = int(app.stdout.readline())
        assert app.wait(60) == -9
    # The guard has neither a parent that would wait for it nor anything to say.
    while list(tmp_path.iterdir()) or is_running(editor):
        os.sched_yield()


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_what_a_killed_guard_left_is_swept(tmp_path: Path) -> None:
    left = tmp_path / f"{plain_copies.EDITED}left"
    left.mkdir()
    (left / "message.md").write_text("secret")
    with PrivateText(tmp_path, "one") as file:
        with PrivateText(tmp_path, "two"):
            assert file.read() == "one"  # it is in use
        assert list(tmp_path.iterdir()) == [file.path.parent]


@needs_memory
def test_a_folder_in_memory_is_found_and_one_on_the_disk_is_not(tmp_path: Path) -> None:
    assert not is_in_memory(tmp_path)
    assert memory_folder({"XDG_RUNTIME_DIR": str(tmp_path)}) == SHARED
    assert memory_folder({"XDG_RUNTIME_DIR": str(tmp_path / "missing")}) == SHARED
    inside = SHARED / f"loom-test-{os.getpid()}"
    inside.mkdir()
    try:
        assert memory_folder({"XDG_RUNTIME_DIR": str(inside)}) == inside
    finally:
        inside.rmdir()


def test_the_editor_is_the_one_that_was_named(tmp_path: Path) -> None:
    for name in ("vim.basic", "nano", "vi"):
        (tmp_path / name).touch(mode=0o700)
    (tmp_path / "vim").symlink_to("vim.basic")
    path = {"PATH": str(tmp_path)}
    assert editor_of({**path, "VISUAL": "code --wait", "EDITOR": "vi"}) == ["code", "--wait"]
    assert editor_of({**path, "EDITOR": "'my editor' -x"}) == ["my editor", "-x"]
    assert editor_of({**path, "VISUAL": " ", "EDITOR": "'unclosed"}) == ["nano"]
    assert editor_of({"PATH": "", "EDITOR": ""}) == []
    words = editor_of({**path, "EDITOR": "vim"})
    assert words[0] == "vim"
    assert "noundofile" in words[-1]
    assert words[1:4] == ["-n", "-i", "NONE"]


@pytest.mark.parametrize("name", ["editor", "vi", "vim", "nvim"])
def test_vim_keeps_nothing_whatever_starts_it(tmp_path: Path, name: str) -> None:
    """Debian starts it as `editor`, `vi` and from `sensible-editor`, which got no flags."""
    programs, links, home = tmp_path / "bin", tmp_path / "alternatives", tmp_path / "home"
    for folder in (programs, links, home):
        folder.mkdir()
    for program in ("sensible-editor", "vim.basic"):
        (programs / program).touch(mode=0o700)
    (links / name).symlink_to(programs / "vim.basic")
    (programs / name).symlink_to(links / name)
    machine = {"PATH": str(programs), "HOME": str(home)}
    vim = editor_of({**machine, "VISUAL": name})
    assert (vim[0], vim[1:4]) == (name, ["-n", "-i", "NONE"])
    (home / ".selected_editor").write_text(f'# Generated\nSELECTED_EDITOR="{programs / name}"\n')
    sensible = str(programs / "sensible-editor")
    for asked in ({}, {"VISUAL": sensible}, {"EDITOR": "sensible-editor"}):
        assert editor_of({**machine, **asked}) == [str(programs / name), *vim[1:]]
    assert editor_of({**machine, "VISUAL": sensible, "EDITOR": name}) == vim
    (home / ".selected_editor").write_text("SELECTED_EDITOR='unclosed")
    (programs / "nano").touch(mode=0o700)
    assert editor_of({**machine, "VISUAL": sensible})[0] in {"editor", "nano"}
    assert editor_of({**machine, "EDITOR": "nano"}) == ["nano"]


# --- in the app ---


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is the editor, over files in a folder that is taken for memory."""
    (tmp_path / "memory").mkdir()
    program = tmp_path / "an-editor"
    monkeypatch.setenv("VISUAL", str(program))
    monkeypatch.setattr(private_text, "memory_folder", lambda _: tmp_path / "memory")
    monkeypatch.setattr(LoomApp, "can_lend_terminal", True)
    monkeypatch.setattr(LoomApp, "lent_terminal", lambda _: nullcontext())
    return program


def does(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\nset -e\n{script}\n")
    program.chmod(0o700)


async def edited(app: LoomApp, pilot: Pilot[None]) -> str:
    await pilot.press("ctrl+x", "ctrl+e")
    await until(pilot, lambda: app.chat.outside._ended is None)
    await settle(pilot)
    return app.chat.composer.editor.text


async def test_a_text_goes_out_and_comes_back_and_can_be_taken_back(
    node: TalkingNode, opened: Opened, editor: Path
) -> None:
    does(editor, 'test "$(stat -c %a "$1")" = 600; echo "and more" >> "$1"')
    async with opened(node) as (app, pilot):
        await pilot.press(*"begun", "ctrl+j")
        assert await edited(app, pilot) == "begun\nand more\n"
        await pilot.press("ctrl+underscore")
        assert app.chat.composer.editor.text == "begun\n"
        assert list(editor.parent.joinpath("memory").iterdir()) == []


async def test_a_message_that_is_deleted_while_it_is_edited_does_not_come_back_as_a_text(
    node: TalkingNode, opened: Opened, editor: Path
) -> None:
    opens, closes = (editor.with_suffix(one) for one in (".opens", ".closes"))
    does(editor, f"touch {opens}; while [ ! -e {closes} ]; do sleep 0.05; done")
    node.say("Ada", "zanzibar", direction="out")
    async with opened(node) as (app, pilot):
        app.chat.writing.edit(node.messages[-1])
        await pilot.press("ctrl+x", "ctrl+e")
        await until(pilot, lambda: opens.exists())
        node.expire(node.messages[-1])
        await until(pilot, lambda: app.chat.composer.editor.text == "")
        await asyncio.to_thread(closes.touch)
        await until(pilot, lambda: app.chat.outside._ended is None)
        await settle(pilot)
        assert app.chat.composer.editor.text == ""
        assert app.chat.composer.editor.sent == []


async def test_an_editor_that_fails_changes_nothing(
    node: TalkingNode, opened: Opened, editor: Path
) -> None:
    does(editor, 'echo other > "$1"; exit 3')
    async with opened(node) as (app, pilot):
        await pilot.press(*"begun")
        assert await edited(app, pilot) == "begun"
        assert "ended with code 3: your text is as it was." in prose_of(app)
        does(editor, 'rm "$1"')
        assert await edited(app, pilot) == "begun"
        does(editor, 'echo saved > "$1"; kill -9 $$')
        assert await edited(app, pilot) == "saved"
        await asyncio.to_thread(editor.chmod, 0o600)
        assert await edited(app, pilot) == "saved"
        assert "could not be started: Permission denied." in prose_of(app)
        assert list(editor.parent.joinpath("memory").iterdir()) == []


async def test_the_node_goes_on_while_the_editor_is_open_and_a_lock_ends_it(
    node: TalkingNode, opened: Opened, editor: Path
) -> None:
    open_, go_on = editor.parent / "open", editor.parent / "go on"
    does(
        editor, f'echo saved > "$1"; touch "{open_}"; while ! test -e "{go_on}"; do sleep 0.1; done'
    )
    async with opened(node) as (app, pilot):
        await pilot.press("ctrl+x", "ctrl+e")
        await until(pilot, open_.exists)
        node.receive("Ada", "meanwhile")
        await until(pilot, lambda: "meanwhile" in prose_of(app))
        app.leave()
        await until(pilot, lambda: node.drafts)
    assert list(node.drafts.values()) == ["saved"]
    assert list(editor.parent.joinpath("memory").iterdir()) == []


async def test_where_nothing_lies_in_memory_it_asks(
    node: TalkingNode, opened: Opened, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    does(editor, 'echo edited > "$1"')
    monkeypatch.setattr(private_text, "memory_folder", lambda _: None)
    async with opened(node) as (app, pilot):
        await pilot.press(*"begun", "ctrl+x", "ctrl+e")
        await settle(pilot)
        assert "the text would leave traces on the disk" in prose_of(app)
        await pilot.press("enter")
        await settle(pilot)
        assert app.chat.composer.editor.text == "begun"
        await pilot.press("ctrl+x", "ctrl+e")
        await settle(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.chat.composer.editor.text == "edited")
        await settle(pilot)


async def test_typing_in_the_editor_holds_the_lock_off(
    node: TalkingNode, opened: Opened, editor: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_s, locked = 1.0, 0

    def lock() -> None:
        nonlocal locked
        locked += 1

    monkeypatch.setattr("loom.tui.app.last_read_s", lambda: read_s)
    async with opened(node) as (app, _):
        monkeypatch.setattr(app, "lock", lock)
        monkeypatch.setattr(app.idle, "is_over", lambda: app.idle._touched_s == 0.0)
        app.is_lent = True
        for at_s, expected in ((2.0, 0), (2.0, 1), (3.0, 1)):
            read_s = at_s
            app.idle._touched_s = 0.0
            app.lock_when_idle()
            assert locked == expected
        app.is_lent = False


async def test_without_an_editor_or_a_terminal_it_says_so(
    node: TalkingNode, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(node) as (app, pilot):
        monkeypatch.setenv("EDITOR", "true")
        await pilot.press("ctrl+x", "ctrl+e")
        await settle(pilot)
        assert "An editor needs a terminal, and a web page is not one." in prose_of(app)
        monkeypatch.setenv("EDITOR", "")
        monkeypatch.setenv("VISUAL", "")
        monkeypatch.setattr(private_text, "EDITORS", ())
        await pilot.press("ctrl+x", "ctrl+e")
        await settle(pilot)
        assert "There is no editor: set VISUAL or EDITOR" in prose_of(app)


async def test_two_keys_mean_something_together_and_one_alone_nothing(
    node: TalkingNode, opened: Opened
) -> None:
    async with opened(node) as (app, pilot):
        await pilot.press(*"ab", "ctrl+x", "c", "ctrl+x", "escape", "d")
        await settle(pilot)
        assert app.chat.composer.editor.text == "abcd"
        assert not app.chat.selection.is_active
