"""From the paste of an invite to contacts on both sides, two whole nodes on loopback."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.rows.handshake import link_handshake, new_identity

if TYPE_CHECKING:
    from loom.api.client import Client

PASSPHRASE = "bench invite"
NAMES = ("owner", "joiner")
PATIENCE_S = 30.0
ALLOWED_S = 1.0


async def _open(stack: AsyncExitStack, home: Path) -> "list[Client]":
    from loom.api.profiles import NodeOptions
    from loom.app import open_profiles
    from loom.config import Settings as LoomSettings
    from loom.model import Address

    profiles = open_profiles(LoomSettings(home=home))
    clients = []
    for name in NAMES:
        await profiles.create(name, name, PASSPHRASE, argon2_memory_mib=64)
        options = NodeOptions(listen=Address("127.0.0.1", 0), mdns=False, serve=False)
        client = await profiles.unlock(name, PASSPHRASE, options)
        stack.push_async_callback(client.close)
        clients.append(client)
    return clients


async def _join(owner: "Client", joiner: "Client") -> float:
    """Seconds until each has the other online; afterwards they are strangers again."""
    from loom.api.contact_commands import ImportToken, ListContacts, RemoveContact
    from loom.api.events import PeerOnline
    from loom.api.invite_commands import MakeInvite

    text = (await owner.send(MakeInvite())).text

    async def online(client: "Client") -> None:
        async for event in client.events():
            if isinstance(event, PeerOnline):
                return

    both = [asyncio.create_task(online(client)) for client in (owner, joiner)]
    await asyncio.sleep(0)  # they listen
    start = time.perf_counter()
    await joiner.send(ImportToken(token=text, name="owner"))
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*both)
    elapsed_s = time.perf_counter() - start
    for client in (owner, joiner):
        for contact in (await client.send(ListContacts())).contacts:
            await client.send(RemoveContact(contact=f"#{contact.contact_id}"))
    return elapsed_s


@contextmanager
def paste(settings: Settings) -> Iterator[Sample]:
    """Seconds from the paste to a confirmed link of contacts, both nodes online."""
    with tempfile.TemporaryDirectory() as home, asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            owner, joiner = runner.run(_open(stack, Path(home)))
            yield lambda: runner.run(_join(owner, joiner))
        finally:
            runner.run(stack.aclose())


@contextmanager
def allowance(settings: Settings) -> Iterator[Sample]:
    """Three whole link handshakes and a second."""
    handshake = link_handshake(new_identity(), new_identity())

    def sample() -> float:
        start = time.perf_counter()
        for _ in range(3):
            handshake()
        return time.perf_counter() - start + ALLOWED_S

    yield sample


ALLOWANCE = Contender("3 link handshakes + 1 s", allowance)

ROWS = (
    Row(
        "invite-contact",
        "from the paste of an invite to contacts on both sides",
        Unit.SECONDS,
        (Contender("loom", paste), ALLOWANCE),
        (Target(ALLOWANCE.name, at_most=1),),
    ),
)
