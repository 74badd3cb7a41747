"""The life of a message in a real terminal, between two real nodes."""

import sys

from tests.tui.test_tmux import Tmux, pytestmark, tmux

__all__ = ["pytestmark", "tmux"]


def test_a_message_is_answered_edited_reacted_to_pinned_and_deleted_for_both(tmux: Tmux) -> None:
    tmux.start(f"{sys.executable} -m loom demo")
    tmux.until("Ada is a program on this machine")
    tmux.type("echo hello there", "Enter")
    tmux.until("Ada  hello there")
    tmux.type("Escape")
    tmux.until("r answer")
    tmux.type("r")
    tmux.until("Answering Ada: hello there")
    tmux.type("echo thanks a lot", "Enter")
    tmux.until("│ Ada: hello there")
    tmux.until("Ada  thanks a lot")
    tmux.type("Up")
    tmux.until("Editing: echo thanks a lot")
    tmux.type(" indeed", "Enter")
    tmux.until("echo thanks a lot indeed  edited")
    tmux.type("Escape")
    tmux.until("r answer")
    tmux.type("+")
    tmux.until("React: a name")
    tmux.type("tada")
    tmux.until(":tada:")
    tmux.type("Enter")
    tmux.until("thanks a lot  🎉")
    tmux.type("p")
    tmux.until("Pinned for both")
    tmux.type("Escape")
    tmux.gone("r answer")
    tmux.type("/unsend", "Enter")
    tmux.until("for both?")
    tmux.type("X")
    tmux.until("(deleted)")
    tmux.gone("indeed")
    tmux.type("really")  # a word: nothing is answered
    tmux.until("> really")
    tmux.type("C-q")
    tmux.until("Both profiles are gone.")
