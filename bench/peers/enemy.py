"""A contact who means harm: real keys, real sessions, and everything the rules still allow.

-> READY token
<- BEGIN attack port token       the node's, which has imported ours
-> BEGUN
<- END
-> DONE count state              how many were written; closed: the node ended it before
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec

from loom.core import sessions as core
from loom.core.chains import RatchetKey, advance
from loom.core.gate import pair_credentials
from loom.core.identity import Identity, IdentitySeeds
from loom.core.link_ends import LinkInitiator
from loom.core.link_events import RecordReceived
from loom.core.pair_keys import derive_pair_keys
from loom.core.prekeys import read_bundle
from loom.core.ratchet import ENTROPY_BYTES
from loom.core.session import Session
from loom.core.sessions import Sessions
from loom.errors import PeerError
from loom.model import ContactToken, MessageId, new_message_id
from loom.wire.content import Text, Typing, encode_payload
from loom.wire.framing import RecordKind
from loom.wire.limits import LINK_RAND_BYTES, MAX_SKIP, TEXT_MAX_BYTES
from loom.wire.token import decode_token, encode_token

TIMEOUT_S: Final = 10.0
AHEAD: Final = 2_000
"""Envelopes sealed before the attack, so that sealing does not slow it."""


def _fresh_key() -> RatchetKey:
    return RatchetKey.from_seeds(os.urandom(32), os.urandom(64))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _new_id() -> MessageId:
    return new_message_id(_now_ms(), os.urandom(10))


class Enemy:
    """One link and one session with a node."""

    def __init__(self) -> None:
        seeds = IdentitySeeds(os.urandom(32), os.urandom(32), os.urandom(32), bytes(32 + 1_952))
        self.identity = Identity(seeds)
        self.written = 0
        self.first_flight = b""
        """What the last link began with."""
        self._sessions = Sessions()
        self._changed = asyncio.Event()
        self._bundle: bytes | None = None
        self._link: LinkInitiator
        self._victim: ContactToken
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._reading: asyncio.Task[None] | None = None

    @property
    def token(self) -> str:
        """To be imported by the victim."""
        return encode_token(self.identity.token)

    async def connect(self, port: int, victim: ContactToken) -> None:
        """A confirmed link."""
        self._victim = victim
        keys = derive_pair_keys(
            self.identity.agreement, self.identity.peer_id, victim.peer_id, victim.x25519_public
        )
        self._link = LinkInitiator(
            pair_credentials(keys.sending, os.urandom(LINK_RAND_BYTES), _now_ms() // 86_400_000),
            ephemeral_seed=os.urandom(32),
            kem_seed=os.urandom(64),
            now_s=time.monotonic(),
        )
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self.first_flight = self._link.data_to_send()
        self._writer.write(self.first_flight)
        self._reading = asyncio.create_task(self._read(), name="enemy")
        await self._until(lambda: self._link.is_open)

    async def greet(self) -> None:
        """A session, answered by the victim."""
        self._link.send_record(RecordKind.BUNDLE_REQUEST, b"", time.monotonic())
        await self._flush()
        await self._until(lambda: self._bundle is not None)
        bundle = read_bundle(self._bundle or b"", self._victim, _now_ms() // 1_000)
        self._sessions = core.start(
            self._sessions,
            self.identity,
            self._victim,
            bundle,
            ephemeral_seed=os.urandom(32),
            local=_fresh_key(),
            now_ms=_now_ms(),
        )
        await self.say("good day")
        await self.answered()

    async def answered(self) -> None:
        """Return once the victim's ratchet stepped, which lets ours step."""
        await self._until(self._may_step)

    async def close(self) -> None:
        """End the link."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
            self._writer.transport.abort()

    # --- envelopes ---

    def text(self, body: str) -> bytes:
        """A text, sealed."""
        return self._seal(encode_payload(Text(_new_id(), _now_ms(), body)))

    def typing(self) -> bytes:
        """A sign of typing, sealed."""
        return self._seal(encode_payload(Typing(_new_id(), _now_ms(), True)))

    def skip(self, count: int) -> None:
        """Leave out so many messages of the chain."""
        session = self._sessions.best
        if session is None or session.ratchet.sending_chain is None:
            raise RuntimeError("no chain to skip in")
        chain = session.ratchet.sending_chain
        key = chain.chain_key
        for _ in range(count):
            _, key = advance(key)
        sending = msgspec.structs.replace(chain, chain_key=key, n=chain.n + count)
        ratchet = msgspec.structs.replace(session.ratchet, sending=sending)
        self._replace(msgspec.structs.replace(session, ratchet=ratchet))

    async def say(self, body: str) -> None:
        """Seal and send a text."""
        await self.send(self.text(body))

    async def send(self, envelope: bytes) -> None:
        """Write an envelope, as fast as the victim reads."""
        await self.send_record(RecordKind.ENVELOPE, envelope)

    async def send_record(self, kind: RecordKind, body: bytes) -> None:
        """Write any record."""
        self._link.send_record(kind, body, time.monotonic())
        self.written += 1
        await self._flush()

    def _may_step(self) -> bool:
        best = self._sessions.best
        return best is not None and best.ratchet.step_due

    def _seal(self, payload: bytes) -> bytes:
        sealed = core.seal(
            self._sessions,
            payload,
            entropy=os.urandom(ENTROPY_BYTES),
            fresh_key=_fresh_key,
            awaited=None,
        )
        self._sessions = sealed.sessions
        return sealed.envelope

    def _replace(self, session: Session) -> None:
        self._sessions = msgspec.structs.replace(self._sessions, live=(session,))

    # --- the link ---

    async def _flush(self) -> None:
        self._writer.write(self._link.data_to_send())
        await self._writer.drain()
        await asyncio.sleep(0)  # a drain that need not wait lets nobody else run

    async def _read(self) -> None:
        with suppress(OSError):
            while data := await self._reader.read(65_536):
                for event in self._link.receive_data(data, time.monotonic()):
                    self._take(event)
                self._writer.write(self._link.data_to_send())
                self._changed.set()

    def _take(self, event: object) -> None:
        match event:
            case RecordReceived(kind=RecordKind.BUNDLE, body=body):
                self._bundle = body
            case RecordReceived(kind=RecordKind.ENVELOPE, body=body):
                with suppress(PeerError):
                    opened = core.open_(
                        self._sessions,
                        self.identity,
                        self._victim,
                        body,
                        skipped={},
                        prekey=None,
                        refused=False,
                        now_ms=_now_ms(),
                    )
                    self._sessions = opened.sessions

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


# --- attacks: each goes on until it is cancelled ---


async def skips(enemy: Enemy) -> None:
    """Every message leaves out as many as it may: so many keys to derive and to keep."""
    while True:
        enemy.skip(MAX_SKIP)
        await enemy.say("far ahead")


async def chains(enemy: Enemy) -> None:
    """A new chain with every answer, the greatest gaps in the old one and in the new one."""
    while True:
        enemy.skip(MAX_SKIP)
        enemy.text("the first of a new chain is lost, too")
        enemy.skip(MAX_SKIP - 1)
        await enemy.say("another chain")
        await enemy.answered()


async def flood(enemy: Enemy) -> None:
    """Texts as fast as they are read."""
    await _pour(enemy, [enemy.text("flood") for _ in range(AHEAD)])
    while True:
        await enemy.say("flood")


async def large(enemy: Enemy) -> None:
    """The longest texts as fast as they are read."""
    while True:
        await enemy.say("word " * (TEXT_MAX_BYTES // 5))


async def typing(enemy: Enemy) -> None:
    """Signs of typing, which are never stored nor receipted."""
    await _pour(enemy, [enemy.typing() for _ in range(AHEAD)])
    while True:
        await enemy.send(enemy.typing())


async def keepalives(enemy: Enemy) -> None:
    """Records that say nothing."""
    while True:
        await enemy.send_record(RecordKind.KEEPALIVE, b"")


async def garbage(enemy: Enemy) -> None:
    """Envelopes that no key opens; every key is tried. The node closes such a link in time."""
    while True:
        await enemy.send(b"\x01" + os.urandom(4_095))


async def _pour(enemy: Enemy, envelopes: list[bytes]) -> None:
    for envelope in envelopes:
        await enemy.send(envelope)


ATTACKS: Final = {
    attack.__name__: attack for attack in (skips, chains, flood, large, typing, keepalives, garbage)
}


async def main() -> None:
    """Do what the lines on stdin say until they end."""
    enemy = Enemy()
    print("READY", enemy.token, flush=True)
    attack: asyncio.Task[None] | None = None
    while line := await asyncio.to_thread(sys.stdin.readline):
        match line.split():
            case ["BEGIN", name, port, token]:
                await enemy.connect(int(port), decode_token(token))
                await enemy.greet()
                attack = asyncio.create_task(ATTACKS[name](enemy))
                print("BEGUN", flush=True)
            case ["END"]:
                ended = attack is None or attack.done()
                if attack is not None:
                    attack.cancel()
                    await asyncio.gather(attack, return_exceptions=True)
                await enemy.close()
                print("DONE", enemy.written, "closed" if ended else "running", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
