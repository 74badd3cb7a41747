"""A link made with an invite: its keys come from the text alone (docs/PROTOCOL.md 11)."""

from loom.core.gate import Gate, InviteEntry, make_clear
from loom.core.link_ends import LinkInitiator, LinkResponder
from loom.core.link_events import (
    CloseReason,
    LinkAuthenticated,
    LinkClosed,
    LinkConfirmed,
    LinkEvent,
    RecordReceived,
)
from loom.core.link_kinds import INVITE_LINK, Credentials
from loom.model import InviteId
from loom.wire.framing import RecordKind
from tests.sans_io.link_pair import TODAY, Door, some_bytes

TAG_KEY, LINK_KEY = some_bytes("tag", 32), some_bytes("link", 32)
INVITE = InviteEntry(InviteId(7), TAG_KEY, LINK_KEY)


def ends() -> tuple[LinkInitiator, LinkResponder, list[LinkEvent]]:
    """Both ends, with contacts of the same door beside the invite."""
    entries = (*Door().gate().entries, INVITE)
    responder = LinkResponder(
        Gate(entries, TODAY, lambda _, __: False), ephemeral_seed=bytes(32), now_s=0.0
    )
    initiator = LinkInitiator(
        Credentials(INVITE_LINK, make_clear(TAG_KEY, bytes(16), TODAY), LINK_KEY),
        ephemeral_seed=bytes(32),
        kem_seed=bytes(64),
        now_s=0.0,
    )
    events = responder.receive_data(initiator.data_to_send(), 0.0)
    events += responder.accept()
    initiator.receive_data(responder.data_to_send(), 0.0)
    events += responder.receive_data(initiator.data_to_send(), 0.0)
    return initiator, responder, events


def test_the_gate_knows_an_invite_beside_contacts() -> None:
    _, _, events = ends()
    assert events == [LinkAuthenticated(INVITE, bytes(16), TODAY), LinkConfirmed()]


def test_a_refusal_comes_through() -> None:
    initiator, responder, _ = ends()
    responder.send_record(RecordKind.REFUSAL, b"\1", 0.0)
    assert initiator.receive_data(responder.data_to_send(), 0.0) == [
        RecordReceived(RecordKind.REFUSAL, b"\1")
    ]


def test_an_unknown_record_closes_it() -> None:
    initiator, responder, _ = ends()
    records = initiator._records
    assert records is not None
    frame = records.seal(16, b"")
    (event,) = responder.receive_data(frame, 0.0)
    assert isinstance(event, LinkClosed)
    assert event.reason is CloseReason.BROKEN
