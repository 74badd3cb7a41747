"""What taking in a payload works with."""

from dataclasses import dataclass

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
