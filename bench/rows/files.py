"""A file of 256 MB over loopback, durable at the other end when it counts as there."""

import getpass
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import Contender, Row, Sample, Settings, Source, Target, Unit
from bench.peers import scp, wormhole
from bench.rows import delivery
from bench.rows.memory import resident_mib

MEGABYTES = 256
LIMIT_S = 120.0


def _content(folder: Path, settings: Settings) -> tuple[Path, int]:
    size = settings.amount(MEGABYTES, 8) * 1_000_000
    path = folder / "content"
    with path.open("wb") as file:
        for _ in range(size // 1_000_000):
            file.write(os.urandom(1_000_000))
        os.fsync(file.fileno())
    return path, size


@contextmanager
def _nodes(settings: Settings) -> Iterator[tuple[delivery.Node, delivery.Node, Path, int]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        path, size = _content(folder, settings)
        sender, receiver = delivery.two_nodes(stack, 6 * settings.rounds)
        delivery.connect(sender, receiver)
        receiver.ask("TAKE")
        yield sender, receiver, path, size


@contextmanager
def by_loom(settings: Settings) -> Iterator[Sample]:
    """MB a second from the command, hashing included, to the receiver's word that it has it."""
    with _nodes(settings) as (sender, _, path, size):

        def sample() -> float:
            _, elapsed_s, _ = sender.ask(f"FILE {path} {LIMIT_S}")
            return size / 1_000_000 / float(elapsed_s)

        yield sample


@contextmanager
def text_meanwhile(settings: Settings) -> Iterator[Sample]:
    """Median seconds from sending a text to its tick, one every tenth of a second meanwhile."""
    with _nodes(settings) as (sender, _, path, _size):

        def sample() -> float:
            _, _, text_s = sender.ask(f"FILE {path} {LIMIT_S} TEXTS")
            return float(text_s)

        yield sample


@contextmanager
def memory(settings: Settings) -> Iterator[Sample]:
    """Resident MiB of the larger one of both nodes, after a transfer."""
    with _nodes(settings) as (sender, receiver, path, _):

        def sample() -> float:
            sender.ask(f"FILE {path} {LIMIT_S}")
            return max(resident_mib(one.process.pid) for one in (sender, receiver))

        yield sample


def _by_scp(*options: str) -> Source:
    @contextmanager
    def by_scp(settings: Settings) -> Iterator[Sample]:
        """MB a second of scp, then fdatasync of what it wrote."""
        with TemporaryDirectory() as name:
            folder = Path(name)
            path, size = _content(folder, settings)
            with scp.server(folder) as command:
                target = folder / "copy"

                def sample() -> float:
                    target.unlink(missing_ok=True)
                    start = time.perf_counter()
                    where = f"{getpass.getuser()}@127.0.0.1:{target}"
                    subprocess.run([*command, *options, str(path), where], check=True)
                    descriptor = os.open(target, os.O_RDONLY)
                    os.fdatasync(descriptor)
                    os.close(descriptor)
                    return size / 1_000_000 / (time.perf_counter() - start)

                yield sample

    return by_scp


@contextmanager
def by_wormhole(settings: Settings) -> Iterator[Sample]:
    """MB a second of `wormhole send`, from its start to the end of `wormhole receive`."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        path, size = _content(folder, settings)
        with wormhole.sent_files(folder / "received") as send:

            def sample() -> float:
                return size / 1_000_000 / send(path)

            yield sample


ROWS = (
    Row(
        "file",
        f"a file of {MEGABYTES} MB over loopback, MB a second",
        Unit.RATE,
        (
            Contender("loom", by_loom),
            Contender("scp", _by_scp()),
            Contender("scp, aes128-gcm", _by_scp("-c", "aes128-gcm@openssh.com")),
            Contender("magic-wormhole", by_wormhole),
        ),
        (
            Target("scp", at_least=1.3),
            Target("scp, aes128-gcm", at_least=1.0),
            Target("magic-wormhole", at_least=1.8),
        ),
    ),
    Row(
        "file-text",
        "receipt time of a text while a file is sent",
        Unit.SECONDS,
        (Contender("loom", text_meanwhile), Contender("loom, idle", delivery.receipt)),
        (Target("loom, idle", at_most=3),),
    ),
    Row(
        "file-memory",
        "memory of a node that has sent, or received, a file",
        Unit.MIB,
        (Contender("loom", memory),),
        (Target(at_most=120),),
    ),
)
