"""The signs of docs/CLI.md and a few more, with an ASCII stand-in for each."""

import sys
from typing import Final

_SIGNS: Final = {
    "queued": ("…", "..."),
    "sent": ("✓", "+"),
    "delivered": ("✓✓", "++"),
    "read": ("✔✔", "**"),
    "failed": ("!", "!"),
    "online": ("●", "*"),
    "offline": ("○", "-"),
    "ellipsis": ("…", "~"),
    "rule": ("─", "-"),
    "wall": ("│", "|"),
    "corner_left": ("┌", "+"),
    "corner_right": ("┐", "+"),
    "foot_left": ("└", "+"),
    "foot_right": ("┘", "+"),
    "dot": ("·", "-"),
    "here": ("▸", ">"),
    "selected": ("▌", ">"),
    "prompt": (">", ">"),
    "secret": ("•", "*"),
    "muted": ("⌀", "x"),
    "up": ("↑", "^"),
    "down": ("↓", "v"),
}


class Signs:
    """The signs that this terminal can show."""

    def __init__(self, unicode: bool) -> None:
        self.unicode = unicode

    def __getitem__(self, name: str) -> str:
        return _SIGNS[name][0 if self.unicode else 1]


def signs_of_terminal() -> Signs:
    """UTF-8 signs where standard output can carry them."""
    encoding = getattr(sys.__stdout__, "encoding", "") or ""
    return Signs(encoding.lower().replace("-", "").startswith("utf"))
