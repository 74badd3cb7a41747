"""Fuzzing without a fuzzer: the corpus, and repeatable random changes of it."""

import random
import time
import tracemalloc
from collections.abc import Iterator, Sequence

from fuzz.target import Target

_PIECE_MAX = 64
_STACK_MAX = 4


class TooSlow(AssertionError):
    """One input took more of the processor than its target may."""


class TooLarge(AssertionError):
    """One input took more memory than its target may."""


def run_timed(target: Target, data: bytes) -> None:
    """One input, within its time."""
    began_s = time.process_time()
    target.run(data)
    took_s = time.process_time() - began_s
    if took_s > target.time_max_s:
        raise TooSlow(f"{took_s:.1f} s")


def run_weighed(target: Target, data: bytes) -> None:
    """One input, within its memory; several times as slow."""
    tracemalloc.start()
    try:
        target.run(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if peak > target.memory_max_mib << 20:
        raise TooLarge(f"{peak >> 20} MiB")


def inputs(target: Target, known: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Endless changes of the known inputs, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    known = [*known, *target.seeds, b""]
    while True:
        data = bytearray(chance.choice(known))
        for _ in range(chance.randint(0, _STACK_MAX)):
            _change(data, chance, known)
        if not chance.randrange(4):
            data += chance.randbytes(chance.randrange(target.max_bytes))
        yield bytes(data[: target.max_bytes])


def _change(data: bytearray, chance: random.Random, known: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    match chance.randrange(6):
        case 0 if data:
            data[at % len(data)] = chance.randrange(256)
        case 1 if data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
        case 2:
            data[at:at] = chance.randbytes(chance.randrange(1, 9))
        case 3:
            del data[at : at + chance.randrange(1, 9)]
        case 4:
            other = chance.choice(known)
            start = chance.randrange(len(other) + 1)
            data[at:at] = other[start : start + chance.randrange(_PIECE_MAX)]
        case _:
            data += chance.randbytes(chance.randrange(1, 9))
