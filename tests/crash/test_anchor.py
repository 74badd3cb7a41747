"""An anchor killed at every call that changes a file or sends a byte: what it said is so.

An *ok* to a put means that the blob is there after the death, an *ok* to an acknowledgement that it
is not, and what is there comes in the order of the puts, once.
"""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes

import pytest

from loom.api.anchor_commands import PairAnchor
from loom.app.anchors import AnchorOptions, LocalAnchors
from loom.app.assembly import SystemClock
from loom.config import Settings
from loom.model import Address
from loom.ports import Clock, Transport
from loom.transport.tcp import TcpTransport
from loom.wire.limits import ENVELOPE_BUCKETS
from loom.wire.pairing import decode_pairing_text
from loom.wire.requests import Ack, Have, Ids, Ok, Put, Subscribe, Subscribed
from tests.anchor_machine import (
    AnchorPeer,
    account_of,
    linked,
    open_of,
    paired_by,
    put_of,
    queue_of,
)
from tests.crash.conftest import ROUNDS
from tests.crash.victims import (
    COUNTED,
    LIMIT_S,
    Fault,
    Nursery,
    Victim,
    boundaries,
    needs_strace,
    spread,
)

log = logging.getLogger(__name__)

PASSPHRASE = "correct horse battery staple"
QUEUE = queue_of("in")
PUTS = 40
SIZES = (ENVELOPE_BUCKETS[0], ENVELOPE_BUCKETS[0], ENVELOPE_BUCKETS[2])


class Place:
    """Where an anchor listens, as peers dial it."""

    def __init__(self, port: int, mask_key: bytes) -> None:
        self.port = port
        self.mask_key = mask_key
        self.clock: Clock = SystemClock()
        self.random: Callable[[int], bytes] = token_bytes

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port)

    def transport_of(self, host: str) -> Transport:
        return TcpTransport()


class Talk:
    """What a guest put and a holder acknowledged, and what the anchor said of it."""

    def __init__(self) -> None:
        self.puts: list[Put] = []
        self.is_there: set[bytes] = set()
        """Ids of puts that were answered, and not acknowledged since."""
        self.is_gone: set[bytes] = set()
        """Ids whose acknowledgement was answered."""
        self.acknowledged: set[bytes] = set()
        """Ids that are perhaps there and perhaps not, until it is."""

    async def run(self, place: Place) -> None:
        """Put and read until all is done, or the anchor is gone."""
        with contextlib.suppress(ConnectionResetError, OSError, AssertionError):
            holder = await linked(place, account_of("ada"))
            writer = await linked(place, QUEUE.door)
            assert isinstance(await holder.ask(Subscribe()), Subscribed)
            await asyncio.gather(self._write(writer), self._read(holder))

    async def _write(self, writer: AnchorPeer) -> None:
        for at in range(0, PUTS, 4):
            some = [put_of(QUEUE, n, SIZES[n % 3]) for n in range(at, at + 4)]
            self.puts += some  # in this order, whatever is answered
            for put, answer in [(put, writer.send(put)) for put in some]:
                if await answer == Ok() and put.blob_id not in self.acknowledged:
                    self.is_there.add(put.blob_id)

    async def _read(self, holder: AnchorPeer) -> None:
        read = 0
        while read < PUTS // 2:
            await holder.pushed.wait()
            holder.pushed.clear()
            if holder.is_closed:
                return
            ids = tuple(push.blob_id for push in holder.pushes[read:] if push.blob)
            read = len(holder.pushes)
            if ids:
                answer = holder.send(Ack(QUEUE.queue_id, ids))
                self.is_there -= set(ids)
                self.acknowledged |= set(ids)
                if await answer == Ok():
                    self.is_gone |= set(ids)

    async def check(self, place: Place) -> None:
        """After a start: what was said holds, in order, once."""
        holder, writer = await linked(place, account_of("ada")), await linked(place, QUEUE.door)
        answer = await writer.ask(Have(QUEUE.queue_id, tuple(put.blob_id for put in self.puts)))
        assert isinstance(answer, Ids)
        assert self.is_there <= set(answer.ids)
        assert not self.is_gone & set(answer.ids)
        await holder.ask(Subscribe())
        async with asyncio.timeout(LIMIT_S):
            while len(found := [push for push in holder.pushes if push.blob]) < len(answer.ids):
                holder.pushed.clear()
                await holder.pushed.wait()
        in_order = [put.blob for put in self.puts if put.blob_id in set(answer.ids)]
        assert [push.blob for push in found] == in_order
        again = put_of(QUEUE, "after the death")
        assert await writer.ask(again) == Ok()


@pytest.fixture(scope="session")
def made_anchor(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A home with an anchor that has one account and one queue; and its mask key."""
    home = tmp_path_factory.mktemp("anchor") / "h"
    return home, asyncio.run(_make(home))


async def _make(home: Path) -> bytes:
    anchors = LocalAnchors(Settings(home=home))
    anchors.create("small", PASSPHRASE, 64)
    options = AnchorOptions(listen=Address("127.0.0.1", 0))
    opened = await anchors.open_anchor(anchors.choose(None), PASSPHRASE, options)
    at = [("127.0.0.1", opened.anchor.port)]
    text = (await opened.send(PairAnchor(addresses=at, expires_s=3_600))).text
    mask_key = decode_pairing_text(text).hints[0].mask_key
    holder = await paired_by(Place(opened.anchor.port, mask_key), text, "ada")
    assert await holder.ask(open_of(QUEUE)) == Ok()
    await opened.close()
    return mask_key


@needs_strace
@pytest.mark.long
@pytest.mark.timeout(7_200)
async def test_an_anchor_killed_at_any_boundary_did_what_it_said(
    nursery: Nursery, made_anchor: tuple[Path, bytes], tmp_path: Path
) -> None:
    made, mask_key = made_anchor

    async def started(home: Path, trace: tuple[str, ...] = ()) -> tuple[Victim, str | None]:
        victim = await nursery.bear("anchor", str(home), PASSPHRASE, trace=trace)
        return victim, await victim.word()

    async def live_and_die(number: int, trace: tuple[str, ...]) -> bool:
        """Whether it died in time."""
        home, talk = tmp_path / str(number), Talk()
        shutil.copytree(made, home)
        victim, port = await started(home, trace)
        if port is not None:
            await talk.run(Place(int(port), mask_key))
        died = victim.is_dead
        victim.kill()
        await victim.end()
        victim, port = await started(home)
        assert port is not None
        await talk.check(Place(int(port), mask_key))
        victim.kill()
        await victim.end()
        shutil.rmtree(home)
        return died

    # Traced at one kind of call alone, as when it dies: traced at all it commits more often.
    met: list[Fault] = []
    for call in COUNTED:
        written = tmp_path / call
        assert not await live_and_die(0, ("-e", f"trace={call}", "-o", str(written)))
        found = boundaries(written, (call,))
        # Two threads share the work as it comes: the later half may be the other one's next time.
        met += found if ROUNDS >= 1_000 else found[: len(found) // 2 + 1]
    assert len({one.call for one in met}) >= 4
    wanted = met if ROUNDS >= 1_000 else spread(met, ROUNDS // 2)
    died = 0
    for number, one in enumerate(wanted, 1):
        log.info("%s", one)
        died += await live_and_die(number, one.trace)
    log.info("%d died at %d of %d boundaries", died, len(wanted), len(met))
    assert died >= len(wanted) / 4
