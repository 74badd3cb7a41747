"""Inside the decoder: Opus in Ogg to samples and back, by libsndfile."""

import io
import os
from itertools import pairwise
from typing import Any, Final

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: a decoder is one thread

import numpy as np
import soundfile

from loom.media.job import LEVELS, RATES, SOUND_MAX_S, SPEEDS, Answer, Refused, Status
from loom.media.kinds import HEAD_BYTES, OPUS, content_type_of

_LEVEL: Final = 1 - (24_000 - 6_000) / 250_000
"""libsndfile has 256,000 bits a second at 0 and 6,000 at 1; 24,000 are plenty for a voice."""

_FRAME_MS: Final = 40
_SEARCH_MS: Final = 10
_COARSE_RATE: Final = 8_000

Samples = np.ndarray[Any, np.dtype[np.int16]]


def waveform(data: bytes) -> Answer:
    """64 levels, the loudest part of the sound 255, and milliseconds."""
    rate, samples = _decoded(data)
    edges = [len(samples) * part // LEVELS for part in range(LEVELS + 1)]
    parts = (samples[start:end] for start, end in pairwise(edges))
    loudness = np.array([_loudness(part) for part in parts])
    levels = np.round(loudness * (255 / max(1.0, float(loudness.max())))).astype(np.uint8)
    return Answer(Status.DONE, (len(samples) * 1000 // rate,), levels.tobytes())


def samples(data: bytes, percent: int) -> Answer:
    """16-bit mono in native order at a percentage of its speed, and the rate."""
    rate, found = _decoded(data)
    if percent not in SPEEDS:
        raise Refused(Status.UNKNOWN)
    return Answer(Status.DONE, (rate,), _faster(found, rate, percent).tobytes())


def encode(pcm: bytes, rate: int) -> Answer:
    """Opus in Ogg of 16-bit mono."""
    if rate not in RATES or len(pcm) % 2:
        raise Refused(Status.UNKNOWN)
    file = io.BytesIO()
    kind = {"samplerate": rate, "channels": 1, "format": "OGG", "subtype": "OPUS"}
    with soundfile.SoundFile(file, "w", compression_level=_LEVEL, **kind) as sound:
        sound.write(np.frombuffer(pcm, np.int16))
    return Answer(Status.DONE, (), file.getvalue())


def _decoded(data: bytes) -> tuple[int, Samples]:
    """The rate, and all samples as one channel."""
    if content_type_of(data[:HEAD_BYTES]) != OPUS:
        raise Refused(Status.UNKNOWN)
    pieces = []
    with soundfile.SoundFile(io.BytesIO(data)) as sound:
        rate = sound.samplerate
        if (sound.format, sound.subtype) != ("OGG", "OPUS") or rate not in RATES:
            raise Refused(Status.UNKNOWN)
        left = rate * SOUND_MAX_S
        # What the file says of its length is not asked.
        while len(piece := sound.read(rate, dtype="int16", always_2d=True)):
            left -= len(piece)
            if left < 0:
                raise Refused(Status.TOO_LARGE)
            pieces.append(piece.mean(axis=1).astype(np.int16))
    if not pieces:
        raise Refused(Status.DAMAGED)
    return rate, np.concatenate(pieces)


def _loudness(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def _faster(samples: Samples, rate: int, percent: int) -> Samples:
    """The same voice in less time: frames that overlap where they are most alike (WSOLA).

    W. Verhelst and M. Roelands, An overlap-add technique based on waveform similarity (1993).
    """
    frame, search = rate * _FRAME_MS // 1000, rate * _SEARCH_MS // 1000
    hop, stride = frame // 2, max(1, rate // _COARSE_RATE)
    if percent == SPEEDS[0] or len(samples) <= frame:
        return samples
    padded = np.pad(samples.astype(np.float32), (search, frame + 2 * search + hop))
    window = np.hanning(frame + 1)[:frame].astype(np.float32)
    count = max(1, (len(samples) * 100 // percent - frame) // hop)
    faster = np.zeros(count * hop + hop, np.float32)
    place = search
    for index in range(count):
        faster[index * hop : index * hop + frame] += window * padded[place : place + frame]
        follows = padded[place + hop : place + hop + frame : stride]
        about = (index + 1) * hop * percent // 100
        where = padded[about : about + frame + 2 * search : stride]
        alike = np.correlate(where, follows, "valid")
        place = about + int(alike.argmax()) * stride
    return np.clip(faster, -32_768, 32_767).astype(np.int16)


# Everything that is loaded or mapped on first use, while that is still allowed.
_faster(_decoded(encode(bytes(2 * RATES[0]), RATES[0]).data)[1], RATES[0], SPEEDS[-1])
