"""An editor of one's own over a draft, in a real terminal."""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loom.front.plain_copies import EDITED
from loom.tui.private_text import is_in_memory
from tests.tui.test_tmux import LIMIT_S, Tmux, pytestmark, tmux

__all__ = ["pytestmark", "tmux"]
SHARED = Path("/dev/shm")  # noqa: S108


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder in memory that no other program uses."""
    if not (SHARED.is_dir() and is_in_memory(SHARED)):
        pytest.skip("this machine has no /dev/shm")
    folder = SHARED / f"loom-test-{os.getpid()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def start(tmux: Tmux, memory: Path, editor: str) -> None:
    if shutil.which(editor) is None:
        pytest.skip(f"{editor} is not installed")
    # What it leaves of the terminal is seen afterwards.
    app = f"XDG_RUNTIME_DIR={memory} VISUAL={editor} {sys.executable} -m loom demo"
    tmux.start(f"sh -c '{app}; stty -a; exec sleep 600'")
    tmux.until("Ada is a program on this machine")


def app_of(shell: int) -> int:
    [child] = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
    return int(child)


def gone(memory: Path) -> bool:
    return not list(memory.glob(f"{EDITED}*"))


def until_gone(memory: Path) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not gone(memory):
        assert time.monotonic() < deadline, list(memory.rglob("*"))
        time.sleep(0.05)


def test_vi_has_the_terminal_and_gives_it_back(tmux: Tmux, memory: Path) -> None:
    start(tmux, memory, "vi")
    tmux.type("begun here", "C-x", "C-e")
    tmux.until("~\n~\n")
    assert not gone(memory)
    tmux.type("A and there")
    tmux.until("begun here and there")
    tmux.resize(100, 30)
    shows_column = "1,21" in tmux.screen()
    tmux.type("C-c")  # it leaves what is typed into; Loom does not end
    if shows_column:
        tmux.until("1,20")  # what comes with the interrupt would be thrown away
    tmux.type(":wq", "Enter")
    screen = tmux.until("> begun here and there")
    assert gone(memory)
    assert "F1 help" in screen
    assert len(screen.splitlines()) == 30
    tmux.type("Enter")
    tmux.until("you  begun here and there")
    tmux.type("/quit", "Enter")
    tmux.until("Both profiles are gone.")
    tmux.until(" icanon ")  # as it was before


def test_ed_writes_on_the_terminal_that_was_there_before(tmux: Tmux, memory: Path) -> None:
    start(tmux, memory, "ed")
    tmux.type("C-x", "C-e")
    tmux.until("\n0\n")
    tmux.type("a", "Enter", "an echo of ed", "Enter", ".", "Enter", "w", "Enter", "q", "Enter")
    tmux.until("> an echo of ed")
    assert gone(memory)
    tmux.type("C-q")
    tmux.until("Both profiles are gone.")


def test_the_file_is_wiped_when_the_app_is_killed(tmux: Tmux, memory: Path) -> None:
    start(tmux, memory, "vi")
    tmux.type("a secret", "C-x", "C-e")
    tmux.until("~\n~\n")
    os.kill(app_of(tmux.pid()), signal.SIGKILL)
    until_gone(memory)


def test_the_file_is_wiped_and_the_terminal_given_back_when_the_app_is_ended(
    tmux: Tmux, memory: Path
) -> None:
    start(tmux, memory, "vi")
    tmux.type("a secret", "C-x", "C-e")
    tmux.until("~\n~\n")
    os.kill(app_of(tmux.pid()), signal.SIGTERM)
    tmux.until(" icanon ")
    assert gone(memory)
