"""The queue of an address: an anchor may ask for work, and not for ever."""

import asyncio
from typing import Any

import pytest

from loom.core.queues import derive_queue_keys
from loom.node.routes import address
from loom.node.routes.address import AddressBox
from loom.node.routes.mailbox import PutEnd, Sealed
from loom.wire.limits import WORK_BITS_MAX
from loom.wire.requests import Answer, More


class Greedy:
    """A link to an anchor that no work is enough for."""

    async def ask(self, request: Any) -> Answer:
        """The same for everything."""
        return More(WORK_BITS_MAX)


async def test_work_that_is_asked_for_again_and_again_is_done_a_few_times_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    works: list[int] = []

    async def found(queue_id: bytes, day: int, blob_id: bytes, bits: int) -> int:
        works.append(bits)
        return 0

    monkeypatch.setattr(address, "_found", found)
    line, link = Any, Greedy()
    box = AddressBox(derive_queue_keys(bytes(32)), line, "a", lambda: 0)  # type: ignore[arg-type]
    for _ in range(24 * 60):
        done = await box.put(link, [Sealed(bytes(4_096), 0)])  # type: ignore[arg-type]
        assert done == (0, PutEnd.REFUSED)
        await asyncio.sleep(60)
    assert len(works) <= 20
