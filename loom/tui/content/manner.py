"""What the bodies of messages are shown with, beside the messages."""

from typing import NamedTuple

from loom.api.events import WholeMessage
from loom.api.views import MessageView
from loom.front.signs import Signs

Said = MessageView | WholeMessage


class Manner(NamedTuple):
    """How bodies are shown on this terminal.

    Args:
        is_formatted: marks in texts change how they look.
        own_name: where a text mentions it, that stands out.
    """

    signs: Signs
    is_formatted: bool = True
    own_name: str = ""
