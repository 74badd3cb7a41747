"""What a decoder is asked and answers: bytes in, a head of fixed size and bytes out."""

import struct
from enum import Enum, IntEnum
from typing import Final, NamedTuple

PICTURE_MAX: Final = 32 << 20
"""Bytes of a picture's file."""
PIXELS_MAX: Final = 50_000_000
"""Width times height, read before anything is decoded."""
CODES_MAX: Final = 4
CODE_MAX: Final = 4_296
"""Bytes of what one QR code says (ISO/IEC 18004: version 40, alphanumeric)."""
SOUND_MAX: Final = 16 << 20
"""Bytes of a sound's file."""
SOUND_MAX_S: Final = 600
RATES: Final = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Samples a second that Opus has."""
LEVELS: Final = 64
"""So many parts of a sound are drawn."""
SPEEDS: Final = (100, 150, 200)
"""Percent of the speed at which it was spoken."""


class Job(Enum):
    """One thing a decoder does, by its name on the command line."""

    PIXELS = "pixels"
    """width, height of the box: RGB, with width, height, full width, full height, frames."""
    STRIP = "strip"
    """The same picture without what tells more than the picture."""
    CODES = "codes"
    """What the QR codes in a picture say, with how many there are; a byte 0 between two."""
    WAVEFORM = "waveform"
    """A byte a level, with the duration in milliseconds."""
    SAMPLES = "samples"
    """percent of speed: 16-bit mono in native order, with the rate."""
    ENCODE = "encode"
    """rate, and 16-bit mono in: Opus in Ogg."""


class Status(IntEnum):
    """How it went."""

    DONE = 0
    UNKNOWN = 1
    """Not one of the formats."""
    DAMAGED = 2
    TOO_LARGE = 3
    UNCONFINED = 4
    """This system cannot lock the decoder in, and nothing was read."""
    LIBRARY_MISSING = 5


HEAD: Final = struct.Struct("=B5IQ")
"""Status, five numbers, and how many bytes follow."""


class Answer(NamedTuple):
    """What comes back. The numbers mean what the job says."""

    status: Status
    numbers: tuple[int, ...] = ()
    data: bytes = b""


class Refused(Exception):
    """Raised inside a decoder: the answer is a status alone."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status
