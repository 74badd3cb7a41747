"""What a network sees of an anchor: a few lengths, and no bytes twice.

Everything between two people and their anchor is captured while mail goes both ways, everybody
comes back under the same keys, and what was put is asked for again.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from loom.api.anchor_commands import ListAnchors
from loom.api.profile_commands import Status
from loom.wire.framing import MESSAGE_1_BYTES, MESSAGE_2_BYTES, RECORD_FRAME_SIZES
from loom.wire.limits import LINK_CLEAR_BYTES
from tests.e2e.processes import LIMIT_S, Home
from tests.e2e.relay import HOST, Relay
from tests.e2e.test_chaos import Person, Place

WINDOW_BYTES = 16
TEXTS = ("short", "the same again", "the same again", "long " * 2_000)


class Capture:
    """All that passed, by connection and by who sent it."""

    def __init__(self) -> None:
        self.streams: dict[tuple[int, bool], bytearray] = {}

    def passed(self, number: int, from_dialler: bool, data: bytes) -> None:
        """See `Relay`."""
        self.streams.setdefault((number, from_dialler), bytearray()).extend(data)


def record_sizes(stream: bytes, *, from_dialler: bool) -> list[int]:
    """The lengths of the records after the handshake; the last one may be cut off."""
    at = LINK_CLEAR_BYTES if from_dialler else 0
    sizes: list[int] = []
    while at + 2 <= len(stream):
        size = int.from_bytes(stream[at : at + 2], "big")
        sizes.append(size)
        at += 2 + size
    handshake = MESSAGE_1_BYTES if from_dialler else MESSAGE_2_BYTES
    assert sizes[:1] == [handshake]
    return sizes[1:]


async def until(holds: Callable[[], Coroutine[None, None, bool]]) -> None:
    """Go on once it holds."""
    deadline_s = time.monotonic() + LIMIT_S
    while not await holds():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.2)


@pytest.mark.long
async def test_a_network_sees_few_lengths_and_no_bytes_twice(home: Home, tmp_path: Path) -> None:
    capture = Capture()
    place = Place(tmp_path / "box", "box")
    place.way = Relay(capture.passed)
    alice, bob = people = Person(home, "alice"), Person(home, "bob")

    async def heard(one: Person, other: Person, texts: list[str]) -> None:
        async def all_there() -> bool:
            return await one.history(other.name, "in") == texts

        await until(all_there)

    async def confirmed() -> bool:
        return not any([(await one.client.send(Status())).queued for one in people])

    try:
        for one in (place, *people):
            await one.way.start()
            await one.up()
        await place.serve(home, "alice")
        met = await asyncio.to_thread(
            home.run, "-p", "alice", "connect", "bob", f"{HOST}:{bob.way.port}"
        )
        met.ok()
        await alice.say("bob", ["met"])
        await heard(bob, alice, ["met"])
        await until(confirmed)
        for one in people:
            one.way.is_open = False
            one.way.cut()
        await bob.say("alice", TEXTS)
        await heard(alice, bob, list(TEXTS))
        await alice.say("bob", TEXTS)
        await heard(bob, alice, ["met", *TEXTS])
        await until(confirmed)
        await bob.down(signal.SIGTERM)
        await alice.say("bob", TEXTS[:2])

        async def lie_there() -> bool:
            found = await alice.client.send(ListAnchors())
            return sum(one.messages for one in found.waiting) == 2

        await until(lie_there)
        place.way.cut()  # on the next link what was put is asked for
        await alice.down(signal.SIGKILL)
        await alice.up()
        await bob.up()
        await heard(bob, alice, ["met", *TEXTS, *TEXTS[:2]])
    finally:
        for one in people:
            await one.down(signal.SIGTERM)
        await place.kill()
        for one in (place, *people):
            await one.way.stop()

    assert len(capture.streams) >= 2 * 5
    used: set[int] = set()
    seen: dict[bytes, tuple[int, bool, int]] = {}
    for (number, from_dialler), stream in capture.streams.items():
        used |= set(record_sizes(bytes(stream), from_dialler=from_dialler))
        for at in range(len(stream) - WINDOW_BYTES + 1):
            window = bytes(stream[at : at + WINDOW_BYTES])
            assert window not in seen, f"{(number, from_dialler, at)} repeats {seen[window]}"
            seen[window] = (number, from_dialler, at)
    assert used <= RECORD_FRAME_SIZES
    assert len(used) >= 3
