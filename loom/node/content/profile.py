"""Profile: what the contact tells of themselves."""

import msgspec

from loom.api.events import ContactChanged
from loom.model import Person
from loom.node.content.intake import Intake
from loom.node.names import free_name, is_name_of_host
from loom.storage import persons, rooms
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
    name = _told_by_a_host(intake, person, payload.display_name)
    event = ContactChanged(contact=name, contact_id=person.person_id, what="profile")
    intake.happened.add(event, intake.context.conversation_id)


def _told_by_a_host(intake: Intake, person: Person, told: str) -> str:
    """The name of a contact; whose invite led into a room had none until they told it."""
    is_first = bool(told) and not person.display_name
    is_host = is_name_of_host(person.name) and rooms.is_door(intake.db, person.person_id)
    if not is_first or not is_host:
        return person.name
    name = free_name(told, lambda one: persons.by_name(intake.db, one) is None)
    now = persons.by_id(intake.db, person.person_id) or person
    persons.update(intake.db, msgspec.structs.replace(now, name=name))
    return name
