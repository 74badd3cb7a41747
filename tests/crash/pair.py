"""Two people whose nodes are processes that may die; what must hold of their conversation."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

from loom.api.contact_commands import Connect, ExportToken, ImportToken, ShowContact
from loom.api.events import AnyEvent, MessageDelivered, MessageReceived
from loom.api.identity_commands import RotateIdentity, ShowIdentity
from loom.api.message_commands import History, SendText
from loom.api.message_views import MessageView
from loom.api.profile_commands import Stop
from loom.api.profiles import NodeOptions
from loom.app import assembly
from loom.app.unlocking import open_profile
from loom.config import Paths, Settings, home_of, paths_of
from loom.control.client import ControlClient, attach
from loom.crypto.aead import SivKey
from loom.errors import ControlError, DiskFull, NetworkError, NodeNotRunning, StoreUnavailable
from loom.storage import maintenance, vault
from loom.storage.connection import connect
from tests.crash.victims import LIMIT_S, Nursery, Victim

PASSPHRASE: Final = "correct horse battery staple"
PAGE: Final = 10_000
NAMES: Final = ("alice", "bob")


def paths(home: Path, profile: str) -> Paths:
    """The files of a profile."""
    return paths_of(home_of(Settings(home=home)), profile)


def words(home: Path, profile: str) -> Path:
    """Where the test keeps the 24 words of a profile."""
    return home / f"{profile}.words"


async def make(home: Path) -> None:
    """Alice and Bob know each other; unlocking them is cheap. Their nodes never ran."""
    for name in NAMES:
        place = paths(home, name)
        phrase = assembly.new_phrase()
        assembly.create_profile(place, name.capitalize(), PASSPHRASE, phrase, 64)
        words(home, name).write_text(phrase)
        key = vault.unlock(place.keyslot, PASSPHRASE)
        cost = vault.Cost(vault.MEMORY_MIN_KIB, 1, 4)
        wrapping = SivKey(vault.stretch(PASSPHRASE, bytes(16), cost))
        vault._replace(place.keyslot, vault._filled(key, wrapping, cost, bytes(16)).data)
    offline = NodeOptions(online=False, serve=False)
    alice, bob = [await open_profile(paths(home, n), PASSPHRASE, offline) for n in NAMES]
    for client, other in ((alice, bob), (bob, alice)):
        token = (await other.send(ExportToken())).token
        await client.send(ImportToken(token=token, name="Bob" if client is alice else "Alice"))
    await alice.close()
    await bob.close()


class Side:
    """One person: a profile, the process that has it open, and what it acknowledged."""

    def __init__(self, nursery: Nursery, home: Path, profile: str, contact: str) -> None:
        self.profile = profile
        self.contact = contact.capitalize()
        self.paths = paths(home, profile)
        self.accepted: list[str] = []
        """Texts whose `send` was answered, in order."""
        self.port = 0
        self._home = home
        self._nursery = nursery
        self._victim: Victim | None = None
        self._client: ControlClient | None = None
        self._said = 0
        self._seq = 0
        self._ticked: set[str] = set()
        self.heard: list[str] = []
        """What the other said, as events told it."""

    @property
    def is_up(self) -> bool:
        """Its node runs."""
        return self._victim is not None and not self._victim.is_dead and self._client is not None

    async def start(self, trace: Sequence[str] = ()) -> str | None:
        """Open the profile; the code of the error that it ended with, None: it stands, or died."""
        await self.kill()
        self._victim = await self._nursery.bear(
            "node", str(self._home), self.profile, PASSPHRASE, trace=trace
        )
        word = await self._victim.word()
        if word is None or not word.isdecimal():
            return word
        self.port = int(word)
        try:
            self._client = await attach(self.paths.socket)
        except (NodeNotRunning, ControlError):
            self._client = None
        return None

    async def meet(self, other: "Side") -> None:
        """Connect, if both are there."""
        if self._client is not None and other.is_up:
            where = Connect(contact=self.contact, host="127.0.0.1", port=other.port)
            with contextlib.suppress(ControlError, NetworkError, DiskFull, StoreUnavailable):
                await self._client.send(where)

    async def say(self, count: int, at_once: int = 1) -> None:
        """Send texts, so many at a time, as far as it lives."""
        for _ in range(0, count, at_once):
            if self._client is None:
                return
            texts = [f"{self.profile} {self._said + n}" for n in range(at_once)]
            self._said += at_once
            sends = [self._client.send(SendText(contact=self.contact, body=one)) for one in texts]
            answers = await asyncio.gather(*sends, return_exceptions=True)
            for text, answer in zip(texts, answers, strict=True):
                if not isinstance(answer, BaseException):
                    self.accepted.append(text)
                elif not isinstance(answer, ControlError | DiskFull | StoreUnavailable):
                    raise answer

    async def history(self, direction: str) -> list[MessageView]:
        """One half of the conversation, oldest first."""
        assert self._client is not None
        page = await self._client.send(History(contact=self.contact, limit=PAGE))
        return [one for one in page.messages if one.direction == direction and one.kind == "text"]

    async def rotate(self) -> None:
        """Go over to the next identity, as far as it lives."""
        if self._client is not None:
            phrase = words(self._home, self.profile).read_text()
            with contextlib.suppress(ControlError, StoreUnavailable):
                await self._client.send(RotateIdentity(phrase=phrase))

    async def identity(self) -> str:
        """Which one it is now, by its fingerprint."""
        assert self._client is not None
        return (await self._client.send(ShowIdentity())).fingerprint

    async def known(self) -> str:
        """Which one it knows the other by."""
        assert self._client is not None
        return (await self._client.send(ShowContact(contact=self.contact))).fingerprint

    async def kill(self) -> None:
        """SIGKILL, if it still lives."""
        if self._victim is not None:
            self._victim.kill()
            await self._gone()

    async def stop(self) -> str | None:
        """An orderly end: "done", or the code of the error that it met; None: it died instead."""
        if self._client is None or self._victim is None:
            return None
        with contextlib.suppress(ControlError):
            await self._client.send(Stop())
        word = await self._victim.word()
        await self._gone()
        return word

    async def _gone(self) -> None:
        assert self._victim is not None
        await self._victim.end()
        self._victim = None
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def hear(self, delivered: set[str], count: int) -> None:
        """Follow what the node tells until these are delivered and so many texts came."""
        assert self._client is not None
        events = self._client.events(after=self._seq)
        try:
            while not (delivered <= self._ticked and len(self.heard) >= count):
                event = await anext(events)
                self._seq = max(self._seq, event.seq)
                if isinstance(event, MessageDelivered):
                    assert event.message_id not in self._ticked, "a tick told twice"
                    self._ticked.add(event.message_id)
                elif isinstance(event, MessageReceived):
                    self.heard.append(event.body)
        finally:
            await cast("AsyncGenerator[AnyEvent]", events).aclose()

    def problems(self) -> list[str]:
        """What is wrong with the file, nobody having it open."""
        db = connect(self.paths.database, _database_key(self.paths.keyslot.read_bytes()))
        try:
            return maintenance.integrity(db)
        finally:
            db.close()


class Pair:
    """A conversation, and the promises about it."""

    def __init__(self, nursery: Nursery, home: Path) -> None:
        self.home = home
        self.alice = Side(nursery, home, "alice", "bob")
        self.bob = Side(nursery, home, "bob", "alice")
        self.sides = (self.alice, self.bob)

    async def start(self, victim: Side | None = None, trace: Sequence[str] = ()) -> None:
        """Let whoever is not up stand and meet the other; all but the victim must open."""
        down = [side for side in self.sides if not side.is_up]
        words = await asyncio.gather(
            *(side.start(trace if side is victim else ()) for side in down)
        )
        for side, word in zip(down, words, strict=True):
            assert side is victim or (word is None and side.is_up), f"it does not open: {word}"
            assert word in (None, "disk_full", "store_unavailable"), word
        for side, other in (self.sides, self.sides[::-1]):
            if side in down:
                await side.meet(other)

    async def talk(self, count: int, at_once: int = 1) -> None:
        """Both, as far as they live."""
        await asyncio.gather(*(side.say(count, at_once) for side in self.sides))

    async def finish(self) -> None:
        """Let everything arrive; nothing lost, nothing doubled, the order kept."""
        await self.start()
        said = [await side.history("out") for side in self.sides]
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(
                *(
                    side.hear({one.message_id for one in mine}, len(theirs))
                    for side, mine, theirs in zip(self.sides, said, said[::-1], strict=True)
                )
            )
        for side, mine, reader in zip(self.sides, said, self.sides[::-1], strict=True):
            texts = [one.body for one in mine]
            kept = [text for text in texts if text in set(side.accepted)]
            assert kept == side.accepted, "what was accepted is there once and in order"
            assert max(Counter(texts).values(), default=1) == 1
            read = await reader.history("in")
            assert [_whole(one) for one in read] == [_whole(one) for one in mine]
            assert reader.heard == texts, "each was told once and in order"
            assert {one.state for one in await side.history("out")} <= {"delivered"}

    async def kill(self) -> None:
        """Both."""
        for side in self.sides:
            await side.kill()

    async def stop(self) -> None:
        """Both, in an orderly way; their files are sound."""
        ends = await asyncio.gather(*(side.stop() for side in self.sides))
        assert ends == ["done", "done"]
        for side in self.sides:
            assert side.problems() == []


@cache
def _database_key(keyslot: bytes) -> bytes:
    """What opens the database; every copy of a profile has the same."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "keyslot"
        path.write_bytes(keyslot)
        return vault.unlock(path, PASSPHRASE).database_key()


def _whole(message: MessageView) -> tuple[str, str, int]:
    return message.message_id, message.body, message.sent_at_ms
