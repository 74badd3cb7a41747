"""An anchor in a process of its own, and somebody who asks it.

    python -m bench.peers.anchor FOLDER
-> READY port text ...
<- COUNT
-> commits of the store, since the start
"""

import asyncio
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Final

from loom.anchor.anchor import Anchor, AnchorParts, prepare
from loom.anchor.limits import AnchorLimits
from loom.anchor.store import SCHEMA
from loom.api.anchor_commands import PairAnchor
from loom.app.assembly import SystemClock
from loom.core.anchor_gate import anchor_credentials
from loom.core.link import Link
from loom.core.link_ends import LinkInitiator
from loom.core.link_events import CloseReason, LinkAuthenticated, RecordReceived
from loom.core.queues import DoorKeys, QueueKeys, derive_account_keys, derive_pairing_keys
from loom.links.direct import DirectLink
from loom.model import Address
from loom.storage.database import Database
from loom.transport.tcp import TcpTransport
from loom.wire.framing import RecordKind
from loom.wire.pairing import decode_pairing_text
from loom.wire.requests import (
    Answer,
    Limits,
    Pair,
    Push,
    Request,
    decode_answer,
    decode_push,
    encode_request,
)

HOST: Final = "127.0.0.1"
ACCOUNTS: Final = 4
UNLIMITED: Final = AnchorLimits(
    queue_blobs=10**9,
    queue_bytes=1 << 40,
    account_bytes=1 << 40,
    queue_puts_per_minute=10**9,
    account_puts_per_minute=10**9,
)


async def serve(folder: Path) -> None:
    """Until standard input ends."""
    commits = 0

    def committed() -> None:
        nonlocal commits
        commits += 1

    database = Database.open(
        folder / "loom.db", os.urandom(32), create=True, kind=SCHEMA, before_commit=committed
    )
    database.write_now(lambda db: prepare(db, os.urandom(16), "bench"))
    anchor = Anchor(
        AnchorParts(
            name="bench",
            folder=folder,
            database=database,
            limits=UNLIMITED,
            clock=SystemClock(),
            random=secrets.token_bytes,
            transport=TcpTransport(),
            local_addresses=lambda: [HOST],
        )
    )
    await anchor.start(Address(HOST, 0))
    texts = [(await anchor.send(PairAnchor(expires_s=3_600))).text for _ in range(ACCOUNTS)]
    print("READY", anchor.port, *texts, flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(commits, flush=True)
    await anchor.close()


class Asker:
    """One link to an anchor."""

    def __init__(self, port: int, mask_key: bytes, keys: DoorKeys) -> None:
        self.pushes: list[Push] = []
        self.pushed = asyncio.Event()
        self._address = Address(HOST, port)
        self._mask_key = mask_key
        self._keys = keys
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._link = DirectLink(self, SystemClock(), self._initiate, dialled=True)

    async def dial(self) -> None:
        """Return once the anchor let this key in."""
        await TcpTransport().dial(self._address, self._link, 5.0)
        if not await self._confirmed:
            raise RuntimeError("the anchor does not know this key")

    def send(self, request: Request) -> "asyncio.Future[Answer]":
        """Ask, and do not wait."""
        self._number += 1
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future
        self._link.send_record(RecordKind.REQUEST, encode_request(self._number, request))
        return future

    # --- Opening and Owner ---

    def authenticated(self, link: DirectLink, event: LinkAuthenticated) -> None:
        """Only a responder's."""

    def confirmed(self, link: DirectLink) -> None:
        """Take it."""
        link.hand_over(self)
        self._confirmed.set_result(True)

    def closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """It did not let us in."""
        if not self._confirmed.done():
            self._confirmed.set_result(False)

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """Answers and pushes."""
        for record in records:
            if record.kind is RecordKind.PUSH:
                self.pushes.append(decode_push(record.body))
                self.pushed.set()
            else:
                number, answer = decode_answer(record.body)
                self._waiting.pop(number).set_result(answer)

    def writable_again(self, link: DirectLink) -> None:
        """Nothing waits."""

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """Whoever waits fails."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError())

    def _initiate(self) -> Link:
        credentials = anchor_credentials(
            self._keys, self._mask_key, os.urandom(16), time.time_ns() // 86_400_000_000_000
        )
        return LinkInitiator(
            credentials,
            ephemeral_seed=os.urandom(32),
            kem_seed=os.urandom(64),
            now_s=time.monotonic(),
        )


async def new_account(port: int, text: str) -> tuple[Asker, bytes]:
    """The link of a new account, and the anchor's mask key."""
    pairing = decode_pairing_text(text)
    mask_key = pairing.hints[0].mask_key
    stranger = Asker(port, mask_key, derive_pairing_keys(pairing.secret))
    await stranger.dial()
    keys = derive_account_keys(os.urandom(32))
    match await stranger.send(Pair(keys.tag, keys.link)):
        case Limits():
            pass
        case other:
            raise RuntimeError(f"no account: {other}")
    account = Asker(port, mask_key, keys)
    await account.dial()
    return account, mask_key


def blobs_of(queue: QueueKeys, count: int) -> list[bytes]:
    """Sealed blobs of 4 KiB."""
    return [queue.seal_blob(2_000_000_000, os.urandom(4_096)) for _ in range(count)]


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
