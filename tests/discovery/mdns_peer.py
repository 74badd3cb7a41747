"""A process of the tests that speaks mDNS on 127.0.0.1 alone: it announces the adverts of each
line of stdin, prints those it finds, one JSON line each, and stops at the end of stdin."""

import asyncio
import sys

import msgspec

from loom.discovery.mdns import MdnsDiscovery
from loom.ports import Advert


async def main() -> None:
    """Until stdin ends."""
    discovery = MdnsDiscovery(["127.0.0.1"])
    await discovery.start(lambda advert, _: _say(msgspec.json.encode(advert)))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        await discovery.announce(msgspec.json.decode(line, type=list[Advert]))
    await discovery.stop()


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(main())
