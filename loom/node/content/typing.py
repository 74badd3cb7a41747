"""Typing: told to those who listen now, stored nowhere."""

from loom.api.events import ContactTyping
from loom.node.content.intake import Intake
from loom.wire.content import Typing


def take_in(intake: Intake, payload: Typing) -> None:
    """A live event."""
    contact = intake.contact
    intake.happened.add_live(
        ContactTyping(contact=contact.name, contact_id=contact.contact_id, on=payload.on)
    )
