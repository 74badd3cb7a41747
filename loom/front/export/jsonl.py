"""JSON lines: the `message` and `post` objects of `loom history --json` (docs/CLI.md)."""

from loom.front.export.facts import Said
from loom.front.json_line import json_line


def head(title: str, written_at: str) -> str:
    """Nothing: every line is a message."""
    return ""


def day(day: str) -> str:
    """Nothing."""
    return ""


def message(view: Said) -> str:
    """One message or post."""
    return json_line(view) + "\n"
