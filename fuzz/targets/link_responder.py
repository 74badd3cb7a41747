"""The dialled end of a link: strangers, half-known openings, and a contact who turns hostile."""

from fuzz.draw import Draw
from fuzz.link import Listener, hostile_records
from fuzz.target import Target
from loom.core.link_events import CloseReason, LinkAuthenticated, LinkClosed, LinkConfirmed
from loom.wire.framing import RecordKind
from loom.wire.limits import LINK_HANDSHAKE_MAX_BYTES
from tests.sans_io.link_pair import Door, dial


def run(data: bytes) -> None:
    """A stranger gets no byte and no event; a contact gets one link or none, and only its own."""
    draw = Draw(data)
    door = Door()
    responder, initiator = door.responder(), dial()
    listener = Listener(responder, draw)
    opening = initiator.data_to_send()
    match draw.number(4):
        case 0:
            sent = draw.rest()
        case 1:
            sent = opening[: draw.number(1 << 16)] + draw.some() * draw.number(32)
        case 2:
            sent = draw.edited(opening)
        case _:
            sent = opening
    listener.hear(sent)
    if not sent.startswith(opening):
        too_much = len(sent) >= LINK_HANDSHAKE_MAX_BYTES
        assert listener.events == ([LinkClosed(CloseReason.REFUSED)] if too_much else [])
        assert listener.answer() == b""
        assert not responder.is_open
        return
    if sent != opening:  # something came before its turn
        assert listener.answer() == b""
        assert not responder.is_open
        return
    (authenticated,) = listener.events
    assert isinstance(authenticated, LinkAuthenticated)
    assert listener.answer() == b""
    door.remember(authenticated)
    assert responder.accept() == []
    initiator.receive_data(listener.answer(), 0.0)
    assert not responder.is_open
    if draw.flag():
        listener.hear(draw.edited(initiator.data_to_send()))
    else:
        confirmation = initiator.data_to_send()
        initiator.send_record(RecordKind.ENVELOPE, b"honest", 0.0)
        honest = initiator.data_to_send()
        listener.hear(confirmation)
        assert isinstance(listener.events[1], LinkConfirmed)
        listener.hear(honest)
        assert listener.bodies == [b"honest"]
        hostile_records(initiator, listener, draw)
    replayed = door.responder()
    replayed.receive_data(opening, 0.0)
    assert replayed.data_to_send() == b""


TARGET = Target(
    run=run,
    seeds=(
        b"\0\0" + bytes(40),
        b"\0\3",
        b"\3\3\0",
        b"\3\3\1\1\1\3\4body",
        b"\7\2\1\5\7\0\1",
        b"\1\1\0\x28\4abcd\3",
        b"\3\3\0\0\1\5\5\3\0\xff\xff",
    ),
    max_bytes=2_600,
    executions=250,
)
