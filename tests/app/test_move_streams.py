"""Links of a move that strangers open beside that of the other machine."""

import pytest

from loom.app.move_streams import Transfer, Wire
from loom.core.move_link import LINK_RANDOM_BYTES, MoveEvent, MoveLink, Offered, Opened
from loom.core.move_pairing import MoveKey
from loom.model import Address
from loom.wire.moving import End

KEY = MoveKey(bytes(range(32)))
SIZE = 1_000_000


class _Old(Transfer):
    """An old machine that listens and makes its offer on each link."""

    def take(self, link: MoveLink, event: MoveEvent) -> None:
        if isinstance(event, Opened):
            link.offer(SIZE, bytes(80), self.now_s())


class _Pipe:
    """The stream of a link, whose other end nobody reads."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.remote = Address(host, 1)
        self.written = bytearray()
        self.is_ended = False

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        """Nothing more comes anyway."""

    def resume_reading(self) -> None:
        """Nothing more comes anyway."""

    def close(self) -> None:
        self.is_ended = True

    abort = close


@pytest.mark.parametrize("behind", [b"", bytes(2)])
async def test_a_copied_first_message_ends_neither_the_move_nor_its_link(behind: bytes) -> None:
    """Who reads the network has it; what was said on that link cannot be said again."""
    old = _Old(KEY, End.OLD)
    streams = [_Pipe(), _Pipe()]
    wires = [Wire(old), Wire(old)]
    for wire, stream in zip(wires, streams, strict=True):
        wire.connected(stream)
    new = MoveLink(KEY, End.NEW, dialled=True, random=bytes(LINK_RANDOM_BYTES), now_s=0.0)
    first = new.data_to_send()
    wires[0].data_received(first)
    assert new.receive_data(bytes(streams[0].written), 0.0) == [Offered(SIZE, bytes(80))]
    new.have(0, 0.0)
    wires[0].data_received(new.data_to_send())
    assert old.links() == [wires[0].link]
    wires[1].data_received(first + behind)
    assert streams[1].is_ended == bool(behind)
    assert old.links() == [wires[0].link]
    assert not streams[0].is_ended
    assert not old.result.done()


async def test_a_stranger_who_holds_links_keeps_nobody_else_out() -> None:
    old = _Old(KEY, End.OLD)
    streams = [_Pipe("192.0.2.9") for _ in range(6)]
    for stream in streams:
        Wire(old).connected(stream)
    assert [one.is_ended for one in streams] == [False] * 4 + [True] * 2
    other = _Pipe("192.0.2.10")
    Wire(old).connected(other)
    assert not other.is_ended
