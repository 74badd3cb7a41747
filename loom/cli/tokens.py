"""Tokens: given to others, taken from others, looked into."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from loom.api.contact_commands import ExportToken, ImportToken
from loom.api.contact_views import TokenView
from loom.cli.contacts import contact_words
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands
from loom.cli.output import InviteInspected, TokenInspected
from loom.cli.qr import print_qr_code
from loom.errors import InvalidInput, InvalidToken
from loom.front.given_text import text_of
from loom.front.moments import when
from loom.front.private_file import write_private
from loom.front.sentences import shell_word
from loom.printable import printable

PANEL = "People"
TOKEN_FILE_MAX_BYTES = 64 * 1024

Token = Annotated[
    str,
    typer.Argument(
        metavar="TOKEN|FILE|-", help="A token or invite, a file, or - for standard input."
    ),
]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    group = typer.Typer(cls=Group, no_args_is_help=True)
    add_commands(
        group,
        "",
        ("export", export, "Print your token, to give to people you want to talk to."),
        ("import", import_, "Add a contact from their token or invite."),
        ("inspect", inspect, "Show what a token or invite contains; needs no profile."),
    )
    app.add_typer(
        group,
        name="token",
        help="Your token and other people's.",
        rich_help_panel=PANEL,
    )


def export(
    context: typer.Context,
    qr: Annotated[bool, typer.Option("--qr", help="Print it as a QR code too.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write it to a private file; -: print it."),
    ] = None,
) -> None:
    caller = Caller.of(context)

    found: list[TokenView] = []

    async def work() -> None:
        async with caller.client() as client:
            found.append(await client.send(ExportToken()))

    caller.run(work())
    (view,) = found
    if out is not None and str(out) != "-":
        write_private(
            out, f"{view.token}\n".encode()
        )  # outside the event loop: a pipe may wait for its reader
        caller.output.note(f"The token is in {out}.")
        if not caller.options.json:
            return
    caller.output.put(view, view.token)
    if qr and not caller.options.json:
        print_qr_code(caller.output, view.token)


def import_(
    context: typer.Context,
    token: Token,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Your name for this person; a room needs none."
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="The contact of that name gave you this token in place of their old one.",
        ),
    ] = False,
) -> None:
    caller = Caller.of(context)
    text = read_token(token)
    room = _room_of(text)
    if name is None and room is None:
        raise InvalidInput(what="Say what you call this person: --name NAME")

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(ImportToken(token=text, name=name or "", replace=replace))
        caller.output.put(view, contact_words(view))
        if room is not None:
            caller.output.note(
                f"You are in the room {printable(room)} once who invited you was reached: "
                "`loom room list` shows it."
            )
            return
        command = f"loom verify {shell_word(view.contact)}"
        caller.output.note(f"Compare safety numbers with `{command}`, in person or by phone.")

    caller.run(work())


def _room_of(text: str) -> str | None:
    """The name of the room that an invite leads into; None: it leads into none."""
    from loom.wire.invite import decode_invite, is_invite

    door = decode_invite(text).room if is_invite(text) else None
    return None if door is None else door.name


def inspect(context: typer.Context, token: Token) -> None:
    from loom.wire.invite import is_invite
    from loom.wire.token import decode_token, encode_token

    caller = Caller.of(context)
    text = read_token(token)
    if is_invite(text):
        _inspect_invite(caller, text)
        return
    found = decode_token(text)
    view = TokenInspected(
        token=encode_token(found),
        fingerprint=found.peer_id.hex(),
        x25519_public=found.x25519_public.hex(),
    )
    words = f"Fingerprint  {view.fingerprint}\nX25519 key   {view.x25519_public}"
    caller.output.put(view, words)


def _inspect_invite(caller: Caller, text: str) -> None:
    from loom.wire.invite import decode_invite, encode_invite

    found = decode_invite(text)
    view = InviteInspected(
        invite=encode_invite(found),
        fingerprint=found.token.peer_id.hex(),
        x25519_public=found.token.x25519_public.hex(),
        expires_at_ms=found.expires_at_s * 1000,
        is_address=found.is_address,
        reached_at=[str(hint.address) for hint in found.hints],
    )
    words = (
        f"Fingerprint  {view.fingerprint}\nX25519 key   {view.x25519_public}\n"
        f"Kind         {'address' if view.is_address else 'invite'}\n"
        f"Until        {when(view.expires_at_ms)}\nLeads to     {', '.join(view.reached_at)}"
    )
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
