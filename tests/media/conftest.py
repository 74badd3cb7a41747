"""Decoders with something planted in them, and pictures."""

import io
import sys
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from loom.media import decoder

Plant = Callable[[str], None]

NULL_DEVICE = """
pcm.!default { type null }
ctl.!default { type hw card 0 }
"""


def _lacks_null_device() -> bool:
    if sys.platform != "linux":
        return True
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError):
        return True
    return False


needs_portaudio = pytest.mark.skipif(
    _lacks_null_device(), reason="no PortAudio over ALSA: `apt-get install libportaudio2`"
)

_START = """
import os, signal, socket, sys, time
from loom.media import job, sandbox, seccomp, worker
{code}
worker.main(sys.argv[1:])
os._exit(0)
"""


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Start the worker's own `main` after this code has changed something in it."""

    def plant(code: str) -> None:
        program = [sys.executable, "-I", "-B", "-c", _START.format(code=code)]
        monkeypatch.setattr(decoder, "_program", lambda: program)

    return plant


def picture(format_: str, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    """A picture whose four corners differ, in a format of Pillow's."""
    image = Image.new("RGB", size, (200, 200, 200))
    half = size[0] // 2, size[1] // 2
    image.paste((250, 0, 0), (0, 0, *half))
    image.paste((0, 250, 0), (half[0], 0, size[0], half[1]))
    image.paste((0, 0, 250), (0, half[1], half[0], size[1]))
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()
