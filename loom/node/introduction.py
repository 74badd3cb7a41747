"""What a new contact is told before anything else: a Profile, or the Join of an invite."""

from loom.model import DeviceId
from loom.node.parts import Parts
from loom.storage import outbox
from loom.storage.connection import Db
from loom.wire.content import Join, Mailbox, Profile, encode_payload


def queue_profile(db: Db, parts: Parts, device_id: DeviceId, own_name: str) -> None:
    """Tell the contact what one would like to be called."""
    message_id, now_ms = parts.new_id(), parts.clock.now_ms()
    outbox.add(db, device_id, message_id, encode_payload(Profile(message_id, now_ms, own_name)))


def new_join(parts: Parts, own_name: str, mailboxes: tuple[Mailbox, ...] = ()) -> Join:
    """The same, and where one reads: for the owner of an invite."""
    now_ms = parts.clock.now_ms()
    return Join(parts.new_id(), now_ms, own_name, now_ms, mailboxes)
