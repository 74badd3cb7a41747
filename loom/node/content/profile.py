"""Profile: how the contact would like to be called."""

from loom.api.events import ContactChanged
from loom.node.content.intake import Intake
from loom.storage import persons
from loom.wire.content import Profile


def take_in(intake: Intake, payload: Profile) -> None:
    """The same name again is no event: a flood of them must not fill the store."""
    person = persons.by_id(intake.db, intake.context.person.person_id) or intake.context.person
    if payload.display_name == person.display_name:
        return
    persons.put_display_name(intake.db, person.person_id, payload.display_name)
    intake.is_person_changed = True
    event = ContactChanged(contact=person.name, contact_id=person.person_id, what="profile")
    intake.happened.add(event, intake.context.conversation_id)
