"""What taking in a payload works with."""

from dataclasses import dataclass, field

from loom.model import MessageId
from loom.node.context import DeviceContext
from loom.node.journal import Happened
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
    """The contact told of other mailboxes: read them again."""
    is_join_answered: bool = False
    """The contact has the Join that this side sent by an invite."""
    reset_counter: int = 0
    """Of the session that the payload came on."""
    to_come: set[MessageId] = field(default_factory=set)
    """Of the same transaction, never taken in so far; what is removed here will not be."""
    withdrawn: list[MessageId] = field(default_factory=list)
    """What was queued for the device and was deleted."""
    is_erased: bool = False
    """Something was deleted: the log holds it still."""
