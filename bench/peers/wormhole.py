"""magic-wormhole: `wormhole send --text` through its own mailbox server, all on 127.0.0.1."""

import itertools
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import NotMeasured, Sample, Settings
from bench.processes import running

TEXT = "hi"
LIMIT_S = 20.0
FILE_LIMIT_S = 120.0


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise NotMeasured(f"{what} within {LIMIT_S:.0f} s")
        time.sleep(0.02)


def _answers(port: int) -> bool:
    with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
        return True
    return False


def _messages(database: Path) -> int:
    """How many messages wait at the server: the receiver's first one shows that it is ready."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM messages").fetchone()
        return int(count)


def _wormhole(relay_port: int, arguments: Sequence[str]) -> list[str]:
    """A command that knows no relay but the one on loopback; the transit port has no listener."""
    return [
        *(sys.executable, "-m", "wormhole"),
        *("--relay-url", f"ws://127.0.0.1:{relay_port}/v1"),
        *("--transit-helper", "tcp:127.0.0.1:9"),
        *arguments,
    ]


@contextmanager
def send_text(settings: Settings) -> Iterator[Sample]:
    """Seconds from starting `wormhole send` to its exit, with a receiver already waiting."""
    import wormhole  # noqa: F401
    import wormhole_mailbox_server  # noqa: F401

    numbers = itertools.count(1)
    with TemporaryDirectory() as folder:
        port, database = _free_port(), Path(folder) / "relay.sqlite"
        environment = os.environ | {"HOME": folder}
        server = [
            *(sys.executable, "-m", "twisted", "wormhole-mailbox"),
            *("--port", f"tcp:{port}:interface=127.0.0.1"),
            *("--channel-db", str(database)),
        ]

        def sample() -> float:
            code = f"{next(numbers)}-alpha-beta"
            before = _messages(database)
            with subprocess.Popen(
                _wormhole(port, ["receive", "--only-text", "--no-listen", code]),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=environment,
            ) as receiver:
                try:
                    _wait_until(lambda: _messages(database) > before, "no receiver")
                    start = time.perf_counter()
                    subprocess.run(
                        _wormhole(port, ["send", "--no-listen", "--text", TEXT, "--code", code]),
                        check=True,
                        capture_output=True,
                        timeout=LIMIT_S,
                        env=environment,
                    )
                    elapsed = time.perf_counter() - start
                    received, _ = receiver.communicate(timeout=LIMIT_S)
                finally:
                    receiver.kill()
            if received.strip() != TEXT:
                raise NotMeasured(f"received {received!r}")
            return elapsed

        with running(server, environment):
            _wait_until(lambda: _answers(port), "no mailbox server")
            yield sample


@contextmanager
def sent_files(received: Path) -> Iterator[Callable[[Path], float]]:
    """Seconds from starting `wormhole send` to the end of a receiver that waited."""
    import wormhole  # noqa: F401
    import wormhole_mailbox_server  # noqa: F401

    numbers = itertools.count(1)
    with TemporaryDirectory() as folder:
        port, database = _free_port(), Path(folder) / "relay.sqlite"
        environment = os.environ | {"HOME": folder}
        server = [
            *(sys.executable, "-m", "twisted", "wormhole-mailbox"),
            *("--port", f"tcp:{port}:interface=127.0.0.1"),
            *("--channel-db", str(database)),
        ]

        def send(path: Path) -> float:
            code = f"{next(numbers)}-alpha-beta"
            before = _messages(database)
            received.unlink(missing_ok=True)
            take = ["receive", "--accept-file", "--hide-progress", "-o", str(received), code]
            give = ["send", "--hide-progress", "--code", code, str(path)]
            with subprocess.Popen(
                _wormhole(port, take),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
            ) as receiver:
                try:
                    _wait_until(lambda: _messages(database) > before, "no receiver")
                    start = time.perf_counter()
                    subprocess.run(
                        _wormhole(port, give),
                        check=True,
                        capture_output=True,
                        timeout=FILE_LIMIT_S,
                        env=environment,
                    )
                    receiver.wait(FILE_LIMIT_S)
                    elapsed = time.perf_counter() - start
                finally:
                    receiver.kill()
            if not received.is_file() or received.stat().st_size != path.stat().st_size:
                raise NotMeasured("nothing was received")
            return elapsed

        with running(server, environment):
            _wait_until(lambda: _answers(port), "no mailbox server")
            yield send
