"""The dialling end of a link: what answers may be anybody."""

from fuzz.draw import Draw
from fuzz.link import Listener, hostile_records
from fuzz.target import Target
from loom.core.link_events import LinkClosed, LinkConfirmed
from loom.wire.framing import RecordKind
from tests.sans_io.link_pair import Door, dial


def run(data: bytes) -> None:
    """Only the contact's own second message opens the link; all else ends it, in silence."""
    draw = Draw(data)
    responder, initiator = Door().responder(), dial()
    listener = Listener(initiator, draw)
    responder.receive_data(initiator.data_to_send(), 0.0)
    responder.accept()
    answer = responder.data_to_send()
    match draw.number(4):
        case 0:
            sent = draw.rest()
        case 1:
            sent = answer[: draw.number(1 << 16)] + draw.some() * draw.number(32)
        case 2:
            sent = draw.edited(answer)
        case _:
            sent = answer
    listener.hear(sent)
    if not sent.startswith(answer):
        assert all(isinstance(event, LinkClosed) for event in listener.events)
        assert not initiator.is_open
        assert listener.answer() == b""
        return
    assert isinstance(listener.events[0], LinkConfirmed)
    if initiator.is_closed:  # something followed that was no record
        assert len(sent) > len(answer)
        return
    if len(sent) > len(answer):
        return
    responder.receive_data(listener.answer(), 0.0)
    assert responder.is_open
    responder.send_record(RecordKind.BUNDLE, b"honest", 0.0)
    listener.hear(responder.data_to_send())
    assert listener.bodies == [b"honest"]
    hostile_records(responder, listener, draw)


TARGET = Target(
    run=run,
    seeds=(b"\0\0", b"\1\3", b"\3\3\1\3\4body", b"\7\2\1\5\7\0\1", b"\1\1\0\x28\4abcd\3"),
    max_bytes=2_600,
    executions=250,
)
