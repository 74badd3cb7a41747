"""The app on a terminal of 120x40, beside the least that Textual's own widgets make of it."""

import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory

from bench import terminal
from bench.harness import Contender, Row, Sample, Settings, Target, Unit
from bench.processes import deadline_s
from bench.rows import delivery
from bench.rows.memory import resident_mib
from bench.terminal import Terminal

SENTENCE = b"as one types"
RARE = b"zwvy"
"""Letters that end no control sequence: where they come, they are an echo."""
CLEAR = b"\x15"
ENTER = b"\r"
READY = b"ready"
TICK = "✓".encode()
QUIET_S = 0.03
PAUSE_S = 0.04
"""Between two keys: nobody types faster."""
SETTLE_S = 1.0
BLINK_S = 0.5
"""After so long the cursor of `Input` blinks."""
PROFILE = "crowd"


@contextmanager
def _stock(name: str, limit_s: float, pass_fds: Sequence[int] = ()) -> Iterator[Terminal]:
    """A stock app (bench/peers/stock.py), painted."""
    command = [sys.executable, "-m", "bench.peers.stock", name, *map(str, pass_fds)]
    with terminal.opened(command, os.environ, limit_s, pass_fds) as screen:
        screen.until(READY)
        yield screen


# --- from start to painted ---


@contextmanager
def first_paint(settings: Settings) -> Iterator[Sample]:
    """Seconds from the start of the process to the open conversation and the list, painted."""
    from bench.peers import loom_app, loom_cli

    scene = loom_app.scene()

    def sample() -> float:
        with terminal.opened(loom_cli.LOOM, scene.environment, deadline_s(1)) as screen:
            return screen.until(scene.last, b"online") - screen.started

    yield sample


@contextmanager
def minimal_paint(settings: Settings) -> Iterator[Sample]:
    """The same for an app that shows one word."""

    def sample() -> float:
        command = [sys.executable, "-m", "bench.peers.stock", "minimal"]
        with terminal.opened(command, os.environ, deadline_s(1)) as screen:
            return screen.until(READY) - screen.started

    yield sample


# --- memory ---


@contextmanager
def _crowd(settings: Settings, *, inside: bool) -> Iterator[Sample]:
    from bench.peers import loom_cli

    with TemporaryDirectory() as folder:
        home = Path(folder)
        loom_cli.create(home, PROFILE)
        loom_cli.add_strangers(home, PROFILE, settings.amount(500, 5))
        environment = loom_cli.environment(home)
        limit_s = deadline_s(settings.rounds)
        if inside:
            with _at_rest(environment, limit_s) as sample:
                yield sample
        else:
            with (
                loom_cli.daemon(environment, limit_s, "--no-mdns"),
                _at_rest(environment, limit_s) as sample,
            ):
                yield sample


@contextmanager
def _at_rest(environment: dict[str, str], limit_s: float) -> Iterator[Sample]:
    from bench.peers import loom_cli

    with terminal.opened(loom_cli.LOOM, environment, limit_s) as screen:
        screen.until(b"online")
        screen.during(SETTLE_S)
        yield lambda: resident_mib(screen.pid)


@contextmanager
def memory(settings: Settings) -> Iterator[Sample]:
    """Resident MiB of the app attached to a daemon."""
    with _crowd(settings, inside=False) as sample:
        yield sample


@contextmanager
def memory_inside(settings: Settings) -> Iterator[Sample]:
    """The same with the node in the app's own process."""
    with _crowd(settings, inside=True) as sample:
        yield sample


@contextmanager
def minimal_memory(settings: Settings) -> Iterator[Sample]:
    """Resident MiB of an app that shows one word."""
    with _stock("minimal", deadline_s(settings.rounds)) as screen:
        screen.during(SETTLE_S)
        yield lambda: resident_mib(screen.pid)


# --- bytes ---


@contextmanager
def _writing() -> Iterator[Terminal]:
    from bench.peers import loom_app

    with loom_app.opened() as screen:
        yield screen


def _bytes_per_key(screen: Terminal) -> float:
    costs = []
    for key in SENTENCE:
        screen.type(bytes([key]))
        costs.append(screen.until_quiet(QUIET_S))
    screen.type(CLEAR)
    screen.until_quiet(QUIET_S)
    return statistics.mean(costs)


def _bytes_per_second(screen: Terminal) -> float:
    screen.until_quiet(QUIET_S, QUIET_S)
    return screen.during(BLINK_S) / BLINK_S


@contextmanager
def key_bytes(settings: Settings) -> Iterator[Sample]:
    """Bytes written for one key of a sentence."""
    with _writing() as screen:
        yield lambda: _bytes_per_key(screen)


@contextmanager
def input_key_bytes(settings: Settings) -> Iterator[Sample]:
    """The same for `Input`."""
    with _stock("input", deadline_s(settings.rounds)) as screen:
        yield lambda: _bytes_per_key(screen)


@contextmanager
def idle_bytes(settings: Settings) -> Iterator[Sample]:
    """Bytes written in a second in which nothing happens."""
    with _writing() as screen:
        yield lambda: _bytes_per_second(screen)


@contextmanager
def input_idle_bytes(settings: Settings) -> Iterator[Sample]:
    """The same for `Input`."""
    with _stock("input", deadline_s(settings.rounds)) as screen:
        yield lambda: _bytes_per_second(screen)


@contextmanager
def message_bytes(settings: Settings) -> Iterator[Sample]:
    """Bytes written for a message that arrives in the open conversation."""
    from bench.peers import loom_app

    with _writing() as screen:
        said = 0

        def sample() -> float:
            nonlocal said
            costs = []
            for _ in range(settings.amount(5, 2)):
                said += 1
                loom_app.scene().say(f"message {said} says just a few ordinary words")
                costs.append(screen.until_quiet(2 * QUIET_S))
            return statistics.mean(costs)

        yield sample


@contextmanager
def log_bytes(settings: Settings) -> Iterator[Sample]:
    """Bytes that `RichLog` writes for one more line."""
    reading, telling = os.pipe()
    try:
        with _stock("log", deadline_s(settings.rounds), [reading]) as screen:
            screen.until_quiet(SETTLE_S, SETTLE_S)

            def sample() -> float:
                costs = []
                for _ in range(settings.amount(5, 2)):
                    os.write(telling, b"x")
                    costs.append(screen.until_quiet(2 * QUIET_S))
                return statistics.mean(costs)

            yield sample
    finally:
        os.close(reading)
        os.close(telling)


# --- time ---


def _echo_s(screen: Terminal, keys: int) -> float:
    times = []
    for number in range(keys):
        key = RARE[number % len(RARE)]
        screen.during(PAUSE_S)
        start = time.perf_counter()
        screen.type(bytes([key]))
        times.append(screen.until(bytes([key])) - start)
    screen.type(CLEAR)
    screen.until_quiet(QUIET_S)
    return statistics.median(times)


@contextmanager
def echo(settings: Settings) -> Iterator[Sample]:
    """Median seconds from a key to its letter on the terminal."""
    with _writing() as screen:
        yield lambda: _echo_s(screen, settings.amount(12, 3))


@contextmanager
def input_echo(settings: Settings) -> Iterator[Sample]:
    """The same for `Input`."""
    with _stock("input", deadline_s(settings.rounds)) as screen:
        yield lambda: _echo_s(screen, settings.amount(12, 3))


@contextmanager
def tick(settings: Settings) -> Iterator[Sample]:
    """Median seconds from Enter to the second tick of the message on the terminal."""
    from bench.peers import loom_app

    with _writing() as screen:

        def sample() -> float:
            times = []
            for _ in range(settings.amount(8, 2)):
                # What was shown before has no ticks there, and no other row is written again.
                loom_app.scene().say(token_hex(24))
                screen.until_quiet(2 * QUIET_S)
                screen.type(b"hi")
                screen.until_quiet(QUIET_S)
                start = time.perf_counter()
                screen.type(ENTER)
                # Only a cell that changes is written: the ticks may come together or apart.
                times.append(screen.until(TICK, times=2) - start)
                screen.until_quiet(2 * QUIET_S, 2 * QUIET_S)
            return statistics.median(times)

        yield sample


@contextmanager
def node_alone(settings: Settings) -> Iterator[Sample]:
    """The row `receipt` with as few messages as get their ticks here."""
    with delivery.receipt(Settings(rounds=settings.rounds, quick=True)) as sample:
        yield sample


ROWS = (
    Row(
        "first-paint",
        "app: start to painted, attached to a node",
        Unit.SECONDS,
        (Contender("loom", first_paint), Contender("minimal app", minimal_paint)),
        (Target("minimal app", at_most=1.3),),
    ),
    Row(
        "app-memory",
        "app with 500 conversations, resident",
        Unit.MIB,
        (
            Contender("loom", memory),
            Contender("loom, node inside", memory_inside),
            Contender("minimal app", minimal_memory),
        ),
        (Target("minimal app", at_most=2),),
    ),
    Row(
        "key-bytes",
        "app: bytes per key typed",
        Unit.BYTES,
        (Contender("loom", key_bytes), Contender("Input", input_key_bytes)),
        (Target("Input", at_most=1 / 25),),
    ),
    Row(
        "idle-bytes",
        "app: bytes in an idle second",
        Unit.BYTES,
        (Contender("loom", idle_bytes), Contender("Input", input_idle_bytes)),
        (Target(at_most=0),),
    ),
    Row(
        "message-bytes",
        "app: bytes per message that arrives",
        Unit.BYTES,
        (Contender("loom", message_bytes), Contender("RichLog", log_bytes)),
        (Target("RichLog", at_most=1 / 5), Target(at_most=1_024, stretch=True)),
    ),
    Row(
        "key-echo",
        "app: key to its echo",
        Unit.SECONDS,
        (Contender("loom", echo), Contender("Input", input_echo)),
        (Target("Input", at_most=1),),
    ),
    Row(
        "send-tick",
        "app: Enter to the ticks of delivery",
        Unit.SECONDS,
        (Contender("loom", tick), Contender("loom's node alone", node_alone)),
        (Target("loom's node alone", at_most=3),),
    ),
)
