"""A Loom node in a process of its own, driven by lines: what the delivery rows measure.

-> READY token port
<- IMPORT token [name]
-> IMPORTED
<- CONNECT port            only one of the two; afterwards a session carries messages
-> CONNECTED
<- USE text                a pairing text: mail goes by this anchor
-> USED
<- MOVE                    close the node and open it at another port, where nobody finds it
-> MOVED
<- ROTATE                  go over to the next identity
-> ROTATED
<- RUN in_flight messages limit_s
-> DONE receipts elapsed_s median_s 99th_percentile_s
<- STATE what count        edit, react or delete for both, of as many texts; text: send them
-> STATED elapsed_s        until nothing waits for its receipt
<- QUEUE messages          send so many without waiting
-> QUEUED
<- PUT messages limit_s    wait until so many lie at the anchor
-> LIE
<- AWAY                    close the node
-> GONE
<- TAKE                    accept every file of the other side without asking
-> TAKES
<- FILE path limit_s [TEXTS]   send a file; with TEXTS one every tenth of a second meanwhile
-> FILED elapsed_s text_s  until the other side has it whole and durable; the texts' median, or -1
<- BACK messages limit_s   open it, and wait until so many texts came
-> CAME count elapsed_s
"""

import asyncio
import contextlib
import math
import statistics
import sys
import time
from pathlib import Path

from loom.api.anchor_commands import ListAnchors, UseAnchor
from loom.api.client import Client
from loom.api.contact_commands import Connect, ExportToken, ImportToken, ShowContact
from loom.api.events import FileChanged, MessageDelivered, MessageReceived
from loom.api.file_commands import SendFile, SetFileRules
from loom.api.identity_commands import RotateIdentity
from loom.api.message_commands import DeleteMessages, EditMessage, React, SendText
from loom.api.profile_commands import Status
from loom.api.profiles import NodeOptions, Profiles
from loom.app import open_profiles
from loom.config import Settings
from loom.model import Address

PROFILE = "bench"
PASSPHRASE = "bench peer"
CONTACT = "peer"
TEXT = "x" * 64
TEXT_EVERY_S = 0.1
LOOPBACK = NodeOptions(listen=Address("127.0.0.1", 0), mdns=False, serve=False)


class Run:
    """Keeps a number of messages in flight until enough were acknowledged."""

    def __init__(self, client: Client, messages: int) -> None:
        self._client = client
        self._left = messages
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self.receipt_times_s: list[float] = []

    async def keep(self, in_flight: int) -> None:
        """Return after the last receipt."""
        reader = asyncio.create_task(self.read_receipts())
        try:
            async with asyncio.TaskGroup() as slots:
                for _ in range(in_flight):
                    slots.create_task(self._fill_slot())
        finally:
            reader.cancel()

    async def _fill_slot(self) -> None:
        while self._left > 0:
            self._left -= 1
            await self.one()

    async def one(self) -> None:
        """Send a text and wait for its receipt."""
        start = time.perf_counter()
        message = await self._client.send(SendText(contact=CONTACT, body=TEXT))
        await self._waiting.setdefault(message.message_id, _new_future())
        del self._waiting[message.message_id]
        self.receipt_times_s.append(time.perf_counter() - start)

    async def read_receipts(self) -> None:
        async for event in self._client.events():
            if isinstance(event, MessageDelivered):
                self._waiting.setdefault(event.message_id, _new_future()).set_result(None)


def _new_future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


async def _connect(client: Client, port: int) -> None:
    await client.send(Connect(contact=CONTACT, host="127.0.0.1", port=port))
    await Run(client, messages=1).keep(in_flight=1)


async def _measure(client: Client, in_flight: int, messages: int, limit_s: float) -> str:
    run = Run(client, messages)
    start = time.perf_counter()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            await run.keep(in_flight)
    elapsed_s, times = time.perf_counter() - start, run.receipt_times_s
    median_s, slow_s = (statistics.median(times), _slow(times)) if times else (-1.0, -1.0)
    return f"DONE {len(times)} {elapsed_s:.9f} {median_s:.9f} {slow_s:.9f}"


async def _state(client: Client, what: str, count: int) -> float:
    """Seconds for one after the other, each durable here, and for all receipts."""
    text = SendText(contact=CONTACT, body=TEXT)
    ids = [] if what == "text" else [(await client.send(text)).message_id for _ in range(count)]
    await _receipted(client)
    start = time.perf_counter()
    for number in range(count):
        match what:
            case "edit":
                await client.send(
                    EditMessage(contact=CONTACT, message_id=ids[number], body=TEXT[::-1] + "!")
                )
            case "react":
                await client.send(
                    React(contact=CONTACT, message_id=ids[number], emoji="\U0001f44d")
                )
            case "delete":
                await client.send(
                    DeleteMessages(contact=CONTACT, message_ids=[ids[number]], for_both=True)
                )
            case _:
                await client.send(text)
    await client.send(text)
    await _receipted(client)
    return time.perf_counter() - start


async def _receipted(client: Client) -> None:
    """Until no text waits, and nothing that was queued before it: a device takes in in order."""
    while (await client.send(ShowContact(contact=CONTACT))).queued:  # noqa: ASYNC110
        await asyncio.sleep(0.002)


async def _put(client: Client, count: int, limit_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            while sum(one.messages for one in (await client.send(ListAnchors())).waiting) < count:  # noqa: ASYNC110
                await asyncio.sleep(0.2)


async def _come_back(profiles: Profiles, count: int, limit_s: float) -> tuple[Client, int, float]:
    """From the start of the node, Argon2id included, to the last text stored."""
    start, came = time.perf_counter(), 0
    client = await profiles.unlock(PROFILE, PASSPHRASE, LOOPBACK)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            async for event in client.events(after=0):
                came += isinstance(event, MessageReceived)
                if came >= count:
                    break
    return client, came, time.perf_counter() - start


async def _send_file(
    client: Client, path: str, limit_s: float, *, with_texts: bool
) -> tuple[float, float]:
    """From the command to the other side's word that it is whole; hashing is part of it."""
    done = asyncio.Event()
    texts = Run(client, messages=1_000_000)

    async def read() -> None:
        async for event in client.events():
            if isinstance(event, FileChanged) and event.state == "done":
                done.set()

    async def write() -> None:
        await asyncio.sleep(TEXT_EVERY_S)
        while with_texts and not done.is_set():
            await texts.one()
            await asyncio.sleep(TEXT_EVERY_S)

    async with asyncio.timeout(limit_s):
        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        receipts = asyncio.create_task(texts.read_receipts())
        start = time.perf_counter()
        writer = asyncio.create_task(write())
        await client.send(SendFile(contact=CONTACT, path=path))
        await done.wait()
        elapsed_s = time.perf_counter() - start
        for task in (reader, receipts, writer):
            task.cancel()
    times = texts.receipt_times_s
    return elapsed_s, statistics.median(times) if times else -1.0


def _slow(times_s: list[float]) -> float:
    """The 99th percentile."""
    return sorted(times_s)[math.ceil(0.99 * len(times_s)) - 1]


async def serve(home: Path) -> None:
    """Create a profile, open its node, do what the lines on stdin say until they end."""
    profiles = open_profiles(Settings(home=home))
    phrase = await profiles.create(PROFILE, "Bench", PASSPHRASE, argon2_memory_mib=64)
    client = await profiles.unlock(PROFILE, PASSPHRASE, LOOPBACK)
    try:
        token, status = await client.send(ExportToken()), await client.send(Status())
        print("READY", token.token, status.port, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            match line.split():
                case ["IMPORT", peer_token, *name]:
                    await client.send(
                        ImportToken(token=peer_token, name=name[0] if name else CONTACT)
                    )
                    print("IMPORTED", flush=True)
                case ["CONNECT", port]:
                    await _connect(client, int(port))
                    print("CONNECTED", flush=True)
                case ["USE", text]:
                    await client.send(UseAnchor(text=text))
                    print("USED", flush=True)
                case ["ROTATE"]:
                    await client.send(RotateIdentity(phrase=phrase))
                    print("ROTATED", flush=True)
                case ["MOVE"]:
                    await client.close()
                    client = await profiles.unlock(PROFILE, PASSPHRASE, LOOPBACK)
                    print("MOVED", flush=True)
                case ["QUEUE", count]:
                    for _ in range(int(count)):
                        await client.send(SendText(contact=CONTACT, body=TEXT))
                    print("QUEUED", flush=True)
                case ["PUT", count, limit_s]:
                    await _put(client, int(count), float(limit_s))
                    print("LIE", flush=True)
                case ["AWAY"]:
                    await client.close()
                    print("GONE", flush=True)
                case ["BACK", count, limit_s]:
                    client, came, elapsed_s = await _come_back(profiles, int(count), float(limit_s))
                    print(f"CAME {came} {elapsed_s:.9f}", flush=True)
                case ["TAKE"]:
                    await client.send(
                        SetFileRules(accept_from="contacts", accept_max_bytes=1 << 40)
                    )
                    print("TAKES", flush=True)
                case ["FILE", path, limit_s, *texts]:
                    elapsed_s, text_s = await _send_file(
                        client, path, float(limit_s), with_texts=bool(texts)
                    )
                    print(f"FILED {elapsed_s:.9f} {text_s:.9f}", flush=True)
                case ["STATE", what, count]:
                    print(f"STATED {await _state(client, what, int(count)):.9f}", flush=True)
                case ["RUN", in_flight, messages, limit_s]:
                    done = await _measure(client, int(in_flight), int(messages), float(limit_s))
                    print(done, flush=True)
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
