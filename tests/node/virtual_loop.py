"""An event loop whose time jumps to the next alarm as soon as nothing is left to do."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

THREAD_WORK_S = 0.0005
"""How long work of another thread seems to take; it runs in the loop's own."""


class _Selector(selectors.DefaultSelector):
    """Never waits: what would be waiting moves the clock."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout != 0:
            if timeout is None:
                raise AssertionError("nothing can happen any more")
            self._jump(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Deterministic: no real time, no other thread. A day of keepalives takes a moment."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.turns = 0
        self._quiet: list[asyncio.Future[None]] = []
        super().__init__(_Selector(self._jump))

    def time(self) -> float:
        return self.now_s

    async def quiet(self) -> None:
        """Wait until everything that can happen now has happened, and time moves on."""
        waiting: asyncio.Future[None] = self.create_future()
        self._quiet.append(waiting)
        await waiting

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, work: Callable[..., T], *arguments: Any
    ) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self.create_future()

        def run() -> None:
            if future.cancelled():
                return
            try:
                result = work(*arguments)
            except Exception as error:  # noqa: BLE001 - the future carries it
                future.set_exception(error)
            else:
                future.set_result(result)

        self.call_later(THREAD_WORK_S, run)
        return future

    def _run_once(self) -> None:
        self.turns += 1
        super()._run_once()  # type: ignore[misc]

    def _jump(self, seconds: float) -> None:
        self.now_s += seconds
        waiting, self._quiet = self._quiet, []
        for one in waiting:
            if not one.done():
                one.set_result(None)
