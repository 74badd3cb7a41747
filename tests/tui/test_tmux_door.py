"""Locked, unlocked, locked again in a real terminal, with a real profile."""

import os
import subprocess
import sys
from pathlib import Path

from tests.tui.test_tmux import LIMIT_S, Tmux, pytestmark, tmux

__all__ = ["pytestmark", "tmux"]
PASSPHRASE = "orbit velvet canyon"


def test_a_profile_is_unlocked_locked_and_unlocked(tmux: Tmux, tmp_path: Path) -> None:
    home = tmp_path / "home"
    file = tmp_path / "passphrase"
    file.write_text(PASSPHRASE)
    loom = [sys.executable, "-m", "loom", "--home", str(home)]
    init = ["init", "--name", "Ada", "--show-phrase", "--argon2-memory-mib", "64"]
    subprocess.run(
        [*loom, "--passphrase-file", str(file), *init],
        capture_output=True,
        timeout=LIMIT_S,
        check=True,
    )
    # tmux may miss that a program ended; a shell around it says so.
    command = "env LOOM_MDNS_INTERFACE=127.0.0.1 " + " ".join(loom)
    tmux.start(f"sh -c '{command}; echo it ended with $?; exec cat'")
    tmux.until("ada is locked")
    tmux.type("wrong one", "Enter")
    tmux.until("The passphrase is wrong")
    tmux.type(PASSPHRASE, "Enter")
    tmux.until("0 online")
    assert _is_held(home)
    tmux.type("F9")
    screen = tmux.until("ada is locked")
    assert "F1 help" not in screen
    assert not _is_held(home)
    tmux.type(PASSPHRASE, "Enter")
    tmux.until("0 online")
    tmux.type("C-q")
    tmux.until("it ended with 0")
    assert not _is_held(home)


def _is_held(home: Path) -> bool:
    """Whether a node serves the profile."""
    status = subprocess.run(
        [sys.executable, "-m", "loom", "--home", str(home), "status"],
        env=os.environ,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    return status.returncode == 0
