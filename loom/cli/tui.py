"""`loom` alone on a terminal: the app, over a running node or with the node inside."""

import asyncio
import gc
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from loom.api.client import Client
from loom.api.profiles import Profiles
from loom.cli import logs, terminal
from loom.cli.opening import Caller
from loom.cli.output import Output
from loom.cli.passphrase import has_source
from loom.config import paths_of
from loom.errors import LoomError, NodeNotRunning

if TYPE_CHECKING:
    from loom.tui.drawing import DrawnApp

R = TypeVar("R")

CLOSE_S: Final = 5.0
"""So long the line to another machine may take to close."""
LOCKED: Final = "LOOM_LOCKED"
"""Environment variable with the profile that the previous process locked."""
MOVES: Final = "LOOM_MOVES"
"""The same, set where it was locked to be moved to another machine."""


def open_app(caller: Caller) -> None:
    """Open a profile and show it."""
    caller.run(_open(caller, os.environ.pop(LOCKED, None)))


async def _open(caller: Caller, locked: str | None) -> None:
    """Show the app at once if nothing has to be asked, else the start screens first."""
    if caller.host is not None:
        await _open_remote(caller, caller.host, locked)
        return
    opened = await _at_once(caller) if locked is None else None
    if opened is None:
        opened = await _from_start_screens(caller, locked)
    if opened is None:
        return
    profile, client = opened
    logs.start(paths_of(caller.home, profile).log, caller.options.verbose)
    config = caller.home.config
    if await show(client, profile=profile, config=config, profiles=caller.profiles):
        _restart_locked(profile)


async def _open_remote(caller: Caller, host: str, locked: str | None) -> None:
    """ssh may ask on the terminal before the app has it; when the line breaks, it must not."""
    if locked is not None:
        terminal.ask(
            f"{locked} on {host} is hidden, not locked. Enter goes on, Ctrl-C quits. ",
            what="Going on",
            remedy="Start Loom again.",
        )
    logs.start(caller.home.log, caller.options.verbose)
    client = await caller.profiles.attach(caller.profile)
    profile = getattr(client, "profile", caller.profile)
    config, profiles = caller.home.config, caller.profiles
    if await show(client, profile=profile, config=config, profiles=profiles, host=host):
        _restart_locked(profile)


def _restart_locked(locked: str) -> None:
    """Replace this process by a new one that asks for the passphrase.

    Python frees memory without wiping it, so keys and texts would stay there until it is reused;
    a new program gets none of it (execve(2)).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os.environ[LOCKED] = locked
    with suppress(OSError):  # the program was moved: ending locks the profile as well
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves


async def _from_start_screens(caller: Caller, locked: str | None) -> tuple[str, Client] | None:
    """The profile that the user opens there, with its client; None: the user left."""
    from loom.tui.door import DoorApp

    _keep_imports()
    door = DoorApp(
        caller.profiles,
        caller.online(),
        config=caller.home.config,
        chosen=caller.settings.profile,
        locked=locked,
        moves=os.environ.pop(MOVES, None) is not None,
    )
    try:
        return await _run(door)
    finally:
        if door.held is not None:
            await door.held.close()


async def _at_once(caller: Caller) -> tuple[str, Client] | None:
    """The chosen profile, if its node runs or a passphrase source is set."""
    found = caller.profiles.list_profiles()
    if caller.settings.profile is None and len(found) != 1:
        return None
    profile = caller.profile
    try:
        client = await caller.profiles.attach(profile)
    except NodeNotRunning:
        if not has_source(caller.settings) and "keyring" not in caller.profiles.unlocks(profile):
            return None
        client = await caller.unlock(caller.secret(), caller.online())
    return profile, client


async def show(
    client: Client,
    *,
    profile: str,
    config: Path,
    profiles: Profiles | None = None,
    greeting: str = "",
    host: str = "",
) -> bool:
    """Run the app until the user quits or locks it; close the client. Whether it was locked."""
    from loom.tui.app import LoomApp

    _keep_imports()
    app = LoomApp(
        client, profile=profile, config=config, profiles=profiles, greeting=greeting, host=host
    )
    try:
        await _run(app)
    finally:
        try:
            async with asyncio.timeout(CLOSE_S if host else None):
                await app.client.close()
        except (LoomError, TimeoutError):
            if not (app.locked or host or app.destroyed):  # this process ends, and the node with it
                raise
    if app.moves:
        os.environ[MOVES] = "1"
    if app.destroyed is not None:
        from loom.front.destroyed_words import destroyed_words

        for line in destroyed_words(app.destroyed):
            Output(as_json=False).note(line)
    return app.locked


def _keep_imports() -> None:
    """Exempt all imported modules from garbage collection, which saves start-up time."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


async def _run(app: "DrawnApp[R]") -> R | None:
    """Run an app; a closed terminal or SIGTERM ends it as quitting does, and keeps drafts."""
    loop = asyncio.get_running_loop()
    for lost in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(lost, app.leave)
    try:
        result = await app.run_async()
    finally:
        for lost in (signal.SIGHUP, signal.SIGTERM):
            loop.remove_signal_handler(lost)
    if app.return_code:
        from typer import Exit

        raise Exit(app.return_code)
    return result
