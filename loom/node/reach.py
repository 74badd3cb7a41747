"""How a contact is reached now; what is said of anchors is only what their mail shows."""

from typing import Final

from loom.addresses import is_on_lan
from loom.api.contact_views import ReachView
from loom.node.device import Device
from loom.storage.outbox import InMailbox

SOME_ANCHOR: Final = "an anchor"


def reach_of(device: Device, lies: InMailbox | None) -> ReachView:
    """`lies`: one's own messages in the contact's mailboxes."""
    link, anchor = device.connection, device.hearing.anchor
    if device.is_found_elsewhere:
        how, anchor = "held", ""
    elif link is not None:
        how, anchor = "direct", ""
        if link.remote is not None and is_on_lan(link.remote.host):
            how = "lan"
    elif anchor:
        how = "anchor"
    elif lies is not None:
        how, anchor = "mail", anchor_of(device, lies.queue_id)
    else:
        how = "away"
    silent_since_ms = device.mailer.silent_since_ms
    return ReachView(
        how=how,
        anchor=anchor,
        waiting=0 if lies is None else lies.messages,
        since_ms=None if lies is None else lies.since_s * 1000,
        silent_at=[] if silent_since_ms is None else device.mailer.anchors,
        silent_since_ms=silent_since_ms,
    )


def anchor_of(device: Device, queue_id: bytes) -> str:
    """What people call the anchor with this mailbox of the device."""
    known = device.mailer.mailboxes
    here = [one.anchor for one in known if one.keys.queue_id == queue_id]
    return next(iter([*here, *(one.anchor for one in known)]), SOME_ANCHOR)
