"""Join of somebody who is a contact already: it tells where they read, and spends the invite."""

from loom.api.events import InviteUsed
from loom.node.content import mailboxes
from loom.node.content.intake import Intake
from loom.node.rooms.deciding import serves
from loom.storage import invites
from loom.storage.invites import InvitePrekey
from loom.wire.content import Join


def take_in(intake: Intake, payload: Join) -> None:
    """As Mailboxes; the name stays as the contact's Profile said."""
    mailboxes.take_in(intake, payload)


def spend_invite(intake: Intake, prekey: InvitePrekey) -> None:
    """A contact began a session on a bundle that was issued to an invite."""
    invite = invites.by_id(intake.db, prekey.invite_id)
    if invite is None or not serves(intake.context.parts.room_states, intake.db, invite):
        return
    person = intake.context.person
    invites.spend(intake.db, invite, person.person_id, intake.now_ms // 1000)
    event = InviteUsed(
        invite_id=invite.invite_id,
        contact=person.name,
        contact_id=person.person_id,
        is_new=False,
    )
    intake.happened.add(event, intake.context.conversation_id)
