"""Profile: how the contact would like to be called."""

from loom.api.events import ContactChanged
from loom.node.content.intake import Intake
from loom.storage import contacts
from loom.wire.content import Profile


def take_in(intake: Intake, payload: Profile) -> None:
    """The same name again is no event: a flood of them must not fill the store."""
    contact = intake.contact
    if payload.display_name == contact.display_name:
        return
    contacts.put_display_name(intake.db, contact.contact_id, payload.display_name)
    intake.is_contact_changed = True
    event = ContactChanged(contact=contact.name, contact_id=contact.contact_id, what="profile")
    intake.happened.add(event, contact.contact_id)
