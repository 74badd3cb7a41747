"""Mail carried by hand: what waits for a contact goes into a file, and such a file is read."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from loom.api.anchor_commands import ExportMail, ImportMail
from loom.api.anchor_views import MailFileRead, MailFileView
from loom.cli.opening import Caller
from loom.cli.options import Contact, Group, add_commands
from loom.cli.output import MailFileWritten
from loom.errors import InvalidInput, StoreUnavailable
from loom.front.private_file import write_private
from loom.printable import printable
from loom.wire.limits import MAIL_FILE_MAX_BYTES

PANEL = "Network"
STANDARD = "-"

File = Annotated[Path, typer.Argument(metavar="FILE", help="A file; -: standard output or input.")]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "",
        ("export", export, "Write what waits for a contact to a file; it goes on waiting."),
        ("import", import_, "Read a file that a contact wrote for you."),
    )
    app.add_typer(group, name="bundle", help="Mail carried by hand.", rich_help_panel=PANEL)


def export(context: typer.Context, contact: Contact, file: File) -> None:
    caller = Caller.of(context)
    found: list[MailFileView] = []

    async def work() -> None:
        async with caller.client() as client:
            found.append(await client.send(ExportMail(contact=contact)))

    caller.run(work())
    (view,) = found
    if str(file) == STANDARD:
        caller.output.data(view.data)
    else:
        write_private(file, view.data)
        written = MailFileWritten(
            contact=view.contact,
            contact_id=view.contact_id,
            messages=view.messages,
            left=view.left,
        )
        caller.output.put(written, f"For {printable(view.contact)}: {file}.")
    if view.left:
        caller.output.note(
            f"{view.left} more wait: they follow once a file or a receipt has come back."
        )


def import_(context: typer.Context, file: File) -> None:
    caller = Caller.of(context)
    data = _read(file)

    async def work() -> None:
        async with caller.client() as client:
            read = await client.send(ImportMail(data=data))
        caller.output.put(read, _in_words(read))

    caller.run(work())


def _read(file: Path) -> bytes:
    try:
        if str(file) == STANDARD:
            data = sys.stdin.buffer.read(MAIL_FILE_MAX_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MAIL_FILE_MAX_BYTES + 1)
    except OSError as error:
        raise StoreUnavailable(what=f"{file}: {error.strerror}") from error
    if len(data) > MAIL_FILE_MAX_BYTES:
        raise InvalidInput(what=f"{file} is longer than any file of mail")
    return data


def _in_words(read: MailFileRead) -> str:
    parts = [f"{read.new} new"]
    if read.known:
        parts.append(f"{read.known} known already")
    if read.unopened:
        parts.append(f"{read.unopened} that do not open (they come again by another way)")
    began = " A session was begun: export a file for the way back." if read.began_session else ""
    return f"From {printable(read.contact)}: {', '.join(parts)}.{began}"
