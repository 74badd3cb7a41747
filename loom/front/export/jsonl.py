"""JSON lines: the `message` objects of `loom history --json` (docs/CLI.md)."""

from loom.api.views import MessageView
from loom.front.json_line import json_line


def head(contact: str, written_at: str) -> str:
    """Nothing: every line is a message."""
    return ""


def day(day: str) -> str:
    """Nothing."""
    return ""


def message(view: MessageView) -> str:
    """One message."""
    return json_line(view) + "\n"
