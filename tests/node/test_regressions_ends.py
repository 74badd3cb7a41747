"""Ends that never came: of a node, of its database, of a reader, of a request over the socket."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from loom.api.contact_commands import ImportToken
from loom.api.conversation_commands import MarkRead
from loom.api.events import AnyEvent
from loom.api.profile_commands import Status
from loom.app.assembly import OpenProfile
from loom.control.client import ControlClient, attach
from loom.control.server import ControlServer
from loom.errors import DiscoveryUnavailable, DiskFull, InvalidInput, LoomError, StoreUnavailable
from loom.storage.profile_lock import ProfileLock
from loom.wire.token import encode_token
from tests.node.harness import Person, World, identity_of

TOO_LARGE = 2**63
"""SQLite's integers end before it."""


def break_the_end(alice: Person, what: str) -> None:
    database: Any = alice.database
    discovery: Any = alice._discovery
    close = database.close

    def closed_badly() -> None:
        close()
        raise DiskFull

    async def stopped_badly() -> None:
        raise DiscoveryUnavailable(what="no network")

    if what == "checkpoint":
        database.close = closed_badly
    else:
        discovery.stop = stopped_badly


async def all_events(person: Person) -> list[AnyEvent]:
    return [event async for event in person.node.events()]


@pytest.mark.parametrize("what", ["checkpoint", "discovery"])
async def test_a_profile_whose_end_fails_is_closed_all_the_same(
    world: World, tmp_path: Path, what: str
) -> None:
    """Its links and readers end, its lock is free, and closing it again does not wait."""
    alice, bob = await world.friends("Alice", "Bob")
    await alice.stop()
    alice.options = msgspec.structs.replace(alice.options, mdns=True)
    await alice.start()
    await world.until(lambda: alice.is_online(bob) and bob.is_online(alice))
    lock_path = tmp_path / "lock"
    profile = OpenProfile(alice.node, None, ProfileLock.acquire(lock_path, "alice"))
    reading = asyncio.create_task(all_events(alice))
    await world.pass_time(1)
    break_the_end(alice, what)
    async with asyncio.timeout(60):
        with pytest.raises(LoomError):
            await profile.close()
        await alice.node.close()
        await reading
    ProfileLock.acquire(lock_path, "alice").release()
    await world.until(lambda: not bob.is_online(alice), within_s=5)
    with pytest.raises(StoreUnavailable):
        await alice.do(Status())


async def test_whoever_closes_again_waits_for_the_first(world: World) -> None:
    """Also when the first was cancelled: once the second waited for ever."""
    alice = await world.person("Alice")
    first = asyncio.create_task(alice.node.close())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    async with asyncio.timeout(60):
        await alice.node.close()
    assert alice.database._closed


@pytest.mark.parametrize("after", [None, 0])
async def test_events_of_a_closed_node_end(world: World, after: int | None) -> None:
    alice = await world.person("Alice")
    late = alice.node.events(after)
    await alice.node.close()
    async with asyncio.timeout(60):
        assert [event async for event in late] == []


# --- the control socket ---


@pytest_asyncio.fixture
async def attached(world: World, tmp_path: Path) -> AsyncIterator[tuple[Person, ControlClient]]:
    alice = await world.person("Alice")
    await alice.do(ImportToken(token=encode_token(identity_of("Bob").token), name="Bob"))
    server = ControlServer(alice.node, tmp_path / "run" / "s", "alice")
    await server.start()
    client = await attach(tmp_path / "run" / "s")
    yield alice, client
    await client.close()
    await server.close()


async def test_a_number_that_no_event_can_have_is_an_error(
    attached: tuple[Person, ControlClient],
) -> None:
    """Once whoever asked waited for ever."""
    alice, client = attached
    for source in (client, alice.node):
        with pytest.raises(InvalidInput):
            async with asyncio.timeout(60):
                await anext(source.events(after=TOO_LARGE))
    with pytest.raises(InvalidInput):
        await client.send(MarkRead(contact="Bob", row_id=TOO_LARGE))
    assert (await client.send(Status())).name == "Alice"


async def test_events_that_cannot_be_read_are_an_error(
    attached: tuple[Person, ControlClient],
) -> None:
    alice, client = attached
    database: Any = alice.database

    async def broken(work: object) -> None:
        raise StoreUnavailable(what="the disk reported an error")

    database.read = broken
    with pytest.raises(StoreUnavailable):
        async with asyncio.timeout(60):
            await anext(client.events(after=0))
    del database.read
    assert (await client.send(Status())).name == "Alice"
