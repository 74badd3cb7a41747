"""`python -I -m loom.media.worker JOB [--unconfined] [NUMBER ...]`: one job, two pipes.

It imports what the job needs, locks itself in, and only then reads a byte. What it prints is a head
of fixed size and the bytes that it speaks of; on trouble the head alone.
"""

import os
import sys
import warnings
from collections.abc import Callable
from typing import Final

from loom.media import sandbox
from loom.media.job import (
    HEAD,
    PICTURE_MAX,
    RATES,
    SOUND_MAX,
    SOUND_MAX_S,
    Answer,
    Job,
    Refused,
    Status,
)

_PIECE: Final = 1 << 16
_CPU_S: Final = {
    Job.PIXELS: 20,
    Job.STRIP: 20,
    Job.CODES: 20,
    Job.WAVEFORM: 60,
    Job.SAMPLES: 60,
    Job.ENCODE: 120,
}
_INPUT_MAX: Final = {
    Job.PIXELS: PICTURE_MAX,
    Job.STRIP: PICTURE_MAX,
    Job.CODES: PICTURE_MAX,
    Job.WAVEFORM: SOUND_MAX,
    Job.SAMPLES: SOUND_MAX,
    Job.ENCODE: 2 * RATES[-1] * SOUND_MAX_S,
}


def main(arguments: list[str]) -> None:
    """One job, answered."""
    job = Job(arguments[0])
    may_be_unconfined = "--unconfined" in arguments
    numbers = [int(one) for one in arguments[1:] if one.isdigit()]
    sandbox.limit(_CPU_S[job])
    os.closerange(2, 1 << 10)  # standard error is no pipe of ours
    warnings.simplefilter("ignore")
    try:
        work = _work(job)
    except (ImportError, OSError):  # OSError: the library that a package wraps is not there
        return _write(Answer(Status.LIBRARY_MISSING))
    # Cutting metadata out decodes nothing, and has to be possible everywhere.
    if not sandbox.confine() and not may_be_unconfined and job is not Job.STRIP:
        return _write(Answer(Status.UNCONFINED))
    try:
        answer = work(_read(_INPUT_MAX[job]), *numbers)
    except (MemoryError, OverflowError):
        answer = Answer(Status.TOO_LARGE)
    except Refused as refused:
        answer = Answer(refused.status)
    except Exception:  # noqa: BLE001 - decoders raise what they like over bytes that are no picture
        answer = Answer(Status.DAMAGED)
    return _write(answer)


def _work(job: Job) -> Callable[..., Answer]:
    """What does it, with everything that it imports."""
    match job:
        case Job.PIXELS:
            from loom.media.picture_decoder import pixels

            return pixels
        case Job.STRIP:
            from loom.media.metadata import strip

            return strip
        case Job.CODES:
            from loom.media.code_decoder import codes

            return codes
        case Job.WAVEFORM:
            from loom.media.sound_decoder import waveform

            return waveform
        case Job.SAMPLES:
            from loom.media.sound_decoder import samples

            return samples
        case Job.ENCODE:
            from loom.media.sound_decoder import encode

            return encode


def _read(most: int) -> bytes:
    pieces = []
    size = 0
    while piece := os.read(0, _PIECE):
        size += len(piece)
        if size > most:
            raise Refused(Status.TOO_LARGE)
        pieces.append(piece)
    return b"".join(pieces)


def _write(answer: Answer) -> None:
    numbers = (*answer.numbers, 0, 0, 0, 0, 0)[:5]
    rest = memoryview(HEAD.pack(answer.status, *numbers, len(answer.data)) + answer.data)
    while rest:
        rest = rest[os.write(1, rest) :]


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)  # the interpreter's own way out asks for what is no longer allowed
