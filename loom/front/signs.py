"""The signs of docs/CLI.md and a few more, with an ASCII stand-in for each."""

import os
import sys
from collections.abc import Mapping
from typing import Final, TextIO

_SIGNS: Final = {
    "queued": ("…", "..."),
    "sent": ("✓", "+"),
    "delivered": ("✓✓", "++"),
    "read": ("◉", "**"),
    "failed": ("!", "!"),
    "withdrawn": ("⊘", "x"),
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
    "room": ("≡", "="),
    "selected": ("▌", ">"),
    "marked": ("▪", "#"),
    "verified": ("◆", "v"),
    "prompt": (">", ">"),
    "secret": ("•", "*"),
    "muted": ("⌀", "x"),
    "timer": ("◷", "T"),
    "quote": ("│", "|"),
    "favourite": ("★", "^"),
    "alike": ("≈", "="),
    "up": ("↑", "^"),
    "down": ("↓", "v"),
    "to": ("→", "->"),
    "from": ("←", "<-"),
    "ok": ("✓", "ok"),
    "bad": ("✗", "!!"),
    "file": ("▤", "@"),
    "voice": ("♪", "~"),
    "full": ("█", "#"),
    "empty": ("░", "."),
}


class Signs:
    """The signs that this terminal can show."""

    def __init__(self, unicode: bool) -> None:
        self.unicode = unicode

    def __getitem__(self, name: str) -> str:
        return _SIGNS[name][0 if self.unicode else 1]


def has_unicode(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Whether every sign can be shown: the encoding carries it and the locale is not plain C.

    Python takes that locale's encoding for UTF-8, unless told otherwise.
    """
    encoding = (getattr(stream, "encoding", "") or "").lower().replace("-", "")
    if not encoding.startswith("utf"):
        return False
    if environ.get("PYTHONIOENCODING") or environ.get("PYTHONUTF8"):
        return True
    names = [environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if sys.flags.utf8_mode and names[1] in _COERCED:
        names[1] = ""  # Python's own word, not the user's (PEP 538)
    return next(filter(None, names), "") not in ("C", "POSIX")


_COERCED: Final = ("C.UTF-8", "C.utf8", "UTF-8")


def signs_of_terminal() -> Signs:
    """UTF-8 signs where standard output can carry them."""
    return Signs(has_unicode(sys.__stdout__, os.environ))
