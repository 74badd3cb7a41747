"""Real nodes for a fuzzer: in virtual time, on a network in memory, and nothing may fail unseen."""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.node.harness import World
from tests.node.virtual_loop import VirtualLoop


class _Faults(logging.Handler):
    """Every failure that somebody only logged."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.found.append(f"{record.getMessage()}: {error!r}")

    def unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's exception handler."""
        self.found.append(f"{context.get('message')}: {context.get('exception')!r}")


def in_world(work: Callable[[World], Awaitable[None]], *, logs_count: bool = True) -> None:
    """Run `work` in an empty world; whatever failed in the background fails here."""
    faults = _Faults()
    log = logging.getLogger("loom")
    with (
        tempfile.TemporaryDirectory(prefix="loom-fuzz-") as folder,
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        log.addHandler(faults)
        log.propagate, propagates = False, log.propagate
        try:
            runner.get_loop().set_exception_handler(faults.unhandled)
            runner.run(_lived(Path(folder), work))
        finally:
            log.removeHandler(faults)
            log.propagate = propagates
    if logs_count:
        assert faults.found == []


async def _lived(folder: Path, work: Callable[[World], Awaitable[None]]) -> None:
    world = World(folder)
    try:
        await work(world)
    finally:
        await world.close()
