"""Wakes one task, at once or after a while."""

import asyncio


class Alarm:
    """Of several wishes for a time the earliest counts; rings that nobody heard yet are one."""

    def __init__(self, also: "Alarm | None" = None) -> None:
        self._also = also
        """Another one, which rings when something happens, too."""
        self._rang = False
        self._waiting: asyncio.Future[None] | None = None
        """Made while the task waits: an idle `asyncio.Event` takes 800 bytes, of each contact."""
        self._timer: asyncio.TimerHandle | None = None
        self._is_time = False

    def ring(self) -> None:
        """Something happened."""
        self._wake()
        if self._also is not None:
            self._also.ring()

    def silence(self) -> None:
        """What rang until now is not heard any more."""
        self._rang = False

    def ring_within(self, delay_s: float) -> None:
        """Ring after so long, unless a ring is due earlier."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay_s:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay_s, self._ring_in_time)

    def cancel(self) -> None:
        """Ring only when something happens."""
        self._is_time = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def heard(self) -> bool:
        """Return once it rings; True: also because a time came."""
        while not self._rang:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        self._rang = False
        is_time, self._is_time = self._is_time, False
        return is_time

    def _ring_in_time(self) -> None:
        self._timer = None
        self._is_time = True
        self._wake()

    def _wake(self) -> None:
        self._rang = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
