"""The command line from a cold start."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.harness import Contender, NotMeasured, Row, Sample, Settings, Target, Unit
from bench.peers import python, wormhole
from bench.processes import deadline_s


@contextmanager
def version(settings: Settings) -> Iterator[Sample]:
    """Seconds of `loom --version`."""
    import loom

    command = [sys.executable, "-m", "loom", "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    if loom.__version__ not in said:
        raise NotMeasured(f"`loom --version` says {said!r}")
    yield lambda: python.command_time_s(command, settings.amount(5, 1))


@contextmanager
def send(settings: Settings) -> Iterator[Sample]:
    """Seconds of `loom send` beside a daemon: parsed, asked, stored durably, printed."""
    from bench.peers import loom_cli

    command = [*loom_cli.LOOM, "send", "stranger 0", wormhole.TEXT]
    with TemporaryDirectory() as folder:
        home = Path(folder) / "ada"
        home.mkdir(mode=0o700)
        loom_cli.create(home, "ada")
        loom_cli.add_strangers(home, "ada", 1)
        environment = loom_cli.environment(home)
        with loom_cli.daemon(environment, deadline_s(settings.rounds), "--no-mdns"):
            yield lambda: python.command_time_s(command, settings.amount(5, 1), environment)


@contextmanager
def send_wait(settings: Settings) -> Iterator[Sample]:
    """Seconds of `loom send --wait` without its Argon2id, which is measured before each run.

    No node of the sender runs; the receiver's daemon does, at an address that was dialled before,
    and the two have a session.
    """
    from bench.peers import loom_cli
    from loom.config import Settings as LoomSettings
    from loom.config import home_of, paths_of
    from loom.storage import vault

    with TemporaryDirectory() as folder:
        homes = {name: Path(folder) / name for name in ("ada", "bob")}
        for home in homes.values():
            home.mkdir(mode=0o700)
        tokens = {name: loom_cli.create(home, name) for name, home in homes.items()}
        loom_cli.add_contact(homes["ada"], "ada", tokens["bob"], "bob")
        loom_cli.add_contact(homes["bob"], "bob", tokens["ada"], "ada")
        sender = loom_cli.environment(homes["ada"])
        receiver = loom_cli.environment(homes["bob"])
        keyslot = paths_of(home_of(LoomSettings(home=homes["ada"])), "ada").keyslot

        def run(*command: str) -> None:
            subprocess.run(
                [*loom_cli.LOOM, *command], check=True, capture_output=True, timeout=30, env=sender
            )

        def sample() -> float:
            start = time.perf_counter()
            vault.unlock(keyslot, loom_cli.PASSPHRASE).wipe()
            unlocked = time.perf_counter()
            run("send", "bob", wormhole.TEXT, "--wait", "20")
            return time.perf_counter() - unlocked - (unlocked - start)

        with loom_cli.daemon(receiver, deadline_s(settings.rounds)) as (_, port):
            run("connect", "bob", f"127.0.0.1:{port}")
            run("send", "bob", wormhole.TEXT, "--wait", "20")
            yield sample


ROWS = (
    Row(
        "version",
        "loom --version",
        Unit.SECONDS,
        (Contender("loom", version), Contender("import typer", python.import_typer)),
        (Target("import typer", at_most=1.5),),
    ),
    Row(
        "send",
        "one text beside a daemon, from the shell to queued",
        Unit.SECONDS,
        (Contender("loom", send), Contender("import typer", python.import_typer)),
        (Target("import typer", at_most=2.5),),
    ),
    Row(
        "send-wait",
        "one text from a cold start to delivered",
        Unit.SECONDS,
        (
            Contender("loom", send_wait),
            Contender("wormhole send", wormhole.send_text),
        ),
        (Target("wormhole send", at_most=0.5),),
    ),
)
