"""Two to five people whose machines, clocks and network fail as told, and what must hold after."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple
from unittest import mock

from loom.api.conversation_commands import MarkRead
from loom.api.events import MessageReceived
from loom.api.machine_commands import DecideMachine, ShowMachine
from loom.api.message_commands import SendText
from loom.errors import StoreError
from loom.model import Direction, MessageState
from loom.node.inbox import Inbox
from loom.node.mail import Incoming
from loom.storage import messages, persons
from tests.node.disk import Disk, OneThreadDatabase
from tests.node.harness import HISTORY_MAX, Person, World

NAMES: Final = ("Alice", "Bob", "Carol", "Dave", "Erin")
HOUR_S: Final = 3_600.0
HEALING_S: Final = 12 * HOUR_S
ANSWER_S: Final = 600.0
FILES: Final = ("", "-wal")

Talk = tuple[str, str]
"""Author and reader."""


class Backup(NamedTuple):
    """One person's files as they were, and what had been said and heard by then."""

    files: dict[str, bytes]
    said: dict[Talk, list[str]]
    heard: dict[Talk, list[str]]


class Carriers:
    """What becomes of envelopes between the link and the inbox.

    A link loses, doubles and reorders none; the protocol promises to stand it all the same.
    """

    def __init__(self) -> None:
        self._faults: dict[bytes, tuple[str, int]] = {}
        self._put = Inbox.put

    def disturb(self, reader: Person, fault: str, times: int) -> None:
        """The next `times` arrivals at one person."""
        self._faults[reader.identity.peer_id] = (fault, times)

    def heal(self) -> None:
        """No more faults."""
        self._faults.clear()

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Every inbox gets what is carried."""
        carriers = self

        def put(inbox: Inbox, came: list[Incoming]) -> None:
            envelopes = carriers._carried(inbox, [one.envelope for one in came])
            carriers._put(inbox, [Incoming(one) for one in envelopes])

        with mock.patch.object(Inbox, "put", put):
            yield

    def _carried(self, inbox: Inbox, envelopes: list[bytes]) -> list[bytes]:
        reader = inbox._context.parts.identity.peer_id
        fault, times = self._faults.get(reader, ("", 0))
        if not times:
            return envelopes
        self._faults[reader] = (fault, times - 1)
        match fault:
            case "drop":
                return envelopes[1:]
            case "double":
                return [one for one in envelopes for _ in range(2)]
            case _:
                return envelopes[::-1]


class People:
    """They write to each other; `finish` heals everything and holds them to the promises."""

    def __init__(self, world: World, everybody: list[Person], carriers: Carriers) -> None:
        self.world = world
        self.everybody = everybody
        self.carriers = carriers
        self.accepted: dict[Talk, list[str]] = {
            (one.name, other.name): []
            for one in everybody
            for other in everybody
            if one is not other
        }
        self.excused: dict[Talk, set[str]] = {talk: set() for talk in self.accepted}
        """What went with the files that a backup replaced."""
        self.unordered: set[Talk] = set()
        self.restored: set[str] = set()
        self.backups: dict[str, Backup] = {}
        self.count = 0

    # --- what people do ---

    async def send(self, one: Person, other: Person, count: int, *, waits: bool) -> None:
        """Some texts, at once or one after the other; some may not be accepted."""
        if not one.is_running:
            return
        sends = []
        for _ in range(count):
            self.count += 1
            sends.append(asyncio.create_task(self._send(one, other, f"{one} {self.count}")))
            if waits:
                await asyncio.wait([sends[-1]], timeout=1.0)
        await asyncio.wait(sends, timeout=1.0)
        for send in sends:
            send.cancel()
        await asyncio.gather(*sends, return_exceptions=True)

    async def _send(self, one: Person, other: Person, text: str) -> None:
        with contextlib.suppress(StoreError):
            await one.do(SendText(contact=other.name, body=text))
            self.accepted[one.name, other.name].append(text)

    async def read(self, one: Person, other: Person) -> None:
        """Everything was seen."""
        if one.is_running:
            command = MarkRead(contact=other.name, row_id=10**6)
            with contextlib.suppress(StoreError, TimeoutError):
                await asyncio.wait_for(one.do(command), 1.0)

    # --- what becomes of their machines ---

    async def restart(self, one: Person) -> None:
        """Off and on; on may fail."""
        await one.crash()
        await self._start(one)

    async def back_up(self, one: Person) -> None:
        """Off, the files copied as they are, and on."""
        await one.crash()
        files = {end: one.path.with_name(one.path.name + end) for end in FILES}
        self.backups[one.name] = Backup(
            {end: file.read_bytes() for end, file in files.items() if file.exists()},
            {talk: list(texts) for talk, texts in self.accepted.items()},
            self._heard_by(one),
        )
        await self._start(one)

    async def restore(self, one: Person) -> None:
        """The files of the last backup again; what was said or heard since is gone here."""
        backup = self.backups.get(one.name)
        if backup is None:
            return
        await one.crash()
        heard = self._heard_by(one)
        for file in one.path.parent.glob(one.path.name + "*"):
            file.unlink()
        for end, data in backup.files.items():
            one.path.with_name(one.path.name + end).write_bytes(data)
        for talk in self.accepted:
            if talk[0] == one.name:
                self.excused[talk].update(self.accepted[talk][len(backup.said[talk]) :])
            elif talk[1] == one.name:
                self.excused[talk].update(set(heard[talk]) - set(backup.heard[talk]))
            if one.name in talk:
                self.unordered.add(talk)
        self.restored.add(one.name)
        await self._start(one)

    async def forget_sessions(self, one: Person) -> None:
        """As after a backup of the kind that holds no sessions."""
        await one.crash()
        one.lose_conversations()
        await self._start(one)

    async def _start(self, one: Person) -> None:
        try:
            await one.start()
        except StoreError:
            one.lose_power()

    def _heard_by(self, one: Person) -> dict[Talk, list[str]]:
        """What is committed of what others said; the machine is off."""
        names = {other.identity.peer_id: other.name for other in self.everybody}
        heard: dict[Talk, list[str]] = {}
        database = OneThreadDatabase.on(Disk(), one.path)
        for contact in database.look(persons.contacts):
            page = partial(
                messages.page, conversation_id=contact.conversation_id, limit=HISTORY_MAX
            )
            found = database.look(page)
            texts = [text.body for text in found if text.direction is Direction.IN]
            heard[names[contact.person.peer_id], one.name] = texts
        database.close()
        return heard

    def disturb(self, reader: Person, fault: str, times: int) -> None:
        """Envelopes that arrive at one person are dropped, doubled or reordered."""
        self.carriers.disturb(reader, fault, times)
        self.unordered.update(talk for talk in self.accepted if talk[1] == reader.name)

    def start_at_once(self, one: Person, other: Person) -> None:
        """Both want a new session in the same moment."""
        for near, far in ((one, other), (other, one)):
            if near.is_running and near.peer(far).sessions.is_loaded:
                near.peer(far).delivery.starts.want()

    def days_pass_unevenly(self) -> None:
        """A start that a clock days behind refuses comes again later than what follows it."""
        self.unordered.update(self.accepted)

    # --- in the end ---

    async def finish(self) -> None:
        """Heal everything, and see that everybody has what they are owed and can go on."""
        self.carriers.heal()
        self.world.network.heal()
        self.world.network.cut()
        for one in self.everybody:
            one.heal()
            if not one.is_running:
                await one.start()
        answering = asyncio.create_task(self._answer(), name="owners answer")
        try:
            await self._go_on()
        finally:
            answering.cancel()

    async def _answer(self) -> None:
        """Files put back to an older state look like another machine; the owner knows better."""
        while True:
            for one in self.everybody:
                if (await one.do(ShowMachine())).state == "asks":
                    assert one.name in self.restored, f"{one}: there is no other machine"
                    await one.do(DecideMachine(stays=True))
            await asyncio.sleep(ANSWER_S)

    async def _go_on(self) -> None:
        await self.world.delivered(*self.everybody, within_s=HEALING_S)
        for author in self.everybody:
            for reader in self.everybody:
                if author is not reader:
                    self._check(author, reader)
        for author in self.everybody * 2:
            for reader in self.everybody:
                if author is not reader:
                    await author.say(reader, "and now?")
        await self.world.delivered(*self.everybody, within_s=HEALING_S)
        for n, one in enumerate(self.everybody):
            for other in self.everybody[:n]:
                assert one.best_session(other) == other.best_session(one)
                assert other.received(one)[-1] == one.received(other)[-1] == "and now?"

    def _check(self, author: Person, reader: Person) -> None:
        talk = (author.name, reader.name)
        said, heard = author.sent(reader), reader.received(author)
        states = {state for _, state in author.texts(reader, Direction.OUT)}
        assert states <= {MessageState.DELIVERED, MessageState.READ}
        assert len(heard) == len(set(heard)), f"{talk}: shown twice"
        excused = self.excused[talk]
        lost = set(said) | set(self.accepted[talk])
        lost -= set(heard) | excused
        assert not lost, f"{talk}: lost {lost}"
        # What failed to be accepted may still have been stored, and then it is said.
        unsaid = set(heard) - set(said)
        assert unsaid <= excused or author.name in self.restored, f"{talk}: never said {unsaid}"
        if talk not in self.unordered:
            assert heard == said, f"{talk}: another order"
        if reader.name not in self.restored:
            shown = [e.message_id for e in reader.told(MessageReceived) if e.contact == author.name]
            assert len(shown) == len(set(shown)), f"{talk}: announced twice"
