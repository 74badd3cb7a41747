"""`loom` alone on a terminal: the app, over a running node or with the node inside."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import typer

from loom.api.client import Client
from loom.api.profiles import Profiles
from loom.cli.opening import Caller


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
    profile = caller.profile
    client = await caller.attach_or_unlock(caller.online())
    await show(client, profile=profile, config=caller.home.config, profiles=caller.profiles)


async def show(
    client: Client,
    *,
    profile: str,
    config: Path,
    profiles: Profiles | None = None,
    greeting: str = "",
) -> None:
    """The app, until its user leaves it; then the client is closed."""
    from loom.tui.app import LoomApp

    app = LoomApp(client, profile=profile, config=config, profiles=profiles, greeting=greeting)
    loop = asyncio.get_running_loop()
    for lost in (signal.SIGHUP, signal.SIGTERM):
        # A closed terminal ends the app as its user would have: what was begun is kept.
        loop.add_signal_handler(lost, app.leave)
    try:
        await app.run_async()
    finally:
        for lost in (signal.SIGHUP, signal.SIGTERM):
            loop.remove_signal_handler(lost)
        await app.client.close()
    if app.return_code:
        raise typer.Exit(app.return_code)
