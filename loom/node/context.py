"""What the parts of one device share: whose it is, their tasks, their warnings."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, NamedTuple

from loom.api.events import Warned
from loom.errors import LoomError
from loom.model import (
    Contact,
    ContactToken,
    ConversationId,
    DeviceId,
    FileId,
    MessageId,
    Person,
    PersonId,
)
from loom.node.mail import Incoming
from loom.node.parts import Parts
from loom.storage import farewells, timers
from loom.storage.connection import Db

log = logging.getLogger(__name__)

WARNING_INTERVAL_S: Final = 60.0
NO_MAILBOXES: Final[frozenset[bytes]] = frozenset()
"""One for all: each empty set takes 216 bytes."""


class Others(NamedTuple):
    """How what comes from one device reaches the others; the same value for all of them."""

    linked: Callable[[PersonId], None]
    """To be called when a link with a device is confirmed and none stood before."""
    reached: Callable[[], frozenset[DeviceId]]
    """The devices that have soon what is queued for them."""
    queued: Callable[[Iterable[DeviceId]], None]
    """To be called when rows for other devices were stored with what came from one."""
    farewell: Callable[[], None]
    """To be called when a farewell is due, or was answered."""
    rooms_changed: Callable[[], None]
    """To be called when who is in a room has changed, or where a member is reached."""
    heard: Callable[[PersonId], None]
    """To be called when a device has spoken to the owner's identity of now."""
    chain: "Callable[[PersonId, Incoming], asyncio.Future[None]]"
    """To be called with a chain envelope; nothing after it is taken in until that is done."""
    chain_put: Callable[[PersonId], None]
    """To be called when the owner's chain lies in a mailbox of a device."""


def _nothing() -> None:
    """What is done as long as nobody listens."""


def _no_chain(number: PersonId, came: Incoming) -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


NOBODY: Final = Others(
    lambda person: None,
    frozenset,
    lambda devices: None,
    _nothing,
    _nothing,
    lambda person: None,
    _no_chain,
    lambda person: None,
)


class Writing(NamedTuple):
    """What holds for one's next message in a conversation."""

    timer_s: int
    """The conversation's timer; 0: none."""
    after_ms: int
    """It says a later time than this, Unix milliseconds."""

    @classmethod
    def read(cls, db: Db, conversation_id: ConversationId) -> "Writing":
        """What is stored."""
        covered = farewells.of(db, conversation_id)
        return cls(
            timers.of(db, conversation_id).holding_s,
            0 if covered is None else covered.sends_after_ms,
        )


class DeviceContext:
    """`person` is replaced when its row changes; everything else stays."""

    def __init__(self, parts: Parts, contact: Contact) -> None:
        self.parts = parts
        self.person: Person = contact.person
        self.conversation_id: ConversationId = contact.conversation_id
        self.device_id: DeviceId = contact.device_id
        self.has_mail = False
        """Whether mail may come from it, or lately could: its sessions are kept longer."""
        self.on_mail_change: Callable[[], None] = _nothing
        """Called when what the mailboxes depend on has changed."""
        self.on_mail_put: Callable[[], None] = _nothing
        """Called when something was put into a mailbox of the device."""
        self.on_file: Callable[[FileId | None], None] = lambda file_id: None
        """Called when a file is in another state, or some file may be fetched now."""
        self._unread = NO_MAILBOXES
        """The mailboxes that are still being read."""
        self._reading_until_s = 0.0
        self.chain: tuple[bytes, ...] = ()
        """The owner's, in envelopes: it goes into a mailbox of the device before anything else."""
        self.tasks: set[asyncio.Task[None]] = set()
        self.join_id: MessageId | None = None
        """The Join that waits for its receipt, when the contact is reached by an invite."""
        self.on_join_answered: Callable[[], None] = _nothing
        self.others = NOBODY
        self.writing: Writing | None = None
        """What holds for one's next message; None: nobody asked yet."""
        self._warned_s: dict[str, float] = {}
        self.in_turn = asyncio.Lock()
        """Held while what one's next message needs is read: a later one must not overtake it."""

    @property
    def number(self) -> PersonId:
        """The contact's number, as people and logs name it."""
        return self.person.person_id

    @property
    def token(self) -> ContactToken:
        """The keys that are pinned to the contact."""
        return ContactToken(self.person.peer_id, self.person.x25519_public)

    def reading(self, queue_id: bytes, at_most_s: float) -> None:
        """A mailbox with mail of the device is being read: nothing is begun or sealed meanwhile."""
        self._unread |= {queue_id}
        self._reading_until_s = self.parts.clock.monotonic_s() + at_most_s

    def was_read(self, queue_id: bytes) -> bool:
        """One was read to its end, or cannot be reached; True: it was the last to be waited for."""
        if queue_id not in self._unread:
            return False
        self._unread -= {queue_id}
        return not self._unread and self._reading_until_s > self.parts.clock.monotonic_s()

    def reading_left_s(self) -> float:
        """How long mail is still being read at most; 0: it was read."""
        if not self._unread:
            return 0.0
        return max(0.0, self._reading_until_s - self.parts.clock.monotonic_s())

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task of this device; its failure ends neither the node nor its siblings."""
        task = asyncio.create_task(work, name=f"{name} of contact {self.number}")
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def stop(self) -> None:
        """End every task; what was submitted is still committed."""
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def what_holds(self) -> "Writing":
        """What holds for one's next message, read when it is needed first; hold `in_turn`."""
        if self.writing is None:
            conversation_id = self.conversation_id
            found = await self.parts.database.read(lambda db: Writing.read(db, conversation_id))
            if self.writing is None:  # what was committed meanwhile is newer
                self.writing = found
        return self.writing

    def warn(self, error: LoomError) -> None:
        """Tell the user, of each kind of error at most once a minute; of no contact nothing."""
        if not self.person.is_contact:
            return
        now_s = self.parts.clock.monotonic_s()
        if now_s - self._warned_s.get(error.code, -WARNING_INTERVAL_S) < WARNING_INTERVAL_S:
            return
        self._warned_s[error.code] = now_s
        self.parts.journal.tell(
            Warned(
                code=error.code,
                facts=error.facts,
                contact=self.person.name,
                contact_id=self.number,
            )
        )

    def log_failure(self, future: "asyncio.Future[Any]") -> None:
        """For work that is harmless to lose: it is stored, or seen, again later."""

        def look(done: "asyncio.Future[Any]") -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                log.info("contact %d: not stored: %s", self.number, error)

        future.add_done_callback(look)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed: %s", task.get_name(), type(error).__name__, exc_info=error)
