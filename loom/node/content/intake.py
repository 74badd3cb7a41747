"""What taking in a payload works with."""

from dataclasses import dataclass

from loom.model import Contact
from loom.node.journal import Happened
from loom.storage.connection import Db


@dataclass
class Intake:
    """One transaction's work for one author."""

    db: Db
    happened: Happened
    contact: Contact
    now_ms: int
    is_contact_changed: bool = False
    """The contact's row was changed: read it again."""
