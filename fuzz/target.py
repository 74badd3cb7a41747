"""What is fuzzed: a function of bytes that raises only when a promise is broken."""

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import msgspec

from fuzz import targets

CORPUS = Path(__file__).parent / "corpus"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One entrance of bytes. `run.__doc__` is the promise, in one sentence."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...] = ()
    """Beginnings for a fuzzer, besides the corpus."""
    max_bytes: int = 4_096
    executions: int = 1_000
    """How many inputs the test suite tries beyond the corpus."""
    time_max_s: float = 2.0
    """Of the processor, for one input."""
    memory_max_mib: int = 16
    """Of Python's memory, for one input."""


def names() -> list[str]:
    """All targets."""
    return sorted(module.name for module in pkgutil.iter_modules(targets.__path__))


def load(name: str) -> Target:
    """The target of this name: `TARGET` of the module of this name."""
    found = import_module(f"fuzz.targets.{name}").TARGET
    if not isinstance(found, Target):
        raise TypeError(name)
    return found


def corpus_of(name: str) -> dict[str, bytes]:
    """The kept inputs by file name: `.txt` is the input itself, `.hex` its bytes as digits."""
    found = {}
    for path in sorted((CORPUS / name).glob("*")):
        if path.suffix == ".hex":
            found[path.name] = bytes.fromhex(path.read_text(encoding="ascii"))
        elif path.suffix == ".txt":
            found[path.name] = path.read_bytes()
    return found


def keep(name: str, label: str, data: bytes) -> Path:
    """Add an input to the corpus, as lines of hex digits."""
    path = CORPUS / name / f"{label}.hex"
    path.parent.mkdir(parents=True, exist_ok=True)
    digits = data.hex()
    lines = [digits[at : at + 96] for at in range(0, len(digits), 96)]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return path
