"""Asks the proxy now and then whether it is there; tells the user, and the node when it is back."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from loom.api.events import Warned
from loom.errors import NetworkError, StoreError
from loom.node.parts import Parts
from loom.ports import Transport

log = logging.getLogger(__name__)

CHECK_S: Final = 30.0
CHECK_AGAIN_S: Final = 5.0
"""While it does not answer."""


class ProxyWatch:
    """One per node that has a proxy; `state` is checking, on or failed.

    Args:
        returned: called when it answers again.
    """

    def __init__(self, parts: Parts, transport: Transport, returned: Callable[[], None]) -> None:
        self.state = "checking"
        self._parts = parts
        self._transport = transport
        self._returned = returned
        self._look = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="proxy")

    def look(self) -> None:
        """A dial found it missing: ask now, unless that is known."""
        if self.state != "failed":
            self._look.set()

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self._look.clear()
            try:
                await self._transport.check_proxy()
            except NetworkError as error:
                await self._failed(error)
            else:
                self._answered()
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_AGAIN_S if self.state == "failed" else CHECK_S):
                    await self._look.wait()

    def _answered(self) -> None:
        was, self.state = self.state, "on"
        if was == "failed":
            log.warning("the proxy answers again")
            self._returned()

    async def _failed(self, error: NetworkError) -> None:
        """Warn once, until it worked again; stored, so that it can be read later."""
        if self.state == "failed":
            return
        self.state = "failed"
        log.warning("proxy: %s", error.code)
        warning = Warned(code=error.code, facts=error.facts)
        with suppress(StoreError):
            await self._parts.journal.write(lambda db, happened: happened.add(warning))
