"""Tokens: given to others, taken from others, looked into."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from loom.api.commands import ExportToken, ImportToken
from loom.cli.contacts import contact_words
from loom.cli.given_text import text_of
from loom.cli.opening import Caller
from loom.cli.options import Command, Group
from loom.cli.output import TokenInspected, has_unicode
from loom.errors import InvalidInput, InvalidToken

PANEL = "People"
TOKEN_FILE_MAX_BYTES = 64 * 1024

Token = Annotated[str, typer.Argument(metavar="TOKEN|FILE|-", help="A token, a file, or stdin.")]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    group.command("export", cls=Command)(export)
    group.command("import", cls=Command)(import_)
    group.command("inspect", cls=Command)(inspect)
    app.add_typer(
        group,
        name="token",
        help="Exchange tokens: who has yours can reach you.",
        rich_help_panel=PANEL,
    )


def export(
    context: typer.Context,
    qr: Annotated[bool, typer.Option("--qr", help="Also as a QR code.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it to a private file.")
    ] = None,
) -> None:
    """Print your token, to be given to the people you want to talk to."""
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(ExportToken())
        if out is not None:
            _write_private(out, view.token + "\n")
            caller.output.note(f"The token is in {out}.")
            if not caller.options.json:
                return
        caller.output.put(view, view.token)
        if qr and not caller.options.json:
            caller.output.line(_qr_code(view.token))

    caller.run(work())


def import_(
    context: typer.Context,
    token: Token,
    name: Annotated[str, typer.Option("--name", help="What you call this person here.")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="The contact of that name has this new identity."),
    ] = False,
) -> None:
    """Add a contact from a token."""
    caller = Caller.of(context)
    text = read_token(token)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(ImportToken(token=text, name=name, replace=replace))
        caller.output.put(view, contact_words(view))
        caller.output.note("Compare safety numbers with `loom verify`, in person or by phone.")

    caller.run(work())


def inspect(context: typer.Context, token: Token) -> None:
    """Say what a token holds; needs no profile."""
    from loom.wire.token import decode_token, encode_token

    caller = Caller.of(context)
    found = decode_token(read_token(token))
    view = TokenInspected(
        token=encode_token(found),
        fingerprint=found.peer_id.hex(),
        x25519_public=found.x25519_public.hex(),
    )
    words = f"Fingerprint  {view.fingerprint}\nX25519 key   {view.x25519_public}"
    caller.output.put(view, words)


def read_token(argument: str) -> str:
    """The token itself, or what a file or stdin holds.

    Raises:
        InvalidToken, InvalidInput: neither a token nor a readable file.
    """
    if argument == "-":
        return _decoded(sys.stdin.buffer.read(TOKEN_FILE_MAX_BYTES))
    try:
        with Path(argument).open("rb") as file:
            return _decoded(file.read(TOKEN_FILE_MAX_BYTES))
    except (OSError, ValueError) as error:
        if argument.strip().upper().startswith("LOOM-"):
            return argument
        if not argument.strip():
            raise InvalidToken(reason="it is empty") from error
        if isinstance(error, FileNotFoundError):
            raise InvalidToken(
                reason="it does not start with LOOM-, and no such file exists"
            ) from error
        shown = argument if len(argument) <= 64 else f"{argument[:63]}…"
        raise InvalidInput(what=f"{shown} cannot be read as a file") from error


def _decoded(data: bytes) -> str:
    try:
        return text_of(data)
    except UnicodeDecodeError as error:
        raise InvalidToken(reason="it is not text") from error


def _write_private(path: Path, text: str) -> None:
    """A new file of mode 0600, or an old one replaced whole."""
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        raise InvalidInput(what=f"{path} cannot be written: {error.strerror}") from error


def _qr_code(token: str) -> str:
    """The token as a QR code of half blocks, of number signs where there is no UTF-8."""
    from io import StringIO

    import segno

    code = segno.make(token, error="m")
    if has_unicode(sys.stdout):
        drawn = StringIO()
        code.terminal(out=drawn, compact=True, border=2)
        return drawn.getvalue()
    rows = code.matrix_iter(border=2)
    return "\n".join("".join("##" if dark else "  " for dark in row) for row in rows)
