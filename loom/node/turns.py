"""So many pieces of work in one turn of the event loop, so that others have theirs between."""

import asyncio
from collections import deque


class Turns:
    """A piece of work begins at once, or in the next turn that has room, in order."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._begun = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait until one more piece of work may begin."""
        loop = asyncio.get_running_loop()
        if self._waiting or self._begun >= self._most:
            begin = loop.create_future()
            self._waiting.append(begin)
            await begin
            return
        if not self._begun:
            loop.call_soon(self._next)
        self._begun += 1

    def _next(self) -> None:
        self._begun = 0
        while self._waiting and self._begun < self._most:
            begin = self._waiting.popleft()
            if not begin.done():  # its task was cancelled
                begin.set_result(None)
                self._begun += 1
        if self._begun:
            asyncio.get_running_loop().call_soon(self._next)
