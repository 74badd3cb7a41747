"""A conversation or a room written out, unencrypted."""

import time
from pathlib import Path
from typing import Annotated

import typer

from loom.api.contact_commands import ShowContact
from loom.api.room_commands import ShowRoom
from loom.cli import terminal
from loom.cli.messages import PANEL, Moment
from loom.cli.opening import Caller
from loom.cli.options import Contact, add_commands
from loom.cli.output import ConversationWritten, RoomWritten
from loom.cli.room_arguments import OnlyChannel, Room
from loom.errors import InvalidInput
from loom.front.export.conversation import (
    FORMATS,
    counted,
    format_named,
    put,
    put_into,
    written,
    written_room,
)
from loom.front.moments import moment_ms
from loom.printable import printable

STANDARD = "-"

How = Annotated[str, typer.Option("--format", metavar="|".join(FORMATS), help="How it is written.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write it to a private file; -: print it."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def add_to(app: typer.Typer) -> None:
    """The command of this file."""
    add_commands(
        app, PANEL, ("export", export, "Write a conversation out, unencrypted, in one file.")
    )


def export(
    context: typer.Context,
    contact: Contact,
    how: How = "text",
    out: Out = None,
    since: Moment = None,
    before: Moment = None,
    yes: Yes = False,
) -> None:
    caller = Caller.of(context)
    chosen = format_named(how)
    since_ms, before_ms = moment_ms(since), moment_ms(before)
    file = _file(caller, out)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(ShowContact(contact=contact))
            if not yes:
                _confirm(f"The conversation with {view.contact}")
            parts = written(
                client.send,
                f"#{view.contact_id}",
                chosen,
                since_ms=since_ms,
                before_ms=before_ms,
                now_ms=int(time.time() * 1_000),
            )
            if file is None:
                await put(parts, caller.output.data)
                return
            messages = await put_into(file, parts)
        done = ConversationWritten(
            contact=view.contact, contact_id=view.contact_id, messages=messages
        )
        caller.output.put(done, f"{counted(messages)} with {printable(view.contact)}: {file}.")

    caller.run(work())


def export_room(
    context: typer.Context,
    room: Room,
    how: How = "text",
    out: Out = None,
    channel: OnlyChannel = None,
    since: Moment = None,
    before: Moment = None,
    yes: Yes = False,
) -> None:
    """`loom room export`."""
    caller = Caller.of(context)
    chosen = format_named(how)
    since_ms, before_ms = moment_ms(since), moment_ms(before)
    file = _file(caller, out)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(ShowRoom(room=room))
            if channel is not None and channel not in {one.channel for one in view.channels}:
                raise InvalidInput(what=f"The room has no channel {printable(channel)}")
            if not yes:
                _confirm(f"What was said in {view.room}")
            parts = written_room(
                client.send,
                view.room_id,
                chosen,
                channel=channel,
                since_ms=since_ms,
                before_ms=before_ms,
                now_ms=int(time.time() * 1_000),
            )
            if file is None:
                await put(parts, caller.output.data)
                return
            posts = await put_into(file, parts)
        done = RoomWritten(room=view.room, room_id=view.room_id, posts=posts)
        counted_posts = "1 post" if posts == 1 else f"{posts} posts"
        caller.output.put(done, f"{counted_posts} of {printable(view.room)}: {file}.")

    caller.run(work())


def _file(caller: Caller, out: Path | None) -> Path | None:
    """Where it is written; None: to standard output. Raises InvalidInput with --json there."""
    file = None if out is None or str(out) == STANDARD else out
    if caller.options.json and file is None:
        raise InvalidInput(what="With --json, write --out FILE, or --format jsonl instead of it")
    return file


def _confirm(what: str) -> None:
    terminal.confirm(f"{what} will be written unencrypted.", "Nothing was written")
