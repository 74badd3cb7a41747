"""Mailboxes: where the contact reads, and where it can be read."""

from loom.node.content.intake import Intake
from loom.storage import mailboxes
from loom.wire.content import Join, Mailboxes


def take_in(intake: Intake, payload: Mailboxes | Join) -> None:
    """The greatest number counts; on a newer session any, as the contact may have lost its own."""
    device_id, told_on = intake.context.device_id, intake.reset_counter
    before = mailboxes.told(intake.db, device_id)
    if before is not None:
        is_newer_session = told_on > before.reset_counter
        if told_on < before.reset_counter or (
            not is_newer_session and payload.number <= before.number
        ):
            return
    told = mailboxes.Told(told_on, payload.number, payload.mailboxes)
    mailboxes.put_told(intake.db, device_id, told)
    intake.are_mailboxes_changed = True
