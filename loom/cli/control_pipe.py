"""`loom control-pipe`: what `loom --on HOST` runs over there, through ssh."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import typer

from loom.cli.opening import Caller
from loom.cli.options import add_commands
from loom.cli.passphrase import has_source, read_passphrase
from loom.config import paths_of
from loom.control.lines import REQUEST_MAX_BYTES, Answer, encode, failure_of
from loom.control.pipe import MARKER, relay
from loom.errors import InvalidInput, LoomError, NodeNotRunning


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    add_commands(
        app,
        "",
        ("control-pipe", control_pipe, "Serve the node to `loom --on` on another machine."),
        hidden=True,
    )


def control_pipe(context: typer.Context) -> None:
    caller = Caller.of(context)
    caller.run(_serve(caller))


async def _serve(caller: Caller) -> None:
    async with _pipes() as (reader, writer):
        writer.write(MARKER)
        try:
            async with _served(caller) as path:
                await relay(path, reader, writer)
        except LoomError as error:
            writer.write(encode(Answer(id=None, error=failure_of(error))))
            with suppress(OSError):
                await writer.drain()
            raise typer.Exit(error.exit_code) from error


@asynccontextmanager
async def _served(caller: Caller) -> AsyncIterator[Path]:
    """The socket of the profile's node. Where none runs, one runs here, if nothing must be asked.

    Raises:
        NodeNotRunning: none runs, and only a prompt would give the passphrase.
    """
    path = paths_of(caller.home, caller.profile).socket
    if await caller.is_running():
        yield path
        return
    if not has_source(caller.settings):
        raise NodeNotRunning
    client = await caller.unlock(read_passphrase(caller.settings), caller.online())
    try:
        yield path
    finally:
        await client.close()


@asynccontextmanager
async def _pipes() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Standard input and output. Raises InvalidInput: somebody started it by hand."""
    if sys.stdin.isatty() or sys.stdout.isatty():
        raise InvalidInput(what="`loom --on HOST` starts this command, from another machine")
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=REQUEST_MAX_BYTES)
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        transport, protocol = await loop.connect_write_pipe(
            lambda: asyncio.streams.FlowControlMixin(loop), sys.stdout
        )
    except ValueError as error:
        raise InvalidInput(what="Standard input and output must be pipes") from error
    writer = asyncio.StreamWriter(transport, protocol, None, loop)
    try:
        yield reader, writer
    finally:
        writer.close()
