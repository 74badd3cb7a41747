"""Asks the LAN for a service type of Loom, and looks at the adverts that are announced."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import zeroconf
from zeroconf import DNSOutgoing, DNSQuestion  # type: ignore[attr-defined]
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from loom.discovery.intake import Intake
from loom.discovery.waiting import Source, Waiting
from loom.ports import Advert, Found, Lost
from loom.wire.limits import ADVERT_ADDRESSES_MAX, ADVERT_TIMEOUT_S, ADVERTS_PER_S

SERVICE_TYPE: Final = "_loom._tcp.local."
PAIRING_TYPE: Final = "_loom-pair._tcp.local."
FAILURES: Final = (OSError, RuntimeError, zeroconf.Error)
LOOKING_SHARE: Final = 0.1
"""Part of the time that looks may take: each costs some MACs for every contact."""
REQUESTS_AT_ONCE: Final = 16
"""Names whose records did not come with them, and are asked for."""
KNOWN_MAX: Final = 24
"""Known answers of a query (RFC 6762, section 7.1): they fit into one packet."""
SHOWN_MAX: Final = 256
"""Adverts whose end is told."""
FIRST_QUERY_S: Final = (0.02, 0.12)
QUERY_MAX_S: Final = 3_600.0
REPEAT_S: Final = 4.0
"""After names were dropped: the next query brings them again."""

_PTR, _IN, _QUERY = 12, 1, 0


class Browser(zeroconf.RecordUpdateListener):
    """Receives the names of adverts, and calls `found` for each that has an address nearby.

    Used instead of zeroconf's `ServiceBrowser`. That one keeps a scheduled query for every name
    until 75 % of its TTL have passed (`QueryScheduler._next_scheduled_for_alias` and
    `_query_heap`, version 0.154.0), while the cache of the same records is bounded: a stranger on
    the LAN who sent 0.9 MB a second filled the memory at 2 MiB a second. Upstream, a record that
    the cache evicts should take its scheduled query along.
    """

    def __init__(
        self,
        mdns: AsyncZeroconf,
        intake: Intake,
        found: Found,
        is_own: Callable[[str], bool],
        service_type: str = SERVICE_TYPE,
        lost: Lost | None = None,
    ) -> None:
        self._mdns = mdns
        self._intake = intake
        self._found = found
        self._lost = lost
        self._type = service_type
        self._is_own = is_own
        self._waiting = Waiting()
        self._shown: dict[str, Advert] = {}
        """By name, those that may be lost, oldest first."""
        self._known = deque[str](maxlen=KNOWN_MAX)
        self._again = asyncio.Event()
        self._requests = 0
        self._looking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        mdns.zeroconf.async_add_listener(self, None)
        self._asking = self._spawn(self._ask_on(), "mdns-ask")

    def ask(self) -> None:
        """Begin to ask from the start: another LAN may hold other nodes."""
        self._asking.cancel()
        self._asking = self._spawn(self._ask_on(), "mdns-ask")

    async def stop(self) -> None:
        """End; nothing is found any more."""
        with suppress(*FAILURES):
            self._mdns.zeroconf.async_remove_listener(self)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- receiving ---

    def async_update_records(
        self, zc: zeroconf.Zeroconf, now: float, records: list[zeroconf.RecordUpdate]
    ) -> None:
        """See `RecordUpdateListener`: some records of one response."""
        source = self._intake.source
        for update in records:
            record: Any = update.new
            if record.type != _PTR or record.key != self._type or self._is_own(record.alias):
                continue
            if record.is_expired(now):
                self._waiting.discard(record.alias)
                self._forget(record.alias)
            elif source is not None:
                self._wait(record.alias, source)

    def async_update_records_complete(self) -> None:
        """See `RecordUpdateListener`."""

    def _wait(self, name: str, source: Source) -> None:
        if not self._waiting.put(name, source):
            self._again.set()
        if self._looking is None or self._looking.done():
            self._looking = self._spawn(self._look_at_all(), "mdns-look")

    # --- looking ---

    async def _look_at_all(self) -> None:
        clock_s = asyncio.get_running_loop().time
        pause_s = 1 / ADVERTS_PER_S
        while self._waiting:
            await asyncio.sleep(pause_s)  # first, as an advert may come in more than one packet
            began_s = clock_s()
            if self._waiting:
                self._look_at(*self._waiting.take())
            pause_s = max(1 / ADVERTS_PER_S, (clock_s() - began_s) * (1 / LOOKING_SHARE - 1))

    def _look_at(self, name: str, source: Source) -> None:
        # A name or record that is no good is a stranger's matter.
        with suppress(*FAILURES):
            info = AsyncServiceInfo(self._type, name)
            if info.load_from_cache(self._mdns.zeroconf):
                self._known.append(name)
                self._judge(info, source)
            elif self._requests < REQUESTS_AT_ONCE:
                self._requests += 1
                self._spawn(self._request(info, source), "mdns-request")
            else:
                self._again.set()

    def _judge(self, info: AsyncServiceInfo, source: Source) -> None:
        advert = _advert(info)
        if advert is not None:
            nearby = self._intake.interfaces.nearby(advert.addresses, *source)
            if nearby:
                self._found(advert, nearby)
                if self._lost is not None:
                    self._remember(info.name, advert)

    def _remember(self, name: str, advert: Advert) -> None:
        self._shown[name] = advert
        if len(self._shown) > SHOWN_MAX:
            del self._shown[next(iter(self._shown))]

    def _forget(self, name: str) -> None:
        advert = self._shown.pop(name, None)
        if advert is not None and self._lost is not None:
            self._lost(advert)

    async def _request(self, info: AsyncServiceInfo, source: Source) -> None:
        """Ask for the records of a name, and let it wait for its turn again."""
        try:
            with suppress(*FAILURES):
                if await info.async_request(self._mdns.zeroconf, ADVERT_TIMEOUT_S * 1_000):
                    self._wait(info.name, source)
        finally:
            self._requests -= 1

    # --- asking ---

    async def _ask_on(self) -> None:
        """Ask at growing intervals (RFC 6762, section 5.2), and soon after names were dropped."""
        await asyncio.sleep(random.uniform(*FIRST_QUERY_S))  # noqa: S311
        self._ask(is_first=True)
        interval_s = 1.0
        while True:
            try:
                async with asyncio.timeout(interval_s):
                    await self._again.wait()
            except TimeoutError:
                interval_s = min(2 * interval_s, QUERY_MAX_S)
            else:
                await asyncio.sleep(REPEAT_S)
                interval_s = REPEAT_S
            self._again.clear()
            self._ask(is_first=False)

    def _ask(self, *, is_first: bool) -> None:
        mdns = self._mdns.zeroconf
        question = DNSQuestion(self._type, _PTR, _IN)
        # A second browser of this machine shares the port: an answer to one of them alone may
        # reach the other, so the one of pairing asks for answers to all (RFC 6762, section 5.4).
        question.unicast = is_first and self._type == SERVICE_TYPE
        query = DNSOutgoing(_QUERY)
        query.add_question(question)
        now_ms = zeroconf.current_time_millis()
        heard: list[Any] = mdns.cache.get_all_by_details(self._type, _PTR, _IN)
        for record in heard:
            # Only what was looked at: a name that was dropped must come again.
            if not is_first and record.alias in self._known and not record.is_stale(now_ms):
                query.add_answer_at_time(record, now_ms)
        with suppress(*FAILURES):
            mdns.async_send(query)

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _advert(info: AsyncServiceInfo) -> Advert | None:
    addresses = tuple(sorted(set(info.addresses_by_version(zeroconf.IPVersion.All))))
    if not info.port or not 0 < len(addresses) <= ADVERT_ADDRESSES_MAX:
        return None
    properties = tuple((key, value or b"") for key, value in info.properties.items())
    return Advert(info.port, addresses, properties)
