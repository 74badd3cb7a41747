"""Whatever arrives: what a link reports is a prefix of what was sent, and strangers get nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from loom.core.link_events import LinkAuthenticated, LinkClosed, LinkEvent, RecordReceived
from loom.wire.framing import RecordKind
from tests.sans_io.link_pair import CLEAR_AND_MESSAGE_1_BYTES, Door, dial

BODIES = [bytes([number]) * size for number, size in enumerate((0, 61, 62, 5_000, 7))]
CUTS = st.lists(st.integers(1, 3_000), max_size=12)


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """`data` cut after each of these numbers of bytes; the rest whole."""
    pieces = []
    for cut in cuts:
        pieces.append(data[:cut])
        data = data[cut:]
    return [*pieces, data]


@settings(max_examples=150, deadline=None)
@given(
    cuts=CUTS,
    damage=st.none() | st.tuples(st.integers(0, 6_000), st.integers(1, 255)),
    removed=st.integers(0, 50) | st.none(),
)
def test_an_interfered_link_reports_a_prefix(
    cuts: list[int], damage: tuple[int, int] | None, removed: int | None
) -> None:
    """Bytes changed or taken out anywhere end the link at that place and never before or after."""
    responder, initiator = Door().responder(), dial()
    events: list[LinkEvent] = []
    for piece in in_pieces(initiator.data_to_send(), cuts):
        events += responder.receive_data(piece, 0.0)
    assert [type(event) for event in events] == [LinkAuthenticated]
    responder.accept()
    initiator.receive_data(responder.data_to_send(), 0.0)
    initiator.send_records([(RecordKind.ENVELOPE, body) for body in BODIES], 0.0)
    sent = initiator.data_to_send()
    data = bytearray(sent)
    if damage is not None:
        data[damage[0] % len(data)] ^= damage[1]
    if removed is not None:
        del data[removed * 97 : removed * 97 + 1]
    for piece in in_pieces(bytes(data), cuts):
        events += responder.receive_data(piece, 0.0)
    bodies = [event.body for event in events if isinstance(event, RecordReceived)]
    assert bodies == BODIES[: len(bodies)]
    if data == sent:
        assert bodies == BODIES
    else:
        assert responder.is_closed or len(bodies) < len(BODIES)
    assert sum(isinstance(event, LinkClosed) for event in events) <= 1


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=2_100), cuts=CUTS, kept=st.integers(0, CLEAR_AND_MESSAGE_1_BYTES - 1)
)
def test_anything_after_part_of_an_opening_gets_no_answer(
    data: bytes, cuts: list[int], kept: int
) -> None:
    """A true beginning, however long, with anything else after it, is a stranger."""
    opening = dial().data_to_send()
    if data.startswith(opening[kept:]):
        return
    responder = Door().responder()
    events: list[LinkEvent] = []
    for piece in in_pieces(opening[:kept] + data, cuts):
        events += responder.receive_data(piece, 0.0)
    assert all(isinstance(event, LinkClosed) for event in events)
    assert responder.data_to_send() == b""
    assert not responder.is_open
