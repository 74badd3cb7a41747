"""Two profiles made once, copied for each conversation, and the nursery of their processes."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import pytest

from tests.crash.pair import Pair, make
from tests.crash.victims import Nursery

ROUNDS = int(os.environ.get("LOOM_CRASH_ROUNDS", "50"))
NewPair = Callable[[], Pair]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the two profiles."""
    home = tmp_path_factory.mktemp("made") / "h"
    asyncio.run(make(home))
    return home


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[Nursery]:
    """Where victims come from."""
    async with Nursery.open(tmp_path) as nursery:
        yield nursery


@pytest.fixture
def new_pair(nursery: Nursery, made: Path, tmp_path: Path) -> NewPair:
    """Two people who never talked, in a home of their own."""
    numbers = count()

    def copy() -> Pair:
        home = tmp_path / str(next(numbers))
        shutil.copytree(made, home)
        return Pair(nursery, home)

    return copy
