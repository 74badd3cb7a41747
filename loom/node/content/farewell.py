"""Farewell: the contact deleted the conversation, and asks for the same here."""

from loom.api.events import FarewellAsked
from loom.core import farewells as rules
from loom.model import MessageId
from loom.node.content.intake import Intake
from loom.node.context import Writing
from loom.storage import farewells, outbox, persons, preferences
from loom.storage.farewells import Covered
from loom.wire.content import Delete, Farewell, Scope, tag_of


def take_in(intake: Intake, payload: Farewell) -> None:
    """Keep what is to be done: a long conversation is not deleted in this transaction."""
    db, context, now_ms = intake.db, intake.context, intake.now_ms
    person, conversation_id = context.person, context.conversation_id
    if person.is_stub:
        if payload.scope == Scope.CONTACT:  # two that cross
            ended = [tag_of(Farewell), tag_of(Delete)]
            intake.withdrawn += outbox.delete_kinds(db, context.device_id, ended)
        return
    covered = Covered(
        rules.covered_until_ms(payload.before_ms, now_ms),
        rules.sends_after_ms(payload.before_ms, now_ms),
        payload.scope,
        MessageId(payload.message_id),
    )
    if rules.must_ask(
        identity_changed=person.identity_changed,
        session_began_s=intake.session_began_s,
        now_s=now_ms // 1_000,
        wants=preferences.of(db, None).ask_farewells,
    ):
        if farewells.ask(db, conversation_id, covered):
            event = FarewellAsked(
                contact=person.name,
                contact_id=person.person_id,
                scope=Scope(payload.scope).name.lower(),
            )
            intake.happened.add(event, conversation_id)
        return
    honour(intake, covered)


def honour(intake: Intake, covered: Covered) -> None:
    """From now on nothing of it is shown; it is deleted after the commit."""
    farewells.put(intake.db, intake.context.conversation_id, covered)
    intake.covered_until_ms = None
    intake.writing = Writing.read(intake.db, intake.context.conversation_id)
    intake.is_farewell_due = True


def was_receipted(intake: Intake) -> None:
    """The contact has one's own Farewell."""
    if intake.context.person.is_stub:
        persons.end_stub(intake.db, intake.context.person.person_id)
        intake.is_farewell_due = True
