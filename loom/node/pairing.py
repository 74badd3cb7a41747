"""Pairing nearby: a listener, an advert and at most one meeting, while it is wanted (PROTOCOL 12).

Nothing of it listens, announces or browses while nobody pairs.
"""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Final

from loom.api import events as api
from loom.api.contact_views import ContactView
from loom.api.pairing_views import PairingView
from loom.core.pairing import Paired, Pairing, PairingEnded, PairingEvent, Tries, WordsReady
from loom.core.pairing_advert import ALIAS_RANDOM_BYTES, encode_pairing_advert, make_alias
from loom.core.pairing_link import LINK_RANDOM_BYTES, MeetingLink, OwnSide, PairingLink
from loom.errors import (
    InvalidInput,
    LoomError,
    NobodyPairing,
    NotFound,
    NotPairing,
    PairingLeft,
    PairingTimedOut,
    Unreachable,
    error_from,
)
from loom.links.listener import anywhere, reaches, source_of
from loom.model import Address, ContactToken
from loom.node.pairing_peers import PairingPeers
from loom.node.parts import Parts
from loom.ports import Advert, Discovery, Listener, Stream, Transport
from loom.printable import printable
from loom.wire.limits import (
    PAIR_HANDSHAKE_TIMEOUT_S,
    PAIR_NUMBER_BYTES,
    PAIR_WINDOW_S,
    PROXIED_CONNECT_TIMEOUT_S,
)
from loom.wire.nearby import Introduction

log = logging.getLogger(__name__)

FLUSH_TIMEOUT_S: Final = 5.0
"""How long an ended link may still write when the other side does not read."""
CHECK_S: Final = 30.0
"""How often it looks for changed addresses of this machine."""

Link = MeetingLink[Introduction]
Keep = Callable[[Introduction, str], Awaitable[tuple[ContactView, bool]]]
"""Keeps who was met, as verified, and remembers the host; whether the contact is new."""


class PairingRoom:
    """One per node. `check` and `keep` are set by what changes contacts.

    Args:
        discovery: of pairing adverts.
        link_port: where this node takes links; 0: nowhere.
    """

    def __init__(
        self,
        parts: Parts,
        transport: Transport,
        discovery: Discovery,
        *,
        link_port: Callable[[], int],
        is_online: bool,
        announces: bool,
    ) -> None:
        self.announces = announces
        """Whether this node is announced on the network at all."""
        self.check: Callable[[ContactToken], None] = lambda token: None
        self.keep: Keep | None = None
        self.parts = parts
        self.transport = transport
        self.discovery = discovery
        self._link_port = link_port
        self._is_online = is_online
        self.tries = Tries()
        self._meetings = 0
        self._last_failure: tuple[int, LoomError] | None = None
        """The newest meeting and why it failed; None: it did not."""
        self._round: _Round | None = None
        self._changing = asyncio.Lock()
        self._endings: set[asyncio.Task[None]] = set()

    async def start(self, listen: Address | None, *, announce: bool) -> PairingView:
        """Pair for five minutes; where it goes on already, nothing changes.

        Raises:
            TooManyTries, PortInUse, PortNotAllowed, InvalidAddress.
            InvalidInput: the node does not meet the network.
        """
        async with self._changing:
            if self._round is None:
                if not self._is_online or self.keep is None:
                    raise InvalidInput(what="This node does not meet the network")
                self.tries.check(self.parts.clock.monotonic_s())
                own = OwnSide(
                    self.parts.random(PAIR_NUMBER_BYTES),
                    self.parts.identity,
                    self.parts.profile.name,
                    self._link_port(),
                    lambda token: self.check(token),
                )
                round_ = _Round(self, own)
                await round_.open(listen, announce=announce and self.announces)
                self._round = round_
        return self.view()

    async def stop(self, reason: str = "stopped") -> None:
        """End it, if it goes on; nothing listens afterwards."""
        async with self._changing:
            round_, self._round = self._round, None
            if round_ is not None:
                await round_.close()
                self.parts.journal.tell(api.PairingStopped(reason=reason))

    async def close(self) -> None:
        """The node ends."""
        await self.stop()
        await asyncio.gather(*self._endings)

    def view(self) -> PairingView:
        """How it stands."""
        return PairingView() if self._round is None else self._round.view()

    def pick(self, alias: str) -> None:
        """Dial somebody who was seen. Raises NotPairing, NotFound, InvalidInput, TooManyTries."""
        at = self._current.peers.addresses(alias)
        if not at:
            raise NotFound(what=printable(alias)[:64])
        self._current.dial(at)

    def dial(self, address: Address) -> None:
        """Dial an address. Raises NotPairing, InvalidInput, TooManyTries."""
        self._current.dial([address])

    def answer(self, meeting: int, *, same: bool) -> None:
        """What the person said of the words of this meeting.

        Raises:
            NotPairing: these words are not on the screen, or were answered.
            LoomError: why this meeting has just failed, before the answer came.
        """
        if self._last_failure is not None and meeting == self._last_failure[0]:
            raise error_from(self._last_failure[1].code, self._last_failure[1].facts)
        self._current.answer(meeting, same=same)

    # --- for a round ---

    def next_meeting(self) -> int:
        """A number for the words that come on the screen, never used before."""
        self._meetings += 1
        self._last_failure = None
        return self._meetings

    def failed(self, meeting: int, error: LoomError) -> None:
        """This meeting, which showed words, ended without a contact."""
        self._last_failure = (meeting, error)

    async def kept(self, remote: Introduction, host: str) -> tuple[ContactView, bool]:
        """See `Keep`."""
        if self.keep is None:
            raise NotPairing
        return await self.keep(remote, host)

    def over(self, reason: str) -> None:
        """A round has come to its end."""
        task = asyncio.create_task(self.stop(reason), name="end of pairing")
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    @property
    def _current(self) -> "_Round":
        if self._round is None:
            raise NotPairing
        return self._round


class _Round:
    """One pairing, from its start to its end."""

    def __init__(self, room: PairingRoom, own: OwnSide) -> None:
        self.alias = make_alias(room.parts.random(ALIAS_RANDOM_BYTES))
        self.peers = PairingPeers(self.alias)
        self._room = room
        self._clock = room.parts.clock
        self._pairing = Pairing(own.number, partial(PairingLink, own), room.tries)
        self._ends_at_s = self._clock.monotonic_s() + PAIR_WINDOW_S
        self._listener: Listener | None = None
        self._mdns = "off"
        self._streams: set[_PairingStream] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeping: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._dialled: Address | None = None
        self._meeting = 0
        """The number of the words on the screen; 0: there are none."""
        self._words: tuple[str, ...] = ()
        self._is_answered = False
        self._is_over = False

    async def open(self, listen: Address | None, *, announce: bool) -> None:
        """Listen, and announce."""
        where = anywhere(0) if listen is None else [listen]
        self._listener = await self._room.transport.listen(where, lambda: _PairingStream(self))
        self._spawn(self._end_in_time(), "pairing window")
        if announce:
            self._mdns = "on"
            self._spawn(self._announce(), "pairing advert")

    async def close(self) -> None:
        """End everything; what is being kept is kept."""
        self._is_over = True
        if self._keeping is not None:
            await asyncio.wait([self._keeping])
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
        self._pairing.stop()
        for stream in list(self._streams):
            stream.flush()
        await self._hide()

    def view(self) -> PairingView:
        """How it stands."""
        bound = [] if self._listener is None else self._listener.addresses
        port = bound[0].port if bound else 0
        told = [Address(str(ipaddress.ip_address(one)), port) for one in self._here()] or bound
        return PairingView(
            on=True,
            alias=self.alias,
            port=port,
            addresses=[str(one) for one in told],
            mdns=self._mdns,
            seconds_left=max(0, int(self._ends_at_s - self._clock.monotonic_s())),
            peers=self.peers.views(),
            meeting=self._meeting,
            words=list(self._words),
            answered=self._is_answered,
        )

    def dial(self, addresses: Sequence[Address]) -> None:
        """Meet whoever is there, at the first of these that answers."""
        if self._meeting or self._pairing.is_meeting:
            raise InvalidInput(what="You are comparing words with somebody already")
        if self._dialled is not None:
            raise InvalidInput(what=f"{self._dialled} is being tried already")
        link = self._pairing.dial(self._seeds(), self._clock.monotonic_s())
        self._dialled = addresses[0]
        self._spawn(self._dial(_PairingStream(self, link), link, addresses), "pairing dial")

    def answer(self, meeting: int, *, same: bool) -> None:
        """What the person said of the words."""
        if not meeting or meeting != self._meeting or self._is_answered:
            raise NotPairing
        self._is_answered = True
        self._happened(self._pairing.answer(same=same, now_s=self._clock.monotonic_s()))

    # --- from streams ---

    def accept(self, stream: Stream) -> Link | None:
        """The link of an incoming stream; None: none is taken now."""
        if self._is_over:
            return None
        source = source_of(stream.remote)
        return self._pairing.accept(source, self._seeds(), self._clock.monotonic_s())

    def opened(self, stream: "_PairingStream", link: Link) -> None:
        """A stream stands."""
        self._streams.add(stream)
        link.connected(self._clock.monotonic_s())
        self._happened([])

    def received(self, stream: "_PairingStream", link: Link, data: bytes) -> None:
        """Bytes came."""
        events = self._pairing.receive_data(link, data, self._clock.monotonic_s())
        self._happened(events, stream)

    def lost(self, stream: "_PairingStream", link: Link | None) -> None:
        """A stream is gone."""
        self._streams.discard(stream)
        if link is not None and not self._is_over:
            self._happened(self._pairing.lost(link, self._clock.monotonic_s()))

    # --- inside ---

    def _happened(
        self, events: list[PairingEvent[Introduction]], at: "_PairingStream | None" = None
    ) -> None:
        """Write what is to be written, tell what happened, and set the alarm."""
        for stream in list(self._streams):
            stream.flush()
        for event in events:
            match event:
                case WordsReady(words=words):
                    self._dialled = None
                    self._meeting, self._words = self._room.next_meeting(), words
                    self._is_answered = False
                    self._tell(api.PairingWords(meeting=self._meeting, words=list(words)))
                case PairingEnded(error=error):
                    self._failed(error)
                case Paired(remote=remote):
                    host = "" if at is None else at.host
                    self._keeping = asyncio.create_task(self._keep(remote, host), name="pairing")
        self._set_alarm()

    def _failed(self, error: LoomError) -> None:
        if self._dialled is not None and isinstance(
            error, PairingLeft | PairingTimedOut | Unreachable
        ):
            error = NobodyPairing(address=str(self._dialled))
        meeting = self._meeting
        self._dialled, self._meeting, self._words = None, 0, ()
        self._is_answered = False
        if meeting:
            self._room.failed(meeting, error)
        self._tell(api.PairingFailed(meeting=meeting, code=error.code, facts=error.facts))
        now_s = self._clock.monotonic_s()
        if self._room.tries.wait_s(now_s) > 0.0:
            self._room.over("tries")
        elif now_s >= self._ends_at_s:
            self._room.over("time")

    async def _keep(self, remote: Introduction, host: str) -> None:
        try:
            view, is_new = await self._room.kept(remote, host)
        except LoomError as error:
            log.warning("pairing: not kept: %s", error.code)
            self._failed(error)
            return
        self._meeting, self._words = 0, ()
        self._tell(api.PairingDone(contact=view.contact, contact_id=view.contact_id, is_new=is_new))
        self._room.over("paired")

    async def _dial(
        self, stream: "_PairingStream", link: Link, addresses: Sequence[Address]
    ) -> None:
        transport = self._room.transport
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            if link.is_over:
                return
            self._dialled = address
            is_proxied = transport.is_proxied(address)
            connect_s = PROXIED_CONNECT_TIMEOUT_S if is_proxied else PAIR_HANDSHAKE_TIMEOUT_S
            try:
                await transport.dial(address, stream, connect_s / left)
                return
            except LoomError as error:
                if left == 1:
                    now_s = self._clock.monotonic_s()
                    self._happened(self._pairing.not_reached(link, error, now_s))

    async def _end_in_time(self) -> None:
        await asyncio.sleep(PAIR_WINDOW_S)
        await self._hide()
        if not self._pairing.is_meeting and self._keeping is None:
            self._room.over("time")

    async def _hide(self) -> None:
        """Nobody new can come."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()
        if self._mdns != "off":
            self._mdns = "off"
            with contextlib.suppress(LoomError):
                await self._room.discovery.stop()

    async def _announce(self) -> None:
        discovery, announced = self._room.discovery, None
        try:
            await discovery.start(self._found, self._lost)
        except LoomError as error:
            self._not_announced(error)
        while self._listener is not None:
            here = self._here()
            if here != announced:
                port = self._listener.addresses[0].port
                advert = Advert(port, here, encode_pairing_advert(self.alias))
                try:
                    await discovery.announce([advert] if here else [])
                    self._mdns, announced = "on", here
                except LoomError as error:
                    self._not_announced(error)
            await asyncio.sleep(CHECK_S)

    def _not_announced(self, error: LoomError) -> None:
        log.warning("pairing: %s %s", error.code, error.facts)
        if self._mdns != "failed":
            self._mdns = "failed"
            self._tell(api.Warned(code=error.code, facts=error.facts))

    def _here(self) -> tuple[bytes, ...]:
        """The addresses of this machine that lead to the listener."""
        bound = [] if self._listener is None else self._listener.addresses
        return tuple(one for one in self._room.discovery.local_addresses() if reaches(bound, one))

    def _found(self, advert: Advert, nearby: tuple[bytes, ...]) -> None:
        if self.peers.found(advert, nearby):
            self._tell(api.PairingPeers(peers=self.peers.views()))

    def _lost(self, advert: Advert) -> None:
        if self.peers.lost(advert):
            self._tell(api.PairingPeers(peers=self.peers.views()))

    def _seeds(self) -> bytes:
        return self._room.parts.random(LINK_RANDOM_BYTES)

    def _tell(self, event: api.AnyEvent) -> None:
        self._room.parts.journal.tell(event)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _set_alarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = self._pairing.next_timeout_s()
        if due_s is not None:
            delay_s = max(0.0, due_s - self._clock.monotonic_s())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._alarm)

    def _alarm(self) -> None:
        self._timer = None
        self._happened(self._pairing.handle_timeout(self._clock.monotonic_s()))


class _PairingStream:
    """The `StreamHandler` of one pairing link."""

    def __init__(self, round_: _Round, link: Link | None = None) -> None:
        self._round = round_
        self._link = link
        self._stream: Stream | None = None
        self.host = ""
        """The other end's."""

    def connected(self, stream: Stream) -> None:
        """Take part, or end at once."""
        self._stream, self.host = stream, stream.remote.host
        if self._link is None:
            self._link = self._round.accept(stream)
        if self._link is None:
            stream.abort()
        else:
            self._round.opened(self, self._link)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._link is not None:
            self._round.received(self, self._link, data)

    def writable(self, ready: bool) -> None:
        """What a link has to say fits into any buffer."""

    def closed(self) -> None:
        """The stream is gone."""
        self._stream = None
        self._round.lost(self, self._link)

    def flush(self) -> None:
        """Write what is there to write; end the stream of a link that is over."""
        if self._link is None or self._stream is None:
            return
        if data := self._link.data_to_send():
            self._stream.write(data)
        if self._link.is_over:
            stream, self._stream = self._stream, None
            stream.close()
            asyncio.get_running_loop().call_later(FLUSH_TIMEOUT_S, stream.abort)
