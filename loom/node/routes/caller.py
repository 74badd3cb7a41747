"""Dials contacts: opens links, a limited number at a time."""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from loom.core.link import Link
from loom.core.link_ends import PROMPT, PROXIED, LinkInitiator
from loom.core.link_events import CloseReason, LinkAuthenticated
from loom.core.link_kinds import Credentials, OpeningTimes
from loom.errors import LoomError, Unreachable
from loom.links.direct import DirectLink
from loom.model import Address
from loom.ports import Clock, Transport
from loom.wire.limits import (
    LINK_HANDSHAKE_TIMEOUT_S,
    LINK_RAND_BYTES,
    PROXIED_CONNECT_TIMEOUT_S,
)

CALLS_AT_ONCE: Final = 64
"""To contacts that are looked for, and as many again to contacts that announced an address."""


class Callee(Protocol):
    """A contact to dial, or the owner of an invite."""

    def credentials(self, rand: bytes, day: int) -> Credentials:
        """What one link is opened with; see `gate.pair_credentials`."""
        ...

    @property
    def takes_links(self) -> bool:
        """Whether a link is still wanted."""
        ...

    def take_link(self, link: DirectLink) -> bool:
        """Own a confirmed link; False: none is taken any more."""
        ...

    async def answered_at(self, address: Address) -> None:
        """Note where the contact was reached."""
        ...


class Caller:
    """One per node. `today` is the day's number in UTC."""

    def __init__(
        self,
        transport: Transport,
        clock: Clock,
        random: Callable[[int], bytes],
        today: Callable[[], int],
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._random = random
        self._today = today
        self._slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._urgent_slots = asyncio.Semaphore(CALLS_AT_ONCE)
        self._opening = set[DirectLink]()
        self._is_stopping = False

    async def call_in_turn(self, callee: Callee, address: Address, *, urgent: bool) -> None:
        """The same as `call`, once fewer than `CALLS_AT_ONCE` others wait for an answer."""
        async with self._urgent_slots if urgent else self._slots:
            await self.call(callee, address)

    async def call(self, callee: Callee, address: Address) -> None:
        """Return once a link with the contact is confirmed at this address.

        Raises:
            Unreachable: nobody answered as this contact.
            ProxyNeeded, ProxyUnavailable: nobody was asked.
        """
        if self._is_stopping or not callee.takes_links:
            raise Unreachable(address=str(address))
        is_proxied = self._transport.is_proxied(address)
        connect_s = PROXIED_CONNECT_TIMEOUT_S if is_proxied else LINK_HANDSHAKE_TIMEOUT_S
        times = PROXIED if is_proxied else PROMPT
        credentials = callee.credentials(self._random(LINK_RAND_BYTES), self._today())
        call = _Call(callee)
        link = DirectLink(
            call, self._clock, lambda: self._initiate(credentials, times), dialled=True
        )
        self._opening.add(link)
        try:
            await self._transport.dial(address, link, connect_s, credentials.link_key)
            async with asyncio.timeout(times.handshake_s + 1.0):
                is_confirmed = await call.is_confirmed
        except asyncio.CancelledError:
            link.abort()
            raise
        except Unreachable:
            link.abort()
            raise
        except (TimeoutError, LoomError) as error:
            link.abort()
            raise Unreachable(address=str(address)) from error
        finally:
            self._opening.discard(link)
        if not is_confirmed:
            raise Unreachable(address=str(address))
        await callee.answered_at(address)

    def stop(self) -> None:
        """Dial no more; end what is not yet confirmed."""
        self._is_stopping = True
        for link in list(self._opening):
            link.abort()

    def _initiate(self, credentials: Credentials, times: OpeningTimes) -> Link:
        random = self._random
        return LinkInitiator(
            credentials,
            ephemeral_seed=random(32),
            kem_seed=random(64),
            now_s=self._clock.monotonic_s(),
            times=times,
        )


class _Call:
    """The `Opening` of one link that this side dials."""

    def __init__(self, callee: Callee) -> None:
        self.is_confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._callee = callee

    def authenticated(self, link: DirectLink, event: LinkAuthenticated) -> None:
        """Only a responder learns who dialled."""

    def confirmed(self, link: DirectLink) -> None:
        """The contact answered."""
        if self.is_confirmed.done() or not self._callee.take_link(link):
            link.abort()
        else:
            self.is_confirmed.set_result(True)

    def closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """The contact did not answer, or is no longer wanted."""
        if not self.is_confirmed.done():
            self.is_confirmed.set_result(False)
