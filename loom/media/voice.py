"""A microphone and a loudspeaker, through PortAudio: recording a voice note and playing one."""

import os
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from loom.errors import ExtraMissing, InvalidInput, NoSoundDevice
from loom.media.job import SOUND_MAX_S
from loom.media.sound import Samples, encode

_RATES: Final = (24_000, 48_000, 16_000)
"""Of these the first that the microphone has."""
_LEVELS_A_SECOND: Final = 20
_LOUDEST: Final = 32_768
_BYTES: Final = 2
_LEAST_S: Final = 0.2


class Recorder:
    """One recording of at most ten minutes, 16 bits, one channel.

    Args:
        on_level: told about 20 times a second how loud it is, 0.0 to 1.0, from another thread.
    """

    def __init__(self, on_level: Callable[[float], None] | None = None) -> None:
        self._on_level = on_level
        self._pcm = bytearray()
        self._rate = _RATES[0]
        self._told = 0
        self._stream: Any = None
        self.ended = threading.Event()
        """Set when nothing more is recorded: stopped, ten minutes long, or the device is gone."""

    @property
    def seconds(self) -> float:
        """How long it is so far."""
        return len(self._pcm) / _BYTES / self._rate

    def start(self) -> None:
        """Record from now on.

        Raises:
            ExtraMissing: the packages are not installed.
            NoSoundDevice: there is no microphone, or no PortAudio.
        """
        library = _library("record")
        with _said_as_one_sentence(library, "record"):
            self._rate = _rate_of_microphone(library)
            self._stream = library.RawInputStream(
                samplerate=self._rate,
                channels=1,
                dtype="int16",
                callback=self._take,
                finished_callback=self.ended.set,
            )
            self._stream.start()

    def stop(self, *, is_unconfined: bool = False) -> bytes:
        """End it: Opus in Ogg. Blocks for some seconds when it is long.

        Raises:
            InvalidInput: it is shorter than a fifth of a second.
            DecodingUnconfined: the encoder cannot be locked in either.
        """
        self.cancel()
        recorded = Samples(self._rate, bytes(self._pcm))
        if recorded.seconds < _LEAST_S:
            raise InvalidInput(what="Nothing was recorded: the microphone gave no sound")
        return encode(recorded, is_unconfined=is_unconfined)

    def cancel(self) -> None:
        """End it and keep nothing open; once is enough."""
        _close(self._stream)
        self._stream = None
        self.ended.set()

    def _take(self, pcm: Any, frames: int, _time: Any, _status: Any) -> None:
        left = _BYTES * self._rate * SOUND_MAX_S - len(self._pcm)
        self._pcm += bytes(pcm)[:left]
        self._told += frames
        if self._on_level is not None and self._told * _LEVELS_A_SECOND >= self._rate:
            self._told = 0
            heard = array("h", bytes(pcm))
            self._on_level(max(map(abs, heard), default=0) / _LOUDEST)
        if left <= frames * _BYTES:
            raise _library("record").CallbackStop


class Player:
    """One sound, played from its beginning; paused and gone on with as often as wished."""

    def __init__(self, sound: Samples) -> None:
        self._sound = sound
        self._place = 0
        self._stream: Any = None
        self.ended = threading.Event()
        """Set when it was played to its end, or stopped."""

    @property
    def position_s(self) -> float:
        """How much was played, in seconds of what is heard."""
        return self._place / _BYTES / self._sound.rate

    @property
    def is_over(self) -> bool:
        """Whether it was played to its end."""
        return self._place >= len(self._sound.pcm)

    def start(self) -> None:
        """Play from now on.

        Raises:
            ExtraMissing: the packages are not installed.
            NoSoundDevice: there is no loudspeaker, or no PortAudio.
        """
        library = _library("play")
        with _said_as_one_sentence(library, "play"):
            self._stream = library.RawOutputStream(
                samplerate=self._sound.rate,
                channels=1,
                dtype="int16",
                callback=self._give,
                finished_callback=self._finished,
            )
            self._stream.start()

    def pause(self) -> None:
        """Be silent, and keep the place."""
        if self._stream is not None:
            with _said_as_one_sentence(_library("play"), "play"):
                self._stream.stop()

    def resume(self) -> None:
        """Go on where it was paused."""
        if self._stream is not None and not self.is_over:
            with _said_as_one_sentence(_library("play"), "play"):
                self._stream.start()

    def stop(self) -> None:
        """End it and keep nothing open; once is enough."""
        _close(self._stream)
        self._stream = None
        self.ended.set()

    def _give(self, wanted: Any, _frames: int, _time: Any, _status: Any) -> None:
        piece = self._sound.pcm[self._place : self._place + len(wanted)]
        self._place += len(piece)
        wanted[:] = piece.ljust(len(wanted), b"\0")
        if self.is_over:
            raise _library("play").CallbackStop

    def _finished(self) -> None:
        if self.is_over:
            self.ended.set()


def _library(what: str) -> Any:
    try:
        import sounddevice
    except ImportError as error:
        raise ExtraMissing(packages="sounddevice, soundfile", extra="voice") from error
    except OSError as error:
        raise NoSoundDevice(what=what, reason="the library PortAudio is not installed") from error
    return sounddevice


def _rate_of_microphone(library: Any) -> int:
    for rate in _RATES[:-1]:
        with suppress(library.PortAudioError, ValueError):
            library.check_input_settings(channels=1, dtype="int16", samplerate=rate)
            return rate
    return _RATES[-1]


def _close(stream: Any) -> None:
    if stream is not None:
        with suppress(Exception):  # a device that was unplugged: there is nothing left to close
            stream.close()


@contextmanager
def _said_as_one_sentence(library: Any, what: str) -> Iterator[None]:
    """NoSoundDevice for the library's errors; what the system's libraries print goes nowhere."""
    with _quiet():
        try:
            yield
        except (library.PortAudioError, ValueError) as error:
            kind = "microphone" if what == "record" else "loudspeaker"
            reason = f"the system has no {kind} that can be used"
            raise NoSoundDevice(what=what, reason=reason) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """ALSA writes to standard error by itself, over whatever the screen shows."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
