"""`loom` alone on a terminal: the app, over a running node or with the node inside."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from loom.api.client import Client
from loom.api.profiles import Profiles
from loom.cli import logs
from loom.cli.opening import Caller
from loom.cli.passphrase import has_source, read_passphrase
from loom.config import paths_of
from loom.errors import NodeNotRunning

if TYPE_CHECKING:
    from loom.tui.door import Opened
    from loom.tui.drawing import DrawnApp

R = TypeVar("R")


def is_possible(caller: Caller) -> bool:
    """Whether there is a terminal that can show it, and nobody asked for JSON."""
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "") not in ("", "dumb", "unknown")
        and not caller.options.json
    )


def open_app(caller: Caller) -> None:
    """Open the profile that was meant and show it."""
    caller.run(_open(caller))


async def _open(caller: Caller) -> None:
    """Straight in where nothing has to be asked, else by the door; locked, by the door again."""
    from loom.tui.door import DoorApp, Opened

    opened = await _at_once(caller)
    locked: Opened | None = None
    config = caller.home.config
    while True:
        if opened is None:
            chosen = caller.settings.profile
            door = DoorApp(
                caller.profiles, caller.online(), config=config, chosen=chosen, locked=locked
            )
            try:
                opened = await _run(door)
            finally:
                if door.held is not None:
                    await door.held.close()
            if opened is None:
                return
        logs.start(paths_of(caller.home, opened.profile).log, caller.options.verbose)
        left = await show(
            opened.client, profile=opened.profile, config=config, profiles=caller.profiles
        )
        if left is None:
            return
        locked, opened = Opened(opened.profile, left), None


async def _at_once(caller: Caller) -> "Opened | None":
    """The profile that was meant, where its node runs or its passphrase comes without asking."""
    from loom.tui.door import Opened

    found = caller.profiles.list_profiles()
    if caller.settings.profile is None and len(found) != 1:
        return None
    profile = caller.profile
    try:
        client = await caller.profiles.attach(profile)
    except NodeNotRunning:
        if not has_source(caller.settings):
            return None
        client = await caller.unlock(read_passphrase(caller.settings), caller.online())
    return Opened(profile, client)


async def show(
    client: Client,
    *,
    profile: str,
    config: Path,
    profiles: Profiles | None = None,
    greeting: str = "",
) -> Client | None:
    """The app, until its user leaves it; then the client is closed. A locked one is returned."""
    from loom.tui.app import LoomApp

    app = LoomApp(client, profile=profile, config=config, profiles=profiles, greeting=greeting)
    locked = False
    try:
        await _run(app)
        locked = app.locked
    finally:
        if not locked:
            await app.client.close()
    return app.client if locked else None


async def _run(app: "DrawnApp[R]") -> R | None:
    """A closed terminal ends the app as its user would have: what was begun is kept."""
    loop = asyncio.get_running_loop()
    for lost in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(lost, app.leave)
    try:
        result = await app.run_async()
    finally:
        for lost in (signal.SIGHUP, signal.SIGTERM):
            loop.remove_signal_handler(lost)
    if app.return_code:
        raise typer.Exit(app.return_code)
    return result
