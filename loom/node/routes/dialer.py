"""When to dial a contact, and where: known addresses one after the other, ever less often."""

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

from loom.errors import LoomError, ProxyNeeded, ProxyUnavailable
from loom.model import Address
from loom.node.alarm import Alarm
from loom.ports import Clock
from loom.storage.addresses import AddressSource, KnownAddress
from loom.wire.limits import DIALS_PER_MINUTE_MAX

FIRST_DELAY_S: Final = 1.0
MAX_DELAY_S: Final = 300.0
YIELD_S: Final = 1.5
"""When both find each other at once, the side with the larger fingerprint waits this long."""
STEADY_S: Final = 2.0
"""A link that lasted less counts as an attempt, and as a failed one if nothing came on it."""
KEPT_FOR_FRESH: Final = 4
"""Of the attempts of a minute: for an address that is announced while old ones fail."""
RARE_AFTER_S: Final = 24 * 3_600.0
"""An address that has failed for so long is tried only every `RARE_S`."""
RARE_S: Final = 3_600.0
FORGET_AFTER_MS: Final = 30 * 86_400_000
"""One that also neither answered nor was announced for so long is forgotten."""


class Dial(Protocol):
    """Dials one address, and returns once a link is confirmed."""

    def __call__(self, address: Address, *, urgent: bool) -> Awaitable[None]:
        """Raises a LoomError when nobody answered as the contact."""
        ...


class Book(Protocol):
    """The contact's stored addresses."""

    async def known(self) -> list[KnownAddress]:
        """All, the most promising first."""
        ...

    async def forget(self, address: Address) -> None:
        """Drop one."""
        ...


class Dialer:
    """Dials while there is no link, one address at a time.

    Args:
        is_linked: whether a link with the contact is confirmed, or none is wanted now.
        failed: called with each failure.
        yields: the contact dials first when both lost a link.
    """

    def __init__(
        self,
        dial: Dial,
        book: Book,
        clock: Clock,
        is_linked: Callable[[], bool],
        failed: Callable[[LoomError], None],
        *,
        yields: bool,
    ) -> None:
        self.failed_attempts = 0
        """Since the last link."""
        self.next_at_ms: int | None = None
        """When it dials again; None: it does not wait for a time."""
        self._dial = dial
        self._book = book
        self._clock = clock
        self._is_linked = is_linked
        self._failed = failed
        self._yields = yields
        self._wake = Alarm()
        self._was_steady = False
        self._delay_s = FIRST_DELAY_S
        self._fresh: dict[Address, None] = {}
        """Just announced or typed: tried before all others, the last one first."""
        self._begun_s: list[float] = []
        """The last attempts, but for those that led to a steady link."""
        self._answered_s = 0.0
        """When the attempt that led to the last link began."""
        self._failing: dict[Address, tuple[float, float]] = {}
        """When an address first failed and when it was last tried."""
        self._background: asyncio.Future[None] | None = None
        """An attempt that gives way to a fresh address."""

    def link_lost(self, lasted_s: float, *, carried: bool = False) -> None:
        """Dial again soon; a link that ended at once cuts no pause short.

        Args:
            carried: an envelope came on it, so that there was progress: the next pause is short.
        """
        self._was_steady = lasted_s >= STEADY_S
        if self._was_steady or carried:
            self._delay_s = FIRST_DELAY_S
        if self._was_steady and self._answered_s in self._begun_s:
            self._begun_s.remove(self._answered_s)
        if self._was_steady or self.next_at_ms is None:
            self._wake.ring()

    def heard(self, addresses: Sequence[Address] = ()) -> None:
        """Dial again soon, these first: the contact just announced them, or the user typed one."""
        for address in reversed(addresses):
            self._fresh.pop(address, None)
            self._fresh[address] = None
        while len(self._fresh) > DIALS_PER_MINUTE_MAX:
            del self._fresh[next(iter(self._fresh))]
        self._delay_s = FIRST_DELAY_S
        self._wake.ring()
        if addresses and self._background is not None:
            self._background.cancel()

    async def run(self) -> None:
        """Dial until cancelled."""
        while True:
            try:
                await self._dial_or_wait()
            except LoomError as error:
                self._failed(error)
                await self._pause()

    async def _dial_or_wait(self) -> None:
        self._wake.silence()
        if self._is_linked():
            await self._while_linked()
            return
        known = await self._book.known()
        if not known and not self._fresh:
            self._delay_s = FIRST_DELAY_S
            await self._wake.heard()
            await self._let_other_dial()
        elif not await self._try_each(self._due(known)):
            await self._pause()

    async def _while_linked(self) -> None:
        self.failed_attempts = 0
        self._fresh.clear()
        await self._wake.heard()
        if self._is_linked():
            return
        if self._was_steady:
            await self._let_other_dial()
        else:
            await self._pause()

    async def _let_other_dial(self) -> None:
        if self._yields:
            await asyncio.sleep(YIELD_S * random.uniform(0.7, 1.3))  # noqa: S311

    # --- addresses ---

    def _due(self, known: list[KnownAddress]) -> deque[KnownAddress]:
        """Without those that failed for long and were tried within the last hour."""
        there = {one.address for one in known}
        self._failing = {one: times for one, times in self._failing.items() if one in there}
        now_s = self._clock.monotonic_s()
        return deque(
            one
            for one in known
            if not self._fails_for_long(one.address)
            or now_s - self._failing[one.address][1] >= RARE_S
        )

    def _fails_for_long(self, address: Address) -> bool:
        first_s, _ = self._failing.get(address, (self._clock.monotonic_s(), 0.0))
        return self._clock.monotonic_s() - first_s >= RARE_AFTER_S

    async def _try_each(self, due: deque[KnownAddress]) -> bool:
        """Fresh addresses first, also those that come meanwhile; False: nobody answered."""
        tried = set[Address]()
        while not self._is_linked() and (self._fresh or due):
            if await self._pace():
                continue
            if self._fresh:
                address, _ = self._fresh.popitem()
                await self._fails(address, urgent=True)
                tried.add(address)
            else:
                one = due.popleft()
                if one.address not in tried and await self._fails(one.address, urgent=False):
                    await self._forget_if_dead(one)
        return self._is_linked()

    async def _fails(self, address: Address, *, urgent: bool) -> bool:
        """Try an address; one that gave way to a fresh one did not fail."""
        now_s = self._clock.monotonic_s()
        self._begun_s.append(now_s)
        del self._begun_s[:-DIALS_PER_MINUTE_MAX]
        attempt = asyncio.ensure_future(self._dial(address, urgent=urgent))
        self._background = None if urgent else attempt
        try:
            await asyncio.wait([attempt])
        finally:
            self._background = None
            attempt.cancel()
            await asyncio.wait([attempt])
        if attempt.cancelled():
            return False
        error = attempt.exception()
        if error is None:
            self._failing.pop(address, None)
            self._answered_s = now_s
            return False
        if not isinstance(error, LoomError):
            raise error
        self._failed(error)
        self.failed_attempts += 1
        if isinstance(error, ProxyNeeded | ProxyUnavailable):
            return False  # nobody was asked there
        first_s, _ = self._failing.get(address, (now_s, now_s))
        self._failing[address] = first_s, now_s
        return True

    async def _forget_if_dead(self, one: KnownAddress) -> None:
        """A typed address stays: it is the user's."""
        silent_ms = self._clock.now_ms() - max(one.added_ms, one.last_ok_ms or 0)
        is_old = self._fails_for_long(one.address) and silent_ms >= FORGET_AFTER_MS
        if is_old and one.source is not AddressSource.HAND:
            await self._book.forget(one.address)

    # --- waiting ---

    async def _pace(self) -> bool:
        """Wait if the last minute saw enough attempts, whatever the contact announces."""
        limit = DIALS_PER_MINUTE_MAX if self._fresh else DIALS_PER_MINUTE_MAX - KEPT_FOR_FRESH
        if len(self._begun_s) < limit:
            return False
        wait_s = self._begun_s[-limit] + 60.0 - self._clock.monotonic_s()
        if wait_s > 0.0:
            await self._wait(wait_s)
        return wait_s > 0.0

    async def _pause(self) -> None:
        """Wait longer each time."""
        delay_s = self._delay_s * random.uniform(0.5, 1.5)  # noqa: S311 - only jitter
        self._delay_s = min(2 * self._delay_s, MAX_DELAY_S)
        await self._wait(delay_s)

    async def _wait(self, delay_s: float) -> None:
        """Something new to try ends the wait."""
        self._wake.silence()
        self.next_at_ms = self._clock.now_ms() + int(delay_s * 1000)
        # `wait_for` of Python 3.11 forgets a cancellation that comes together with a wake-up.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._wake.heard()
        self.next_at_ms = None
