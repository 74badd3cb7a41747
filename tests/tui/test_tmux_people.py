"""Verifying a real contact, in a real terminal."""

import sys

from tests.tui.test_tmux import Tmux, pytestmark, tmux

__all__ = ["pytestmark", "tmux"]


def test_ada_is_verified_and_called_again(tmux: Tmux) -> None:
    tmux.start(f"{sys.executable} -m loom demo")
    tmux.until("Ada is a program on this machine")
    assert "not verified" in tmux.screen()
    tmux.type("/verify", "Enter")
    tmux.until("The numbers are the same")
    tmux.type("Tab", "Enter")
    tmux.until("Ada is verified.")
    tmux.until("Ada · verified")
    tmux.type("F2")
    tmux.until("Status          verified")
    tmux.until("Reached         online, direct")
    tmux.type("Escape")
    tmux.until("Ada · verified")
    tmux.type("/token", "Enter")
    tmux.until("LOOM-")
    tmux.type("Enter")
    tmux.until("Copied.")
    token = tmux.buffer()
    assert token.startswith("LOOM-")
    assert len(token) == 116
    tmux.type("Escape")
    tmux.until("Ada · verified")
    tmux.type("/add", "Enter")
    tmux.until("Invite or token")
    tmux.type("Down", "Me", "Down", "Down", "Enter")
    tmux.until(f"> {token[:40]}")
    tmux.type("Enter")
    tmux.until("This token is your own.")
    tmux.type("C-q")
    tmux.until("Both profiles are gone.")
