"""The process that victims are forked from: it has imported everything that a node needs.

A line of JSON on standard input asks for one: ["NAME", ARGUMENT, ...], a function of this file. It
is held until SIGUSR1, so that whoever wants to trace it can attach. Standard output says [PID,
null] when it stands, and what it says afterwards: [PID, WORD]. An empty list is answered by
[0, null], after all that was said before.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final
from unittest.mock import patch

from loom.api.profile_commands import Status
from loom.api.profiles import NodeOptions
from loom.app import anchors, assembly, unlocking
from loom.app.anchors import AnchorOptions, LocalAnchors
from loom.config import Paths, Settings, home_of, paths_of
from loom.errors import LoomError
from loom.model import Address
from loom.storage import vault
from loom.storage.database import Database
from loom.tui.settings import change_app_setting

PR_SET_PTRACER: Final = 0x59616D61
PR_SET_PTRACER_ANY: Final = ctypes.c_ulong(-1)


def node(home: str, profile: str, passphrase: str) -> None:
    """Open the profile, say the port, serve until stopped."""

    async def serve() -> None:
        options = NodeOptions(listen=Address("127.0.0.1", 0), mdns=False)
        opened = await unlocking.open_profile(_paths(home, profile), passphrase, options)
        say(str((await opened.send(Status())).port))
        async for _ in opened.events():
            continue  # until it is stopped
        await opened.close()

    asyncio.run(serve())


def anchor(home: str, passphrase: str) -> None:
    """Open the anchor, say the port, serve until stopped."""

    async def serve() -> None:
        here = LocalAnchors(Settings(home=Path(home)))
        options = AnchorOptions(listen=Address("127.0.0.1", 0))
        opened = await here.open_anchor(here.choose(None), passphrase, options)
        say(str(opened.anchor.port))
        await opened.anchor.wants_stop.wait()
        await opened.close()

    asyncio.run(serve())


def create(home: str, profile: str, passphrase: str, phrase: str) -> None:
    """Make or restore a profile."""
    assembly.create_profile(_paths(home, profile), "Ada", passphrase, phrase, 64)


def change_passphrase(home: str, profile: str, old: str, new: str) -> None:
    """Wrap the key of a profile anew."""
    path = _paths(home, profile).keyslot
    vault.change_passphrase(path, vault.unlock(path, old), new)


def open_database(path: str, key: str) -> None:
    """Open, which brings an old schema up to date, and close."""
    Database.open(Path(path), bytes.fromhex(key)).close()


def change_setting(folder: str, name: str, value: str) -> None:
    """Set a text in the app's config file."""
    change_app_setting(Path(folder), name, value)


def say(word: str) -> None:
    """In one piece, whoever else says something, and by a call that no test lets fail."""
    os.writev(1, [json.dumps([os.getpid(), word]).encode() + b"\n"])


def _paths(home: str, profile: str) -> Paths:
    return paths_of(home_of(Settings(home=Path(home))), profile)


def _live(task: Callable[..., None], arguments: list[str]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)
    signal.sigwait([signal.SIGUSR1])
    try:
        task(*arguments)
        say("done")
    except LoomError as error:
        say(error.code)


TASKS: Final[dict[str, Callable[..., None]]] = {
    task.__name__: task
    for task in (node, anchor, create, change_passphrase, open_database, change_setting)
}


def main() -> None:
    """Fork one for each line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    # strace looks up which files are open; who is not root may not, once dumps are refused.
    for one in (assembly, unlocking, anchors):
        patch.object(one, "refuse_dumps").start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    for line in sys.stdin.buffer:
        wanted = json.loads(line)
        pid = os.fork() if wanted else 0
        if wanted and pid == 0:
            name, *arguments = wanted
            code = 1
            try:
                _live(TASKS[name], arguments)
                code = 0
            except BaseException as error:  # noqa: BLE001 - nothing gets out of the fork
                traceback.print_exception(error)
            finally:
                os._exit(code)
        os.write(1, json.dumps([pid, None]).encode() + b"\n")


if __name__ == "__main__":
    main()
