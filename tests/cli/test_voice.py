"""`loom voice`, with ALSA's null device in a real process."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from loom.front.sound_bars import bars, clock, level_bar
from loom.media.sound import Samples, encode
from tests.media.conftest import NULL_DEVICE, needs_portaudio


def loom(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    (folder / "asound.conf").write_text(NULL_DEVICE)
    variables = {
        **os.environ,
        "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        "LOOM_HOME": str(folder / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "loom", *arguments],
        input=given,
        env=variables,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@needs_portaudio
def test_a_voice_note_is_recorded_and_played(tmp_path: Path) -> None:
    file = tmp_path / "note.ogg"
    done = loom(tmp_path, "--json", "voice", "record", str(file), "--seconds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert (said["type"], said["path"]) == ("voice.recorded", str(file))
    assert said["duration_ms"] >= 1000
    assert said["size_bytes"] == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    note = encode(Samples(24_000, bytes(48_000)))
    for more in ((), ("--speed", "2")):
        done = loom(tmp_path, "voice", "play", "-", *more, given=note)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.endswith(" 0:01\n")
        assert len(done.stdout.split()[0]) == 64
    done = loom(tmp_path, "--json", "voice", "play", "-", given=note)
    assert json.loads(done.stdout)["whole"] is True


@needs_portaudio
def test_what_cannot_be_recorded_or_played_is_one_sentence(tmp_path: Path) -> None:
    for arguments, given, said in (
        (("play", str(tmp_path / "gone")), b"", "cannot be read"),
        (("play", "-"), b"no sound", "This cannot be shown or played"),
        (("play", "-", "--speed", "3"), b"", "--speed is 1, 1.5 or 2"),
        (("record", str(tmp_path / "a.ogg")), b"", "--seconds"),
        (("record", str(tmp_path), "--seconds", "1"), b"", "is a folder"),
    ):
        done = loom(tmp_path, "voice", *arguments, given=given)
        assert done.returncode == 2, (arguments, done.stderr)
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_sound_is_drawn_in_as_many_characters_as_there_is_room_for() -> None:
    rising = bytes(range(0, 256, 4))
    assert bars(rising, 8, unicode=True) == "▁▂▃▄▅▆▇▇"
    assert bars(b"\xff\0", 4, unicode=False) == "##__"
    assert len(bars(rising, 200, unicode=True)) == 200
    assert (level_bar(0.5, 8), level_bar(9, 2)) == ("####----", "##")
    assert (clock(65.9), clock(600)) == ("1:05", "10:00")
