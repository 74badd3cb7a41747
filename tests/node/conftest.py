"""Every test here runs in virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.node.harness import World
from tests.node.virtual_loop import VirtualLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of these tests."""
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """An empty world; everybody in it is ended afterwards."""
    world = World(tmp_path)
    yield world
    await world.close()
