"""Profile: what the contact tells of themselves."""

from loom.api.events import ContactChanged
from loom.node.content.intake import Intake
from loom.storage import persons
from loom.wire.content import Profile


def take_in(intake: Intake, payload: Profile) -> None:
    """The largest number counts; of equal ones the larger name, status and away.

    The same again is no event: a flood of them must not fill the store.
    """
    person = persons.by_id(intake.db, intake.context.person.person_id) or intake.context.person
    before = person.profile_number, person.display_name, person.status, person.away
    told = payload.number, payload.display_name, payload.status, payload.away
    if told <= before:
        return
    persons.put_profile(intake.db, person.person_id, *told)
    intake.is_person_changed = True
    if told[1:] == before[1:]:
        return
    event = ContactChanged(contact=person.name, contact_id=person.person_id, what="profile")
    intake.happened.add(event, intake.context.conversation_id)
