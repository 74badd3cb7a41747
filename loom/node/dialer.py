"""Finds the way to one contact: known addresses, one after the other, with growing patience."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from loom.errors import LoomError
from loom.model import Address
from loom.storage import addresses
from loom.storage.addresses import KnownAddress

if TYPE_CHECKING:
    from loom.node.connection import Connection
    from loom.node.peer import Peer

FIRST_DELAY_S: Final = 1.0
MAX_DELAY_S: Final = 300.0
YIELD_S: Final = 1.5
"""When both hear of each other at once, the side with the larger fingerprint waits this long."""
STEADY_S: Final = 2.0
"""A link that lasted less counts as a failed dial."""

DialOnce = Callable[["Peer", Address], Awaitable[None]]


class Dialer:
    """Dials while there is no link. `dial` returns once a link is confirmed."""

    def __init__(self, peer: "Peer", dial: DialOnce) -> None:
        self._peer = peer
        self._dial = dial
        self._wake = asyncio.Event()
        self._delay_s = FIRST_DELAY_S
        self._yields = peer.parts.identity.peer_id > peer.contact.peer_id
        self.tries = 0
        """Dials in vain since the last link."""
        self.next_at_ms: int | None = None
        """When it dials again; None: it does not wait for a time."""
        self._task = peer.spawn(self._run(), "dialer")

    def kick(self, *, heard: bool = False) -> None:
        """Try again soon: the link was lost, or (`heard`) a new address is known."""
        if heard:
            self._delay_s = FIRST_DELAY_S
        self._wake.set()

    def stop(self) -> None:
        """Dial no more."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self._dial_or_wait()
            except LoomError as error:
                self._peer.last_error = error.code
                await self._pause()

    async def _dial_or_wait(self) -> None:
        self._wake.clear()
        if self._peer.connection is not None:
            await self._while_linked(self._peer.connection)
            return
        known = await self._peer.parts.database.read(
            lambda db: addresses.of_contact(db, self._peer.number)
        )
        if not known:
            self._delay_s = FIRST_DELAY_S
            await self._wake.wait()
            await self._let_other_dial()
        elif not await self._try_each(known):
            await self._pause()

    async def _while_linked(self, link: "Connection") -> None:
        """A link that ends at once, as where there is no room for it, is no reason to hurry."""
        self.tries = 0
        await self._wake.wait()
        if self._peer.parts.clock.monotonic_s() - link.opened_at_s >= STEADY_S:
            self._delay_s = FIRST_DELAY_S
            await self._let_other_dial()
        elif self._peer.connection is None:
            await self._pause()

    async def _let_other_dial(self) -> None:
        if self._yields:
            await asyncio.sleep(YIELD_S * random.uniform(0.7, 1.3))  # noqa: S311

    async def _try_each(self, known: list[KnownAddress]) -> bool:
        for one in known:
            if self._peer.connection is not None:
                break
            try:
                await self._dial(self._peer, one.address)
                break
            except LoomError as error:
                self._peer.last_error = error.code
                self.tries += 1
        return self._peer.connection is not None

    async def _pause(self) -> None:
        """Wait longer each time; something new to try ends the wait."""
        delay_s = self._delay_s * random.uniform(0.5, 1.5)  # noqa: S311 - only jitter
        self._delay_s = min(2 * self._delay_s, MAX_DELAY_S)
        self._wake.clear()
        self.next_at_ms = self._peer.parts.clock.now_ms() + int(delay_s * 1000)
        # `wait_for` of Python 3.11 forgets a cancellation that comes together with a kick.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._wake.wait()
        self.next_at_ms = None
