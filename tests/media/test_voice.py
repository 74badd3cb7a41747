"""Recording and playing: with a device made here, with ALSA's null device, and with none."""

import math
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loom.errors import ExtraMissing, InvalidInput, NoSoundDevice
from loom.media import voice
from loom.media.sound import Samples, samples
from tests.media.conftest import NULL_DEVICE, needs_portaudio

RATE = 24_000
BLOCK = 480


class Ended(Exception):
    """In PortAudio's place: CallbackStop."""


class Broken(Exception):
    """In PortAudio's place: PortAudioError."""


class Stream:
    """A device that takes or gives a block whenever the test says so."""

    def __init__(self, *, callback: Callable[..., None], finished_callback: Any, **_: Any) -> None:
        self._callback = callback
        self._finished = finished_callback
        self.is_on = False

    def start(self) -> None:
        self.is_on = True

    def stop(self) -> None:
        self.is_on = False
        self._finished()

    def close(self) -> None:
        self.is_on = False

    def block(self, data: Any) -> None:
        try:
            self._callback(data, len(data) // 2, None, None)
        except Ended:
            self.stop()


class Device:
    """The part of `sounddevice` that is used."""

    CallbackStop = Ended
    PortAudioError = Broken

    def __init__(self, rates: tuple[int, ...] = (24_000,)) -> None:
        self.rates = rates
        self.stream: Stream | None = None
        self.rate = 0

    def check_input_settings(self, *, samplerate: int, **_: Any) -> None:
        if samplerate not in self.rates:
            raise Broken

    def RawInputStream(self, *, samplerate: int, **how: Any) -> Stream:  # noqa: N802 - sounddevice's
        if samplerate not in self.rates:
            raise Broken
        self.rate = samplerate
        self.stream = Stream(**how)
        return self.stream

    RawOutputStream = RawInputStream


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    made = Device()
    monkeypatch.setattr(voice, "_library", lambda _: made)
    return made


def blocks(seconds: float, loudness: float) -> list[bytes]:
    turn = 2 * math.pi * 440 / RATE
    whole = array(
        "h", (round(32_767 * loudness * math.sin(turn * at)) for at in range(int(RATE * seconds)))
    ).tobytes()
    return [whole[at : at + 2 * BLOCK] for at in range(0, len(whole), 2 * BLOCK)]


def test_what_is_said_is_recorded_with_its_level(device: Device) -> None:
    levels: list[float] = []
    recorder = voice.Recorder(levels.append)
    recorder.start()
    assert device.stream is not None
    for block in blocks(1, 0.5):
        device.stream.block(block)
    assert recorder.seconds == pytest.approx(1)
    assert 15 <= len(levels) <= 20
    assert max(levels) == pytest.approx(0.5, abs=0.01)
    note = recorder.stop()
    assert not device.stream.is_on
    assert samples(note).seconds == pytest.approx(1, abs=0.01)


def test_a_recording_ends_by_itself_and_holds_no_more(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice, "SOUND_MAX_S", 1)
    recorder = voice.Recorder()
    recorder.start()
    assert device.stream is not None
    for block in blocks(1.5, 0.5):
        device.stream.block(block)
    assert recorder.seconds == 1
    assert recorder.ended.is_set()
    assert not device.stream.is_on


def test_a_cancelled_recording_and_an_empty_one_are_nothing(device: Device) -> None:
    recorder = voice.Recorder()
    recorder.start()
    recorder.cancel()
    recorder.cancel()
    assert device.stream is not None
    assert not device.stream.is_on
    empty = voice.Recorder()
    empty.start()
    with pytest.raises(InvalidInput):
        empty.stop()


def test_another_rate_is_taken_where_the_microphone_lacks_the_best(device: Device) -> None:
    device.rates = (48_000,)
    recorder = voice.Recorder()
    recorder.start()
    assert device.rate == 48_000
    device.rates = ()
    with pytest.raises(NoSoundDevice) as caught:
        voice.Recorder().start()
    assert caught.value.facts["what"] == "record"


def test_a_sound_is_played_paused_and_played_to_its_end(device: Device) -> None:
    whole = b"".join(blocks(0.1, 0.5))
    player = voice.Player(Samples(RATE, whole))
    player.start()
    stream = device.stream
    assert stream is not None
    heard = bytearray()
    for turn in range(6):
        piece = bytearray(2 * BLOCK)
        stream.block(memoryview(piece))
        heard += piece
        if turn == 1:
            player.pause()
            assert not player.ended.is_set()
            assert player.position_s == pytest.approx(0.04)
            player.resume()
            assert stream.is_on
    assert bytes(heard).rstrip(b"\0") == whole.rstrip(b"\0")
    assert player.is_over
    assert player.ended.is_set()
    player.resume()
    assert not stream.is_on
    player.stop()
    player.stop()


def test_without_the_packages_or_the_library_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ExtraMissing):
        voice.Recorder().start()
    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.setattr("builtins.__import__", _no_portaudio(__import__))
    with pytest.raises(NoSoundDevice) as caught:
        voice.Player(Samples(RATE, b"")).start()
    assert "PortAudio" in str(caught.value.facts["reason"])


def _no_portaudio(real: Callable[..., Any]) -> Callable[..., Any]:
    def found(name: str, *rest: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *rest)

    return found


WITH_PORTAUDIO = """
from loom.media import voice
from loom.media.sound import samples
voice.SOUND_MAX_S = 3
recorder = voice.Recorder(lambda _: None)
recorder.start()
assert recorder.ended.wait(60)
note = recorder.stop()
heard = samples(note)
player = voice.Player(heard)
player.start()
assert player.ended.wait(60)
print(heard.seconds, player.is_over)
player.stop()
"""


def run_with(configuration: Path, code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    variables = {"ALSA_CONFIG_PATH": str(configuration), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        command, env=variables, capture_output=True, text=True, check=False, timeout=120
    )


@needs_portaudio
def test_a_null_device_records_silence_to_the_end_and_plays_it(tmp_path: Path) -> None:
    """The real library; the device is as quick as it is asked, so ten minutes take no time."""
    configuration = tmp_path / "asound.conf"
    configuration.write_text(NULL_DEVICE)
    done = run_with(configuration, WITH_PORTAUDIO)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["3.0", "True"]


@needs_portaudio
def test_without_any_device_it_is_one_sentence(tmp_path: Path) -> None:
    configuration = tmp_path / "asound.conf"
    configuration.write_text("pcm.!default { type hw card 99 }\n")
    code = """
from loom.errors import NoSoundDevice
from loom.media import voice
from loom.media.sound import Samples
for one in (voice.Recorder(), voice.Player(Samples(24000, bytes(9)))):
    try:
        one.start()
    except NoSoundDevice as error:
        print(error.facts["reason"])
"""
    done = run_with(configuration, code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "the system has no microphone that can be used",
        "the system has no loudspeaker that can be used",
    ]
