"""Typing: told to those who listen now, stored nowhere."""

from loom.api.events import ContactTyping
from loom.node.content.intake import Intake
from loom.wire.content import Typing


def take_in(intake: Intake, payload: Typing) -> None:
    """A live event."""
    person = intake.context.person
    intake.happened.add_live(
        ContactTyping(contact=person.name, contact_id=person.person_id, on=payload.on)
    )
