"""A picture that somebody sent, on its way to the screen: each input is a process of its own."""

from fuzz.target import Target
from fuzz.targets.picture_metadata import TARGET as METADATA
from loom.errors import MediaUnreadable
from loom.media.pictures import pixels


def run(data: bytes) -> None:
    """The locked-in decoder gives pixels that fit the box, or one error says why it does not."""
    try:
        shown = pixels(data, 16, 12)
    except MediaUnreadable:
        return
    assert 0 < shown.width <= 16
    assert 0 < shown.height <= 12
    assert len(shown.rgb) == 3 * shown.width * shown.height
    assert shown.frames > 0


TARGET = Target(run=run, seeds=METADATA.seeds, max_bytes=8_192, executions=20)
