"""Invites and requests: one paste, and both sides have each other."""

import time
from pathlib import Path
from typing import Annotated

import typer

from loom.api.invite_commands import (
    AcceptRequest,
    ListInvites,
    ListRequests,
    MakeInvite,
    RejectRequest,
    RevokeInvite,
)
from loom.api.invite_views import InviteView, RequestView
from loom.cli.contacts import PANEL, contact_words
from loom.cli.opening import Caller
from loom.cli.options import Group, add_commands, by_default
from loom.cli.qr import print_qr_code
from loom.front.durations import parse_duration
from loom.front.invite_words import invite_words, narrow_words
from loom.front.moments import when
from loom.front.private_file import write_private
from loom.front.sentences import shell_word
from loom.printable import printable

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The number that the list shows.")]


def add_to(app: typer.Typer) -> None:
    """The commands of this file."""
    add_commands(
        app,
        PANEL,
        ("invite", invite, "Print an invite: when they paste it, you are contacts."),
    )
    group = typer.Typer(cls=Group, invoke_without_command=True, callback=by_default(list_))
    add_commands(
        group,
        "",
        ("list", list_, "List your invites and who used them."),
        ("revoke", revoke, "Let nobody use an invite any more."),
    )
    app.add_typer(group, name="invites", help="Your invites.", rich_help_panel=PANEL)
    group = typer.Typer(cls=Group, invoke_without_command=True, callback=by_default(list_requests))
    add_commands(
        group,
        "",
        ("list", list_requests, "List who asks to be your contact."),
        ("accept", accept, "Make a contact of who asked."),
        ("reject", reject, "Delete a request, telling nobody."),
        ("block", block, "Delete a request, and never hear of its sender again."),
    )
    app.add_typer(
        group, name="requests", help="Who asks to be your contact.", rich_help_panel=PANEL
    )


def invite(
    context: typer.Context,
    expires: Annotated[
        str, typer.Option("--expires", metavar="TIME", help="How long it serves: 30m, 1h, 1d.")
    ] = "1d",
    address: Annotated[
        bool,
        typer.Option("--address", help="For many people; each waits until you accept them."),
    ] = False,
    no_direct: Annotated[
        bool, typer.Option("--no-direct", help="Leave this machine's own addresses out.")
    ] = False,
    qr: Annotated[bool, typer.Option("--qr", help="Print it as a QR code too.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write it to a private file; -: print it."),
    ] = None,
) -> None:
    caller = Caller.of(context)
    lifetime_s = parse_duration(expires)

    found: list[InviteView] = []

    async def work() -> None:
        async with caller.client() as client:
            command = MakeInvite(lifetime_s=lifetime_s, is_address=address, direct=not no_direct)
            found.append(await client.send(command))

    caller.run(work())
    (view,) = found
    put_invite(caller, view, is_address=address, qr=qr, out=out)


def put_invite(
    caller: Caller,
    view: InviteView,
    *,
    is_address: bool,
    qr: bool,
    out: Path | None,
    is_sent: bool = False,
) -> None:
    """Print the text of an invite, or write it to a file; `is_sent`: a contact has it already."""
    if out is not None and str(out) != "-":
        write_private(out, f"{view.text}\n".encode())
        caller.output.note(f"The invite is in {out}.")
        if not caller.options.json:
            _warn(caller, view)
            return
    caller.output.put(view, view.text)
    if not caller.options.json:
        if qr:
            print_qr_code(caller.output, view.text)
        whose = "Many people may use it" if is_address else "For one person"
        sent = "It is sent to them. " if is_sent else ""
        who = "Each asks you first." if is_address else "The first person who reads it can use it."
        caller.output.note(f"{sent}{whose}, until {when(view.expires_at_ms)}. {who}")
    _warn(caller, view)


def _warn(caller: Caller, view: InviteView) -> None:
    if narrow := narrow_words(view.reached_at):
        caller.output.note(narrow)


def list_(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(ListInvites())).invites
        caller.output.listed(
            found,
            ("No", "Kind", "Status", "Leads to"),
            _invite_cells,
            none="No invites: `loom invite` makes one.",
        )

    caller.run(work())


def _invite_cells(view: InviteView) -> tuple[str, ...]:
    return (
        f"{view.invite_id}",
        "address" if view.is_address else "invite",
        invite_words(view, time.time_ns() // 1_000_000),
        ", ".join(view.reached_at),
    )


def revoke(context: typer.Context, number: Number) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            done = await client.send(RevokeInvite(invite_id=number))
        caller.output.put(done, f"Invite {number} is revoked.")

    caller.run(work())


def list_requests(context: typer.Context) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            found = (await client.send(ListRequests())).requests
        caller.output.listed(
            found,
            ("No", "Calls themselves", "Fingerprint", "Asked", "Until"),
            _request_cells,
            none="No requests. `loom invite --address` makes an address to give out.",
        )

    caller.run(work())


def _request_cells(view: RequestView) -> tuple[str, ...]:
    return (
        f"{view.request_id}",
        printable(view.name),
        view.fingerprint[:16],
        when(view.received_at_ms),
        when(view.expires_at_ms),
    )


def accept(
    context: typer.Context,
    number: Number,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Your name for them, not their own."),
    ] = None,
) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            view = await client.send(AcceptRequest(request_id=number, name=name))
        caller.output.put(view, contact_words(view))
        command = f"loom verify {shell_word(view.contact)}"
        caller.output.note(f"Compare safety numbers with `{command}`, in person or by phone.")

    caller.run(work())


def reject(context: typer.Context, number: Number) -> None:
    _decide(context, number, is_block=False)


def block(context: typer.Context, number: Number) -> None:
    _decide(context, number, is_block=True)


def _decide(context: typer.Context, number: int, *, is_block: bool) -> None:
    caller = Caller.of(context)

    async def work() -> None:
        async with caller.client() as client:
            done = await client.send(RejectRequest(request_id=number, block=is_block))
        words = "rejected, and its sender blocked" if is_block else "rejected"
        caller.output.put(done, f"Request {number} is {words}.")

    caller.run(work())
