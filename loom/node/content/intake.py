"""What taking in a payload works with."""

from dataclasses import dataclass, field

from loom.core import farewells as rules
from loom.model import DeviceId, MessageId, RoomNumber
from loom.node.context import DeviceContext, Writing
from loom.node.journal import Happened
from loom.storage import farewells, messages
from loom.storage.connection import Db


@dataclass
class Intake:
    """One transaction's work for the device that `context` names."""

    db: Db
    happened: Happened
    context: DeviceContext
    now_ms: int
    is_person_changed: bool = False
    """The person's row was changed: read it again."""
    are_mailboxes_changed: bool = False
    """The contact told of other mailboxes, or learned of one's own: read them again."""
    is_join_answered: bool = False
    """The contact has the Join that this side sent by an invite."""
    reset_counter: int = 0
    """Of the session that the payload came on."""
    to_come: set[MessageId] = field(default_factory=set)
    """Of the same transaction, never taken in so far; what is removed here will not be."""
    withdrawn: list[MessageId] = field(default_factory=list)
    """What was queued for the device and was deleted."""
    session_began_s: int = 0
    """When the contact was first heard on the session that the payload came on, Unix seconds."""
    writing: Writing | None = None
    """What holds for one's next message is another now."""
    is_farewell_due: bool = False
    """A farewell must be carried out, or was answered."""
    covered_until_ms: int | None = None
    """What was sent until then is not shown; None: not looked up yet."""
    is_early_added: bool = False
    """A statement waits for its message."""
    is_erased: bool = False
    """Something was deleted: the log holds it still."""
    reached: frozenset[DeviceId] = frozenset()
    """The devices that have soon what is queued for them; only looked up for rooms."""
    queued_for: set[DeviceId] = field(default_factory=set)
    """Other devices for which rows were added."""
    rooms_changed: set[RoomNumber] = field(default_factory=set)
    """See `RoomWork.changed`."""

    def is_taken(self, message_id: MessageId) -> bool:
        """Whether a message of either side has the id: a second one would be deleted with it."""
        return messages.by_id(self.db, self.context.conversation_id, message_id) is not None

    def is_covered(self, sent_at_ms: int) -> bool:
        """Whether a farewell has deleted what was sent then."""
        if self.covered_until_ms is None:
            covered = farewells.of(self.db, self.context.conversation_id)
            self.covered_until_ms = -1 if covered is None else covered.before_ms
        return rules.is_covered(sent_at_ms, self.covered_until_ms, self.now_ms)
