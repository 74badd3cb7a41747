"""`loom demo`: two throwaway profiles on this machine, real TCP between them, and Ada answers."""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from loom.api.client import Client
from loom.api.commands import Connect, ExportToken, ImportToken, MarkRead, SendText, Status
from loom.api.events import AnyEvent, MessageReceived
from loom.api.profiles import NodeOptions, Profiles
from loom.cli import opening, tui
from loom.cli.ada import answer
from loom.cli.opening import Caller, following
from loom.cli.options import add_commands
from loom.cli.output import DemoReady
from loom.cli.plain import Talk
from loom.cli.terminal import can_show_app
from loom.config import Settings
from loom.model import Address

PANEL = "Profiles"
HOST = "127.0.0.1"
ARGON2_MEMORY_MIB = 64
"""The least there is: these profiles live for minutes behind a random passphrase."""
ANSWER_TIMEOUT_S = 30.0
GREETING = "Ada is a program on this machine: write her something, and Enter sends it."


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    add_commands(
        app,
        PANEL,
        (
            "demo",
            demo,
            "Try Loom with Ada: two temporary profiles on this machine.",
        ),
    )


def demo(
    context: typer.Context,
    plain: Annotated[bool, typer.Option("--plain", help="Line by line.")] = False,
) -> None:
    caller = Caller.of(context)
    in_app = not (plain or caller.options.json) and can_show_app()
    with TemporaryDirectory(prefix="loom-demo-", ignore_cleanup_errors=True) as folder:
        caller.run(_demo(caller, Path(folder), in_app=in_app))


async def _demo(caller: Caller, folder: Path, *, in_app: bool) -> None:
    note = caller.output.note
    note("Setting up two throwaway profiles, yours and Ada's ...")
    async with _pair(folder) as (you, ada, address):
        note(f"Linked over TCP on {address}, encrypted end to end. /quit or Ctrl-D ends.")
        if caller.options.json:
            caller.output.json(DemoReady(contact="Ada", address=str(address)))
        async with following(ada, 0) as hers:
            answering = asyncio.create_task(_answer(ada, hers), name="Ada")
            try:
                if in_app:
                    await tui.show(you, profile="demo", config=folder / "config", greeting=GREETING)
                else:
                    answer_timeout_s = None if sys.stdin.isatty() else ANSWER_TIMEOUT_S
                    await Talk(caller, you, answer_timeout_s=answer_timeout_s).run("Ada")
            finally:
                answering.cancel()
                await asyncio.gather(answering, return_exceptions=True)
    note("Both profiles are gone.")


@asynccontextmanager
async def _pair(folder: Path) -> AsyncIterator[tuple[Client, Client, Address]]:
    """Two linked nodes that know each other as Ada and You."""
    profiles = opening.open_profiles(Settings(home=folder))
    options = NodeOptions(listen=Address(HOST, 0), mdns=False, serve=False)
    async with AsyncExitStack() as stack:
        you, ada = await asyncio.gather(
            _open(profiles, "you", "You", options), _open(profiles, "ada", "Ada", options)
        )
        stack.push_async_callback(you.close)
        stack.push_async_callback(ada.close)
        token = await you.send(ExportToken())
        await ada.send(ImportToken(token=token.token, name="You"))
        token = await ada.send(ExportToken())
        await you.send(ImportToken(token=token.token, name="Ada"))
        address = Address(HOST, (await ada.send(Status())).port)
        await you.send(Connect(contact="Ada", host=address.host, port=address.port))
        yield you, ada, address


async def _open(profiles: Profiles, profile: str, name: str, options: NodeOptions) -> Client:
    passphrase = secrets.token_urlsafe(24)
    await profiles.create(profile, name, passphrase, argon2_memory_mib=ARGON2_MEMORY_MIB)
    return await profiles.unlock(profile, passphrase, options)


async def _answer(ada: Client, events: AsyncIterator[AnyEvent]) -> None:
    """Ada's part: one answer to each message."""
    turn = 0
    async for event in events:
        if isinstance(event, MessageReceived):
            await ada.send(MarkRead(contact="You", row_id=event.row_id))
            words = answer(event.body, turn=turn, now=datetime.now().astimezone())
            await ada.send(SendText(contact="You", body=words))
            turn += 1
