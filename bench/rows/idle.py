"""A node at rest with an anchor and 50 contacts: what it sends, and what it costs."""

import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.processes import LineProcess, deadline_s
from bench.rows.handshake import new_identity

HOST = "127.0.0.1"
CONTACTS = 50
WINDOW_S = 60
KEEPALIVE_S = 30
SETTLING_S = 40.0
"""Dials, mailboxes and queues are done with, and nobody is waited for any more."""


class _Way:
    """Between the node and the anchor; counts what passes, in pieces of at most a packet."""

    def __init__(self, target: int) -> None:
        self.pieces = 0
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection((HOST, self._target))
            threading.Thread(target=self._pass, args=(near, far), daemon=True).start()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        with near, far:
            while True:
                for one in select.select([near, far], [], [])[0]:
                    data = one.recv(65_536)
                    if not data:
                        return
                    (far if one is near else near).sendall(data)
                    self.pieces += 1


def _processor_s(pid: int) -> float:
    """Of all threads of a process, by the scheduler's count."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(one.read_text().split()[0]) for one in tasks) / 1e9


def _by_way(text: str, way: _Way) -> str:
    """The pairing text of an anchor that is reached by this way."""
    import msgspec

    from loom.model import Address
    from loom.wire.hints import Hint
    from loom.wire.pairing import decode_pairing_text, encode_pairing_text

    pairing = decode_pairing_text(text)
    hint = Hint(Address(HOST, way.port), pairing.hints[0].mask_key)
    return encode_pairing_text(msgspec.structs.replace(pairing, hints=(hint,)))


@contextmanager
def _at_rest(settings: Settings) -> Iterator[tuple[_Way, int]]:
    from loom.wire.token import encode_token

    with ExitStack() as stack:
        folders = [stack.enter_context(TemporaryDirectory()) for _ in range(2)]
        limit_s = deadline_s(settings.rounds) + SETTLING_S + 2 * settings.rounds * WINDOW_S
        anchor, node = (
            stack.enter_context(LineProcess([sys.executable, "-m", peer, folder], limit_s))
            for peer, folder in zip(
                ("bench.peers.anchor", "bench.peers.loom_node"), folders, strict=True
            )
        )
        _, port, text, *_ = anchor.read_line().split()
        way = _Way(int(port))
        node.read_line()
        for number in range(settings.amount(CONTACTS, 2)):
            node.write_line(f"IMPORT {encode_token(new_identity().token)} contact{number}")
            node.read_line()
        node.write_line(f"USE {_by_way(text, way)}")
        node.read_line()
        time.sleep(settings.amount(int(SETTLING_S), 1))
        yield way, node.pid


@contextmanager
def packets(settings: Settings) -> Iterator[Sample]:
    """Pieces of data in 30 s on the link to the anchor, each way."""
    window_s = settings.amount(WINDOW_S, 2)
    with _at_rest(settings) as (way, _):

        def sample() -> float:
            before = way.pieces
            time.sleep(window_s)
            return (way.pieces - before) / 2 * KEEPALIVE_S / window_s

        yield sample


@contextmanager
def processor(settings: Settings) -> Iterator[Sample]:
    """Seconds of processor time in 30 s."""
    window_s = settings.amount(WINDOW_S, 2)
    with _at_rest(settings) as (_, pid):

        def sample() -> float:
            before = _processor_s(pid)
            time.sleep(window_s)
            return (_processor_s(pid) - before) * KEEPALIVE_S / window_s

        yield sample


ROWS = (
    Row(
        "idle-packets",
        f"packets each way in 30 s on its link of an idle node with an anchor, {CONTACTS} contacts",
        Unit.PACKETS,
        (Contender("loom", packets),),
        (Target(at_most=1),),
    ),
    Row(
        "idle-processor",
        "processor time of that node in 30 s",
        Unit.SECONDS,
        (Contender("loom", processor),),
        (Target(at_most=0.03),),
    ),
)
