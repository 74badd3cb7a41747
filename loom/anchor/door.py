"""Who may link to an anchor, how many at a time, and for how long (PROTOCOL.md 10.2)."""

import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from loom.anchor.limits import AnchorLimits
from loom.anchor.peers import Account, Pairing, Peer, Queue, Role
from loom.core.anchor_gate import AnchorEntry, AnchorGate
from loom.core.gate import Admits
from loom.core.link_events import CloseReason, RecordReceived
from loom.errors import MalformedMessage
from loom.links.direct import DirectLink
from loom.links.listener import Admitted, LinkListener
from loom.ports import Clock
from loom.storage.database import Database
from loom.wire.framing import RecordKind
from loom.wire.limits import ACCOUNT_LINKS_PER_DAY_MAX, ANCHOR_IDLE_S
from loom.wire.requests import (
    Answer,
    Push,
    Request,
    Status,
    Subscribe,
    decode_request,
    encode_answer,
    encode_push,
)

log = logging.getLogger(__name__)

UNANSWERED_MAX: Final = 256
UNANSWERED_MAX_BYTES: Final = 256 * 1024
"""A link that asked for more is not read until some of it is answered."""
LARGE_ANSWER_BYTES: Final = 64 * 1024
"""What a request counts whose few bytes may be answered with that many."""


class Receiver(Protocol):
    """Carries out what peers ask."""

    def receive(self, peer: Peer, number: int, request: Request) -> None:
        """A request came."""
        ...

    def flush(self) -> None:
        """All requests of one read were received."""
        ...

    def writable_again(self, peer: Peer) -> None:
        """Its buffer drained."""
        ...

    def left(self, peer: Peer, *, displaced: bool = False) -> None:
        """Its link is gone, or another of its key takes its place."""
        ...


class Key:
    """One pair of keys that opens links here: an account's, a guest's or a pairing's."""

    def __init__(self, door: "Door", role: Role, gate_entry: AnchorEntry) -> None:
        self.role = role
        self.gate_entry = gate_entry
        self.visits: list[Visit] = []
        """Oldest first."""
        self._door = door

    def __repr__(self) -> str:
        return f"Key({self.role!r})"

    @property
    def rand_owner(self) -> bytes:
        """See `Admitted.rand_owner`."""
        return self.role.keys.tag

    def take_link(self, link: DirectLink) -> bool:
        """See `Admitted.take_link`."""
        return self._door.take(link, self)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object:
        """See `Admitted.spawn`."""
        return self._door.spawn(work, name)


class Door(LinkListener):
    """The gate of an anchor, and all confirmed links.

    Args:
        mask_key: the anchor's, 16 bytes.
        spawn: runs a task that ends with the anchor.
    """

    receiver: Receiver
    """Set before anybody may connect."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        random: Callable[[int], bytes],
        today: Callable[[], int],
        *,
        mask_key: bytes,
        limits: AnchorLimits,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
    ) -> None:
        super().__init__(database, clock, random, today)
        self.spawn = spawn
        self._limits = limits
        self._anchor_gate = AnchorGate(mask_key, today(), self._is_used)
        self._keys: dict[Role, Key] = {}
        self._entries = 0
        self._visits: dict[Visit, None] = {}
        """Oldest first."""
        self._begun_today: dict[int, int] = {}
        """By account: how many links it and its guests began today."""

    def admit(self, role: Role) -> None:
        """Let the owner of these keys in from now on."""
        self._entries += 1
        key = Key(self, role, AnchorEntry(self._entries, role.keys))
        self._keys[role] = key
        self._admitted[key.gate_entry] = key
        self._anchor_gate.add(key.gate_entry)

    def dismiss(self, role: Role) -> None:
        """End that, with the links that there are."""
        key = self._keys.pop(role, None)
        if key is None:
            return
        self._anchor_gate.remove(key.gate_entry.number)
        self._admitted.pop(key.gate_entry, None)
        self._begun_s.pop(key.rand_owner, None)
        for visit in list(key.visits):
            visit.end()

    def turn_to(self, today: int) -> None:
        """A day may have begun."""
        if self._anchor_gate.turn_to(today):
            self._begun_today.clear()
            self.prune()

    @property
    def links(self) -> int:
        """How many are confirmed."""
        return len(self._visits)

    @property
    def guest_links(self) -> int:
        """How many of them are not an account's."""
        return sum(not isinstance(visit.peer.role, Account) for visit in self._visits)

    def close_idle(self) -> None:
        """End links that neither asked for something lately nor wait for pushes."""
        before_s = self._clock.monotonic_s() - ANCHOR_IDLE_S
        for visit in list(self._visits):
            if visit.peer.subscribed_as is None and visit.asked_at_s < before_s:
                visit.end()

    def close_all(self) -> None:
        """Take nobody more, and end all."""
        self.stop()
        for visit in list(self._visits):
            visit.end()

    def take(self, link: DirectLink, key: Key) -> bool:
        """Give a confirmed link to its key; False: there are too many."""
        role = key.role
        is_account = isinstance(role, Account)
        allowed = 1
        if isinstance(role, Queue) and role.is_open_to_many:
            allowed = self._limits.invite_links
        displaced = len(key.visits) >= allowed
        while len(key.visits) >= allowed:
            key.visits[0].end(displaced=True)
        if isinstance(role, Queue):
            guests = [
                visit
                for visit in self._visits
                if isinstance(visit.peer.role, Queue) and visit.peer.role.account is role.account
            ]
            if len(guests) >= self._limits.guest_links:
                min(guests, key=lambda visit: visit.asked_at_s).end()
        if len(self._visits) >= self._limits.links:
            guests = [one for one in self._visits if not isinstance(one.peer.role, Account)]
            if not is_account:
                return False
            if guests:
                min(guests, key=lambda visit: visit.asked_at_s).end()
        visit = Visit(self, self.receiver, link, key, self._clock)
        visit.peer.displaces = displaced and allowed == 1
        self._visits[visit] = None
        key.visits.append(visit)
        link.hand_over(visit)
        return True

    def forget(self, visit: "Visit") -> None:
        """Its place is free."""
        self._visits.pop(visit, None)
        if visit in visit.key.visits:
            visit.key.visits.remove(visit)

    # --- LinkListener ---

    def _gate(self) -> Admits:
        return self._anchor_gate

    def _may_begin(self, admitted: Admitted) -> bool:
        if not super()._may_begin(admitted):
            return False
        if not isinstance(admitted, Key) or isinstance(admitted.role, Pairing):
            return True
        role = admitted.role
        account = role if isinstance(role, Account) else role.account
        begun = self._begun_today.get(account.account_id, 0) + 1
        self._begun_today[account.account_id] = begun
        return begun <= ACCOUNT_LINKS_PER_DAY_MAX


class Visit:
    """One confirmed link: the `Owner` of it, and the `Line` of its peer."""

    def __init__(
        self, door: Door, receiver: Receiver, link: DirectLink, key: Key, clock: Clock
    ) -> None:
        self.key = key
        self.peer = Peer(key.role, self)
        self.asked_at_s = clock.monotonic_s()
        self._door = door
        self._receiver = receiver
        self._link = link
        self._clock = clock
        self._unanswered: dict[int, int] = {}
        """Bytes of each request, or of its answer if that is large, by its number."""
        self._unanswered_bytes = 0
        self._waiting: deque[RecordReceived] = deque()
        """What came in one read with so much else that it has to wait."""
        self._is_asking = False
        self._is_over = False

    # --- Line ---

    @property
    def is_writable(self) -> bool:
        """See `Line.is_writable`."""
        return self._link.is_writable and not self._is_over

    def answer(self, number: int, answer: Answer) -> None:
        """See `Line.answer`."""
        self._unanswered_bytes -= self._unanswered.pop(number, 0)
        self._link.send_record(RecordKind.ANSWER, encode_answer(number, answer))
        self._read_or_wait()

    def push(self, push: Push) -> None:
        """See `Line.push`."""
        self._link.send_record(RecordKind.PUSH, encode_push(push))

    def end(self, *, displaced: bool = False) -> None:
        """See `Line.end`; its place is free at once."""
        if not self._is_over:
            self._is_over = True
            self._receiver.left(self.peer, displaced=displaced)
            self._door.forget(self)
            self._link.close()

    # --- Owner ---

    def records_received(self, link: DirectLink, records: list[RecordReceived]) -> None:
        """See `Owner.records_received`."""
        if self._is_over:
            return
        self.asked_at_s = self._clock.monotonic_s()
        self._waiting += records
        self._ask()
        self._read_or_wait()

    def _ask(self) -> None:
        """What waits, as far as not too much is unanswered."""
        self._is_asking = True
        while self._waiting and not self._is_busy and not self._is_over:
            record = self._waiting.popleft()
            number, request = self._request(record)
            if request is None or number in self._unanswered:
                self._waiting.clear()
                self._link.abort()
                break
            is_large = isinstance(request, Status | Subscribe)
            size = LARGE_ANSWER_BYTES if is_large else len(record.body)
            self._unanswered[number] = size
            self._unanswered_bytes += size
            self._receiver.receive(self.peer, number, request)
        self._is_asking = False
        self._receiver.flush()

    def _request(self, record: RecordReceived) -> tuple[int, Request | None]:
        """What a record asks; None: nothing that may be asked."""
        if record.kind is not RecordKind.REQUEST:
            return 0, None
        try:
            return decode_request(record.body)
        except MalformedMessage as error:
            log.info("%r: %s", self.peer, error)
            return 0, None

    def writable_again(self, link: DirectLink) -> None:
        """See `Owner.writable_again`."""
        self._read_or_wait()
        self._receiver.writable_again(self.peer)

    def link_closed(self, link: DirectLink, reason: CloseReason | None) -> None:
        """See `Owner.link_closed`."""
        if not self._is_over:
            self._is_over = True
            self._receiver.left(self.peer)
            self._door.forget(self)

    @property
    def _is_busy(self) -> bool:
        return (
            len(self._unanswered) > UNANSWERED_MAX
            or self._unanswered_bytes > UNANSWERED_MAX_BYTES
            or not self._link.is_writable
        )

    def _read_or_wait(self) -> None:
        if self._waiting and not self._is_asking:
            self._ask()
        if self._waiting or self._is_busy:
            self._link.pause_reading()
        else:
            self._link.resume_reading()
