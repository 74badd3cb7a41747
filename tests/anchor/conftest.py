"""Every test here runs in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.anchor_machine import AnchorMachine
from tests.memory_network import MemoryNetwork
from tests.node.harness import FakeClock
from tests.node.virtual_loop import VirtualLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of these tests."""
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def machine(tmp_path: Path) -> AsyncIterator[AnchorMachine]:
    """A running anchor."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    machine = AnchorMachine(MemoryNetwork(), FakeClock(loop), tmp_path / "anchor")
    await machine.start()
    yield machine
    if machine.is_running:
        await machine.stop()
