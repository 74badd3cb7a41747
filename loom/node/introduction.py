"""What contacts are told of the owner: a Profile, or the Join of an invite; the Timer."""

from collections.abc import Collection

from msgspec.structs import replace

from loom.model import OWNER, DeviceId, MessageId
from loom.node.device import Device
from loom.node.journal import Happened
from loom.node.parts import Parts
from loom.node.roster import Roster
from loom.storage import outbox, own_profile, timers
from loom.storage.connection import Db
from loom.wire.content import Join, Mailbox, Profile, Timer, encode_payload


def queue_profile(db: Db, parts: Parts, device_id: DeviceId) -> None:
    """Tell a contact before anything else what one tells of oneself."""
    profile = _new_profile(parts)
    outbox.add(db, device_id, MessageId(profile.message_id), encode_payload(profile))


def queue_timer(
    db: Db, parts: Parts, device: Device, waited: Collection[MessageId]
) -> MessageId | None:
    """Tell a contact's new identity, which knows of nothing, how long messages are to last.

    Args:
        waited: what the old identity was not told.

    Returns:
        The statement, the same as before: its line tells whether the new identity has it.
    """
    last = timers.last(db, device.conversation_id, OWNER)
    if last is None or not (last.expires_s or last.statement_id in waited):
        return None
    timer = Timer(last.statement_id, parts.clock.now_ms(), last.number, last.expires_s)
    outbox.add(db, device.device_id, last.statement_id, encode_payload(timer))
    return last.statement_id


def new_join(parts: Parts, mailboxes: tuple[Mailbox, ...] = ()) -> Join:
    """How one would like to be called, and where one reads: for the owner of an invite."""
    now_ms = parts.clock.now_ms()
    return Join(parts.new_id(), now_ms, parts.profile.name, now_ms, mailboxes)


async def tell_profile(parts: Parts, roster: Roster) -> None:
    """Tell every contact who may hear it; what was cut short goes on at the next start."""
    own = parts.profile.value
    if own.told == own.number:
        return
    for device in list(roster.values()):
        if not device.person.blocked:
            await tell_device(parts, device)
    if parts.profile.value == own:
        parts.profile.value = all_told = replace(own, told=own.number)
        await parts.database.write(lambda db: own_profile.put(db, all_told))


async def tell_device(parts: Parts, device: Device) -> None:
    """Queue the profile of now for a contact; one before it that still waits is withdrawn."""
    profile, device_id = _new_profile(parts), device.device_id
    message_id = MessageId(profile.message_id)
    begins = encode_payload(profile)[:2]  # the array's head, the tag

    def also(db: Db, happened: Happened) -> list[MessageId]:
        return outbox.delete_kind(db, device_id, begins, message_id)

    device.delivery.outbox.withdraw(await device.delivery.outbox.add(message_id, profile, also))


def _new_profile(parts: Parts) -> Profile:
    own = parts.profile.value
    now_ms = parts.clock.now_ms()
    return Profile(parts.new_id(), now_ms, own.number, own.name, own.status, own.away)
