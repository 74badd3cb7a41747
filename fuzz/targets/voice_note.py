"""A voice note that somebody sent; each input is a process of its own."""

from fuzz.target import Target
from loom.errors import DecodingUnconfined, ExtraMissing, MediaUnreadable
from loom.media.sound import Samples, encode, waveform


def run(data: bytes) -> None:
    """The locked-in decoder gives 64 levels and at most ten minutes, or one error says why not."""
    try:
        drawn = waveform(data)
    except (MediaUnreadable, ExtraMissing):
        return
    assert len(drawn.levels) == 64
    assert drawn.duration_ms <= 600_000


def _seed() -> bytes:
    """A tenth of a second; where nothing can encode it, its first bytes."""
    try:
        return encode(Samples(8_000, bytes(range(256)) * 20))
    except (MediaUnreadable, ExtraMissing, DecodingUnconfined):
        return b"OggS" + bytes(24) + b"OpusHead"


TARGET = Target(run=run, seeds=(_seed(),), max_bytes=8_192, executions=10)
