"""The streams of a move: a listener or a dialler, the words, and links one after the other."""

import asyncio
import contextlib
import secrets
import time
from abc import ABC, abstractmethod
from functools import partial
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from loom.api.move_views import MoveListening, MoveWords
from loom.api.moving import Front, Where
from loom.core.move_link import LINK_RANDOM_BYTES, MoveEvent, MoveLink
from loom.core.move_pairing import MoveKey, MovePairingLink, MoveSide
from loom.core.pairing import Paired, Pairing, PairingEnded, PairingEvent, Tries, WordsReady
from loom.core.pairing_link import LINK_RANDOM_BYTES as PAIRING_RANDOM_BYTES
from loom.core.pairing_link import MeetingLink
from loom.discovery.interfaces import Interfaces
from loom.errors import LoomError, MoveLost, PairingTimedOut, UsageError
from loom.links.listener import anywhere, reaches, source_of
from loom.model import Address
from loom.ports import Listener, Stream
from loom.transport.tcp import TcpTransport
from loom.wire.limits import (
    MOVE_HANDSHAKE_TIMEOUT_S,
    MOVE_SHARE_BYTES,
    PAIR_NUMBER_BYTES,
    PAIR_WINDOW_S,
)
from loom.wire.moving import End, Pledge, Reason

T = TypeVar("T")
Link = MeetingLink[MoveKey] | MoveLink

LOOK_S: Final = 0.25
"""How often timers are looked at."""
REDIAL_S: Final = 0.5
PATIENCE_S: Final = 120.0
"""How long the other machine is dialled again without an answer."""
TELLING_S: Final = 10.0
LINKS_MAX: Final = 64
LINKS_OF_SOURCE_MAX: Final = 4
"""Of one network: so strangers of one cannot keep the other machine of another one out."""
FLUSH_TIMEOUT_S: Final = 5.0


class Phase(ABC, Generic[T]):
    """What happens on the streams from now on, until `result` is there."""

    def __init__(self) -> None:
        self.result: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.wires: set[Wire] = set()

    @staticmethod
    def now_s() -> float:
        """Of one monotonic clock."""
        return time.monotonic()

    @abstractmethod
    def dialled(self) -> Link:
        """A link that this machine dials."""

    @abstractmethod
    def accepted(self, stream: Stream) -> Link | None:
        """The link of a stream that came in; None: end it."""

    @abstractmethod
    def received(self, wire: "Wire", data: bytes) -> None:
        """Bytes of one link."""

    @abstractmethod
    def lost(self, wire: "Wire") -> None:
        """Its stream is gone."""

    @abstractmethod
    def timed(self) -> None:
        """Some time has passed."""

    @abstractmethod
    def not_reached(self, wire: "Wire", error: LoomError) -> bool:
        """Nobody answered a dial, or the link ended; whether to try again."""

    async def ended(self) -> None:
        """It is over."""

    def flush(self) -> None:
        """Write what every link has to send."""
        for wire in list(self.wires):
            wire.flush()

    def fail(self, error: LoomError) -> None:
        """It does not go on."""
        if not self.result.done():
            self.result.set_exception(error)


class Wire:
    """The `StreamHandler` of one link."""

    def __init__(self, phase: Phase[Any] | None, link: Link | None = None) -> None:
        """Args: phase: None: nobody is let in now; who dials tries again."""
        self._phase = phase
        self._stream: Stream | None = None
        self._is_ending = False
        self.link = link
        self.source = ""
        self.gone = asyncio.Event()

    def connected(self, stream: Stream) -> None:
        """Take part, or end at once."""
        self._stream = stream
        self.source = source_of(stream.remote)
        phase = self._phase
        if phase is not None and self.link is None:
            self.link = phase.accepted(stream)
        if phase is None or self.link is None:
            stream.abort()
            return
        phase.wires.add(self)
        self.link.connected(phase.now_s())
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._phase is not None and self.link is not None:
            self._phase.received(self, data)

    def writable(self, ready: bool) -> None:
        """No more is sent than the other end has room for."""

    def closed(self) -> None:
        """The stream is gone."""
        self._stream = None
        self.gone.set()
        if self._phase is not None and self in self._phase.wires:
            self._phase.wires.discard(self)
            self._phase.lost(self)

    def flush(self) -> None:
        """Write what is to be written; end the stream of a link that is over."""
        if self.link is None or self._stream is None or self._is_ending:
            return
        if data := self.link.data_to_send():
            self._stream.write(data)
        if self.link.is_over:
            self._is_ending = True
            self._stream.close()

    async def end(self) -> None:
        """Let it write what it has, then end it."""
        if self._stream is None:
            return
        self.flush()
        if not self._is_ending:
            self._stream.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.gone.wait(), FLUSH_TIMEOUT_S)
        if self._stream is not None:
            self._stream.abort()


class Door:
    """Listens or dials for one phase after the other."""

    def __init__(self, where: Where, front: Front) -> None:
        self.front = front
        self._where = where
        self._transport = TcpTransport()
        self._listener: Listener | None = None
        self._phase: Phase[Any] | None = None

    async def __aenter__(self) -> Self:
        """Raises PortInUse, PortNotAllowed, InvalidAddress."""
        if self._where.dial is None:
            listen = self._where.listen
            where = anywhere(0) if listen is None else [listen]
            self._listener = await self._transport.listen(where, self._wire)
            self.front.tell(MoveListening(addresses=_told(self._listener.addresses)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._listener is not None:
            await self._listener.close()

    async def run(self, phase: Phase[T]) -> T:
        """Until it has come to its end. Raises what it fails with."""
        self._phase = phase
        tasks = [asyncio.create_task(_time(phase), name="time of a move")]
        if self._where.dial is not None:
            dialling = self._dial(phase, self._where.dial)
            tasks.append(asyncio.create_task(dialling, name="dials of a move"))
        try:
            return await phase.result
        finally:
            self._phase = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*(wire.end() for wire in list(phase.wires)))
            await phase.ended()

    def _wire(self) -> Wire:
        return Wire(self._phase)

    async def _dial(self, phase: Phase[Any], at: Address) -> None:
        while not phase.result.done():
            wire = Wire(phase, phase.dialled())
            try:
                await self._transport.dial(at, wire, MOVE_HANDSHAKE_TIMEOUT_S)
            except LoomError as error:
                if not phase.not_reached(wire, error):
                    return
            else:
                await wire.gone.wait()
                if not phase.not_reached(wire, MoveLost()):
                    return
            await asyncio.sleep(REDIAL_S)


async def _time(phase: Phase[Any]) -> None:
    while True:
        await asyncio.sleep(LOOK_S)
        phase.timed()
        phase.flush()


async def agree(door: Door, end: End) -> MoveKey:
    """Let both people compare three words; the key that only these two machines have.

    Raises:
        WordsDiffer, PairingLeft, PairingTimedOut, MoveEndsAlike, Unreachable.
    """
    return await door.run(_Words(end, door.front))


class _Words(Phase[MoveKey]):
    def __init__(self, end: End, front: Front) -> None:
        super().__init__()
        number = secrets.token_bytes(PAIR_NUMBER_BYTES)
        side = MoveSide(number, Pledge(end, secrets.token_bytes(MOVE_SHARE_BYTES)))
        self._pairing = Pairing(number, partial(MovePairingLink, side), Tries())
        self._front = front
        self._asking: asyncio.Task[None] | None = None
        self._ends_at_s = self.now_s() + PAIR_WINDOW_S

    def dialled(self) -> Link:
        return self._pairing.dial(secrets.token_bytes(PAIRING_RANDOM_BYTES), self.now_s())

    def accepted(self, stream: Stream) -> Link | None:
        random = secrets.token_bytes(PAIRING_RANDOM_BYTES)
        return self._pairing.accept(source_of(stream.remote), random, self.now_s())

    def received(self, wire: Wire, data: bytes) -> None:
        if isinstance(wire.link, MeetingLink):
            self._happened(self._pairing.receive_data(wire.link, data, self.now_s()))

    def lost(self, wire: Wire) -> None:
        if isinstance(wire.link, MeetingLink):
            self._happened(self._pairing.lost(wire.link, self.now_s()))

    def not_reached(self, wire: Wire, error: LoomError) -> bool:
        self.fail(error)  # unless a link has told better why
        return False

    def timed(self) -> None:
        self._happened(self._pairing.handle_timeout(self.now_s()))
        if self.now_s() >= self._ends_at_s and not self._pairing.is_meeting:
            self.fail(PairingTimedOut())

    async def ended(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _happened(self, events: list[PairingEvent[MoveKey]]) -> None:
        self.flush()
        for event in events:
            match event:
                case WordsReady(words=words):
                    self._front.tell(MoveWords(words=list(words)))
                    self._asking = asyncio.create_task(self._ask(), name="words of a move")
                case PairingEnded(error=error):
                    self.fail(error)
                case Paired(remote=key):
                    if not self.result.done():
                        self.result.set_result(key)

    async def _ask(self) -> None:
        try:
            is_same = await self._front.is_same()
        except LoomError as error:
            self.fail(error)
            return
        with contextlib.suppress(UsageError):  # it ended meanwhile, and that was told
            self._happened(self._pairing.answer(same=is_same, now_s=self.now_s()))


class Transfer(Phase[None]):
    """Either end of the transfer: the newest link that shows the key is the one that counts."""

    def __init__(self, key: MoveKey, end: End) -> None:
        super().__init__()
        self._key = key
        self._end = end
        self._current: Wire | None = None
        self._patience_s = PATIENCE_S
        self._patient_until_s = self.now_s() + PATIENCE_S

    @abstractmethod
    def take(self, link: MoveLink, event: MoveEvent) -> None:
        """What the other machine said; raises the LoomError that it fails with."""

    def reason(self, error: LoomError) -> Reason:
        """What the other machine is told of a failure."""
        return Reason.FAILED

    def finish(self) -> None:
        """Both machines know that it is done."""
        if not self.result.done():
            self.result.set_result(None)

    def fail(self, error: LoomError) -> None:
        """It does not go on; the other machine is told, if it can be."""
        for link in self.links():
            if self._end is End.NEW:
                link.refuse(self.reason(error), self.now_s())
        super().fail(error)

    def links(self) -> list[MoveLink]:
        """The link that counts, if there is one."""
        wire = self._current
        return [wire.link] if wire is not None and isinstance(wire.link, MoveLink) else []

    def only_tell(self) -> None:
        """All is done here but that the other machine does not know: it is not waited for long."""
        self._patience_s = TELLING_S
        self._patient_until_s = self.now_s() + TELLING_S

    def dialled(self) -> Link:
        return self._link(dialled=True)

    def accepted(self, stream: Stream) -> Link | None:
        source = source_of(stream.remote)
        of_source = sum(one.source == source for one in self.wires)
        if len(self.wires) >= LINKS_MAX or of_source >= LINKS_OF_SOURCE_MAX:
            return None
        return self._link(dialled=False)

    def received(self, wire: Wire, data: bytes) -> None:
        link = wire.link
        if not isinstance(link, MoveLink) or self.result.done():
            return
        events = link.receive_data(data, self.now_s())
        if link.is_shown and (events or link.is_up):
            self._count(wire)
        if link.error is None and (wire is self._current or not link.is_shown):
            try:
                for event in events:
                    self.take(link, event)
            except LoomError as error:
                self.fail(error)
        self.flush()

    def lost(self, wire: Wire) -> None:
        if isinstance(wire.link, MoveLink):
            wire.link.lost()
        if wire is self._current:
            self._current = None
            self._patient_until_s = self.now_s() + self._patience_s

    def timed(self) -> None:
        is_late = self._current is None and self.now_s() >= self._patient_until_s
        if is_late and self._patience_s == TELLING_S:
            self.fail(MoveLost())
        for wire in list(self.wires):
            if isinstance(wire.link, MoveLink):
                wire.link.handle_timeout(self.now_s())

    def not_reached(self, wire: Wire, error: LoomError) -> bool:
        if self.now_s() < self._patient_until_s:
            return True
        self.fail(MoveLost())
        return False

    def _count(self, wire: Wire) -> None:
        """An older one is a connection that broke without a word."""
        if wire is self._current:
            return
        old, self._current = self._current, wire
        if old is not None and isinstance(old.link, MoveLink):
            old.link.close()

    def _link(self, *, dialled: bool) -> MoveLink:
        random = secrets.token_bytes(LINK_RANDOM_BYTES)
        return MoveLink(self._key, self._end, dialled=dialled, random=random, now_s=self.now_s())


def _told(bound: list[Address]) -> list[str]:
    port = bound[0].port
    here = [one for one in Interfaces.here().own if reaches(bound, one.packed)]
    away = [one for one in here if not one.is_loopback and not one.is_link_local] or here
    told = [Address(str(one), port) for one in sorted(away, key=str)] or bound
    return [str(one) for one in told]
