"""Sound as front ends use it. Everything here blocks while a decoder works."""

from typing import NamedTuple

from loom.errors import MediaUnreadable
from loom.media.decoder import run
from loom.media.job import LEVELS, RATES, SOUND_MAX, SOUND_MAX_S, Job

_NONSENSE = "the decoder gave no answer that makes sense"


class Waveform(NamedTuple):
    """How loud a sound is over its time."""

    duration_ms: int
    levels: bytes
    """64, the loudest 255."""


class Samples(NamedTuple):
    """What a sound device plays."""

    rate: int
    """Samples a second."""
    pcm: bytes
    """16 bits each, signed, in native order, one channel."""

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.pcm) / 2 / self.rate


def waveform(data: bytes, *, is_unconfined: bool = False) -> Waveform:
    """Of Opus in Ogg, at most 10 minutes.

    Raises:
        MediaUnreadable: it cannot be played.
        DecodingUnconfined: nothing is decoded on this system.
        ExtraMissing: the packages for sound are not installed.
    """
    _check_size(data)
    answer = run(Job.WAVEFORM, data, answer_max=LEVELS, is_unconfined=is_unconfined)
    found = Waveform(answer.numbers[0], answer.data)
    if found.duration_ms > 1000 * SOUND_MAX_S or len(found.levels) != LEVELS:
        raise MediaUnreadable(reason=_NONSENSE)
    return found


def samples(data: bytes, speed: float = 1.0, *, is_unconfined: bool = False) -> Samples:
    """To play it at 1, 1.5 or 2 times its speed, with the voice as high as it was.

    Raises: as `waveform`.
    """
    _check_size(data)
    percent = round(100 * speed)
    most = 2 * RATES[-1] * SOUND_MAX_S
    answer = run(Job.SAMPLES, data, percent, answer_max=most, is_unconfined=is_unconfined)
    found = Samples(answer.numbers[0], answer.data)
    if found.rate not in RATES or len(found.pcm) % 2 or found.seconds > SOUND_MAX_S:
        raise MediaUnreadable(reason=_NONSENSE)
    return found


def encode(recorded: Samples, *, is_unconfined: bool = False) -> bytes:
    """Opus in Ogg, about 3 KB a second.

    Raises: as `waveform`.
    """
    numbers = (recorded.rate,)
    return run(
        Job.ENCODE, recorded.pcm, *numbers, answer_max=SOUND_MAX, is_unconfined=is_unconfined
    ).data


def _check_size(data: bytes) -> None:
    if len(data) > SOUND_MAX:
        raise MediaUnreadable(reason=f"it has more than {SOUND_MAX >> 20} MiB")
