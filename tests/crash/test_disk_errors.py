"""A disk that is full or fails at any read or write of a running node: once, or from then on."""

import logging
from pathlib import Path

import pytest

from tests.crash.conftest import ROUNDS, NewPair
from tests.crash.victims import COUNT, Fault, boundaries, needs_strace, spread

log = logging.getLogger(__name__)

TEXTS = 4


@needs_strace
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize(
    ("who", "error"),
    [
        pytest.param(0, "ENOSPC", id="alice-ENOSPC"),
        pytest.param(1, "EIO", id="bob-EIO"),
        pytest.param(1, "ENOSPC", id="bob-ENOSPC", marks=pytest.mark.long),
        pytest.param(0, "EIO", id="alice-EIO", marks=pytest.mark.long),
    ],
)
async def test_a_node_outlives_a_disk_that_fails_at_any_call(
    new_pair: NewPair, tmp_path: Path, error: str, who: int
) -> None:
    """What was refused was said to be; what was accepted arrives, once and in order."""

    async def first_words(trace: tuple[str, ...], *, heals: bool) -> None:
        pair = new_pair()
        victim = pair.sides[who]
        await pair.start(victim, trace)
        await pair.talk(TEXTS)
        if heals and victim.is_up:
            await pair.finish()
            # The log could not be moved into the file; all the same it holds everything.
            assert await victim.stop() in ("done", "disk_full", "store_unavailable")
        else:
            await victim.kill()
        await pair.finish()
        await pair.stop()

    written = tmp_path / "calls"
    await first_words((*COUNT, "-o", str(written)), heals=True)
    calls = ("pwrite64", "fsync", "ftruncate", "unlink", *(["pread64"] if error == "EIO" else []))
    met = boundaries(written, calls)
    for number, one in enumerate(spread(met, max(2, ROUNDS // 16))):
        # A disk that never gives a page again is a damaged profile, and said to be.
        lasting = number % 2 == 0 and one.call != "pread64"
        fault = Fault(one.call, one.nth, error, lasting=lasting)
        log.info("%s", fault)
        await first_words(fault.trace, heals=not lasting)
