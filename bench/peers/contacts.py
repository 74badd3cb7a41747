"""Many contacts of one node in a process: they link, and follow its identity.

Each has keys and links as a contact has, and verifies what it is told; none has a profile.

-> TOKENS token...
<- LINK token port         link with the node that has this token
-> LINKED count
<- WATCH                   the next identity of the node is awaited
-> WATCHING
<- FOLLOW                  until each is linked with it
-> FOLLOWED count verified_s linked_s    since WATCH
"""

import asyncio
import secrets
import socket
import sys
import time
from typing import Final

from bench.rows.handshake import new_identity
from loom.app.assembly import SystemClock
from loom.core.gate import pair_credentials
from loom.core.identity import Identity
from loom.core.identity_chain import Standing, follow, read_chain_envelope
from loom.core.link_events import CloseReason, RecordReceived
from loom.core.link_kinds import Credentials
from loom.core.pair_keys import derive_pair_keys
from loom.errors import Unreachable
from loom.links.direct import DirectLink
from loom.model import Address, ContactToken
from loom.node.routes.caller import Caller
from loom.ports import StreamHandler
from loom.transport.tcp import TcpTransport, hand_over
from loom.wire.chain_envelope import is_chain_envelope
from loom.wire.framing import RecordKind
from loom.wire.token import decode_token, encode_token

DAY_S: Final = 86_400
TRIES_EVERY_S: Final = 0.05
FOLLOW_WITHIN_S: Final = 60.0


class ManyHosts(TcpTransport):
    """Dials from another address of the loopback network each time, as contacts do."""

    def __init__(self) -> None:
        self._dialled = 0

    async def dial(
        self,
        address: Address,
        handler: StreamHandler,
        timeout_s: float,
        isolation: bytes | None = None,
    ) -> None:
        """See `Transport.dial`."""
        self._dialled += 1
        sock = socket.socket()
        sock.setblocking(False)
        sock.bind((f"127.1.{self._dialled // 250 % 250}.{self._dialled % 250 + 1}", 0))
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.get_running_loop().sock_connect(sock, (address.host, address.port))
                await hand_over(sock, handler)
        except OSError as error:
            sock.close()
            raise Unreachable(address=str(address)) from error


class Contact:
    """A `Callee`, and the `Owner` of its link."""

    def __init__(self, caller: Caller, identity: Identity) -> None:
        self.identity = identity
        self.verified_s = 0.0
        self.linked_s = 0.0
        self.is_linked = False
        self._caller = caller
        self.lost = asyncio.Event()
        self._follows = asyncio.Event()

    async def link(self, known: ContactToken, address: Address) -> None:
        """Return once a link with the node is confirmed."""
        self._known = known
        self._follows.clear()
        self.lost.clear()
        own = self.identity
        self._keys = derive_pair_keys(
            own.agreement, own.peer_id, known.peer_id, known.x25519_public
        )
        self.is_linked = False
        while not self.is_linked:
            try:
                await self._caller.call_in_turn(self, address, urgent=False)
                self.is_linked = True
            except Unreachable:
                await asyncio.sleep(TRIES_EVERY_S)

    async def follow(self, address: Address) -> None:
        """Return once it is linked with the next identity."""
        while not self._follows.is_set():
            await self.lost.wait()
            if not self._follows.is_set():
                await self.link(self._known, address)
        await self.link(self._known, address)
        self.linked_s = time.perf_counter()

    # --- Callee ---

    takes_links = True

    def credentials(self, rand: bytes, day: int) -> Credentials:
        """See `Callee.credentials`."""
        return pair_credentials(self._keys.sending, rand, day)

    def take_link(self, link: DirectLink) -> bool:
        """See `Callee.take_link`."""
        link.hand_over(self)
        link.resume_reading()
        return True

    async def answered_at(self, address: Address) -> None:
        """It is known."""

    # --- Owner ---

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """Only the chain counts; the link ends once it was followed."""
        for one in records:
            if one.kind is RecordKind.ENVELOPE and is_chain_envelope(one.body):
                outcome = follow(self._known, (), read_chain_envelope(one.body)).outcome
                if outcome.standing is Standing.MOVED:
                    self._known, self.verified_s = outcome.token, time.perf_counter()
                    self._follows.set()
                    link.close()

    def writable_again(self, link: DirectLink) -> None:
        """Nothing is written."""

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """A contact dials again; with what it knows."""
        self.lost.set()


async def serve(amount: int) -> None:
    """Do what the lines on stdin say until they end."""
    caller = Caller(
        ManyHosts(), SystemClock(), secrets.token_bytes, lambda: int(time.time()) // DAY_S
    )
    contacts = [Contact(caller, new_identity()) for _ in range(amount)]
    print("TOKENS", *(encode_token(one.identity.token) for one in contacts), flush=True)
    address, began_s, following = Address("127.0.0.1", 0), 0.0, list[asyncio.Task[None]]()
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["LINK", token, port]:
                address, known = Address("127.0.0.1", int(port)), decode_token(token)
                await asyncio.gather(*(one.link(known, address) for one in contacts))
                print("LINKED", len(contacts), flush=True)
            case ["WATCH"]:
                following = [asyncio.create_task(one.follow(address)) for one in contacts]
                began_s = time.perf_counter()
                print("WATCHING", flush=True)
            case ["FOLLOW"]:
                await asyncio.wait(following, timeout=FOLLOW_WITHIN_S)
                done = sum(one.done() for one in following)
                verified_s = max(one.verified_s for one in contacts) - began_s
                linked_s = max(one.linked_s for one in contacts) - began_s
                print(f"FOLLOWED {done} {verified_s:.9f} {linked_s:.9f}", flush=True)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
