"""Voice notes: encoded, drawn and played from generated sound, decoded in the locked-in process."""

import math
from array import array

import pytest

from loom.errors import DecodingUnconfined, ExtraMissing, MediaUnreadable
from loom.media import decoder, sound
from loom.media.job import SOUND_MAX, Job
from loom.media.sound import Samples, encode, samples, waveform
from tests.media.conftest import Plant, picture

RATE = 24_000


def tone(seconds: float, hertz: float = 440, loudness: float = 0.5) -> "array[int]":
    scale = loudness * 32_767
    turn = 2 * math.pi * hertz / RATE
    return array("h", (round(scale * math.sin(turn * at)) for at in range(int(RATE * seconds))))


def crossings(pcm: bytes) -> int:
    """How often it goes from below zero to above: as often as it swings."""
    heard = array("h", pcm)
    return sum(1 for at in range(1, len(heard)) if heard[at - 1] < 0 <= heard[at])


@pytest.fixture(scope="module")
def note() -> bytes:
    """Two seconds of a tone, the second one loud."""
    return encode(Samples(RATE, (tone(1, loudness=0.1) + tone(1, loudness=0.8)).tobytes()))


def test_what_was_recorded_comes_back(note: bytes) -> None:
    assert note[:4] == b"OggS"
    assert len(note) < 12_000
    heard = samples(note)
    assert heard.rate == RATE
    assert heard.seconds == pytest.approx(2, abs=0.01)
    assert crossings(heard.pcm) == pytest.approx(880, abs=9)


def test_the_waveform_has_64_levels_and_shows_where_it_is_loud(note: bytes) -> None:
    drawn = waveform(note)
    assert drawn.duration_ms == pytest.approx(2000, abs=10)
    assert len(drawn.levels) == 64
    assert max(drawn.levels) == 255
    assert max(drawn.levels[2:30]) < 60 < 200 < min(drawn.levels[34:62])
    silent = waveform(encode(Samples(RATE, bytes(2 * RATE))))
    assert set(silent.levels) == {0}


@pytest.mark.parametrize("speed", [1.5, 2.0])
def test_a_faster_voice_is_as_high_as_it_was(note: bytes, speed: float) -> None:
    heard = samples(note, speed)
    assert heard.seconds == pytest.approx(2 / speed, abs=0.06)
    assert crossings(heard.pcm) / heard.seconds == pytest.approx(440, rel=0.03)


def test_other_sounds_and_speeds_are_refused(note: bytes) -> None:
    wav = b"RIFF" + bytes(4) + b"WAVEfmt " + bytes(40)
    for data in (b"", wav, note[:20], picture("PNG"), b"fLaC" + bytes(99)):
        with pytest.raises(MediaUnreadable):
            waveform(data)
    with pytest.raises(MediaUnreadable):
        samples(note, 3.0)
    with pytest.raises(MediaUnreadable):
        samples(bytes(SOUND_MAX + 1))


def test_a_broken_voice_note_is_one_sentence(note: bytes) -> None:
    for place in range(28, len(note), 1999):
        broken = note[:place] + bytes(9) + note[place + 9 :]
        try:
            assert samples(broken).seconds < 3
        except MediaUnreadable:
            continue
    for size in (37, 100, len(note) // 2):
        try:
            assert samples(note[:size]).seconds < 2
        except MediaUnreadable:
            continue


def test_a_sound_that_is_too_long_is_refused(planted: Plant, note: bytes) -> None:
    planted("from loom.media import sound_decoder; sound_decoder.SOUND_MAX_S = 1")
    with pytest.raises(MediaUnreadable) as caught:
        waveform(note)
    assert caught.value.facts == {"reason": "it is too large"}


def test_without_the_packages_the_extra_is_named(planted: Plant) -> None:
    planted("sys.modules['soundfile'] = None")
    with pytest.raises(ExtraMissing) as caught:
        decoder.run(Job.WAVEFORM, b"OggS", answer_max=64)
    assert caught.value.facts["extra"] == "voice"


def test_sound_is_not_decoded_without_seccomp_either(planted: Plant, note: bytes) -> None:
    planted("seccomp.install = lambda _: False")
    with pytest.raises(DecodingUnconfined):
        waveform(note)
    assert len(waveform(note, is_unconfined=True).levels) == 64


def test_an_answer_that_cannot_be_is_refused(planted: Plant) -> None:
    for answer in ("(601_000,), bytes(64)", "(5,), bytes(3)"):
        planted(f"""
def hostile(data, *numbers):
    return job.Answer(job.Status.DONE, {answer})
worker._work = lambda _: hostile
""")
        with pytest.raises(MediaUnreadable):
            sound.waveform(b"x")
    planted("""
def hostile(data, *numbers):
    return job.Answer(job.Status.DONE, (7,), bytes(4))
worker._work = lambda _: hostile
""")
    with pytest.raises(MediaUnreadable):
        sound.samples(b"x")
