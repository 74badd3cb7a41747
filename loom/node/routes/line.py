"""The line to one anchor under one key: a link while one is wanted."""

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Protocol

from loom.core.anchor_gate import anchor_credentials
from loom.core.link_kinds import Credentials
from loom.core.queues import DoorKeys
from loom.errors import LoomError, Unreachable
from loom.links.direct import DirectLink
from loom.model import Address
from loom.node.routes.anchor_link import AnchorLink
from loom.node.routes.caller import Caller
from loom.wire.requests import Push

log = logging.getLogger(__name__)

RETRY_FIRST_S: Final = 1.0
RETRY_MAX_S: Final = 300.0
DISPLACED_RETRY_S: Final = 60.0
"""Two machines with one key must not displace each other all the time."""
HURRIED_S: Final = (0.5, 1.0, 2.0)
"""How long the first attempts may take where something is about to be opened: until it is, the
anchor says nothing, and a whole attempt would be waited for."""
HURRIED_PAUSE_S: Final = 0.2
STEADY_S: Final = 10.0
"""A link that ends sooner counts as none: the next one waits longer each time."""


class LineUser(Protocol):
    """Whoever the line belongs to."""

    async def link_up(self, link: AnchorLink) -> None:
        """A link was confirmed; the first who needed it waits until this returns."""
        ...

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """See `AnchorLink`."""
        ...

    def link_down(self) -> None:
        """The link ended, or none could be made."""
        ...


class Line:
    """A `Callee`; at most one link at a time.

    Args:
        mask_key: of the anchor, 16 bytes.
        spawn: runs a task that ends with the owner of the line.
    """

    def __init__(
        self,
        caller: Caller,
        keys: DoorKeys,
        mask_key: bytes,
        addresses: Sequence[Address],
        user: LineUser,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
    ) -> None:
        self.link: AnchorLink | None = None
        self.addresses = list(addresses)
        self.last_error: str | None = None
        self._caller = caller
        self._keys = keys
        self._mask_key = mask_key
        self._user = user
        self._spawn = spawn
        self._opening = asyncio.Lock()
        self._confirmed: AnchorLink | None = None
        self._is_standing = False
        self._hurried: list[float] = []
        """How long each of the next attempts may take."""
        self._is_over = False
        self._ended = asyncio.Event()
        self._woken = asyncio.Event()
        self._was_displaced = False
        self._opened_s = 0.0
        self._rest_s = 0.0
        """How long no link is made after one that ended soon."""
        self._rest_until_s = 0.0

    def __repr__(self) -> str:
        return f"Line({self.link!r})"

    @property
    def is_up(self) -> bool:
        """A link stands."""
        return self.link is not None and self.link.is_up

    @property
    def is_standing(self) -> bool:
        """A link is kept."""
        return self._is_standing and not self._is_over

    async def reach(self) -> AnchorLink:
        """The link, made now if there is none: every address is tried once.

        Raises:
            Unreachable: the anchor answers at none, or ended the last links at once.
        """
        if self.link is not None and self.link.is_up:
            return self.link
        async with self._opening:
            if self.link is not None and self.link.is_up:
                return self.link
            return await self._open()

    def stand(self) -> None:
        """From now on keep a link, and make another one whenever it ends."""
        if not self._is_standing:
            self._is_standing = True
            self._spawn(self._stay(), "line to an anchor")

    def move(self, addresses: Sequence[Address]) -> None:
        """The anchor is elsewhere: a link that is wanted is made there at once."""
        self.addresses = list(addresses)
        self.retry_now()

    def retry_now(self) -> None:
        """What kept it from the anchor may be over: a link that is wanted is made at once."""
        self._rest_until_s = 0.0
        self._woken.set()

    def hurry(self) -> None:
        """From now on keep a link: what it leads to is about to be opened there."""
        if not self._is_standing:
            self._hurried = list(HURRIED_S)
            self.stand()

    def close(self) -> None:
        """End the link and make no more."""
        self._is_over = True
        self._ended.set()
        if self.link is not None:
            self.link.close()

    # --- Callee ---

    def credentials(self, rand: bytes, day: int) -> Credentials:
        """See `Callee.credentials`."""
        return anchor_credentials(self._keys, self._mask_key, rand, day)

    @property
    def takes_links(self) -> bool:
        """Whether a link is still wanted."""
        return not self._is_over

    def take_link(self, link: DirectLink) -> bool:
        """Own a confirmed link."""
        if not self.takes_links:
            return False
        self._confirmed = AnchorLink(link, self)
        return True

    async def answered_at(self, address: Address) -> None:
        """The next link is tried here first."""
        if address in self.addresses:  # the anchor may have moved meanwhile
            self.addresses.remove(address)
            self.addresses.insert(0, address)

    # --- LinkUser ---

    def pushed(self, link: AnchorLink, push: Push) -> None:
        """See `LineUser.pushed`."""
        self._user.pushed(link, push)

    def link_ended(self, link: AnchorLink, *, is_displaced: bool) -> None:
        """Make another one if it stands."""
        if link is not self.link:
            return
        self.link = None
        self._was_displaced = is_displaced
        now_s = _now_s()
        is_steady = now_s - self._opened_s >= STEADY_S
        self._rest_s = 0.0 if is_steady else min(max(RETRY_FIRST_S, 2 * self._rest_s), RETRY_MAX_S)
        self._rest_until_s = now_s + self._rest_s
        self._user.link_down()
        self._ended.set()

    # --- inside ---

    async def _open(self) -> AnchorLink:
        failure = Unreachable(address="the anchor")
        if _now_s() < self._rest_until_s:
            raise failure
        for address in list(self.addresses):
            try:
                await self._caller.call(self, address)
                link, self._confirmed = self._confirmed, None
                if link is None or not link.is_up:
                    continue
                self._ended.clear()
                self.link, self._opened_s = link, _now_s()
                await self._made_useful(link)
                self.last_error = None
                return link
            except Unreachable as error:
                failure = error
        self.last_error = failure.code
        raise failure

    async def _made_useful(self, link: AnchorLink) -> None:
        try:
            await self._user.link_up(link)
        except BaseException:
            # One that was not brought up to date would stand and serve nothing.
            link.close()
            raise

    async def _stay(self) -> None:
        wait_s = RETRY_FIRST_S
        while not self._is_over:
            self._woken.clear()
            most_s = self._hurried.pop(0) if self._hurried else None
            try:
                async with asyncio.timeout(most_s):
                    await self.reach()
                await self._ended.wait()
                wait_s = max(RETRY_FIRST_S, self._rest_s)
                if self._was_displaced:
                    wait_s = DISPLACED_RETRY_S
            except Exception as error:  # noqa: BLE001 - a line that ends by mistake would never be made again
                code = error.code if isinstance(error, LoomError) else type(error).__name__
                log.info("anchor: no link: %s", code)
                self._user.link_down()
                if most_s is not None:
                    await asyncio.sleep(HURRIED_PAUSE_S)
                    continue
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
            try:
                async with asyncio.timeout(wait_s * jitter):
                    await self._woken.wait()
                wait_s = RETRY_FIRST_S
            except TimeoutError:
                wait_s = min(wait_s * 2, RETRY_MAX_S)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
