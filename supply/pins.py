"""The pinned requirements: what is installed, and the hashes it must have."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from packaging.utils import NormalizedName, canonicalize_name

ROOT: Final = Path(__file__).resolve().parents[1]
RUNTIME: Final = ROOT / "requirements" / "runtime.txt"

_PIN: Final = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Pin(msgspec.Struct, frozen=True, order=True):
    """One package in the one version that may be installed."""

    name: NormalizedName
    version: str
    sha256: tuple[str, ...]
    """Of every file that may be installed."""


def read(path: Path) -> list[Pin]:
    """The pins of one file, in alphabetical order."""
    joined = path.read_text("utf-8").replace("\\\n", " ")
    found = []
    for line in joined.splitlines():
        pin = _PIN.match(line)
        if pin:
            hashes = tuple(sorted(_HASH.findall(line)))
            found.append(Pin(canonicalize_name(pin[1]), pin[2], hashes))
    return sorted(found)


def read_all(paths: Iterable[Path]) -> list[Pin]:
    """The pins of several files, each once."""
    return sorted({pin for path in paths for pin in read(path)})
