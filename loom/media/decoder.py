"""Starts a decoder for one job, and believes nothing of what it answers."""

import os
import selectors
import subprocess
import sys
import threading
import time
from typing import IO, Final

from loom.errors import DecodingUnconfined, ExtraMissing, MediaUnreadable
from loom.media.job import HEAD, Answer, Job, Status

_DEADLINE_S: Final = {
    Job.PIXELS: 30.0,
    Job.STRIP: 30.0,
    Job.CODES: 30.0,
    Job.WAVEFORM: 90.0,
    Job.SAMPLES: 90.0,
    Job.ENCODE: 180.0,
}
_AT_ONCE: Final = 2
_PIECE: Final = 1 << 16

_REASONS: Final = {
    Status.UNKNOWN: "its format is none that Loom shows (PNG, JPEG, WebP, GIF; Opus)",
    Status.DAMAGED: "it is damaged",
    Status.TOO_LARGE: "it is too large",
}
_DIED: Final = "the decoder was stopped over it"
_SLOW: Final = "decoding it took too long"
_NONSENSE: Final = "the decoder gave no answer that makes sense"

_places = threading.BoundedSemaphore(_AT_ONCE)


def run(
    job: Job, data: bytes, *numbers: int, answer_max: int, is_unconfined: bool = False
) -> Answer:
    """What a new process makes of `data`; at most `answer_max` bytes. Blocks, two at a time.

    Raises:
        MediaUnreadable: something is wrong with the data, or with how it was decoded.
        DecodingUnconfined: this system cannot lock a decoder in, and that was not allowed for.
        ExtraMissing: the packages for sound, or for QR codes, are not installed.
    """
    options = ["--unconfined"] if is_unconfined else []
    arguments = [job.value, *options, *map(str, numbers)]
    with _places, _start([*_program(), *arguments]) as process:
        try:
            said = _exchange(process, data, HEAD.size + answer_max, _DEADLINE_S[job])
        finally:
            process.kill()
    return _answer(job, said, answer_max)


def _program() -> list[str]:
    return [sys.executable, "-I", "-B", "-m", "loom.media.worker"]


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - our own program, numbers only
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            close_fds=True,
            cwd="/",
            env={},
        )
    except OSError as error:
        raise MediaUnreadable(reason="the decoder cannot be started") from error


def _exchange(process: subprocess.Popen[bytes], data: bytes, most: int, within_s: float) -> bytes:
    """All that it prints until it ends, while it is given `data`."""
    ends_s = time.monotonic() + within_s
    given, said = memoryview(data), bytearray()
    into, out = _pipe(process.stdin), _pipe(process.stdout)
    with selectors.DefaultSelector() as both:
        both.register(into, selectors.EVENT_WRITE)
        both.register(out, selectors.EVENT_READ)
        while True:
            if (left_s := ends_s - time.monotonic()) <= 0:
                raise MediaUnreadable(reason=_SLOW)
            for key, _ in both.select(left_s):
                if key.fileobj is out:
                    piece = os.read(out.fileno(), _PIECE)
                    said += piece
                    if len(said) > most:
                        raise MediaUnreadable(reason=_NONSENSE)
                    if not piece:
                        return bytes(said)
                    continue
                try:
                    given = given[os.write(into.fileno(), given[:_PIECE]) :] if given else given
                except BrokenPipeError:  # it has seen enough
                    given = given[:0]
                if not given:
                    both.unregister(into)
                    into.close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise MediaUnreadable(reason=_DIED)
    os.set_blocking(stream.fileno(), False)
    return stream


def _answer(job: Job, said: bytes, most: int) -> Answer:
    if not said:
        raise MediaUnreadable(reason=_DIED)
    if len(said) < HEAD.size:
        raise MediaUnreadable(reason=_NONSENSE)
    number, *numbers, size = HEAD.unpack_from(said)
    data = said[HEAD.size :]
    if number == Status.UNCONFINED:
        raise DecodingUnconfined
    if number == Status.LIBRARY_MISSING:
        if job is Job.CODES:
            raise ExtraMissing(packages="zxing-cpp", extra="qr")
        raise ExtraMissing(packages="sounddevice, soundfile", extra="voice")
    if number in _REASONS:
        raise MediaUnreadable(reason=_REASONS[Status(number)])
    if number != Status.DONE or size != len(data) or size > most:
        raise MediaUnreadable(reason=_NONSENSE)
    return Answer(Status.DONE, tuple(numbers), data)
