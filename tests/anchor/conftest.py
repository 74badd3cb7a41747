"""Every test here runs in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.node.anchor_machine import AnchorMachine
from tests.node.harness import World
from tests.node.virtual_loop import VirtualLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of these tests."""
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def machine(tmp_path: Path) -> AsyncIterator[AnchorMachine]:
    """A running anchor."""
    world = World(tmp_path)
    machine = AnchorMachine(world, "anchor")
    await machine.start()
    yield machine
    await machine.stop()
    await world.close()
