"""What the bodies of messages are shown with, beside the messages."""

from typing import NamedTuple

from loom.api.events import WholeMessage
from loom.api.message_views import MessageView
from loom.front.signs import Signs

Said = MessageView | WholeMessage


class Manner(NamedTuple):
    """How bodies are shown on this terminal.

    Args:
        is_formatted: marks in texts change how they look.
        own_name: where a text mentions it, that stands out.
        has_pictures: colours are there, and pictures are wanted.
        take_key: the key that takes or opens a file, as people write it.
        rate_bytes_per_s: how fast the file of this message moves; 0: not known.
    """

    signs: Signs
    is_formatted: bool = True
    own_name: str = ""
    has_pictures: bool = False
    take_key: str = ""
    go_on_key: str = ""
    rate_bytes_per_s: int = 0
